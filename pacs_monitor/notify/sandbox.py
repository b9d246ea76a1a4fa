"""Templates that cannot do harm: no way to Python, to files or to endless work. An administrator may err in one."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from types import FrameType
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

MOST_CHARACTERS = 1_000_000
"""Of any text in a template, and of all that it gives."""
MOST_SECONDS = 5.0
_MOST_ITEMS = 10_000
_MOST_NUMBER = 10**15
# fmt: off
_METHODS = frozenset((
    "capitalize", "count", "endswith", "find", "get", "isdigit", "items", "keys", "lower", "lstrip",
    "partition", "removeprefix", "removesuffix", "rpartition", "rsplit", "rstrip", "split", "splitlines",
    "startswith", "strip", "title", "upper", "values",
))
# fmt: on
# fmt: off
_FILTERS = frozenset((
    "abs", "attr", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first",
    "float", "forceescape", "groupby", "int", "items", "join", "last", "length", "list", "lower", "map",
    "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr",
    "sort", "string", "striptags", "title", "trim", "truncate", "unique", "upper", "urlencode",
))
# fmt: on
_GLOBALS = ("dict", "joiner", "namespace", "range")


class TooMuch(SecurityError):
    """A template works for too long, or makes too much."""


class _Generator(CodeGenerator):
    """Joins texts with ~ by a function that looks at their size."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.joined(context, [")
        for one in node.nodes:
            self.visit(one, frame)
            self.write(", ")
        self.write("])")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja without what could take for ever: every text is bounded, and every line of a template is timed.

    Texts in `.html.j2` are escaped, others are not.
    """

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])
    code_generator_class = _Generator

    def __init__(self, loader: BaseLoader, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            loader=loader,
            autoescape=lambda name: bool(name) and str(name).endswith(".html.j2"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        ours = {"batch": _batch, "join": _join, "replace": _replace, "round": _round, "sum": _sum, "tojson": _to_json}
        every = {**{name: FILTERS[name] for name in _FILTERS}, **ours, **filters}
        self.filters = {name: _checked(one) for name, one in every.items()}
        self.globals = {name: self.globals[name] for name in _GLOBALS}
        self.globals["range"] = _range
        self.concat = _concat  # type: ignore[method-assign]

    def joined(self, context: Context, parts: list[Any]) -> str:
        """What ~ gives."""
        texts = [one if isinstance(one, str) else str(one) for one in parts]
        _bounded(sum(map(len, texts)))
        if context.eval_ctx.autoescape and any(isinstance(one, Markup) for one in texts):
            return Markup("").join(texts)
        return "".join(texts)

    def wrap_str_format(self, value: Any) -> None:
        """No `format`: it makes texts of any width."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Fields of what we hand over; of texts and mappings what is on the list."""
        if isinstance(obj, LoopContext | Macro) or not callable(value):
            return super().is_safe_attribute(obj, attr, value)
        return attr in _METHODS and isinstance(obj, str | Mapping)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers of a usual size; of texts and lists only +."""
        if all(isinstance(one, int | float) and abs(one) < _MOST_NUMBER for one in (left, right)) and operator != "**":
            return super().call_binop(context, operator, left, right)
        if operator == "+" and type(left) is type(right) and isinstance(left, list | tuple) and len(left) < _MOST_ITEMS:
            return super().call_binop(context, operator, left, right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.joined(context, [left, right])
        raise TooMuch(f"{operator} is not for these; use ~ to join texts")


def render(environment: Sandbox, name: str, variables: Mapping[str, Any], seconds: float = MOST_SECONDS) -> str:
    """What a template gives. Raises jinja2's errors, TooMuch, and whatever an expression in it raises."""
    made: list[str] = []
    size = 0
    with _time_limit(seconds):
        for part in environment.get_template(name).generate(variables):
            size += len(part)
            if size > MOST_CHARACTERS:
                raise TooMuch(f"it makes more than {MOST_CHARACTERS:,} characters")
            made.append(part)
    return "".join(made)


@contextmanager
def _time_limit(seconds: float) -> Any:
    """Raise TooMuch in this thread at the first line of Python after so many seconds."""
    until = time.monotonic() + seconds

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if time.monotonic() > until:
            raise TooMuch(f"it works for more than {seconds:g} s")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def _bounded(size: int) -> None:
    if size > MOST_CHARACTERS:
        raise TooMuch(f"a text in it has more than {MOST_CHARACTERS:,} characters")


def _concat(parts: Iterable[str]) -> str:
    texts = list(parts)
    _bounded(sum(map(len, texts)))
    return "".join(texts)


def _checked(one: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, of which no text may be too long."""

    @functools.wraps(one)
    def checked(*args: Any, **named: Any) -> Any:
        made = one(*args, **named)
        if isinstance(made, str):
            _bounded(len(made))
        return made

    return checked


def _to_json(value: Any) -> Markup:
    return Markup(json.dumps(value, ensure_ascii=False, default=_no_json))


def _no_json(value: Any) -> Any:
    """Raises what is wrong with it: of a variable that there is not, jinja2's own error with its name."""
    if isinstance(value, Undefined):
        str(value)
    raise TypeError("no JSON")


def _sum(value: Iterable[float]) -> float:
    return sum(value)


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > _MOST_ITEMS:
        raise TooMuch(f"range has more than {_MOST_ITEMS:,} numbers")
    return made


def _batch(value: Iterable[Any], linecount: int) -> list[list[Any]]:
    items = list(value)
    size = max(int(linecount), 1)
    return [items[start : start + size] for start in range(0, len(items), size)]


def _join(value: Iterable[Any], d: str = "") -> str:
    texts = [one if isinstance(one, Markup) else str(one) for one in value]
    _bounded(sum(map(len, texts)) + len(d) * len(texts))
    safe = isinstance(d, Markup) or any(isinstance(one, Markup) for one in texts)
    return Markup(d).join(texts) if safe else d.join(texts)


def _replace(s: Any, old: str, new: str) -> str:
    text = s if isinstance(s, str) else str(s)
    _bounded(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _round(value: float, precision: int = 0) -> float:
    return round(float(value), min(max(int(precision), -15), 15))


def line_of(error: BaseException, name: str) -> int:
    """The line of the template at which it went wrong; 0 if nobody knows."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if PurePath(trace.tb_frame.f_code.co_filename).name == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
