"""Peers that say nothing, hang up or reset, at each phase."""

import socket
from collections.abc import Callable

import pytest

from tests.conftest import StartRawServer
from tests.dicom.pdus import RELEASE_RP, accept, answer_with, echo_response, full_backlog, hang_up_at
from tests.dicom.support import on_each_loop, probe, run_on, told, waiting_time
from tests.noise import with_time

LOOK = "look into its log at this time"

SILENCES = [
    (
        1,
        "took the connection and gave no answer to our association request within {:g} s; the service hangs or has no "
        "free thread: restart it, or ask its vendor",
    ),
    (
        4,
        "took the association and gave no answer to the C-ECHO within {:g} s; the service hangs behind its front door: "
        "look at its load and database, or restart it",
    ),
    (
        5,
        "answered the C-ECHO and then did not answer the release within {:g} s; its associations may pile up: ask its "
        "vendor",
    ),
]


@on_each_loop
@pytest.mark.parametrize(("silent", "sentence"), SILENCES)
@with_time(0.3, 2, 10)
def test_silence_is_a_timeout_that_says_at_which_point(
    raw_server: StartRawServer, silent: int, sentence: str, kind: str, seconds: float
) -> None:
    server = raw_server(answer_with({silent: None}))
    reason, message = told(run_on(kind, probe(server.port, seconds)))
    assert reason == "timeout"
    waited = waiting_time(message)
    assert waited == pytest.approx(seconds, rel=0.3)
    assert message == f"ct1 (10.0.0.7:{server.port}) {sentence.format(waited)}"


BEGINNINGS = [
    (1, accept()[:30], "began to answer our association request, stopped after 30 bytes"),
    (4, echo_response()[:5], "took the association, began to answer the C-ECHO, stopped after 5 bytes"),
    (5, RELEASE_RP[:1], "answered the C-ECHO, began to answer the release, stopped after 1 byte"),
]


@on_each_loop
@pytest.mark.parametrize(("silent", "beginning", "sentence"), BEGINNINGS)
@with_time(0.3, 2, 10)
def test_a_peer_that_stops_in_the_middle_of_an_answer_is_said_to_have_begun_it(
    raw_server: StartRawServer, silent: int, beginning: bytes, sentence: str, kind: str, seconds: float
) -> None:
    server = raw_server(answer_with({silent: beginning}))
    outcome = run_on(kind, probe(server.port, seconds))
    waited = waiting_time(told(outcome)[1])
    assert waited == pytest.approx(seconds, rel=0.3)
    assert outcome.partial == len(beginning)
    assert told(outcome) == (
        "timeout",
        f"ct1 (10.0.0.7:{server.port}) {sentence} and sent no more within {waited:g} s; the service hangs in the "
        f"middle of it, or something in between holds the rest back: {LOOK}",
    )


@with_time(0.3, 2, 10)
def test_the_beginning_of_another_protocol_is_not_taken_for_half_an_answer(
    raw_server: StartRawServer, seconds: float
) -> None:
    server = raw_server(answer_with({1: b"SSH-"}))
    assert told(run_on("epoll", probe(server.port, seconds))) == (
        "mismatch",
        f"ct1 (10.0.0.7:{server.port}) is an SSH server; set port to its DICOM port",
    )


@on_each_loop
@with_time(0.3, 2, 10)
def test_silence_when_connecting_is_a_timeout(kind: str, seconds: float) -> None:
    with full_backlog() as port:
        reason, message = told(run_on(kind, probe(port, seconds)))
    assert reason == "timeout"
    assert message.startswith(f"ct1 (10.0.0.7:{port}) did not answer within ")
    assert waiting_time(message) == pytest.approx(seconds, rel=0.3)


CLOSINGS: list[tuple[Callable[[socket.socket], None], str]] = [
    (
        hang_up_at(1),
        "while the association was negotiated; it often means that this machine's address or PACSMON is not permitted "
        f"there, or that the port expects TLS: {LOOK}",
    ),
    (hang_up_at(1, b"\2\0\0"), f"while the association was negotiated after 3 bytes of an answer; {LOOK}"),
    (hang_up_at(4), f"after the C-ECHO request; {LOOK}"),
    (hang_up_at(4, echo_response()[:20]), f"after the C-ECHO request after 20 bytes of an answer; {LOOK}"),
]


@on_each_loop
@pytest.mark.parametrize(("behave", "sentence"), CLOSINGS, ids=range(len(CLOSINGS)))
def test_a_peer_that_hangs_up_is_told_apart_from_one_that_is_silent(
    raw_server: StartRawServer, behave: Callable[[socket.socket], None], sentence: str, kind: str
) -> None:
    server = raw_server(behave)
    reason, message = told(run_on(kind, probe(server.port)))
    assert (reason, message) == ("aborted", f"ct1 (10.0.0.7:{server.port}) closed the connection {sentence}")


def test_a_peer_that_hangs_up_instead_of_releasing_is_well(raw_server: StartRawServer) -> None:
    outcome = run_on("epoll", probe(raw_server(hang_up_at(5)).port))
    assert told(outcome) == ("", "")
    assert outcome.phases.keys() == {"connect", "associate", "dimse", "release"}


@on_each_loop
def test_a_peer_that_resets_is_told_apart_too(raw_server: StartRawServer, kind: str) -> None:
    def behave(conn: socket.socket) -> None:
        conn.recv(1)  # what is left unread makes the kernel send a reset

    server = raw_server(behave)
    reason, message = told(run_on(kind, probe(server.port)))
    assert reason == "aborted"
    assert message.startswith(
        f"ct1 (10.0.0.7:{server.port}) reset the connection while the association was negotiated; it often means"
    )
