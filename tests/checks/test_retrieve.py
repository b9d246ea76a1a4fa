"""The retrieve check against archives that give back (Orthanc, dcmqrscp) and archives that do not do what they say."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from checks import retrieve as module
from checks.retrieve import Retrieve
from pacs_monitor import config
from pacs_monitor.check import Destination
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE
from pacs_monitor.dicom.scp import Inbox, receiving
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node
from pacs_monitor.settings import ConfigError
from tests.checks.archive import Archive, canary, upload
from tests.checks.support import DictMemory, Run, bind, complaint, run, until
from tests.peers.dcmtk import DcmQrScp
from tests.peers.dicomweb import run_dicomweb
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

SUBOPERATIONS = "pacs_retrieve_suboperations"


def retrieve(memory: DictMemory, port: int, called: str = "ARCHIVE", ours: int = 0, **settings: Any) -> Retrieve:
    """The check, bound to a node on this machine; `ours` is the agent's own port."""
    if "delete" not in settings:
        settings.setdefault("studies_per_day", 2000)
    check = Retrieve.model_validate({"write": True, "interval": 300, "visible_within": 2, **settings})
    bind(check, Node(name="archive", host="127.0.0.1", port=port, ae_title=called), memory)
    check.surroundings.destination = Destination("127.0.0.1", ours, "PACSMON")
    return check


def for_orthanc(memory: DictMemory, orthanc: Orthanc, **settings: Any) -> Retrieve:
    delete = {"orthanc": orthanc.url}
    return retrieve(memory, orthanc.dicom_port, orthanc.ae_title, orthanc.pacsmon_port, delete=delete, **settings)


def journal(memory: DictMemory) -> list[str]:
    return [key for key in memory.kept if key.startswith("study:")]


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive().serve() as archive:
        yield archive


@pytest.fixture
def memory() -> DictMemory:
    return DictMemory()


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def require_well(gave: Run, way: str) -> None:
    assert gave.failure is None
    assert gave.value("pacs_retrieve_up", way=way) == 1
    assert gave.value(SUBOPERATIONS, way=way, outcome="completed") == 1
    assert gave.value(SUBOPERATIONS, way=way, outcome="failed") == 0
    first, last = gave.value("pacs_retrieve_first_byte_seconds", way=way), gave.value("pacs_retrieve_seconds", way=way)
    assert 0 < (first or 0) <= (last or 0) < 20
    speed = gave.value("pacs_retrieve_bytes_per_second", way=way) or 0
    assert speed * (last or 0) > 512 * 512, "the picture was counted"


