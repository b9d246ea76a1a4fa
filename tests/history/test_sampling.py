from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.matchers import Matcher
from pacs_monitor.history.sampling import Sampler
from pacs_monitor.history.snapshot import SnapshotError, load, save
from pacs_monitor.history.store import History
from tests.hospital import Site, check, configuration, hospital, node

TARGET = (("job", "pacs-monitor"), ("instance", "here:9811"))


class Sampled:
    """A hospital whose metrics are sampled every 15 s."""

    def __init__(self, site: Site, history: History | None = None) -> None:
        self.site = site
        self.history = history or History()
        self.registry = CollectorRegistry()
        self.sampler = Sampler(self.history, site.results.exposition, self.registry, TARGET)
        self.at = 0

    def take(self) -> int:
        self.at += 15_000
        return self.sampler.take(self.at)

    def values(self, name: str, **labels: str) -> list[float]:
        """The present value of each series."""
        matchers = [Matcher("=", "__name__", name), *(Matcher("=", *pair) for pair in labels.items())]
        found = [series.latest(self.at - 300_000, self.at) for series in self.history.select(tuple(matchers))]
        return [value for value in found if value is not None]


@pytest.fixture
def sampled() -> Sampled:
    return Sampled(Site(hospital(node("ct"), node("mr"))))


def test_every_series_of_the_page_is_sampled_with_job_and_instance(sampled: Sampled) -> None:
    sampled.site.up("ct")
    count = sampled.take()
    lines = [line for line in sampled.site.results.exposition.render().splitlines() if line[0] != "#"]
    assert count == len(lines)
    assert len(sampled.history) == count + 3
    assert all(series.labels.get("job") == "pacs-monitor" for series in sampled.history)
    assert sampled.values("up", instance="here:9811") == [1.0]
    assert sampled.values("scrape_samples_scraped") == [float(count)]


def test_what_nobody_reads_is_not_sampled(sampled: Sampled) -> None:
    sampled.sampler.wanted = lambda name: name in ("pacs_check_up", "own")
    Gauge("own", "Own.", registry=sampled.registry).set(7)
    Gauge("other", "Other.", registry=sampled.registry).set(7)
    sampled.site.up("ct")
    assert sampled.take() == 2
    assert sampled.values("pacs_check_up") == [1.0]
    assert sampled.values("own") == [7.0]
    sampled.sampler.wanted = lambda name: name == "pacs_check_runs_total"
    sampled.take()
    assert (sampled.values("pacs_check_up"), sampled.values("pacs_check_runs_total")) == ([], [1.0, 0.0])


def test_values_follow_and_a_counter_counts(sampled: Sampled) -> None:
    for _ in range(3):
        sampled.site.up("ct")
        sampled.take()
    sampled.take()
    assert sampled.values("pacs_check_runs_total", node="ct") == [3.0]
    (series,) = sampled.history.select((Matcher("=", "__name__", "pacs_check_runs_total"), Matcher("=", "node", "ct")))
    assert list(series.window(0, 60_000)[1]) == [1.0, 2.0, 3.0, 3.0]


def test_a_node_that_left_the_configuration_has_no_value_from_the_next_sample_on(sampled: Sampled) -> None:
    sampled.site.up("ct", "mr")
    sampled.take()
    sampled.site.configure(hospital(node("ct")))
    assert sampled.values("pacs_check_up", node="mr") == [1.0]
    sampled.take()
    assert sampled.values("pacs_check_up", node="mr") == []
    assert sampled.values("pacs_check_up", node="ct") == [1.0]


def test_a_reason_that_changes_ends_one_series_and_begins_another(sampled: Sampled) -> None:
    sampled.site.give("ct", "timeout")
    sampled.take()
    sampled.site.give("ct", "refused")
    sampled.take()
    assert sampled.values("pacs_check_failure_info", node="ct", reason="timeout") == []
    assert sampled.values("pacs_check_failure_info", node="ct", reason="refused") == [1.0]


