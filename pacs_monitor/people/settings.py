"""The sections `people`, `on_call` and `notify`, as an administrator writes them."""

from __future__ import annotations

import re
from datetime import date
from email.utils import getaddresses
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pacs_monitor.sections import DAYS, ClockTime, SecretSource, Section, parse_clock
from pacs_monitor.units import Duration, FilePath, Name, PlainText, Secret, Unit, host_fault, port_of

Way = Literal["email", "pager", "webhook"]
NEXT, EVERYONE, ON_CALL = "next", "everyone", "on_call."
"""What `to` takes beside names of people."""
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def as_list(value: Any) -> Any:
    """One text as a list of it, so that brackets may be left out."""
    return [value] if isinstance(value, str) else value


def parse_change(value: str) -> str:
    """`mon 08:00` of `monday 08:00`, or `08:00` alone for every day. Raises ValueError with the remedy."""
    words = value.lower().split()
    wrong = f"{value} is no time at which the rotation turns; write for example monday 08:00, or 08:00 for every day"
    try:
        clock = parse_clock(words[-1])
    except (ValueError, IndexError):
        raise ValueError(wrong) from None
    if clock == "24:00" or len(words) > 2:
        raise ValueError(wrong)
    if len(words) == 1:
        return clock
    day = words[0]
    if day not in _DAY_NAMES and day not in DAYS:
        raise ValueError(wrong)
    return f"{day[:3]} {clock}"


def parse_day_or_time(value: str) -> str:
    """`2026-12-24`, or `2026-12-24 18:00`. Raises ValueError with the remedy."""
    day, _, clock = str(value).strip().replace("T", " ").partition(" ")
    try:
        date.fromisoformat(day)
        return f"{day} {parse_clock(clock)}" if clock else day
    except ValueError:
        raise ValueError(f"{value} is no date; write it as 2026-12-24, or 2026-12-24 18:00") from None


def parse_address(value: str) -> str:
    """An e-mail address. Raises ValueError with the remedy."""
    found = getaddresses([value])
    if len(found) != 1 or not re.fullmatch(r"[^\s@]+@[^\s@]+", found[0][1]):
        raise ValueError(f"{value} is no address; write one such as ana@north.example")
    return value


def parse_server(value: str) -> str:
    """`host` or `host:port`, with the port. Raises ValueError with the remedy."""
    host, port = server_of(value)
    if "/" in value or host_fault(host):
        example = "write its name or address, and a port if it is not 25, as in mail.north.example:587"
        raise ValueError(f"{value} is no mail server; {example}")
    port_of(port)
    return value


def server_of(value: str) -> tuple[str, str]:
    """Host and port; port 25 unless it is given."""
    host, colon, port = value.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return value, "25"
    return host.removeprefix("[").removesuffix("]"), port


def _check_label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError(f"{value} is no name of a label; use letters, digits and '_', first a letter")
    return value


