"""Diagnoses of real peers, well and with each fault."""

import io
import socket
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from pacs_monitor.diagnosing.walk import Target, run
from pacs_monitor.resolve import Resolver
from tests.conftest import StartRawServer
from tests.diagnosing.support import here, names, walk
from tests.dicom.pdus import (
    RELEASE_RP,
    abort,
    accept,
    answer_with,
    echo_response,
    full_backlog,
    hang_up_at,
    read_pdu,
    reject,
)
from tests.dicom.support import waiting_time
from tests.noise import with_time
from tests.peers.dcmtk import StoreScp
from tests.peers.orthanc import Orthanc


async def test_orthanc_is_well_and_says_what_it_takes(orthanc: Orthanc) -> None:
    steps, verdict = await walk(here(orthanc.dicom_port, "ORTHANC"))
    assert names(steps) == [
        ("dns", "ok"),
        ("connect", "ok"),
        ("associate", "ok"),
        ("context", "ok"),
        ("C-ECHO", "ok"),
        ("release", "ok"),
        ("C-FIND", "ok"),
    ]
    contexts = {step.detail.partition(":")[0]: step.state for step in steps if step.name == "context"}
    assert contexts["CT images"] == contexts["Study Root C-FIND"] == "ok"
    assert contexts["MPPS"] == "skipped"
    assert len(contexts) == 17
    assert (verdict.ok, verdict.side, verdict.tries) == (True, "nobody", ())
    assert verdict.what == f"ORTHANC (127.0.0.1:{orthanc.dicom_port}) answers C-ECHO from PACSMON"


async def test_latencies_are_not_those_of_the_printing(storescp: StoreScp) -> None:
    console = Console(file=io.StringIO(), width=100)
    assert await run(here(storescp.port), console) == 0
    taken: list[float] = []
    while not taken or taken[-1] >= 0.03:  # machines are noisy
        assert len(taken) < 50, taken
        steps, _ = await walk(here(storescp.port))
        echo = next(step for step in steps if step.name == "C-ECHO")
        assert echo.seconds is not None
        taken.append(echo.seconds)


NUMBERS = "A-ASSOCIATE-RJ result={} ({}) source={} reason={} ({})"
FAULTS: list[tuple[Callable[[socket.socket], None], str, str, str]] = [
    (
        answer_with({1: reject(1, 2, 1)}),
        "associate",
        "the node's configuration",
        "associate: " + NUMBERS.format(1, "rejected-permanent", 2, 1, "no-reason-given"),
    ),
    (answer_with({1: abort(0, 0)}), "associate", "the node's configuration", "associate: A-ABORT source=0 reason=0"),
    (answer_with({4: abort(2, 2)}), "C-ECHO", "the node's service", "C-ECHO: A-ABORT source=2 reason=2"),
    (answer_with({1: None}), "associate", "the node's service", "associate: no answer to A-ASSOCIATE-RQ"),
    (answer_with({4: None}), "C-ECHO", "the node's service", "C-ECHO: no answer to C-ECHO-RQ"),
    (
        answer_with({4: echo_response(status=0x0110)}),
        "C-ECHO",
        "the node's service",
        "C-ECHO: C-ECHO-RSP status=0x0110 (processing failure)",
    ),
    (
        answer_with({4: echo_response(status=0x0122), 5: None}),
        "C-ECHO",
        "the node's configuration",
        "C-ECHO: C-ECHO-RSP status=0x0122 (SOP class not supported)",
    ),
    (
        answer_with({1: accept(((1, 3),))}),
        "context",
        "the node's configuration",
        "context: A-ASSOCIATE-AC context 1 (Verification, 1.2.840.10008.1.1) result=3 (abstract syntax not supported)",
    ),
    (
        answer_with({1: accept(((3, 0),)), 5: None}),
        "context",
        "the node's configuration",
        "context: A-ASSOCIATE-AC context 1 (Verification, 1.2.840.10008.1.1) result=none (its answer does not mention "
        "it)",
    ),
    (
        answer_with({1: b"SSH-2.0-OpenSSH_9.2p1\r\n"}),
        "associate",
        "the node's configuration",
        "associate: the node (127.0.0.1:PORT) is an SSH server",
    ),
    (
        answer_with({1: b"\x15\x03\x01\0\2\2\x46"}),
        "associate",
        "ours",
        "associate: the node (127.0.0.1:PORT) speaks TLS",
    ),
]


