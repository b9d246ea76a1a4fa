"""The check capabilities against servers whose lists can be set: storescp, Orthanc, and one of pynetdicom."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from pynetdicom import AE, evt

from checks.capabilities import Capabilities
from pacs_monitor.baselines import ACCEPT, BASELINE
from pacs_monitor.dicom.baseline import Baseline
from pacs_monitor.dicom.capability import SHORT, Capability, storage_uid, transfer_syntax_uid
from pacs_monitor.node import Node
from tests.checks.archive import canary, upload
from tests.checks.support import DictMemory, Run, bind, complaint, run, site_at, until
from tests.conftest import StartOrthanc, StartStoreScp
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

CT, CT_J2K, CT_IMPLICIT = "CT", "CT/JPEG2000Lossless", "CT/ImplicitVRLittleEndian"
TUESDAY = site_at("2026-11-24T22:14")


class Peer:
    """A SCP that takes some SOP classes with some transfer syntaxes, and says what happened to it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.ended: list[str] = []
        self.open = self.most_open = 0
        self.requests = 0

    @contextmanager
    def serve(self, takes: dict[str, tuple[str, ...]], version: str = "ACME 4.1.9") -> Iterator[Peer]:
        ae = AE("PEER")
        ae.implementation_version_name = version
        for name, syntaxes in takes.items():
            ae.add_supported_context(storage_uid(name), [transfer_syntax_uid(each) for each in syntaxes])
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_RELEASED, lambda _: self._ended("released")),
            (evt.EVT_ABORTED, lambda _: self._ended("aborted")),
            (evt.EVT_DIMSE_RECV, self._asked),
        ]
        server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        try:
            yield self
        finally:
            cast(Any, server).shutdown()

    def _requested(self, _: evt.Event) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)

    def _ended(self, how: str) -> None:
        self.open -= 1
        self.ended.append(how)

    def _asked(self, _: evt.Event) -> None:
        self.requests += 1


def capabilities(port: int, memory: DictMemory, called: str = "PEER", **settings: Any) -> Capabilities:
    check = Capabilities.model_validate(settings)
    node = Node(name="archive", host="127.0.0.1", port=port, ae_title=called)
    bind(check, node, memory, TUESDAY)
    return check


async def probe(port: int, memory: DictMemory, called: str = "PEER", **settings: Any) -> Run:
    return await run(capabilities(port, memory, called, **settings))


SMALL: dict[str, Any] = {
    "storage": ["CT", "MR"],
    "transfer_syntaxes": ["ImplicitVRLittleEndian", "JPEG2000Lossless"],
    "documents": [],
    "services": ["Verification"],
    "required": [CT_J2K],
}
BOTH = ("ImplicitVRLittleEndian", "JPEG2000Lossless")
ALL = {"CT": BOTH, "MR": BOTH, "Verification": ("ImplicitVRLittleEndian",)}
FEWER = {**ALL, "CT": ("ImplicitVRLittleEndian",)}


async def test_what_is_required_and_lost_fails_at_once_until_it_is_accepted() -> None:
    peer, memory = Peer(), DictMemory()
    with peer.serve(ALL):
        gave = await probe(peer.port, memory, **SMALL)
        assert (gave.failure, gave.value("pacs_capabilities_accepted")) == (None, 5)
        assert gave.value("pacs_capabilities_changed") == 0
    with peer.serve(FEWER):
        for _ in range(2):
            gave = await probe(peer.port, memory, **SMALL)
            assert gave.reason == "no_context"
            assert gave.message == (
                "archive no longer takes CT Image Storage with JPEG2000Lossless since Tuesday 22:14; ask what was "
                "changed there; if it is meant: pacs-monitor baseline accept archive"
            )
            lost = {"sop_class": "CTImageStorage", "transfer_syntax": "JPEG2000Lossless", "change": "lost"}
            assert gave.value("pacs_capability_change_info", **lost) == 1
            assert gave.value("pacs_capabilities_changed") == 1
        await memory.put(ACCEPT, 1.0)
        gave = await probe(peer.port, memory, **SMALL)
        assert (gave.failure, gave.value("pacs_capabilities_changed")) == (None, 0)
        assert memory.get(ACCEPT) is None
    await until(lambda: peer.open == 0)
    assert set(peer.ended) == {"released"}
    assert peer.requests == 0


