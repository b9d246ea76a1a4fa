"""Every refusal is told apart, in a sentence that ends with what to do."""

import errno
import socket

import pytest

from pacs_monitor.dicom.connect import connect_failure
from pacs_monitor.dicom.rejections import rejection_labels
from tests.conftest import StartRawServer
from tests.dicom.pdus import abort, accept, answer_with, echo_response, reject
from tests.dicom.support import on_each_loop, probe, run_on, script, told
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"

REJECTIONS = [
    (
        (1, 1, 1),
        ("user", "no_reason"),
        "ct1 rejected the association permanently without saying why (source 1, reason 1); look into its log at this "
        "time, it often means an unregistered AE title (PACSMON) or address",
    ),
    (
        (1, 1, 2),
        ("user", "application_context"),
        "ct1 does not take DICOM's application context name (1.2.840.10008.3.1.1.1), which all associations carry; ask "
        "its vendor which service listens there",
    ),
    (
        (1, 1, 3),
        ("user", "calling_ae_title"),
        "ct1 does not know our AE title PACSMON; register PACSMON there with this machine's address, or set ae_title "
        "to one that it knows",
    ),
    (
        (1, 1, 7),
        ("user", "called_ae_title"),
        "ct1 does not answer to the AE title CALLED; look up its own AE title there and set ae_title to it, letter by "
        "letter",
    ),
    (
        (2, 2, 1),
        ("acse", "no_reason"),
        "ct1 rejected the association for now without saying why (source 2, reason 1); look into its log at this "
        "time, it often means that it is busy or starting",
    ),
    (
        (1, 2, 2),
        ("acse", "protocol_version"),
        "ct1 does not take version 1 of DICOM's upper layer protocol, the only one that there is; ask its vendor which "
        "service listens there",
    ),
    (
        (2, 3, 1),
        ("presentation", "congestion"),
        "ct1 is too busy for another association right now; if it stays so, look at its load",
    ),
    (
        (2, 3, 2),
        ("presentation", "local_limit"),
        "ct1 has reached its limit of associations; look there for associations left open, and raise the limit or "
        "restart the service",
    ),
    (
        (1, 1, 5),
        ("user", "unknown"),
        "ct1 rejected the association permanently for a reason that DICOM does not define (source 1, reason 5); look "
        "into its log at this time, and ask its vendor",
    ),
    (
        (9, 200, 255),
        ("unknown", "unknown"),
        "ct1 rejected the association with a result that DICOM does not define (9) for a reason that DICOM does not "
        "define (source 200, reason 255); look into its log at this time, and ask its vendor",
    ),
]


@pytest.mark.parametrize(("numbers", "labels", "sentence"), REJECTIONS)
def test_each_rejection_has_its_sentence_and_its_labels(
    raw_server: StartRawServer, numbers: tuple[int, int, int], labels: tuple[str, str], sentence: str
) -> None:
    heard: list[int] = []
    server = raw_server(answer_with({1: reject(*numbers)}, heard))
    outcome = run_on("epoll", probe(server.port))
    assert told(outcome) == ("rejected", sentence)
    assert outcome.rejected is not None
    assert rejection_labels(outcome.rejected) == labels
    server.close()
    assert heard == [1, 0]  # a rejected association is not aborted as well


@on_each_loop
def test_orthanc_says_that_it_has_another_name(orthanc: Orthanc, kind: str) -> None:
    outcome = run_on(kind, probe(orthanc.dicom_port, called="WRONG"))
    assert told(outcome)[0] == "rejected"
    assert outcome.rejected is not None
    assert (outcome.rejected.source, outcome.rejected.reason) == (1, 7)


LOOK = "look into its log at this time"
OWN = f"{LOOK}, it often means that PACSMON is not permitted there"
ABORTS = [
    (1, abort(0, 0), f"ct1 aborted while the association was negotiated on its own account; {OWN}"),
    (4, abort(0, 0), f"ct1 aborted after the C-ECHO request on its own account; {OWN}"),
    (5, abort(0, 0), f"ct1 aborted while the association was released on its own account; {OWN}"),
    (
        1,
        abort(2, 1),
        f"ct1 aborted while the association was negotiated: it did not recognise the PDU; {LOOK} and send it to the "
        f"vendor",
    ),
    (
        4,
        abort(2, 2),
        f"ct1 aborted after the C-ECHO request: it did not expect the PDU; {LOOK} and send it to the vendor",
    ),
    (
        5,
        abort(2, 77),
        f"ct1 aborted while the association was released: reason 77; {LOOK} and send it to the vendor",
    ),
]


