"""Mails, and the settings of `global` that they fall back to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses

from pacs_monitor.configuring.tree import Map, Scalar
from pacs_monitor.routing.definitions import NO_SECRET, Email, Secret, Tls
from pacs_monitor.routing.reading.fields import Section, variable
from pacs_monitor.routing.reading.tls import TLS, read_tls
from pacs_monitor.units import host_fault, port_of

EMAIL = (
    "send_resolved",
    "to",
    "from",
    "smarthost",
    "hello",
    "auth_username",
    "auth_password",
    "auth_password_file",
    "auth_secret",
    "auth_secret_file",
    "auth_identity",
    "require_tls",
    "force_implicit_tls",
    "tls_config",
    "headers",
    "html",
    "text",
    "threading",
)
SMTP = tuple(
    f"smtp_{name}"
    for name in (
        "from",
        "smarthost",
        "hello",
        "auth_username",
        "auth_password",
        "auth_password_file",
        "auth_secret",
        "auth_secret_file",
        "auth_identity",
        "require_tls",
        "force_implicit_tls",
        "tls_config",
    )
)
_HEADER = re.compile(r"[!-9;-~]+")
_DEFAULT_HTML = '{{ template "email.default.html" . }}'
_DEFAULT_SUBJECT = '{{ template "email.default.subject" . }}'
_IMPLICIT = 465
_WRONG = -1
"""The port of a smarthost that is given, but cannot be read."""
_INSTEAD = "the agent's own text takes its place, or a Jinja2 template that `alerting.receivers` names"


@dataclass(frozen=True)
class Smtp:
    """What mails need; "" and None where nothing is said."""

    sender: str = ""
    host: str = ""
    port: int = 0
    hello: str = ""
    username: str = ""
    password: Secret = NO_SECRET
    secret: Secret = NO_SECRET
    identity: str = ""
    require_tls: bool | None = None
    implicit_tls: bool | None = None
    tls: Tls | None = None


def read_smtp(part: Section, prefix: str = "") -> Smtp:
    """The settings that mails and, with the prefix `smtp_`, `global` have."""
    host, port = _smarthost(part, f"{prefix}smarthost")
    tls = part.section(f"{prefix}tls_config", TLS)
    return Smtp(
        sender=_addresses(part, f"{prefix}from"),
        host=host,
        port=port,
        hello=part.text(f"{prefix}hello"),
        username=part.text(f"{prefix}auth_username"),
        password=part.secret(f"{prefix}auth_password"),
        secret=part.secret(f"{prefix}auth_secret"),
        identity=part.text(f"{prefix}auth_identity"),
        require_tls=part.boolean(f"{prefix}require_tls"),
        implicit_tls=part.boolean(f"{prefix}force_implicit_tls"),
        tls=read_tls(tls) if tls else None,
    )


def read_email(part: Section, common: Smtp) -> Email:
    """One of `email_configs`."""
    own, to = read_smtp(part), _addresses(part, "to")
    if not part.text("to"):
        part.complain("to", "is missing; write the address that the mails go to")
    for key, given in (("smarthost", own.port or common.port), ("from", own.sender or common.sender)):
        if not given and not part.has(key):
            part.complain(key, f"is missing, and so is smtp_{key} in global; write one of the two")
    _warn_of_templates(part)
    at = own if own.host else common
    implicit = common.implicit_tls if own.implicit_tls is None else own.implicit_tls
    if at.port > 0 and implicit not in (None, at.port == _IMPLICIT):
        message = f"is not followed: TLS begins with the connection on port {_IMPLICIT}, and by STARTTLS on others"
        part.warn("force_implicit_tls", message)
    return Email(
        to=to,
        sender=own.sender or common.sender,
        host=at.host,
        port=at.port,
        hello=own.hello or common.hello or "localhost",
        username=own.username or common.username,
        password=own.password or common.password,
        identity=own.identity or common.identity,
        secret=own.secret or common.secret,
        require_tls=_first(own.require_tls, common.require_tls, True),
        implicit_tls=implicit,
        tls=own.tls or common.tls or Tls(),
        headers=_headers(part),
        send_resolved=part.boolean("send_resolved") or False,
    )


def _first(*given: bool | None) -> bool:
    return next(one for one in given if one is not None)


def _smarthost(part: Section, key: str) -> tuple[str, int]:
    text = part.text(key)
    if not text:
        return "", 0
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    try:
        number = port_of(port)
    except ValueError:
        number = 0
    if not number or (":" in bare and bare == host) or host_fault(bare):
        no_host = f"{text} is no host with a port; write for example mail.north.example:25"
        part.complain(key, f"{text} is {variable(text)}" if variable(text) else no_host)
        return "", _WRONG
    return bare, number


def _addresses(part: Section, key: str) -> str:
    text = part.text(key)
    if "{{" in text:
        part.complain(key, "holds a Go template, which is not rendered here; write the address itself")
    elif text and not all("@" in address.strip("@") for _, address in getaddresses([text])):
        no_address = f"{text} is no address; write for example oncall@north.example"
        part.complain(key, f"{text} is {variable(text)}" if variable(text) else no_address)
    return text


def _headers(part: Section) -> tuple[tuple[str, str], ...]:
    given = part.value.get("headers")
    found: dict[str, tuple[str, str]] = {}
    for name, (line, text) in part.pairs("headers").items():
        assert isinstance(given, Map)
        if name.lower() in found:
            part.say(line, f"{found[name.lower()][0]} is the same header; remove one", "headers", name)
        elif not _HEADER.fullmatch(name) or "\n" in text or "\r" in text:
            part.say(line, "is no header of a mail; use letters, digits and -, and one line", "headers", name)
        elif "{{" in text:
            found[name.lower()] = (name, "")
            if text.strip() != _DEFAULT_SUBJECT:
                message = f"holds a Go template, which is not rendered here; {_INSTEAD}"
                part.told.warn(line, f"{part.name}.headers.{name}", message)
        else:
            found[name.lower()] = (name, text)
    return tuple(sorted(pair for pair in found.values() if pair[1]))


def _warn_of_templates(part: Section) -> None:
    for key in ("html", "text"):
        value = part.value.get(key)
        text = value.text if isinstance(value, Scalar) else None
        if text and text != _DEFAULT_HTML:
            part.warn(key, f"is a Go template, which is not rendered here; {_INSTEAD}")
    if part.has("threading"):
        part.warn("threading", "is not used here; mails about the same group refer to one another in any case")
