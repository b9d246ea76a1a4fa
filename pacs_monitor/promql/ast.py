"""The tree of an expression. Times and durations are in milliseconds, positions are offsets in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pacs_monitor.history.labels import NAME
from pacs_monitor.history.matchers import EQUAL, Matcher

Kind = Literal["vector", "scalar", "matrix", "string"]
START, END = "start", "end"
COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")
SCALARS = frozenset(("time", "pi", "scalar", "start", "end", "range", "step", "min_of", "max_of"))
"""Functions that give a number."""


@dataclass(frozen=True, slots=True)
class Expr:
    """Any node; two that mean the same are equal, wherever they stand."""

    position: int = field(default=0, compare=False, kw_only=True)

    @property
    def kind(self) -> Kind:
        """What evaluating it gives."""
        match self:
            case Number():
                return "scalar"
            case Call(name=name) if name in SCALARS:
                return "scalar"
            case String():
                return "string"
            case Range() | Subquery():
                return "matrix"
            case Paren(inner=inner) | Negation(inner=inner):
                return inner.kind
            case Binary(left=left, right=right):
                return "vector" if "vector" in (left.kind, right.kind) else "scalar"
            case _:
                return "vector"

    def __str__(self) -> str:
        """The expression as Prometheus would print it."""
        from pacs_monitor.promql.printing import text_of  # it needs the nodes

        return text_of(self)


@dataclass(frozen=True, slots=True)
class Number(Expr):
    """A number; a duration stands for its seconds."""

    value: float


@dataclass(frozen=True, slots=True)
class String(Expr):
    """A text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector(Expr):
    """The series that meet all matchers, each with its present value."""

    matchers: tuple[Matcher, ...]
    offset: int = 0
    at: int | str | None = None
    """A time, START or END of the query; None: when it is evaluated."""

    @property
    def name(self) -> str:
        """The metric's name, "" if no matcher fixes it."""
        return next((one.value for one in self.matchers if one.name == NAME and one.op == EQUAL), "")


@dataclass(frozen=True, slots=True)
class Range(Expr):
    """The samples of the last `duration` of each series."""

    selector: Selector
    duration: int


@dataclass(frozen=True, slots=True)
class Subquery(Expr):
    """The values of an expression at each step of the last `duration`; without a step, the engine's."""

    inner: Expr
    duration: int
    step: int | None
    offset: int = 0
    at: int | str | None = None


@dataclass(frozen=True, slots=True)
class Paren(Expr):
    """An expression in parentheses."""

    inner: Expr


@dataclass(frozen=True, slots=True)
class Negation(Expr):
    """`-x`."""

    inner: Expr


@dataclass(frozen=True, slots=True)
class Matching:
    """Which elements of two vectors belong together: those with the same values of these labels."""

    on: bool
    """Only these labels count; otherwise all but these."""
    labels: tuple[str, ...]
    many: Literal["", "left", "right"] = ""
    """The side on which several elements may match one of the other."""
    include: tuple[str, ...] = ()
    """Labels to copy from the one side."""


PLAIN_MATCHING = Matching(on=False, labels=())


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """An operator between two expressions."""

    op: str
    left: Expr
    right: Expr
    returns_bool: bool = False
    matching: Matching | None = None
    """None if either side is a scalar."""


@dataclass(frozen=True, slots=True)
class Aggregation(Expr):
    """One element out of each group of elements (some, with topk and bottomk)."""

    op: str
    inner: Expr
    parameter: Expr | None
    labels: tuple[str, ...]
    without: bool


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function and its arguments."""

    name: str
    arguments: tuple[Expr, ...]


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions inside one, from left to right."""
    match expr:
        case Range(selector=inner) | Subquery(inner=inner) | Paren(inner=inner) | Negation(inner=inner):
            return (inner,)
        case Binary():
            return (expr.left, expr.right)
        case Aggregation(parameter=None):
            return (expr.inner,)
        case Aggregation(parameter=Expr() as parameter):
            return (parameter, expr.inner)
        case Call():
            return expr.arguments
        case _:
            return ()
