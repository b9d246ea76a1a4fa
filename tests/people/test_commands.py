"""`oncall`, and `test routes` of people."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pacs_monitor.__main__ import app
from tests.people.support import HEAD, PEOPLE, RULES, SMTP


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yml"
    overrides = "starts: 2026-01-05, overrides: [{person: eva, from: 2026-01-10, to: 2026-01-11}]"
    people = PEOPLE.replace("starts: 2026-01-05", overrides) + "  night: {rotation: dan}\n"
    people = people.replace("email: eva@north.example", "email: eva@north.example, pager: 5553@sms.north.example")
    path.write_text(HEAD + people + SMTP + RULES)
    return path


def said(config: Path, words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, [*words.split(), "-c", str(config)])
    assert done.exit_code == status, done.output
    return done.output


def test_who_is_on_call_and_in_the_two_weeks_after(config: Path) -> None:
    assert (
        said(config, "oncall pacs --at 2026-01-09")
        == """\
pacs: Ana is on call until Sat 2026-01-10 00:00
  next, if nobody acknowledges: Dan
  Mon 2026-01-05 08:00 to Sat 2026-01-10 00:00  Ana
  Sat 2026-01-10 00:00 to Mon 2026-01-12 00:00  Dr. Eva Ro, instead of Ana
  Mon 2026-01-12 00:00 to Mon 2026-01-12 08:00  Ana
  Mon 2026-01-12 08:00 to Mon 2026-01-19 08:00  Dan
  Mon 2026-01-19 08:00 to Mon 2026-01-26 08:00  Ana
"""
    )


def test_all_rotations_and_one_of_a_single_person(config: Path) -> None:
    assert said(config, "oncall --at 2026-01-09T12:00").endswith("\n\nnight: Dan is on call, alone\n")


def test_for_scripts(config: Path) -> None:
    (told,) = json.loads(said(config, "oncall pacs --at 2026-01-10 --json"))
    assert (told["name"], told["on_call"], told["next"]) == ("pacs", "eva", "dan")
    assert told["until"] == "2026-01-12T00:00+02:00"
    assert told["turns"][0]["instead_of"] == "ana"


def test_what_there_is_not(config: Path, tmp_path: Path) -> None:
    assert said(config, "oncall nigth", 1) == "there is no rotation nigth in on_call; did you mean night?\n"
    assert said(config, "oncall --at soon", 2).startswith("--at: soon is no date")
    empty = tmp_path / "empty.yml"
    empty.write_text("site: north\n")
    assert "there is no on_call; add on_call" in said(empty, "oncall", 1)


def test_who_is_told_of_an_alert_how_and_when(config: Path) -> None:
    lines = said(config, "test routes severity=critical node=archive").splitlines()
    assert [line[:13].rstrip() for line in lines] == ["within 30s", "after 10m", "after 30m"]
    assert lines[0].endswith("by pager and email (on_call.pacs by pager+email)")
    assert lines[2][13:] == (
        "Ana by pager and email, Dan by pager and email (everyone of on_call.pacs by pager+email), "
        "unless somebody acknowledges"
    )
    assert said(config, "test routes severity=warning").endswith("(on_call.pacs by email), within the hours clinic\n")
    assert said(config, "test routes severity=info") == "at 07:30     Ana by email (ana by email)\n"
    assert said(config, "test routes severity=none") == "nobody: no rule of notify takes it\n"


def test_scripts_can_verify_the_receivers(config: Path) -> None:
    done = CliRunner().invoke(
        app, ["test", "routes", "severity=info", "--verify-receivers", "ana by email", "-c", str(config)]
    )
    assert (done.exit_code, done.output) == (0, "ana by email\n")
