"""Each distinct answer is read once; what a hostile peer sends is not kept without end."""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor.dicom.codec import Accepted, Malformed, Rejected, Response, printable
from pacs_monitor.dicom.decode import KNOWN_SIZE, Commands, Memo, decode_abort, decode_association, decode_response
from tests.dicom.pdus import abort, accept, command, echo_response, item, pdu, pdv, reject, user_items


def test_an_answer_is_decoded_once() -> None:
    decoded: list[bytes] = []

    def decode(data: bytes) -> Accepted | Rejected | object:
        decoded.append(data)
        return decode_association(data)

    memo = Memo(decode)
    assert memo(accept()) is memo(accept())
    assert isinstance(memo(reject(1, 1, 3)), Rejected)
    assert decoded == [accept(), reject(1, 1, 3)]


def test_a_memo_keeps_neither_long_answers_nor_too_many() -> None:
    memo = Memo(decode_association, most=10)
    for number in range(1000):
        memo(accept(user=user_items(version=str(number).encode())))
        assert len(memo) <= 10
    memo = Memo(decode_association)
    long = accept(user=user_items() + item(0x53, bytes(KNOWN_SIZE)))
    memo(long)
    assert len(memo) == 0


def test_what_cannot_be_read_is_not_kept() -> None:
    memo = Memo(decode_association)
    for _ in range(2):
        with pytest.raises(Malformed):
            memo(pdu(2, b"nonsense"))
    assert len(memo) == 0


def test_the_first_of_two_contexts_may_be_the_one_that_is_refused() -> None:
    answer = decode_association(accept(((1, 4), (3, 0))))
    assert isinstance(answer, Accepted)
    assert (answer.result(1), answer.result(3), answer.result(5)) == (4, 0, -1)
    assert answer.transfers == ((3, "1.2.840.10008.1.2"),)


def test_a_response_in_one_piece_is_read_without_remembering_fragments() -> None:
    assert decode_response(echo_response(7, 3, 0x0110)) == Response(0x0110, 7, 3)
    assert decode_response(pdu(4, pdv(command()[:20], last=False))) is None


@given(cuts=st.lists(st.integers(0, len(command())), max_size=6), apart=st.booleans())
def test_a_command_may_be_cut_anywhere(cuts: list[int], apart: bool) -> None:
    data = command(message_id=5)
    edges = [0, *sorted(cuts), len(data)]
    pieces = list(itertools.pairwise(edges))
    values = [pdv(data[a:b], last=place + 1 == len(pieces)) for place, (a, b) in enumerate(pieces)]
    commands = Commands()
    answers = [commands.add(pdu(4, each)) for each in (values if apart else [b"".join(values)])]
    assert answers[:-1] == [None] * (len(answers) - 1)
    assert answers[-1] == Response(0, 5, 1)


@given(st.binary(max_size=200), st.integers(1, 7))
def test_whatever_bytes_come_they_are_read_or_malformed(body: bytes, kind: int) -> None:
    for decode in (decode_association, decode_abort, decode_response):
        with suppress(Malformed):
            decode(pdu(kind, body))


@given(st.binary(max_size=60), st.integers(0, 250))
def test_a_damaged_acceptance_is_read_or_malformed(damage: bytes, place: int) -> None:
    data = bytearray(accept())
    data[6 + place : 6 + place + len(damage)] = damage[: max(0, len(data) - 6 - place)]
    try:
        answer = decode_association(bytes(data))
    except Malformed:
        return
    assert isinstance(answer, Accepted)
    assert answer.implementation_uid.isprintable()
    assert answer.implementation_version.isprintable()


def test_an_abort_is_read_with_its_numbers() -> None:
    assert (decode_abort(abort(2, 6)).source, decode_abort(abort(2, 6)).reason) == (2, 6)


def test_text_of_a_peer_is_made_harmless() -> None:
    assert printable("a\x1b[31m\nb\u202e" + "x" * 100) == ("a?[31m?b?" + "x" * 100)[:64]
