import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pacs_monitor.alerting.groups import World
from pacs_monitor.alerting.service import Alerting
from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.sampling import Sampler
from pacs_monitor.history.store import History
from pacs_monitor.promql.engine import Engine
from pacs_monitor.results import Results
from pacs_monitor.state import State


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_the_garbage_collector_leaves_alone_what_stays(tmp_path: Path, nothing_frozen: None) -> None:
    history, state = History(), State(tmp_path / "state.db", "main")
    source = history.source("scrape")
    source.begin(int(time.time() * 1000))
    history.put(history.series(labels_of({"__name__": "x"}), source), source, 1.0)
    sampler = Sampler(history, Results().exposition, CollectorRegistry(), (("job", "pacs-monitor"),))
    alerting = Alerting(World(history, Engine(history)), sampler, state, tmp_path / "history", 15.0)
    alerting.start(())
    until = time.monotonic() + 60
    while not gc.get_freeze_count() and time.monotonic() < until:
        time.sleep(0.01)
    assert alerting.stop(60)
    state.close()
    assert gc.get_freeze_count() > 1000
