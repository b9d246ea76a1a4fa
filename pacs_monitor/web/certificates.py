"""A certificate and its private key, as the web server takes them, and which of the two is at fault if it does not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from pacs_monitor.settings import TlsServer
from pacs_monitor.web.errors import WebError


class CertificateError(WebError):
    """Files that TLS cannot use: each setting that is at fault, and a sentence with the remedy."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{setting}: {sentence}" for setting, sentence in faults))
        self.faults = faults


def load_pair(context: ssl.SSLContext, tls: TlsServer) -> None:
    """Take certificate and key from their files. Raises CertificateError."""
    faults = []
    for setting, path in (("web.tls.cert_file", tls.cert_file), ("web.tls.key_file", tls.key_file)):
        try:
            path.open("rb").close()
        except OSError as error:
            faults.append((setting, f"{path} cannot be used ({error.strerror}); check the name and its rights"))
    if faults:
        raise CertificateError(faults)
    try:
        # Without a password of its own OpenSSL would ask on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(list(_faults_of_pair(tls.cert_file, tls.key_file, error))) from None


def load_client_ca(context: ssl.SSLContext, path: Path) -> None:
    """Ask clients for a certificate that one of these signed. Raises CertificateError."""
    setting = "web.tls.client_ca_file"
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        sentence = f"{path} holds no certificate in PEM; name the file of the authority that signs the clients'"
        raise CertificateError([(setting, sentence)]) from None
    except OSError as error:
        sentence = f"{path} cannot be used ({error.strerror}); check the name and its rights"
        raise CertificateError([(setting, sentence)]) from None
    context.verify_mode = ssl.CERT_REQUIRED


def _faults_of_pair(cert: Path, key: Path, error: OSError) -> Iterator[tuple[str, str]]:
    """OpenSSL says "PEM lib" of most, and not of which file: what the files hold says more."""
    found = False
    if not _holds(cert, b"CERTIFICATE-----"):
        found = True
        yield "web.tls.cert_file", f"{cert} holds no certificate in PEM; name the right file, or convert it to PEM"
    if not _holds(key, b"PRIVATE KEY-----"):
        found = True
        yield "web.tls.key_file", f"{key} holds no private key in PEM; name the right file, or convert it to PEM"
    elif _holds(key, b"ENCRYPTED"):
        found = True
        sentence = f"{key} is protected by a passphrase; store it without one, readable for the agent alone"
        yield "web.tls.key_file", sentence
    if found:
        return
    if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
        yield "web.tls.key_file", f"{key} is not the key of {cert}; name the one that the certificate was issued for"
        return
    why = getattr(error, "reason", None) or error.strerror
    yield "web.tls", f"{cert} and {key} cannot be used ({why}); have certificate and key issued anew"


def _holds(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes()
    except OSError:
        return False
