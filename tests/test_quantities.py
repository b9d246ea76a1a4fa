"""Figures as people read them."""

import pytest

from pacs_monitor.quantities import percent, readable, span


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.9, "1 kB"),
        (1_500_000, "1.5 MB"),
        (20e9, "20 GB"),
        (2.5e12, "2.5 TB"),
        (1e18, "1000 PB"),
    ],
)
def test_sizes_are_written_for_people(size: float, text: str) -> None:
    assert readable(size) == text


@pytest.mark.parametrize(("share", "text"), [(0, "0%"), (0.05, "5%"), (0.015625, "1.56%"), (1, "100%")])
def test_shares_are_written_in_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (45, "45 s"),
        (90, "1 min"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (86_400, "1 d"),
        (1_051_200, "12 d 4 h"),
    ],
)
def test_spans_are_written_in_the_larger_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
