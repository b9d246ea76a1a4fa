"""The ingest check against archives that work (Orthanc, dcmqrscp) and archives that do not do what they say."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from checks import ingest as module
from checks.ingest import Ingest
from pacs_monitor.dicom import synthetic
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node
from tests.checks.archive import CANARY_ID, Archive, canary, upload
from tests.checks.support import DictMemory, Run, bind, complaint, run, until
from tests.noise import with_time
from tests.peers.dcmtk import DcmQrScp
from tests.peers.dicomweb import run_dicomweb
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

LONG_AGO = datetime(2024, 5, 6, tzinfo=UTC)
STEPS = "pacs_ingest_step_seconds"


def ingest(memory: DictMemory, port: int, called: str = "ARCHIVE", **settings: Any) -> Ingest:
    """The check, bound to a node on this machine."""
    if "delete" not in settings:
        settings.setdefault("studies_per_day", 2000)
    check = Ingest.model_validate({"write": True, "interval": 300, "visible_within": 2, **settings})
    bind(check, Node(name="archive", host="127.0.0.1", port=port, ae_title=called), memory)
    return check


def for_orthanc(memory: DictMemory, orthanc: Orthanc, **settings: Any) -> Ingest:
    delete = {"orthanc": orthanc.url, **settings.pop("delete", {})}
    return ingest(memory, orthanc.dicom_port, orthanc.ae_title, delete=delete, **settings)


def journal(memory: DictMemory) -> list[str]:
    return [key for key in memory.kept if key.startswith("study:")]


def steps(gave: Run) -> list[str]:
    return [sample.labels[0] for sample in gave.samples if sample.metric.name == STEPS]


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive().serve() as archive:
        yield archive


@pytest.fixture
def memory() -> DictMemory:
    return DictMemory()


def all_of(orthanc: Orthanc) -> list[Any]:
    """All that it keeps. After a minute without news Orthanc calls a study stable."""
    paths = ("/studies?expand", "/instances?expand", "/patients?expand")
    return [[{**each, "IsStable": None} for each in orthanc.get(path)] for path in paths]


async def test_a_whole_cycle_leaves_the_archive_as_it_was_and_no_trace_of_other_patients(
    orthanc: Orthanc, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    study = upload(orthanc, canary())
    before = all_of(orthanc)
    caplog.clear()
    gave = await run(for_orthanc(memory, orthanc))
    assert gave.failure is None
    assert steps(gave) == ["store", "visible", "retrieve", "delete"]
    assert all(0 < sample.value < 20 for sample in gave.samples if sample.metric.name == STEPS)
    assert gave.value("pacs_ingest_studies_total") == 1
    assert gave.value("pacs_ingest_orphans") == 0
    assert gave.value("pacs_ingest_orphans_swept_total") == 0
    assert journal(memory) == []
    assert orthanc.get("/studies") == [study]
    assert all_of(orthanc) == before
    traces = [repr(gave.samples), gave.message, *memory.record, *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower()]
    assert not [record for record in caplog.records if record.name.startswith(("pynetdicom", "pydicom"))]


async def test_a_study_may_be_stored_by_stow_rs(new_folder: Callable[[str], Path], memory: DictMemory) -> None:
    with run_dicomweb(new_folder("dicomweb")) as orthanc:
        stow = {"url": f"{orthanc.url}/dicom-web"}
        gave = await run(for_orthanc(memory, orthanc, store="stow", stow=stow))
        assert gave.failure is None
        assert steps(gave) == ["store", "visible", "retrieve", "delete"]
        assert orthanc.get("/studies") == []
        assert journal(memory) == []
        gave = await run(for_orthanc(memory, orthanc, store="stow", stow={"url": f"{orthanc.url}/web"}))
        assert gave.reason == "not_found"
        assert steps(gave) == []


async def test_what_an_archive_says_of_a_patient_goes_nowhere(
    archive: Archive, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    archive.change = lambda dataset: setattr(dataset, "PatientID", CANARY_ID)
    gave = await run(ingest(memory, archive.port))
    assert gave.reason == "mismatch"
    assert [sorted(elem.keyword for elem in asked) for asked in archive.asked] == [
        ["QueryRetrieveLevel", "StudyInstanceUID"]
    ]
    traces = [repr(gave.samples), gave.message, *memory.record, *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower()]


async def test_the_journal_is_written_before_anything_is_sent_and_outlives_the_check(
    archive: Archive, memory: DictMemory
) -> None:
    seen: list[list[str]] = []
    archive.on_store = lambda: seen.append(journal(memory))
    await run(ingest(memory, archive.port))
    assert seen == [journal(memory)]
    assert len(seen[0]) == 1
    assert set(seen[0]) <= memory.staying


async def test_an_archive_without_rest_is_tested_too_and_the_study_stays(
    dcmqrscp: DcmQrScp, memory: DictMemory
) -> None:
    gave = await run(ingest(memory, dcmqrscp.port, dcmqrscp.ae_title))
    assert gave.failure is None
    assert steps(gave) == ["store", "visible", "retrieve"]
    assert gave.value("pacs_ingest_orphans") == 1
    assert gave.value("pacs_ingest_orphans_swept_total") is None
    assert len(journal(memory)) == 1


def test_without_delete_the_configuration_is_warned_and_the_rate_is_low() -> None:
    check = Ingest(write=True)
    assert check.warnings() == (
        "ingest has no delete: every study that it writes STAYS IN THE ARCHIVE, 4 a day; set delete, or have the "
        "archive purge the patient PACSMON-TEST",
    )
    assert check.interval == 6 * 3600
    assert Ingest.model_validate({"write": True, "studies_per_day": "24"}).interval == 3600
    with_delete = Ingest.model_validate({"write": True, "delete": {"orthanc": "http://archive:8042"}})
    assert with_delete.warnings() == ()
    assert (with_delete.interval, with_delete.most_a_day, with_delete.effective_timeout) == (300, 2000, 60)
    assert not check.affects_health


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "ingest writes a synthetic study to the archive; set write: true to allow it"),
        ({"write": "false"}, "ingest writes a synthetic study to the archive; set write: true to allow it"),
        (
            {"write": True, "interval": "5m"},
            "one every 5m is more than the 4 studies in 24 hours that studies_per_day allows; lengthen interval, raise "
            "studies_per_day, or set delete so that they do not stay in the archive",
        ),
        (
            {"write": True, "interval": "10s", "visible_within": "2s", "delete": {"orthanc": "http://a"}},
            "one every 10s is more than the 2000 studies in 24 hours",
        ),
        (
            {"write": True, "delete": {"orthanc": "http://a"}, "visible_within": "1m"},
            "visible_within is not shorter than timeout; shorten it, or lengthen timeout and interval",
        ),
        (
            {"write": True, "delete": {"orthanc": "http://admin:secret@a:8042"}},
            "orthanc holds a user; set username and password_file instead",
        ),
        ({"write": True, "delete": {"orthanc": "http://a"}, "store": "stow"}, "store: stow and stow with the url"),
        ({"write": True, "delete": {"orthanc": "http://a", "password": "x"}}, "a password without a user"),
    ],
)
def test_settings_that_would_do_harm_are_refused_at_load(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Ingest.model_validate(settings)


async def test_no_more_studies_than_allowed_are_sent_in_a_day(archive: Archive, memory: DictMemory) -> None:
    settings: dict[str, Any] = {"studies_per_day": 2, "interval": 43200}
    for _ in range(2):
        assert (await run(ingest(memory, archive.port, **settings))).failure is None
    gave = await run(ingest(memory, archive.port, **settings))
    assert gave.reason == "threshold"
    assert "2 synthetic studies were sent in 24 hours, and studies_per_day allows no more" in gave.message
    assert len(archive.stored) == 2
    memory.kept["sent"] = [at - 86400 for at in memory.kept["sent"]]
    assert (await run(ingest(memory, archive.port, **settings))).failure is None


async def test_the_check_may_call_with_an_ae_title_of_its_own(archive: Archive, memory: DictMemory) -> None:
    await run(ingest(memory, archive.port, calling_ae_title="PACSMON-TEST"))
    assert set(archive.callers) == {"PACSMON-TEST"}


async def test_a_study_that_becomes_visible_late_is_waited_for(archive: Archive, memory: DictMemory) -> None:
    archive.visible_after = 3
    started = time.monotonic()
    gave = await run(ingest(memory, archive.port))
    assert gave.failure is None
    assert 0.7 < (gave.value(STEPS, step="visible") or 0) < time.monotonic() - started


async def test_success_that_never_becomes_visible_is_a_lie_that_is_told(archive: Archive, memory: DictMemory) -> None:
    archive.visible_after = 1000
    gave = await run(ingest(memory, archive.port, visible_within=0.5))
    assert gave.reason == "not_found"
    before, after, rest = gave.message.partition(" after ")
    waited, _, says = rest.partition(" s ")
    assert before + after == "archive took the study with success, and after "
    assert 0.4 < float(waited) < 20
    assert says == "C-FIND does not show it; look at its import queue and its database"
    assert steps(gave) == ["store"]
    assert gave.value("pacs_ingest_orphans") == 1


async def test_a_full_archive_is_called_full(archive: Archive, memory: DictMemory) -> None:
    archive.store_status = 0xA700
    gave = await run(ingest(memory, archive.port))
    assert gave.reason == "dimse_status"
    assert gave.message == (
        "archive answered the C-STORE with 0xA700 (refused: out of resources); the archive is full or has reached its "
        "quota: free space there, or enlarge its storage"
    )
    assert gave.value("pacs_ingest_orphans") == 0
    assert gave.value("pacs_ingest_studies_total") is None


async def test_an_archive_that_only_coerces_what_is_no_key_is_fine(archive: Archive, memory: DictMemory) -> None:
    def coerce(dataset: Any) -> None:
        dataset.PatientName, dataset.StudyDescription, dataset.InstitutionName = "MONITOR^TEST", "QC", "North"

    archive.store_status, archive.change = 0xB000, coerce
    assert (await run(ingest(memory, archive.port))).failure is None


def _change_pixel(dataset: Any) -> None:
    dataset.PixelData = b"\x01" + dataset.PixelData[1:]


def _lose_pixels(dataset: Any) -> None:
    del dataset.PixelData


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_change_pixel, "PixelData"),
        (_lose_pixels, "PixelData"),
        (lambda dataset: setattr(dataset, "Modality", "CT"), "Modality"),
        (lambda dataset: setattr(dataset, "SeriesInstanceUID", "1.2.3"), "SeriesInstanceUID"),
        (lambda dataset: setattr(dataset, "PatientID", "X"), "PatientID"),
    ],
)
async def test_what_comes_back_changed_is_named(
    archive: Archive, memory: DictMemory, change: Callable[[Any], None], what: str
) -> None:
    archive.change = change
    gave = await run(ingest(memory, archive.port))
    assert gave.reason == "mismatch"
    assert gave.message == (
        f"archive gives the study back with another {what} than it got; look at its rules that change headers, and at "
        f"its storage"
    )


async def test_success_that_gives_nothing_back_is_told(archive: Archive, memory: DictMemory) -> None:
    archive.gives = False
    gave = await run(ingest(memory, archive.port))
    assert gave.reason == "not_found"
    assert "answers the C-GET with success, but sends nothing" in gave.message


async def test_success_that_gives_another_object_back_is_told(archive: Archive, memory: DictMemory) -> None:
    archive.change = lambda dataset: setattr(dataset, "SOPInstanceUID", "2.25.1")
    gave = await run(ingest(memory, archive.port))
    assert "sends another object; look at its storage" in gave.message


async def test_an_archive_without_c_get_says_so_unless_none_is_wanted(memory: DictMemory) -> None:
    archive = Archive()
    archive.offers_get = False
    with archive.serve():
        gave = await run(ingest(memory, archive.port))
        assert gave.reason == "no_context"
        assert "(abstract syntax not supported); have the service switched on there for PACSMON" in gave.message
        gave = await run(ingest(memory, archive.port, retrieve="none"))
        assert gave.failure is None
        assert steps(gave) == ["store", "visible"]


@pytest.mark.parametrize(("step", "service"), [("store", "C-STORE"), ("find", "C-FIND"), ("get", "C-GET")])
@with_time(1, 4, 12)
async def test_an_archive_that_hangs_is_given_up_and_aborted(step: str, service: str, seconds: float) -> None:
    archive, memory = Archive(), DictMemory()
    archive.hang_at = step
    with archive.serve():
        threads = threading.active_count()
        check = ingest(memory, archive.port)
        gave = await run(check, seconds)  # which gives up five seconds later than the check should
        assert gave.reason == "timeout"
        assert f"took the association and gave no answer to the {service} within" in gave.message
        assert gave.value("pacs_ingest_orphans") == 1, "it may be there"
        archive.over.set()
        await until(lambda: archive.aborted > 0)
        await until(lambda: threading.active_count() <= threads and check.surroundings.abandoned == [])


async def test_an_archive_that_is_down_took_nothing(memory: DictMemory) -> None:
    gave = await run(ingest(memory, free_port()))
    assert gave.reason == "refused"
    assert gave.value("pacs_ingest_orphans") == 0
    assert journal(memory) == []


async def test_a_rejection_is_counted(memory: DictMemory, orthanc: Orthanc) -> None:
    gave = await run(ingest(memory, orthanc.dicom_port, "WRONG"))
    assert gave.reason == "rejected"
    assert "does not answer to the AE title WRONG" in gave.message
    assert gave.value("pacs_dicom_association_rejections_total", reason="called_ae_title") == 1
    assert gave.value("pacs_dicom_phase_seconds") is None


async def test_it_gives_the_metrics_that_the_documentation_names_and_no_others(
    memory: DictMemory, orthanc: Orthanc
) -> None:
    succeeds, fails = for_orthanc(memory, orthanc), ingest(DictMemory(), orthanc.dicom_port, "WRONG")
    given = {sample.metric.name for check in (succeeds, fails) for sample in (await run(check)).samples}
    assert given == {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}


async def test_without_a_journal_nothing_is_sent(archive: Archive, memory: DictMemory) -> None:
    async def full(key: str, value: Any, *, keep: bool = False) -> None:
        raise OSError(28, "No space left on device")

    memory.put = full  # type: ignore[method-assign]
    gave = await run(ingest(memory, archive.port))
    assert "cannot write its journal of synthetic studies (No space left on device)" in gave.message
    assert archive.callers == []


async def test_what_a_crash_leaves_is_swept_by_the_next_run(orthanc: Orthanc, memory: DictMemory) -> None:
    async def crash() -> None:
        check = for_orthanc(memory, orthanc)
        check.surroundings.deadline = asyncio.get_running_loop().time() + 10
        async for sample in check.run():
            if sample.labels == ("visible",):
                raise asyncio.CancelledError

    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.create_task(crash())
    assert len(orthanc.get("/studies")) == 1
    assert len(journal(memory)) == 1
    gave = await run(for_orthanc(memory, orthanc))
    assert gave.failure is None
    assert gave.value("pacs_ingest_orphans_swept_total") == 1
    assert gave.value("pacs_ingest_orphans") == 0
    assert orthanc.get("/studies") == []
    assert journal(memory) == []


async def test_a_run_that_is_cancelled_while_it_stores_is_in_the_journal(archive: Archive, memory: DictMemory) -> None:
    archive.hang_at = "store"
    threads = threading.active_count()
    check = ingest(memory, archive.port)
    task = asyncio.create_task(run(check))
    await until(archive.hanging.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(journal(memory)) == 1
    archive.over.set()
    await until(lambda: archive.aborted > 0)
    await until(lambda: threading.active_count() <= threads)


async def test_what_may_still_come_is_looked_for_again(orthanc: Orthanc, memory: DictMemory) -> None:
    late = synthetic.make_study(LONG_AGO).dataset
    await memory.put(f"study:{late.StudyInstanceUID}", {"at": time.time() - 100, "absent": False, "look": 0})
    gave = await run(for_orthanc(memory, orthanc))
    assert gave.failure is None
    assert gave.value("pacs_ingest_orphans") == 0, "it is not there"
    assert len(journal(memory)) == 1, "but it may come"
    upload(orthanc, late)
    memory.kept[journal(memory)[0]]["look"] = 0
    gave = await run(for_orthanc(memory, orthanc))
    assert gave.value("pacs_ingest_orphans_swept_total") == 1
    assert orthanc.get("/studies") == []


async def test_another_patients_study_is_never_deleted(orthanc: Orthanc, memory: DictMemory) -> None:
    dataset = canary()
    study = upload(orthanc, dataset)
    await memory.put(f"study:{dataset.StudyInstanceUID}", {"at": 0, "absent": False, "look": 0})
    gave = await run(for_orthanc(memory, orthanc))
    assert gave.reason == "mismatch"
    assert gave.message == (
        f"{orthanc.url} holds a study of ours under another patient than PACSMON-TEST: it was not deleted; look what "
        f"changes patient IDs there, and delete it by hand"
    )
    assert orthanc.get("/studies") == [study], "nothing was deleted, and nothing was sent"
    assert gave.value("pacs_ingest_orphans") == 1


async def test_a_test_patients_study_that_is_not_in_the_journal_is_left_alone(
    orthanc: Orthanc, memory: DictMemory
) -> None:
    study = upload(orthanc, synthetic.make_study(LONG_AGO).dataset)
    assert (await run(for_orthanc(memory, orthanc))).failure is None
    assert orthanc.get("/studies") == [study]


class Call(NamedTuple):
    """What a web server was asked."""

    method: str
    path: str
    authorization: str | None
    body: bytes


Answer = tuple[int, dict[str, str], bytes]
StartRest = Callable[[Callable[[Call], Answer]], str]


@pytest.fixture
def rest() -> Iterator[StartRest]:
    """Starts a web server that answers as a function says; its URL."""
    with contextlib.ExitStack() as stack:

        def start(answer: Callable[[Call], Answer]) -> str:
            class Handler(BaseHTTPRequestHandler):
                def reply(self) -> None:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    status, headers, body = answer(
                        Call(self.command, self.path, self.headers.get("Authorization"), body)
                    )
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                do_GET = do_POST = do_DELETE = reply

                def log_message(self, *_: Any) -> None: ...

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


async def test_an_orphan_that_cannot_be_deleted_is_not_followed_by_another(
    orthanc: Orthanc, memory: DictMemory, rest: StartRest, tmp_path: Path
) -> None:
    right = "Basic " + base64.b64encode(b"monitor:s3cret-word").decode()

    def guarded(call: Call) -> Answer:
        if call.authorization != right:
            return 401, {}, b""
        answer = requests.request(call.method, orthanc.url + call.path, data=call.body, timeout=10)
        return answer.status_code, {}, answer.content

    password, url = tmp_path / "password", rest(guarded)
    password.write_text("wrong\n")
    delete = {"orthanc": url, "username": "monitor", "password_file": str(password)}
    for _ in range(2):
        gave = await run(for_orthanc(memory, orthanc, delete=delete))
        assert gave.reason == "forbidden"
        wants = "wants a user that it knows; correct username and password_file (HTTP 401)"
        assert gave.message == f"Orthanc's REST API {url} {wants}"
        assert gave.value("pacs_ingest_orphans") == 1
    password.write_text("s3cret-word\n")
    gave = await run(for_orthanc(memory, orthanc, delete=delete))
    assert gave.failure is None
    assert gave.value("pacs_ingest_orphans_swept_total") == 1
    assert gave.value("pacs_ingest_orphans") == 0


_ID = "11111111-22222222-33333333-44444444-55555555"


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        ((302, {"Location": "http://127.0.0.2/"}, b""), "mismatch", "redirects elsewhere, which is not followed"),
        ((500, {}, b"Canary^Secret"), "aborted", "failed; look into Orthanc's log at this time (HTTP 500)"),
        ((403, {}, b""), "forbidden", "does not permit this"),
        ((404, {}, b""), "not_found", "has no such page; does the URL lead to Orthanc's REST API? (HTTP 404)"),
        ((200, {}, b"<html>"), "mismatch", "gives no JSON; does the URL lead to Orthanc's REST API?"),
        ((200, {}, b"[" + b" " * (2 << 20)), "mismatch", "gives more than was asked"),
        ((200, {}, b"[]"), "not_found", "archive shows the study, but "),
        ((200, {}, json.dumps([{"Type": "Study", "ID": "../patients/1"}]).encode()), "not_found", "does not know it"),
    ],
)
async def test_a_rest_api_that_answers_something_else_deletes_nothing(
    archive: Archive,
    memory: DictMemory,
    rest: StartRest,
    answer: Answer,
    reason: str,
    words: str,
) -> None:
    calls: list[tuple[str, str]] = []

    def reply(call: Call) -> Answer:
        calls.append((call.method, call.path))
        return answer

    url = rest(reply)
    gave = await run(ingest(memory, archive.port, delete={"orthanc": url}))
    assert gave.reason == reason
    assert words in gave.message
    assert "Canary" not in gave.message
    assert calls == [("POST", "/tools/lookup")]
    assert gave.value("pacs_ingest_orphans") == 1
    assert steps(gave) == ["store", "visible", "retrieve"]


async def test_a_deletion_that_deletes_nothing_is_told(archive: Archive, memory: DictMemory, rest: StartRest) -> None:
    def reply(call: Call) -> Answer:
        if call.method == "POST":
            return 200, {}, json.dumps([{"Type": "Patient", "ID": "x"}, {"Type": "Study", "ID": _ID}]).encode()
        if call.method == "DELETE":
            return 200, {}, b"{}"
        uid = next(iter(archive.stored))
        main = {"PatientMainDicomTags": {"PatientID": "PACSMON-TEST"}, "MainDicomTags": {"StudyInstanceUID": uid}}
        return 200, {}, json.dumps(main).encode()

    gave = await run(ingest(memory, archive.port, delete={"orthanc": rest(reply)}))
    assert gave.reason == "mismatch"
    assert "answers the deletion with success, and the study is still there" in gave.message
    assert gave.value("pacs_ingest_orphans") == 1


@with_time(1, 4, 12)
async def test_a_rest_api_that_hangs_is_given_up_in_time(archive: Archive, seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        check = ingest(DictMemory(), archive.port, delete={"orthanc": url})
        gave = await run(check, seconds)  # which gives up five seconds later than the check should
    assert gave.reason == "timeout"
    assert gave.message.startswith(f"Orthanc's REST API {url} did not answer in time")
    await until(lambda: check.surroundings.abandoned == [])


async def test_a_rest_api_that_is_down_is_refused(archive: Archive, memory: DictMemory) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    gave = await run(ingest(memory, archive.port, delete={"orthanc": url}))
    assert gave.reason == "refused"
    assert (
        gave.message
        == f"Orthanc's REST API {url} refuses the connection; start Orthanc's web server, or correct the port"
    )
