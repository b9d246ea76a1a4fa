"""The latest results as series: what stays, what vanishes, what goes on."""

import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families as text_families

from pacs_monitor import results as results_module
from pacs_monitor import wire
from pacs_monitor.check import Counter, Gauge, Histogram
from pacs_monitor.confirm import Confirmation
from pacs_monitor.node import Node
from pacs_monitor.results import Results
from pacs_monitor.workers import Workers
from tests.checks.support import until
from tests.engine import CHECKS, Sender, configure, from_file, plain, results_of
from tests.peers.dcmtk import StoreScp
from tests.peers.ports import free_port
from tests.peers.prometheus import promtool_check_metrics
from tests.running import hanging_after

SIZE = Gauge("pacs_size_bytes", "Size.", ("part",))
PEER = Gauge("pacs_peer_info", "Who answers.", ("version",), keep=True)
SEEN = Counter("pacs_seen_total", "What was seen.", ("part",))
TOOK = Histogram("pacs_took_seconds", "How long it took.", buckets=(1.0,))
METRICS = (SIZE, PEER, SEEN, TOOK)
CT1 = Node(name="ct1", host="10.0.0.1", port=104, ae_title="CT1", role="modality", labels={"vendor": 'A"C\\ME'})
PING = ("ct1", "ping")


def values(results: Results) -> dict[str, float]:
    """Values by series, without the labels that every series of a check has."""
    return {
        sample.name + str({k: v for k, v in sample.labels.items() if k in ("part", "version", "reason", "by", "le")}): (
            sample.value
        )
        for family in text_families(results.exposition.render())
        for sample in family.samples
    }


def lines(results: Results, word: str) -> list[str]:
    return [line for line in results.exposition.render().splitlines() if word in line and not line.startswith("#")]


def one_check(**settings: float) -> tuple[Results, Sender]:
    results = results_of(plain("ping", CT1, METRICS, **settings))
    return results, Sender(results)


def test_before_the_first_run_there_are_only_series_of_the_configuration() -> None:
    results, _ = one_check(limit=2.5, interval=15.0)
    assert values(results) == {
        "pacs_check_failures_total{}": 0,
        "pacs_check_interval_seconds{}": 15,
        "pacs_check_runs_total{}": 0,
        "pacs_check_threshold{}": 2.5,
        "pacs_node_info{}": 1,
    }
    assert 'threshold="limit"' in lines(results, "threshold")[0]


def test_the_labels_of_a_check_stand_on_each_of_its_series_in_order() -> None:
    results, sender = one_check()
    sender.send(PING, SIZE(3, part="a"), reason="timeout", message="silent")
    head = 'site="test",node="ct1",check="ping",kind="plain",role="modality",importance="normal"'
    for name in ("pacs_check_up", "pacs_check_runs_total", "pacs_check_duration_seconds"):
        assert f"{name}{{{head}}} " in results.exposition.render()
    assert f'pacs_check_failure_info{{{head},reason="timeout"}} 1\n' in results.exposition.render()
    assert f'pacs_size_bytes{{{head},part="a"}} 3\n' in results.exposition.render()


def test_a_node_is_described_with_all_its_labels_escaped() -> None:
    results, _ = one_check()
    (line,) = lines(results, "pacs_node_info")
    assert line == (
        'pacs_node_info{site="test",node="ct1",role="modality",importance="normal",host="10.0.0.1",port="104",'
        r'ae_title="CT1",vendor="A\"C\\ME"} 1'
    )


def test_a_node_is_described_with_its_hours_and_a_label_that_is_called_like_a_property_of_its_own_gives_way() -> None:
    node = Node(name="ct1", host="10.0.0.1", port=104, hours="clinic", labels={"host": "blade 7"})
    (line,) = lines(results_of(plain("ping", node, METRICS)), "pacs_node_info")
    assert line == (
        'pacs_node_info{site="test",node="ct1",role="node",importance="normal",host="10.0.0.1",port="104",'
        'ae_title="",hours="clinic"} 1'
    )


