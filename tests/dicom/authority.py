"""Certificates for tests, right and wrong, and DICOM servers that speak TLS with them."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pynetdicom import AE

from tests.dicom.pdus import answer_with
from tests.peers.raw import RawServer


@dataclass(frozen=True)
class Files:
    """A certificate with its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority with its files in a folder."""

    def __init__(self, folder: Path, expired: bool = False) -> None:
        self.folder = folder
        self.ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.file = folder / "ca.pem"
        self.file.write_bytes(_expired(self.ca) if expired else self.ca.cert_pem.bytes())

    def issue(self, *names: str, **options: Any) -> Files:
        return self._write("-".join(names), self.ca.issue_cert(*names, **options))

    def expired(self) -> Files:
        long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        return self._write("expired", self.ca.issue_cert("127.0.0.1", not_before=long_ago, not_after=long_ago))

    def _write(self, name: str, issued: trustme.LeafCert) -> Files:
        files = Files(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        files.cert.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(files.key)
        return files


def _expired(ca: trustme.CA) -> bytes:
    """The authority's certificate once more, with the same key, and over since 2020."""
    old = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), 2, long_ago, long_ago)
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    key: Any = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def self_signed(folder: Path, common_name: str = "device") -> Files:
    """A certificate that vouches for itself, as devices come with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("device")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = Files(folder / "self.pem", folder / "self.key")
    files.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(private_pem(key))
    return files


def private_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    protection: Any = serialization.NoEncryption()
    if passphrase is not None:
        protection = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def server_context(files: Files, wants_from: Path | None = None) -> ssl.SSLContext:
    """`wants_from`: the authority from which the client must have a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    if wants_from is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants_from)
    return context


def secured(context: ssl.SSLContext, behave: Callable[[socket.socket], object]) -> Callable[[socket.socket], None]:
    """What a RawServer does if it shakes hands first, and then behaves so."""

    def secure(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True, suppress_ragged_eofs=True) as wrapped:
            behave(wrapped)

    return secure


@contextmanager
def secure_peer(context: ssl.SSLContext) -> Iterator[int]:
    """The port of a peer over TLS that answers as it should."""
    with RawServer(secured(context, answer_with({}))) as server:
        yield server.port


@contextmanager
def secure_scp(context: ssl.SSLContext) -> Iterator[int]:
    """The port of a pynetdicom SCP over TLS."""
    ae = AE(ae_title="CALLED")
    ae.add_supported_context("1.2.840.10008.1.1")
    server: Any = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=context)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
