import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs_monitor.notify.deliver import body_of
from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.notify.samples import SAMPLES, Sample, sample
from pacs_monitor.notify.templates import BODIES, Templates
from pacs_monitor.notify.words import ENGLISH, GERMAN, duration_in_words, spaced
from pacs_monitor.routing.definitions import Email, Secret, Webhook
from tests.notify.samples import SAYS, alert, notification

NOW = 1_795_515_120_000  # 10:12 UTC, 12:12 in Bucharest
ZONE = ZoneInfo("Europe/Bucharest")
MAIL = Email(to="a@north.example", sender="b@north.example", host="mail", port=25)
RUNBOOK = "https://pacsmon.north.example/runbooks/NodeDown"
HOOK = Webhook(url=Secret("http://x/"), secrets=(("routing_key", Secret("r0uting")),))


@pytest.fixture
def templates() -> Templates:
    return Templates(ZONE, "north")


def subject(templates: Templates, told: Notification, **changes: Any) -> str:
    return templates.mail(told, replace(MAIL, **changes)).subject


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


# Bodies of webhooks.


def body(templates: Templates, name: str, told: Notification) -> Any:
    return json.loads(templates.body(told, replace(HOOK, template=name)))


def test_teams(templates: Templates) -> None:
    posted = body(templates, "teams", sample("firing", NOW))
    (attachment,) = posted["attachments"]
    assert posted["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["text"].startswith("CRITICAL: north archive")
    assert card["body"][0]["color"] == "Attention"
    assert [action["title"] for action in card["actions"]] == ["Acknowledge", "Runbook", "Open pacs-monitor"]
    assert card["actions"][1]["url"] == RUNBOOK
    over = body(templates, "teams", sample("resolved", NOW))["attachments"][0]["content"]
    assert [action["title"] for action in over["actions"]] == ["Open pacs-monitor"]


def test_slack(templates: Templates) -> None:
    posted = body(templates, "slack", sample("group", NOW))
    assert posted["text"].startswith("[CRITICAL] north: 3 nodes down")
    kinds = [block["type"] for block in posted["blocks"]]
    assert kinds == ["header", *["section"] * 4, "actions"]


@pytest.mark.parametrize("name", ["slack", "teams", "pagerduty"])
def test_chats_say_what_a_person_needs_at_night(templates: Templates, name: str) -> None:
    fires, over = (json.dumps(body(templates, name, sample(which, NOW))) for which in ("firing", "resolved"))
    for part in (
        "archive does not know our AE title PACSMON.",
        "Register PACSMON there",
        "ct1, ct2, mr1, us1, us2, ws-reading-1, ws-reading-2, xr1 and 3 more",
        "12:05",
        "hotline 0800 123",
    ):
        assert part in fires, part
    if name != "pagerduty":  # it has its own escalation
        assert "PACS team (mail, 10:12)" in fires
        assert "Dr. North is called, unless somebody acknowledges" in fires
    assert "What it was: archive is down at north." in over
    assert "answers in 12.4 ms" in over
    assert "Who is affected" not in over
    if name == "slack":
        linked = replace(
            sample("firing", NOW),
            alerts=(alert(annotations={**SAYS, "runbook_url": "https://wiki.north.example/NodeDown"}),),
        )
        assert "<https://wiki.north.example/NodeDown|Runbook>" in json.dumps(body(templates, name, linked))


def test_pagerduty(templates: Templates) -> None:
    fires, over = (body(templates, "pagerduty", sample(name, NOW)) for name in ("firing", "resolved"))
    assert (fires["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert fires["routing_key"] == "r0uting"
    assert fires["dedup_key"] == over["dedup_key"]
    assert fires["payload"]["summary"].startswith("north archive: rejected")
    assert fires["payload"]["severity"] == "critical"
    assert fires["payload"]["source"] == "archive"
    assert fires["payload"]["timestamp"] == "2026-11-24T10:07:00Z"


def test_generic(templates: Templates) -> None:
    posted = body(templates, "generic", sample("group", NOW))
    assert posted["text"].startswith("[CRITICAL]")
    assert [one["title"] for one in posted["alerts"]] == ["ct2", "archive", "ct1", "router"]
    assert "template_error" not in posted


def test_without_a_template_it_is_alertmanagers(templates: Templates) -> None:
    posted = json.loads(body_of(HOOK, sample("firing", NOW), templates))
    assert posted["version"] == "4"


HOSTILE = {
    "quotes": "a\"b'c\\d",
    "lines": "a\nb\r\nBcc: x@y\u2028z",
    "html": '<script>alert(1)</script><img src="http://evil.example/x">&amp;',
    "long": "archive says no " * 6400,
    "control": "\x00\x1b[31mred\x07\x9b",
    "direction": "\u202eexe.fdp\u2066\u2069\u200f",
    "json": '", "evil": "',
    "jinja": "{{ secrets }}{% for x in range(9) %}{{ x }}{% endfor %}",
    "slack": "<!channel> <https://evil.example|archive> *bold*",
    "markdown": "[click](https://evil.example) ![x](http://evil.example/x)",
    "arabic": "الأرشيف لا يستجيب " * 500,
    "surrogate": "\ud800 \udfff",
    "emoji": "🏥" * 2000,
    "percent": "%s %(x)s {x} {0}",
}


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> Notification:
    text = HOSTILE[request.param]
    labels = dict.fromkeys(("alertname", "node", "site", "severity", "role", "check", "own"), text)
    told = dict.fromkeys(("summary", "description", "runbook"), text)
    facts = {"reason": text, "sentence": f"{text}; {text}", "notes": text, "affected": [text] * 20, "address": text}
    alerts = [
        alert(labels=labels, annotations=told, facts=facts, generator_url=text),
        alert(labels=labels, annotations=told, facts=facts, status="resolved", ends_at=NOW + 60_000),
    ]
    links = {"acknowledge": f"javascript:{text}"}
    return notification(*alerts, told=(text,), next_step=text, note=text, links=links, external_url=text, receiver=text)


@pytest.mark.parametrize("language", ["en", "de"])
def test_mails_whatever_labels_hold(
    templates: Templates, hostile: Notification, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    for style in ("mail", "pager"):
        mail = templates.mail(hostile, replace(MAIL, style=style, language=language))
        assert not caplog.records
        assert mail.subject.isprintable()
        assert len(mail.subject) <= 250
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", mail.text + mail.html)
        assert not re.search(r"<script|<img|javascript:|r0uting", mail.html)
        assert len(mail.html) < 100_000
        if mail.html:
            balanced(mail.html)
        (mail.subject + mail.text + mail.html).encode()


@pytest.mark.parametrize("name", BODIES)
def test_bodies_whatever_labels_hold(
    templates: Templates, hostile: Notification, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = templates.body(hostile, replace(HOOK, template=name))
    assert not caplog.records
    posted = json.loads(raw)
    assert "evil" not in posted
    assert len(raw) <= {"teams": 20_000, "slack": 12_000, "pagerduty": 480_000}.get(name, 500_000)
    if name == "slack":
        check_slack(posted)
    if name == "pagerduty":
        assert len(posted["payload"]["summary"]) <= 1024
        assert len(posted["dedup_key"]) <= 255
        assert posted["payload"]["severity"] in ("critical", "error", "warning", "info")
    if name == "teams":
        assert not re.search(r"\]\(", json.dumps(posted["attachments"]))


def check_slack(posted: Any) -> None:
    assert len(posted["blocks"]) <= 50
    for block in posted["blocks"]:
        if block["type"] == "header":
            assert len(block["text"]["text"]) <= 150
        if block["type"] == "section":
            assert len(block["text"]["text"]) <= 3000
            assert "<" not in block["text"]["text"].replace(f"<{RUNBOOK}|Runbook>", "")
    assert "<" not in posted["text"]


@pytest.mark.parametrize("name", BODIES)
def test_bodies_of_thousands(templates: Templates, name: str) -> None:
    facts = {"reason": "timeout", "sentence": "x" * 900 + "; " + "y" * 900, "notes": "z" * 500}
    many = notification(*(alert(labels={"node": f"node{number}"}, facts=facts) for number in range(3000)))
    raw = templates.body(many, replace(HOOK, template=name))
    assert len(raw) <= {"teams": 20_000, "slack": 12_000, "pagerduty": 512_000}.get(name, 1_000_000)
    if name == "slack":
        check_slack(json.loads(raw))


# Templates of one's own.


@pytest.fixture
def own(tmp_path: Path) -> Templates:
    return Templates(ZONE, "north", [tmp_path])


def test_a_template_of_ones_own_is_read_at_each_use(own: Templates, tmp_path: Path) -> None:
    file = tmp_path / "desk.json.j2"
    file.write_text(
        '{"t": {{ subject | tojson }}, "k": {{ secrets.routing_key | tojson }}, "n": {{ alerts | length }}}'
    )
    posted = body(own, "desk", sample("group", NOW))
    said = "[CRITICAL] north: 3 nodes down (1 new, 1 over): ct2, archive, ct1, since 12:00"
    assert posted == {"t": said, "k": "r0uting", "n": 4}
    file.write_text('{"changed": true, "more": 1}')
    assert body(own, "desk", sample("group", NOW)) == {"changed": True, "more": 1}
    assert own.has("desk", "json")
    assert not own.has("desk", "mail")
    assert own.secrets_of("pagerduty") == {"routing_key"}


def test_a_mail_may_have_one_part_of_ones_own(own: Templates, tmp_path: Path) -> None:
    (tmp_path / "ward.subject.j2").write_text("Ward: {{ headline }}\nsecond line")
    mail = own.mail(sample("firing", NOW), replace(MAIL, template="ward"))
    assert mail.subject == "Ward: north archive: rejected, AE title unknown, since 12:07 second line"
    assert "What to do" in mail.text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a\n{{ nothing }}", "own.txt.j2, line 2: 'nothing' is undefined"),
        ("{% if %}", "own.txt.j2, line 1: Expected an expression, got 'end of statement block'"),
        ("{{ 1 // 0 }}", "own.txt.j2, line 1: it divides by 0"),
        ("{% include 'own.txt.j2' %}", "it calls or includes itself without end"),
        ("{{ alerts[99].what }}", "own.txt.j2, line 1: "),
        (
            "{% for x in range(9999) %}" + "x" * 1000 + "{% endfor %}",
            "it makes more than 1,000,000",
        ),
    ],
)
def test_a_broken_template_still_tells(own: Templates, tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "own.txt.j2").write_text(source)
    mail = own.mail(sample("firing", NOW), replace(MAIL, template="own"))
    assert mail.subject.startswith("[CRITICAL] north archive")
    assert "archive does not know our AE title PACSMON." in mail.text
    said = " ".join(mail.text.split())
    assert "The template own.txt.j2 failed, so this is plain text" in said
    assert says in said
    assert mail.html == ""


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('{"a": "{{ subject }}"', "what it gives is no JSON; write each value as {{ value | tojson }}"),
        ("{{ secrets.nothing | tojson }}", "line 1: "),
        ("", "what it gives is no JSON"),
        ("[" * 5000, "what it gives is no JSON"),
        ('{"a": NaN}', "what it gives is no JSON"),
        ('{"a": {{ ("1e999" | float) | tojson }}}', "what it gives is no JSON"),
        ("{% include 'heading.j2' %}", "line 1: there is no file heading.j2 in the folders of templates"),
        ("{% include ['a.j2', 'b.j2'] %}", "line 1: none of the templates given were found: a.j2, b.j2"),
        ("{% include '../../etc/passwd' %}", "line 1: there is no file ../../etc/passwd in the folders of templates"),
    ],
)
def test_a_broken_body_still_tells(own: Templates, tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "own.json.j2").write_text(source)
    posted = body(own, "own", sample("firing", NOW))
    assert posted["text"].startswith("[CRITICAL] north archive")
    assert says in posted["template_error"]
    assert "r0uting" not in json.dumps(posted)


def test_a_template_that_is_gone_still_tells(own: Templates) -> None:
    said = body(own, "gone", sample("firing", NOW))["template_error"]
    assert said == "gone.json.j2: there is no file gone.json.j2 in the folders of templates"


def test_a_template_in_another_encoding_is_told(own: Templates, tmp_path: Path) -> None:
    (tmp_path / "own.json.j2").write_bytes('{"a": "für"}'.encode("latin-1"))
    said = body(own, "own", sample("firing", NOW))["template_error"]
    assert said == "own.json.j2: the file is not in UTF-8; save it so"


def test_what_is_wrong_with_a_value_is_not_told(
    own: Templates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own.json.j2").write_text("{{ {}[secrets.routing_key] }}{{ secrets.routing_key + 1 }}")
    assert "r0uting" not in json.dumps(body(own, "own", sample("firing", NOW)))
    assert "r0uting" not in caplog.text


def test_a_secret_that_cannot_be_read_is_named(templates: Templates) -> None:
    hook = replace(HOOK, template="pagerduty", secrets=(("routing_key", Secret(file=Path("/nowhere/key"))),))
    with pytest.raises(DeliveryFailed, match="the secret routing_key of oncall cannot be read") as caught:
        templates.body(sample("firing", NOW), hook)
    assert caught.value.reason == "secret"


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(0, "0 s"), (45_400, "45 s"), (60_000, "1 min"), (1_795_000, "30 min"), (7_500_000, "2 h 5 min"), (-5, "0 s")],
)
def test_durations(milliseconds: int, said: str) -> None:
    assert duration_in_words(milliseconds) == said
    assert duration_in_words(3 * 86_400_000 + 4 * 3_600_000) == "3 d 4 h"


@pytest.mark.parametrize(("name", "said"), [("NodeDown", "node down"), ("TLS", "TLS"), ("a_b", "a_b"), ("", "")])
def test_names_of_alerts_in_words(name: str, said: str) -> None:
    assert spaced(name) == said


# Helpers.


def readable(html: str) -> str:
    """What a reader sees."""
    found: list[str] = []

    class Reader(HTMLParser):
        skipped = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.skipped += tag in ("style", "title")

        def handle_endtag(self, tag: str) -> None:
            self.skipped -= tag in ("style", "title")

        def handle_data(self, data: str) -> None:
            if not self.skipped:
                found.append(data)

    Reader().feed(html)
    return " ".join(found)


def balanced(html: str) -> None:
    """Every element that is opened is closed, in order."""
    stack: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert stack.pop() == tag

    Checker().feed(html)
    assert stack == []
