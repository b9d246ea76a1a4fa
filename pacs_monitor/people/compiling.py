"""Rules of `notify` become routes: one for each rule, and before it one for each step of its escalation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pacs_monitor.people.hours import HoursInterval
from pacs_monitor.people.roster import PeopleReceiver, Roster, Target
from pacs_monitor.people.settings import EVERYONE, NEXT, ON_CALL, Escalation, NotifySettings, Rule
from pacs_monitor.routing.definitions import Receiver, Route, Routing
from pacs_monitor.routing.matching import in_order, make_matcher, parse_matchers, printed_all
from pacs_monitor.settings import Hours
from pacs_monitor.units import format_duration

NOBODY = "nobody"
"""The receiver of what no rule takes."""


def compile_rules(notify: NotifySettings, roster: Roster, hours: Mapping[str, Hours]) -> Routing:
    """The routing that the rules mean; they have been checked."""
    compiler = _Compiler(notify, roster)
    routes = tuple(route for place, rule in enumerate(notify.rules) for route in compiler.routes(rule, str(place)))
    used = dict.fromkeys(name for route in routes for name in route.active)
    return Routing(
        route=Route(NOBODY, group_by=tuple(sorted(notify.group_by)), routes=routes),
        receivers=(Receiver(NOBODY), *compiler.receivers.values()),
        intervals=tuple((name, (HoursInterval(hours[name], roster.zone),)) for name in used),
        time_zone=str(roster.zone),
    )


class _Compiler:
    def __init__(self, notify: NotifySettings, roster: Roster) -> None:
        self.receivers: dict[str, PeopleReceiver] = {}
        self._notify = notify
        self._roster = roster

    def routes(self, rule: Rule, name: str) -> Iterator[Route]:
        """Those of a rule: the steps of its escalation, then the rule itself, which takes the alert."""
        route = self._route(rule, name)
        for step in rule.escalate:
            yield self._step(route, rule, step)
        yield route

    def _route(self, rule: Rule, name: str) -> Route:
        matchers = [matcher for text in rule.match for matcher in parse_matchers(text)]
        if rule.severity:
            one = len(rule.severity) == 1
            text = rule.severity[0] if one else "|".join(map(re.escape, rule.severity))
            matchers.append(make_matcher("=" if one else "=~", "severity", text))
        ordered = in_order(matchers)
        notify = self._notify
        group_by = rule.group_by if rule.group_by is not None else () if rule.digest else notify.group_by
        return Route(
            receiver=self._receiver(self._targets(rule.to, ()), " and ".join(rule.to), rule.by),
            matchers=ordered,
            group_by=tuple(sorted(group_by)),
            group_wait=_milliseconds(rule.group_wait, notify.group_wait),
            group_interval=_milliseconds(rule.group_interval, notify.group_interval),
            repeat_interval=_milliseconds(rule.repeat_interval, notify.repeat_interval),
            active=(rule.hours,) if rule.hours else (),
            key=f"{{}}/{printed_all(ordered)}",
            digest=rule.digest or "",
            keeps=bool(rule.hours),
            rule=name,
        )

    def _step(self, route: Route, rule: Rule, step: Escalation) -> Route:
        rotations = [name for name in (*rule.to, *step.to) if name.startswith(ON_CALL)]
        words = (
            f"{one} of {' and '.join(rotations)}" if rotations else one for one in step.to if one in (NEXT, EVERYONE)
        )
        name = " and ".join([*words, *(one for one in step.to if one not in (NEXT, EVERYONE))])
        return Route(
            receiver=self._receiver(self._targets(step.to, rotations), name, step.by or rule.by),
            matchers=route.matchers,
            group_by=route.group_by,
            group_wait=0,
            group_interval=route.group_interval,
            repeat_interval=route.repeat_interval,
            goes_on=True,
            active=route.active,
            key=f"{route.key}/after {format_duration(step.after)}",
            minimum_age=_milliseconds(step.after, 0),
            ends_with_ack=True,
            keeps=route.keeps,
            rule=route.rule,
        )

    def _targets(self, to: Iterable[str], rotations: Iterable[str]) -> Iterator[Target]:
        plans = [name.removeprefix(ON_CALL) for name in rotations]
        for name in to:
            if name == EVERYONE:
                everyone = (person for plan in plans for person in self._roster.on_call[plan].rotation)
                yield from (Target("person", person) for person in (everyone if plans else self._roster.people))
            elif name == NEXT:
                yield from (Target("next", plan) for plan in plans)
            elif name.startswith(ON_CALL):
                yield Target("on_call", name.removeprefix(ON_CALL))
            else:
                yield Target("person", name)

    def _receiver(self, targets: Iterable[Target], who: str, by: Iterable[str]) -> str:
        ways = tuple(dict.fromkeys(by))
        name = f"{who} by {'+'.join(ways)}"
        every = tuple(dict.fromkeys(targets))
        self.receivers[name] = PeopleReceiver(name, roster=self._roster, targets=every, by=ways)
        return name


def _milliseconds(seconds: float | None, instead: float) -> int:
    return round((instead if seconds is None else seconds) * 1000)
