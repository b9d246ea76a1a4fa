"""Certificates: ours from their files, and what a failed TLS handshake says of the peer's or of ours."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pacs_monitor.check import CheckFailed
from pacs_monitor.node import Tls

Trouble = Literal[
    "ours_missing",
    "ours_untrusted",
    "ours_expired",
    "ours_revoked",
    "expired",
    "not_yet_valid",
    "self_signed",
    "issuer",
    "name",
    "address",
    "not_accepted",
    "not_tls",
    "old",
    "server_name",
    "no_agreement",
    "closed",
    "other",
]
"""What is in the way of TLS: `ours_` speaks of our certificate, `expired` to `not_accepted` of the peer's."""


class TlsFailed(CheckFailed):
    """There is no TLS with a node; `trouble` says why in a word, for those who give advice of their own."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        """The reason is `tls`."""
        super().__init__("tls", message)
        self.trouble: Trouble = trouble


_Remedy = tuple[Trouble, str, str]
_UNTRUSTED: _Remedy = (
    "ours_untrusted",
    "it does not take our certificate",
    "have the certificate, or its issuer, registered there",
)
_NOT_TLS: _Remedy = ("not_tls", "this port does not speak TLS", "take tls away, or correct port")
_OLD: _Remedy = ("old", "it speaks only versions of TLS that are no longer safe", "ask its vendor for TLS 1.2")
# By a part of OpenSSL's word for it, which older and newer versions spell with different beginnings.
_REMEDIES: dict[str, _Remedy] = {
    "CERTIFICATE_REQUIRED": (
        "ours_missing",
        "it wants a certificate of ours",
        "set tls.cert_file and have it registered there",
    ),
    "UNKNOWN_CA": (
        "ours_untrusted",
        "it does not trust the issuer of our certificate",
        "have the issuer registered there",
    ),
    "ALERT_CERTIFICATE_EXPIRED": (
        "ours_expired",
        "our certificate has expired",
        "have it renewed (tls.cert_file)",
    ),
    "ALERT_CERTIFICATE_REVOKED": (
        "ours_revoked",
        "our certificate was revoked",
        "have a new one issued (tls.cert_file)",
    ),
    "ALERT_CERTIFICATE_UNKNOWN": _UNTRUSTED,
    "BAD_CERTIFICATE": _UNTRUSTED,
    "UNSUPPORTED_CERTIFICATE": _UNTRUSTED,
    "ACCESS_DENIED": _UNTRUSTED,
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD,
    "PROTOCOL_VERSION": _OLD,
    "UNRECOGNIZED_NAME": (
        "server_name",
        "it does not know the name that we asked for",
        "set tls.server_name to one of its own",
    ),
    "HANDSHAKE_FAILURE": (
        "no_agreement",
        "no cipher in common, or it wants a certificate of ours",
        "set tls.cert_file, or look into its log at this time",
    ),
}
_ISSUER = "set tls.ca_file to the certificate of the authority that issued it"
_NAME = "set tls.server_name to the name in the certificate"
# By OpenSSL's X509_V_ERR codes.
_VERIFY_REMEDIES: dict[int, tuple[Trouble, str]] = {
    2: ("issuer", _ISSUER),
    9: ("not_yet_valid", "look at its clock and ours"),
    10: ("expired", "have it renewed"),
    18: ("self_signed", "set tls.ca_file to it if it is meant to be self-signed"),
    19: ("issuer", "set tls.ca_file to the authority's certificate"),
    20: ("issuer", _ISSUER),
    21: ("issuer", _ISSUER),
    62: ("name", _NAME),
    64: ("address", _NAME),
}

_Stamp = tuple[int, int, int]


@lru_cache(maxsize=256)
def _context(tls: Tls, stamps: tuple[_Stamp, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca_file) if tls.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As Python 3.13 has it: ca_file may hold the node's own certificate, or an authority in between.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Python 3.13 also wants extensions that the authorities of hospitals and devices leave out.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        # Without a password OpenSSL would ask for one on the terminal, and wait.
        key_file = str(tls.key_file) if tls.key_file else None
        context.load_cert_chain(str(tls.cert_file), key_file, password=lambda: b"")
    return context


def context_for(tls: Tls) -> ssl.SSLContext:
    """The client's context for a node; read anew when a file has changed. Blocks. Raises CheckFailed("tls")."""
    files = [path for path in (tls.ca_file, tls.cert_file, tls.key_file) if path]
    try:
        return _context(tls, tuple(_stamp(path) for path in files))
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(str(path) for path in files)
        raise CheckFailed(
            "tls", f"the certificate files {named} cannot be used ({_why(error, tls)}); correct tls"
        ) from None


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return (status.st_mtime_ns, status.st_ino, status.st_size)


def _why(error: OSError, tls: Tls) -> str:
    if not isinstance(error, ssl.SSLError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    # Of all else OpenSSL says no more than "PEM lib", and not of which file.
    key_file = tls.key_file or tls.cert_file
    for path, what, mark in (
        (tls.ca_file, "certificate", b"CERTIFICATE-----"),
        (tls.cert_file, "certificate", b"CERTIFICATE-----"),
        (key_file, "private key", b"PRIVATE KEY-----"),
    ):
        if path is not None and not _holds(path, mark):
            return f"{path} holds no {what} in PEM"
    if key_file is not None and _holds(key_file, b"ENCRYPTED"):
        return "the key is protected by a passphrase: store it without one, readable only for the agent"
    return (error.reason or "a certificate or key in them is damaged").lower().replace("_", " ")


def _holds(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes()
    except OSError:
        return True  # it is not this one that OpenSSL spoke of


def explain_tls(error: OSError, node: str) -> TlsFailed:
    """What a failed handshake means and what to do; `node` names the peer (`archive (10.0.0.5:2762)`)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        trouble, remedy = _VERIFY_REMEDIES.get(error.verify_code, ("not_accepted", "ask whoever issued it"))
        return TlsFailed(trouble, f"the certificate of {node} is not accepted: {why}; {remedy}")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return _explain_alert((error.reason or "failed").upper(), node)
    return TlsFailed(
        "closed",
        f"{node} closed the connection during the TLS handshake; does this port speak TLS, and does it want a "
        f"certificate of ours (tls.cert_file)?",
    )


def _explain_alert(word: str, node: str) -> TlsFailed:
    said = word.partition("ALERT_")[2] or word  # before it stands the version that the word was coined for
    said = said.lower().replace("_", " ")
    for part, (trouble, meaning, remedy) in _REMEDIES.items():
        if part in word:
            return TlsFailed(trouble, f"no TLS with {node}: {meaning} ({said}); {remedy}")
    return TlsFailed("other", f"no TLS with {node}: {said}; look into its log at this time")


def no_such_name(server_name: str, error: ValueError) -> TlsFailed:
    """The failure for a name that cannot stand in a certificate."""
    return TlsFailed("server_name", f"{server_name} cannot be the name in a certificate ({error}); set tls.server_name")
