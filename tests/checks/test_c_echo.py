"""The check as the engine runs it."""

import asyncio
import socket
import time
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr

from checks.c_echo import CEcho
from pacs_monitor.check import Check, Surroundings
from pacs_monitor.dicom import PEER
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.node import Node, Tls, UserIdentity
from pacs_monitor.resolve import Address, Resolver
from tests.checks.support import DictMemory, bind, complaint, run, until
from tests.conftest import StartRawServer
from tests.dicom.authority import Authority, secure_peer, server_context
from tests.dicom.pdus import accept, answer_with, read_pdu, reject, user_items
from tests.dicom.support import waiting_time
from tests.noise import with_time
from tests.peers.orthanc import Orthanc
from tests.peers.raw import RawServer

PHASES = ("dns", "connect", "associate", "dimse", "release")


def node(port: int, ae_title: str = "CALLED", **more: Any) -> Node:
    return Node(name="ct1", host="127.0.0.1", port=port, ae_title=ae_title, **more)


async def test_orthanc_gives_phases_and_peer_info_and_no_failure(orthanc: Orthanc) -> None:
    gave = await run(bind(CEcho(), node(orthanc.dicom_port, "ORTHANC")))
    assert gave.failure is None
    assert all(gave.value("pacs_dicom_phase_seconds", phase=phase) is not None for phase in PHASES)
    assert gave.value("pacs_dicom_phase_seconds", phase="tls") is None
    peer = next(sample for sample in gave.samples if sample.metric.name == "pacs_dicom_peer_info")
    assert peer.labels[0].startswith("1.2.276.0.7230010.3.0.3.6")
    assert peer.labels[1].startswith("OFFIS_DCMTK_36")
    assert gave.value("pacs_dicom_association_rejections_total") is None
    assert len(gave.samples) == 6


async def test_a_rejection_is_counted_by_source_and_reason(orthanc: Orthanc) -> None:
    gave = await run(bind(CEcho(), node(orthanc.dicom_port, "WRONG")))
    assert gave.reason == "rejected"
    assert gave.message == (
        "ct1 does not answer to the AE title WRONG; look up its own AE title there and set ae_title to it, letter by "
        "letter"
    )
    assert gave.value("pacs_dicom_association_rejections_total", source="user", reason="called_ae_title") == 1
    assert gave.value("pacs_dicom_phase_seconds", phase="associate") is not None


async def test_the_calling_ae_title_is_the_nodes() -> None:
    seen: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        seen.append(read_pdu(conn))
        conn.sendall(reject(1, 1, 3))

    with RawServer(behave) as server:
        gave = await run(bind(CEcho(), node(server.port, calling_ae_title="MONITOR")))
    assert "does not know our AE title MONITOR" in gave.message
    assert seen[0][10:42] == b"CALLED".ljust(16) + b"MONITOR".ljust(16)


async def test_sop_classes_that_must_be_accepted_are_named_when_they_are_not(raw_server: StartRawServer) -> None:
    server = raw_server(answer_with({1: accept(((1, 0), (3, 0), (5, 3)))}))
    check = CEcho(contexts=("CTImageStorage", "ModalityWorklistInformationModelFind"))
    gave = await run(bind(check, node(server.port)))
    assert gave.reason == "no_context"
    assert "refuses Modality Worklist Information Model - FIND (abstract syntax not supported)" in gave.message
    assert gave.value("pacs_dicom_phase_seconds", phase="release") is not None


def test_settings_that_cannot_work_are_refused_at_load() -> None:
    with complaint("CTImageStorrage is not a SOP class; did you mean CTImageStorage?"):
        CEcho(contexts=("CTImageStorrage",))
    with complaint("at most 127"):
        CEcho(contexts=("CTImageStorage",) * 128)


async def test_a_name_that_is_not_known_is_a_dns_failure_without_samples() -> None:
    def unknown(host: str) -> list[Address]:
        raise socket.gaierror(-2, "Name or service not known")

    check = CEcho()
    place = Node(name="ct1", host="ct1.example", port=104, ae_title="CT1")
    check.bind(Surroundings(place, DictMemory(), Resolver(unknown), Budget()))
    gave = await run(check)
    assert (gave.reason, gave.samples) == ("dns", [])


