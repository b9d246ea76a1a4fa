"""Expands templates for the alert that promtool is given, too."""

from __future__ import annotations

from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import Environment
from pacs_monitor.alerting.gotemplate.template import Template, data_of
from pacs_monitor.alerting.gotemplate.values import Sample, Samples, Texts
from tests.alerting.promtool import LABELS


def expand(text: str, value: float = 1.0, name: str = "A") -> str:
    """What an annotation says, as `<error ...>` where Prometheus would. Raises TemplateRefused."""
    element = Texts({"__name__": "x", **LABELS})
    answers = {
        "x": Samples([Sample(element, value)]),
        "y": Samples([Sample(Texts({"__name__": "y", "node": node}), float(n)) for n, node in ((1, "a"), (2, "b"))]),
        "none": Samples(),
    }
    environment = Environment(lambda query: answers[query], "https://here/p?q")
    try:
        return Template(text).expand(name, data_of(element, value, {"site": "north"}, "https://here/p?q"), environment)
    except ExpandingFailed as error:
        return f"<error expanding template: {error}>"
