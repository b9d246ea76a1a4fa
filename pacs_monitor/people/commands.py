"""`pacs-monitor oncall`: who is on call, and who will be."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, fail, load

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pacs_monitor.people.roster import Roster
    from pacs_monitor.people.settings import OnCall

DAYS_AHEAD = 14


def oncall(
    name: Annotated[str | None, typer.Argument(help="One of on_call; all unless given.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    at: Annotated[str | None, typer.Option(help="When, as 2026-12-24 or '2026-12-24 18:00'; now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say who is on call, and who will be in two weeks."""
    from zoneinfo import ZoneInfo

    from pacs_monitor.configuring.fields import suggestion
    from pacs_monitor.people.roster import Roster

    agent = load(config).agent
    zone = ZoneInfo(agent.time_zone)
    when = _moment(at, zone)
    if not agent.on_call:
        fail(f"{config}: there is no on_call; add on_call: {{NAME: {{rotation: [NAME, NAME]}}}}")
    if name is not None and name not in agent.on_call:
        fail(f"there is no rotation {name} in on_call; {suggestion(name, agent.on_call)}")
    roster = Roster(agent.people, agent.on_call, zone)
    wanted = {each: plan for each, plan in agent.on_call.items() if name in (None, each)}
    told = [_told(each, plan, roster, when) for each, plan in wanted.items()]
    print(json.dumps(told) if as_json else "\n\n".join(_shown(one, roster, when) for one in told))


def _moment(at: str | None, zone: ZoneInfo) -> float:
    if at is None:
        return time.time()
    from datetime import date

    from pacs_monitor.people.settings import parse_day_or_time
    from pacs_monitor.timetable import moment

    try:
        day, _, clock = parse_day_or_time(at).partition(" ")
    except ValueError as error:
        fail(f"--at: {error}", 2)
    return moment(date.fromisoformat(day), clock or "00:00", zone)


def _told(name: str, plan: OnCall, roster: Roster, when: float) -> dict[str, Any]:
    from pacs_monitor.people.oncall import next_after, turns

    found = list(turns(plan, roster.zone, when, when + DAYS_AHEAD * 86_400))
    return {
        "name": name,
        "on_call": found[0].person,
        "until": _iso(found[0].until, roster.zone),
        "next": next_after(plan, roster.zone, when),
        "turns": [
            {
                "person": turn.person,
                "from": _iso(turn.since, roster.zone),
                "to": _iso(turn.until, roster.zone),
                "instead_of": turn.instead_of,
            }
            for turn in found
        ],
    }


def _iso(moment: float, zone: ZoneInfo) -> str | None:
    from datetime import datetime
    from math import isfinite

    return datetime.fromtimestamp(moment, zone).isoformat(timespec="minutes") if isfinite(moment) else None


def _shown(told: dict[str, Any], roster: Roster, when: float) -> str:
    until = f" until {_day(told['until'])}" if told["until"] else ", alone"
    lines = [f"{told['name']}: {roster.shown(told['on_call'])} is on call{until}"]
    if told["next"]:
        lines.append(f"  next, if nobody acknowledges: {roster.shown(told['next'])}")
    for turn in told["turns"] if told["until"] else ():
        instead = f", instead of {roster.shown(turn['instead_of'])}" if turn["instead_of"] else ""
        lines.append(f"  {_day(turn['from'])} to {_day(turn['to'])}  {roster.shown(turn['person'])}{instead}")
    return "\n".join(lines)


def _day(text: str | None) -> str:
    from datetime import datetime

    return datetime.fromisoformat(text).strftime("%a %Y-%m-%d %H:%M") if text else "further notice"
