"""What `pacs-monitor explain` prints: one alert, from its rule to the receivers' answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from pacs_monitor.alerts_view import name_of
from pacs_monitor.notify.plain import one_line
from pacs_monitor.wording import clock, lasting, span


def show(console: Console, told: Mapping[str, Any]) -> None:
    """All of it."""
    console.print(Text(name_of(told["labels"]), style="bold"))
    for line in (*_alert(told), *_rule(told["rule"]), *_quiet(told)):
        console.print(Text(line))
    for route in told["routes"]:
        console.print()
        for line in _route(route):
            console.print(Text(line))
    if not told["routes"]:
        console.print(Text("It is in no group: nobody is told."))


def _alert(told: Mapping[str, Any]) -> Iterator[str]:
    if summary := told["annotations"].get("summary"):
        yield f"  {one_line(summary)}"
    labels = ", ".join(f"{name}={value}" for name, value in told["labels"].items())
    yield f"  labels       {one_line(labels, 1000)}"
    yield f"  fingerprint  {told['fingerprint']}"
    # Whoever posted it may say that it begins later: in Alertmanager, too, it is told at once.
    yield f"  fires since  {clock(told['startsAt'])}, {lasting(told['startsAt'])}"


def _rule(rule: Mapping[str, Any] | None) -> Iterator[str]:
    if rule is None:
        yield "  raised by    somebody who posted it"
        return
    yield f"  raised by    {rule['name']} in {rule['file']}:{rule['line']}"
    yield f"  expression   {one_line(rule['expression'], 2000)}"
    hold = f", true since {clock(rule['activeAt'])}" + (f", for {span(rule['for'])} needed" if rule["for"] else "")
    value = f"{rule['value']:.6g}" if isinstance(rule["value"], float) else rule["value"]
    yield f"  value        {value}{hold}"


def _quiet(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["inhibitedBy"]:
        yield f"  inhibited    by {name_of(one['labels'])} ({one['fingerprint']})"
    for one in told["silencedBy"]:
        by = f"by {one['createdBy']} until {clock(one['endsAt'])}: {one['comment'] or 'no comment'}"
        yield f"  silenced     {one_line(by)} ({one_line(' '.join(one['matchers']))}, {one['id']})"
    if ack := told["acknowledged"]:
        comment = f": {ack['comment']}" if ack["comment"] else ""
        yield f"  acknowledged {one_line('by ' + ack['by'] + ' at ' + clock(ack['at']) + comment)}"


def _route(route: Mapping[str, Any]) -> Iterator[str]:
    yield f"{route['receiver']}, as {' > '.join(one_line(one) for one in route['way'])} takes it"
    yield f"  group        {one_line(route['group'])}, {_alerts(route['alerts'])}"
    if route["mutedBy"]:
        yield f"  muted        by {', '.join(route['mutedBy'])}: nothing is told"
    escalation = f"; only of what has fired for {span(route['escalatesAfter'])}" if route["escalatesAfter"] else ""
    repeats = f"what stays is repeated after {span(route['repeatsAfter'])}"
    yield f"  next look    {clock(route['nextFlush'])}{escalation}; {repeats}"
    for one in route["integrations"]:
        yield from _integration(one)
    if not route["integrations"]:
        yield "  nobody       the receiver has nobody to tell"


def _integration(one: Mapping[str, Any]) -> Iterator[str]:
    name = one["integration"]
    if one["queuedAt"] is None:
        yield f"  {name:12} was told nothing yet"
        return
    knows = "that it fires" if one["knows"] == "firing" else f"of {one['knows']}"
    if one["waiting"]:
        yield f"  {name:12} is to hear {knows}, queued {clock(one['queuedAt'])}, not taken yet"
    else:
        yield f"  {name:12} was last told {knows}, queued {clock(one['queuedAt'])}"
    for attempt in one["attempts"]:
        outcome = f"failed ({attempt['reason']})" if attempt["reason"] else "taken"
        yield f"    {clock(attempt['at'])}   {outcome} in {attempt['took']:.3g} s: {one_line(attempt['answer'])}"
    if waiting := one["waiting"]:
        when = f"next try {clock(waiting['nextTry'])}" if waiting["nextTry"] else "being sent now"
        error = f": {one_line(waiting['error'])}" if waiting["error"] else ""
        yield f"    waits since {clock(waiting['since'])} with {_alerts(waiting['alerts'])}, {when}{error}"


def _alerts(number: int) -> str:
    return "1 alert" if number == 1 else f"{number} alerts"
