"""What a certificate says of itself: until when, for whom, by whom."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from pacs_monitor.dicom.codec import printable

MOST_NAMES = 6


@dataclass(frozen=True)
class Facts:
    """All text is made harmless for a terminal."""

    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    """The names and addresses that it is for, at most 6."""
    issuer: str
    fingerprint: str
    """SHA-256, as OpenSSL writes it."""


def facts_of(der: bytes) -> Facts | None:
    """Of a certificate in DER; None if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in it nobody asked
            return _facts(x509.load_der_x509_certificate(der))
    except ValueError:
        return None


def facts_of_file(path: Path) -> Facts | None:
    """Of the first certificate in a PEM file; None if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _facts(x509.load_pem_x509_certificate(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _facts(certificate: x509.Certificate) -> Facts:
    return Facts(
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        names=tuple(printable(name) for name in _names(certificate)[:MOST_NAMES]),
        issuer=printable(certificate.issuer.rfc4514_string()),
        fingerprint=certificate.fingerprint(SHA256()).hex(":").upper(),
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return []  # a common name alone counts for nothing in verification
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [*found.get_values_for_type(x509.DNSName), *addresses]
