"""Tries what the web server will need when it starts, so that no configuration is called good that `run` refuses."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pacs_monitor.configuring.complaints import right_part
from pacs_monitor.configuring.fields import meant, settings_of
from pacs_monitor.configuring.filling import fill
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, Place, Value, below, is_null
from pacs_monitor.settings import TlsServer, WebSettings
from pacs_monitor.web.certificates import CertificateError, load_client_ca, load_pair
from pacs_monitor.web.errors import PortInUseError, WebError
from pacs_monitor.web.listen import open_tcp
from pacs_monitor.web.passwords import read_passwords

_SOON = timedelta(days=21)


def try_web(root: Map, findings: Findings) -> None:
    """Complain of what keeps the web server from starting, and warn of what will soon. Nothing is left behind."""
    section = root.get("web")
    if not is_null(section) and not isinstance(section, Map):
        return
    tree = section if isinstance(section, Map) else Map(root.file, root.line, "web", {})
    # What is right is tried, whatever is wrong beside it.
    web, _ = right_part(WebSettings, fill(WebSettings, tree, Findings()))
    _try_tls(tree.get("tls"), findings)
    passwords = web.basic_auth_file
    if passwords and not findings.complained_within("web.basic_auth_file"):
        _try_passwords(passwords, below(tree, "basic_auth_file"), findings)
    misspelt = meant(tree.entries, settings_of(WebSettings))
    if "listen" not in misspelt and not findings.complained_within("web.listen"):
        _try_address(*web.address, below(tree, "listen"), findings)


def _try_passwords(path: Path, place: Place, findings: Findings) -> None:
    try:
        read_passwords(path).close()
    except WebError as error:
        findings.complain(place, str(error).removeprefix("web.basic_auth_file: "))


def _try_tls(tree: Value | None, findings: Findings) -> None:
    if not isinstance(tree, Map):
        return

    def is_good(key: str) -> bool:
        return key in tree.entries and not findings.complained_within(below(tree, key).path)

    if not (is_good("cert_file") and is_good("key_file")):
        return
    tls, _ = right_part(TlsServer, fill(TlsServer, tree, Findings()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if _take(lambda: load_pair(context, tls), tree, findings):
        _look_at_dates(tls.cert_file, below(tree, "cert_file"), findings)
    client_ca = tls.client_ca_file
    if client_ca and is_good("client_ca_file"):
        _take(lambda: load_client_ca(context, client_ca), tree, findings)


def _take(attempt: Callable[[], None], tree: Map, findings: Findings) -> bool:
    try:
        attempt()
    except CertificateError as error:
        for setting, sentence in error.faults:
            key = setting.removeprefix("web.tls").removeprefix(".")
            findings.complain(below(tree, key) if key else Place(tree.file, tree.line, tree.path), sentence)
        return False
    return True


def _try_address(host: str, port: int, place: Place, findings: Findings) -> None:
    try:
        for opened in open_tcp(host, port, listen=False):
            opened.close()
    except PortInUseError as error:
        findings.warn(place, f"{_of_listen(error)}; no matter if that is the agent itself")
    except WebError as error:
        findings.complain(place, _of_listen(error))


def _of_listen(error: WebError) -> str:
    return str(error).removeprefix("web.listen: ")


def _look_at_dates(path: Path, place: Place, findings: Findings) -> None:
    # Takes 10 MB of memory, which an agent without TLS need not spend.
    from pacs_monitor.certificate_facts import facts_of_file

    facts, now = facts_of_file(path), datetime.now(UTC)
    if facts is None:
        return
    if facts.ends <= now:
        findings.warn(place, f"the certificate in {path} has expired on {facts.ends:%Y-%m-%d}; renew it")
    elif facts.begins > now:
        message = f"the certificate in {path} is valid only from {facts.begins:%Y-%m-%d} on; take another until then"
        findings.warn(place, message)
    elif facts.ends - now < _SOON:
        findings.warn(place, f"the certificate in {path} expires on {facts.ends:%Y-%m-%d}; renew it")
