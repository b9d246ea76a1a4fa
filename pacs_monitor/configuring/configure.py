"""Makes configured checks of nodes and of what is wanted of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pacs_monitor.check import Check, Destination
from pacs_monitor.configuring.complaints import validate
from pacs_monitor.configuring.fields import settings_of, settings_of_hours, unit_of
from pacs_monitor.configuring.filling import fill
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.nodes import Described
from pacs_monitor.configuring.profiles import CheckLists, Checks, Profile, Wanted
from pacs_monitor.configuring.references import check_hours
from pacs_monitor.configuring.times import check_times, times_of, typed_times
from pacs_monitor.configuring.tree import Map, Value, below
from pacs_monitor.loader import CheckKind
from pacs_monitor.node import Node
from pacs_monitor.settings import AgentSettings, ConfiguredCheck, Hours, fingerprint
from pacs_monitor.units import format_duration


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A wanted check whose settings are valid, for whichever node."""

    wanted: Wanted
    kind: CheckKind
    data: dict[str, Any]
    check: Check


class Configurator:
    """Configures the checks of nodes. What many nodes share through a profile is validated and complained of once."""

    def __init__(
        self,
        agent: AgentSettings,
        kinds: Mapping[str, CheckKind],
        profiles: Mapping[str, Profile],
        lists: CheckLists,
        plans: Collection[str],
        findings: Findings,
    ) -> None:
        """`plans` are the names of all hours, those with complaints of their own too."""
        self._agent = agent
        self._kinds = kinds
        self._profiles = profiles
        self._lists = lists
        self._plans = plans
        self._findings = findings
        self._shared: dict[tuple[object, ...], Checks] = {}
        self._prepared: dict[Wanted, _Prepared | None] = {}

    def check_shared(self, shared: Iterable[Map]) -> None:
        """Complain of what is wrong in checks that a profile, or `shared` settings, give to nodes, used or not.

        What seems to be missing may come from a node, or from a list before.
        """
        lists = [(profile.checks, True) for profile in self._profiles.values()]
        for value, whole in [*lists, *((settings.get("checks"), False) for settings in shared)]:
            for wanted in self._known(self._lists.merged(Checks(whole=whole), value, last=False)):
                cls = self._kinds[wanted.kind].cls
                data = {**fill(cls, wanted.settings, self._findings), "name": wanted.name}
                validate(cls, data, wanted.settings, self._findings, partial=True)
                self._check_hours(wanted)

    def of_node(self, described: Described) -> Iterator[ConfiguredCheck]:
        """The checks of a node, without those that have complaints."""
        node_data = {key: value for key, value in described.data.items() if key != "notes"}
        labels = self._labels(described.node)
        for wanted in self._known(self._wanted(described)):
            prepared = self._prepare(wanted)
            complete = self._has_what_it_needs(wanted, described)
            if prepared and complete and not described.doubtful & {"role", "min_interval"}:
                yield from self._configured(prepared, described.node, node_data, labels)

    def without_node(self, section: Value | None) -> Iterator[ConfiguredCheck]:
        """The checks of the section `checks`."""
        for wanted in self._known(self._lists.merged(Checks(), section, of_node=False)):
            prepared = self._prepare(wanted)
            if prepared:
                yield from self._configured(prepared, None, None, ())

    def _known(self, checks: Checks) -> Iterator[Wanted]:
        return (wanted for wanted in checks.wanted.values() if wanted.kind in self._kinds)

    def _wanted(self, described: Described) -> Checks:
        # A list shared by many nodes is merged once; the node's own list, the last, belongs to it alone.
        key = (described.whole, *described.profiles, *(id(value) for value in described.check_lists))
        result = self._shared.get(key)
        if result is None:
            result = Checks(whole=described.whole)
            for name in described.profiles:
                result = self._lists.merged(result, self._profiles[name].checks, last=False)
            for value in described.check_lists:
                result = self._lists.merged(result, value)
            self._shared[key] = result
        return result

    def _prepare(self, wanted: Wanted) -> _Prepared | None:
        if wanted not in self._prepared:
            self._prepared[wanted] = self._validated(wanted)
        return self._prepared[wanted]

    def _validated(self, wanted: Wanted) -> _Prepared | None:
        kind = self._kinds[wanted.kind]
        data = {**fill(kind.cls, wanted.settings, self._findings), "name": wanted.name}
        check = validate(kind.cls, data, wanted.settings, self._findings, partial=not wanted.whole)
        self._check_hours(wanted)
        times = times_of(check) if check and wanted.whole else typed_times(data, wanted.settings, self._findings)
        check_times(times, wanted.settings, self._findings)
        if check is None:
            return None
        warnings = getattr(check, "warnings", None)
        for warning in warnings() if callable(warnings) else ():
            self._findings.warn(wanted.settings, str(warning))
        return _Prepared(wanted, kind, data, check)

    def _has_what_it_needs(self, wanted: Wanted, described: Described) -> bool:
        needs = self._kinds[wanted.kind].cls.needs
        missing = [need for need in needs if getattr(described.node, need) is None]
        for need in missing if described.whole else ():
            if need not in described.doubtful:
                unit = unit_of(settings_of(Node)[need])
                example = f", for example {need}: {unit.example}" if unit else ""
                message = f"the check {wanted.name} needs it; set it on the node{example}"
                self._findings.complain(below(described.settings, need), message)
        return not missing

    def _configured(
        self,
        prepared: _Prepared,
        node: Node | None,
        node_data: dict[str, Any] | None,
        labels: tuple[tuple[str, str], ...],
    ) -> Iterator[ConfiguredCheck]:
        kind, name = prepared.kind, prepared.wanted.name
        settings = self._floored(prepared, node)
        # Once more: the longer interval of a node that is to be left alone may be one that the check does not take.
        check = validate(kind.cls, settings, prepared.wanted.settings, self._findings)
        if check is None:
            return
        own = (("check", name), ("kind", kind.kind))
        zone, hours = self._agent.time_zone, self._hours_of(check)
        destination = self._destination_of(check, prepared.wanted)
        yield ConfiguredCheck(
            node=node,
            name=name,
            kind=kind.kind,
            source=kind.source,
            settings=settings,
            check=check,
            labels=(*labels[:2], *own, *labels[2:]) if node else (("site", self._agent.site), *own),
            metrics=kind.metrics,
            fingerprint=fingerprint(
                self._agent.site, kind.kind, kind.digest, settings, node_data, zone, hours, destination
            ),
            time_zone=zone,
            hours=hours,
            destination=destination,
        )

    def _check_hours(self, wanted: Wanted) -> None:
        for key in settings_of_hours(self._kinds[wanted.kind].cls):
            check_hours(wanted.settings, key, self._plans, self._findings)

    def _hours_of(self, check: Check) -> dict[str, Hours]:
        named = [getattr(check, field) for field in settings_of_hours(type(check)).values()]
        return {name: self._agent.hours[name] for name in named if name in self._agent.hours}

    def _destination_of(self, check: Check, wanted: Wanted) -> Destination | None:
        if not check.moves_here:
            return None
        scp = self._agent.scp
        if scp is None and self._findings.complained_within("scp"):
            return None
        if scp is None:
            self._findings.complain(
                wanted.settings,
                f"the check {wanted.name} has studies moved to the agent, which has no listener; write the section "
                f"scp with listen, or take move out",
            )
            return None
        try:
            host, port = scp.address
        except ValueError:  # that has a complaint already
            return None
        return Destination(host, port, scp.ae_title or self._agent.ae_title)

    def _labels(self, node: Node) -> tuple[tuple[str, str], ...]:
        more = ((label, node.labels[label]) for label in self._agent.metrics.labels if label in node.labels)
        first = (("site", self._agent.site), ("node", node.name))
        return (*first, ("role", node.role), ("importance", node.importance), *more)

    def _floored(self, prepared: _Prepared, node: Node | None) -> dict[str, Any]:
        floor = (node.min_interval if node else None) or 0.0
        data = prepared.data
        for key in ("interval", "retry_interval"):
            seconds = getattr(prepared.check, key)
            if seconds is None or seconds >= floor or node is None:
                continue
            least = format_duration(floor)
            data = {**data, key: least}
            if key in prepared.data:
                self._findings.warn(
                    below(prepared.wanted.settings, key),
                    f"{format_duration(seconds)} is shorter than the min_interval of {least} of a {node.role}, "
                    f"which is used instead; to allow it, set min_interval on the profile or node",
                )
        return data