def test_a_success_and_a_failure_leave_the_series_that_the_design_names() -> None:
    results, sender = one_check()
    sender.send(PING, started=1000.5)
    assert values(results)["pacs_check_up{}"] == 1
    assert values(results)["pacs_check_last_success_timestamp_seconds{}"] == 1000.5
    sender.send(PING, started=1015.5, reason="refused", message="no")
    sender.send(PING, started=1030.5, reason="timeout", message="no")
    read = values(results)
    assert read["pacs_check_up{}"] == 0
    assert read["pacs_check_runs_total{}"] == 3
    assert read["pacs_check_failures_total{}"] == 2
    assert read["pacs_check_last_run_timestamp_seconds{}"] == 1030.5
    assert read["pacs_check_last_success_timestamp_seconds{}"] == 1000.5
    assert read["pacs_check_duration_seconds{}"] == 0.25
    assert [name for name in read if "failure_info" in name] == ["pacs_check_failure_info{'reason': 'timeout'}"]
    sender.send(PING)
    assert not lines(results, "failure_info")
    assert values(results)["pacs_check_up{}"] == 1


def test_a_gauge_goes_with_the_run_that_does_not_yield_it_unless_it_is_kept() -> None:
    results, sender = one_check()
    sender.send(PING, SIZE(1, part="a"), SIZE(2, part="b"), PEER(1, version="9"))
    sender.send(PING, SIZE(3, part="b"))
    read = values(results)
    assert "pacs_size_bytes{'part': 'a'}" not in read
    assert read["pacs_size_bytes{'part': 'b'}"] == 3
    assert read["pacs_peer_info{'version': '9'}"] == 1
    sender.send(PING, reason="timeout", message="silent")
    assert not lines(results, "pacs_size_bytes")
    assert lines(results, "pacs_peer_info")
    sender.send(PING, SIZE(4, part="a"))
    assert values(results)["pacs_size_bytes{'part': 'a'}"] == 4


def test_the_last_of_two_samples_of_a_series_counts() -> None:
    results, sender = one_check()
    sender.send(PING, SIZE(1, part="a"), SIZE(2, part="a"), SEEN(1, part="a"), SEEN(1, part="a"))
    assert values(results)["pacs_size_bytes{'part': 'a'}"] == 2
    assert values(results)["pacs_seen_total{'part': 'a'}"] == 2


def test_counters_and_histograms_add_up_across_failures_reloads_and_other_workers() -> None:
    results, sender = one_check()
    sender.send(PING, SEEN(1, part="a"), TOOK(0.5))
    sender.send(PING, SEEN(2, part="a"), TOOK(3), reason="timeout", message="silent")
    sender.send(PING, reason="timeout", message="silent")
    configure(results, plain(node=CT1, metrics=METRICS, interval=5.0))
    results.forget(sender)
    other = Sender(results)
    other.send(PING, SEEN(4, part="a"), TOOK(0.5))
    read = values(results)
    assert read["pacs_seen_total{'part': 'a'}"] == 7
    assert read["pacs_took_seconds_count{}"] == 3
    assert read["pacs_took_seconds_sum{}"] == 4
    assert read["pacs_took_seconds_bucket{'le': '1.0'}"] == 2
    assert read["pacs_check_runs_total{}"] == 4
    assert read["pacs_check_interval_seconds{}"] == 5


def test_a_number_of_a_new_worker_is_not_taken_for_the_same_number_of_the_old_one() -> None:
    results, sender = one_check()
    sender.send(PING, SIZE(1, part="a"))
    results.forget(sender)
    Sender(results).send(PING, SIZE(2, part="b"))
    assert lines(results, "pacs_size_bytes")[0].endswith('part="b"} 2')
    assert len(lines(results, "pacs_size_bytes")) == 1


def test_a_check_that_is_taken_out_leaves_nothing_of_its_name() -> None:
    mr1 = Node(name="mr1", host="10.0.0.2")
    results = results_of(plain(node=CT1, metrics=METRICS), plain(node=mr1, metrics=METRICS))
    confirmation = Confirmation(results, None)
    confirmation.configure()
    sender = Sender(results)
    for key in results.records:
        for reason in ("", "timeout"):
            sender.send(key, SIZE(1, part="a"), PEER(1, version="9"), SEEN(1, part="a"), TOOK(1), reason=reason)
    for record in results:
        results.set_suppression(record, ("parent", "hours"))
    gone = results.records[PING]
    configure(results, plain(node=mr1, metrics=METRICS))
    assert "ct1" not in results.exposition.render()
    assert lines(results, "mr1")
    # What is still in the pipe of it is nobody's.
    assert results.take(sender, (wire.RESULT, gone.number, 1.0, 0.1, 0.0, "", "", 1, 5.0)) is None
    results.define(sender, 9, gone.number, "pacs_size_bytes", ("a",))
    assert "ct1" not in results.exposition.render()


