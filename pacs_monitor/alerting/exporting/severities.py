"""Other names for severities: in matchers, in labels and in templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pacs_monitor.alerting.definitions import AlertingRule, Rule
from pacs_monitor.alerting.exporting.origins import SEVERITY
from pacs_monitor.alerting.gotemplate.nodes import Action, Branch, Literal, Statement
from pacs_monitor.alerting.gotemplate.parse import parse
from pacs_monitor.alerting.gotemplate.template import VARIABLES
from pacs_monitor.history.matchers import EQUAL, MATCH, NOT_EQUAL, Matcher
from pacs_monitor.promql.ast import Call, Expr, String, children

Renamed = Mapping[str, str]
_PUT_TOGETHER = (
    "is put together of several parts, so --severity cannot rename it; give whole values, as "
    '{{ if eq $labels.importance "critical" }}critical{{ else }}warning{{ end }}'
)


class CannotRename(ValueError):
    """A severity that --severity cannot reach: the sentence says why, and what to do."""


@dataclass(frozen=True)
class Severities:
    """Those that rules give, as far as that can be told."""

    known: frozenset[str]
    complete: bool
    """False if an expression or a template gives others."""


def severities_in(rules: Iterable[Rule]) -> Severities:
    """The severities that alerts have."""
    known: set[str] = set()
    complete = True
    for rule in rules:
        values = list(_values(rule))
        known |= {value for value in values if value}
        complete = complete and None not in values
    return Severities(frozenset(known), complete)


def _values(rule: Rule) -> Iterator[str | None]:
    """What a rule may set; None for anything else."""
    own = rule.own_labels
    if SEVERITY not in own:
        yield from _made(rule.expr)
    elif isinstance(rule, AlertingRule):
        yield from _printed(parse(own[SEVERITY], VARIABLES))
    else:
        yield own[SEVERITY]


def _made(expr: Expr) -> Iterator[str | None]:
    match expr:
        case Call(name="label_replace", arguments=(inner, String(value="severity"), String(value=text), *_)):
            yield None if "$" in text else text
            yield from _made(inner)
        case Call(name="label_join", arguments=(_, String(value="severity"), *_)) | String(value="severity"):
            yield None
        case _:
            for inner in children(expr):
                yield from _made(inner)


def _printed(body: list[Statement]) -> Iterator[str | None]:
    found = [one for one in body if not (isinstance(one, Action) and one.pipe.variables)]
    for one in found:
        if isinstance(one, Literal):
            yield one.text
        elif isinstance(one, Branch):
            yield from _printed(one.body)
            yield from _printed(one.otherwise)
        else:
            yield None


def rename_matcher(matcher: Matcher, renamed: Renamed, known: Iterable[str]) -> Matcher:
    """A matcher on the severity of alerts that is true of the same alerts. Raises CannotRename."""
    exact = matcher.op in (EQUAL, NOT_EQUAL)
    values = {*known, *renamed, matcher.value} if exact else {*known, *renamed}
    meant = {value for value in values if matcher.matches(value)}
    others = {renamed.get(value, value) for value in values - meant}
    if mixed := others & {renamed.get(value, value) for value in meant}:
        raise CannotRename(
            f"{matcher} tells severities apart that --severity makes one ({min(mixed)}); give them different names"
        )
    if exact:
        return Matcher(matcher.op, matcher.name, renamed.get(matcher.value, matcher.value))
    new = {renamed.get(value, value): value in meant for value in values}
    if all(matcher.matches(value) is holds for value, holds in new.items()):
        return matcher
    wanted = sorted(value for value, holds in new.items() if holds is (matcher.op == MATCH))
    if not wanted:
        raise CannotRename(f"{matcher} fits no severity of an exported alert but would fit a new one; correct it")
    return Matcher(matcher.op, matcher.name, "|".join(map(re.escape, wanted)))


def rename_template(text: str, renamed: Renamed) -> str:
    """A template of the label severity that gives the new names. Raises CannotRename."""
    return _texts(_renamed(parse(text, VARIABLES), renamed))


def of_the_element(renamed: Renamed) -> str:
    """A template that gives the severity of an alert's element by its new name."""
    return f"{{{{ with $labels.{SEVERITY} }}}}{_choice(renamed)}{{{{ end }}}}"


def _renamed(body: list[Statement], renamed: Renamed) -> list[Statement]:
    printing = [one for one in body if not (isinstance(one, Action) and one.pipe.variables)]
    if len(printing) > 1:
        raise CannotRename(_PUT_TOGETHER)
    return [_one(statement, renamed) if statement in printing else statement for statement in body]


def _one(statement: Statement, renamed: Renamed) -> Statement:
    if isinstance(statement, Literal):
        return Literal(renamed.get(statement.text, statement.text))
    if isinstance(statement, Action):
        # As printed: a number is no text that eq could compare.
        return Literal(f'{{{{ with printf "%v" ({statement.pipe}) }}}}{_choice(renamed)}{{{{ end }}}}')
    if statement.kind == "range":
        raise CannotRename(_PUT_TOGETHER)
    body, otherwise = _renamed(statement.body, renamed), _renamed(statement.otherwise, renamed)
    return Branch(statement.at, statement.kind, statement.pipe, body, otherwise)


def _choice(renamed: Renamed) -> str:
    """The new name for `.`; all at once, so that names may change places."""
    cases = "{{ else ".join(f'if eq . "{old}" }}}}{new}' for old, new in renamed.items())
    return f"{{{{ {cases}{{{{ else }}}}{{{{ . }}}}{{{{ end }}}}"


def _texts(body: list[Statement]) -> str:
    return "".join(map(_text, body))


def _text(statement: Statement) -> str:
    if isinstance(statement, Literal):
        return statement.text
    if isinstance(statement, Action):
        return f"{{{{ {statement.pipe} }}}}"
    otherwise = f"{{{{ else }}}}{_texts(statement.otherwise)}" if statement.otherwise else ""
    return f"{{{{ {statement.kind} {statement.pipe} }}}}{_texts(statement.body)}{otherwise}{{{{ end }}}}"
