"""Templates of one's own, broken ones among them, and words that all templates have."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.notify.samples import sample
from pacs_monitor.notify.templates import Templates
from pacs_monitor.notify.words import duration_in_words, spaced
from pacs_monitor.routing.definitions import Secret
from tests.notify.rendering import HOOK, MAIL, NOW, ZONE, body


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
