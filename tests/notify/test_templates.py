"""Mails and texts for pagers."""

import re
from dataclasses import replace

import pytest

from pacs_monitor.notify.samples import SAMPLES, Sample, sample
from pacs_monitor.notify.templates import Templates
from pacs_monitor.notify.words import ENGLISH, GERMAN
from tests.notify.rendering import MAIL, NOW, RUNBOOK, balanced, readable, subject
from tests.notify.samples import alert, notification


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("firing", "[CRITICAL] north archive: rejected, AE title unknown, since 12:07"),
        ("resolved", "[RESOLVED] north archive: answered again after 30 min"),
        ("group", "[CRITICAL] north: 3 nodes down (1 new, 1 over): ct2, archive, ct1, since 12:00"),
        ("late", "[RESOLVED] north archive: fired 04:12, resolved 04:42, delivered late"),
        ("test", "[TEST] north: a test, nothing is wrong"),
    ],
)
def test_subjects(templates: Templates, name: Sample, said: str) -> None:
    assert subject(templates, sample(name, NOW)) == said


def test_subjects_in_german(templates: Templates) -> None:
    said = "[CRITICAL] north archive: abgewiesen, AE-Titel unbekannt, seit 12:07"
    assert subject(templates, sample("firing", NOW), language="de") == said
    assert subject(templates, sample("firing", NOW), language="xx").endswith("since 12:07")
    assert ENGLISH.keys() == GERMAN.keys()


def test_an_alert_that_tries_whether_alerts_arrive_is_a_test_whatever_its_node_does(templates: Templates) -> None:
    tried = replace(
        alert(labels={"alertname": "TestAlert", "test": "true"}), facts={"reason": "refused", "check": "tcp"}
    )
    assert subject(templates, notification(tried)) == "[TEST] north: a test, nothing is wrong"
    over = replace(tried, status="resolved", ends_at=tried.starts_at + 1000)
    assert subject(templates, notification(over)) == "[TEST] north: the test is over"
    assert "refused" not in templates.mail(notification(tried), MAIL).text
    assert subject(templates, notification(tried, alert())).startswith("[CRITICAL] north: ")


def test_subjects_of_what_no_check_explains(templates: Templates) -> None:
    volume = {"alertname": "VolumeLow", "severity": "warning", "node": "", "check": "archive-disk"}
    assert (
        subject(templates, notification(alert(labels=volume)))
        == "[WARNING] north archive-disk: volume low, since 12:12"
    )
    blind = {"alertname": "AgentBlind", "node": ""}
    assert subject(templates, notification(alert(labels=blind))) == "[CRITICAL] north: agent blind, since 12:12"


def test_subjects_of_many(templates: Templates) -> None:
    downs = [alert(labels={"node": f"ct{number}"}) for number in range(9)]
    said = "[CRITICAL] north: 9 nodes down: ct0, ct1, ct2, ct3, ct4 and 4 more, since 12:12"
    assert subject(templates, notification(*downs)) == said
    mixed = notification(downs[0], alert(labels={"alertname": "VolumeLow", "node": "archive"}))
    assert subject(templates, mixed) == "[CRITICAL] north: 2 alerts: ct0, archive, since 12:12"
    over = [replace(one, status="resolved", ends_at=NOW + 1_800_000) for one in downs[:2]]
    assert subject(templates, notification(*over)) == "[RESOLVED] north: 2 nodes answer again after 30 min: ct0, ct1"


def test_a_day_later_the_date_is_told(templates: Templates) -> None:
    told = notification(queued_at=NOW + 86_400_000)
    assert subject(templates, told).endswith("since 24 Nov 12:12")
    assert subject(templates, told, language="de").endswith("seit 24.11. 12:12")


