"""Exposition text that is kept line by line, read back by other people's parsers."""

import math
import threading
import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as text_families

from pacs_monitor.check import Counter, Gauge, Histogram
from pacs_monitor.metrics import Exposition, escape, number, series_name, slot_for
from tests.peers.prometheus import promtool_check_metrics

LABELS = [("site", "north"), ("node", "ct1")]
TEMPERATURE = Gauge("pacs_room_celsius", "How warm it is.", ("room",))
EVENTS = Counter("pacs_events_total", "Events.", ("word",))
TOOK = Histogram("pacs_took_seconds", "How long it took.", buckets=(0.1, 0.5, 2.5))

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def openmetrics_families(text: str) -> Iterable[Metric]:
    """As prometheus_client reads them; it has no types for this."""
    families: Iterable[Metric] = openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return families


def series(families: Iterable[Metric]) -> Series:
    """All samples by name and labels; none may be there twice."""
    samples = [sample for family in families for sample in family.samples]
    read = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(read) == len(samples)
    return read


def both(exposition: Exposition) -> tuple[Series, Series]:
    text = series(text_families(exposition.render()))
    return text, series(openmetrics_families(exposition.render(openmetrics=True) + "# EOF\n"))


NUMBERS = [0.0, -0.0, 1.0, -1.5, 0.1, 1e15, 1e15 + 2, 123456789012345.0, 1e16, 1e300, 5e-324, -1e21, 2.0**53]


@pytest.mark.parametrize("value", [*NUMBERS, math.inf, -math.inf, math.nan])
def test_a_number_reads_back_as_the_same_number(value: float) -> None:
    exposition = Exposition()
    slot_for(TEMPERATURE, exposition, LABELS, ("a",)).take(value)
    for read in both(exposition):
        (back,) = read.values()
        assert back == value or (math.isnan(back) and math.isnan(value))


def test_numbers_are_short_and_a_whole_one_has_no_point() -> None:
    assert [number(value) for value in (3.0, 0.1, 1e300, math.inf, -math.inf, math.nan, True)] == [
        "3",
        "0.1",
        "1e+300",
        "+Inf",
        "-Inf",
        "NaN",
        "1",
    ]


@given(st.text())
def test_any_label_value_reads_back_as_it_was(value: str) -> None:
    exposition = Exposition()
    slot_for(TEMPERATURE, exposition, LABELS, (value,)).take(1)
    expected = value.encode("utf-8", "replace").decode()
    for read in both(exposition):
        ((_, labels),) = read
        assert dict(labels)["room"] == expected


@pytest.mark.parametrize(
    ("value", "escaped"),
    [('"', r"\""), ("\\", r"\\"), ("a\nb", r"a\nb"), ("\\n", r"\\n"), ("Köln 東京", "Köln 東京"), ("\udce4", "?")],
)
def test_a_label_value_is_escaped_as_prometheus_does(value: str, escaped: str) -> None:
    assert escape(value) == escaped


def test_a_name_without_labels_has_no_braces() -> None:
    assert series_name("up", []) == "up"


def test_a_counter_adds_up() -> None:
    exposition = Exposition()
    slot = slot_for(EVENTS, exposition, LABELS, ("a",))
    for increment in (1, 2.5, 0):
        slot.take(increment)
    assert list(both(exposition)[0].values()) == [3.5]


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_a_counter_never_goes_back_nor_away(wrong: float) -> None:
    slot = slot_for(EVENTS, Exposition(), LABELS, ("a",))
    slot.take(2)
    slot.take(wrong)
    assert slot.value == 2


@given(st.lists(st.floats(0, 10), min_size=1))
def test_a_histogram_counts_as_prometheus_does(observed: list[float]) -> None:
    exposition = Exposition()
    slot = slot_for(TOOK, exposition, LABELS, ())
    for value in observed:
        slot.take(value)
    for read in both(exposition):
        values = {(name, dict(labels).get("le")): value for (name, labels), value in read.items()}
        for bound in TOOK.buckets:
            assert values["pacs_took_seconds_bucket", repr(bound)] == sum(value <= bound for value in observed)
        assert values["pacs_took_seconds_bucket", "+Inf"] == len(observed)
        assert values["pacs_took_seconds_count", None] == len(observed)
        assert values["pacs_took_seconds_sum", None] == pytest.approx(sum(observed))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1])
def test_an_observation_that_cannot_be_does_not_spoil_a_histogram(wrong: float) -> None:
    exposition = Exposition()
    slot = slot_for(TOOK, exposition, LABELS, ())
    slot.take(1.0)
    slot.take(wrong)
    assert "pacs_took_seconds_sum{" in exposition.render()
    assert slot.value == 1


def test_a_histogram_that_vanished_begins_at_zero_if_it_comes_back() -> None:
    exposition = Exposition()
    slot = slot_for(TOOK, exposition, LABELS, ())
    slot.take(1.0)
    slot.vanish()
    assert exposition.render() == ""
    slot.take(1.0)
    assert slot.value == 1


