from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_monitor.state import State
from tests.hospital import NOW, Site, check, configuration, hospital, node


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state.db", "north")
    yield opened
    opened.close()


def test_a_node_is_healthy_once_its_check_is_confirmed_healthy_and_not_before() -> None:
    site = Site(hospital(node("ct")))
    before = site.health.node("ct")
    assert (before.healthy, before.sentences) == (
        False,
        ("ct/c_echo: has given no verdict yet; wait for its first run",),
    )
    site.up("ct")
    assert site.health.node("ct").healthy


def test_a_single_failure_is_not_yet_an_unhealthy_node() -> None:
    ct = node("ct")
    site = Site(configuration([ct], [check(ct, down_after=3)]))
    site.up("ct")
    site.down("ct", "ct")
    assert site.health.node("ct").healthy
    site.down("ct")
    verdict = site.health.node("ct")
    assert (verdict.healthy, verdict.sentences) == (
        False,
        ("ct/c_echo: does not answer; look at its network cable",),
    )


def test_all_checks_that_affect_health_must_be_healthy_and_no_other() -> None:
    ct = node("ct")
    site = Site(configuration([ct], [check(ct), check(ct, "tcp", affects_health=True), check(ct, "c_find")]))
    site.up("ct")
    site.give("ct", name="tcp")
    site.give("ct", "timeout", name="c_find")
    assert site.health.node("ct").healthy
    site.give("ct", "refused", name="tcp")
    assert not site.health.node("ct").healthy


def test_named_checks_are_looked_at_whatever_else_affects_health() -> None:
    ct = node("ct")
    site = Site(configuration([ct], [check(ct), check(ct, "c_find")]))
    site.give("ct", name="c_find")
    assert site.health.node("ct", ["c_find"]).healthy
    assert not site.health.node("ct", ["c_find", "c_echo"]).healthy
    with pytest.raises(LookupError, match="the node has no such check"):
        site.health.node("ct", ["c_move"])


def test_an_unknown_node_or_label_is_told_apart_from_an_unhealthy_one() -> None:
    site = Site(hospital(node("ct")))
    with pytest.raises(LookupError, match="there is no such node"):
        site.health.node("xt")
    with pytest.raises(LookupError, match="there is no node with this label"):
        site.health.label("role", "router")
    with pytest.raises(LookupError, match="no node with this label has such a check"):
        site.health.label("node", "ct", ["c_move"])


def test_a_node_about_which_nothing_affects_health_is_not_healthy() -> None:
    ct = node("ct")
    site = Site(configuration([ct], [check(ct, "c_find")]))
    site.give("ct", name="c_find")
    assert site.health.node("ct").sentences == (
        "ct: nothing about this node affects health; give it c_echo, or a check with affects_health: true",
    )


def test_a_state_that_is_stale_does_not_count() -> None:
    site = Site(hospital(node("ct")))
    site.up("ct")
    site.now += 3 * 15 + 10
    assert site.health.node("ct").healthy
    site.now += 1
    assert site.health.node("ct").sentences == (
        "ct/c_echo: has given nothing for 3 intervals and its timeout; see /-/ready",
    )


def test_a_persisted_state_counts_after_a_restart_until_it_is_stale(state: State) -> None:
    plan = hospital(node("ct"), node("mr"))
    site = Site(plan, state)
    site.up("ct")
    site.down("mr")
    site.confirmation.save_alive()
    again = Site(plan, state, NOW + 30)
    assert again.health.node("ct").healthy
    assert not again.health.node("mr").healthy
    again.now += 60
    assert not again.health.node("ct").healthy


def test_a_drained_node_is_unhealthy_and_says_so() -> None:
    site = Site(hospital(node("ct")))
    site.up("ct")
    site.context.drain("ct")
    verdict = site.health.node("ct")
    assert (verdict.healthy, verdict.word) == (False, "drained")
    site.context.undrain("ct")
    assert site.health.node("ct").healthy


