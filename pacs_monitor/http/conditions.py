"""What the content of an answer must be like: a regular expression, or a condition on its JSON."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import re2
from pydantic import AfterValidator

from pacs_monitor.units import Unit

MOST_LETTERS = 1000
"""Of an expression or a condition."""
_STEP = re.compile(r"""\.?\[(\d{1,9})\]|\.([A-Za-z_][\w-]*)|\.("(?:[^"\\]|\\.)*")""", re.ASCII)
_COMPARISON = re.compile(r"(==|!=|<=|>=|<|>)\s*(\S.*)", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXAMPLE = 'write for example .status == "UP", .queue.waiting < 100 or .nodes[0].version'


@lru_cache(maxsize=1000)
def search(pattern: str) -> Callable[[str], object]:
    """What finds an expression in a text, in time that grows with the text alone (RE2). Raises ValueError."""
    options = re2.Options()
    options.log_errors = False
    try:
        found: Callable[[str], object] = re2.compile(pattern, options).search
    except re2.error as error:
        said = error.args[0] if error.args else ""
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"{pattern!r} is not a regular expression ({why}); write for example Sign in") from None
    return found


@dataclass(frozen=True)
class JsonCondition:
    """A path into JSON, and what must stand there; without a comparison anything."""

    steps: tuple[str | int, ...]
    op: str = ""
    wanted: str | int | float | bool | None = None

    def holds(self, document: Any) -> bool:
        """Whether a document meets it. What is not there meets nothing, not even !=."""
        for step in self.steps:
            if isinstance(step, int):
                if not isinstance(document, list) or step >= len(document):
                    return False
            elif not isinstance(document, dict) or step not in document:
                return False
            document = document[step]
        return not self.op or self._compares(document)

    def _compares(self, found: Any) -> bool:
        if self.op in _ORDERS:
            return _is_number(found) and _ORDERS[self.op](found, self.wanted)
        alike = (_is_number(found) and _is_number(self.wanted)) or type(found) is type(self.wanted)
        return (alike and found == self.wanted) is (self.op == "==")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)  # JSON's true is no 1


@lru_cache(maxsize=1000)
def json_condition(text: str) -> JsonCondition:
    """Of a text such as `.status == "UP"`. Raises ValueError with the remedy."""
    rest, steps = text.strip(), list[str | int]()
    while match := _STEP.match(rest):
        number, plain, quoted = match.groups()
        steps.append(int(number) if number else plain or _json(quoted, text))
        rest = rest[match.end() :]
    rest = rest.strip()
    if not steps or not text.strip().startswith("."):
        raise ValueError(f"{text!r} does not begin with a path; {_EXAMPLE}")
    if not rest:
        return JsonCondition(tuple(steps))
    comparison = _COMPARISON.fullmatch(rest)
    if comparison is None:
        raise ValueError(f"{text!r} is no condition; {_EXAMPLE}")
    op, wanted = comparison[1], _json(comparison[2], text)
    if isinstance(wanted, list | dict) or (op in _ORDERS and not _is_number(wanted)):
        what = "a number" if op in _ORDERS else "a text in quotes, a number, true, false or null"
        raise ValueError(f"{text!r} compares with something else than {what}; {_EXAMPLE}")
    return JsonCondition(tuple(steps), op, wanted)


def _json(value: str, text: str) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse)
    except ValueError:
        raise ValueError(f"{text!r} holds a value that is no JSON: quote texts; {_EXAMPLE}") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _check(text: str, parse: Callable[[str], object]) -> str:
    if len(text) > MOST_LETTERS:
        raise ValueError(f"has more than {MOST_LETTERS} letters; shorten it")
    parse(text)
    return text


BodyPattern = Annotated[
    str, AfterValidator(lambda text: _check(text, search)), Unit("regular expression (RE2)", example="Sign in")
]
Condition = Annotated[
    str, AfterValidator(lambda text: _check(text, json_condition)), Unit("condition", example='.status == "UP"')
]


def document_of(content: bytes) -> Any:
    """The JSON. Raises ValueError if there is none; of what there is nothing is told."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