async def test_both_ways_from_orthanc_leave_it_as_it_was_and_no_trace_of_other_patients(
    orthanc: Orthanc, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    study = upload(orthanc, canary())
    caplog.clear()
    gave = await run(for_orthanc(memory, orthanc, ways=["get", "move"]))
    require_well(gave, "get")
    require_well(gave, "move")
    assert gave.value("pacs_ingest_orphans") == 0
    assert journal(memory) == []
    assert orthanc.get("/studies") == [study]
    traces = [repr(gave.samples), gave.message, *memory.record, *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower()]
    await until(lambda: not listens(orthanc.pacsmon_port))


async def test_by_wado_rs_from_orthanc(new_folder: Callable[[str], Path], memory: DictMemory) -> None:
    with run_dicomweb(new_folder("dicomweb")) as orthanc:
        wado = {"url": f"{orthanc.url}/dicom-web"}
        gave = await run(for_orthanc(memory, orthanc, ways=["wado", "get"], wado=wado))
        assert gave.failure is None
        assert gave.value("pacs_retrieve_up", way="wado") == 1
        seconds = gave.value("pacs_retrieve_seconds", way="wado") or 0
        assert 0 < (gave.value("pacs_retrieve_first_byte_seconds", way="wado") or 0) <= seconds
        assert (gave.value("pacs_retrieve_bytes_per_second", way="wado") or 0) * seconds > 512 * 512
        assert gave.value(SUBOPERATIONS, way="wado") is None
        gave = await run(for_orthanc(memory, orthanc, ways=["wado", "get"], wado={"url": f"{orthanc.url}/web"}))
        assert gave.reason == "not_found"
        assert "does the URL lead to DICOMweb, such as /dicom-web" in gave.message
        assert gave.value("pacs_retrieve_up", way="wado") == 0
        assert gave.value("pacs_retrieve_up", way="get") == 1
        assert orthanc.get("/studies") == []


async def test_by_c_get_from_dcmqrscp(dcmqrscp: DcmQrScp, memory: DictMemory) -> None:
    gave = await run(retrieve(memory, dcmqrscp.port, dcmqrscp.ae_title))
    require_well(gave, "get")
    assert len(journal(memory)) == 1, "it stays, as nothing deletes it"


async def test_a_destination_that_the_archive_does_not_know_is_told_with_what_to_register(
    orthanc: Orthanc, archive: Archive, memory: DictMemory
) -> None:
    gave = await run(retrieve(memory, archive.port, ours=orthanc.pacsmon_port, ways=["move"]))
    assert gave.reason == "dimse_status"
    assert gave.message == (
        f"archive does not know PACSMON as a destination of C-MOVE (0xA801); register PACSMON at "
        f"127.0.0.1:{orthanc.pacsmon_port} there"
    )
    assert gave.value("pacs_retrieve_up", way="move") == 0


async def test_a_destination_that_is_registered_with_another_port_is_told_what_it_should_be(
    orthanc: Orthanc, memory: DictMemory
) -> None:
    check, port = for_orthanc(memory, orthanc, ways=["move"]), free_port()
    check.surroundings.destination = Destination("127.0.0.1", port, "PACSMON")
    gave = await run(check)
    assert gave.reason == "dimse_status"
    assert gave.message == (
        f"archive could not send the study to PACSMON at 127.0.0.1:{port} (0xC000); register PACSMON there with this "
        f"address and port, let it through the firewall, and look into its log at this time"
    )
    assert gave.value("pacs_retrieve_up", way="move") == 0
    assert orthanc.get("/studies") == [], "it was deleted all the same"


async def test_success_with_nothing_that_arrives_is_a_lie_that_is_told(archive: Archive, memory: DictMemory) -> None:
    port = free_port()
    archive.moves_to, archive.gives = ("127.0.0.1", port), False
    gave = await run(retrieve(memory, archive.port, ours=port, ways=["move"]), 6)
    assert gave.reason == "not_found"
    before, after, rest = gave.message.partition(" s nothing has arrived at ")
    assert before.startswith("archive answers the C-MOVE with success, but after ")
    assert after
    assert rest == (
        f"PACSMON at 127.0.0.1:{port}; register PACSMON there with this address and port, let it through the "
        f"firewall, and look into its log at this time"
    )


async def test_success_with_nothing_by_c_get_is_told(archive: Archive, memory: DictMemory) -> None:
    archive.gives = False
    gave = await run(retrieve(memory, archive.port))
    assert gave.reason == "not_found"
    assert "answers the C-GET with success, but sends nothing" in gave.message


@pytest.mark.parametrize("way", ["get", "move"])
async def test_what_comes_back_changed_is_named(archive: Archive, memory: DictMemory, way: str) -> None:
    port = free_port()
    archive.moves_to = ("127.0.0.1", port)
    archive.change = lambda dataset: setattr(dataset, "PatientID", "CANARY-4711")
    gave = await run(retrieve(memory, archive.port, ours=port, ways=[way]))
    assert gave.reason == "mismatch"
    assert gave.message == (
        f"archive gives the study back by C-{way.upper()} with another PatientID than it got; look at its rules that "
        f"change headers, and at its storage"
    )


async def test_one_way_that_fails_does_not_hide_the_other(archive: Archive, memory: DictMemory) -> None:
    gave = await run(retrieve(memory, archive.port, ours=free_port(), ways=["move", "get"]))
    assert gave.reason == "dimse_status"
    assert gave.value("pacs_retrieve_up", way="move") == 0
    assert gave.value("pacs_retrieve_up", way="get") == 1


# The agent's own listener.


async def test_another_patients_object_is_refused_and_counted_by_the_archive(
    archive: Archive, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    archive.moves_to, archive.also_sends = ("127.0.0.1", port), [canary()]
    gave = await run(retrieve(memory, archive.port, ours=port, ways=["move"]))
    assert gave.reason == "dimse_status"
    assert gave.value(SUBOPERATIONS, way="move", outcome="failed") == 1
    assert gave.value(SUBOPERATIONS, way="move", outcome="completed") == 1
    assert f"could not send the study to PACSMON at 127.0.0.1:{port} (0xB000, 1 of 2 sub-operations" in gave.message
    traces = [repr(gave.samples), gave.message, *memory.record, *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower()]


async def test_an_archive_that_calls_by_another_name_is_turned_away_and_that_is_said(
    archive: Archive, memory: DictMemory
) -> None:
    port = free_port()
    archive.moves_to = ("127.0.0.1", port)
    gave = await run(retrieve(memory, archive.port, ours=port, ways=["move"], sent_as="CLUSTER"))
    assert "it calls with another AE title than CLUSTER, and was turned away: set sent_as to that one" in gave.message
    gave = await run(retrieve(DictMemory(), archive.port, ours=port, ways=["move"], sent_as="ARCHIVE"))
    assert gave.failure is None


def send(port: int, dataset: Dataset, calling: str, called: str = "PACSMON") -> int | None:
    """The status of a C-STORE, None if there was no association."""
    ae = AE(calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 30
    ae.add_requested_context(SECONDARY_CAPTURE.abstract, list(SECONDARY_CAPTURE.transfers))
    assoc = ae.associate("127.0.0.1", port, ae_title=called)
    if not assoc.is_established:
        return None
    try:
        status: int | None = assoc.send_c_store(dataset).get("Status")
    finally:
        assoc.release()
    return status


@pytest.mark.parametrize(
    ("address", "calling", "called", "ours", "status"),
    [
        ("127.0.0.1", "ARCHIVE", "PACSMON", True, 0x0000),
        ("127.0.0.1", "ARCHIVE", "PACSMON", False, 0x0124),
        ("127.0.0.1", "OTHER", "PACSMON", True, None),
        ("127.0.0.1", "ARCHIVE", "OTHER", True, None),
        ("10.11.12.13", "ARCHIVE", "PACSMON", True, None),
    ],
)
async def test_the_listener_takes_one_object_of_one_peer_and_nothing_else(
    address: str, calling: str, called: str, ours: bool, status: int | None
) -> None:
    dataset = canary()
    uid = str(dataset.SOPInstanceUID) if ours else "2.25.1"
    inbox = Inbox(uid, frozenset((address,)), frozenset(("ARCHIVE",)))
    async with receiving(Destination("127.0.0.1", free_port(), "PACSMON"), inbox, 5) as listener:
        assert await asyncio.to_thread(send, listener.port, dataset, calling, called) == status
    assert len(inbox.datasets) == (status == 0)


async def test_more_than_its_bound_is_cut_off() -> None:
    dataset = canary()
    dataset.Rows, dataset.Columns, dataset.PixelData = 4096, 4096, bytes(4096 * 4096)
    inbox = Inbox(str(dataset.SOPInstanceUID), frozenset(("127.0.0.1",)), frozenset(("ARCHIVE",)))
    async with receiving(Destination("127.0.0.1", free_port(), "PACSMON"), inbox, 5) as listener:
        assert await asyncio.to_thread(send, listener.port, dataset, "ARCHIVE") is None
    assert inbox.datasets == []


async def test_a_port_that_is_taken_is_said(archive: Archive, memory: DictMemory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        gave = await run(retrieve(memory, archive.port, ours=port, ways=["move"]), 4)
    assert gave.reason == "broken"
    assert f"the agent cannot listen on 127.0.0.1:{port} for a C-MOVE (Address already in use)" in gave.message


# Settings.


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "retrieve writes a synthetic study to the archive; set write: true to allow it"),
        ({"write": True, "ways": []}, "is not a list of different ways; write for example [get, move]"),
        ({"write": True, "ways": ["get", "get"]}, "is not a list of different ways"),
        ({"write": True, "ways": ["wado"], "delete": {"orthanc": "http://a"}}, "the way wado and wado with the url"),
        ({"write": True, "side": 4096}, "is not between 64 and 2048; write for example 512"),
        ({"write": True, "interval": "5m"}, "one every 5m is more than the 4 studies in 24 hours"),
    ],
)
def test_settings_that_would_do_harm_are_refused_at_load(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Retrieve.model_validate(settings)


NODE = """
nodes:
  - name: archive
    host: 127.0.0.1
    port: 104
    ae_title: ARCHIVE
    checks: [{retrieve: {write: true, ways: [move]}}]
"""


def test_a_c_move_needs_the_section_scp(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(f"data_dir: {tmp_path}{NODE}")
    with pytest.raises(ConfigError) as raised:
        config.load(path)
    assert [complaint.message for complaint in raised.value.complaints] == [
        "the check retrieve has studies moved to the agent, which has no listener; write the section scp with listen, "
        "or take move out"
    ]
    path.write_text(f"data_dir: {tmp_path}\nscp: {{listen: '10.0.0.9:11113'}}{NODE}")
    (check,) = config.load(path).checks.values()
    assert check.destination == Destination("10.0.0.9", 11113, "PACSMON")


async def test_it_gives_the_metrics_that_the_documentation_names_and_no_others(
    memory: DictMemory, orthanc: Orthanc
) -> None:
    succeeds, fails = for_orthanc(memory, orthanc), retrieve(DictMemory(), orthanc.dicom_port, "WRONG")
    given = {sample.metric.name for check in (succeeds, fails) for sample in (await run(check)).samples}
    assert given == {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}