async def test_a_user_identity_goes_along(raw_server: StartRawServer) -> None:
    seen: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        seen.append(read_pdu(conn))

    user = UserIdentity(username="monitor", password=SecretStr("geheim"))
    gave = await run(bind(CEcho(), node(raw_server(behave).port, user_identity=user)))
    assert b"monitor" in seen[0]
    assert b"geheim" in seen[0]
    assert "geheim" not in gave.message


async def test_tls_adds_its_phase(tmp_path: Any) -> None:
    authority = Authority(tmp_path)
    with secure_peer(server_context(authority.issue("127.0.0.1"))) as port:
        gave = await run(bind(CEcho(), node(port, tls=Tls(ca_file=authority.file))))
    assert gave.failure is None
    assert gave.value("pacs_dicom_phase_seconds", phase="tls") is not None


@with_time(0.4, 2, 8)
async def test_two_checks_of_a_listener_never_meet_and_waiting_is_not_their_time(seconds: float) -> None:
    came: list[float] = []

    def behave(conn: socket.socket) -> None:
        came.append(time.monotonic())
        answer_with({4: None})(conn)

    with RawServer(behave) as server:
        budget, resolver, target = Budget(), Resolver(), node(server.port)
        checks = [CEcho(interval=interval) for interval in (60.0, 15.0)]
        for check in checks:
            check.bind(Surroundings(target, DictMemory(), resolver, budget))
        gave = await asyncio.gather(*[run(check, seconds) for check in checks])
    assert [each.reason for each in gave] == ["timeout", "timeout"]
    # Each had its full time, and the second began when the first was done.
    assert all("to the C-ECHO within" in each.message for each in gave)
    assert all(waiting_time(each.message) > 0.7 * seconds for each in gave)
    assert came[1] - came[0] > 0.9 * seconds
    waited = checks[1].surroundings.waited
    assert 0.75 * seconds < waited < 1.75 * seconds
    assert checks[0].surroundings.waited == 0
    assert not checks[1].surroundings.waiting
    assert budget.taken(("127.0.0.1", server.port)) == 0


async def test_a_cancelled_run_gives_its_slot_back(raw_server: StartRawServer) -> None:
    server = raw_server(answer_with({4: None}))
    check: Check = bind(CEcho(), node(server.port))
    check.surroundings.deadline = asyncio.get_running_loop().time() + 10

    async def consume() -> None:
        async with aclosing(check.run()) as samples:  # type: ignore[type-var]
            async for _ in samples:  # type: ignore[union-attr]
                pass

    task = asyncio.ensure_future(consume())
    budget = check.surroundings.budget
    assert isinstance(budget, Budget)
    await until(lambda: budget.taken(("127.0.0.1", server.port)) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert budget.taken(("127.0.0.1", server.port)) == 0


async def test_what_a_node_last_said_of_itself_stays_while_it_is_down_and_is_said_once() -> None:
    versions = iter([b"V1", b"V2", None])

    def behave(conn: socket.socket) -> None:
        version = next(versions)
        answer_with({1: accept(user=user_items(version=version)) if version else reject(2, 3, 1)})(conn)

    with RawServer(behave) as server:
        check = bind(CEcho(), node(server.port))
        said = [[each.labels[1] for each in (await run(check)).samples if each.metric is PEER] for _ in range(3)]
    assert said == [["V1"], ["V2"], ["V2"]]
    assert not PEER.keep


@pytest.mark.parametrize(("password", "kind"), [("geheim", 2), (None, 1)])
async def test_the_user_identity_is_a_name_and_a_passcode_if_there_is_one(
    raw_server: StartRawServer, password: str | None, kind: int
) -> None:
    seen: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        seen.append(read_pdu(conn))

    user = UserIdentity.model_validate({"username": "monitor", "password": password})
    await run(bind(CEcho(), node(raw_server(behave).port, user_identity=user)))
    # PS3.7 D.3.3.7: type, response requested, then name and passcode, each after its length.
    name, passcode = b"\x00\x07monitor", (password or "").encode()
    assert seen[0].endswith(bytes([kind, 0]) + name + len(passcode).to_bytes(2, "big") + passcode)