def filled() -> Exposition:
    exposition = Exposition()
    exposition.family("pacs_empty", "gauge", "Never has a series.")
    slot_for(TEMPERATURE, exposition, LABELS, ("it's \\ and \" and\nthe end",)).take(21.5)
    slot_for(EVENTS, exposition, LABELS, ("x",)).take(3)
    took = slot_for(TOOK, exposition, LABELS, ())
    for value in (0.05, 0.1, 0.3, 7.0):
        took.take(value)
    slot_for(Gauge("pacs_free_bytes", 'Room "left",\nwith \\ in it.'), exposition, LABELS, ()).take(1e12)
    slot_for(Gauge("pacs_used_ratio", "Share."), exposition, LABELS, ()).take(0.5)
    return exposition


def test_text_and_openmetrics_differ_in_their_comments_only() -> None:
    exposition = filled()
    text, openmetrics = exposition.render(), exposition.render(openmetrics=True)
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        line for line in openmetrics.splitlines() if not line.startswith("#")
    ]
    first, second = both(exposition)
    assert first == second


def test_openmetrics_names_units_and_calls_a_counter_without_its_total() -> None:
    openmetrics = filled().render(openmetrics=True)
    assert "# TYPE pacs_events counter\npacs_events_total{" in openmetrics
    for unit in ("# UNIT pacs_took_seconds seconds", "# UNIT pacs_free_bytes bytes", "# UNIT pacs_used_ratio ratio"):
        assert unit in openmetrics.splitlines()
    families = {family.name: family for family in openmetrics_families(openmetrics + "# EOF\n")}
    assert families["pacs_events"].type == "counter"
    assert families["pacs_free_bytes"].documentation == 'Room "left",\nwith \\ in it.'


def test_help_and_type_come_through_the_text_format() -> None:
    families = {family.name: family for family in text_families(filled().render())}
    assert families["pacs_took_seconds"].type == "histogram"
    assert families["pacs_free_bytes"].documentation == 'Room "left",\nwith \\ in it.'


def test_a_family_without_series_is_not_shown_and_families_stand_in_order() -> None:
    text = filled().render()
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert names == sorted(names)
    assert "pacs_empty" not in names


def test_promtool_has_nothing_to_say() -> None:
    assert promtool_check_metrics(filled().render()) == ""


def test_a_series_goes_on_under_other_labels() -> None:
    exposition = Exposition()
    slots = [slot_for(metric, exposition, LABELS, ("a",) * len(metric.labelnames)) for metric in (EVENTS, TOOK)]
    never = slot_for(TEMPERATURE, exposition, LABELS, ("a",))
    for slot in slots:
        slot.take(2)
        slot.rename([("site", "south")])
        slot.take(1)
    never.rename([("site", "south")])
    text = exposition.render()
    assert "north" not in text
    assert "pacs_room_celsius" not in text
    assert 'pacs_events_total{site="south"} 3\n' in text
    assert 'pacs_took_seconds_count{site="south"} 2\n' in text


def test_the_last_declaration_of_a_family_counts() -> None:
    exposition = filled()
    slot_for(Gauge("pacs_used_ratio", "Used share."), exposition, LABELS, ()).take(0.5)
    assert "# HELP pacs_used_ratio Used share.\n" in exposition.render()


def test_a_page_is_whole_while_results_come_in() -> None:
    exposition = Exposition()
    slots = [
        [slot_for(TEMPERATURE, exposition, LABELS, (str(room),)) for room in range(200)],
        [slot_for(EVENTS, exposition, LABELS, (str(word),)) for word in range(200)],
        [slot_for(TOOK, exposition, [*LABELS, ("n", str(place))], ()) for place in range(50)],
    ]
    for slot in (slot for kind in slots for slot in kind):
        slot.take(1)
    pages: list[tuple[bool, str]] = []
    errors: list[Exception] = []
    over = threading.Event()

    def scrape() -> None:
        while not over.is_set():
            try:
                openmetrics = len(pages) % 2 == 0
                pages.append((openmetrics, exposition.render(openmetrics)))
            except RuntimeError as error:
                errors.append(error)

    thread = threading.Thread(target=scrape)
    thread.start()
    until, turn = time.monotonic() + 2.0, 0
    while time.monotonic() < until or len(pages) <= 10:  # machines are noisy
        turn += 1
        for kind in slots:
            for slot in kind:
                slot.take(turn)
        for slot in slots[0][turn % 7 :: 7]:
            slot.vanish()
        exposition.family(f"pacs_new_{turn % 500}", "gauge", "New.").lines[0] = f"pacs_new_{turn % 500} 1\n"
    over.set()
    thread.join()
    assert not errors
    assert len(pages) > 10
    chosen = pages[:: max(1, len(pages) // 20)]
    for openmetrics, page in chosen:
        assert len(series(openmetrics_families(page + "# EOF\n") if openmetrics else text_families(page))) > 200
