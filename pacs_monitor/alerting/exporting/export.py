"""From groups to the texts of files, or to all that is in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pacs_monitor.alerting.definitions import AlertingRule, RuleGroup
from pacs_monitor.alerting.exporting.asked import Asked
from pacs_monitor.alerting.exporting.documents import Kubernetes, custom_resource, resource_name, rule_file
from pacs_monitor.alerting.exporting.rewriting import Rewriting
from pacs_monitor.alerting.exporting.yamltext import yaml_text
from pacs_monitor.alerting.target import Target
from pacs_monitor.settings import Complaint

Format = Literal["prometheus", "operator"]
COMMENT = "Written by pacs-monitor rules export: export again instead of changing it."


class ExportRefused(Exception):
    """Rules that cannot be exported as asked: all complaints at once."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__("\n".join(map(str, complaints)))


@dataclass(frozen=True)
class Export:
    """Rules made ready."""

    groups: tuple[RuleGroup, ...]
    format: Format
    place: Kubernetes
    warnings: tuple[str, ...] = ()

    def files(self) -> dict[str, str]:
        """The text of each file by its name, one for each rule file. Raises ExportRefused if two have one name."""
        found: dict[str, tuple[str, str]] = {}
        complaints = []
        for source, groups in self._by_file().items():
            name = f"{resource_name(source)}.yml" if self.format == "operator" else Path(source).name
            if name in found:
                complaints.append(Complaint(source, 0, "", f"would become {name}, as {found[name][0]}; rename one"))
            found[name] = (source, self._text({source: groups}))
        if complaints:
            raise ExportRefused(complaints)
        return {name: text for name, (_, text) in found.items()}

    def text(self) -> str:
        """All in one: a rule file, or several resources. Raises ExportRefused if that cannot be."""
        if self.format == "operator":
            self.files()
            return self._text(self._by_file())
        first: dict[str, str] = {}
        complaints = [
            Complaint(
                group.file,
                group.line,
                group.name,
                f"{first[group.name]} has a group of this name, too; rename one, or give --output a folder",
            )
            for group in self.groups
            if first.setdefault(group.name, group.file) != group.file
        ]
        if complaints:
            raise ExportRefused(complaints)
        return yaml_text([rule_file(self.groups)], COMMENT)

    def _text(self, by_file: dict[str, list[RuleGroup]]) -> str:
        if self.format == "prometheus":
            return yaml_text([rule_file(groups) for groups in by_file.values()], COMMENT)
        resources = [custom_resource(groups, resource_name(file), self.place) for file, groups in by_file.items()]
        return yaml_text(resources, COMMENT)

    def _by_file(self) -> dict[str, list[RuleGroup]]:
        found: dict[str, list[RuleGroup]] = {}
        for group in self.groups:
            found.setdefault(group.file, []).append(group)
        return found


def export(groups: Sequence[RuleGroup], asked: Asked, target: Target, format: Format, place: Kubernetes) -> Export:
    """Rules as they are asked for. Raises ExportRefused."""
    rewriting = Rewriting([group for group in groups if group.rules], asked)
    complaints = [*rewriting.complaints, *(fault for group in rewriting.groups for fault in _faults(group, target))]
    if complaints:
        raise ExportRefused(sorted(complaints, key=lambda one: (one.file, one.line)))
    return Export(tuple(rewriting.groups), format, place, tuple(_alike(rewriting.groups)))


def _faults(group: RuleGroup, target: Target) -> Iterator[Complaint]:
    """What the version refuses that is to load it."""
    if group.query_offset is not None and (fault := target.field_fault("query_offset")):
        yield Complaint(group.file, group.line, f"{group.name}: query_offset", fault)
    for rule in group.rules:
        faults = {"expr": target.expr_fault(rule.text)}
        faults |= {f"labels: {name}": target.label_fault(name) for name, _ in rule.labels}
        if isinstance(rule, AlertingRule) and rule.keep_firing_for:
            faults["keep_firing_for"] = target.field_fault("keep_firing_for")
        for field, fault in faults.items():
            if fault:
                yield Complaint(group.file, rule.line, f"{group.name}/{rule.name}: {field}", fault)


def _alike(groups: Sequence[RuleGroup]) -> Iterator[str]:
    """Alerts whose rules had different labels before their severities were renamed."""
    for group in groups:
        alerts = [(rule.name, rule.labels) for rule in group.rules if isinstance(rule, AlertingRule)]
        for name in dict.fromkeys(name for (name, _), count in Counter(alerts).items() if count > 1):
            yield (
                f"{Path(group.file).name}: {name}: several of its rules have the same labels now; promtool says so, "
                "and alerts of one element become one"
            )