async def test_since_when_stays_the_time_at_which_it_was_first_seen() -> None:
    peer, memory = Peer(), DictMemory()
    with peer.serve(ALL):
        await probe(peer.port, memory, **SMALL)
    with peer.serve(FEWER):
        await probe(peer.port, memory, **SMALL)
        for day, since in (("2026-11-26", "Tuesday 22:14"), ("2026-12-06", "2026-11-24 22:14")):
            check = capabilities(peer.port, memory, **SMALL)
            check.surroundings.site_time = site_at(f"{day}T10:00")
            assert f" since {since}; " in (await run(check)).message


async def test_what_is_not_required_is_a_change_and_no_failure_and_goes_if_it_comes_back() -> None:
    peer, memory = Peer(), DictMemory()
    settings = {**SMALL, "required": [CT]}
    with peer.serve(FEWER):
        await probe(peer.port, memory, **settings)
    with peer.serve({"CT": BOTH, "Verification": BOTH}):
        gave = await probe(peer.port, memory, **settings)
        assert gave.failure is None
        assert gave.value("pacs_capability_change_info", change="new") == 1
        assert gave.value("pacs_capability_change_info", change="lost", sop_class="MRImageStorage") == 2
    # A node that is away changes nothing of what was seen.
    gave = await probe(peer.port, memory, **settings)
    assert gave.failure is not None
    assert gave.value("pacs_capabilities_changed") == 3
    with peer.serve(FEWER):
        assert (await probe(peer.port, memory, **settings)).value("pacs_capabilities_changed") == 0


async def test_a_required_class_that_was_never_taken_fails_and_nothing_is_learned() -> None:
    peer, memory = Peer(), DictMemory()
    with peer.serve(FEWER):
        gave = await probe(peer.port, memory, **SMALL)
        assert gave.reason == "no_context"
        assert gave.message == (
            "archive does not take CT Image Storage with JPEG2000Lossless; have it switched on there, or take it out "
            "of required"
        )
    assert memory.get(BASELINE) is None


async def test_a_baseline_is_learned_after_so_many_equal_answers() -> None:
    peer, memory = Peer(), DictMemory()
    settings = {**SMALL, "required": [], "learn": 2}
    for takes, learned in ((ALL, False), (FEWER, False), (FEWER, True)):
        with peer.serve(takes):
            await probe(peer.port, memory, **settings)
        assert (memory.get(BASELINE) is not None) == learned


async def test_another_version_is_told_since_when() -> None:
    peer, memory = Peer(), DictMemory()
    changed = "pacs_dicom_version_changed_timestamp_seconds"
    with peer.serve(ALL, "ACME 4.1.9"):
        assert (await probe(peer.port, memory, **SMALL)).value(changed) is None
    with peer.serve(ALL, "ACME 4.2.1"):
        gave = await probe(peer.port, memory, **SMALL)
        assert gave.failure is None
        assert gave.value(changed, version="ACME 4.2.1", was="ACME 4.1.9") == TUESDAY.now().timestamp()
        await memory.put(ACCEPT, 1.0)
        assert (await probe(peer.port, memory, **SMALL)).value(changed) is None


async def test_more_than_128_are_asked_in_associations_one_after_the_other() -> None:
    peer, memory = Peer(), DictMemory()
    storage = [*SHORT, *(f"1.2.3.{number}" for number in range(10))]
    with peer.serve({"CT": ("RLELossless",), "1.2.3.9": ("JPEGBaseline8Bit",), "StorageCommitmentPushModel": BOTH}):
        gave = await probe(peer.port, memory, storage=storage)
        assert gave.failure is None
        assert (gave.value("pacs_capabilities_asked"), gave.value("pacs_capabilities_accepted")) == (157, 3)
        await until(lambda: len(peer.ended) == 2)
    assert (peer.ended, peer.most_open) == (["released", "released"], 1)


async def test_a_peer_that_takes_the_association_and_nothing_else_is_an_answer() -> None:
    peer, memory = Peer(), DictMemory()
    with peer.serve({"1.2.3.4.5": BOTH}):
        gave = await probe(peer.port, memory, **{**SMALL, "required": []})
    assert (gave.failure, gave.value("pacs_capabilities_accepted")) == (None, 0)


