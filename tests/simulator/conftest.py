from collections.abc import Iterator

import pytest

from pacs_monitor.simulator.client import Hospital


@pytest.fixture(scope="session")
def one_hospital() -> Iterator[Hospital]:
    with Hospital() as hospital:
        yield hospital


@pytest.fixture
def hospital(one_hospital: Hospital) -> Iterator[Hospital]:
    """A hospital without a scenario, healthy at the start of each test."""
    yield one_hospital
    for node in [*one_hospital.nodes, "disk"]:
        one_hospital.order(node, "none")
