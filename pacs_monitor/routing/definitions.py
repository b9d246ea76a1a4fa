"""Routes and receivers as an Alertmanager file defines them. Durations are in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pacs_monitor.history.matchers import Matcher
from pacs_monitor.routing.intervals import Interval

GROUP_WAIT, GROUP_INTERVAL, REPEAT_INTERVAL = 30_000, 300_000, 4 * 3_600_000
"""What Alertmanager takes where nothing is said."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never shown: written in the file, or read from another at each use, so that it can change."""

    text: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        """The text. Raises OSError."""
        return self.file.read_text("utf-8").strip() if self.file is not None else self.text

    def __bool__(self) -> bool:
        return bool(self.text or self.file)


NO_SECRET = Secret()


@dataclass(frozen=True, slots=True)
class Tls:
    """How a peer is verified, and what we show it."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""
    """`TLS12` and the like; "" leaves it to OpenSSL."""


@dataclass(frozen=True, slots=True)
class Email:
    """One address that mails go to."""

    to: str
    sender: str
    host: str
    """Of the smarthost."""
    port: int
    hello: str = "localhost"
    username: str = ""
    password: Secret = NO_SECRET
    identity: str = ""
    secret: Secret = NO_SECRET
    """Of CRAM-MD5."""
    require_tls: bool = True
    implicit_tls: bool | None = None
    """Whether TLS begins with the connection, not by STARTTLS; None: on port 465."""
    tls: Tls = Tls()
    headers: tuple[tuple[str, str], ...] = ()
    send_resolved: bool = False
    template: str = ""
    """Attached by the agent's own file; "" is the template that comes with the agent."""
    style: str = "mail"
    """`mail`, or `pager`: 140 characters of text."""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One address that alerts are posted to."""

    url: Secret
    """Whoever knows it may post: it is shown by its host alone."""
    max_alerts: int = 0
    timeout: int = 0
    """0: the agent's own."""
    username: str = ""
    password: Secret = NO_SECRET
    authorization: str = ""
    """The scheme, as in `Bearer`; "" without credentials."""
    credentials: Secret = NO_SECRET
    headers: tuple[tuple[str, Secret], ...] = ()
    tls: Tls = Tls()
    proxy: str = ""
    follow_redirects: bool = True
    send_resolved: bool = True
    template: str = ""
    """A template of the body, by the name that the agent's own file gives; "" is Alertmanager's JSON."""
    secrets: tuple[tuple[str, Secret], ...] = ()
    """What the template takes by name."""
    signing_key: Secret = NO_SECRET
    """Of HMAC-SHA256."""


Integration = Email | Webhook


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom or what alerts go to, by a name."""

    name: str
    integrations: tuple[Integration, ...] = ()
    line: int = field(default=0, compare=False)

    def named(self) -> Iterator[tuple[str, Integration]]:
        """Each with the name that logs and metrics have for it: `email/0`, `webhook/0`, by kind and place."""
        counts = {"email": 0, "webhook": 0}
        for one in self.integrations:
            kind = "email" if isinstance(one, Email) else "webhook"
            yield f"{kind}/{counts[kind]}", one
            counts[kind] += 1

    def reached(self, at: int) -> Iterator[tuple[str, Integration]]:
        """Those that are told at a time (milliseconds since 1970): here the same at all times."""
        return self.named()

    def people(self, at: int) -> list[str]:
        """Who that is at a time."""
        return [self.name] if self.integrations else []

    def shown(self, integration: str) -> tuple[str, str]:
        """Who one of them is, and how they are told, in words."""
        return self.name, integration.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree; what a file leaves out is filled in from its parent."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    """Sorted as Alertmanager has them: by name, value and operator."""
    group_by: tuple[str, ...] = ()
    """Sorted."""
    group_all: bool = False
    """`group_by: ['...']`: every alert is a group of its own."""
    group_wait: int = GROUP_WAIT
    group_interval: int = GROUP_INTERVAL
    repeat_interval: int = REPEAT_INTERVAL
    goes_on: bool = False
    """`continue`: siblings below are tried even if this one matches."""
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    """Names of time intervals."""
    routes: tuple[Route, ...] = ()
    key: str = "{}"
    """As in Alertmanager's group keys: matchers of all routes from the root on, joined with `/`."""
    minimum_age: int = 0
    """For how long an alert fires before it is told here: an escalation."""
    ends_with_ack: bool = False
    """Whether alerts that somebody has acknowledged are not told here: an escalation."""
    digest: str = ""
    """A time of day, `HH:MM`, at which all is told at once; "" tells as groups fall due."""
    keeps: bool = False
    """Whether the end of what was told waits while the route is muted, instead of not being told."""
    rule: str = ""
    """The rule of `notify` that it comes of, as have the steps of its escalation; "" if it stands in a file.

    What is over then begins anew when it fires again, also if nobody was told that it was over.
    """
    line: int = field(default=0, compare=False)

    def every(self) -> Iterator[Route]:
        """This one and all below it, depth first."""
        yield self
        for route in self.routes:
            yield from route.every()


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """Alerts that `target` matches are not told while one fires that `source` matches and that has the same labels."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routing:
    """All that decides who hears of an alert."""

    route: Route
    receivers: tuple[Receiver, ...]
    inhibit_rules: tuple[InhibitRule, ...] = ()
    intervals: tuple[tuple[str, tuple[Interval, ...]], ...] = ()
    time_zone: str = "UTC"
    """Of digests, and of times in sentences."""
    resolve_timeout: int = 300_000
    original: str = field(default="", compare=False)
    """The file's text with secrets masked, as `amtool config show` shows it."""
    file: str = field(default="", compare=False)

    def receiver(self, name: str) -> Receiver:
        """Raises KeyError."""
        for one in self.receivers:
            if one.name == name:
                return one
        raise KeyError(name)
