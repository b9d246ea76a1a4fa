"""What one part of a configuration says of another: names that must exist, ways that must not lead back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, available_timezones

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.nodes import Described
from pacs_monitor.configuring.tree import Items, Map, Scalar, Value, below
from pacs_monitor.node import Node, listener_of

_HOLIDAYS = re.compile(r"([A-Z]{2})(?:-([A-Za-z0-9]{1,4}))?", re.ASCII)
_OF_A_LISTENER = {"host", "port", "max_associations"}


def check_references(
    described: Collection[Described], shared: Iterable[Map], names: Collection[str], root: Map, findings: Findings
) -> None:
    """Complain of each name that is nothing's, in nodes and in the settings that they share.

    `names` are all nodes', those with complaints of their own too.
    """
    hours = root.get("hours")
    if hours is not None and not isinstance(hours, Map):
        findings.unread.add(hours)
    plans = plans_in(root)
    _check_holidays(hours, findings)
    seen: set[int] = set()
    for settings in (*(found.settings for found in described), *shared):
        check_hours(settings, "hours", plans, findings)
        for key in ("reached_through", "sends_to"):
            value = settings.get(key)
            # Ten thousand rows share their defaults' list: it is looked at once.
            if value is not None and id(value) not in seen:
                seen.add(id(value))
                check_names(value, names, findings)
    _check_cycles(described, findings)
    _check_budgets(described, findings)


def check_time_zone(zone: str, root: Map, findings: Findings) -> None:
    """Complain of a time zone that there is not."""
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        message = f"there is no time zone {zone}; {suggestion(zone, available_timezones())}"
        findings.complain(below(root, "time_zone"), message)


def check_names(value: Value | None, names: Collection[str], findings: Findings) -> None:
    """Complain of each of a list's names that is no node's."""
    for item in texts_in(value):
        text = item.text or ""
        if text not in names and not findings.unread.may_hold_node(text):
            findings.complain(item, f"there is no node {text}; {suggestion(text, names)}")


def texts_in(value: Value | None) -> Iterator[Scalar]:
    """The items of a list that are texts and not empty."""
    for item in value.items if isinstance(value, Items) else ():
        if isinstance(item, Scalar) and item.text:
            yield item


def labels_of(node: Node, site: str) -> dict[str, str]:
    """All that health and maintenance may match a node by."""
    return {**node.labels, "role": node.role, "importance": node.importance, "site": site, "node": node.name}


def _check_holidays(hours: Value | None, findings: Findings) -> None:
    for plan in (entry.value for entry in hours.entries.values()) if isinstance(hours, Map) else ():
        named = plan.get("holidays") if isinstance(plan, Map) else None
        if isinstance(named, Scalar) and named.text:
            fault = holiday_fault(named.text)
            if fault and isinstance(plan, Map):
                findings.complain(below(plan, "holidays"), fault)


def plans_in(root: Map) -> Collection[str]:
    """The names in the section `hours`."""
    hours = root.get("hours")
    return hours.entries if isinstance(hours, Map) else {}


def check_hours(settings: Map, key: str, plans: Collection[str], findings: Findings) -> None:
    """Complain of a setting that names hours which are not among the plans."""
    named = settings.get(key)
    text = named.text if isinstance(named, Scalar) else None
    if text and text not in plans and not findings.unread.may_hold(text):
        findings.complain(below(settings, key), f"there are no hours {text}; {suggestion(text, plans)}")


def _check_cycles(described: Iterable[Described], findings: Findings) -> None:
    nodes: dict[str, Described] = {}
    for found in described:
        nodes.setdefault(found.node.name, found)
    for ring in rings({name: found.node.reached_through for name, found in nodes.items()}):
        place = below(nodes[ring[0]].settings, "reached_through")
        findings.complain(place, f"leads back to itself: {' -> '.join(ring)}; remove one of these")


def _check_budgets(described: Iterable[Described], findings: Findings) -> None:
    listeners: dict[tuple[str, int], Described] = {}
    for found in described:
        node = found.node
        if node.host is None or node.port is None or not found.whole or found.doubtful & _OF_A_LISTENER:
            continue
        first = listeners.setdefault(listener_of(node), found)
        limit = first.node.max_associations
        if node.max_associations != limit:
            message = (
                f"is {node.max_associations} here and {limit} for {first.node.name}, which has the same listener "
                f"{node.host}:{node.port}; give both the same"
            )
            findings.complain(below(found.settings, "max_associations"), message)


def rings(parents: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Each ring that can be walked from a name over its parents back to it, once: `[a, b, a]`."""
    done: set[str] = set()
    for start in parents:
        way: dict[str, Iterator[str]] = {}
        name: str | None = start
        while name is not None:
            if name in way:
                names = list(way)
                yield [*names[names.index(name) :], name]
            elif name not in done:
                way[name] = iter(parents.get(name, ()))
            name = None
            while way and name is None:
                last = next(reversed(way))
                name = next(way[last], None)
                if name is None:
                    done.add(last)
                    del way[last]


def holiday_fault(text: str) -> str:
    """What is wrong with a country or country-subdivision; nothing if its public holidays are known."""
    import holidays  # it takes a while, and few configurations use it

    found = _HOLIDAYS.fullmatch(text)
    countries = holidays.list_supported_countries()
    if not found or found[1] not in countries:
        return f"{text} is not a country whose holidays are known; write its two letters, for example RO or DE-BY"
    if found[2] and found[2] not in countries[found[1]]:
        return f"{found[2]} is not a part of {found[1]} whose holidays are known; write {found[1]} alone"
    return ""
