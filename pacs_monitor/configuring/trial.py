"""Tries what the web server will need when it starts, so that no configuration is called good that `run` refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Map, Place, below
from pacs_monitor.dicom.certificate_facts import facts_of_file
from pacs_monitor.settings import AgentSettings
from pacs_monitor.web.errors import PortInUseError, WebError
from pacs_monitor.web.listen import check_control_path, open_tcp, tls_context
from pacs_monitor.web.passwords import read_passwords

_SOON = timedelta(days=21)


def try_web(agent: AgentSettings, root: Map, findings: Findings) -> None:
    """Complain of what keeps the web server from starting, and warn of what will soon. Nothing is left behind."""
    web = agent.web
    if web.tls and not findings.complained_within("web.tls"):
        tls = web.tls
        if _works(lambda: tls_context(tls), "web.tls", root, findings):
            _look_at_dates(tls.cert_file, _place("web.tls.cert_file", root), findings)
    passwords = web.basic_auth_file
    if passwords and not findings.complained_within("web.basic_auth_file"):
        _works(lambda: read_passwords(passwords).close(), "web.basic_auth_file", root, findings)
    _works(lambda: check_control_path(agent.data_dir / "control.sock"), "data_dir", root, findings)
    if not findings.complained_within("web.listen"):
        _try_address(*web.address, root, findings)


def _works(attempt: Callable[[], object], setting: str, root: Map, findings: Findings) -> bool:
    try:
        attempt()
    except WebError as error:
        # The sentence begins with the setting that is at fault, which may be one below this.
        named, colon, message = str(error).partition(": ")
        known = bool(colon) and named.startswith(setting)
        findings.complain(_place(named if known else setting, root), message if known else str(error))
        return False
    return True


def _try_address(host: str, port: int, root: Map, findings: Findings) -> None:
    try:
        for opened in open_tcp(host, port, listen=False):
            opened.close()
    except PortInUseError as error:
        findings.warn(_place("web.listen", root), f"{_of_listen(error)}; no matter if that is the agent itself")
    except WebError as error:
        findings.complain(_place("web.listen", root), _of_listen(error))


def _of_listen(error: WebError) -> str:
    return str(error).removeprefix("web.listen: ")


def _look_at_dates(path: Path, place: Place, findings: Findings) -> None:
    facts, now = facts_of_file(path), datetime.now(UTC)
    if facts is None:
        return
    if facts.ends <= now:
        findings.warn(place, f"the certificate in {path} has expired on {facts.ends:%Y-%m-%d}; renew it")
    elif facts.begins > now:
        findings.warn(place, f"the certificate in {path} is valid only from {facts.begins:%Y-%m-%d} on")
    elif facts.ends - now < _SOON:
        findings.warn(place, f"the certificate in {path} expires on {facts.ends:%Y-%m-%d}; renew it")


def _place(setting: str, root: Map) -> Place:
    """Where a setting stands, or the nearest that it would stand in."""
    place, here = Place(root.file, root.line, ""), root
    for part in setting.split("."):
        place = below(here, part)
        value = here.get(part)
        if not isinstance(value, Map):
            break
        here = value
    return Place(place.file, place.line, setting)
