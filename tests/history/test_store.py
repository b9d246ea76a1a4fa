import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor.history.labels import labels_of
from pacs_monitor.history.matchers import BadRegexError, Matcher
from pacs_monitor.history.series import STALE, Series, is_mark, is_stale
from pacs_monitor.history.store import History

MIN = 60_000
UP = Matcher("=", "__name__", "up")


def one(history: History, **labels: str) -> Series:
    matchers = [Matcher("=", "__name__" if name == "name" else name, value) for name, value in labels.items()]
    (found,) = history.select(tuple(matchers))
    return found


def put(history: History, at: int, source: str = "scrape", **values: float) -> None:
    """Each value is the sample of a series of that name."""
    of = history.source(source)
    of.begin(at)
    for name, value in values.items():
        history.put(history.series(labels_of({"__name__": name}), of), of, value)


def test_the_marks_are_no_values_and_nan_is_one() -> None:
    assert is_stale(STALE)
    assert is_mark(STALE)
    assert not is_mark(float("nan"))
    assert not is_mark(math.inf - math.inf)


def test_labels_are_sorted_and_an_empty_value_is_no_label() -> None:
    labels = labels_of({"b": "2", "a": "1", "c": "", "__name__": "up"})
    assert labels.pairs == (("__name__", "up"), ("a", "1"), ("b", "2"))
    assert (labels.name, labels.get("c"), labels.get("b")) == ("up", "", "2")
    assert labels == labels_of([("a", "1"), ("__name__", "up"), ("b", "2")])
    assert labels.without_name() == labels_of({"a": "1", "b": "2"})
    assert labels.only(("a", "x")) == labels_of({"a": "1"})
    assert labels.changed({"a": "", "d": 'x"\n'}) == labels_of({"__name__": "up", "b": "2", "d": 'x"\n'})
    assert repr(labels.changed({"a": "", "d": 'x"\n'})) == 'up{b="2", d="x\\"\\n"}'


def test_what_is_derived_from_labels_is_bounded_whatever_is_asked() -> None:
    labels = labels_of({"a": "1", "b": "2"})
    assert labels.only(("a",)) is labels.only(("a",))
    for number in range(10_000):
        labels.but((f"l{number}",))
    assert len(labels._derived or ()) <= 64


def test_a_sample_counts_from_its_time_until_the_lookback_ends() -> None:
    history = History()
    put(history, 10 * MIN, up=1.0)
    series = one(history, name="up")
    found = {at: series.latest(at - 5 * MIN, at) for at in (10 * MIN - 1, 10 * MIN, 15 * MIN - 1, 15 * MIN)}
    assert found == {10 * MIN - 1: None, 10 * MIN: 1.0, 15 * MIN - 1: 1.0, 15 * MIN: None}


def test_a_series_that_ended_has_no_value_and_its_samples_stay_in_windows() -> None:
    history = History()
    put(history, 1 * MIN, up=1.0)
    put(history, 2 * MIN, up=2.0)
    series, source = one(history, name="up"), history.source("scrape")
    source.begin(3 * MIN)
    history.end(series, source)
    history.end(series, source)
    assert series.latest(-2 * MIN, 3 * MIN) is None
    assert series.latest(-3 * MIN, 2 * MIN) == 2.0
    assert [list(part) for part in series.window(0, 9 * MIN)] == [[1 * MIN, 2 * MIN], [1.0, 2.0]]


def test_a_value_that_is_nan_is_a_value() -> None:
    history = History()
    put(history, MIN, up=math.nan)
    found = one(history, name="up").latest(0, MIN)
    assert found is not None
    assert math.isnan(found)
    assert len(one(history, name="up").window(0, MIN)[0]) == 1


def test_a_selection_follows_what_comes_and_goes() -> None:
    history = History()
    put(history, MIN, up=1.0)
    assert len(history.select((UP,))) == 1
    assert history.select((Matcher("=", "__name__", "down"),)) == []
    source = history.source("scrape")
    history.put(history.series(labels_of({"__name__": "up", "node": "ct"}), source), source, 1.0)
    assert len(history.select((UP,))) == 2
    assert len(history.select((Matcher("=~", "node", "ct|mr"),))) == 1
    history.trim(60 * MIN)
    assert history.select((UP,)) == history.select((Matcher("=~", "node", "ct|mr"),)) == []


@pytest.mark.parametrize(
    ("op", "value", "nodes"),
    [
        ("=", "ct", {"ct"}),
        ("=", "", {""}),
        ("!=", "ct", {"mr\nx", ""}),
        ("!=", "", {"ct", "mr\nx"}),
        ("=~", "c|ct|m.*", {"ct", "mr\nx"}),
        ("=~", "c", set()),
        ("=~", "", {""}),
        ("=~", ".*", {"ct", "mr\nx", ""}),
        ("!~", "c.", {"mr\nx", ""}),
        ("!~", ".+", {""}),
    ],
)
def test_matchers_take_whole_values_and_a_missing_label_is_an_empty_one(op: str, value: str, nodes: set[str]) -> None:
    history = History()
    source = history.source("scrape")
    source.begin(MIN)
    for node in ("ct", "mr\nx", ""):
        history.put(history.series(labels_of({"__name__": "up", "node": node}), source), source, 1.0)
    assert {series.labels.get("node") for series in history.select((UP, Matcher(op, "node", value)))} == nodes


