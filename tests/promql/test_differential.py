"""Our engine and a real Prometheus, asked the same over the same series."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.peers.prometheus import run_prometheus
from tests.peers.remote_write import remote_write
from tests.promql.grammar import CLOSE, Drawn, Grammar
from tests.promql.grammar_functions import FUNCTIONS, SORTS
from tests.promql.grammar_operators import AGGREGATIONS, INNER, OPERATORS, TOPS
from tests.promql.recorded import END, START, record
from tests.promql.sides import Answer, Key, Ours, Refused, Theirs, When, close

SETS = 12
MODIFIERS = ("selector", "offset", "@", "subquery", "bool", "on", "ignoring", "group_left", "group_right")
WORDS = (*FUNCTIONS, *AGGREGATIONS, *OPERATORS, *SORTS, *TOPS, *MODIFIERS)
EVERY = (*FUNCTIONS.items(), *AGGREGATIONS.items(), *OPERATORS.items(), *SORTS.items(), *TOPS.items())
ROUNDS = 40
"""How often each function, aggregation and operator is the outermost."""


@dataclass
class Judges:
    """Both sides over the same series, and what they were asked."""

    ours: Ours
    theirs: Theirs
    asked: Counter[str] = field(default_factory=Counter)
    comparisons: int = 0
    refused: int = 0
    filled: int = 0

    def compare(self, drawn: Drawn, when: When, name: str) -> None:
        """AssertionError with the expression where they differ; `name` is what is outermost."""
        ours, theirs = self.ours.ask(drawn.text, when), self.theirs.ask(drawn.text, when)
        self.comparisons += 1
        told = f"{drawn.text}   {when}\n ours:   {ours}\n theirs: {theirs}"
        if isinstance(ours, Refused) or isinstance(theirs, Refused):
            self.refused += 1
            assert isinstance(ours, Refused), told
            assert isinstance(theirs, Refused), told
            return
        self.filled += bool(theirs.values)
        self.asked.update(drawn.words if theirs.values else ())
        if name in TOPS:
            ours, theirs = _by_values(ours), _by_values(theirs)
        assert _differences(ours, theirs, drawn.near) == [], told
        if name in SORTS and not when.step:
            both = [[value for key in side.order for value in side.values[key].values()] for side in (ours, theirs)]
            assert [repr(value) for value in both[0]] == [repr(value) for value in both[1]], told


def _by_values(answer: Answer) -> Answer:
    """Of the highest, values without labels: which of equal elements is taken is open."""
    rows: dict[int, list[float]] = {}
    for points in answer.values.values():
        for at, value in points.items():
            rows.setdefault(at, []).append(value)
    ranked: dict[Key, dict[int, float]] = {}
    for at, values in rows.items():
        for rank, value in enumerate(sorted(values, key=lambda value: (value != value, value))):
            ranked.setdefault(frozenset({("rank", str(rank))}), {})[at] = value
    return Answer(ranked, ())


def _differences(ours: Answer, theirs: Answer, near: int) -> list[str]:
    if set(ours.values) != set(theirs.values):
        return [str(dict(key)) for key in set(ours.values) ^ set(theirs.values)]
    sizes = [abs(value) for points in theirs.values.values() for value in points.values() if math.isfinite(value)]
    # What cancels out leaves the rounding of what was there before.
    slack = 1e-9 * max(sizes, default=0.0) if near == CLOSE else 0.0
    found = []
    for key, points in theirs.values.items():
        mine = ours.values[key]
        if set(mine) != set(points):
            found.append(f"{dict(key)} at {sorted(set(mine) ^ set(points))}")
        found += [
            f"{dict(key)} at {at}: {mine[at]!r} instead of {value!r}"
            for at, value in points.items()
            if at in mine and not close(mine[at], value, slack)
        ]
    return found


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judges]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with run_prometheus(folder, "scrape_configs: []", "--web.enable-remote-write-receiver") as server:
        ours = Ours()
        series = [(number, record(number)) for number in range(SETS)]
        samples = [(one.labels, one.samples) for _, made in series for one in made if one.samples]
        remote_write(server.url, samples)
        for number, made in series:
            for one in made:
                ours.add(f"{number} {sorted(one.labels.items())}", [one])
        yield Judges(ours, Theirs(server.url))


def times() -> st.SearchStrategy[When]:
    """Between samples and on them; one time, or several."""
    second, off = st.integers(0, (END - START) // 1000), st.sampled_from([0, 0, 1, 377])
    at = st.tuples(second, off).map(lambda pair: START + pair[0] * 1000 + pair[1])
    step = st.sampled_from([15_000, 60_000, 37_000])
    return st.one_of(
        at.map(lambda one: When(one, one)),
        st.tuples(at, step).map(lambda pair: When(pair[0], pair[0] + 12 * pair[1], pair[1])),
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", sorted(dict(EVERY)))
def test_both_give_the_same_answers(name: str, judges: Judges) -> None:
    way = dict(EVERY)[name]

    @settings(
        max_examples=ROUNDS,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        number = data.draw(st.integers(0, SETS - 1))
        grammar = Grammar(data.draw, number, INNER)
        drawn = way.build(grammar, data.draw(st.sampled_from([1, 2, 2, 3])), CLOSE)
        assume(len(drawn.text) < 2000)
        for when in (data.draw(times()), data.draw(times())):
            judges.compare(drawn, when, name)

    compare()
    assert judges.asked[name] >= 1, f"{name} never gave anything"


def test_the_comparisons_were_worth_their_name(judges: Judges) -> None:
    assert judges.comparisons > 1000
    assert judges.filled > judges.comparisons / 2
    assert judges.refused < judges.comparisons / 4
    seldom = {word: judges.asked[word] for word in WORDS if judges.asked[word] < 3}
    assert seldom == {}
