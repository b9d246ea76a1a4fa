"""What an exception of the operating system means for a check."""

import errno
import os
import socket
import ssl

import pytest

from pacs_monitor.failures import explain_os_error
from pacs_monitor.memory import NotSaved

CANARY = "/images/DOE^JOHN.dcm"


def tls_error() -> ssl.SSLError:
    """As OpenSSL raises it: a client that gets no TLS for its hello."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(b"HTTP/1.0 400 no TLS here\r\n\r\n")
    with pytest.raises(ssl.SSLError) as raised:
        context.wrap_bio(incoming, outgoing, server_hostname="archive").do_handshake()
    return raised.value


MEANINGS = [
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns", "cannot be resolved"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "dns", "Temporary failure"),
    (TimeoutError(), "timeout", "did not answer in time"),
    (OSError(errno.ETIMEDOUT, "x"), "timeout", "did not answer in time"),
    (OSError(errno.ECONNREFUSED, "x"), "refused", "nothing listens there; start the service, or correct the port"),
    (OSError(errno.ECONNRESET, "x"), "aborted", "ended the connection"),
    (OSError(errno.EPIPE, "x"), "aborted", "ended the connection"),
    (OSError(errno.EHOSTUNREACH, "x"), "unreachable", "No route to host; ask the network team"),
    (OSError(errno.ENETUNREACH, "x"), "unreachable", "Network is unreachable; ask the network team"),
    (OSError(errno.EHOSTDOWN, "x"), "unreachable", "Host is down; ask the network team"),
    (PermissionError(errno.EACCES, "x", CANARY), "forbidden", "give its user the permission"),
    (FileNotFoundError(errno.ENOENT, "x", CANARY), "not_found", "correct the path"),
    (OSError(errno.EMFILE, "x"), "broken", "raise its limit"),
    (OSError(errno.ENFILE, "x"), "broken", "raise its limit"),
    (OSError(errno.ENOSPC, "x", CANARY), "unreachable", "No space left on device"),
    (OSError(f"Multiple exceptions: {CANARY}"), "unreachable", "cannot be reached: OSError"),
    (NotSaved("database or disk is full"), "broken", "(database or disk is full); look at the disk of data_dir"),
]


@pytest.mark.parametrize(("error", "reason", "words"), MEANINGS, ids=lambda value: str(value)[:40])
def test_an_error_becomes_one_word_and_a_sentence_that_ends_with_what_to_do(
    error: OSError, reason: str, words: str
) -> None:
    explained = explain_os_error(error, "archive (10.0.0.5)")
    assert explained.reason == reason
    assert words in explained.message
    assert "archive (10.0.0.5)" in explained.message
    assert ";" in explained.message
    assert CANARY not in explained.message


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), "/data is not there; make or mount it, or correct the path"),
        (PermissionError(errno.EACCES, "x"), "the agent may not use /data; give its user the permission"),
        (
            OSError(errno.EIO, "x"),
            "/data cannot be used (Input/output error); look at it, and at the disk or share that it is on",
        ),
    ],
)
def test_an_error_about_a_file_names_it(error: OSError, sentence: str) -> None:
    assert explain_os_error(error, "backup", "/data").message == f"backup: {sentence}"


def test_an_error_of_tls_is_told_in_openssls_words() -> None:
    explained = explain_os_error(tls_error(), "archive (10.0.0.5)")
    assert explained.reason == "tls"
    assert explained.message.startswith("no TLS with archive (10.0.0.5): ")
    assert "version number" in explained.message or "packet length" in explained.message


def test_a_certificate_that_is_not_trusted_is_told_as_such() -> None:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1)")
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    assert "certificate verify failed; look at the certificates" in explain_os_error(error, "archive").message


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_no_error_number_is_left_without_an_explanation(number: int) -> None:
    explained = explain_os_error(OSError(number, os.strerror(number)), "archive")
    assert explained.message
