"""The rule files that the section `alerting` names: found, read and checked."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pacs_monitor.alerting.definitions import AlertingRule, RuleGroup
from pacs_monitor.alerting.rulefile import read_rules
from pacs_monitor.alerting.target import Target
from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.filling import resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, below, is_null
from pacs_monitor.content import content_dir
from pacs_monitor.settings import AlertingSettings

BUILTIN = "builtin"


def load_rules(alerting: AlertingSettings, root: Map, findings: Findings, target: Target | None) -> list[RuleGroup]:
    """The groups of all files, without the built-in alerts that are disabled; complaints go to the findings."""
    section = root.get("alerting")
    if is_null(section) and not is_null(root.get("notify")):
        section = Map(root.file, root.line, "alerting", {})  # whoever is to be told wants rules to be told of
    if not isinstance(section, Map):
        return []
    groups: list[RuleGroup] = []
    builtin: list[RuleGroup] = []
    for path in dict.fromkeys(_paths(alerting, section, findings)):
        read = read_rules(path, target, features=alerting.enable_features)
        findings.read(path)
        findings.extend(read.complaints)
        for told in read.warnings:
            findings.warn(Place(told.file, told.line, told.setting), told.message)
        groups.extend(read.groups)
        if path.parent == content_dir("alert_rules"):
            builtin.extend(read.groups)
    disabled = set(alerting.disable)
    _check_disabled(section, disabled, builtin, findings)
    ours = {group.file for group in builtin}
    return [_without(group, disabled) if group.file in ours else group for group in groups]


def _paths(alerting: AlertingSettings, section: Map, findings: Findings) -> Iterator[Path]:
    rules = section.get("rules")
    if not isinstance(rules, Items):
        if BUILTIN in alerting.rules:
            yield from builtin_files()
        return
    for item in rules.items:
        if not isinstance(item, Scalar) or not item.text:
            continue
        if item.text == BUILTIN:
            yield from builtin_files()
        else:
            yield from _matching(item, findings)


def builtin_files() -> list[Path]:
    """The rule files that come with the agent."""
    return sorted(content_dir("alert_rules").glob("*.yml"))


def _matching(item: Scalar, findings: Findings) -> list[Path]:
    text, path, folder = item.text or "", resolve(item), Path(item.file).parent
    names = sorted(glob.iglob(text, root_dir=folder, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute one
    found = [path] if path.is_file() else [each for name in names if (each := folder / name).is_file()]
    if not found:
        if path.is_dir():
            findings.complain(item, f"{path} is a folder; name its files, as in {path}/*.yml")
        elif glob.has_magic(text):
            findings.complain(item, f"no file matches {path}; check the name")
        else:
            findings.complain(item, f"there is no file {path}; check the name")
    return found


def _check_disabled(section: Map, disabled: set[str], builtin: list[RuleGroup], findings: Findings) -> None:
    names = {rule.name for group in builtin for rule in group.rules if isinstance(rule, AlertingRule)}
    listed = section.get("disable")
    for item in listed.items if isinstance(listed, Items) else ():
        if isinstance(item, Scalar) and item.text and item.text not in names:
            findings.complain(item, f"there is no built-in alert {item.text}; {suggestion(item.text, names)}")
    if disabled and not names and not isinstance(listed, Items):
        findings.warn(below(section, "disable"), "disables nothing, as no built-in rules are loaded")


def _without(group: RuleGroup, disabled: set[str]) -> RuleGroup:
    kept = [rule for rule in group.rules if not (isinstance(rule, AlertingRule) and rule.name in disabled)]
    return replace(group, rules=tuple(kept))
