"""The rules of `notify`: whether each names people that there are, in ways that they have, at times that make sense."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Place, Value
from pacs_monitor.people.settings import EVERYONE, NEXT, ON_CALL, Escalation, Rule, Way
from pacs_monitor.people.written import Part, Written
from pacs_monitor.routing.matching import BadMatcherError, parse_matchers
from pacs_monitor.units import format_duration

_ASKED = {"email": "email: ADDRESS", "pager": "pager: ADDRESS", "webhook": "webhook: URL"}


def check_rules(written: Written, hours: Collection[str], severities: Collection[str], findings: Findings) -> None:
    """Complain of what is wrong with them, and warn of alerts that nobody is told of."""
    assert written.notify is not None
    rules = written.rules()
    if not rules and "rules" not in written.notify.wrong:
        findings.warn(written.notify.place("rules"), "has none, so nobody is told; add - {to: NAME}")
    for rule in rules:
        _check_rule(rule, written, hours, findings)
    if rules and "rules" not in written.notify.wrong:
        _check_severities(rules, written, severities, findings)


def _check_rule(rule: Part[Rule], written: Written, hours: Collection[str], findings: Findings) -> None:
    for place, text in rule.texts("match"):
        try:
            parse_matchers(text)
        except BadMatcherError as error:
            findings.complain(place, str(error))
    named = rule.settings.hours
    if named and named not in hours and not findings.unread.may_hold(named):
        example = f'add hours: {{{named}: {{days: mon-fri, from: "07:00", to: "18:00"}}}} beside notify'
        remedy = suggestion(named, hours) if hours else example
        findings.complain(rule.place("hours"), f"there are no hours {named}; {remedy}")
    whom = _check_to(rule, (), written, findings)
    _check_ways(rule.settings.by, rule.place("by"), whom, written, findings)
    if rule.settings.digest and rule.settings.escalate:
        findings.complain(rule.place("digest"), "tells once a day, so that nothing can escalate; remove one of the two")
    _check_steps(rule, written, findings)


def _check_steps(rule: Part[Rule], written: Written, findings: Findings) -> None:
    before = 0.0
    for step in written.steps(rule):
        after = step.settings.after
        if "after" not in step.wrong:
            if after <= before:
                message = (
                    f"{format_duration(after)} is not after the step before ({format_duration(before)}); sort them"
                )
                findings.complain(step.place("after"), message)
            before = max(before, after)
        whom = _check_to(step, None if "to" in rule.wrong else rule.settings.to, written, findings)
        ways = step.settings.by or rule.settings.by
        _check_ways(ways, step.place("by") if step.settings.by else step.place("to"), whom, written, findings)


def _check_to(
    part: Part[Rule] | Part[Escalation], above: Iterable[str] | None, written: Written, findings: Findings
) -> dict[str, bool]:
    """Complain of whom it names; all people that can be meant, and whether each must have all ways.

    Of several that are named, each is told in the ways that it has. `above` is whom the rule of a step names.
    """
    escalates = part.tree.path.rpartition(".")[2].startswith("escalate")
    rotations = [name.removeprefix(ON_CALL) for name in (*(above or ()), *part.settings.to) if name.startswith(ON_CALL)]
    if not part.settings.to and "to" not in part.wrong:
        findings.complain(part.place("to"), "names nobody; write for example to: on_call.NAME")
    found: list[str] = []
    for place, name in part.texts("to"):
        if name == EVERYONE:
            found += _everyone(rotations, written)
        elif name == NEXT:
            if not escalates:
                findings.complain(place, "next is whom a rule escalates to; write on_call.NAME, and next in escalate")
            elif above is not None and _check_next(place, rotations, written, findings):
                found += _everyone(rotations, written)
        elif name.startswith(ON_CALL):
            found += _check_on_call(name.removeprefix(ON_CALL), place, written, findings)
        elif name in written.people:
            found.append(name)
        elif not findings.unread.may_hold(name):
            findings.complain(place, f"there is nobody called {name}; {_near(name, written)}")
    return dict.fromkeys(found, len(part.settings.to) == 1)


def _near(name: str, written: Written) -> str:
    if name in written.on_call:
        return f"for the rotation of that name write {ON_CALL}{name}"
    return suggestion(name, [*written.people, *(f"{ON_CALL}{one}" for one in written.on_call)])


def _check_on_call(name: str, place: Place | Value, written: Written, findings: Findings) -> list[str]:
    if name in written.on_call:
        return _of_rotation(name, written)
    if not findings.unread.may_hold(name):
        findings.complain(place, f"there is no rotation {name} in on_call; {suggestion(name, written.on_call)}")
    return []


def _check_next(place: Place | Value, rotations: list[str], written: Written, findings: Findings) -> bool:
    if not rotations:
        findings.complain(place, "the rule tells nobody on call, so there is no next; have it tell on_call.NAME")
        return False
    for name in rotations:
        plan = written.on_call.get(name)
        if plan is not None and "rotation" not in plan.wrong and len(set(plan.settings.rotation)) == 1:
            alone = plan.settings.rotation[0]
            findings.complain(
                place, f"{alone} is alone in on_call.{name}, so there is no next; add others, or name one"
            )
            return False
    return True


def _everyone(rotations: Iterable[str], written: Written) -> list[str]:
    names = [name for name in rotations if name in written.on_call]
    return [person for name in names for person in _of_rotation(name, written)] if names else list(written.people)


def _of_rotation(name: str, written: Written) -> list[str]:
    overrides = (override.settings.person for override in written.overrides(name))
    return [*written.on_call[name].settings.rotation, *filter(None, overrides)]


def _check_ways(
    ways: Collection[Way], place: Place, whom: Mapping[str, bool], written: Written, findings: Findings
) -> None:
    for name, all_ways in whom.items():
        person = written.people.get(name)
        if person is None or person.wrong:
            continue
        missing = [way for way in ways if not getattr(person.settings, way)]
        if missing and (all_ways or len(missing) == len(ways)):
            asked = " and ".join(_ASKED[way] for way in missing)
            remedy = f"add {asked} in line {person.tree.line}, or take {' and '.join(missing)} out"
            findings.complain(place, f"{name} has no {' and no '.join(missing)}; {remedy}")


def _check_severities(
    rules: Iterable[Part[Rule]], written: Written, severities: Collection[str], findings: Findings
) -> None:
    assert written.notify is not None
    left = set(severities)
    everything = 0
    taken: set[str] = set()
    for rule in rules:
        told = rule.settings
        if everything or (told.severity and set(told.severity) <= taken):
            findings.warn(rule.tree, "no alert comes here: a rule above takes all of them; move this one up")
        if "match" in rule.tree.entries or rule.wrong:
            left -= set(told.severity) or left
            continue
        taken |= set(told.severity)
        left -= set(told.severity) or left
        everything = everything or (0 if told.severity else rule.tree.line)
    if left:
        who = ", ".join(sorted(left))
        message = f"nobody is told of alerts of severity {who}; add a rule that takes them, or {{to: NAME}} as the last"
        findings.warn(written.notify.place("rules"), message)
