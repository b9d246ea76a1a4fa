"""One alert as templates see it: plain texts in the reader's language and the site's time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from pacs_monitor.notify.notification import ToldAlert, rfc3339
from pacs_monitor.notify.plain import one_line, plain
from pacs_monitor.notify.words import LANGUAGES, Words, duration_in_words, moment_in_words, reason_in_words, spaced
from pacs_monitor.runbooks import link_to

ANSWERING = ("NodeDown", "ModalityUnreachable")
"""Alerts about nodes that do not answer."""
_MOST_AFFECTED = 8


class Texts(dict[str, str]):
    """Labels or annotations: one that is missing is "", as everywhere in Prometheus' world."""

    def __missing__(self, name: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert."""

    status: str
    """`firing` or `resolved`."""
    new: bool
    """Whether this receiver hears of that for the first time."""
    late: bool
    """Whether it began and ended while the receiver could not be reached."""
    name: str
    """The alert's name, such as NodeDown."""
    title: str
    """The node; else the check; else the alert's name in words."""
    severity: str
    site: str
    node: str
    check: str
    role: str
    importance: str
    address: str
    """Host and port of the node."""
    ae_title: str
    reason: str
    """The word of the check's failure, such as `rejected`; "" if it did not fail last."""
    in_short: str
    """A few words: `rejected, AE title unknown`."""
    what: str
    """The sentence that says what is wrong."""
    todo: str
    """What to do about it."""
    summary: str
    description: str
    began: str
    """When it began, such as `10:12`, in the site's time."""
    ended: str
    """When it ended; "" while it fires."""
    duration: str
    """How long it lasted, or has lasted so far."""
    last_success: str
    """When the check succeeded last, such as `10:07`; "" if there is none."""
    phases: str
    """`connect 0.4 ms, associate 2.1 ms`."""
    now: str
    """What the check gives, once it is well again."""
    notes: str
    affected: tuple[str, ...]
    """Nodes that are reached through this one or send to it: some of them."""
    affected_more: int
    """How many more there are."""
    runbook: str
    """A URL or a path."""
    url: str
    """Where the rule's expression can be looked at."""
    started_at: str
    """When it began, as `2026-11-24T10:12:00Z`."""
    ended_at: str
    """When it ended, in that form; "" while it fires."""
    lasted: float
    """For how many milliseconds it has lasted."""
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def runbook_is_link(self) -> bool:
        """Whether the runbook is a URL."""
        return is_link(self.runbook)


def alert_view(alert: ToldAlert, now: datetime, zone: tzinfo, language: str, page: str = "") -> AlertView:
    """An alert as templates see it at a time; `page` is the agent's address."""
    labels, annotations, facts = texts_of(alert.labels), texts_of(alert.annotations), alert.facts
    words, began = LANGUAGES[language], local(alert.starts_at, zone)
    ended = local(alert.ends_at, zone) if alert.ends_at is not None else None
    lasted = ((ended or now) - began).total_seconds() * 1000
    firing = alert.status == "firing"
    node, check, name = labels["node"], labels["check"] or _fact(facts, "check"), labels["alertname"]
    sentence = _fact(facts, "sentence", 1000)
    what, _, todo = sentence.partition("; ")
    reason = _fact(facts, "reason", 40)
    title = one_line(node or labels["check"] or spaced(name) or "?", 64)
    # It answers, and the rule waits a while before it says so.
    back = firing and name in ANSWERING and facts.get("up") is True
    in_short = reason_in_words(reason, sentence, language) if reason and firing else named(name, words)
    if back:
        in_short, what, todo = words["back_short"], words["back"].format(title=title), words["back_todo"]
    affected = [one_line(one, 64) for one in facts.get("affected", ())]
    count = max(int(facts.get("affected_count", 0)), len(affected))
    shown = affected if len(affected) <= _MOST_AFFECTED + 1 else affected[:_MOST_AFFECTED]
    return AlertView(
        status=alert.status,
        new=alert.new,
        late=alert.late,
        name=one_line(name, 100),
        title=title,
        severity=one_line(labels["severity"] or "warning", 20),
        site=one_line(labels["site"], 64),
        node=one_line(node, 64),
        check=one_line(check, 64),
        role=one_line(labels["role"] or _fact(facts, "role"), 64),
        importance=one_line(labels["importance"] or _fact(facts, "importance"), 64),
        address=_fact(facts, "address"),
        ae_title=_fact(facts, "ae_title", 16),
        reason=reason,
        in_short=in_short,
        what=_sentence(what or annotations["summary"].strip() or spaced(name)),
        todo=_sentence(todo[:1].upper() + todo[1:]) or ("" if sentence else annotations["description"]),
        summary=annotations["summary"],
        description=annotations["description"],
        began=moment_in_words(began, now, words),
        ended=moment_in_words(ended, now, words) if ended else "",
        duration=duration_in_words(lasted),
        last_success=_last_success(facts, now, zone, words),
        phases=_phases(facts, node),
        now=_now(facts, words, node) if back or not firing else "",
        notes=_fact(facts, "notes", 500),
        affected=tuple(shown),
        affected_more=count - len(shown),
        runbook=link_to(one_line(annotations["runbook_url"] or annotations["runbook"], 500), page),
        url=link(alert.generator_url),
        started_at=rfc3339(alert.starts_at),
        ended_at=rfc3339(alert.ends_at) if alert.ends_at is not None else "",
        lasted=lasted,
        fingerprint=alert.fingerprint,
        labels=labels,
        annotations=annotations,
    )


def _fact(facts: Mapping[str, Any], name: str, most: int = 200) -> str:
    return one_line(facts.get(name) or "", most)


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".?!…" else f"{text}."


def _phases(facts: Mapping[str, Any], node: str) -> str:
    phases = facts.get("phases") or {}
    told = [f"{phase} {milliseconds:.3g} ms" for phase, milliseconds in phases.items()]
    if not told and facts.get("took") is not None and node:
        told = [f"{facts['took']:.3g} ms"]
    return ", ".join(told)


def _last_success(facts: Mapping[str, Any], now: datetime, zone: tzinfo, words: Words) -> str:
    if facts.get("last_success"):
        return moment_in_words(local(facts["last_success"], zone), now, words)
    return words["never"] if facts.get("up") is False else ""


def _now(facts: Mapping[str, Any], words: Words, node: str) -> str:
    if facts.get("up") is not True or facts.get("took") is None:
        return ""
    if facts.get("free") is not None:
        return words["now_free"].format(share=f"{100 * facts['free']:.3g}%")
    if not node:
        return words["now_passes"]
    return words["now_well"].format(took=f"{facts['took']:.3g}")


def is_link(text: str) -> bool:
    """Whether somebody may click on it."""
    return text.startswith(("https://", "http://")) and not any(letter in text for letter in " \"'<>\\^`{|}\n")


def link(text: str) -> str:
    """The text if it is a link, else ""."""
    text = one_line(text, 2000)
    return text if is_link(text) else ""


def named(name: str, words: Words) -> str:
    """An alert by its name."""
    return words["is_down"] if name == "NodeDown" else spaced(name)


def local(at: int, zone: tzinfo) -> datetime:
    """A moment in a zone."""
    return datetime.fromtimestamp(at / 1000, zone)


def texts_of(texts: Mapping[str, str]) -> Texts:
    """Labels or annotations, made harmless."""
    return Texts({one_line(name, 200): plain(text) for name, text in texts.items()})
