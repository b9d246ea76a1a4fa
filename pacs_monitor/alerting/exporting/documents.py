"""Groups as documents: a rule file of Prometheus, or a PrometheusRule of its operator for Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pacs_monitor.alerting.definitions import AlertingRule, Rule, RuleGroup
from pacs_monitor.units import format_duration

Document = dict[str, Any]
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_LABEL}")
_VALUE = re.compile(rf"({_LABEL})?")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253


@dataclass(frozen=True)
class Kubernetes:
    """Where and how an operator finds the rules."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def rule_file(groups: Iterable[RuleGroup]) -> Document:
    """What Prometheus loads."""
    return {"groups": [_group(group) for group in groups]}


def custom_resource(groups: Iterable[RuleGroup], name: str, place: Kubernetes) -> Document:
    """What the operator of Prometheus turns into a rule file."""
    metadata: Document = {"name": name}
    if place.namespace:
        metadata["namespace"] = place.namespace
    if place.labels:
        metadata["labels"] = dict(place.labels)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": rule_file(groups),
    }


def resource_name(file: str) -> str:
    """A name that Kubernetes takes for the rules of a file."""
    plain = re.sub(r"[^a-z0-9]+", "-", Path(file).stem.lower()).strip("-") or "rules"
    return f"pacs-monitor-{plain}"[:_LONGEST_NAME].rstrip("-")


def kubernetes(namespace: str | None, labels: Iterable[str]) -> Kubernetes:
    """Of `monitoring` and `release=prometheus`. Raises ValueError with the remedy."""
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise ValueError(
            f"--namespace: {namespace} is no namespace; write up to 63 small letters, digits and -, such as monitoring"
        )
    found: dict[str, str] = {}
    for text in labels:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--label: {text} has no =; write NAME=VALUE, such as release=prometheus")
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise ValueError(
                f"--label: {text} is no label for Kubernetes; write up to 63 letters, digits, -, _ and . on each "
                "side, such as release=prometheus"
            )
        if found.get(key, value) != value:
            raise ValueError(f"--label: {key} is to be both {found[key]} and {value}; give it once")
        found[key] = value
    return Kubernetes(namespace or "", found)


def _group(group: RuleGroup) -> Document:
    made: Document = {"name": group.name}
    if group.interval is not None:
        made["interval"] = _duration(group.interval)
    if group.query_offset is not None:
        made["query_offset"] = _duration(group.query_offset)
    if group.limit:
        made["limit"] = group.limit
    return made | {"rules": [_rule(rule) for rule in group.rules]}


def _rule(rule: Rule) -> Document:
    if not isinstance(rule, AlertingRule):
        made: Document = {"record": rule.name, "expr": rule.text}
        return made | ({"labels": rule.own_labels} if rule.labels else {})
    made = {"alert": rule.name, "expr": rule.text}
    if rule.hold:
        made["for"] = _duration(rule.hold)
    if rule.keep_firing_for:
        made["keep_firing_for"] = _duration(rule.keep_firing_for)
    if rule.labels:
        made["labels"] = rule.own_labels
    if rule.annotations:
        made["annotations"] = {name: template.text for name, template in rule.annotations}
    return made


def _duration(milliseconds: int) -> str:
    return format_duration(milliseconds / 1000)
