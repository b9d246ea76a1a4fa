"""Diagnoses of real peers, well and with each fault, and the whole text that an administrator reads."""

import io
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from pacs_monitor.diagnose import Step, Target, Verdict, command, diagnose, run
from pacs_monitor.node import Tls
from pacs_monitor.resolve import Resolver
from tests.conftest import StartRawServer
from tests.dicom.authority import Authority, secure_peer, server_context
from tests.dicom.pdus import abort, accept, answer_with, echo_response, full_backlog, hang_up_at, read_pdu, reject
from tests.peers.dcmtk import StoreScp
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def here(port: int, called: str = "ARCHIVE", tls: Tls | None = None, timeout: float = 5.0) -> Target:
    return Target("127.0.0.1", port, called, tls=tls, timeout=timeout)


async def walk(target: Target, resolver: Resolver | None = None) -> tuple[list[Step], Verdict]:
    seen = [each async for each in diagnose(target, resolver=resolver, now=lambda: NOON)]
    verdict = seen.pop()
    assert isinstance(verdict, Verdict)
    return [step for step in seen if isinstance(step, Step)], verdict


def names(steps: list[Step]) -> list[tuple[str, str]]:
    """Names and states, the contexts but for Verification left out."""
    return [(step.name, step.state) for step in steps if step.name != "context" or "Verification" in step.detail]


