"""Reads an Alertmanager configuration, strictly: all complaints at once, each with file, line and setting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pacs_monitor.alerting.told import Told, read_tree
from pacs_monitor.configuring.tree import Map
from pacs_monitor.routing.definitions import Route, Routing
from pacs_monitor.routing.reading.email import SMTP, Smtp, read_smtp
from pacs_monitor.routing.reading.fields import Reading, Section
from pacs_monitor.routing.reading.http import HTTP, Http, read_http
from pacs_monitor.routing.reading.intervals import read_intervals
from pacs_monitor.routing.reading.masking import masked
from pacs_monitor.routing.reading.receivers import read_receivers
from pacs_monitor.routing.reading.routes import INHIBIT, ROUTE, Names, read_inhibition, read_root
from pacs_monitor.settings import Complaint

TOP = (
    "global",
    "templates",
    "route",
    "inhibit_rules",
    "receivers",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
)
UNSENT_GLOBALS = (
    "jira_api_url",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "opsgenie_api_url",
    "pagerduty_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "slack_api_url",
    "slack_api_url_file",
    "slack_app_token",
    "slack_app_token_file",
    "slack_app_url",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "victorops_api_key",
    "victorops_api_key_file",
    "victorops_api_url",
    "webex_api_url",
    "wechat_api_corp_id",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_url",
)
GLOBAL = ("resolve_timeout", "http_config", *SMTP, *UNSENT_GLOBALS)
_BEGIN = "write `route:` with a receiver and `receivers:` below it"
_EMPTY, _NO_MAPPING = f"is empty; {_BEGIN}", f"is no mapping; {_BEGIN}"


@dataclass(frozen=True)
class RouteFile:
    """What a file defines, and what is wrong with it."""

    routing: Routing | None
    """None if there is a complaint."""
    complaints: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...] = ()
    files: tuple[Path, ...] = ()
    """All that it names, found or not."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that no message may show."""


def read_routes(path: Path, *, try_files: bool = True) -> RouteFile:
    """The routing of a file. Files that it names have to be there unless `try_files` is false."""
    told = Told(str(path))
    tree, _ = read_tree(path, told, _EMPTY)
    reading = Reading(told, path.parent, try_files)
    routing = None
    if isinstance(tree, Map):
        routing = _routing(Section(tree, reading, TOP))
    elif tree is not None:
        told.complain(tree.line, "", _NO_MAPPING)
    secrets = tuple(one for one in reading.secrets if one)
    return RouteFile(
        None if told.complaints else routing, told.complaints, told.warnings, tuple(reading.files), secrets
    )


def _routing(top: Section) -> Routing:
    shared = top.section("global", GLOBAL)
    smtp, http = (read_smtp(shared, "smtp_"), _http(shared)) if shared else (Smtp(), Http())
    receivers = read_receivers(top, smtp, http)
    intervals = read_intervals(top)
    root = top.section("route", ROUTE)
    if root is None and not top.has("route"):
        top.complain("route", "is missing; write route: and below it receiver: with the name of one")
    route = read_root(root, Names(receivers.by_name, receivers.unsent, intervals)) if root else Route("")
    _warn_of_the_unused(top, shared)
    return Routing(
        route=route,
        receivers=tuple(receivers.by_name.values()),
        inhibit_rules=tuple(map(read_inhibition, top.sections("inhibit_rules", "an inhibition rule", INHIBIT))),
        intervals=tuple(intervals.items()),
        resolve_timeout=_resolve_timeout(shared),
        original=masked(top.value),
        file=top.told.file,
    )


def _http(shared: Section) -> Http:
    part = shared.section("http_config", HTTP)
    return read_http(part) if part else Http()


def _resolve_timeout(shared: Section | None) -> int:
    given = shared.milliseconds("resolve_timeout") if shared else None
    return 300_000 if given is None else given


def _warn_of_the_unused(top: Section, shared: Section | None) -> None:
    if top.texts("templates"):
        instead = "Jinja2 templates take their place (`alerting.templates`)"
        top.warn("templates", f"Go templates are not rendered here; {instead}")
    if top.has("tracing"):
        top.warn("tracing", "nothing is traced here; it has no effect")
    for key in _given(shared, UNSENT_GLOBALS):
        assert shared is not None
        shared.warn(key, "is for a kind of receiver that this agent does not send; it has no effect")


def _given(part: Section | None, keys: Iterable[str]) -> list[str]:
    return [key for key in keys if part is not None and part.has(key)]