@pytest.mark.parametrize(("behave", "name", "side", "codes"), FAULTS, ids=range(len(FAULTS)))
@with_time(0.5, 3, 10)
async def test_each_fault_is_found_where_it_is(
    raw_server: StartRawServer,
    behave: Callable[[socket.socket], None],
    name: str,
    side: str,
    codes: str,
    seconds: float,
) -> None:
    server = raw_server(behave)
    steps, verdict = await walk(here(server.port, timeout=seconds))
    assert [step.name for step in steps if step.state == "failed"][-1:] == [name]
    assert (verdict.ok, verdict.side) == (False, side)
    assert verdict.vendor.startswith("2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:")
    assert verdict.vendor.endswith(f", {codes}".replace("PORT", str(server.port)))
    assert 1 <= len(verdict.tries) <= 4
    assert server.accepted <= 3


@with_time(0.5, 3, 10)
async def test_a_peer_that_refuses_many_sop_classes_but_takes_verification_is_well(
    raw_server: StartRawServer, seconds: float
) -> None:
    def behave(conn: socket.socket) -> None:
        request = read_pdu(conn)
        if len(request) > 600:
            return
        conn.sendall(accept())
        while request := read_pdu(conn):
            conn.sendall({4: echo_response(), 5: b"\6\0\0\0\0\4\0\0\0\0"}[request[0]])

    server = raw_server(behave)
    steps, verdict = await walk(here(server.port, timeout=seconds))
    assert verdict.ok
    assert verdict.what.endswith("PACSMON, but it refuses an association request with many SOP classes")
    assert names([step for step in steps if step.alone]) == [
        ("connect", "ok"),
        ("associate", "ok"),
        ("context", "ok"),
        ("C-ECHO", "ok"),
        ("release", "ok"),
    ]
    assert verdict.side == "the node's service"


@with_time(0.3, 2, 10)
async def test_a_silent_network_is_not_the_nodes_fault(seconds: float) -> None:
    with full_backlog() as port:
        steps, verdict = await walk(here(port, timeout=seconds))
    assert names(steps)[-2:] == [("connect", "failed"), ("look closer", "ok")]
    assert verdict.side == "the network"


async def test_a_peer_that_hangs_up_instead_of_releasing_is_well(raw_server: StartRawServer) -> None:
    steps, verdict = await walk(here(raw_server(hang_up_at(5)).port))
    assert steps[-1].detail == "it hung up instead, which does no harm"
    assert verdict.ok


async def test_a_name_that_is_not_known_is_the_dnss_fault() -> None:
    def unknown(host: str) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
        raise socket.gaierror(-2, "Name or service not known")

    steps, verdict = await walk(Target("archive.example", 104, "ARCHIVE"), Resolver(unknown))
    assert names(steps) == [("dns", "failed")]
    assert verdict.side == "DNS"
    assert verdict.tries[0] == "look it up by hand: `getent hosts archive.example`"
    assert verdict.vendor.startswith(
        "2026-03-01 12:00:00 UTC, from PACSMON at this machine (not connected) to ARCHIVE at archive.example:104, dns:"
    )