def test_a_mail_says_all_that_is_known(templates: Templates) -> None:
    mail = templates.mail(sample("firing", NOW), MAIL)
    for text in (mail.text, readable(mail.html)):
        said = " ".join(text.split())
        for part in (
            "archive does not know our AE title PACSMON.",
            "What to do",
            "Register PACSMON there with this machine's address",
            "10.0.0.5:4242",
            "12:07 (5 min)",
            "Last success",
            "dns 0.05 ms, connect 0.42 ms, associate 2.1 ms",
            "ct1, ct2, mr1, us1, us2, ws-reading-1, ws-reading-2, xr1 and 3 more",
            "hotline 0800 123",
            "PACS team (mail, 10:12)",
            "unless somebody acknowledges",
            "Runbook",
            "Acknowledge",
        ):
            assert part in said, part
    assert 'href="https://pacsmon.north.example/ack/3xAmp1e"' in mail.html
    assert f'href="{RUNBOOK}"' in mail.html
    assert RUNBOOK in mail.text
    inside = templates.mail(replace(sample("firing", NOW), external_url="http://127.0.0.1:9811"), MAIL)
    for text in (inside.text, readable(inside.html)):
        assert "docs/runbooks/NodeDown.md" in text, "nobody reaches this machine by its loopback address"


def test_text_is_no_wider_than_72_characters(templates: Templates) -> None:
    for name in SAMPLES:
        for language in ("en", "de"):
            text = templates.mail(sample(name, NOW), replace(MAIL, language=language)).text
            assert max(map(len, text.splitlines())) <= 72
            assert "\n\n\n\n" not in text


def test_a_group_tells_first_what_is_new_then_what_goes_on_then_what_is_over(templates: Templates) -> None:
    mail = templates.mail(sample("group", NOW), MAIL)
    for text in (mail.text, readable(mail.html)):
        said = " ".join(text.split())
        parts = ("Acknowledge", "New", "ct2 (10.0.1.8", "What to do", "Still firing", "rejected, AE title", "Resolved")
        places = [said.index(part) for part in parts]
        assert places == sorted(places)
        assert "down, 12:00 – 12:11 (11 min), now answers in 12.4 ms" in said
        assert said.count("What to do") == 1, "who was told of one before is told of it in a line"


def test_a_repeat_tells_all_in_full(templates: Templates) -> None:
    downs = [alert(labels={"node": f"ct{number}"}, facts={"sentence": "no answer; look"}) for number in range(3)]
    mail = templates.mail(notification(*downs, reason="repeat"), MAIL)
    assert mail.text.count("What to do") == mail.html.count("What to do") == 3


def test_a_group_that_is_over_tells_each_in_a_line(templates: Templates) -> None:
    ended = [
        alert(
            status="resolved",
            ends_at=NOW + 1_800_000,
            labels={"node": f"ct{number}"},
            facts={"up": True, "took": 12.4, "address": "10.0.1.8:104"},
        )
        for number in range(2)
    ]
    mail = templates.mail(notification(*ended, reason="resolved"), MAIL)
    for text in (mail.text, readable(mail.html)):
        assert "down, 12:12 – 12:42 (30 min), now answers in 12.4 ms" in " ".join(text.split())
        assert "What it was" not in text


@pytest.mark.parametrize("sentence", ["no answer; look at it", "x" * 900 + "; " + "ö" * 900])
@pytest.mark.parametrize("known", [0, 1, 2])
def test_a_group_of_thousands_stays_small(templates: Templates, sentence: str, known: int) -> None:
    facts = {"reason": "timeout", "sentence": sentence, "notes": "z" * 500, "affected": ["ü" * 64] * 8}
    many = notification(
        *(
            replace(alert(labels={"node": f"node{number}"}, facts=facts), new=not known or number % (known + 1) == 0)
            for number in range(3000)
        )
    )
    mail = templates.mail(many, MAIL)
    assert len(mail.html.encode()) < 100_000  # Gmail cuts longer ones
    assert len(mail.text) < 41_000
    for text in (mail.text, readable(mail.html)):
        _, _, lists = text.rpartition("and 2995 more")  # of the headline
        left_out = sum(map(int, re.findall(r"and (\d+) more", lists)))
        assert len(set(re.findall(r"\bnode\d+\b", text))) + left_out == 3000


