"""The MLLP check against interfaces by two other libraries, and against such as answer what none should."""

import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks.mllp import Mllp
from pacs_monitor.hl7 import messages
from pacs_monitor.node import Node, Tls
from tests.checks.support import DictMemory, Run, bind, complaint, run, until
from tests.conftest import StartRawServer
from tests.dicom.authority import Authority, server_context
from tests.noise import with_time
from tests.peers.mllp import run_hl7, run_hl7apy
from tests.peers.ports import free_port

PHASE = "pacs_mllp_phase_seconds"
ANSWERS = "pacs_mllp_acknowledgements_total"
CANARY = "DOE^JANE"
NODE = Node(name="engine", host="127.0.0.1")


async def probe(port: int, seconds: float = 20.0, **settings: Any) -> Run:
    memory = DictMemory()
    gave = await run(bind(Mllp(port=port, **settings), NODE, memory), seconds)
    for name in ("DOE", "JANE"):
        assert name not in repr((gave.samples, gave.message, memory.record)), "an answer is told to nobody"
    return gave


# As it should be.


async def test_without_leave_to_write_it_connects_and_sends_nothing(raw_server: StartRawServer) -> None:
    received: list[bytes] = []
    server = raw_server(lambda conn: received.append(conn.recv(100)))
    gave = await probe(server.port)
    assert gave.failure is None
    assert [sample.labels for sample in gave.samples] == [("dns",), ("connect",)]
    await until(lambda: received == [b""])


async def test_a_message_without_a_patient_is_acknowledged_and_timed() -> None:
    received: list[Any] = []
    async with run_hl7(received) as port:
        gave = await probe(port, write=True, receiving_application="ENGINE", sending_facility="NORTH")
    assert gave.message == ""
    assert 0 <= (gave.value(PHASE, phase="acknowledge") or -1) < 20
    assert gave.value(ANSWERS, code="AA") == 1
    (message,) = received
    assert [str(segment[0]) for segment in message] == ["MSH", "NCK"], "no segment of a patient, order or result"
    header = str(message[0]).split("|")
    assert header[2:6] == ["PACSMON", "NORTH", "ENGINE", ""]
    assert (header[8], header[10], header[11]) == ("NMQ^N01^NMQ_N01", "T", "2.4")


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5", "2.5.1", "2.6"])
async def test_the_message_is_valid_to_the_letter_in_each_version(version: str) -> None:
    with run_hl7apy() as port:
        gave = await probe(port, write=True, version=version)
    assert gave.message == ""


async def test_each_message_has_a_control_id_of_its_own_that_fits() -> None:
    received: list[Any] = []
    async with run_hl7(received) as port:
        for _ in range(2):
            assert (await probe(port, write=True)).failure is None
    one, two = (str(message[0]).split("|")[9] for message in received)
    assert one != two
    assert max(len(one), len(two)) <= 20