@pytest.mark.parametrize("pattern", ["(", "a{2000}", "(?=a)", r"(a)\1", "*"])
def test_a_regular_expression_that_re2_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(BadRegexError):
        Matcher("=~", "node", pattern)


def test_a_regular_expression_takes_linear_time() -> None:
    assert not Matcher("=~", "node", "(a*)*b").matches("a" * 20_000)


def test_each_metric_is_kept_as_long_as_it_is_read_and_no_longer() -> None:
    history = History()
    history.ranges = {"read": 60 * MIN}
    for minute in range(1, 100):
        put(history, minute * MIN, read=minute, other=minute)
    history.trim(99 * MIN)
    assert list(one(history, name="read").window(0, 99 * MIN)[1]) == list(range(40, 100))
    assert list(one(history, name="other").window(0, 99 * MIN)[1]) == list(range(95, 100))
    assert len(history.source("scrape").times) == 60
    history.trim(500 * MIN)
    assert len(history) == len(history.source("scrape").times) == 0
    put(history, 501 * MIN, read=1.0)
    assert one(history, name="read").latest(500 * MIN, 501 * MIN) == 1.0


def test_what_reads_any_metric_reads_each_of_them_as_far_back() -> None:
    history = History()
    history.ranges = {"read": 10 * MIN, "": 60 * MIN}
    for minute in range(1, 100):
        put(history, minute * MIN, read=minute)
    history.trim(99 * MIN)
    assert len(one(history, name="read").window(0, 99 * MIN)[1]) == 60


def test_a_clock_that_was_set_back_costs_only_what_lies_ahead_of_it() -> None:
    history = History()
    for minute in range(1, 10):
        put(history, minute * MIN, up=minute)
    with pytest.raises(ValueError, match="not after"):
        history.source("scrape").begin(5 * MIN)
    history.forget_from(5 * MIN)
    put(history, 5 * MIN, up=50.0)
    assert [list(part) for part in one(history, name="up").window(2 * MIN, 9 * MIN)] == [
        [3 * MIN, 4 * MIN, 5 * MIN],
        [3.0, 4.0, 50.0],
    ]


def test_a_series_that_two_sources_give_has_the_samples_of_both_in_order() -> None:
    history = History()
    put(history, 1 * MIN, "a", x=1.0)
    put(history, 2 * MIN, "b", x=2.0)
    put(history, 3 * MIN, "a", x=3.0, y=1.0)
    put(history, 3 * MIN, "b", x=9.0)  # not later than the last: left out
    assert [list(part) for part in one(history, name="x").window(0, 9 * MIN)] == [
        [1 * MIN, 2 * MIN, 3 * MIN],
        [1.0, 2.0, 3.0],
    ]
    history.trim(7 * MIN + 1)
    assert list(one(history, name="x").window(0, 9 * MIN)[1]) == [3.0]
    assert one(history, name="y").latest(2 * MIN, 7 * MIN) == 1.0


STEP = st.sampled_from(["value", "nothing", "end", "trim", "back"])


@given(st.lists(st.tuples(STEP, STEP, st.integers(1, 4)), max_size=40), st.integers(0, 40), st.integers(1, 12))
def test_windows_and_latest_are_what_a_plain_model_says(steps: list[Any], until: int, length: int) -> None:
    history = History(lookback=6)
    model: dict[str, list[tuple[int, float | None]]] = {"x": [], "y": []}
    now, trimmed = 0, -(10**9)
    for place, (x, y, pause) in enumerate(steps):
        now += pause
        if x == "back":
            now = max(1, now - 5)
            history.forget_from(now)
            for name in model:
                model[name] = [sample for sample in model[name] if sample[0] < now]
        if x == "trim":
            history.trim(now)
            trimmed = max(trimmed, now - 6)
        source = history.source("scrape")
        source.begin(now)
        for name, what in (("x", x), ("y", y)):
            series = history.series(labels_of({"__name__": name}), source) if what in ("value", "end") else None
            if what == "value" and series is not None:
                history.put(series, source, float(place))
                model[name].append((now, float(place)))
            elif what == "end" and series is not None and model[name] and model[name][-1][0] > trimmed:
                history.end(series, source)
                model[name].append((now, None))
    after = max(until - length, trimmed)
    for name, samples in model.items():
        found = history.select((Matcher("=", "__name__", name),))
        within = [sample for sample in samples if after < sample[0] <= until]
        got = found[0].window(after, until) if found else ((), ())
        assert list(zip(*got, strict=True)) == [sample for sample in within if sample[1] is not None]
        assert (found[0].latest(after, until) if found else None) == (within[-1][1] if within else None)


def test_ten_thousand_series_over_an_hour_take_less_than_forty_megabytes() -> None:
    history = History()
    history.ranges = {"": 60 * MIN}
    tracemalloc.start()
    source = history.source("scrape")
    named = ("pacs_check_up", "pacs_check_healthy", "pacs_check_runs_total", "pacs_check_duration_seconds")
    common = {"site": "north", "check": "c_echo", "kind": "c_echo", "role": "modality", "job": "pacs", "instance": "a"}
    every = [labels_of({"__name__": named[n % 4], "node": f"ct{n // 4}", **common}) for n in range(10_000)]
    for scrape in range(240):
        source.begin(scrape * 15_000)
        for labels in every:
            history.put(history.series(labels, source), source, scrape * 0.1)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(history) == 10_000
    assert taken < 40e6
