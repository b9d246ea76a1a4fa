"""The TCP check against real listeners."""

import socket

import pytest

from checks.tcp import Tcp
from pacs_monitor.node import Node
from tests.checks.support import Run, bind, complaint, run, until
from tests.conftest import StartRawServer
from tests.noise import with_time
from tests.peers.ports import free_port

SECONDS = "pacs_tcp_connect_seconds"


async def probe(port: int | None, check: Tcp, seconds: float = 20.0) -> Run:
    return await run(bind(check, Node(name="sw", host="127.0.0.1", port=port)), seconds)


def wait_for_the_end(conn: socket.socket) -> None:
    while conn.recv(100):
        pass


async def test_an_open_port_is_timed_and_closed_again(raw_server: StartRawServer) -> None:
    ended: list[bytes] = []
    server = raw_server(lambda conn: ended.append(conn.recv(100)))
    gave = await probe(None, Tcp(port=server.port))
    assert gave.failure is None
    assert 0 < (gave.value(SECONDS) or 0) < 20
    await until(lambda: ended == [b""])


async def test_the_nodes_own_port_is_taken_unless_another_is_set(raw_server: StartRawServer) -> None:
    own, other = raw_server(wait_for_the_end), raw_server(wait_for_the_end)
    await probe(own.port, Tcp())
    await probe(own.port, Tcp(port=other.port))
    await until(lambda: (own.accepted, other.accepted) == (1, 1))


async def test_without_any_port_it_says_where_to_set_one() -> None:
    gave = await probe(None, Tcp())
    assert gave.message == "sw has no port; set port for this check or for the node"


async def test_a_closed_port_raises_what_the_kernel_says() -> None:
    with pytest.raises(ConnectionRefusedError):
        await probe(free_port(), Tcp())


@with_time(0.5, 2, 10)
async def test_packets_that_vanish_are_a_timeout_that_names_the_firewall(seconds: float) -> None:
    with socket.socket() as full:
        # A listener whose queue is full drops what comes, as a firewall does.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        with socket.socket() as one, socket.socket() as two:
            for each in (one, two):
                each.setblocking(False)
                each.connect_ex(place)
            gave = await probe(place[1], Tcp(), seconds)
    assert gave.reason == "timeout"
    assert "a firewall drops the packets" in gave.message
    assert gave.samples == []


async def test_a_greeting_that_matches_in_pieces_is_fine(raw_server: StartRawServer) -> None:
    def greet(conn: socket.socket) -> None:
        for piece in (b"SS", b"H-2.0", b"-OpenSSH\r\n"):
            conn.sendall(piece)
        conn.recv(1)

    gave = await probe(raw_server(greet).port, Tcp(expect=r"^SSH-2\.0-\w+"))
    assert gave.failure is None


@pytest.mark.parametrize(
    ("sends", "stays", "reason", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", False, "mismatch", "26 bytes that do not match '^SSH-2' and then closed"),
        (b"HTTP/1.1", True, "mismatch", "and then nothing until the timeout; is another service on this port?"),
        (b"x" * 5000, True, "mismatch", "sent 1024 bytes that do not match"),
        (b"\x01\xff\x00", False, "mismatch", "sent 3 bytes that do not match '^SSH-2'"),
        (b"DOE^JOHN 19700101\r\n", False, "mismatch", "sent 19 bytes that do not match '^SSH-2'"),
        (b"", True, "timeout", "takes the connection and says nothing, where a greeting like '^SSH-2' is due"),
        (b"", False, "aborted", "takes the connection and closes it"),
    ],
)
@with_time(0.5, 2, 10)
async def test_another_greeting_is_told_apart(
    raw_server: StartRawServer, sends: bytes, stays: bool, reason: str, words: str, seconds: float
) -> None:
    def greet(conn: socket.socket) -> None:
        conn.sendall(sends)
        if stays:
            wait_for_the_end(conn)

    gave = await probe(raw_server(greet).port, Tcp(expect="^SSH-2"), seconds)
    assert gave.reason == reason
    assert words in gave.message
    assert "DOE" not in gave.message
    assert gave.value(SECONDS) is not None, "the connection itself was measured"


def test_an_expression_that_is_none_is_refused_at_load() -> None:
    with complaint("'(' is not a regular expression (missing ), unterminated subpattern at position 0)"):
        Tcp(expect="(")


def test_a_node_that_only_answers_tcp_is_healthy_by_it() -> None:
    assert Tcp().affects_health
