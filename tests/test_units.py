from __future__ import annotations

import pytest

from pacs_monitor.sections import parse_clock, parse_days
from pacs_monitor.settings import Hours
from pacs_monitor.units import check_ae_title, format_duration, name_fault, parse_duration, parse_ratio, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("5m", 300),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1d", 86400),
        ("1w", 604800),
        ("1y", 31536000),
        ("0", 0),
    ],
)
def test_a_duration_is_written_as_prometheus_writes_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "s", "30m1h", "1.5h", "-5s", "5 s", "15S", "٣s", "1m1m"])
def test_what_prometheus_would_not_take_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"no unit|not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "seconds"), [("15", "15s for 15 seconds"), ("1", "1s for 1 second")])
def test_a_duration_without_a_unit_is_answered_with_the_one_of_prometheus(text: str, seconds: str) -> None:
    with pytest.raises(ValueError, match=f"^{text} has no unit; write {seconds}$"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "problem"), [("293y", "longer than 292y"), ("9" * 400 + "y", "not a duration")])
def test_what_prometheus_could_not_count_is_no_duration(text: str, problem: str) -> None:
    assert parse_duration("292y") == 292 * 31536000
    with pytest.raises(ValueError, match=problem):
        parse_duration(text)


def test_true_is_no_duration() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(True)


@pytest.mark.parametrize("text", ["15s", "1m30s", "1h", "1d2h3m4s5ms", "0s"])
def test_a_formatted_duration_reads_back_as_itself(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


def test_a_share_is_a_percentage_or_a_ratio() -> None:
    assert parse_ratio("10%") == parse_ratio("0.1") == parse_ratio(0.1)
    assert (parse_ratio("0%"), parse_ratio("100%")) == (0, 1)


@pytest.mark.parametrize("text", ["101%", "-1%", "1.1", "ten", "", "nan", "inf%"])
def test_what_is_not_between_none_and_all_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a share|is not between"):
        parse_ratio(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("500MB", 500_000_000), ("20GB", 20 * 10**9), ("20GiB", 20 * 2**30), ("1.5 kB", 1500), ("1TiB", 2**40)],
)
def test_sizes_tell_powers_of_1000_from_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "-1GB", "1XB", "GB"])
def test_what_has_no_number_or_no_known_unit_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_an_ae_title_keeps_its_inner_spaces_and_loses_the_outer() -> None:
    assert check_ae_title(" CT SCANNER 1 ") == "CT SCANNER 1"


@pytest.mark.parametrize("title", ["", "    ", "A" * 17, "A\\B", "MÜNCHEN", "A\tB", "A\x00"])
def test_what_the_standard_forbids_is_no_ae_title(title: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_ae_title(title)


def test_a_name_begins_with_a_letter_or_digit() -> None:
    assert name_fault("ct-1.north") == "" == name_fault("Röntgen_2")
    assert all(map(name_fault, ["-ct", "", "a b", "a" * 65]))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", ("mon", "tue", "wed", "thu", "fri")),
        ("mon,wed", ("mon", "wed")),
        ("sat-mon", ("sat", "sun", "mon")),
        ("Sun", ("sun",)),
        (["mon-tue", "tue"], ("mon", "tue")),
    ],
)
def test_weekdays_are_a_range_or_a_list(text: object, days: tuple[str, ...]) -> None:
    assert parse_days(text) == days
    assert Hours.model_validate({"days": text}).days == days


@pytest.mark.parametrize("text", ["monday", "mon-", "-fri", "mon-fri-sun", ["x"]])
def test_other_words_are_no_weekdays(text: object) -> None:
    with pytest.raises(ValueError, match="is not a weekday; write mon, tue"):
        parse_days(text)


@pytest.mark.parametrize(("text", "clock"), [("7:30", "07:30"), ("00:00", "00:00"), ("24:00", "24:00")])
def test_a_time_of_day_runs_from_midnight_to_midnight(text: str, clock: str) -> None:
    assert parse_clock(text) == clock


@pytest.mark.parametrize("text", ["24:01", "12:60", "12", "12:5", "noon", "1320", ""])
def test_other_texts_are_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        parse_clock(text)
