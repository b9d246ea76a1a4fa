"""What a notification says first: the subject of a mail."""

from __future__ import annotations

from collections.abc import Iterable

from pacs_monitor.notify.alert_view import ANSWERING, AlertView
from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.plain import cut, one_line
from pacs_monitor.notify.words import LANGUAGES, Words, spaced

SEVERITIES = ("critical", "error", "warning", "info", "none")
TAGS = ("digest", "reminder")
"""Reasons that have a tag of their own."""
_PLURALS = {"NodeDown": "down", "ModalityUnreachable": "unreachable"}


def worst(severities: Iterable[str]) -> str:
    """The worst of them; one that nobody knows is as bad as a warning."""
    found = sorted(set(severities), key=lambda one: SEVERITIES.index(one) if one in SEVERITIES else 2)
    return found[0] if found else "none"


def tag_of(notification: Notification, severity: str, words: Words) -> str:
    """The word in front of the subject."""
    if notification.reason == "test":
        return "TEST"
    if notification.status == "resolved":
        return "RESOLVED"
    return words[notification.reason] if notification.reason in TAGS else one_line(severity, 20).upper()


def headline(
    alerts: tuple[AlertView, ...], site: str, late: bool, reason: str, language: str, *, new: int = 0, over: int = 0
) -> str:
    """What the subject says: of one alert what it is, of several how many of what, and what of it is news."""
    words = LANGUAGES[language]
    if not alerts:
        return site
    if reason == "test":
        said = words["test_over" if all(alert.status == "resolved" for alert in alerts) else "test_headline"]
        return f"{site}: {said}" if site else said
    first = alerts[0]
    resolved = first.status == "resolved"
    if len(alerts) > 1:
        return _of_several(alerts, site, words, new if new < len(alerts) else 0, over)
    place = " ".join(dict.fromkeys(part for part in (site or first.site, first.title) if part))
    if late:
        said = words["late"].format(began=first.began, ended=first.ended)
    elif resolved:
        said = words["again" if first.name in ANSWERING else "well"].format(duration=first.duration)
    else:
        said = f"{first.in_short}, {words['since'].format(began=first.began)}"
        if not (first.node or first.labels["check"]):
            return f"{site or first.site}: {said}"
    return f"{place}: {said}"


def _of_several(alerts: tuple[AlertView, ...], site: str, words: Words, new: int, over: int) -> str:
    names = dict.fromkeys(alert.title for alert in alerts)
    told, more = list(names)[:5], len(names) - 5
    joined = ", ".join(told) + (f" {words['more'].format(count=more)}" if more > 0 else "")
    kinds = {alert.name for alert in alerts}
    kind = kinds.pop() if len(kinds) == 1 else ""
    count = len(alerts)
    first = min(alerts, key=lambda alert: alert.started_at)
    if first.status == "resolved":
        duration = max(alerts, key=lambda alert: alert.lasted).duration
        said = words["again_nodes" if kind in _PLURALS else "again_group"]
        said = said.format(count=count, duration=duration, names=joined)
    else:
        if kind in _PLURALS and len(names) == count:
            what = words[_PLURALS[kind]].format(count=count)
        else:
            what = f"{count} × {spaced(kind)}" if kind else words["alerts"].format(count=count)
        news = [words[name].format(count=one) for name, one in (("new_among", new), ("over_among", over)) if one]
        what += f" ({', '.join(news)})" if news else ""
        said = f"{what}: {joined}, {words['since'].format(began=first.began)}"
    return cut(f"{site}: {said}" if site else said, 200)
