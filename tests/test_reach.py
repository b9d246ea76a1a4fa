"""Network parents: what they suppress, and which fails first when they fail together."""

import pytest

from pacs_monitor.confirm import HOLD
from pacs_monitor.settings import Configuration
from tests.hospital import Site, check, configuration, hospital, node


def test_a_check_is_suppressed_while_its_network_parent_fails() -> None:
    site = Site(hospital(node("switch"), node("ct", reached_through=["switch"])))
    site.up("switch", "ct")
    site.down("switch")
    assert site.suppressed("ct") == ("parent",)
    assert site.suppressed("switch") == ()
    site.down("ct")
    assert site.suppressed("ct") == ("parent",)
    site.up("switch")
    assert site.suppressed("ct") == ()


def test_one_of_two_network_parents_is_enough_to_reach_a_node() -> None:
    site = Site(hospital(node("a"), node("b"), node("ct", reached_through=["a", "b"])))
    site.down("a")
    assert site.suppressed("ct") == ()
    site.down("b")
    assert site.suppressed("ct") == ("parent",)


def test_a_failed_grandparent_suppresses_through_a_parent_that_has_not_failed_yet() -> None:
    site = Site(hospital(node("core"), node("edge", reached_through=["core"]), node("ct", reached_through=["edge"])))
    site.down("core")
    assert (site.suppressed("edge"), site.suppressed("ct")) == (("parent",), ("parent",))


def test_parents_that_lead_in_a_ring_are_no_end_of_the_world() -> None:
    site = Site(hospital(node("a", reached_through=["b"]), node("b", reached_through=["a"])))
    site.down("a")
    assert site.suppressed("b") == ("parent",)


def test_a_check_that_does_not_affect_health_fails_no_parent() -> None:
    switch, ct = node("switch"), node("ct", reached_through=["switch"])
    site = Site(configuration([switch, ct], [check(switch), check(switch, "disk"), check(ct)]))
    site.give("switch", "threshold", name="disk")
    assert site.suppressed("ct") == ()


def test_a_check_that_was_down_before_its_parent_stays_unsuppressed_until_the_parent_is_back() -> None:
    site = Site(hospital(node("switch"), node("ct", reached_through=["switch"])))
    site.down("ct")
    site.tick()
    site.up("switch")
    site.down("switch")
    assert site.suppressed("ct") == ()
    site.tick()
    site.up("ct")
    site.down("ct")  # a flap must not end what already alerts
    assert site.suppressed("ct") == ()
    site.up("switch", "ct")
    site.down("switch")
    assert site.suppressed("ct") == ("parent",)


def fail_together(every: dict[str, tuple[float, float]], plan: Configuration, seconds: int = 400) -> Site:
    """All fail from NOW on; each node is checked at its phase, every so many seconds. Stops when all are confirmed."""
    site = Site(plan)
    site.up(*every)
    for second in range(1, seconds):
        site.tick()
        for name, (phase, interval) in every.items():
            if second % interval == phase:
                site.down(name)
                if site.suppressed(name) == () and not site.healthy(name):
                    assert name in ("core", "switch"), f"{name} alerts after {second} s"
    return site


@pytest.mark.parametrize("phases", [(0, 1), (14, 0), (59, 3), (30, 14)])
def test_a_check_that_fails_together_with_its_parent_is_suppressed_whoever_is_checked_first(
    phases: tuple[int, int],
) -> None:
    switch, ct = node("switch"), node("ct", reached_through=["switch"])
    plan = configuration([switch, ct], [check(switch, interval=60.0, down_after=3), check(ct, down_after=3)])
    site = fail_together({"switch": (phases[0], 60), "ct": (phases[1], 15)}, plan)
    assert (site.healthy("switch"), site.healthy("ct"), site.suppressed("ct")) == (False, False, ("parent",))


def test_three_that_fail_together_are_confirmed_from_the_top_and_only_the_top_alerts() -> None:
    core, switch = node("core"), node("switch", reached_through=["core"])
    ct = node("ct", reached_through=["switch"])
    checks = [check(core, interval=90.0), check(switch, interval=60.0, down_after=3), check(ct, down_after=3)]
    site = fail_together(
        {"core": (89, 90), "switch": (7, 60), "ct": (1, 15)}, configuration([core, switch, ct], checks)
    )
    assert [site.suppressed(name) for name in ("core", "switch", "ct")] == [(), ("parent",), ("parent",)]
    assert not any(site.healthy(name) for name in ("core", "switch", "ct"))


def test_a_check_that_fails_alone_is_down_as_soon_as_its_parent_is_seen_to_work() -> None:
    switch, ct = node("switch"), node("ct", reached_through=["switch"])
    site = Site(configuration([switch, ct], [check(switch), check(ct, down_after=2)]))
    site.up("switch", "ct")
    site.tick()
    site.down("ct")
    site.tick()
    site.down("ct")
    assert site.healthy("ct")
    site.up("switch")
    assert (site.healthy("ct"), site.suppressed("ct")) == (False, ())


def test_a_parent_that_worked_since_the_first_failure_is_not_waited_for() -> None:
    switch, ct = node("switch"), node("ct", reached_through=["switch"])
    site = Site(configuration([switch, ct], [check(switch), check(ct, down_after=2)]))
    site.up("ct")
    site.down("ct")
    site.tick()
    site.up("switch")
    site.down("ct")
    assert (site.healthy("ct"), site.suppressed("ct")) == (False, ())


def test_a_parent_whose_checks_give_nothing_is_not_waited_for_for_ever() -> None:
    site = Site(hospital(node("switch"), node("ct", reached_through=["switch"])))
    site.down("ct")
    site.tick(HOLD - 1)
    assert site.healthy("ct") is None
    site.tick(1)
    assert (site.healthy("ct"), site.suppressed("ct")) == (False, ())


def test_a_check_that_waits_for_its_parent_and_works_again_was_never_down() -> None:
    site = Site(hospital(node("switch"), node("ct", reached_through=["switch"])))
    site.up("ct")
    site.down("ct")
    site.up("ct")
    site.tick(HOLD + 1)
    assert site.healthy("ct")


def test_a_reload_that_takes_the_parent_away_ends_the_waiting() -> None:
    site = Site(hospital(node("switch"), node("ct", reached_through=["switch"])))
    site.down("ct")
    site.configure(hospital(node("switch"), node("ct")))
    site.tick()
    assert (site.healthy("ct"), site.suppressed("ct")) == (False, ())
