"""Our engine and a real Prometheus (Debian's 2.42), asked the same over the same series.

Nobody chose the series or the expressions: recorded.py and grammar.py draw them, the same ones at each run. What
version 3 does otherwise than 2 is not drawn, and each such place says so. Two such things are dealt with here: ours
is told to close a window's left edge (`left_open=False` in sides.py); and which of equal elements topk takes, or sort
puts first, is open.

`PACS_MONITOR_ROUNDS=2000 PACS_MONITOR_SEED=7 make test ARGS=tests/promql/test_differential.py` looks farther.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from pacs_monitor.promql import signatures
from tests.peers.prometheus import run_prometheus
from tests.peers.remote_write import remote_write
from tests.promql.grammar import CLOSE, Drawn, Grammar, Way
from tests.promql.grammar_functions import FUNCTIONS, SORTS
from tests.promql.grammar_operators import AGGREGATIONS, INNER, OPERATORS, TOPS
from tests.promql.judges import Judges
from tests.promql.recorded import LENGTH, START, record
from tests.promql.sides import Ours, Theirs, When

SETS = 12
WAYS: dict[str, Way] = {**FUNCTIONS, **SORTS, **AGGREGATIONS, **TOPS, **OPERATORS}
MODIFIERS = ("selector", "offset", "@", "subquery", "bool", "on", "ignoring", "group_left", "group_right")
ROUNDS = int(os.environ.get("PACS_MONITOR_ROUNDS", "40"))
"""How often each function, aggregation and operator is the outermost; each is asked at two times."""
SEED = os.environ.get("PACS_MONITOR_SEED", "")
FEWEST = 20
"""Answers that are not empty, out of these."""
NOT_IN_2_42 = {"histogram_fraction"}  # there it takes native histograms only

FOUND = (
    'absent(gone{job!="a", job="a"})',
    'absent(gone{job="a", job!="a"})',
    'absent_over_time(gone{job=~"a", job="b", job="c", set="0"}[1m])',
    'clamp(abs({set="0", __name__=~"load|limit"}), 1, 0)',
)


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with run_prometheus(folder, "scrape_configs: []", "--web.enable-remote-write-receiver") as server:
        ours = Ours()
        for number in range(SETS):
            series = record(number)
            remote_write(server.url, [(one.labels, one.samples) for one in series])
            ours.add(str(number), series)
        judges = Judges(ours, Theirs(server.url), SORTS, TOPS)
        yield judges
        print(judges)


def times() -> st.SearchStrategy[When]:
    """Between samples and on them; one time, or several. The simplest is in the middle."""
    second = st.integers(0, LENGTH // 1000).map(lambda one: (one + LENGTH // 2000) % (LENGTH // 1000))
    tick = st.one_of(second, second.map(lambda one: one // 15 * 15))
    at = st.builds(lambda one, off: START + one * 1000 + off, tick, st.sampled_from([0, 0, 1, -1, 377]))
    step, steps = st.sampled_from([60_000, 15_000, 37_000, 250]), st.integers(0, 12)
    return st.one_of(
        at.map(lambda one: When(one, one)),
        st.builds(lambda one, long, many: When(one, one + many * long, long), at, step, steps),
    )


@st.composite
def expressions(draw: Callable[[st.SearchStrategy[Any]], Any], way: Way) -> Drawn:
    grammar = Grammar(draw, draw(st.integers(0, SETS - 1)), INNER)
    return way.build(grammar, draw(st.sampled_from([1, 2, 2, 3])), CLOSE)


@pytest.mark.timeout(0 if "PACS_MONITOR_ROUNDS" in os.environ else 240)
@pytest.mark.parametrize("name", WAYS)
def test_both_give_the_same_answers(name: str, judges: Judges) -> None:
    @seed(zlib.crc32(f"{name}{SEED}".encode()))
    @settings(
        max_examples=ROUNDS,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions(WAYS[name]), st.tuples(times(), times()))
    def compare(drawn: Drawn, both: tuple[When, When]) -> None:
        assume(len(drawn.text) < 2000)
        for when in both:
            judges.compare(drawn, when, name)

    compare()
    assert judges.filled_by[name] >= FEWEST


@pytest.mark.parametrize("text", FOUND)
def test_both_agree_on_what_was_found(text: str, judges: Judges) -> None:
    """What they once answered differently."""
    judges.compare(Drawn(text), When(START + LENGTH // 2, START + LENGTH // 2), "")


@pytest.mark.parametrize(
    ("form", "seconds"),
    [
        ("{}", 300),
        ("timestamp({})", 300),
        ("count_over_time({}[2m])", 120),
        ("count_over_time(({})[3m:30s])", 180 + 300),
    ],
)
def test_both_agree_to_the_millisecond_when_a_sample_leaves(form: str, seconds: int, judges: Judges) -> None:
    for number in range(SETS):
        series = next(one for one in record(number) if one.labels["__name__"] == "load")
        labels = ", ".join(f'{name}="{value}"' for name, value in series.labels.items() if name != "__name__")
        drawn = Drawn(form.format(f"load{{{labels}}}"))
        # Those with a gap behind them, so that no later one hides them.
        gaps = [at for (at, _), (then, _) in pairwise(series.samples) if then - at > seconds * 1000]
        for at in (*gaps[:3], series.samples[-1][0]):
            for off in (-1, 0, 1):
                then = at + seconds * 1000 + off
                judges.compare(drawn, When(then, then), "")


def test_the_comparisons_were_worth_their_name(judges: Judges) -> None:
    assert judges.comparisons >= 3000
    assert judges.filled > judges.comparisons * 0.6
    assert judges.refused < judges.comparisons * 0.15
    assert judges.stricter < judges.comparisons * 0.01
    assert len(judges.different) > judges.filled / 3  # and not the same one to all
    seldom = {word: judges.asked[word] for word in (*WAYS, *MODIFIERS) if judges.asked[word] < FEWEST}
    assert seldom == {}


def test_every_function_and_aggregation_is_compared() -> None:
    assert {*FUNCTIONS, *SORTS} == signatures.FUNCTIONS.keys() - NOT_IN_2_42
    assert {*AGGREGATIONS, *TOPS} == signatures.AGGREGATIONS - signatures.EXPERIMENTAL_AGGREGATIONS
