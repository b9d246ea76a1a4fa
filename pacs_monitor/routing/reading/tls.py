"""How a peer is verified, as mails and webhooks set it."""

from __future__ import annotations

import ssl
from pathlib import Path

from pacs_monitor.routing.definitions import Tls
from pacs_monitor.routing.reading.fields import Section

TLS = (
    "ca",
    "ca_file",
    "cert",
    "cert_file",
    "key",
    "key_file",
    "server_name",
    "insecure_skip_verify",
    "min_version",
    "max_version",
)
VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")


def read_tls(part: Section | None) -> Tls:
    """The settings of a `tls_config`."""
    if part is None:
        return Tls()
    for key in ("ca", "cert", "key"):
        if part.text(key):
            if key == "key":
                part.reading.secrets.setdefault(part.text(key))
            part.complain(key, f"is not taken here; write it into a file, and name that in {key}_file")
    tls = Tls(
        ca_file=part.file("ca_file"),
        cert_file=part.file("cert_file"),
        key_file=part.file("key_file"),
        server_name=part.text("server_name"),
        insecure_skip_verify=part.boolean("insecure_skip_verify") or False,
        min_version=_version(part, "min_version"),
        max_version=_version(part, "max_version"),
    )
    # Both ways of sending leave the versions to OpenSSL, which speaks 1.2 and 1.3.
    for key, harmless in (("min_version", ("", "TLS10", "TLS11", "TLS12")), ("max_version", ("", "TLS13"))):
        if getattr(tls, key) not in harmless:
            part.warn(key, "is not followed: TLS 1.2 and 1.3 are both spoken; have the other side refuse one of them")
    for there, missing in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if part.text(there) and not part.text(missing):
            part.complain(there, f"stands without {missing}; name both, or neither")
    if part.reading.try_files:
        _try(part, tls)
    return tls


def _version(part: Section, key: str) -> str:
    text = part.text(key)
    if text and text not in VERSIONS:
        part.complain(key, f"{text} is no version of TLS; there is {', '.join(VERSIONS)}")
        return ""
    return text


def _try(part: Section, tls: Tls) -> None:
    if tls.ca_file and _readable(tls.ca_file):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(tls.ca_file)
        except (OSError, ssl.SSLError):
            message = f"{tls.ca_file} holds no certificate in PEM; name the file of the authority, or convert it to PEM"
            part.complain("ca_file", message)
    if tls.cert_file and tls.key_file and _readable(tls.cert_file) and _readable(tls.key_file):
        _try_pair(part, tls.cert_file, tls.key_file)


def _try_pair(part: Section, cert: Path, key: Path) -> None:
    from pacs_monitor.settings import TlsServer
    from pacs_monitor.web.certificates import CertificateError, load_pair

    try:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), TlsServer(cert_file=cert, key_file=key))
    except CertificateError as error:
        for setting, sentence in error.faults:
            part.complain(setting.removeprefix("web.tls").removeprefix("."), sentence)


def _readable(path: Path) -> bool:
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True