def test_under_other_labels_every_series_goes_on_with_its_value() -> None:
    results, sender = one_check(limit=2.5)
    confirmation = Confirmation(results, None)
    confirmation.configure()
    record = sender.send(PING, SIZE(1, part="a"), PEER(1, version="9"), SEEN(2, part="a"), TOOK(0.5))
    assert record is not None
    results.set_suppression(record, ("hours",))
    sender.send(PING, SIZE(1, part="a"), reason="timeout", message="silent")
    before = values(results)
    moved = CT1.model_copy(update={"role": "router"})
    configure(results, plain(node=moved, metrics=METRICS, limit=2.5))
    assert 'role="modality"' not in results.exposition.render()
    assert values(results) == before
    # The worker knows nothing of labels: its numbers still mean the same series.
    sender.send(PING, SIZE(5, part="a"), SEEN(1, part="a"))
    read = values(results)
    assert read["pacs_seen_total{'part': 'a'}"] == 3
    assert read["pacs_size_bytes{'part': 'a'}"] == 5
    assert 'role="modality"' not in results.exposition.render()


def test_a_metric_that_its_file_declares_anew_begins_anew_and_the_others_go_on() -> None:
    results, sender = one_check()
    sender.send(PING, SIZE(1, part="a"), SEEN(2, part="a"))
    size = Gauge("pacs_size_bytes", "Size in another way.", ("area",))
    configure(results, plain(node=CT1, metrics=(size, PEER, SEEN, TOOK)))
    assert not lines(results, "pacs_size_bytes")
    other = Sender(results)
    other.send(PING, size(4, area="x"), SEEN(1, part="a"))
    assert 'area="x"} 4' in lines(results, "pacs_size_bytes")[0]
    assert values(results)["pacs_seen_total{'part': 'a'}"] == 3
    assert "# HELP pacs_size_bytes Size in another way." in results.exposition.render()


def test_a_series_that_nobody_declared_or_with_other_labels_is_dropped_and_counted() -> None:
    results, sender = one_check()
    sender.send(PING, Gauge("pacs_never_declared", "?")(1), SIZE(2, part="a"))
    results.define(sender, 77, results.records[PING].number, "pacs_size_bytes", ("a", "b"))
    assert results.dropped_series == 2
    assert "never_declared" not in results.exposition.render()
    assert values(results)["pacs_size_bytes{'part': 'a'}"] == 2


def test_a_check_with_too_many_series_keeps_the_first_and_the_rest_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(results_module, "MOST_SERIES", 10)
    results, sender = one_check()
    for _ in range(3):
        sender.send(PING, *(SIZE(1, part=str(part)) for part in range(15)))
        assert len(lines(results, "pacs_size_bytes")) == 10
    assert results.dropped_series == 3 * 5
    sender.send(PING, *(SEEN(1, part=str(part)) for part in range(15)))
    assert len(lines(results, "pacs_seen_total")) <= 10


def test_labels_that_change_all_the_time_do_not_fill_the_check_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "MOST_SERIES", 10)
    results, sender = one_check()
    for turn in range(50):
        sender.send(PING, SIZE(turn, part=str(turn)), SIZE(turn, part=str(turn % 3)))
        found = {line.partition("part=")[2] for line in lines(results, "pacs_size_bytes")}
        assert found == {f'"{part}"}} {turn}' for part in {turn, turn % 3}}
    assert results.dropped_series == 0
    assert len(results.records[PING].series) <= 11


def test_a_run_whose_labels_are_all_new_is_shown_as_the_one_before_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "MOST_SERIES", 10)
    results, sender = one_check()
    for turn in range(9):
        sender.send(PING, *(SIZE(turn, part=f"{turn}-{part}") for part in range(9)))
        assert len(lines(results, f'part="{turn}-')) == len(lines(results, "pacs_size_bytes")) == 9
    assert results.dropped_series == 0


def test_one_series_may_be_observed_often_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "MOST_SERIES", 10)
    results, sender = one_check()
    sender.send(PING, *(TOOK(0.5) for _ in range(500)))
    assert values(results)["pacs_took_seconds_count{}"] == 500
    assert results.dropped_series == 0


def test_suppression_is_a_flag_and_a_word_for_each_cause() -> None:
    results, _ = one_check()
    record = results.records[PING]
    results.set_suppression(record, ())
    assert values(results)["pacs_check_suppressed{}"] == 0
    results.set_suppression(record, ("hours", "parent"))
    read = values(results)
    assert read["pacs_check_suppressed{}"] == 1
    assert sorted(name for name in read if "info{'by'" in name) == [
        "pacs_check_suppression_info{'by': 'hours'}",
        "pacs_check_suppression_info{'by': 'parent'}",
    ]
    results.set_suppression(record, ())
    assert not lines(results, "suppression_info")


