"""The agent's own settings, section by section, and what a whole configuration becomes.

`config.py` reads files into these; every other part only sees what stands here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from pacs_monitor.check import Check, Destination, Metric
from pacs_monitor.node import Node
from pacs_monitor.people.settings import NotifySettings, OnCall, Person
from pacs_monitor.promql.features import Feature
from pacs_monitor.sections import DAYS, ClockTime, Days, SecretSource, Section
from pacs_monitor.units import AeTitle, Duration, FilePath, Name, PlainText, Secret, Url

if TYPE_CHECKING:
    from pacs_monitor.alerting.definitions import RuleGroup
    from pacs_monitor.configuring.tree import Value
    from pacs_monitor.discovery import HttpSd
    from pacs_monitor.loader import CheckKind
    from pacs_monitor.routing.definitions import Routing


class TlsServer(Section):
    """The certificate that the web server shows."""

    cert_file: FilePath
    """The certificate with its chain (PEM)."""
    key_file: FilePath
    """Its private key (PEM)."""
    client_ca_file: FilePath | None = None
    """If set, clients must show a certificate that this one signed (PEM)."""


class WebSettings(Section):
    """Where the agent listens, and who may ask."""

    listen: PlainText = "127.0.0.1:9811"
    """Address and port; beyond loopback it needs tls and one of the three ways to say who may ask."""
    bearer_token: Secret | None = None
    """A token that clients send, as ${VARIABLE}; better: bearer_token_file."""
    bearer_token_file: FilePath | None = None
    """A file that holds the token."""
    basic_auth_file: FilePath | None = None
    """A file of lines `user:hash` as `htpasswd -B` writes them (bcrypt)."""
    allow_from: tuple[PlainText, ...] = ()
    """Networks that need neither token nor password, such as 10.0.3.0/24."""
    tls: TlsServer | None = None
    """TLS for the web server."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. `config.py` has made sure that they are well formed."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class MetricsSettings(Section):
    """What goes onto series."""

    labels: tuple[Name, ...] = ()
    """Which of the nodes' labels every series of a node carries."""


class Hours(Section):
    """A weekly plan of working hours."""

    days: Days = DAYS
    """The weekdays: mon-fri, [sat, sun] or mon,wed."""
    from_: ClockTime = Field("00:00", alias="from")
    """When they begin."""
    to: ClockTime = "24:00"
    """When they end; earlier than `from` means on the next day."""
    holidays: PlainText | None = None
    """A country (RO) or country-subdivision (DE-BY) whose public holidays do not count as working days."""
    closed: tuple[date, ...] = ()
    """More days off."""


class Maintenance(Section):
    """A planned time in which nothing alerts anew."""

    name: Name
    """Its name, for pages and series."""
    nodes: dict[str, PlainText] | tuple[Name, ...] = Field(default_factory=dict)
    """Which nodes: a list of names, or labels to match such as {role: modality}; all if left out."""
    days: Days = ()
    """The weekdays on which it begins; or `on` for one date."""
    on: date | None = None
    """The date on which it begins, if it happens once."""
    from_: ClockTime = Field("00:00", alias="from")
    """When it begins, in the agent's time zone."""
    for_: Duration = Field(alias="for")
    """How long it lasts."""
    reason: PlainText = ""
    """Why, for people."""

    @field_validator("for_")
    @classmethod
    def _longer_than_nothing(cls, seconds: float) -> float:
        if seconds <= 0:
            raise ValueError("is not longer than 0s; write for example 6h")
        return seconds


class HealthSettings(Section):
    """When imaging as a whole counts as healthy."""

    require: tuple[PlainText, ...] = ("importance=critical",)
    """All nodes that match one of these `label=value` must be healthy."""
    min_healthy: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """For `label=value`, how many of its nodes must be healthy for /health/label; 1 unless set."""


class SelfCheck(Section):
    """How the agent notices that it is the one that is cut off."""

    nodes: tuple[Name, ...]
    """When every one of these nodes fails, the fault is the agent's own: only they alert, health says so."""