async def test_what_is_newly_asked_for_is_no_change_of_the_node() -> None:
    peer, memory = Peer(), DictMemory()
    with peer.serve({**ALL, "US": BOTH}):
        await probe(peer.port, memory, **SMALL)
        gave = await probe(peer.port, memory, **{**SMALL, "storage": ["CT", "MR", "US"]})
    assert (gave.value("pacs_capabilities_accepted"), gave.value("pacs_capabilities_changed")) == (7, 0)


async def test_storescp_that_no_longer_takes_compressed_images(start_storescp: StartStoreScp) -> None:
    memory = DictMemory()
    before = start_storescp()  # with +xa: all transfer syntaxes
    gave = await probe(before.port, memory, "STORESCP", required=[CT_J2K])
    assert gave.failure is None
    after = start_storescp("+x=")  # the uncompressed ones alone
    gave = await probe(after.port, memory, "STORESCP", required=[CT_J2K, CT])
    assert "no longer takes CT Image Storage with JPEG2000Lossless since" in gave.message
    assert (gave.value("pacs_capability_change_info", sop_class="CTImageStorage") or 0) >= 4


@pytest.mark.parametrize("first", [True, False])
async def test_orthanc_that_is_set_to_other_transfer_syntaxes(start_orthanc: StartOrthanc, first: bool) -> None:
    memory = DictMemory()
    settings: tuple[dict[str, Any], ...] = ({}, {"Jpeg2000TransferSyntaxAccepted": False})
    ways = settings if first else settings[::-1]
    gave = await probe(start_orthanc(**ways[0]).dicom_port, memory, "ORTHANC")
    assert gave.failure is None
    assert (gave.value("pacs_capabilities_accepted") or 0) > 60
    gave = await probe(start_orthanc(**ways[1]).dicom_port, memory, "ORTHANC", required=[CT])
    assert gave.failure is None
    change = "lost" if first else "new"
    assert gave.value("pacs_capability_change_info", change=change) == 11
    assert gave.value("pacs_capability_change_info", transfer_syntax="JPEG2000Lossless") == 11


async def test_what_a_peer_calls_itself_is_bounded_and_harmless() -> None:
    memory, asked = DictMemory(), (Capability("1.2.3", "uncompressed", BOTH),)
    baseline = Baseline(memory, TUESDAY)
    for version in ("V1", "V2\x1b[31m\n" + "x" * 500):  # pynetdicom's servers cannot be made to send the second
        await baseline.compare(asked, frozenset(asked), ("1.2.3.4", version), 1)
    told = baseline.other_version()
    assert told is not None
    assert (told[1][:10], told[2]) == ("V2?[31m?xx", "V1")
    assert len(told[1]) == 64
    assert not [text for text in memory.record if "u001b" in text or "x" * 65 in text]


async def test_nothing_but_what_is_set_and_what_the_peer_calls_itself_is_kept_or_logged(
    orthanc: Orthanc, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upload(orthanc, canary())
    caplog.clear()
    memory = DictMemory()
    gave = await probe(orthanc.dicom_port, memory, "ORTHANC")
    assert gave.failure is None
    traces = [repr(gave.samples), *memory.record, *(record.getMessage() for record in caplog.records)]
    assert not [trace for trace in traces if "canary" in trace.lower() or "2.25." in trace]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"storage": ["CTImageStorag"]}, "CTImageStorag is not a SOP class; did you mean CTImageStorage?"),
        ({"transfer_syntaxes": ["JPEG2000Losless"]}, "is not a transfer syntax; did you mean JPEG2000Lossless?"),
        ({"required": ["CT/JPEG2000"]}, "requires CT/JPEG2000, which is not asked for; add it to"),
        ({"required": ["Nothing"]}, "Nothing is not a SOP class; write its keyword"),
        ({"storage": [], "documents": [], "services": []}, "name at least one SOP class"),
        ({"storage": [f"1.2.{n}" for n in range(90)]}, "asks for 640 combinations, 512 are allowed"),
    ],
)
def test_mistakes(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Capabilities.model_validate(settings)


def test_a_capability_has_a_name_for_people() -> None:
    one = Capability("1.2.840.10008.5.1.4.1.1.2", "JPEG2000Lossless", ("1.2.840.10008.1.2.4.90",))
    assert (one.keyword, one.words) == ("CTImageStorage", "CT Image Storage")
