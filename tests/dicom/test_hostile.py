"""Peers that answer garbage, in pieces, too late or without end."""

import asyncio
import itertools
import socket
import time

import pytest

from pacs_monitor.dicom.conversation import Outcome
from tests.conftest import StartRawServer
from tests.dicom.pdus import (
    ANSWERS,
    RELEASE_RP,
    RELEASE_RQ,
    abort,
    accept,
    answer_with,
    command,
    echo_response,
    hang_up_at,
    pdu,
    pdv,
    read_pdu,
)
from tests.dicom.support import on_each_loop, probe, run_on, told, waiting_time
from tests.noise import with_time

VENDOR = "send this line to its vendor"
HTTP = b"HTTP/1.0 400 Bad Request\r\n\r\n"
GARBAGE = [
    (HTTP, "is a web server; set port to its DICOM port"),
    (b"<!DOCTYPE html>", "is a web server; set port to its DICOM port"),
    (b"SSH-2.0-OpenSSH_9.2p1\r\n", "is an SSH server; set port to its DICOM port"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS; set tls for this node"),
    (b"\x0bMSH|^~\\&|", "speaks HL7; set port to its DICOM port"),
    (
        b"220 mail.example ESMTP\r\n",
        "greets like a mail or FTP server; set port to its DICOM port",
    ),
    (
        b"\xff\xfd\x18\xff\xfd\x20",
        "speaks Telnet; set port to its DICOM port",
    ),
    (
        b"DOE^JOHN 19700101\r\n",
        "answers, but not in DICOM (it sent text of another protocol); set port to its DICOM port",
    ),
    (
        b"hi\x1b[31m red\x07 alert\n",
        "answers, but not in DICOM (it sent bytes of another protocol); set port to its DICOM port",
    ),
    (
        b"\x02\0\xff\xff\xff\xff",
        "announced a PDU of 4294967295 bytes where some hundred are due; it is no DICOM service or a broken one: set "
        "port to its DICOM port, or ask its vendor",
    ),
]


@on_each_loop
@pytest.mark.parametrize(("data", "sentence"), GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_not_dicom_is_recognised(raw_server: StartRawServer, data: bytes, sentence: str, kind: str) -> None:
    server = raw_server(answer_with({1: data}))
    assert told(run_on(kind, probe(server.port))) == ("mismatch", f"ct1 (10.0.0.7:{server.port}) {sentence}")


@on_each_loop
def test_a_peer_that_speaks_first_is_heard_though_it_then_says_nothing(raw_server: StartRawServer, kind: str) -> None:
    def behave(conn: socket.socket) -> None:
        conn.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        while conn.recv(1000):
            pass

    server = raw_server(behave)
    outcomes = [run_on(kind, probe(server.port, 2)) for _ in range(10)]
    assert {told(outcome)[0] for outcome in outcomes} == {"mismatch"}


def test_garbage_of_less_than_a_header_is_told_when_the_peer_hangs_up(raw_server: StartRawServer) -> None:
    server = raw_server(hang_up_at(1, b"HTTP"))
    assert told(run_on("epoll", probe(server.port))) == (
        "mismatch",
        f"ct1 (10.0.0.7:{server.port}) is a web server; set port to its DICOM port",
    )


MISPLACED = [
    (1, RELEASE_RP, "sent a PDU of type 6 where it does not belong while the association was negotiated"),
    (1, echo_response(), "sent a PDU of type 4 where it does not belong while the association was negotiated"),
    (4, accept(), "sent a PDU of type 2 where it does not belong after the C-ECHO request"),
    (4, pdu(2, pdv(command())), "sent a PDU of type 2 where it does not belong after the C-ECHO request"),
    (5, accept(), "sent a PDU of type 2 where it does not belong while the association was released"),
    (4, echo_response(message_id=7), "answered message 7 in context 1, and we asked message 1 in context 1"),
    (4, echo_response(message_id=0), "answered message 0 in context 1, and we asked message 1 in context 1"),
    (4, echo_response(context_id=3), "answered message 1 in context 3, and we asked message 1 in context 1"),
    (4, echo_response(field=0x8001), "sent a message that is not a C-ECHO response after the C-ECHO request"),
    (4, echo_response(field=0x0030), "sent a message that is not a C-ECHO response after the C-ECHO request"),
    (4, pdu(4, pdv(b"rubbish")), "sent a PDU of type 4 that cannot be read (?) after the C-ECHO request"),
    (
        1,
        pdu(2, b"short"),
        "sent an A-ASSOCIATE-AC that names no presentation context while the association was negotiated",
    ),
    (1, pdu(3, b""), "sent a PDU of type 3 that cannot be read (?) while the association was negotiated"),
]


@pytest.mark.parametrize(("place", "answer", "sentence"), MISPLACED, ids=range(len(MISPLACED)))
def test_what_does_not_belong_is_a_mismatch_and_is_aborted(
    raw_server: StartRawServer, place: int, answer: bytes, sentence: str
) -> None:
    heard: list[int] = []
    server = raw_server(answer_with({place: answer}, heard))
    reason, message = told(run_on("epoll", probe(server.port)))
    told_before, _, told_after = sentence.partition("(?)")
    assert reason == "mismatch"
    assert message.startswith(f"ct1 (10.0.0.7:{server.port}) {told_before}")
    assert message.endswith(f"{told_after}; {VENDOR}" if told_after else VENDOR)
    server.close()
    assert heard[-2:] == [7, 0]


def test_a_release_instead_of_an_answer_is_told(raw_server: StartRawServer) -> None:
    heard: list[int] = []
    server = raw_server(answer_with({4: RELEASE_RQ}, heard))
    assert told(run_on("epoll", probe(server.port))) == (
        "aborted",
        "ct1 released the association instead of answering the C-ECHO; look into its log at this time",
    )
    server.close()
    assert heard == [1, 4, 7, 0]


def _in_pieces(pieces: int, apart: bool) -> bytes:
    data = command()
    cuts = [len(data) * number // pieces for number in range(pieces + 1)]
    values = [pdv(data[a:b], last=b == len(data)) for a, b in itertools.pairwise(cuts)]
    return b"".join(pdu(4, value) for value in values) if apart else pdu(4, b"".join(values))


@on_each_loop
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("pieces", [2, 3, 4, 5])
def test_a_response_in_fragments_is_put_together(
    raw_server: StartRawServer, pieces: int, apart: bool, kind: str
) -> None:
    server = raw_server(answer_with({4: _in_pieces(pieces, apart)}))
    outcome = run_on(kind, probe(server.port))
    assert (told(outcome), outcome.status) == (("", ""), 0)


def test_a_response_in_too_many_fragments_is_a_mismatch(raw_server: StartRawServer) -> None:
    server = raw_server(answer_with({4: pdu(4, pdv(b"", last=False)) * 100}))
    assert told(run_on("epoll", probe(server.port)))[0] == "mismatch"
    server = raw_server(answer_with({4: pdu(4, pdv(bytes(10000), last=False)) * 10}))
    assert told(run_on("epoll", probe(server.port)))[0] == "mismatch"


@on_each_loop
def test_an_abort_in_the_same_segment_as_the_acceptance_is_heard(raw_server: StartRawServer, kind: str) -> None:
    server = raw_server(answer_with({1: accept() + abort(2, 6), 4: None}))
    reason, message = told(run_on(kind, probe(server.port, 2)))
    assert (reason, message[:36]) == ("aborted", "ct1 aborted after the C-ECHO request")


@on_each_loop
def test_a_release_collision_ends_well(raw_server: StartRawServer, kind: str) -> None:
    heard: list[int] = []

    def behave(conn: socket.socket) -> None:
        while request := read_pdu(conn):
            heard.append(request[0])
            if request[0] == 5:
                conn.sendall(RELEASE_RQ)  # as if both had asked at once
            elif request[0] == 6:
                conn.sendall(RELEASE_RP)
                return
            else:
                conn.sendall(ANSWERS[request[0]])

    server = raw_server(behave)
    assert told(run_on(kind, probe(server.port))) == ("", "")
    assert heard == [1, 4, 5, 6]


def test_a_second_release_request_is_not_answered_again(raw_server: StartRawServer) -> None:
    server = raw_server(answer_with({5: RELEASE_RQ * 3, 6: None}))
    assert told(run_on("epoll", probe(server.port)))[0] == "mismatch"


@on_each_loop
@with_time(0.5, 2, 5)
def test_a_byte_at_a_time_ends_at_the_deadline_with_the_number_of_bytes(
    raw_server: StartRawServer, kind: str, seconds: float
) -> None:
    sent = 0

    def behave(conn: socket.socket) -> None:
        nonlocal sent
        read_pdu(conn)
        for byte in accept():  # for over fifteen seconds, if nothing ends it
            conn.sendall(bytes([byte]))
            sent += 1
            time.sleep(0.1)

    server = raw_server(behave)
    reason, message = told(run_on(kind, probe(server.port, seconds)))
    assert reason == "timeout"
    stopped = int(message.partition("stopped after ")[2].partition(" bytes and sent no more")[0])
    assert 0 < stopped < 100
    assert abs(sent - stopped) <= 1
    assert waiting_time(message) == pytest.approx(seconds, rel=0.3)


@on_each_loop
@pytest.mark.parametrize("then", ["silence", "close"])
@with_time(0.4, 2, 10)
def test_half_a_pdu_is_no_answer(raw_server: StartRawServer, then: str, kind: str, seconds: float) -> None:
    def behave(conn: socket.socket) -> None:
        read_pdu(conn)
        conn.sendall(accept()[:50])
        if then == "silence":
            conn.recv(1)
        else:
            conn.shutdown(socket.SHUT_WR)  # only half closed: nothing else will wake the other side
            conn.recv(1)

    server = raw_server(behave)
    reason, message = told(run_on(kind, probe(server.port, seconds)))
    assert reason == {"silence": "timeout", "close": "aborted"}[then]
    assert "after 50 bytes" in message


def _flood(conn: socket.socket, data: bytes) -> None:
    while (request := read_pdu(conn)) and request[0] != 5:
        conn.sendall(ANSWERS[request[0]])
    while True:
        conn.sendall(data)


@on_each_loop
@pytest.mark.parametrize("size", [0, 1, 1000])
@with_time(0.5, 2, 8)
def test_a_flood_instead_of_a_release_does_not_hold_up_others(
    raw_server: StartRawServer, size: int, kind: str, seconds: float
) -> None:
    server = raw_server(lambda conn: _flood(conn, pdu(4, bytes(size)) * 5000))
    other = raw_server(answer_with({}))

    async def together() -> tuple[Outcome, list[float]]:
        flooded = asyncio.ensure_future(probe(server.port, seconds))
        took = []
        while not flooded.done():
            outcome = await probe(other.port)
            took.append(sum(outcome.phases.values()))
        return await flooded, took

    outcome, took = run_on(kind, together())
    assert told(outcome)[0] in ("mismatch", "timeout")
    assert outcome.status == 0
    assert max(took) < 0.8 * seconds


@with_time(0.4, 2, 10)
def test_strays_that_trickle_end_at_the_deadline(raw_server: StartRawServer, seconds: float) -> None:
    def behave(conn: socket.socket) -> None:
        while (request := read_pdu(conn)) and request[0] != 5:
            conn.sendall(ANSWERS[request[0]])
        while True:
            conn.sendall(echo_response())
            time.sleep(0.05)

    server = raw_server(behave)
    assert told(run_on("epoll", probe(server.port, seconds)))[0] == "timeout"


@on_each_loop
@pytest.mark.parametrize("size", [3_000, 16_384, 20_000, 40_000])
def test_an_end_that_comes_with_much_of_an_answer_is_noticed_at_once(
    raw_server: StartRawServer, kind: str, size: int
) -> None:
    def behave(connection: socket.socket) -> None:
        read_pdu(connection)
        connection.sendall(b"\x02\x00" + (100_000).to_bytes(4, "big") + bytes(size - 6))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    server = raw_server(behave)

    async def echoed_late() -> Outcome:
        asking = asyncio.create_task(probe(server.port, 3.0))
        await asyncio.sleep(0.02)
        time.sleep(0.2)  # noqa: ASYNC251 - all of it is there before the loop looks
        return await asking

    reason, message = told(run_on(kind, echoed_late()))
    assert (reason, message.partition(" the connection ")[0]) == ("aborted", f"ct1 (10.0.0.7:{server.port}) closed")
