"""Several addresses of one name."""

import asyncio
import socket

import pytest

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.connect import more_telling, open_transport
from tests.conftest import StartRawServer
from tests.dicom.pdus import answer_with, full_backlog
from tests.dicom.support import on_each_loop, probe, run_on, script, told
from tests.noise import with_time
from tests.peers.ports import free_port

DEAD = (socket.AF_INET, ("255.255.255.255", 9))


def _here(port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    return socket.AF_INET, ("127.0.0.1", port)


@on_each_loop
def test_where_the_first_address_refuses_the_second_answers(raw_server: StartRawServer, kind: str) -> None:
    server = raw_server(answer_with({}))
    outcome = run_on(kind, probe(server.port, addresses=[_here(free_port()), DEAD, _here(server.port)]))
    assert told(outcome) == ("", "")


@on_each_loop
@with_time(1, 4, 10)
def test_where_the_first_address_is_silent_the_second_answers_within_the_deadline(
    raw_server: StartRawServer, kind: str, seconds: float
) -> None:
    server = raw_server(answer_with({}))
    with full_backlog() as port:
        outcome = run_on(kind, probe(server.port, seconds, addresses=[_here(port), _here(server.port)]))
    assert told(outcome) == ("", "")
    assert 0.4 * seconds < outcome.phases["connect"] < 0.9 * seconds


@on_each_loop
@with_time(0.4, 2, 10)
def test_where_all_addresses_fail_the_most_telling_failure_is_told(kind: str, seconds: float) -> None:
    outcome = run_on(kind, probe(free_port(), addresses=[_here(free_port()), DEAD]))
    assert told(outcome)[0] == "refused"
    with full_backlog() as port:
        outcome = run_on(kind, probe(free_port(), seconds, addresses=[DEAD, _here(free_port()), _here(port)]))
    assert told(outcome)[0] == "refused"


def test_of_two_equal_failures_the_later_is_told() -> None:
    one, other = CheckFailed("timeout", "one"), CheckFailed("timeout", "other")
    assert more_telling(one, other) is other
    assert more_telling(None, one) is one
    assert more_telling(one, CheckFailed("unreachable", "")) is one


@on_each_loop
@with_time(0.6, 2, 10)
def test_a_connection_for_tls_walks_the_addresses_as_well(
    raw_server: StartRawServer, kind: str, seconds: float
) -> None:
    server = raw_server(answer_with({}))

    async def connect(*ports: int) -> int:
        deadline = asyncio.get_running_loop().time() + seconds
        transport = await open_transport(script(1), [_here(port) for port in ports], deadline)
        port: int = transport.get_extra_info("peername")[1]
        transport.abort()
        await asyncio.sleep(0)
        return port

    with full_backlog() as silent:
        assert run_on(kind, connect(silent, free_port(), server.port)) == server.port
        with pytest.raises(CheckFailed, match="refuses the connection"):
            run_on(kind, connect(free_port(), silent))