def test_a_node_whose_labels_change_goes_on_under_the_new_ones_alone(sampled: Sampled) -> None:
    sampled.site.up("ct")
    sampled.take()
    changed = node("ct", importance="critical")
    sampled.site.configure(configuration([changed], [check(changed)]))
    sampled.take()
    assert sampled.values("pacs_check_up", importance="normal") == []
    assert sampled.values("pacs_check_up", importance="critical") == [1.0]


def test_a_label_value_is_what_it_was_before_it_was_escaped(sampled: Sampled) -> None:
    odd = 'a "b" \\n c\\ d\n'
    Gauge("own", "Own.", ["odd"], registry=sampled.registry).labels(odd).set(7)
    sampled.take()
    assert sampled.values("own", odd=odd) == [7.0]


def test_after_the_clock_was_set_back_samples_go_on_at_once(sampled: Sampled) -> None:
    sampled.site.up("ct")
    for _ in range(5):
        sampled.take()
    sampled.at = 30_000
    sampled.site.give("ct", "timeout")
    sampled.take()
    assert sampled.values("pacs_check_up", node="ct") == [0.0]
    (series,) = sampled.history.select((Matcher("=", "__name__", "pacs_check_up"), Matcher("=", "node", "ct")))
    assert [list(part) for part in series.window(0, 10**9)] == [[15_000, 30_000, 45_000], [1.0, 1.0, 0.0]]


def restarted(sampled: Sampled, path: Path) -> Sampled:
    save(sampled.history, path)
    history = History()
    load(history, path)
    after = Sampled(Site(hospital(node("ct"))), history)
    after.at = sampled.at
    return after


def test_a_restart_knows_what_was_before_it_and_goes_on(sampled: Sampled, tmp_path: Path) -> None:
    sampled.site.up("ct", "mr")
    for _ in range(4):
        sampled.take()
    after = restarted(sampled, tmp_path / "history")
    assert {(s.labels, *map(tuple, s.window(0, 10**9))) for s in after.history} == {
        (s.labels, *map(tuple, s.window(0, 10**9))) for s in sampled.history
    }
    after.site.give("ct", "timeout")
    after.take()
    (series,) = after.history.select((Matcher("=", "__name__", "pacs_check_up"), Matcher("=", "node", "ct")))
    assert list(series.window(0, 10**9)[1]) == [1.0, 1.0, 1.0, 1.0, 0.0]


def test_what_is_not_exported_yet_after_a_restart_counts_for_as_long_as_any_sample(
    sampled: Sampled, tmp_path: Path
) -> None:
    sampled.site.up("ct", "mr")
    sampled.take()
    after = restarted(sampled, tmp_path / "history")
    after.take()
    assert after.values("pacs_check_up", node="mr") == [1.0]
    after.at += 300_000
    after.take()
    assert after.values("pacs_check_up", node="mr") == []


def test_a_series_of_two_sources_survives_a_restart(sampled: Sampled, tmp_path: Path) -> None:
    labels = labels_of({"__name__": "x"})
    for at, source in ((1, "a"), (2, "b"), (3, "a")):
        of = sampled.history.source(source)
        of.begin(at)
        sampled.history.put(sampled.history.series(labels, of), of, float(at))
    after = restarted(sampled, tmp_path / "history")
    (series,) = after.history.select((Matcher("=", "__name__", "x"),))
    assert list(series.window(0, 9)[1]) == [1.0, 2.0, 3.0]


def test_a_damaged_file_is_refused_and_leaves_the_history_empty(sampled: Sampled, tmp_path: Path) -> None:
    path = tmp_path / "history"
    sampled.site.up("ct")
    sampled.take()
    save(sampled.history, path)
    assert path.stat().st_mode & 0o777 == 0o600
    whole = path.read_bytes()
    for broken in (b"", b"other", whole[:-9], whole[:60], whole[:40] + b"\x00\x01\x02" + whole[43:]):
        path.write_bytes(broken)
        history = History()
        with pytest.raises(SnapshotError):
            load(history, path)
        assert len(history) == 0
    with pytest.raises(FileNotFoundError):
        load(History(), tmp_path / "none")


def test_a_file_is_replaced_only_by_a_whole_one(
    sampled: Sampled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history"
    save(sampled.history, path)
    before = path.read_bytes()
    sampled.take()
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(sampled.history, path)
    assert path.read_bytes() == before
