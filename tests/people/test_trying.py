"""Where a test alert goes by rules of people, in words."""

from __future__ import annotations

from pathlib import Path

from pacs_monitor.web.operating.trying import outlook
from tests.people.test_telling import sim_at


def test_it_says_who_would_be_told_next_and_when(tmp_path: Path) -> None:
    sim = sim_at(tmp_path)
    alert = sim.fire("TestAlert", severity="critical", site="north", test="true")
    found = outlook(sim.engine, alert.fingerprint, sim.at)
    assert found.routes == (
        '{severity="critical"} to on_call.pacs by pager+email, '
        'in the group {}/{severity="critical"}:{alertname="TestAlert", site="north"}',
    )
    assert found.later == (
        "10:10, Dan by pager and email, unless somebody acknowledges: that is not tried",
        "10:30, Ana by pager and email, Dan by pager and email, unless somebody acknowledges: that is not tried",
    )
    assert {target.shown for target in found.targets} == {
        "on_call.pacs by pager+email (pager/ana)",
        "on_call.pacs by pager+email (email/ana)",
    }
    sim.end()


def test_outside_of_the_hours_of_a_rule_it_says_when_people_are_told(tmp_path: Path) -> None:
    sim = sim_at(tmp_path, "2026-01-07 21:00")
    alert = sim.fire("TestAlert", severity="warning", test="true")
    found = outlook(sim.engine, alert.fingerprint, sim.at)
    assert found.quiet == "it is outside of the hours clinic: what fires is told when they begin"
    sim.end()
