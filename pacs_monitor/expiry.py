"""Until when certificates are good: what checks that see some export of them, and what they say."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pacs_monitor.check import CheckFailed, Gauge, Sample

EXPIRY = Gauge(
    "pacs_certificate_expiry_timestamp_seconds",
    "When the first certificate of the chain expires.",
    keep=True,  # whoever cannot be asked for a day has not got a new one
)
CHAIN = Gauge(
    "pacs_certificate_chain_expiry_timestamp_seconds",
    "When each certificate of the chain expires; 1 is the server's own.",
    ("position",),
)
MOST = 10
"""So many certificates of a chain are looked at."""
_DAY = 86400.0
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Validity:
    """From when until when a certificate is good."""

    begins: float
    ends: float


def validities(chain: Sequence[bytes], where: str) -> list[Validity]:
    """Of certificates in DER. Raises CheckFailed("mismatch"); `where` names whoever shows them. Blocks."""
    from pacs_monitor.certificate_facts import facts_of

    found = [facts_of(der) for der in chain]
    if not found or None in found:
        raise CheckFailed(
            "mismatch", f"the certificate of {where} cannot be read; have it issued anew, as X.509 with valid dates"
        )
    return [Validity(facts.begins.timestamp(), facts.ends.timestamp()) for facts in found if facts is not None]


def read_chain(path: Path) -> list[bytes]:
    """The certificates of a file in PEM or DER, as DER. Blocks. Raises OSError, or CheckFailed("mismatch")."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    with path.open("rb") as file:
        content = file.read(_MOST_BYTES)
    try:
        if b"-----BEGIN" in content:
            read = x509.load_pem_x509_certificates(content)
        else:
            read = [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise CheckFailed(
            "mismatch", f"{path} holds no certificate in PEM or DER; correct cert_file, or write it there again"
        ) from None
    return [one.public_bytes(Encoding.DER) for one in read[:MOST]]


def first_end(chain: Sequence[Validity]) -> float:
    """When the first of them expires."""
    return min(one.ends for one in chain)


def samples(chain: Sequence[Validity]) -> Iterator[Sample]:
    """Of a whole chain: the first to expire, and each."""
    yield EXPIRY(first_end(chain))
    for position, one in enumerate(chain, 1):
        yield CHAIN(one.ends, position=str(position))


def fault_of(chain: Sequence[Validity], where: str, critical: float) -> CheckFailed | None:
    """What is wrong with the dates of a chain, now; `critical`: seconds that must be left."""
    now = time.time()
    ends = first_end(chain)
    which = next(place for place, one in enumerate(chain, 1) if one.ends == ends)
    what = f"the certificate of {where}"
    if which > 1:
        what = f"an issuer's certificate that {where} shows (number {which} of {len(chain)})"
    left, on = ends - now, _date(ends)
    if left <= 0:
        remedy = "have a new one issued and installed now"
        return CheckFailed("threshold", f"{what} expired {_days(-left)} ago, on {on}; {remedy}")
    if left < critical:
        remedy = "ask today for a new one, which may take weeks, and have it installed"
        return CheckFailed("threshold", f"{what} expires in {_days(left)}, on {on}; {remedy}")
    if chain[0].begins > now:
        return CheckFailed(
            "tls", f"{what} is good from {_date(chain[0].begins)} on and not yet; look at the clocks, its and ours"
        )
    return None


def _days(seconds: float) -> str:
    if seconds < 2 * _DAY:
        hours = int(seconds // 3600)
        return f"{hours} hour{'s' * (hours != 1)}"
    return f"{int(seconds // _DAY)} days"


def _date(timestamp: float) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M} UTC"
