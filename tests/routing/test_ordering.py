from itertools import permutations

import pytest

from pacs_monitor.routing.ordering import InOrder, in_group


@pytest.mark.parametrize(
    "ordered",
    [
        [{}, {"a": "9"}, {"a": "1", "b": "1"}],
        [{"a": "1", "c": "1"}, {"a": "2", "b": "1"}],
        [{"b": "1", "c": "1"}, {"a": "1", "c": "1"}],
        [{"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "2", "b": "0"}],
    ],
)
def test_labels_stand_in_the_order_of_prometheus(ordered: list[dict[str, str]]) -> None:
    for mixed in permutations(ordered):
        assert sorted(mixed, key=InOrder) == ordered


def test_alerts_of_a_group_stand_by_job_and_instance_first() -> None:
    ordered = [
        {"job": "a", "instance": "2", "node": "x"},
        {"job": "b", "instance": "1"},
        {"job": "b", "a": "0"},
        {"instance": "1"},
        {"z": "1"},
    ]
    for mixed in permutations(ordered):
        assert sorted(mixed, key=in_group) == ordered
