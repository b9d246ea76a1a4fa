"""What checks are told of the site's time zone and hours: from the configuration to the worker that runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.config import load
from pacs_monitor.settings import ConfigError, Configuration, Hours
from pacs_monitor.sitetime import SiteTime
from tests.checks.support import site_at as at
from tests.engine import from_file
from tests.noise import calls_of
from tests.running import engine

CHECK = """\
from pacs_monitor.check import *

OPEN = Gauge("pacs_opening_open", "Whether it is open.")
OFFSET = Gauge("pacs_opening_offset_seconds", "The offset of the clocks there.")


class Opening(Check):
    \"\"\"Tell whether it is open.\"\"\"

    hours: HoursName | None = None
    \"\"\"When it is open.\"\"\"
    break_: HoursName | None = None
    \"\"\"When it is not, all the same.\"\"\"

    def run(self):
        yield OFFSET(self.site_time.now().utcoffset().total_seconds())
        yield OPEN(self.hours is None or self.site_time.within(self.hours))
"""
CLINIC = Hours.model_validate({"days": "mon-fri", "from": "07:00", "to": "17:00"})


def test_today_is_the_day_at_the_site() -> None:
    assert f"{at('2026-11-24T00:30').now():%Y%m%d %H%M}" == "20261124 0030"
    assert f"{SiteTime('UTC', wall=at('2026-11-24T00:30').wall).now():%Y%m%d %H%M}" == "20261123 2230"


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-11-24T06:59:59", False),
        ("2026-11-24T07:00", True),
        ("2026-11-24T17:00", False),
        ("2026-11-29T12:00", False),
    ],
)
def test_hours_are_those_of_the_site(moment: str, inside: bool) -> None:
    assert at(moment, clinic=CLINIC).within("clinic") is inside


def test_hours_begin_and_end_while_it_is_asked() -> None:
    now = at("2026-11-24T06:59").wall()
    site = SiteTime("Europe/Bucharest", {"clinic": CLINIC}, lambda: now)
    seen = []
    for _ in range(12):
        seen.append(site.within("clinic"))
        now += 3600
    assert seen == [False, *[True] * 10, False]


def test_hours_without_an_end_are_looked_up_once() -> None:
    site = at("2026-11-24T12:00", always=Hours())
    first = calls_of(lambda: site.within("always"))
    assert calls_of(lambda: site.within("always")) < first / 100


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"days": "mon-fri", "from": "07:00", "to": "17:00"}, "h (mon-fri 07:00-17:00)"),
        ({"days": "sat,sun"}, "h (sat, sun)"),
        ({"days": "tue,mon,wed"}, "h (mon-wed)"),
        ({"days": "mon,wed,fri", "to": "12:00"}, "h (mon, wed, fri 00:00-12:00)"),
        ({}, "h (every day)"),
        ({"from": "22:00", "to": "06:00"}, "h (every day 22:00-06:00)"),
    ],
)
def test_hours_are_told_in_words(plan: dict[str, Any], words: str) -> None:
    assert SiteTime("UTC", {"h": Hours.model_validate(plan)}).words("h") == words


def test_hours_that_no_setting_names_are_a_mistake_of_the_check() -> None:
    with pytest.raises(LookupError):
        at("2026-11-24T12:00").within("clinic")


def loaded(folder: Path, settings: str, top: str = "hours: {clinic: {days: mon-fri}, night: {}}\n") -> Configuration:
    (folder / "checks").mkdir(exist_ok=True)
    (folder / "checks/opening.py").write_text(CHECK)
    path = folder / "pacs-monitor.yml"
    path.write_text(f"check_dirs: [checks]\n{top}checks: [opening: {{{settings}}}]\n")
    return load(path, {})


def test_a_check_gets_the_hours_that_its_settings_name_and_the_time_zone(tmp_path: Path) -> None:
    found = loaded(tmp_path, "hours: clinic", "time_zone: Europe/Bucharest\nhours: {clinic: {days: sat}, night: {}}\n")
    (check,) = found.checks.values()
    assert check.time_zone == "Europe/Bucharest"
    assert {name: hours.days for name, hours in check.hours.items()} == {"clinic": ("sat",)}


def test_hours_that_there_are_not_are_complained_of_wherever_a_check_names_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, "hours: klinic, break_: clinic")
    (complaint,) = raised.value.complaints
    assert complaint.setting == "checks.opening.hours"
    assert complaint.message == "there are no hours klinic; did you mean clinic?"


def test_a_change_of_hours_starts_anew_only_the_checks_that_name_them(tmp_path: Path) -> None:
    def fingerprint(settings: str, top: str) -> str:
        (check,) = loaded(tmp_path, settings, top).checks.values()
        return check.fingerprint

    before = "hours: {clinic: {days: mon-fri}, night: {}}\n"
    after = "hours: {clinic: {days: mon-sat}, night: {}}\n"
    assert fingerprint("hours: clinic", before) != fingerprint("hours: clinic", after)
    assert fingerprint("hours: night", before) == fingerprint("hours: night", after)
    assert fingerprint("", before) == fingerprint("", after)
    assert fingerprint("", before) != fingerprint("", f"time_zone: Europe/Bucharest\n{before}")


async def test_the_worker_goes_by_them(tmp_path: Path) -> None:
    path = tmp_path / "opening.py"
    path.write_text(CHECK)
    zone = "Etc/GMT-3"  # which is three hours east, on every day of the year
    never = Hours.model_validate({"from": "00:00", "to": "24:00", "days": []})
    plans = {"always": Hours(), "never": never}
    checks = [
        replace(from_file(path, name=name, hours=name, interval=0.2, timeout=20.0), time_zone=zone, hours=plans)
        for name in plans
    ]
    async with engine(tmp_path) as running:
        running.apply(*checks)
        await running.more_runs("always", "never")
        assert running.value("pacs_opening_open", "always") == 1
        assert running.value("pacs_opening_open", "never") == 0
        assert running.value("pacs_opening_offset_seconds", "always") == 3 * 3600
