"""Alerting at work: takes samples, evaluates rules, remembers alerts, answers questions. All in a thread of its own."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pacs_monitor.alerting import persist
from pacs_monitor.alerting.alerts import Alert, Alerts
from pacs_monitor.alerting.clockwork import Clockwork, Job
from pacs_monitor.alerting.definitions import AlertingRule, RuleGroup, ranges
from pacs_monitor.alerting.groups import Group, World
from pacs_monitor.history.labels import Labels, labels_of
from pacs_monitor.history.sampling import ALWAYS, Sampler
from pacs_monitor.history.snapshot import SnapshotError, load, save
from pacs_monitor.history.store import LOOKBACK
from pacs_monitor.promql.ast import Expr
from pacs_monitor.promql.engine import Engine
from pacs_monitor.promql.features import Features
from pacs_monitor.promql.parse import reads
from pacs_monitor.state import State

log = logging.getLogger(__name__)

T = TypeVar("T")
SNAPSHOT_EVERY = 300.0
"""Seconds between two writings of the history to disk."""
TRIM_EVERY = SETTLE_EVERY = 60.0
GROWN = 1.05
"""By how much more series than before the garbage collector is told again what stays."""
LONGEST_CHANGE = 60.0
"""Seconds until a reload no longer waits for the evaluation that is under way."""
MOST_ASKED = 10_000_000
LONGEST_ANSWER = 5.0
"""How many samples a question may read, and how many seconds it may take: rules wait meanwhile."""
STALLED_AFTER = 60.0
"""Seconds beyond three intervals after which evaluation counts as stuck."""
ASKED_FOR = 3600.0
"""For how many seconds a metric that no rule reads is kept once somebody has asked for it."""
States = dict[tuple[int, Labels], tuple[str, int]]
"""State and beginning of each alert, by its rule and labels."""


class Listener(Protocol):
    """Hears of alerts, in the thread of the rules."""

    def tell(self, source: str, alerts: Iterable[tuple[str, Alert]]) -> None:
        """All alerts of a group, each with its rule's expression, after every evaluation."""

    def only(self, sources: Collection[str]) -> None:
        """There are no other groups than these any more."""

    def complete(self) -> None:
        """All groups have told what is known from before a restart."""


class NotKept(Exception):
    """There are no samples to answer from; the sentence says what to do."""


