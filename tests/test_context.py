from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.state import State
from tests.hospital import NOW, Site, check, configuration, hospital, node
from tests.noise import calls_of

NOON = {"name": "patches", "days": ["tue"], "from": "14:05", "for": "1h", "reason": "vendor"}  # NOW is 14:00 here


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state.db", "north")
    yield opened
    opened.close()


def maintenance(**changes: Any) -> dict[str, Any]:
    return {"maintenance": [{**NOON, **changes}]}


def test_a_check_without_any_cause_is_exported_as_not_suppressed() -> None:
    site = Site(configuration([node("ct")], [check(node("ct")), check(None, "disk")]))
    assert site.suppressed("ct") == ()
    assert site.suppressed("", "disk") == ()


# The calendar


def test_maintenance_suppresses_from_its_beginning_to_its_end() -> None:
    site = Site(hospital(node("ct"), **maintenance()))
    site.up("ct")
    site.tick(299)
    assert site.suppressed("ct") == ()
    site.tick(1)
    assert site.suppressed("ct") == ("maintenance",)
    site.down("ct")
    assert site.suppressed("ct") == ("maintenance",)
    site.tick(3600)
    assert site.suppressed("ct") == ()


def test_a_check_that_was_down_before_the_maintenance_goes_on_alerting() -> None:
    site = Site(hospital(node("ct"), node("mr"), **maintenance()))
    site.down("ct")
    site.tick(300)
    assert (site.suppressed("ct"), site.suppressed("mr")) == ((), ("maintenance",))


@pytest.mark.parametrize(
    ("nodes", "concerned"),
    [
        ({}, {"ct", "archive", ""}),
        ({"role": "modality"}, {"ct"}),
        ({"role": "modality", "floor": "2"}, set()),
        ({"floor": "1"}, {"ct", "archive"}),
        (["archive"], {"archive"}),
    ],
)
def test_maintenance_concerns_the_nodes_that_it_names_or_matches(nodes: Any, concerned: set[str]) -> None:
    ct, archive = node("ct", role="modality", labels={"floor": "1"}), node("archive", labels={"floor": "1"})
    checks = [check(ct), check(archive), check(None, "disk")]
    site = Site(configuration([ct, archive], checks, **maintenance(nodes=nodes)))
    site.tick(300)
    assert {key[0] for key in site.results.records if site.suppressed(*key)} == concerned


def test_outside_its_hours_a_node_is_suppressed() -> None:
    site = Site(hospital(node("ct", hours="clinic"), node("mr"), hours={"clinic": {"from": "07:00", "to": "15:00"}}))
    site.up("ct")
    assert site.suppressed("ct") == ()
    site.tick(3600)
    assert (site.suppressed("ct"), site.suppressed("mr")) == (("hours",), ())
    site.tick(16 * 3600)
    assert site.suppressed("ct") == ()


def test_hours_and_maintenance_are_series_that_rules_can_use() -> None:
    site = Site(hospital(node("ct"), hours={"clinic": {"to": "15:00"}}, **maintenance()))
    hours = 'pacs_hours_active{site="north",hours="clinic"}'
    planned = 'pacs_maintenance_active{site="north",maintenance="patches",reason="vendor"}'
    assert (site.line(hours), site.line(planned)) == ("1", "0")
    site.tick(300)
    assert (site.line(hours), site.line(planned)) == ("1", "1")
    site.tick(3300)
    assert (site.line(hours), site.line(planned)) == ("0", "1")
    site.configure(hospital(node("ct")))
    assert (site.line(hours), site.line(planned)) == ("", "")


def test_when_hours_began_or_ended_is_a_series_beside_when_a_node_last_answered() -> None:
    hours = {"clinic": {"to": "15:00"}, "always": {}}
    site = Site(hospital(node("ct"), hours=hours))
    changed = 'pacs_hours_changed_timestamp_seconds{site="north",hours="%s"}'
    midnight = int(NOW) - 14 * 3600
    assert (site.line(changed % "clinic"), site.line(changed % "always")) == (str(midnight), "0")
    site.tick(2 * 3600)
    assert site.line(changed % "clinic") == str(midnight + 15 * 3600)
    site.configure(hospital(node("ct")))
    assert site.line(changed % "clinic") == ""


def test_two_entries_of_one_maintenance_are_one_series() -> None:
    later = {**NOON, "from": "16:00"}
    site = Site(hospital(node("ct"), maintenance=[NOON, later]))
    planned = 'pacs_maintenance_active{site="north",maintenance="patches",reason="vendor"}'
    site.tick(300)
    assert site.line(planned) == "1"
    site.tick(3600)
    assert site.line(planned) == "0"
    site.tick(3600)
    assert site.line(planned) == "1"


def test_a_clock_that_is_set_back_ends_a_maintenance_that_has_not_begun() -> None:
    site = Site(hospital(node("ct"), **maintenance()))
    site.tick(300)
    assert site.suppressed("ct") == ("maintenance",)
    site.tick(-600)
    assert site.suppressed("ct") == ()


def test_a_maintenance_that_follows_another_at_once_goes_on() -> None:
    second = {**NOON, "name": "more", "from": "15:05"}
    site = Site(hospital(node("ct"), maintenance=[NOON, second]))
    site.tick(300)
    site.down("ct")
    site.tick(3600)
    assert site.suppressed("ct") == ("maintenance",)


# Drained nodes, and the agent's own fault


def test_a_drained_node_is_suppressed_until_it_is_taken_back_in() -> None:
    site = Site(hospital(node("ct")))
    site.context.drain("ct")
    assert site.suppressed("ct") == ("drain",)
    assert site.context.drained == {"ct": NOW}
    site.context.undrain("ct")
    assert site.suppressed("ct") == ()
    with pytest.raises(LookupError, match="there is no node xt"):
        site.context.drain("xt")


