"""Texts of notifications: built-in templates and an administrator's own. What is broken still tells what happened."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, TemplateError, TemplateNotFound, TemplatesNotFound, nodes

from pacs_monitor.notify.dialing import read_secret
from pacs_monitor.notify.filters import FILTERS, pager_text, wrap
from pacs_monitor.notify.message import Mail
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.plain import one_line
from pacs_monitor.notify.sandbox import Sandbox, line_of, render
from pacs_monitor.notify.view import NotificationView, view_of
from pacs_monitor.routing.definitions import Email, Webhook

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "templates"
BODIES = ("generic", "pagerduty", "slack", "teams")
MAILS = ("mail",)
"""What comes with the agent, by the names that settings have for it."""
_LIMITS = {"teams": 20_000, "slack": 12_000, "pagerduty": 480_000}
"""Bytes of a body that the service takes, with some room: Teams makes a fifth more of it before it counts 28 KiB."""
_MOST_HTML = 95_000
"""Bytes: Gmail cuts mails off at 102 KB."""
_COUNTS = (20, 8, 4, 2, 1)
_FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a template can raise: there is Python behind its expressions."""


class TemplateFailed(Exception):
    """A template gives no text; the sentence names it, the line and what is wrong."""

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(f"{file}, line {line}: {why}" if line else f"{file}: {why}")
        self.file = file
        self.line = line
        self.why = why

    def without(self, secrets: Iterable[str]) -> TemplateFailed:
        """The same, without these texts."""
        why = self.why
        for secret in secrets:
            why = why.replace(secret, "(hidden)") if secret else why
        return TemplateFailed(self.file, self.line, why)