async def test_tls_is_spoken_where_it_is_set(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with run_hl7([], ssl=server_context(authority.issue("127.0.0.1"))) as port:
        gave = await probe(port, write=True, tls=Tls(ca_file=authority.file))
        assert gave.message == ""
        assert gave.value(PHASE, phase="tls") is not None
        gave = await probe(port, write=True, tls=Tls())
    assert gave.reason == "tls"
    assert gave.value(ANSWERS) is None


async def test_a_message_of_ones_own_is_sent_as_it_is_with_a_new_time_and_id(tmp_path: Path) -> None:
    path = tmp_path / "test.hl7"
    path.write_text("MSH|^~\\&|PACSMON||TEST||2001||QBP^Q22^QBP_Q21|old|T|2.5\nQPD|Q22^Find|q1|@PID.3.1^TEST\nRCP|I\n")
    received: list[Any] = []
    async with run_hl7(received) as port:
        gave = await probe(port, write=True, message_file=path)
    assert gave.message == ""
    (message,) = received
    assert [str(segment[0]) for segment in message] == ["MSH", "QPD", "RCP"]
    header = str(message[0]).split("|")
    assert header[8] == "QBP^Q22^QBP_Q21"
    assert header[6] != "2001"
    assert header[9] != "old"


# Not as it should be.


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR", "CA"])
async def test_a_no_is_told_with_its_code_and_may_be_accepted(code: str) -> None:
    async with run_hl7([], code) as port:
        gave = await probe(port, write=True, accept=["AA"])
        assert gave.reason == "rejected"
        assert gave.message == (
            f"engine (127.0.0.1:{port}) does not accept the message ({code}); look into the log of its channel, or "
            f"add {code} to accept if that is how it answers a test"
        )
        assert gave.value(ANSWERS, code=code) == 1
        assert (await probe(port, write=True, accept=["AA", code])).failure is None


async def test_why_not_is_told_as_far_as_the_standard_has_a_number_for_it() -> None:
    with run_hl7apy(knows="ADT^A01^ADT_A01") as port:
        gave = await probe(port, write=True)
    assert gave.reason == "rejected"
    assert "(AR): this type of message is not supported (HL7 table 0357: 200); look into" in gave.message


def answering(make: Callable[[str], list[bytes]], stays: bool = False) -> Callable[[socket.socket], None]:
    """A server that sends these pieces, made with the control ID of what came."""

    def behave(conn: socket.socket) -> None:
        data = b""
        while not data.endswith(b"\x1c\r"):
            data += conn.recv(4096)
        for piece in make(data.decode().split("|")[9]):
            conn.sendall(piece)
        while stays and conn.recv(4096):
            pass

    return behave


def ack(control_id: str, code: str = "AA") -> bytes:
    return f"MSH|^~\\&|||||||ACK|1|T|2.4\rMSA|{code}|{control_id}|{CANARY}\rPID|||1||{CANARY}\r".encode()


@pytest.mark.parametrize(
    "make",
    [
        lambda each: [bytes([byte]) for byte in b"\x0b" + ack(each) + b"\x1c\r"],
        lambda each: [b"\x0b" + ack(each), b"\x1c", b"\r"],
        lambda each: [b"\x0b" + ack(each) + b"\x1c\r\x0b" + ack("another") + b"\x1c\r"],
        lambda each: [b"\x0b" + ack(each).replace(b"\r", b"\n") + b"\x1c\r"],
        lambda each: [b"\x0b" + ack(each).replace(b"|", b"#").replace(b"ACK", b"\xc4CK") + b"\x1c\r"],
    ],
    ids=["byte by byte", "the end apart", "another behind it", "with line feeds", "other separators, other letters"],
)
async def test_answers_in_pieces_and_in_other_dress_are_understood(
    raw_server: StartRawServer, make: Callable[[str], list[bytes]]
) -> None:
    gave = await probe(raw_server(answering(make)).port, write=True)
    assert gave.message == ""


@pytest.mark.parametrize(
    ("make", "reason", "words"),
    [
        (lambda each: [], "aborted", "took the message and ended the connection without an answer"),
        (lambda each: [ack(each) + b"\x1c\r"], "mismatch", "does not begin its answer with <VT>"),
        (lambda each: [b"HTTP/1.1 400 DOE^JANE"], "mismatch", "is this port one for HL7 over MLLP, and the right one?"),
        (lambda each: [b"\x0b" + ack(each) + b"\r\x1c\n"], "mismatch", "does not end its answer with <FS><CR>"),
        (lambda each: [b"\x0b" + ack(each)], "mismatch", "ends the connection within its answer"),
        (lambda each: [b"\x0b" + ack(each) + b"\x1c"], "mismatch", "ends the connection within its answer"),
        (lambda each: [b"\x0b" + b"DOE^JANE" * 9000], "mismatch", "sends more than 64 KiB without an end"),
        (lambda each: [b"\x0bDOE^JANE\x1c\r"], "mismatch", "answers with what is no acknowledgement"),
        (lambda each: [b"\x0b\x1c\r"], "mismatch", "answers with what is no acknowledgement"),
        (lambda each: [b"\x0b" + ack(each, "DOE") + b"\x1c\r"], "mismatch", "answers with what is no acknowledgement"),
        (lambda each: [b"\x0bMSH|^~\\&|\rPID|DOE^JANE\x1c\r"], "mismatch", "does its channel send one (ACK with MSA)?"),
        (lambda each: [b"\x0b" + ack("DOE^JANE") + b"\x1c\r"], "mismatch", "acknowledges another message than ours"),
        (lambda each: [b"\x0b" + ack("", "AE") + b"\x1c\r"], "rejected", "does not accept the message (AE); look"),
    ],
)
async def test_each_fault_has_its_reason_and_its_remedy(
    raw_server: StartRawServer,
    make: Callable[[str], list[bytes]],
    reason: str,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = raw_server(answering(make))
    gave = await probe(server.port, write=True)
    assert gave.reason == reason
    assert gave.message.startswith(f"engine (127.0.0.1:{server.port}) ")
    assert words in gave.message
    assert "DOE" not in caplog.text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda each: [], "did not acknowledge the message in time; look whether its channel is started"),
        (lambda each: [b"\x0b" + ack(each)], "began to answer and did not end with <FS><CR> in time"),
        (lambda each: [b"\x0b" + ack(each) + b"\x1c"], "began to answer and did not end with <FS><CR> in time"),
    ],
)
@with_time(0.5, 2, 10)
async def test_where_an_interface_falls_silent_is_told(
    raw_server: StartRawServer, make: Callable[[str], list[bytes]], words: str, seconds: float
) -> None:
    gave = await probe(raw_server(answering(make, stays=True)).port, seconds, write=True)
    assert gave.reason == "timeout"
    assert words in gave.message
    assert gave.value(PHASE, phase="connect") is not None