def _longer_than_nothing(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("is not longer than 0s; write for example 5m")
    return seconds


Address = Annotated[
    str, AfterValidator(parse_address), Unit("mail address", example="ana@north.example"), Field(min_length=1)
]
Change = Annotated[str, AfterValidator(parse_change), Unit("weekday and time", example="monday 08:00")]
DayOrTime = Annotated[str, AfterValidator(parse_day_or_time), Unit("date, or date and time", example="2026-12-24")]
Label = Annotated[str, AfterValidator(_check_label), Unit("label", example="alertname")]
Span = Annotated[Duration, AfterValidator(_longer_than_nothing)]
Texts = Annotated[tuple[PlainText, ...], BeforeValidator(as_list)]
Labels = Annotated[tuple[Label, ...], BeforeValidator(as_list)]
Ways = Annotated[tuple[Way, ...], BeforeValidator(as_list)]
Whom = Annotated[tuple[PlainText, ...], BeforeValidator(as_list), Unit("names", example="on_call.pacs")]


class Person(Section):
    """Somebody who is told."""

    name: PlainText = ""
    """The name that others are told; the key unless set."""
    email: Address | None = None
    """The address that mails go to."""
    pager: Address | None = None
    """The address of a mail gateway for pagers or SMS: 140 characters of text go there."""
    webhook: Secret | None = None
    """An address that a chat gave for posts, as ${VARIABLE}; better: webhook_file."""
    webhook_file: FilePath | None = None
    """A file that holds that address."""
    template: Name | None = None
    """The template of posts and mails: generic, slack, teams, or one of your own."""
    secrets: dict[Name, SecretSource] = Field(default_factory=dict)
    """What that template takes by name, such as the routing_key of pagerduty."""
    language: Literal["en", "de"] = "en"
    """The language of the fixed words in mails."""


class Override(Section):
    """Somebody else is on call for a time."""

    person: PlainText
    """Who is on call instead."""
    from_: DayOrTime = Field(alias="from")
    """The first day, or when it begins."""
    to: DayOrTime
    """The last day, or when it ends."""


class OnCall(Section):
    """People who are on call one after the other."""

    rotation: Annotated[tuple[PlainText, ...], Field(min_length=1), BeforeValidator(as_list)]
    """Names of people, in their order."""
    changes: Change = "mon 08:00"
    """When the next one takes over: a weekday and a time, or a time alone for every day."""
    starts: date = date(2024, 1, 1)
    """The first one of the rotation begins with the first change on this day or after it."""
    overrides: tuple[Override, ...] = ()
    """Times in which somebody else is on call."""


class Smtp(Section):
    """The mail server that takes our mails."""

    host: Annotated[str, AfterValidator(parse_server), Unit("host, or host:port", example="mail.north.example:587")]
    """Its name or address; port 25 unless it is given, and TLS from the start on port 465."""
    from_: Address = Field(alias="from")
    """The address that mails come from."""
    username: PlainText = ""
    """The user to log in as; nobody unless set."""
    password: Secret | None = None
    """The password, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the password."""
    require_tls: bool = True
    """Whether a server without TLS (STARTTLS) gets no mail; false where nobody can listen on the way."""
    ca_file: FilePath | None = None
    """The certificates that sign the server's (PEM); the system's unless set."""
    hello: PlainText = "localhost"
    """How we greet the server."""


class Escalation(Section):
    """Who is told if nobody acknowledges."""

    after: Span
    """How long the alert has fired by then."""
    to: Whom
    """As of a rule, and `next`: the next in the rotation after the one on call; `everyone`: all in the rotation."""
    by: Ways = ()
    """How they are told; as the rule says unless set."""


class Rule(Section):
    """Who is told of which alerts, how and when."""

    severity: Texts = ()
    """The severities that it takes, one or a list; all unless set."""
    match: Texts = ()
    """What else must be so, one or a list of Alertmanager's matchers, such as role=~"archive|router"."""
    to: Whom
    """Who is told: people, on_call.NAME for who is on call, or everyone."""
    by: Ways = ("email",)
    """How: email, pager, webhook, one or a list."""
    hours: Name | None = None
    """The hours within which they are told; what fires outside of them is told when they begin."""
    digest: ClockTime | None = None
    """A time of day at which all is told at once, instead of when it happens."""
    escalate: tuple[Escalation, ...] = ()
    """Who else is told of what goes on and nobody has acknowledged."""
    group_by: Labels | None = None
    """As of `notify`, for this rule."""
    group_wait: Duration | None = None
    """As of `notify`, for this rule."""
    group_interval: Span | None = None
    """As of `notify`, for this rule."""
    repeat_interval: Span | None = None
    """As of `notify`, for this rule."""


class NotifySettings(Section):
    """Who is told of alerts."""

    smtp: Smtp | None = None
    """The mail server."""
    rules: tuple[Rule, ...] = ()
    """Who is told of what; the first that fits an alert takes it."""
    group_by: Labels = ("alertname", "site")
    """Alerts that agree in these labels are told together."""
    group_wait: Duration = 30.0
    """How long a first alert waits for others to be told with it."""
    group_interval: Span = 300.0
    """How long after that what is new or over in a group is told."""
    repeat_interval: Span = 14400.0
    """When what goes on unacknowledged is told again."""
