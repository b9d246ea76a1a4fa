from itertools import islice, takewhile
from time import monotonic, sleep

import pytest

from pacs_monitor.simulator.address import NodeAddress
from pacs_monitor.simulator.client import Hospital
from pacs_monitor.simulator.faults import DISK_FAULTS, NODE_FAULTS, ordered_fault
from pacs_monitor.simulator.scenario import DEMO, Scenario, Step
from tests.simulator.test_faults import NODES, connect

SECONDS = range(3 * int(DEMO.period))


def broken_by_second() -> list[dict[str, str]]:
    """The faults in force in each second of three rounds."""
    history: list[dict[str, str]] = []
    in_force: dict[str, str] = {}
    for at, step in takewhile(lambda due: due[0] < len(SECONDS), DEMO.endless()):
        history += [dict(in_force)] * (int(at) - len(history))
        in_force[step.node] = step.fault
        in_force = {node: fault for node, fault in in_force.items() if fault != "none"}
    return history


def test_steps_repeat_after_the_period_and_run_as_fast_as_told() -> None:
    scenario = Scenario((Step(2, "ct1", "refuses"), Step(4, "ct1", "none")), period=10)
    assert [(at, step.fault) for at, step in islice(scenario.endless(speed=2), 4)] == [
        (1, "refuses"),
        (2, "none"),
        (6, "refuses"),
        (7, "none"),
    ]


@pytest.mark.parametrize("step", DEMO.steps, ids=lambda step: f"{step.at_seconds}-{step.node}-{step.fault}")
def test_every_step_of_the_demo_can_be_ordered(step: Step) -> None:
    assert step.node in [*NODES, "disk"]
    ordered_fault(DISK_FAULTS if step.node == "disk" else NODE_FAULTS, step.fault, step.parameters)


def test_the_demo_is_in_order_and_about_two_minutes_long() -> None:
    times = [step.at_seconds for step in DEMO.steps]
    assert times == sorted(times)
    assert times[-1] < DEMO.period
    assert 100 <= DEMO.period <= 140


def test_the_demo_begins_healthy_and_heals_before_it_repeats() -> None:
    history = broken_by_second()
    assert all(not broken for broken in history[:12])
    assert not history[int(DEMO.period)]


def test_never_more_than_half_of_the_hospital_is_broken() -> None:
    assert max(len(broken) for broken in broken_by_second()) <= len(NODES) // 2


def test_whoever_watches_for_90_seconds_sees_four_different_faults() -> None:
    history = broken_by_second()
    for start in range(int(DEMO.period)):
        seen = {fault for broken in history[start : start + 90] for fault in broken.values()}
        assert len(seen) >= 4, start


def test_some_faults_overlap_and_each_lasts_long_enough_to_be_confirmed() -> None:
    history = broken_by_second()
    assert any(len(broken) >= 2 for broken in history)
    for node in {step.node for step in DEMO.steps}:
        assert sum(node in broken for broken in history[: int(DEMO.period)]) >= 20, node


def is_seen(node: NodeAddress, *, refusing: bool) -> bool:
    """Whether the node refuses (or accepts) connections within half a minute."""
    deadline = monotonic() + 30
    while monotonic() < deadline:
        if refuses(node) == refusing:
            return True
        sleep(0.01)
    return False


def refuses(node: NodeAddress) -> bool:
    try:
        with connect(node):
            return False
    except ConnectionError:  # refused, or reset where the listener closed amid the handshake
        return True


def test_a_hospital_with_a_scenario_breaks_and_heals_by_itself() -> None:
    with Hospital(scenario=True, speed=40) as hospital:
        node = hospital.nodes["ct1"]
        assert is_seen(node, refusing=True)
        assert is_seen(node, refusing=False)