async def test_one_that_answers_late_is_told_with_both_times() -> None:
    async with run_hl7([]) as port:
        gave = await probe(port, write=True, slow=1e-9)
    assert gave.reason == "threshold"
    assert "to acknowledge, 1e-09 s are allowed; look at its load" in gave.message


async def test_a_closed_port_is_told_by_name() -> None:
    port = free_port()
    gave = await probe(port, write=True)
    assert (gave.reason, gave.value(ANSWERS)) == ("refused", None)
    assert gave.message.startswith(f"engine (127.0.0.1:{port}) refuses the connection")


# What is not sent.

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "does not begin with a segment MSH"),
        (b"PID|1\rMSH|^~\\&|", "does not begin with a segment MSH"),
        (b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|T", "has a segment MSH that ends before MSH-12, the version"),
        (b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|P|2.4\r", "MSH-11 must be T or D"),
        (b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1||2.4\r", "MSH-11 must be T or D"),
        (b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|T|2.4\x1c\r", "holds <VT> or <FS>"),
        (b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|T|2.4\r" + b"x" * 65536, "is longer than 64 KiB"),
    ],
)
async def test_a_file_that_is_no_message_for_a_test_never_goes_out(
    raw_server: StartRawServer, tmp_path: Path, text: bytes, words: str
) -> None:
    path = tmp_path / "message.hl7"
    path.write_bytes(text)
    server = raw_server(lambda conn: conn.recv(1))
    gave = await probe(server.port, write=True, message_file=path)
    assert gave.reason == "broken"
    assert gave.message.startswith(f"message_file {path} ")
    assert words in gave.message
    assert server.accepted == 0


def test_other_separators_and_a_processing_mode_are_kept() -> None:
    text = b"MSH#$~\\&#A#B#C#D#1##ADT$A01#1#D$T#2.4#\r\n\r\nEVN##2\n"
    assert messages.stamped(text, "X1", NOW) == (
        b"MSH#$~\\&#A#B#C#D#20240506070809+0000##ADT$A01#X1#D$T#2.4#\rEVN##2\r"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"slow": "1s"}, "slow is for a message that is sent; set write: true, or take it out"),
        ({"accept": ["AR"]}, "accept is for a message that is sent"),
        ({"write": True, "accept": ["XX"]}, "Input should be 'AA', 'AE', 'AR', 'CA', 'CE' or 'CR'"),
        ({"write": True, "message_file": "/m", "version": "2.5"}, "version is for our own message; write it into mess"),
        ({"write": True, "sending_facility": "A|B"}, "is no name for an HL7 header; write up to 180 ASCII characters"),
        ({"write": True, "receiving_application": "Ä"}, "is no name for an HL7 header"),
    ],
)
def test_each_mistake_has_a_complaint_with_its_remedy(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Mllp(port=2575, **settings)