class Alerting:
    """Rules over the agent's own metrics."""

    def __init__(self, world: World, sampler: Sampler, state: State, file: Path, scrape_interval: float) -> None:
        """`file` is where the history is kept over a restart."""
        self._world = world
        self._sampler = sampler
        self._state = state
        self._file = file
        self._scrape = Job(scrape_interval, self._sample)
        self._clockwork = Clockwork()
        self._begun = False
        self._groups: list[Group] = []
        self._evaluations: dict[Group, Job] = {}
        self._read: set[str] = set()
        self._everything = False
        self._asked: dict[str, float] = {}
        self._states: dict[int, States] = {}
        self._settled = 0
        self.listener: Listener | None = None
        self._evaluated_at = time.monotonic()
        sampler.wanted = self._wanted

    def start(self, groups: Iterable[RuleGroup]) -> None:
        """Read what is known from before, and begin."""
        self._begun = True
        self._groups = [Group(group, self._world) for group in groups]
        self._read_history()
        self._restore()
        self._follow()
        for group in self._groups:
            self._pass_on(group)
        if self.listener:
            self.listener.complete()
        self._clockwork.start(self._jobs())

    @property
    def begun(self) -> bool:
        """Whether there have been rules to evaluate."""
        return self._begun

    @property
    def features(self) -> Features:
        """What of Prometheus' experimental functions questions may use."""
        return self._world.features

    def follow(
        self, groups: Iterable[RuleGroup], scrape_interval: float, external_url: str, features: Features
    ) -> None:
        """Evaluate these groups instead; rules that say the same keep their alerts. Begins if it has not begun."""
        every = list(groups)

        def settings() -> None:
            self._scrape.interval, self._world.external_url = scrape_interval, external_url
            self._world.features = features

        def change() -> None:
            settings()
            self._replace([Group(group, self._world) for group in every])

        if self._begun:
            self._clockwork.ask(change).result(LONGEST_CHANGE)
        elif every:
            settings()
            self.start(every)

    def evaluate(self, expr: Expr, question: Callable[[Engine], T]) -> Future[T]:
        """Have an expression evaluated in the thread, between two rules. Raises NotKept if no rules are at work.

        What no rule reads is sampled at once, and from then on for an hour.
        """
        if not self._begun:
            raise NotKept(
                "no samples are kept, as the configuration has no `alerting`; add alerting: {rules: [builtin]}"
            )
        return self._clockwork.ask(lambda: self._evaluated(expr, question))

    def _evaluated(self, expr: Expr, question: Callable[[Engine], T]) -> T:
        names = {name for name, _ in reads(expr)}
        fresh = {name for name in names if not self._wanted(name)}
        until = time.monotonic() + ASKED_FOR
        self._asked.update(dict.fromkeys(fresh | (names & self._asked.keys()), until))
        if fresh:
            self._sampler.take(int(time.time() * 1000))
        # An engine of its own: that of the rules keeps what it has compiled, and has more time.
        return question(Engine(self._world.history, most_samples=MOST_ASKED, deadline=LONGEST_ANSWER))

    def stop(self, within: float) -> bool:
        """Write history and alerts, and end. False if that took longer than so many seconds."""
        return not self._begun or self._clockwork.stop(self._save, within)

    @property
    def alerts(self) -> list[Alert]:
        """All that are pending or firing, as of this moment; safe from any thread."""
        every = [alerts for group in self._groups for alerts in group.alerts.values()]
        return [alert for alerts in every for alert in list(alerts.active.values()) if alert.state != "inactive"]

    def find(self, labels: Mapping[str, str]) -> tuple[Group, AlertingRule, Alert] | None:
        """The alert of these labels, external ones left out, with its rule and group; safe from any thread."""
        for group in list(self._groups):
            for alerts in list(group.alerts.values()):
                alert = alerts.active.get(labels_of(labels))
                if alert is not None:
                    return group, alerts.rule, alert
        return None

    @property
    def stalled(self) -> float:
        """For how many seconds no rules were evaluated, if that is longer than they can take; else 0."""
        if not self._begun or not self._evaluations:
            return 0.0
        since = time.monotonic() - self._evaluated_at
        longest = min(job.interval for job in list(self._evaluations.values()))
        return since if since > STALLED_AFTER + 3 * longest else 0.0

    def collect(self) -> Iterator[Metric]:
        """The metrics of rules and alerts."""
        states = [alert.state for alert in self.alerts]
        alerts = GaugeMetricFamily("pacs_monitor_alerts", "Alerts by state.", labels=["state"])
        for state in ("pending", "firing"):
            alerts.add_metric([state], states.count(state))
        yield alerts
        took = GaugeMetricFamily(
            "pacs_monitor_rule_group_last_duration_seconds",
            "Time that the group's last evaluation took.",
            labels=["group"],
        )
        for name, groups in self._by_name().items():
            took.add_metric([name], max(group.seconds for group in groups))
        yield took
        yield from self._counters()

    def _counters(self) -> Iterator[Metric]:
        counted: tuple[tuple[str, str, Callable[[Group], int]], ...] = (
            ("evaluations", "Evaluations of rules.", lambda group: group.evaluations * len(group.group.rules)),
            ("evaluation_failures", "Evaluations of rules that gave an error.", lambda group: group.failures),
            (
                "template_failures",
                "Templates of labels and annotations that failed.",
                lambda group: group.template_failures,
            ),
            ("group_iterations_missed", "Evaluations left out, as the work before took too long.", self._missed),
        )
        for name, help, count in counted:
            family = CounterMetricFamily(f"pacs_monitor_rule_{name}_total", help, labels=["group"])
            for group, same in self._by_name().items():
                family.add_metric([group], sum(map(count, same)))
            yield family

    def _by_name(self) -> dict[str, list[Group]]:
        """Two files may have groups of one name, which are one series."""
        found: dict[str, list[Group]] = {}
        for group in self._groups:
            found.setdefault(group.group.name, []).append(group)
        return found

    def _missed(self, group: Group) -> int:
        job = self._evaluations.get(group)
        return job.missed if job else 0

    # In the thread.

    def _sample(self, at: int) -> None:
        now = time.monotonic()
        self._asked = {name: until for name, until in self._asked.items() if until > now}
        self._sampler.take(at)

    def _wanted(self, name: str) -> bool:
        return self._everything or name in self._read or name in self._asked or "" in self._asked or name in ALWAYS

    def _jobs(self) -> list[Job]:
        before = self._evaluations
        self._evaluations = {group: before.get(group) or Job(0.0, self._evaluation(group)) for group in self._groups}
        for group, job in self._evaluations.items():
            job.interval = group.group.interval / 1000 if group.group.interval else self._scrape.interval
        trim, snapshot = Job(TRIM_EVERY, self._world.history.trim), Job(SNAPSHOT_EVERY, lambda at: self._save())
        return [self._scrape, *self._evaluations.values(), trim, snapshot, Job(SETTLE_EVERY, lambda at: self._settle())]

    def _settle(self) -> None:
        """Have the garbage collector leave series, labels and plans alone: they stay, and nothing of them is a cycle.

        Evaluating makes so many tuples that it looks through all objects several times in each evaluation, and holds
        every thread meanwhile: with 50 rules over 4,500 nodes /health took up to 180 ms, without that 20.
        """
        count = len(self._world.history)
        if count > self._settled * GROWN:
            gc.freeze()
            self._settled = count

    def _evaluation(self, group: Group) -> Callable[[int], None]:
        def evaluate(at: int) -> None:
            before = [health.error for health in group.health]
            group.evaluate(at)
            self._evaluated_at = time.monotonic()
            for rule, error, health in zip(group.group.rules, before, group.health, strict=True):
                if health.error and health.error != error:
                    log.error("rule %s of group %s: %s", rule.name, group.group.name, health.error)
            self._pass_on(group)
            if self._tell(group):
                self._keep(at)

        return evaluate

    def _pass_on(self, group: Group) -> None:
        if self.listener:
            every = ((alerts.rule.text, alert) for alerts in group.alerts.values() for alert in alerts.active.values())
            self.listener.tell(group.source, every)

    def _tell(self, group: Group) -> bool:
        """Log what fires and what is over; whether anything has changed."""
        states, before = _states(group), self._states.get(id(group), {})
        if states == before:
            return False
        self._states[id(group)] = states
        for alerts in group.alerts.values():
            for alert in alerts.active.values():
                key = (id(alerts), alert.labels)
                if before.get(key) != states[key]:
                    _log(alerts, alert)
        return True

    def _keep(self, now: int) -> None:
        self._state.submit(self._state.save_fact(persist.FACT, persist.written(self._groups, now)))

    def _replace(self, groups: list[Group]) -> None:
        now = int(time.time() * 1000)
        old = {(group.group.file, group.group.name): group for group in self._groups}
        text = persist.written(self._groups, now)
        fresh = []
        for place, group in enumerate(groups):
            known = old.get((group.group.file, group.group.name))
            if known is not None and known.group == group.group:
                groups[place] = known
            else:
                fresh.append(group)
        for group in self._groups:
            if group not in groups:
                group.end(now)
        for source in {group.source for group in self._groups} - {group.source for group in groups}:
            self._world.history.forget_source(source)
        persist.restore(text, fresh, now)
        self._groups = groups
        self._follow()
        if self.listener:
            self.listener.only([group.source for group in groups])
        self._clockwork.replace(self._jobs())

    def _follow(self) -> None:
        found = ranges(group.group for group in self._groups)
        self._everything = "" in found
        self._read = set(found)
        self._world.history.ranges = found
        # What is known already is no news.
        self._states = {id(group): self._states.get(id(group)) or _states(group) for group in self._groups}

    def _read_history(self) -> None:
        try:
            load(self._world.history, self._file)
        except FileNotFoundError:
            return
        except (OSError, SnapshotError) as error:
            log.warning("the history of before is not used: %s", error)

    def _restore(self) -> None:
        text = self._state.load_fact(persist.FACT)
        if not text:
            return
        try:
            # After a kill, when the agent last said that it lives is later than when alerts were last written.
            alive = round(float(self._state.load_fact("alive") or 0) * 1000)
            count = persist.restore(text, self._groups, int(time.time() * 1000), LOOKBACK, alive)
        except ValueError as error:
            log.warning("alerts of before are forgotten: %s", error)
            return
        if count:
            log.info("%d alerts are known from before", count)

    def _save(self) -> None:
        self._keep(int(time.time() * 1000))
        try:
            save(self._world.history, self._file)
        except OSError as error:
            log.error("the history is not being saved: %s: %s", self._file, error.strerror)


def _states(group: Group) -> States:
    return {
        (id(alerts), alert.labels): (alert.state, alert.active_at)
        for alerts in group.alerts.values()
        for alert in alerts.active.values()
    }


def _log(alerts: Alerts, alert: Alert) -> None:
    if alert.state == "firing":
        log.warning("alert %s fires: %s", alerts.rule.name, alert.annotations.get("summary") or repr(alert.labels))
    elif alert.state == "inactive" and alert.fired_at is not None:
        log.info("alert %s is over: %s", alerts.rule.name, alert.annotations.get("summary") or repr(alert.labels))
