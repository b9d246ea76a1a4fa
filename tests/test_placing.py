"""Which worker a check belongs to."""

import pytest

from pacs_monitor.node import Node, listener_of
from pacs_monitor.placing import Placing
from pacs_monitor.record import Record
from tests.engine import plain


@pytest.mark.parametrize("count", [2, 3, 5, 64])
def test_nodes_of_one_listener_share_a_worker_however_their_host_is_written(count: int) -> None:
    nodes = [Node(name=f"ct{place}", host=host, port=104) for place, host in enumerate(("CT.north", "ct.North"))]
    assert len({listener_of(node) for node in nodes}) == 1
    assert len({Placing.place_of(Record(1, plain(node=node)), count) for node in nodes}) == 1