async def test_every_address_of_a_name_is_shown_and_tried(raw_server: StartRawServer) -> None:
    server = raw_server(
        answer_with({}),
    )
    both: Resolver = Resolver(
        lambda host: [(socket.AF_INET, ("255.255.255.255", 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    )
    steps, verdict = await walk(Target("archive.example", server.port, "ARCHIVE"), both)
    assert steps[0].detail == "archive.example is 255.255.255.255, 127.0.0.1"
    assert names(steps)[1:3] == [("connect", "failed"), ("connect", "ok")]
    assert verdict.ok
    assert f"but not at 255.255.255.255:{server.port}, which its name stands for as well" in verdict.what
    assert verdict.side == "DNS"


REJECTIONS = [
    (
        (1, 1, 1),
        "without saying why (source 1, reason 1)",
        "configuration",
        "our AE title PACSMON or address 127.0.0.1",
    ),
    ((2, 1, 1), "for now without saying why (source 1, reason 1)", "service", "it is starting, or busy"),
    (
        (1, 1, 2),
        "(1.2.840.10008.3.1.1.1), which all associations carry, and says that this is permanent",
        "service",
        "it",
    ),
    ((1, 1, 3), "does not know our AE title PACSMON, and says that this is permanent", "configuration", "our AE title"),
    (
        (1, 1, 7),
        "does not answer to the AE title ARCHIVE, and says that this is permanent",
        "ours",
        "its AE title is not",
    ),
    ((1, 2, 1), "without saying why (source 2, reason 1)", "configuration", "our address 127.0.0.1 is not permitted"),
    (
        (1, 2, 2),
        "upper layer protocol, the only one that there is, and says that this is permanent",
        "service",
        "it is",
    ),
    ((2, 3, 1), "is too busy for another association right now", "service", "more is sent to it just now"),
    ((1, 3, 1), "right now, and says that this is permanent", "service", "more is sent to it just now"),
    ((2, 3, 2), "has reached its limit of associations", "service", "associations that others left open"),
    (
        (1, 1, 5),
        "for a reason that DICOM does not define (source 1, reason 5)",
        "service",
        "its software gives reasons",
    ),
]


@pytest.mark.parametrize(("numbers", "what", "side", "cause"), REJECTIONS)
async def test_each_rejection_has_a_verdict_of_its_own(
    raw_server: StartRawServer, numbers: tuple[int, int, int], what: str, side: str, cause: str
) -> None:
    server = raw_server(answer_with({1: reject(*numbers)}))
    _, verdict = await walk(here(server.port))
    assert verdict.what.endswith(what)
    assert verdict.side.endswith(side)
    assert verdict.causes[0].startswith(cause)
    assert verdict.tries[0].startswith("wait a minute") == (numbers[0] == 2)
    # Where it is not about who asks, nothing is said of AE titles.
    about_titles = any("AE title" in text or "register" in text for text in (*verdict.causes, *verdict.tries))
    assert about_titles == (numbers[1:] in ((1, 1), (1, 3), (1, 7), (2, 1), (1, 5)) and numbers != (2, 1, 1))
    number, source, reason = numbers
    assert f"A-ASSOCIATE-RJ result={number} (rejected-" in verdict.vendor
    assert f"source={source} reason={reason} (" in verdict.vendor
    # A short request is tried only where the length may be why, another spelling only where a title is.
    assert server.accepted == (2 if "source" in what or "AE title" in what else 1)


@pytest.mark.parametrize(
    ("kind", "beginning", "seen"),
    [
        (1, accept()[:40], "associate: 40 bytes of A-ASSOCIATE-AC, then silence"),
        (4, echo_response()[:9], "C-ECHO: 9 bytes of C-ECHO-RSP, then silence"),
    ],
)
@with_time(0.5, 3, 10)
async def test_a_peer_that_stops_in_the_middle_of_an_answer_began_to_answer(
    raw_server: StartRawServer, kind: int, beginning: bytes, seen: str, seconds: float
) -> None:
    server = raw_server(answer_with({kind: beginning}))
    _, verdict = await walk(here(server.port, timeout=seconds))
    assert f"stopped after {len(beginning)} bytes and sent no more within " in verdict.what
    assert 0.2 * seconds < waiting_time(verdict.what) < 1.3 * seconds
    assert verdict.causes[0] == "the service hangs or died in the middle of its answer"
    assert verdict.vendor.endswith(seen)
    assert server.accepted == 1  # it speaks DICOM: nobody looks for TLS


@pytest.mark.parametrize(
    ("goodbye", "seen"),
    [
        (None, "no answer to A-RELEASE-RQ"),
        (RELEASE_RP[:4], "4 bytes of A-RELEASE-RP, then silence"),
        (abort(2, 2), "A-ABORT source=2 reason=2"),
    ],
)
@with_time(0.5, 3, 10)
async def test_a_peer_that_answers_the_echo_works_however_it_takes_its_leave(
    raw_server: StartRawServer, goodbye: bytes | None, seen: str, seconds: float
) -> None:
    target = here(raw_server(answer_with({5: goodbye})).port, timeout=seconds)
    steps, verdict = await walk(target)
    assert names(steps)[-2:] == [("C-ECHO", "ok"), ("release", "failed")]
    assert (verdict.ok, verdict.side) == (True, "the node's service")
    assert verdict.what.endswith(f"from PACSMON, but does not end the association as it should: {seen}")
    assert verdict.vendor.endswith(f", release: C-ECHO-RSP status=0x0000, then {seen}")
    assert await run(target, Console(file=io.StringIO())) == 0


@with_time(1.5, 4, 10)
async def test_the_timeout_is_for_the_whole_walk(raw_server: StartRawServer, seconds: float) -> None:
    def silent(conn: socket.socket) -> None:
        while conn.recv(1000):
            pass

    server = raw_server(silent)
    started = time.monotonic()
    steps, _ = await walk(here(server.port, timeout=seconds))
    assert time.monotonic() - started < 1.6 * seconds
    assert names(steps)[-2:] == [("associate", "failed"), ("look closer", "ok")]
