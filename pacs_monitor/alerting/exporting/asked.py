"""What is asked of an export: matchers for every selector, and other names for severities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pacs_monitor.history.labels import NAME
from pacs_monitor.history.matchers import EQUAL, Matcher
from pacs_monitor.metric_rules import OF_A_CHECK
from pacs_monitor.promql.ast import Selector
from pacs_monitor.promql.errors import BadExpression
from pacs_monitor.promql.parse import parse

_EXAMPLE = 'write matchers such as job="pacs"'
_SEVERITY = re.compile(r"[^\s\"'`\\{}=]+")


@dataclass(frozen=True)
class Asked:
    """Nothing unless told otherwise."""

    matchers: tuple[Matcher, ...] = ()
    severities: Mapping[str, str] = field(default_factory=dict)
    """New names by old ones."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Those that the matchers look at."""
        return tuple(dict.fromkeys(one.name for one in self.matchers))

    def of(self, label: str) -> tuple[Matcher, ...]:
        """The matchers on one label."""
        return tuple(one for one in self.matchers if one.name == label)

    def __str__(self) -> str:
        return ",".join(map(str, self.matchers))


def matchers_of(text: str) -> tuple[Matcher, ...]:
    """The matchers of `job="pacs"`, with or without braces. Raises ValueError with the remedy."""
    inner = text.strip()
    if inner[:1] == "{" and inner[-1:] == "}":
        inner = inner[1:-1].strip()
    if not inner:
        raise ValueError(f"--selector: is empty; {_EXAMPLE}, or leave it out")
    try:
        # The name keeps it valid where no matcher asks for a value, as in job!="other".
        expr = parse(f'{{{NAME}="x",{inner}}}')
    except BadExpression as error:
        raise ValueError(f"--selector: {inner}: {error}; {_EXAMPLE}") from None
    if not isinstance(expr, Selector) or expr != Selector(expr.matchers):
        raise ValueError(f"--selector: {inner} is more than matchers; {_EXAMPLE}")
    found = tuple(dict.fromkeys(expr.matchers[1:]))
    _check(found)
    return found


def _check(matchers: tuple[Matcher, ...]) -> None:
    for one in matchers:
        if one.name == NAME:
            raise ValueError(f"--selector: {one} chooses a metric, and each rule names its own; {_EXAMPLE}")
        if one.name in OF_A_CHECK:
            raise ValueError(
                f"--selector: {one.name} comes from the agent, and up and the agent's own series lack it, so that "
                "AgentBlind would never fire; name a label of the scrape, such as job or instance"
            )
        rivals = [other for other in matchers if one.op == EQUAL and rules_out(other, one)]
        if rivals:
            raise ValueError(f"--selector: no series meets both {one} and {rivals[0]}; leave one out")


def rules_out(one: Matcher, equal: Matcher) -> bool:
    """Whether nothing can meet a matcher and one that asks for a certain value."""
    return one.name == equal.name and not one.matches(equal.value)


def severities_of(pairs: Iterable[str]) -> dict[str, str]:
    """New names of severities by old ones, of `critical=page`. Raises ValueError with the remedy."""
    found: dict[str, str] = {}
    for text in pairs:
        old, equals, new = text.partition("=")
        if not equals:
            raise ValueError(f"--severity: {text} has no =; write OLD=NEW, such as critical=page")
        for name in (old, new):
            if not _SEVERITY.fullmatch(name):
                what = f"{name} cannot name a severity" if name else f"{text} lacks a name"
                raise ValueError(f"--severity: {what}; write OLD=NEW, such as critical=page")
        if found.get(old, new) != new:
            raise ValueError(f"--severity: {old} is to be both {found[old]} and {new}; give it once")
        found[old] = new
    return found