class ScpSettings(Section):
    """The agent's own DICOM listener, for checks that move studies to it; it listens while one is on its way."""

    listen: PlainText = "127.0.0.1:11113"
    """Address and port, which must be registered with its AE title at the archive; 0.0.0.0 is every address."""
    ae_title: AeTitle | None = None
    """Its AE title; the agent's unless set."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. `config.py` has made sure that they are well formed."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class ReceiverSettings(Section):
    """What an Alertmanager file cannot say of a receiver."""

    template: Name | None = None
    """The template of its mails or posts: generic, pagerduty, slack, teams, or one of your own."""
    style: Literal["mail", "pager"] = "mail"
    """`pager` makes its mails plain text of 140 characters."""
    language: Literal["en", "de"] = "en"
    """The language of the fixed words in its mails."""
    secrets: dict[Name, SecretSource] = Field(default_factory=dict)
    """What its template takes by name, such as the routing_key of pagerduty."""
    signing_key: SecretSource | None = None
    """The key that its posts are signed with."""


class TlsClient(Section):
    """How a server is verified, and what we show it."""

    ca_file: FilePath | None = None
    """Authorities that sign its certificate (PEM); those of the system unless set."""
    cert_file: FilePath | None = None
    """Our certificate (PEM), if it wants one."""
    key_file: FilePath | None = None
    """The key of that (PEM)."""
    server_name: PlainText = ""
    """The name that its certificate must have, if that is not the one in the address."""
    insecure_skip_verify: bool = False
    """Take any certificate. Whoever is in between can then read and change all."""


class PeerSettings(Section):
    """A server that the agent speaks to."""

    url: Url
    """Its address."""
    username: PlainText = ""
    """For basic authentication."""
    password: Secret | None = None
    """Its password, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the password."""
    bearer_token: Secret | None = None
    """A token instead, as ${VARIABLE}; better: bearer_token_file."""
    bearer_token_file: FilePath | None = None
    """A file that holds the token."""
    tls: TlsClient = TlsClient()


class HeartbeatSettings(PeerSettings):
    """Who raises the alarm when the agent falls silent: a service on the web, or /-/heartbeat of a second agent."""

    interval: Duration = 60.0
    """How often a sign of life is posted, while all is well."""

    @field_validator("interval")
    @classmethod
    def _not_too_often(cls, seconds: float) -> float:
        if not 1 <= seconds <= 86400:
            raise ValueError("is not between 1s and 1d; write for example 1m")
        return seconds


class EngineSettings(Section):
    """Who routes and delivers instead of the agent."""

    alertmanagers: tuple[PeerSettings, ...] = Field(min_length=1)
    """Every one is told of every alert, as Prometheus does it: those of a cluster agree who sends."""


class AlertingSettings(Section):
    """Alert rules and routes."""

    engine: Literal["embedded", "none"] | EngineSettings = "embedded"
    """Who routes and delivers: the agent, nobody (alerts are only shown and exported), or Alertmanagers."""
    rules: tuple[PlainText, ...] = ("builtin",)
    """Prometheus rule files (globs), and `builtin`."""
    disable: tuple[Name, ...] = ()
    """Names of built-in alerts to leave out."""
    routes: FilePath | None = None
    """An Alertmanager configuration."""
    receivers: dict[PlainText, ReceiverSettings] = Field(default_factory=dict)
    """More on receivers of that file, by their names."""
    templates: tuple[FilePath, ...] = ()
    """Folders of your own templates."""
    scrape_interval: Duration = 15.0
    """How often samples are taken for the rules; 2m at most, as a sample counts for 5 minutes."""
    heartbeat: HeartbeatSettings | None = None
    enable_features: tuple[Feature, ...] = ()
    """What is experimental in Prometheus and is to be evaluated, by the names that its `--enable-feature` has."""

    @field_validator("scrape_interval")
    @classmethod
    def _often_enough(cls, seconds: float) -> float:
        if not 0.1 <= seconds <= 120:
            raise ValueError("is not between 100ms and 2m; write for example 15s")
        return seconds


class AgentSettings(Section):
    """Everything in the file but nodes, profiles and checks."""

    site: Name = "main"
    """The site's name, on every series and alert."""
    time_zone: PlainText = "UTC"
    """The zone of hours, of maintenance and of what checks call today, such as Europe/Bucharest."""
    external_url: Url | None = None
    """How people reach the agent's pages, for links."""
    ae_title: AeTitle = "PACSMON"
    """The AE title we call with; a node may set calling_ae_title."""
    data_dir: FilePath = Path("/var/lib/pacs-monitor")
    """Where state is kept; must be writable."""
    check_dirs: tuple[FilePath, ...] = ()
    """Folders of the administrator's own checks."""
    web: WebSettings = WebSettings()
    scp: ScpSettings | None = None
    metrics: MetricsSettings = MetricsSettings()
    hours: dict[Name, Hours] = Field(default_factory=dict)
    health: HealthSettings = HealthSettings()
    maintenance: tuple[Maintenance, ...] = ()
    alerting: AlertingSettings = AlertingSettings()
    people: dict[Name, Person] = Field(default_factory=dict)
    on_call: dict[Name, OnCall] = Field(default_factory=dict)
    notify: NotifySettings | None = None
    self_check: SelfCheck | None = None
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """How many worker processes probe; 0: one, and one more for every 5,000 nodes."""


