"""How expressions aggregate and combine vectors."""

from __future__ import annotations

from tests.promql.grammar import CLOSE, EXACT, SAME, Drawn, Grammar, Way, put
from tests.promql.grammar_functions import FUNCTIONS, QUANTILES

ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")
_KEEPS_LABELS = ("abs", "ceil", "timestamp", "clamp_max", "changes", "last_over_time", "max_over_time")


def _grouped(op: str, grammar: Grammar, inner: str) -> str:
    """The three ways to write it."""
    # From three labels on, version 2 loses one after the first step of count_values by (...).
    by = f"{grammar.pick('by', 'without')} {grammar.names(2 if op == 'count_values' else 3)}"
    return str(grammar.pick(f"{op}({inner})", f"{op} {by} ({inner})", f"{op}({inner}) {by}"))


def _aggregation(op: str, takes: int, gives: int, *parameters: str) -> Way:
    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        inner = grammar.vector(depth - 1, min(takes, most))
        parameter = f"{grammar.pick(*parameters)}, " if parameters else ""
        return put(_grouped(op, grammar, parameter + inner.text), gives, inner, word=op)

    return Way(gives, build)


def _sum(grammar: Grammar, depth: int, most: int) -> Drawn:
    inner = grammar.vector(depth - 1, CLOSE if most == CLOSE else EXACT)
    return put(_grouped("sum", grammar, inner.text), CLOSE if inner.near else EXACT, inner, word="sum")


AGGREGATIONS: dict[str, Way] = {
    "sum": Way(EXACT, _sum),
    "avg": _aggregation("avg", CLOSE, CLOSE),
    "min": _aggregation("min", CLOSE, EXACT),
    "max": _aggregation("max", CLOSE, EXACT),
    "count": _aggregation("count", CLOSE, EXACT),
    "group": _aggregation("group", CLOSE, EXACT),
    # Of a single NaN or Inf version 2 says 0, version 3 NaN.
    "stddev": _aggregation("stddev", EXACT, CLOSE),
    "stdvar": _aggregation("stdvar", EXACT, CLOSE),
    "quantile": _aggregation("quantile", CLOSE, CLOSE, *QUANTILES),
    "count_values": _aggregation("count_values", SAME, EXACT, '"value"', '"job"'),
}
TOPS = {op: _aggregation(op, SAME, EXACT, "1", "2", "3", "0", "-1", "2.9", "100") for op in ("topk", "bottomk")}
"""Which of equal elements is taken is open: only at the outside can an answer say so."""


def _sides(grammar: Grammar, depth: int, left: int, right: int) -> tuple[Drawn, str, Drawn]:
    """Two vectors, and between them how their elements are to be matched."""
    way = grammar.pick(*("alike",) * 5, *("group",) * 3, "info", "any", "any")
    if way == "alike":
        matching = grammar.pick("", "", " on (job, instance)", " ignoring (set)")
        return _alike(grammar, left), matching, _alike(grammar, right)
    if way == "group":
        many = grammar.pick("left", "right")
        elements, one, matching = _many_to_one(grammar, depth, left if many == "left" else right)
        matching = f" on ({matching}) group_{many} {grammar.pick('()', '(set)', '(nope)')}"
        return (elements, matching, one) if many == "left" else (one, matching, elements)
    if way == "info":
        matching = f" on (job, instance) group_left ({grammar.pick('version', 'version, nope', '')})"
        return _alike(grammar, left), matching, grammar.selector(EXACT, "info")
    matching = grammar.pick("", f" on {grammar.names()}", f" ignoring {grammar.names()}")
    if matching:
        matching += grammar.pick("", "", f" group_left {grammar.names(1)}", f" group_right {grammar.names(1)}")
    return grammar.vector(depth - 1, left), matching, grammar.vector(depth - 1, right)


def _many_to_one(grammar: Grammar, depth: int, most: int) -> tuple[Drawn, Drawn, str]:
    """A vector, another with one element for several of it, and the label that they have in common."""
    label, op, inner = (
        grammar.pick("job", "instance"),
        grammar.pick("max", "count", "min"),
        grammar.vector(depth - 2, EXACT),
    )
    return _alike(grammar, most), put(f"{op} by ({label}, set) ({inner.text})", EXACT, inner, word=op), label


def _alike(grammar: Grammar, most: int) -> Drawn:
    """A vector with the labels of its series, the same as others have."""
    if not grammar.chance(3):
        return grammar.selector(most, grammar.pick("load", "load", "limit", "apart", "odd"))
    way = FUNCTIONS[grammar.pick(*_KEEPS_LABELS)]
    return way.build(grammar, 1, most) if way.gives <= most else grammar.selector(most, "limit")


def _operator(op: str, left: int, right: int, gives: int, modifier: str = "") -> Way:
    """An operator between vectors, or between a vector and a scalar."""

    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        nearest = (min(left, most), min(right, most))
        matching = ""
        if op not in SETS and grammar.chance(3):
            one, other = grammar.vector(depth - 1, min(nearest)), grammar.scalar(depth - 1, min(nearest))
            if grammar.chance(2):
                one, other = other, one
        else:
            one, matching, other = _sides(grammar, depth, *nearest)
            if op in SETS:
                matching = matching.partition(" group")[0]
        words = {"bool"} if modifier else set()
        words |= {word for word in ("on", "ignoring", "group_left", "group_right") if f" {word} " in matching}
        text = f"({one.text}) {op}{modifier}{matching} ({other.text})"
        if op == "atan2":  # version 2 keeps the metric's name
            text = f'label_replace({text}, "__name__", "", "", "")'
        together = put(text, gives, one, other, word=op)
        return Drawn(together.text, together.near, together.words | words)

    return Way(gives, build)


def _either(*ways: Way) -> Way:
    def build(grammar: Grammar, depth: int, most: int) -> Drawn:
        drawn: Drawn = grammar.pick(*ways).build(grammar, depth, most)
        return drawn

    return Way(max(way.gives for way in ways), build)


def _negation(grammar: Grammar, depth: int, most: int) -> Drawn:
    inner = grammar.vector(depth - 1, most)
    return put(f"-({inner.text})", EXACT, inner, word="negation")


OPERATORS: dict[str, Way] = {
    "+": _operator("+", CLOSE, EXACT, EXACT),
    "-": _operator("-", CLOSE, EXACT, EXACT),
    "*": _operator("*", CLOSE, CLOSE, SAME),
    "/": _operator("/", CLOSE, SAME, SAME),
    "%": _operator("%", SAME, SAME, SAME),
    "^": _operator("^", SAME, SAME, CLOSE),
    "atan2": _operator("atan2", SAME, SAME, CLOSE),
    **{op: _either(_operator(op, SAME, SAME, EXACT), _operator(op, SAME, SAME, EXACT, " bool")) for op in COMPARISONS},
    "and": _operator("and", CLOSE, CLOSE, EXACT),
    "or": _operator("or", CLOSE, CLOSE, EXACT),
    "unless": _operator("unless", CLOSE, CLOSE, EXACT),
    "negation": Way(EXACT, _negation),
}
INNER: tuple[Way, ...] = (*FUNCTIONS.values(), *(3 * [*AGGREGATIONS.values()]), *(3 * [*OPERATORS.values()]))
"""What an inner expression may be."""