def test_when_every_self_check_node_fails_all_other_checks_are_suppressed() -> None:
    gateway, dns, ct = node("gateway"), node("dns"), node("ct")
    checks = [check(gateway), check(dns), check(ct), check(None, "disk")]
    site = Site(configuration([gateway, dns, ct], checks, self_check={"nodes": ["gateway", "dns"]}))
    site.down("gateway")
    assert site.suppressed("ct") == ()
    site.down("dns")
    assert (site.suppressed("ct"), site.suppressed("", "disk")) == (("self_check",), ("self_check",))
    assert site.suppressed("gateway") == ()
    assert site.context.cut_off
    site.up("dns")
    assert site.suppressed("ct") == ()


def test_two_causes_end_one_after_the_other() -> None:
    site = Site(hospital(node("switch"), node("ct", reached_through=["switch"]), **maintenance(nodes=["ct"])))
    site.down("switch")
    site.tick(300)
    assert site.suppressed("ct") == ("parent", "maintenance")
    site.up("switch")
    assert site.suppressed("ct") == ("maintenance",)


# Reload and restart


def test_a_reload_keeps_what_was_latched() -> None:
    plan = hospital(node("ct"), node("mr"), **maintenance())
    site = Site(plan)
    site.down("ct")
    site.tick(300)
    site.down("mr")
    site.configure(hospital(node("ct", role="modality"), node("mr"), node("us"), **maintenance()))
    assert [site.suppressed(name) for name in ("ct", "mr", "us")] == [(), ("maintenance",), ("maintenance",)]


def test_a_maintenance_added_by_a_reload_ends_no_alert_that_fires() -> None:
    site = Site(hospital(node("ct"), node("mr")))
    site.tick(600)
    site.down("ct")
    site.tick(1)
    site.configure(hospital(node("ct"), node("mr"), **maintenance()))  # it began before the check was down
    assert (site.suppressed("ct"), site.suppressed("mr")) == ((), ("maintenance",))


def restarted(plan: Any, state: State, later: float) -> Site:
    state.submit(lambda connection: None).result(5)
    return Site(plan, state, later)


def test_a_restart_keeps_what_was_latched(state: State) -> None:
    plan = hospital(node("ct"), node("mr"), **maintenance())
    site = Site(plan, state)
    site.down("ct")
    site.tick(300)
    site.tick(60)
    site.down("mr")
    site.up("ct")
    site.down("ct")  # by its times alone it would count as down after the beginning
    site.confirmation.save_alive()
    site = restarted(plan, state, site.now + 30)
    assert (site.suppressed("ct"), site.suppressed("mr")) == ((), ("maintenance",))
    site = restarted(plan, state, site.now + 30)
    assert (site.suppressed("ct"), site.suppressed("mr")) == ((), ("maintenance",))


def test_what_began_while_the_agent_was_away_is_told_by_the_times(state: State) -> None:
    plan = hospital(node("ct"), node("mr"), **maintenance())
    site = Site(plan, state)
    site.down("ct")
    site.confirmation.save_alive()
    site = restarted(plan, state, NOW + 400)
    site.down("mr")
    assert (site.suppressed("ct"), site.suppressed("mr")) == ((), ("maintenance",))


def test_an_exemption_is_not_carried_into_the_next_maintenance(state: State) -> None:
    plan = hospital(node("ct"), **maintenance())
    site = Site(plan, state)
    site.down("ct")
    site.tick(300)
    site.confirmation.save_alive()
    site.up("ct")
    assert site.suppressed("ct") == ()
    site = restarted(plan, state, NOW + 7 * 86400 + 400)
    assert site.suppressed("ct") == ("maintenance",)


def test_a_failed_parent_still_suppresses_after_a_restart(state: State) -> None:
    plan = hospital(node("switch"), node("ct", reached_through=["switch"]), node("mr", reached_through=["switch"]))
    site = Site(plan, state)
    site.down("mr")
    site.tick()
    site.up("switch")
    site.tick()
    site.down("switch")
    site.tick()
    site.down("ct")
    site = restarted(plan, state, site.now + 30)
    assert (site.suppressed("ct"), site.suppressed("mr")) == (("parent",), ())


def test_drained_nodes_stay_drained_over_a_restart(state: State) -> None:
    plan = hospital(node("ct"), node("mr"))
    Site(plan, state).context.drain("ct")
    site = restarted(plan, state, NOW + 60)
    assert site.context.drained == {"ct": NOW}
    assert (site.suppressed("ct"), site.suppressed("mr")) == (("drain",), ())
    assert restarted(hospital(node("mr")), state, NOW + 90).context.drained == {}


def test_a_tick_costs_the_same_over_any_number_of_checks_and_a_failed_parent_as_much_as_it_suppresses() -> None:
    ticks, failures = [], []
    for count in (100, 2_000):
        devices = [node(f"ct{place}", hours="clinic", reached_through=["switch"]) for place in range(count)]
        site = Site(hospital(node("switch"), *devices, hours={"clinic": {"to": "23:00"}}, **maintenance()))
        site.tick()
        ticks.append(calls_of(lambda site=site: site.tick(0.01)))  # type: ignore[misc]
        failures.append(calls_of(lambda site=site: site.down("switch")))  # type: ignore[misc]
        assert site.context.suppressed_by(("ct7", "c_echo")) == ("parent",)
    assert ticks[0] == ticks[1]
    assert failures[1] < 25 * failures[0]
