"""Draws expressions that are well typed, and on whose answers two engines must agree.

Engines add up in different orders, so some answers are only close to each other. What jumps where such an answer
moves by a trifle (a comparison, floor, a division by what may be 0) is only drawn over what is the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.promql.recorded import END, START

EXACT, SAME, CLOSE = 0, 1, 2
"""How near answers are: the same, and so are sums of them; the same to the last bit; nearly the same."""

DURATIONS = ("30s", "59s", "1m", "2m", "2m", "5m", "5m", "7m30s", "12m", "12m")
LABELS = ("job", "instance", "mode", "version", "le", "nope", "set")
_METRICS = (
    *("load", "load", "load", "limit", "limit", "disk", "apart", "apart", "runs_total", "runs_total"),
    *("odd", "odd", "stamp", "info", "took_bucket", "gone"),
)
_MATCHERS = (
    'job="a"',
    'job!="a"',
    'job=~"a|b"',
    'job!~"b.*"',
    'instance=~"[01]"',
    'instance!="1"',
    'mode=""',
    'mode=~".+"',
    'nope!~".+"',
    'job=~""',
    'instance=~"(?i:X|2)"',
)
_NUMBERS = ("0", "1", "2", "3", "-1", "0.5", "0.25", "10", "100", "1e3", "0x1F")


@dataclass(frozen=True)
class Drawn:
    """An expression, how near the engines' answers are, and the words that it is made of."""

    text: str
    near: int = EXACT
    words: frozenset[str] = frozenset()


def put(text: str, near: int, *parts: Drawn, word: str = "") -> Drawn:
    """An expression out of others: no nearer than any of them."""
    words = frozenset({word} - {""}).union(*(part.words for part in parts))
    return Drawn(text, max([near, *(part.near for part in parts)]), words)


class Grammar:
    """Draws over one set of series."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], number: int, ways: Sequence[Way]) -> None:
        """`number` is the set's; `ways` are what an inner expression may be."""
        self._draw = draw
        self._number = number
        self._ways = [[way for way in ways if way.gives <= most] for most in (EXACT, SAME, CLOSE)]

    def pick(self, *choices: Any) -> Any:
        """One of these."""
        return choices[self._draw(st.integers(0, len(choices) - 1))]

    def some(self, choices: Sequence[str], most: int) -> list[str]:
        """At most so many of these."""
        return list(dict.fromkeys(self.pick(*choices) for _ in range(self.pick(*range(most + 1)))))

    def chance(self, one_in: int) -> bool:
        """True once in so many."""
        return bool(self.pick(*range(one_in)) == one_in - 1)

    def vector(self, depth: int, most: int = CLOSE) -> Drawn:
        """Any instant vector whose answers are at least so near."""
        if depth <= 0 or self.chance(5):
            return self.selector(most)
        drawn: Drawn = self.pick(*self._ways[most]).build(self, depth, most)
        return drawn

    def selector(self, most: int = CLOSE, metric: str = "", suffix: str = "") -> Drawn:
        """Series of the set; `suffix` is a range."""
        metric = metric or self.pick(*_METRICS)
        near = SAME if metric in ("odd", "stamp", "apart") else EXACT
        if near > most:
            metric, near = "load", EXACT
        words = {"selector"}
        matchers = [f'set="{self._number}"', *(self.some(_MATCHERS, 2) if self.chance(4) else ())]
        if not suffix and self.chance(25):
            metric, matchers = "", [*matchers, '__name__=~"load|limit"']
        text = f"{metric}{{{', '.join(matchers)}}}{suffix}"
        if self.chance(6):
            words.add("offset")
            text += f" offset {self.pick('15s', '1m', '-30s', '4m', '-3m')}"
        if self.chance(10):
            words.add("@")
            at = START // 1000 + self.pick(*range((END - START) // 15_000)) * 15
            text += f" @ {self.pick('start()', 'end()', f'{at}.000')}"
        return Drawn(text, near, frozenset(words))

    def matrix(self, depth: int, most: int = CLOSE, metric: str = "") -> Drawn:
        """A range of samples, or a subquery."""
        duration = self.pick(*DURATIONS)
        if depth <= 0 or not self.chance(4):
            return self.selector(most, metric, f"[{duration}]")
        inner = self.vector(min(depth - 1, 1), most)
        step = self.pick("", "15s", "30s", "1m", "37s", "2m")
        moved = self.pick("", "", "", " offset 1m", " offset -45s", " @ start()", " @ end()")
        return put(f"({inner.text})[{duration}:{step}]{moved}", EXACT, inner, word="subquery")

    def scalar(self, depth: int, most: int = SAME) -> Drawn:
        """A scalar that is the same in both; a finite number that is not too long if answers are to be exact."""
        if most == EXACT:
            return Drawn(self.pick(*_NUMBERS))
        if depth > 0 and self.chance(6):
            inner = self.vector(depth - 1, SAME)
            return put(f"scalar({inner.text})", SAME, inner, word="scalar")
        if depth > 0 and self.chance(6):
            left, right = self.scalar(depth - 1), self.scalar(depth - 1)
            op = self.pick("+", "-", "*", "/", "%", "== bool", "!= bool", "< bool", ">= bool")
            return put(f"({left.text} {op} {right.text})", SAME, left, right, word="between scalars")
        if self.chance(5):
            return Drawn(self.pick("Inf", "-Inf", "NaN", "time()"), SAME)
        return Drawn(self.pick(*_NUMBERS))

    def names(self, most: int = 3) -> str:
        """Names of labels in parentheses."""
        return f"({', '.join(self.some(LABELS, most))})"


@dataclass(frozen=True)
class Way:
    """A way to make an expression."""

    gives: int
    """How near the answers are at best."""
    build: Callable[[Grammar, int, int], Drawn]
    """Makes one that is so deep and whose answers are at least so near."""