async def test_orthanc_is_well_and_says_what_it_takes(orthanc: Orthanc) -> None:
    steps, verdict = await walk(here(orthanc.dicom_port, "ORTHANC"))
    assert names(steps) == [
        ("dns", "ok"),
        ("connect", "ok"),
        ("associate", "ok"),
        ("context", "ok"),
        ("C-ECHO", "ok"),
        ("release", "ok"),
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
    steps, _ = await walk(here(storescp.port))
    echo = next(step for step in steps if step.name == "C-ECHO")
    assert echo.seconds is not None
    assert echo.seconds < 0.03


FAULTS: list[tuple[Callable[[socket.socket], None], str, str, str]] = [
    (answer_with({1: reject(1, 1, 7)}), "associate", "ours", "A-ASSOCIATE-RJ result=1 source=1 reason=7"),
    (answer_with({1: reject(2, 3, 1)}), "associate", "the node's service", "A-ASSOCIATE-RJ result=2 source=3 reason=1"),
    (answer_with({1: reject(2, 3, 2)}), "associate", "the node's service", "A-ASSOCIATE-RJ result=2 source=3 reason=2"),
    (
        answer_with({1: reject(1, 2, 1)}),
        "associate (Verification alone)",
        "the node's configuration",
        "A-ASSOCIATE-RJ result=1 source=2 reason=1",
    ),
    (
        answer_with({1: abort(0, 0)}),
        "associate (Verification alone)",
        "the node's configuration",
        "A-ABORT source=0 reason=0",
    ),
    (answer_with({4: abort(2, 2)}), "C-ECHO", "the node's service", "A-ABORT source=2 reason=2"),
    (answer_with({5: None}), "release", "the node's service", "no answer"),
    (answer_with({4: echo_response(status=0x0110)}), "C-ECHO", "the node's service", "C-ECHO-RSP status=0x0110"),
    (
        answer_with({1: accept(((1, 3),))}),
        "context",
        "the node's configuration",
        "A-ASSOCIATE-AC context 1 (1.2.840.10008.1.1) result=3",
    ),
    (
        answer_with({1: b"SSH-2.0-OpenSSH_9.2p1\r\n"}),
        "associate",
        "the node's configuration",
        "the node (127.0.0.1:PORT) is an SSH server",
    ),
    (
        answer_with({1: b"\x15\x03\x01\0\2\2\x46"}),
        "associate",
        "ours",
        "the node (127.0.0.1:PORT) speaks TLS",
    ),
]


@pytest.mark.parametrize(("behave", "name", "side", "codes"), FAULTS, ids=range(len(FAULTS)))
async def test_each_fault_is_found_where_it_is(
    raw_server: StartRawServer, behave: Callable[[socket.socket], None], name: str, side: str, codes: str
) -> None:
    server = raw_server(behave)
    steps, verdict = await walk(here(server.port, timeout=0.5))
    assert [step.name for step in steps if step.state == "failed"][-1:] == [name]
    assert (verdict.ok, verdict.side) == (False, side)
    assert verdict.vendor.startswith("2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:")
    assert verdict.vendor.endswith(f": {codes}".replace("PORT", str(server.port)))
    assert 1 <= len(verdict.tries) <= 4
    assert server.accepted <= 3


async def test_a_peer_that_refuses_many_sop_classes_but_takes_verification_is_well(raw_server: StartRawServer) -> None:
    def behave(conn: socket.socket) -> None:
        request = read_pdu(conn)
        if len(request) > 600:
            return
        conn.sendall(accept())
        while request := read_pdu(conn):
            conn.sendall({4: echo_response(), 5: b"\6\0\0\0\0\4\0\0\0\0"}[request[0]])

    server = raw_server(behave)
    steps, verdict = await walk(here(server.port, timeout=0.5))
    assert verdict.ok
    assert verdict.what.endswith("PACSMON, but it refuses an association request with many SOP classes")
    assert names(steps)[-4:] == [
        ("associate (Verification alone)", "ok"),
        ("context", "ok"),
        ("C-ECHO (Verification alone)", "ok"),
        ("release (Verification alone)", "ok"),
    ]


async def test_a_silent_network_is_not_the_nodes_fault() -> None:
    with full_backlog() as port:
        steps, verdict = await walk(here(port, timeout=0.3))
    assert names(steps)[-1] == ("connect", "failed")
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


async def test_tls_is_found_on_either_side(tmp_path: Path, raw_server: StartRawServer) -> None:
    authority = Authority(tmp_path)
    with secure_peer(server_context(authority.issue("127.0.0.1"))) as port:
        steps, verdict = await walk(here(port, tls=Tls(ca_file=authority.file)))
        assert ("tls", "ok") in names(steps)
        assert verdict.ok
        steps, verdict = await walk(here(port, tls=Tls()))
        assert names(steps)[2] == ("tls", "failed")
        assert verdict.tries[1] == "give the authority's certificate with --ca, ours with --cert and --key"
    # A peer that says nothing to DICOM, and shakes hands with whoever speaks TLS.
    context = server_context(authority.issue("127.0.0.1"))

    def guarded(conn: socket.socket) -> None:
        if conn.recv(1, socket.MSG_PEEK) == b"\x16":
            context.wrap_socket(conn, server_side=True).close()

    _, verdict = await walk(here(raw_server(guarded).port))
    assert (verdict.side, verdict.tries) == ("ours", ("diagnose again with --tls, and --ca if it needs one",))
    steps, verdict = await walk(here(raw_server(_plain_only).port, tls=Tls(verify=False)))
    assert (verdict.side, verdict.tries) == ("ours", ("diagnose again without --tls",))
    assert steps[-1].detail == "the port speaks DICOM without TLS"


def _plain_only(conn: socket.socket) -> None:
    if conn.recv(1, socket.MSG_PEEK) != b"\x16":
        answer_with({})(conn)


async def test_certificate_files_that_cannot_be_used_are_our_own_fault() -> None:
    steps, verdict = await walk(here(free_port(), tls=Tls(ca_file=Path("/no/such.pem"))))
    assert names(steps)[-1] == ("tls", "failed")
    assert verdict.side == "ours"


def test_the_command_gives_json_lines_and_an_exit_status(orthanc: Orthanc) -> None:
    def diagnosed(called: str) -> tuple[int, list[dict[str, object]]]:
        console = Console(file=io.StringIO(), width=100)
        place = f"127.0.0.1:{orthanc.dicom_port}"
        status = command(place, called, "PACSMON", False, None, None, None, False, 5.0, console, True)
        return status, [json.loads(line) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]

    status, lines = diagnosed("ORTHANC")
    assert (status, lines[0]["step"], lines[0]["state"]) == (0, "dns", "ok")
    assert lines[-1].keys() == {"verdict"}
    status, lines = diagnosed("WRONG")
    assert status == 1
    verdict = lines[-1]["verdict"]
    assert isinstance(verdict, dict)
    assert (verdict["ok"], verdict["side"]) == (False, "ours")


def test_a_command_that_makes_no_sense_says_so() -> None:
    console = Console(file=io.StringIO(), width=100)
    assert command("archive", "A", "B", False, None, None, None, False, 5.0, console, False) == 2
    assert command("archive:104", "A" * 17, "B", False, None, None, None, False, 5.0, console, False) == 2
    assert "an AE title has at most 16" in console.file.getvalue()  # type: ignore[attr-defined]
