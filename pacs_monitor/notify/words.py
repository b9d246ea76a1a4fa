"""The fixed words of notifications, by language. What a check says of a failure is English in all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

Words = Mapping[str, str]

ENGLISH: Words = {
    "acknowledge": "Acknowledge",
    "address": "Address",
    "affected": "Who is affected",
    "again": "answered again after {duration}",
    "again_group": "{count} alerts over after {duration}: {names}",
    "again_nodes": "{count} nodes answer again after {duration}: {names}",
    "alerts": "{count} alerts",
    "answered_in": "Last run",
    "back": "{title} answers again.",
    "back_short": "answers again, was down",
    "back_todo": "Wait: this ends within minutes if it stays so.",
    "by": "Sent by pacs-monitor to {receiver}",
    "check": "Check",
    "date": "%-d %b %H:%M",
    "digest": "DIGEST",
    "do": "What to do",
    "down": "{count} nodes down",
    "ended": "Lasted",
    "escalation": "Nobody has acknowledged this so far.",
    "fires": "Firing",
    "firing": "Still firing",
    "is_down": "down",
    "last_success": "Last success",
    "left": "only {share} left",
    "late": "fired {began}, resolved {ended}, delivered late",
    "late_note": "This receiver could not be reached while it lasted.",
    "more": "and {count} more",
    "never": "none so far",
    "new": "New",
    "new_among": "{count} new",
    "next": "What comes next",
    "notes": "Notes",
    "now": "Now",
    "now_free": "{share} free",
    "now_is": "now {now}",
    "now_passes": "the check passes again",
    "now_well": "answers in {took} ms",
    "over_among": "{count} over",
    "page": "Open pacs-monitor",
    "reminder": "REMINDER",
    "repeat": "This was told before and goes on.",
    "resolved": "Resolved",
    "runbook": "Runbook",
    "severity": "Severity",
    "since": "since {began}",
    "since_label": "Since",
    "site": "Site",
    "template_failed": "The template {name} failed, so this is plain text",
    "test": "This is a test: nothing is wrong.",
    "test_headline": "a test, nothing is wrong",
    "test_over": "the test is over",
    "told": "Told before",
    "unreachable": "{count} modalities unreachable",
    "unsaved": "The agent could not save this: it may come twice, or not be repeated.",
    "was": "What it was",
    "well": "well again after {duration}",
}

GERMAN: Words = {
    **ENGLISH,
    "acknowledge": "Übernehmen",
    "address": "Adresse",
    "affected": "Wer betroffen ist",
    "again": "antwortet wieder nach {duration}",
    "again_group": "{count} Alarme vorbei nach {duration}: {names}",
    "again_nodes": "{count} Knoten antworten wieder nach {duration}: {names}",
    "alerts": "{count} Alarme",
    "answered_in": "Letzter Lauf",
    "back": "{title} antwortet wieder.",
    "back_short": "antwortet wieder, war ausgefallen",
    "back_todo": "Abwarten: das endet in einigen Minuten, wenn es so bleibt.",
    "by": "Von pacs-monitor an {receiver}",
    "check": "Prüfung",
    "date": "%d.%m. %H:%M",
    "digest": "SAMMLUNG",
    "do": "Was zu tun ist",
    "down": "{count} Knoten ausgefallen",
    "ended": "Dauer",
    "escalation": "Bisher hat das niemand übernommen.",
    "fires": "Besteht",
    "firing": "Besteht weiter",
    "is_down": "ausgefallen",
    "last_success": "Zuletzt erfolgreich",
    "left": "nur noch {share} frei",
    "late": "begann {began}, endete {ended}, verspätet zugestellt",
    "late_note": "Dieser Empfänger war die ganze Zeit nicht zu erreichen.",
    "more": "und {count} weitere",
    "never": "bisher nie",
    "new": "Neu",
    "new_among": "{count} neu",
    "next": "Wie es weitergeht",
    "notes": "Notizen",
    "now": "Jetzt",
    "now_free": "{share} frei",
    "now_is": "jetzt: {now}",
    "now_passes": "die Prüfung gelingt wieder",
    "now_well": "antwortet in {took} ms",
    "over_among": "{count} vorbei",
    "page": "pacs-monitor öffnen",
    "reminder": "ERINNERUNG",
    "repeat": "Das wurde schon gemeldet und dauert an.",
    "resolved": "Vorbei",
    "severity": "Schwere",
    "since": "seit {began}",
    "since_label": "Seit",
    "site": "Standort",
    "template_failed": "Die Vorlage {name} ist fehlerhaft, daher dieser einfache Text",
    "test": "Dies ist ein Test: nichts ist gestört.",
    "test_headline": "ein Test, nichts ist gestört",
    "test_over": "der Test ist vorbei",
    "told": "Bisher gemeldet an",
    "unreachable": "{count} Modalitäten nicht erreichbar",
    "unsaved": "Das konnte nicht gespeichert werden: es kommt vielleicht doppelt oder wird nicht wiederholt.",
    "was": "Was es war",
    "well": "wieder in Ordnung nach {duration}",
}

LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "de": GERMAN}

_REASONS = {
    "en": {
        "dns": "name unknown",
        "refused": "connection refused",
        "unreachable": "unreachable",
        "timeout": "no answer",
        "tls": "no TLS",
        "rejected": "rejected",
        "aborted": "connection ended",
        "no_context": "service not offered",
        "dimse_status": "error status",
        "not_found": "not found",
        "mismatch": "unexpected answer",
        "threshold": "limit exceeded",
        "stale": "out of date",
        "forbidden": "not allowed",
        "broken": "check broken",
    },
    "de": {
        "dns": "Name unbekannt",
        "refused": "Verbindung verweigert",
        "unreachable": "nicht erreichbar",
        "timeout": "keine Antwort",
        "tls": "kein TLS",
        "rejected": "abgewiesen",
        "aborted": "Verbindung beendet",
        "no_context": "Dienst nicht angeboten",
        "dimse_status": "Fehlerstatus",
        "not_found": "nicht gefunden",
        "mismatch": "unerwartete Antwort",
        "threshold": "Grenzwert überschritten",
        "stale": "veraltet",
        "forbidden": "nicht erlaubt",
        "broken": "Prüfung defekt",
    },
}
# What pacs_monitor.dicom.rejections says, in fewer words.
_DETAILS = {
    "does not know our AE title": {"en": "AE title unknown", "de": "AE-Titel unbekannt"},
    "does not answer to the AE title": {"en": "wrong AE title", "de": "falscher AE-Titel"},
    "is too busy for another association": {"en": "too busy", "de": "überlastet"},
    "has reached its limit of associations": {"en": "too many associations", "de": "zu viele Assoziationen"},
}


# What the check `disk` says of a volume that fills up.
_LEFT = re.compile(r" left \(([\d.]{1,5}%)")


def language_of(language: str) -> str:
    """A language that there is."""
    return language if language in LANGUAGES else "en"


def reason_in_words(reason: str, sentence: str, language: str) -> str:
    """`rejected, AE title unknown`, or `only 4% left`."""
    words = _REASONS[language].get(reason, reason.replace("_", " "))
    if reason == "threshold" and (left := _LEFT.search(sentence)):
        return LANGUAGES[language]["left"].format(share=left[1])
    details = [said[language] for phrase, said in _DETAILS.items() if reason == "rejected" and phrase in sentence]
    return ", ".join([words, *details])


def duration_in_words(milliseconds: float) -> str:
    """Two units at most: `45 s`, `30 min`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(round(milliseconds / 1000), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    while not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def moment_in_words(at: datetime, now: datetime, words: Words) -> str:
    """`10:12`, with the date unless it was within half a day."""
    near = abs(now - at) < timedelta(hours=12) or at.date() == now.date()
    return at.strftime("%H:%M" if near else words["date"])


def spaced(name: str) -> str:
    """`NodeDown` as `node down`; names that are no such words stay."""
    if not name.isalpha() or name.isupper():
        return name
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