DISK = {"alertname": "VolumeLow", "node": "", "check": "archive-disk"}
FULL = "/var/lib/orthanc has 8.1 GB of 200 GB left (4.1%, at least 5% are due); move or delete data, or enlarge it"


def test_a_full_disk(templates: Templates) -> None:
    facts = {"check": "archive-disk", "up": False, "reason": "threshold", "sentence": FULL, "took": 0.5, "free": 0.041}
    full = alert(labels=DISK, facts=facts)
    assert subject(templates, notification(full)) == "[CRITICAL] north archive-disk: only 4.1% left, since 12:12"
    assert subject(templates, notification(full), language="de").endswith("nur noch 4.1% frei, seit 12:12")
    said = " ".join(templates.mail(notification(full), MAIL).text.split())
    assert "Last success none so far" in said
    assert "Last run" not in said, "how long a look at a disk takes is nobody's concern"
    over = replace(full, status="resolved", ends_at=NOW + 60_000, facts={**facts, "up": True, "free": 0.384})
    for text in (
        templates.mail(notification(over), MAIL).text,
        readable(templates.mail(notification(over), MAIL).html),
    ):
        assert "Now 38.4% free" in " ".join(text.split())
    nothing = replace(over, facts={"check": "own", "up": True, "took": 3.0})
    assert "the check passes again" in templates.mail(notification(nothing), MAIL).text


def test_a_node_that_answers_again_before_its_alert_ends(templates: Templates) -> None:
    facts = {"check": "c_echo", "up": True, "took": 9.3, "address": "10.0.0.5:4242", "ae_title": "ORTHANC"}
    back = notification(alert(facts=facts), reason="repeat")
    assert subject(templates, back) == "[CRITICAL] north archive: answers again, was down, since 12:12"
    mail = templates.mail(back, MAIL)
    for text in (mail.text, readable(mail.html)):
        said = " ".join(text.split())
        assert "archive answers again." in said
        assert "Wait: this ends within minutes if it stays so." in said
        assert "Now answers in 9.3 ms" in said
        assert "10.0.0.5:4242, ORTHANC" in said
        assert "confirmed down" not in said


def test_an_alert_of_another_kind_goes_on_while_its_check_succeeds(templates: Templates) -> None:
    facts = {"check": "archive-disk", "up": True, "took": 0.5, "free": 0.08}
    low = alert(labels={**DISK, "severity": "warning"}, facts=facts)
    assert subject(templates, notification(low)) == "[WARNING] north archive-disk: volume low, since 12:12"
    assert "Now" not in templates.mail(notification(low), MAIL).text


def test_html_needs_nothing_from_elsewhere(templates: Templates) -> None:
    for name in SAMPLES:
        html = templates.mail(sample(name, NOW), MAIL).html
        assert not re.search(r"<img|<link|<script|@import|url\(|<iframe|display:\s*flex|display:\s*grid", html)
        balanced(html)


def test_a_pager_has_140_characters_that_a_pager_has(templates: Templates) -> None:
    for name in SAMPLES:
        mail = templates.mail(sample(name, NOW), replace(MAIL, style="pager"))
        assert mail.html == ""
        assert 20 < len(mail.text) <= 140
        assert mail.text.isascii()
    text = templates.mail(sample("firing", NOW), replace(MAIL, style="pager")).text
    assert text.startswith("CRITICAL north archive: rejected, AE title unknown, since 12:07. Register PACSMON there")


def test_a_pager_of_many(templates: Templates) -> None:
    downs = [alert(labels={"node": f"a-modality-with-a-long-name-{number}"}) for number in range(9)]
    assert len(templates.mail(notification(*downs), replace(MAIL, style="pager")).text) <= 140


def test_what_else_is_to_be_said(templates: Templates) -> None:
    told = replace(sample("firing", NOW), unsaved=True, reason="escalation", note="ops could not be reached")
    mail = templates.mail(told, MAIL)
    for text in (mail.text, readable(mail.html)):
        said = " ".join(text.split())
        assert "it may come twice" in said
        assert "Nobody has acknowledged this" in said
        assert "ops could not be reached" in said
