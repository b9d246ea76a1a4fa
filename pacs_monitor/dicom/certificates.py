"""Certificates: ours from their files, and what a failed TLS handshake says of the peer's or of ours."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.conversation import Script
from pacs_monitor.node import Tls

_REGISTER = "it does not take our certificate; have it registered there"
_NOT_TLS = "this port does not speak TLS; take tls away, or correct port"
_OLD = "it speaks only versions of TLS that are no longer safe; ask its vendor for TLS 1.2"
# By a part of OpenSSL's word for it, which older and newer versions spell with different beginnings.
_REMEDIES = {
    "CERTIFICATE_REQUIRED": "it wants a certificate of ours; set tls.cert_file and have it registered there",
    "UNKNOWN_CA": "it does not trust our certificate's issuer; have it registered there",
    "ALERT_CERTIFICATE_EXPIRED": "our certificate (tls.cert_file) has expired; have it renewed",
    "ALERT_CERTIFICATE_REVOKED": "our certificate (tls.cert_file) was revoked; have a new one issued",
    "ALERT_CERTIFICATE_UNKNOWN": _REGISTER,
    "BAD_CERTIFICATE": _REGISTER,
    "UNSUPPORTED_CERTIFICATE": _REGISTER,
    "ACCESS_DENIED": _REGISTER,
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD,
    "PROTOCOL_VERSION": _OLD,
    "UNRECOGNIZED_NAME": "it does not know the name that we asked for; set tls.server_name to one of its own",
    "HANDSHAKE_FAILURE": "no cipher in common, or it wants a certificate of ours (tls.cert_file); see its log",
}
# By OpenSSL's X509_V_ERR codes.
_VERIFY_REMEDIES = {
    9: "look at its clock and ours",
    10: "have it renewed",
    18: "set tls.ca_file to it if it is meant to be self-signed",
    19: "set tls.ca_file to the authority's certificate",
    20: "set tls.ca_file to the certificate of the authority that issued it",
    62: "set tls.server_name to the name in the certificate",
    64: "set tls.server_name to the name in the certificate",
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
            "tls", f"the certificate files {named} cannot be used ({_why(error, files)}); correct tls"
        ) from None


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return (status.st_mtime_ns, status.st_ino, status.st_size)


def _why(error: OSError, files: list[Path]) -> str:
    if not isinstance(error, ssl.SSLError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    if any(b"ENCRYPTED" in path.read_bytes() for path in files):  # OpenSSL says no more than "PEM lib"
        return "the key is protected by a passphrase; store it without one, readable only for the agent"
    if error.reason in (None, "NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE"):
        return "no certificate or key in PEM found in one of them"
    return error.reason.lower().replace("_", " ")


def explain_tls(error: ssl.SSLError | OSError, script: Script) -> CheckFailed:
    """What a failed handshake means and what to do."""
    node = f"{script.node} ({script.place})"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        remedy = _VERIFY_REMEDIES.get(error.verify_code, "ask whoever issued it")
        return CheckFailed("tls", f"the certificate of {node} is not accepted: {why}; {remedy}")
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").upper()
        remedy = next((text for word, text in _REMEDIES.items() if word in reason), "look into its log at this time")
        return CheckFailed("tls", f"no TLS with {node}: {reason.lower().replace('_', ' ')}; {remedy}")
    return CheckFailed(
        "tls",
        f"{node} closed the connection during the TLS handshake; does this port speak TLS, and does it want a "
        f"certificate of ours (tls.cert_file)?",
    )