def test_a_threshold_that_is_not_set_has_no_series_and_one_that_is_reset_follows() -> None:
    results, _ = one_check()
    assert not lines(results, "pacs_check_threshold")
    configure(results, plain(node=CT1, metrics=METRICS, limit=0.5))
    assert lines(results, "pacs_check_threshold")[0].endswith('threshold="limit"} 0.5')
    configure(results, plain(node=CT1, metrics=METRICS))
    assert not lines(results, "pacs_check_threshold")


def test_whoever_listens_hears_of_each_result_in_order() -> None:
    results, sender = one_check()
    heard: list[tuple[str, str, float | None]] = []
    results.listeners.append(lambda record: heard.append((record.reason, record.message, record.last_run)))
    sender.send(PING, started=1.0)
    sender.send(PING, started=2.0, reason="stale", message="old")
    assert heard == [("", "", 1.0), ("stale", "old", 2.0)]


def test_promtool_has_nothing_to_say() -> None:
    results, sender = one_check(limit=1.0)
    Confirmation(results, None).configure()
    sender.send(PING, SIZE(1, part='a\\b"c\nd'), PEER(1, version="9"), SEEN(2, part="é"), TOOK(0.5))
    results.set_suppression(results.records[PING], ("hours",))
    sender.send(PING, SIZE(float("nan"), part="a"), reason="timeout", message="silent")
    assert promtool_check_metrics(results.exposition.render()) == ""


def test_a_page_is_whole_while_results_come_and_the_configuration_changes() -> None:
    checks = [plain(node=Node(name=f"n{number}", host="h"), metrics=METRICS) for number in range(100)]
    results = results_of(*checks)
    sender, chance = Sender(results), random.Random(3)
    pages: list[str] = []
    over = threading.Event()

    def scrape() -> None:
        while not over.is_set():
            pages.append(results.exposition.render())

    thread = threading.Thread(target=scrape)
    thread.start()
    until_, turn = time.monotonic() + 2.0, 0
    while time.monotonic() < until_ or len(pages) <= 5:  # machines are noisy
        turn += 1
        for key in results.records:
            sender.send(
                key, SIZE(turn, part=str(turn % 9)), SEEN(1, part="a"), TOOK(1), reason=chance.choice(["", "timeout"])
            )
        results.forget(sender)
        sender = Sender(results)
        configure(results, *chance.sample(checks, 80))
    over.set()
    thread.join()
    assert len(pages) > 5
    for page in pages[:: max(1, len(pages) // 10)]:
        assert sum(len(family.samples) for family in text_families(page)) > 100


@asynccontextmanager
async def watched(node: Node) -> AsyncIterator[tuple[Results, Workers]]:
    """A node with c_echo alone, under a real worker."""
    results = results_of(from_file(CHECKS / "c_echo.py", node, interval=1.0, down_after=1))
    confirmation = Confirmation(results, None)
    workers = Workers(results, None, scheduled=False)
    confirmation.configure()
    try:
        with hanging_after(20.0):
            await workers.start(1)
            workers.order(list(results))
            yield results, workers
    finally:
        await workers.stop(2.5)


def assert_few_series(results: Results) -> None:
    found = lines(results, "{")
    assert len(found) <= 18, "\n".join(found)


async def test_a_node_with_c_echo_alone_has_at_most_eighteen_series(storescp: StoreScp) -> None:
    node = Node(name="archive", host="127.0.0.1", port=storescp.port, ae_title="ANY", role="archive")
    async with watched(node) as (results, workers):
        (record,) = results
        assert (await workers.probe(record)).reason == ""
        results.set_suppression(record, ())
        assert len(lines(results, "pacs_dicom_phase_seconds")) == 5
        assert_few_series(results)
        storescp.process.stop()
        assert (await workers.probe(record)).reason == "refused"
        await until(lambda: record.up is False)
        results.set_suppression(record, ())
        assert len(lines(results, "pacs_check_failure_info")) == 1
        assert_few_series(results)
        results.set_suppression(record, ("maintenance",))
        assert_few_series(results)


async def test_a_node_that_refuses_everything_has_at_most_eighteen_series() -> None:
    node = Node(name="archive", host="127.0.0.1", port=free_port(), ae_title="ANY")
    async with watched(node) as (results, workers):
        (record,) = results
        assert (await workers.probe(record)).reason == "refused"
        assert_few_series(results)
