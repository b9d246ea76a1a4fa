import socket
from threading import Thread
from time import monotonic

import pytest
from pynetdicom import evt
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RQ

from pacs_monitor.simulator.address import NodeAddress
from pacs_monitor.simulator.client import Hospital
from tests.noise import with_time
from tests.peers.dcmtk import echoscu
from tests.simulator.scu import associate, echo

NODES = ["archive", "worklist", "ct1", "mr1", "us1", "router"]


def connect(node: NodeAddress, timeout: float = 20.0) -> socket.socket:
    return socket.create_connection((node.host, node.port), timeout)


def association_request(node: NodeAddress) -> bytes:
    sent: list[bytes] = []

    def keep(event: evt.Event) -> None:
        if isinstance(event.pdu, A_ASSOCIATE_RQ):
            sent.append(event.pdu.encode())

    with associate(node, handlers=[(evt.EVT_PDU_SENT, keep)]):
        return sent[0]


def test_the_hospital_is_an_archive_a_worklist_three_modalities_and_a_router(hospital: Hospital) -> None:
    assert {node.name: (node.role, node.ae_title) for node in hospital.nodes.values()} == {
        "archive": ("archive", "ARCHIVE"),
        "worklist": ("worklist", "WORKLIST"),
        "ct1": ("modality", "CT1"),
        "mr1": ("modality", "MR1"),
        "us1": ("modality", "US1"),
        "router": ("router", "ROUTER"),
    }


@pytest.mark.parametrize("name", NODES)
def test_a_healthy_node_answers_c_echo(hospital: Hospital, name: str) -> None:
    assert echo(hospital.nodes[name])


def test_dcmtk_gets_its_echo_too(hospital: Hospital) -> None:
    assert echoscu(hospital.nodes["ct1"].port, called="CT1").returncode == 0


def rejection(node: NodeAddress, calling: str = "PACSMON") -> tuple[int | None, int | None, int | None]:
    """How a node rejects a caller."""
    for _ in range(10):
        with associate(node, calling=calling) as association:
            assert not association.is_established
            if association.is_rejected:  # on a busy machine pynetdicom may see the end of the connection first
                answer = association.acceptor.primitive
                assert answer is not None
                return answer.result, answer.result_source, answer.diagnostic
    raise AssertionError("it rejects nobody")


def test_a_caller_that_is_not_known_is_rejected_as_such(hospital: Hospital) -> None:
    assert rejection(hospital.nodes["ct1"], "STRANGER") == (1, 1, 3)


def test_with_no_known_callers_any_caller_is_answered() -> None:
    with Hospital(known_callers=()) as open_house:
        assert echo(open_house.nodes["ct1"], calling="STRANGER")


def test_a_node_that_rejects_does_not_recognise_the_calling_ae_title(hospital: Hospital) -> None:
    hospital.order("router", "rejects")
    assert rejection(hospital.nodes["router"]) == (1, 1, 3)


def test_a_node_that_aborts_answers_the_request_with_an_abort(hospital: Hospital) -> None:
    hospital.order("worklist", "aborts")
    answers: list[object] = []
    with associate(
        hospital.nodes["worklist"], handlers=[(evt.EVT_PDU_RECV, lambda event: answers.append(event.pdu))]
    ) as association:
        assert association.is_aborted
    assert [type(answer) for answer in answers] == [A_ABORT_RQ]


def test_a_node_that_refuses_answers_on_the_same_port_when_it_is_healed(hospital: Hospital) -> None:
    hospital.order("ct1", "refuses")
    with pytest.raises(ConnectionRefusedError):
        connect(hospital.nodes["ct1"])
    hospital.order("ct1", "none")
    assert echo(hospital.nodes["ct1"])


def test_a_port_that_refuses_cannot_be_taken_by_another_process(hospital: Hospital) -> None:
    hospital.order("ct1", "refuses")
    with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("127.0.0.1", hospital.nodes["ct1"].port))


def test_a_node_may_go_from_one_fault_to_any_other(hospital: Hospital) -> None:
    for fault in ["refuses", "silent", "refuses", "refuses", "rejects", "aborts", "slow", "none"]:
        hospital.order("mr1", fault)
    assert echo(hospital.nodes["mr1"])


def test_a_silent_node_accepts_the_connection_and_sends_no_byte(hospital: Hospital) -> None:
    request = association_request(hospital.nodes["us1"])
    hospital.order("us1", "silent")
    with connect(hospital.nodes["us1"], timeout=1.0) as connection:
        connection.sendall(request)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_silent_node_hangs_up_when_it_is_healed(hospital: Hospital) -> None:
    hospital.order("us1", "silent")
    with connect(hospital.nodes["us1"], timeout=0.3) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(20)
        hospital.order("us1", "none")
        assert connection.recv(1) == b""
    assert echo(hospital.nodes["us1"])


@with_time(0.5, 3, 10)
def test_a_slow_node_associates_at_once_and_answers_late(hospital: Hospital, seconds: float) -> None:
    hospital.order("mr1", "slow", seconds=seconds)
    started = monotonic()
    with associate(hospital.nodes["mr1"]) as association:
        associated = monotonic() - started
        assert association.send_c_echo().Status == 0
        answered = monotonic() - started
    assert associated < 0.8 * seconds
    assert seconds <= answered < 3 * seconds


def test_neither_a_slow_nor_a_silent_node_holds_another_up(hospital: Hospital) -> None:
    hospital.order("mr1", "slow", seconds=25)
    hospital.order("us1", "silent")
    waiting = Thread(target=echo, args=[hospital.nodes["mr1"]])
    waiting.start()
    with connect(hospital.nodes["us1"]):
        assert echo(hospital.nodes["ct1"])
        assert waiting.is_alive()
    hospital.order("mr1", "none")
    waiting.join(20)
    assert not waiting.is_alive()


@with_time(0.6, 3, 9)
def test_callers_of_a_slow_node_wait_side_by_side(hospital: Hospital, seconds: float) -> None:
    hospital.order("mr1", "slow", seconds=seconds)
    callers = [Thread(target=echo, args=[hospital.nodes["mr1"]]) for _ in range(4)]
    started = monotonic()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert monotonic() - started < 3 * seconds
