"""A node that breaks a rule which does not matter for an echo works, and must not be called down."""

from collections.abc import Callable

import pytest

from tests.conftest import StartRawServer
from tests.dicom.pdus import (
    accept,
    answer_with,
    item,
    user_items,
)
from tests.dicom.support import probe, run_on, told

VERSIONS: list[tuple[bytes | None, str]] = [
    (b"V" * 300, "V" * 64),
    (b"A\x1b[31mB\n\x07", "A?[31mB??"),
    (b"M\xfcller", "M�ller"),
    (b"PADDED\0\0\0", "PADDED"),
    (b"", ""),
    (None, ""),
]


@pytest.mark.parametrize(("version", "label"), VERSIONS)
def test_a_strange_version_is_made_harmless_and_does_not_make_a_working_node_down(
    raw_server: StartRawServer, version: bytes | None, label: str
) -> None:
    server = raw_server(answer_with({1: accept(user=user_items(version=version))}))
    outcome = run_on("epoll", probe(server.port))
    assert told(outcome) == ("", "")
    assert outcome.accepted is not None
    assert outcome.accepted.implementation_version == label
    assert outcome.accepted.implementation_uid == "1.2.3.4"


LENIENT: list[Callable[[], bytes]] = [
    lambda: accept(titles=bytes(32)),
    lambda: accept(titles=b"\xe9\x1b" * 16),
    lambda: accept(user=item(0x51, b"\0\0\x40\0")),
    lambda: accept(user=b""),
    lambda: accept(user=user_items() + item(0x99, b"what is this")),
    lambda: accept(user=user_items(uid=b"1.2.3\0")),
    lambda: accept(user=user_items(uid=b"no\nuid\x1b")),
    lambda: accept(user=user_items(uid=b"1." * 200 + b"1")),
    lambda: accept(contexts=((1, 0), *((number, 3) for number in range(3, 255, 2)))),
]


@pytest.mark.parametrize("answer", LENIENT)
def test_what_does_not_matter_for_an_echo_does_not_make_a_node_down(
    raw_server: StartRawServer, answer: Callable[[], bytes]
) -> None:
    outcome = run_on("epoll", probe(raw_server(answer_with({1: answer()})).port))
    assert told(outcome) == ("", "")
    assert outcome.accepted is not None
    assert outcome.accepted.implementation_uid.isprintable()
    assert len(outcome.accepted.implementation_uid) <= 64
