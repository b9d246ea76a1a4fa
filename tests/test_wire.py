"""The pipe's messages: whole, in order, however the bytes are cut."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor import wire

VALUES = st.recursive(
    st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.binary(), st.booleans(), st.none()),
    lambda inner: st.tuples(inner, inner),
    max_leaves=6,
)
MESSAGES = st.lists(st.lists(VALUES, min_size=1, max_size=6).map(tuple), max_size=8)


@given(MESSAGES, st.lists(st.integers(1, 40), max_size=30))
def test_messages_arrive_whole_and_in_order_however_the_bytes_are_cut(
    messages: list[tuple[object, ...]], cuts: list[int]
) -> None:
    data = b"".join(map(wire.pack, messages))
    unpacker, arrived, start = wire.Unpacker(), [], 0
    for cut in [*cuts, len(data)]:
        arrived += list(unpacker.feed(data[start : start + cut]))
        start += cut
    assert arrived == messages


def test_a_float_arrives_to_the_last_bit() -> None:
    values = (0.1, 1e300, -0.0, float("inf"), 5e-324)
    (message,) = wire.Unpacker().feed(wire.pack(values))
    assert list(map(repr, message)) == list(map(repr, values))


def test_a_lone_surrogate_survives() -> None:
    assert list(wire.Unpacker().feed(wire.pack(("\udce4",)))) == [("\udce4",)]


def test_a_message_of_megabytes_in_small_pieces_takes_no_more_than_a_moment() -> None:
    unpacker, data = wire.Unpacker(), wire.pack((wire.LOAD, b"x" * (4 << 20)))
    arrived = [message for start in range(0, len(data), 4096) for message in unpacker.feed(data[start : start + 4096])]
    assert len(arrived[0][1]) == 4 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x01\x00\x00\x00\x00",
        b"\x03\x00\x00\x00abc",
        wire.pack(()),
        (5).to_bytes(4, "little") + b"i\x01\x00\x00\x00",
    ],
    ids=["too long", "empty", "no value", "no marshal", "an empty tuple", "no tuple"],
)
def test_what_neither_end_sends_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="a message"):
        list(wire.Unpacker().feed(data))


def test_what_marshal_does_not_know_is_refused_at_the_sender() -> None:
    with pytest.raises(ValueError, match="unmarshallable"):
        wire.pack((object(),))


def test_a_message_that_the_other_end_would_refuse_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST", 100)
    with pytest.raises(ValueError, match="longer"):
        wire.pack((b"x" * 101,))


async def test_messages_go_over_a_real_socket_pair() -> None:
    ours, theirs = socket.socketpair()
    reader, answering = await asyncio.open_connection(sock=ours)
    _, writer = await asyncio.open_connection(sock=theirs)
    sent = [(wire.RESULT, number, 0.1, 0.2, 0.3, "", "", 1, float(number)) for number in range(5000)]
    for message in sent:
        writer.write(wire.pack(message))
    unpacker = wire.Unpacker()
    arrived: list[tuple[object, ...]] = []
    while len(arrived) < len(sent):
        arrived += list(unpacker.feed(await reader.read(1 << 16)))
    assert arrived == sent
    for each in (writer, answering):
        each.close()
        await each.wait_closed()