def test_maintenance_changes_nothing_about_health() -> None:
    site = Site(hospital(node("ct"), maintenance=[{"name": "patches", "days": ["tue"], "from": "13:00", "for": "2h"}]))
    site.up("ct")
    assert site.suppressed("ct") == ("maintenance",)
    assert site.health.node("ct").healthy


def test_a_label_is_healthy_while_one_of_its_nodes_is() -> None:
    site = Site(hospital(node("a", role="archive"), node("b", role="archive")))
    site.up("a")
    site.down("b")
    assert site.health.label("role", "archive").healthy
    site.down("a")
    verdict = site.health.label("role", "archive")
    assert not verdict.healthy
    assert verdict.sentences[0] == "0 of 2 nodes are healthy, and 1 must be"


def test_a_label_needs_as_many_nodes_as_min_healthy_says() -> None:
    nodes = [node(name, labels={"pool": "west"}) for name in "abc"]
    site = Site(hospital(*nodes, health={"min_healthy": {"pool=west": 2}}))
    site.up("a", "b", "c")
    site.context.drain("c")
    assert site.health.label("pool", "west").healthy
    site.down("a")
    assert site.health.label("pool", "west").sentences[0] == "1 of 3 nodes are healthy, and 2 must be"


def test_a_label_with_named_checks_counts_the_nodes_that_have_them() -> None:
    a, b = node("a", role="archive"), node("b", role="archive")
    site = Site(configuration([a, b], [check(a), check(b), check(a, "c_find")]))
    site.up("a", "b")
    assert not site.health.label("role", "archive", ["c_find"]).healthy
    site.give("a", name="c_find")
    assert site.health.label("role", "archive", ["c_find"]).healthy


def test_a_node_that_lacks_one_of_the_named_checks_is_not_healthy() -> None:
    a, b = node("a", role="archive"), node("b", role="archive")
    site = Site(configuration([a, b], [check(a), check(b), check(b, "c_find")]))
    site.up("a", "b")
    verdict = site.health.label("role", "archive", ["c_echo", "c_find"])
    assert not verdict.healthy
    assert "a: has no check c_find" in verdict.sentences


def test_imaging_is_healthy_if_every_critical_node_is() -> None:
    site = Site(
        hospital(node("a", importance="critical"), node("b", importance="critical"), node("ct", importance="low"))
    )
    site.up("a")
    site.down("ct")
    assert not site.health.imaging().healthy
    site.up("b")
    assert site.health.imaging().healthy
    site.down("a")
    assert not site.health.imaging().healthy


def test_imaging_requires_what_the_settings_say() -> None:
    nodes = [node("a", role="archive"), node("w", role="worklist"), node("ct")]
    site = Site(hospital(*nodes, health={"require": ["role=archive", "role=worklist"]}))
    site.up("a")
    assert not site.health.imaging().healthy
    site.up("w")
    assert site.health.imaging().healthy


def test_a_requirement_that_no_node_meets_is_not_healthy() -> None:
    site = Site(hospital(node("ct")))
    site.up("ct")
    assert site.health.imaging().sentences == (
        "no node has importance=critical; label a node so, or change health.require",
    )


def test_a_check_of_no_node_that_affects_health_counts_for_imaging() -> None:
    a = node("a", importance="critical")
    site = Site(configuration([a], [check(a), check(None, "disk", affects_health=True)]))
    site.up("a")
    assert not site.health.imaging().healthy
    site.give("", name="disk")
    assert site.health.imaging().healthy


def test_when_the_agent_is_cut_off_it_says_so_of_everything() -> None:
    site = Site(hospital(node("gateway"), node("a", importance="critical"), self_check={"nodes": ["gateway"]}))
    site.up("a")
    site.down("gateway")
    verdicts = [site.health.node("a"), site.health.label("node", "a"), site.health.imaging()]
    assert [(verdict.healthy, verdict.word) for verdict in verdicts] == [(False, "agent")] * 3
    site.up("gateway")
    assert site.health.node("a").healthy