class Templates:
    """Renders notifications. `zone` is that of the times, `site` stands where alerts have none."""

    def __init__(self, zone: tzinfo = UTC, site: str = "", folders: Sequence[Path] = ()) -> None:
        """Files in `folders` come before those of the same name that come with the agent."""
        self._zone = zone
        self._site = site
        own = [FileSystemLoader(folder) for folder in folders]
        ours = FileSystemLoader(FOLDER)
        self._builtin = Sandbox(ours, FILTERS)
        self._all = Sandbox(ChoiceLoader([*own, ours]), FILTERS)

    def view(self, notification: Notification, language: str = "en") -> NotificationView:
        """A notification as templates see it."""
        return view_of(notification, self._zone, self._site, language)

    def mail(self, notification: Notification, integration: Email) -> Mail:
        """As the `template`, `style` and `language` of the integration say; never raises."""
        view = self.view(notification, integration.language)
        name = integration.template or integration.style
        try:
            return self.own_mail(name, view, pager=integration.style == "pager")
        except TemplateFailed as failure:
            log.warning("the template of %s failed: %s", notification.receiver, failure)
            return self._mail_despite(failure, view, pager=integration.style == "pager")

    def own_mail(self, name: str, view: NotificationView, *, pager: bool = False) -> Mail:
        """By the files `NAME.subject.j2`, `NAME.txt.j2` and `NAME.html.j2`. Raises TemplateFailed."""
        base = "pager" if pager else "mail"
        subject = one_line(self._render(self._all, self._first(name, base, "subject"), view), 250)
        text = self._render(self._all, self._first(name, base, "txt"), view)
        if pager:
            return Mail(subject, pager_text(text))
        return Mail(subject, text, self._html(self._first(name, base, "html"), view))

    def _html(self, file: str, view: NotificationView) -> str:
        """With fewer alerts if a mail program would cut it."""
        html = ""
        for most in _COUNTS:
            html = self._render(self._all, file, view, most=most)
            if len(html.encode("utf-8", "replace")) <= _MOST_HTML:
                break
        return html

    def body(self, notification: Notification, integration: Webhook) -> bytes:
        """As the `template` of the integration says. Raises DeliveryFailed if a secret cannot be read."""
        whose = f"of {notification.receiver}"
        secrets = {name: read_secret(secret, f"the secret {name} {whose}") for name, secret in integration.secrets}
        view = replace(self.view(notification), secrets=secrets)
        try:
            return self.own_body(integration.template, view)
        except TemplateFailed as failure:
            masked = failure.without(secrets.values())
            log.warning("the template of %s failed: %s", notification.receiver, masked)
            return self._body_despite(masked, view)

    def own_body(self, name: str, view: NotificationView) -> bytes:
        """By the file `NAME.json.j2`, with fewer alerts if it would be too large. Raises TemplateFailed."""
        return self._body(self._all, name, view, "")

    def has(self, name: str, kind: str) -> bool:
        """Whether there is a template of that name: `kind` is `json`, or `mail` for any of the three."""
        endings = ("subject", "txt", "html") if kind == "mail" else (kind,)
        return any(self._is_there(f"{name}.{ending}.j2") for ending in endings)

    def secrets_of(self, name: str) -> set[str]:
        """The secrets that the body of that name takes. Raises TemplateFailed."""
        file = f"{name}.json.j2"
        try:
            loader = self._all.loader
            source = loader.get_source(self._all, file)[0] if loader else ""
            tree = self._all.parse(source, file)
        except _FAULTS as error:
            raise _failure(file, error) from None
        found = tree.find_all(nodes.Getattr)
        return {one.attr for one in found if isinstance(one.node, nodes.Name) and one.node.name == "secrets"}

    def _first(self, name: str, base: str, ending: str) -> str:
        file = f"{name}.{ending}.j2"
        return file if self._is_there(file) else f"{base}.{ending}.j2"

    def _is_there(self, file: str) -> bool:
        try:
            self._all.get_template(file)
        except TemplateNotFound as error:
            return error.name != file
        except _FAULTS:
            pass  # what is wrong with it is told when it is rendered
        return True

    def _mail_despite(self, failure: TemplateFailed, view: NotificationView, *, pager: bool) -> Mail:
        said = f"{view.words['template_failed'].format(name=failure.file)}: {failure}"
        try:
            text = self._render(self._builtin, "pager.txt.j2" if pager else "mail.txt.j2", view)
        except TemplateFailed:
            text = "\n".join(f"{alert.title}: {alert.what} {alert.todo}" for alert in view.alerts)
        if pager:
            return Mail(view.subject, pager_text(text))
        return Mail(view.subject, f"{text.rstrip()}\n\n{wrap(said)}\n")

    def _body_despite(self, failure: TemplateFailed, view: NotificationView) -> bytes:
        try:
            return self._body(self._builtin, "generic", view, str(failure))
        except TemplateFailed:
            return json.dumps({"text": view.subject, "template_error": str(failure)}).encode()

    def _body(self, environment: Sandbox, name: str, view: NotificationView, error: str) -> bytes:
        file = f"{name}.json.j2"
        body = b""
        for most in _COUNTS:
            text = self._render(environment, file, view, most=most, template_error=error)
            try:
                made = json.loads(text, parse_constant=_no_number, parse_float=_finite)
            except (ValueError, RecursionError) as fault:
                line = fault.lineno if isinstance(fault, json.JSONDecodeError) else 0
                why = "what it gives is no JSON; write each value as {{ value | tojson }}"
                raise TemplateFailed(file, 0, f"{why} (line {line} of what it gives)") from None
            body = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            if len(body) <= _LIMITS.get(name, len(body)):
                break
        return body

    def _render(self, environment: Sandbox, file: str, view: NotificationView, **more: Any) -> str:
        variables = {one.name: getattr(view, one.name) for one in fields(view)}
        try:
            return render(environment, file, {**variables, "most": _COUNTS[0], "template_error": "", **more})
        except _FAULTS as error:
            raise _failure(file, error) from None


def _no_number(text: str) -> float:
    """Python reads and writes NaN and Infinity as JSON, and nobody else does."""
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _failure(file: str, error: Exception) -> TemplateFailed:
    """Jinja's own words name no value; what Python says might."""
    if isinstance(error, TemplateNotFound) and not isinstance(error, TemplatesNotFound):
        why = f"there is no file {error.name} in the folders of templates"
    elif isinstance(error, TemplateError):
        why = error.message or type(error).__name__
    else:
        why = _why(error)
    return TemplateFailed(file, line_of(error, file), one_line(why, 300))


def _why(error: Exception) -> str:
    return {
        "ZeroDivisionError": "it divides by 0",
        "RecursionError": "it calls or includes itself without end",
        "MemoryError": "it needs too much memory",
        "UnicodeDecodeError": "the file is not in UTF-8; save it so",
    }.get(type(error).__name__, f"an expression is wrong ({type(error).__name__})")
