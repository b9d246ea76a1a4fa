"""A template of a rule's label or annotation: parsed once, expanded for each alert."""

from __future__ import annotations

from collections.abc import Mapping

from pacs_monitor.alerting.gotemplate import execute
from pacs_monitor.alerting.gotemplate.check import check
from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import Environment
from pacs_monitor.alerting.gotemplate.nodes import Literal
from pacs_monitor.alerting.gotemplate.parse import parse
from pacs_monitor.alerting.gotemplate.quoting import quote
from pacs_monitor.alerting.gotemplate.values import Data, Texts

# Prometheus puts these before each template, and its messages count them in.
_PRELUDE = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)
VARIABLES = ("$labels", "$externalLabels", "$externalURL", "$value")


class Template:
    """A text with actions such as `{{ $labels.node }}`."""

    def __init__(self, text: str) -> None:
        """Raises TemplateRefused."""
        self.text = text
        self._body = parse(text, VARIABLES)
        called = check(self._body)
        self.functions = frozenset(called.functions)
        """The names of the functions that it calls."""
        self.queries = tuple(called.queries)
        """What it asks for by itself, as far as that is fixed."""
        self.flaws = tuple(called.flaws)
        """What will fail at each expansion: Prometheus loads such a template, too."""
        plain = all(isinstance(statement, Literal) for statement in self._body)
        self.constant = "".join(str(getattr(one, "text", "")) for one in self._body) if plain else None
        """The whole result, if it is the same for all alerts."""

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def expand(self, name: str, data: Data, environment: Environment) -> str:
        """The text for an alert of this name. Raises ExpandingFailed with Go's words."""
        if self.constant is not None:
            return self.constant
        variables = {
            "$labels": data.labels,
            "$externalLabels": data.external_labels,
            "$externalURL": data.external_url,
            "$value": data.value,
        }
        try:
            return execute.Execution(data, variables, environment).run(self._body, data)
        except execute.Fault as fault:
            raise ExpandingFailed(self._told(name, fault)) from None

    def _told(self, name: str, fault: execute.Fault) -> str:
        before = _PRELUDE + self.text[: getattr(fault.node, "at", 0)]
        line = before.count("\n") + 1
        column = len(before[before.rfind("\n") + 1 :].encode())
        full = f"__alert_{name}"
        place = f"template: {full}:{line}:{column}: executing {quote(full)} at <{fault.node}>"
        return f"error executing template {full}: {place}: {fault}"


def data_of(
    labels: Mapping[str, str], value: float, external_labels: Mapping[str, str] | None = None, external_url: str = ""
) -> Data:
    """What a template sees of an alert; `labels` are the sample's, with its name if it has one."""
    return Data(Texts(labels), Texts(external_labels or {}), external_url, value)