@pytest.mark.parametrize(("kind", "answer", "sentence"), ABORTS, ids=range(len(ABORTS)))
def test_each_abort_says_by_whom_and_when(raw_server: StartRawServer, kind: int, answer: bytes, sentence: str) -> None:
    server = raw_server(answer_with({kind: answer}))
    outcome = run_on("epoll", probe(server.port))
    assert told(outcome) == ("aborted", sentence)
    assert outcome.aborted is not None


@pytest.mark.parametrize(
    ("contexts", "why"),
    [
        (((1, 1),), "rejected by the application"),
        (((1, 2),), "refused, no reason given"),
        (((1, 3),), "abstract syntax not supported"),
        (((1, 4),), "none of the transfer syntaxes supported"),
        (((1, 9),), "a result that DICOM does not know (9)"),
        ((), "its answer does not mention it"),
        (((3, 0),), "its answer does not mention it"),
    ],
)
def test_a_peer_that_does_not_take_verification_is_released_and_told(
    raw_server: StartRawServer, contexts: tuple[tuple[int, int], ...], why: str
) -> None:
    heard: list[int] = []
    server = raw_server(answer_with({1: accept(contexts)}, heard))
    assert told(run_on("epoll", probe(server.port))) == (
        "no_context",
        f"ct1 took the association but not Verification (C-ECHO): {why}; have Verification switched on there, or use "
        f"the tcp check",
    )
    server.close()
    assert heard == [1, 5, 0]


def test_refused_extra_sop_classes_are_named(raw_server: StartRawServer) -> None:
    server = raw_server(answer_with({1: accept(((1, 0), (3, 3)))}))
    assert told(run_on("epoll", probe(server.port, uids=(CT, MR)))) == (
        "no_context",
        "ct1 answers C-ECHO but refuses CT Image Storage (abstract syntax not supported), MR Image Storage (its "
        "answer does not mention it); have the service switched on there, or take it out of `contexts`",
    )


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(0x0110, "processing failure"), (0x0124, "refused, not authorised"), (0xC123, "a status of its own")],
)
def test_a_status_other_than_success_is_told(raw_server: StartRawServer, status: int, meaning: str) -> None:
    server = raw_server(answer_with({4: echo_response(status=status)}))
    outcome = run_on("epoll", probe(server.port))
    assert told(outcome) == ("dimse_status", f"ct1 answered the C-ECHO with 0x{status:04X} ({meaning}); {LOOK}")
    assert outcome.status == status


@on_each_loop
def test_a_port_on_which_nothing_listens_refuses(kind: str) -> None:
    port = free_port()
    assert told(run_on(kind, probe(port))) == (
        "refused",
        f"ct1 (10.0.0.7:{port}) refuses the connection: the machine is there, but nothing listens on this port; start "
        f"the DICOM service, or correct port",
    )


@on_each_loop
def test_a_network_that_cannot_be_reached_is_unreachable(kind: str) -> None:
    # Connecting to the broadcast address fails at once with ENETUNREACH, or EACCES on some kernels.
    outcome = run_on(kind, probe(11112, addresses=[(socket.AF_INET, ("255.255.255.255", 11112))]))
    assert told(outcome)[0] == "unreachable"


@pytest.mark.parametrize(
    ("number", "reason", "sentence"),
    [
        (
            errno.EHOSTUNREACH,
            "unreachable",
            "there is no way to ct1 (10.0.0.7:104): No route to host; the machine is off or the route is gone: ask the "
            "network team",
        ),
        (
            errno.EMFILE,
            "unreachable",
            "ct1 (10.0.0.7:104) cannot be reached: Too many open files; this process may open no more files: raise "
            "LimitNOFILE of the agent's service",
        ),
        (
            errno.EPERM,
            "unreachable",
            "this machine may not connect to ct1 (10.0.0.7:104): Operation not permitted; look at its own firewall",
        ),
        (
            errno.ETIMEDOUT,
            "timeout",
            "ct1 (10.0.0.7:104) did not answer within 3 s; nothing came back at all: the machine is off, or a firewall "
            "drops the packets; try to ping it and ask the network team about port 104",
        ),
    ],
)
def test_what_the_kernel_says_of_a_connect_is_explained(number: int, reason: str, sentence: str) -> None:
    failure = connect_failure(number, script(104), 3.0)
    assert (failure.reason, failure.message) == (reason, sentence)