Key = tuple[str, str]
"""What identifies a check: the node's name ("" without one) and the check's."""


@dataclass(frozen=True)
class ConfiguredCheck:
    """A check as the configuration asks for it: what a worker is told, and what series are labelled with."""

    node: Node | None
    name: str
    kind: str
    source: Path
    """The file that holds the check's class."""
    settings: dict[str, Any] = field(repr=False)
    """The check's settings, merged, secrets resolved: `model_validate` takes them anew in the worker."""
    check: Check
    """The same, validated, for whoever needs interval, thresholds and the like."""
    labels: tuple[tuple[str, str], ...]
    """The labels of its series, in order, not escaped: site, node, check, kind, role, importance, ..."""
    metrics: tuple[Metric, ...] = ()
    """What its file declares."""
    fingerprint: str = ""
    """Changes when the check must be started anew."""
    time_zone: str = "UTC"
    """That of the site."""
    hours: dict[str, Hours] = field(default_factory=dict)
    """The site's hours that the check's settings name."""
    destination: Destination | None = None
    """The agent's own DICOM listener, if the check has studies moved to it."""

    @property
    def key(self) -> Key:
        """(node, check)."""
        return (self.node.name if self.node else "", self.name)


def fingerprint(*parts: Any) -> str:
    """A short digest of plain data. Secrets may be among it: it cannot be turned back."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Complaint:
    """One mistake in a file: where, which setting, what and the remedy."""

    file: str
    line: int
    setting: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.setting}: {self.message}" if self.setting else f"{place}: {self.message}"


class ConfigError(Exception):
    """A configuration that cannot be used: all its complaints at once."""

    def __init__(self, complaints: list[Complaint], warnings: Iterable[Complaint] = ()) -> None:
        """Keep them in the order of the files' lines; `warnings` are what is accepted but probably not meant."""
        self.complaints = complaints
        self.warnings = tuple(warnings)
        super().__init__("\n".join(str(complaint) for complaint in complaints))


@dataclass(frozen=True)
class Configuration:
    """A whole, valid configuration."""

    path: Path
    agent: AgentSettings
    nodes: dict[str, Node]
    checks: dict[Key, ConfiguredCheck]
    broken: tuple[Complaint, ...] = ()
    """Check files that cannot be used, where that is no reason not to run; their checks are left out."""
    warnings: tuple[Complaint, ...] = ()
    """What is accepted but probably not meant."""
    files: tuple[Path, ...] = ()
    """Every file and folder it was read from: a change in one is a reason to load anew."""
    rules: tuple[RuleGroup, ...] = ()
    """The groups of alert rules; none without a section `alerting`."""
    routing: Routing | None = None
    """Who is told of alerts; None if nobody is."""
    trees: dict[str, Value] = field(default_factory=dict, repr=False)
    """The file's sections with file and line of each value, for complaints that come later."""
    servers: tuple[HttpSd, ...] = ()
    """The servers that list nodes."""
    kinds: dict[str, CheckKind] = field(default_factory=dict)
    """All kinds of checks that were found, used or not."""
