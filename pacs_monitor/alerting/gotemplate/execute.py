"""Expands a template's tree, in the order and with the complaints of Go's text/template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import FUNCTIONS, TEXT, Environment, Function
from pacs_monitor.alerting.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Field,
    Literal,
    Nil,
    Node,
    Pipe,
    Statement,
    Variable,
    Word,
)
from pacs_monitor.alerting.gotemplate.printf import shown
from pacs_monitor.alerting.gotemplate.quoting import quote
from pacs_monitor.alerting.gotemplate.values import (
    DATA_FIELDS,
    SAMPLE_FIELDS,
    Anything,
    Data,
    Sample,
    Samples,
    Texts,
    truth,
    type_name,
)

_NOTHING = object()
"""No argument comes through a pipe."""
_LONGEST = 1 << 20


class Fault(Exception):
    """Something failed at a node; `str()` is what Go says of it."""

    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self.node = node


class Execution:
    """One expansion."""

    def __init__(self, data: Data, variables: dict[str, Any], environment: Environment) -> None:
        self._environment = environment
        self._variables: list[tuple[str, Any]] = [("$", data), *variables.items()]
        self._at: Node | None = None
        """What was looked at last: Go's complaints point there."""
        self._out: list[str] = []
        self._length = 0

    def run(self, body: Iterable[Statement], data: Data) -> str:
        """The text. Raises Fault, ExpandingFailed."""
        self._walk(body, data)
        return "".join(self._out)

    def _walk(self, body: Iterable[Statement], dot: Any) -> None:
        for statement in body:
            if isinstance(statement, Literal):
                self._write(statement.text)
            elif isinstance(statement, Action):
                value = self._pipe(statement.pipe, dot)
                if not statement.pipe.variables:
                    self._write(shown(value))
            else:
                self._branch(statement, dot)

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > _LONGEST:
            raise ExpandingFailed(f"more than {_LONGEST} characters")
        self._out.append(text)

    def _branch(self, branch: Branch, dot: Any) -> None:
        known = len(self._variables)
        if branch.kind == "range":
            self._range(branch, dot)
        else:
            value = self._pipe(branch.pipe, dot)
            if truth(value):
                self._walk(branch.body, value if branch.kind == "with" else dot)
            else:
                self._walk(branch.otherwise, dot)
        del self._variables[known:]

    def _range(self, branch: Branch, dot: Any) -> None:
        value = self._pipe(branch.pipe, dot, sets=False)
        pairs: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, Samples):
            pairs = enumerate(value)
        elif isinstance(value, Texts | Anything):
            pairs = sorted(value.items())
        elif value is not None:
            self._refuse(f"range can't iterate over {shown(value)}")
        names, known, empty = branch.pipe.variables, len(self._variables), True
        for key, one in pairs:
            empty = False
            for name, what in zip(reversed(names), (one, key), strict=False):
                self._set(name, what, branch.pipe.assigns)
            self._walk(branch.body, one)
            del self._variables[known:]
        if empty:
            self._walk(branch.otherwise, dot)

    def _set(self, name: str, value: Any, assigns: bool) -> None:
        if not assigns:
            self._variables.append((name, value))
            return
        for place in range(len(self._variables) - 1, -1, -1):
            if self._variables[place][0] == name:
                self._variables[place] = (name, value)
                return

    def _pipe(self, pipe: Pipe, dot: Any, sets: bool = True) -> Any:
        self._at = pipe
        value: Any = _NOTHING
        for command in pipe.commands:
            value = self._command(command, dot, value)
        if sets:
            for name in pipe.variables:
                self._set(name, value, pipe.assigns)
        return value

    def _command(self, command: Command, dot: Any, piped: Any) -> Any:
        first = command.words[0]
        if isinstance(first, Word):
            return self._call(first, command, command.words[1:], dot, piped)
        if len(command.words) == 1 and piped is _NOTHING:
            if isinstance(first, Nil):
                self._at = first
                self._refuse("nil is not a command")
            return self._operand(first, dot)
        if isinstance(first, Field | Variable) and first.names:
            return self._operand(first, dot, has_arguments=True)
        # Go looks at parentheses before they become the place that it points at.
        self._at = self._at if isinstance(first, Pipe) else first
        self._refuse(f"can't give argument to non-function {first}")

    def _operand(self, node: Node, dot: Any, has_arguments: bool = False) -> Any:
        if isinstance(node, Pipe):
            return self._pipe(node, dot)
        if isinstance(node, Word):
            return self._call(node, node, [], dot, _NOTHING)
        self._at = node
        if isinstance(node, Variable):
            value = next(value for name, value in reversed(self._variables) if name == node.name)
            return self._fields(value, node.names, has_arguments)
        if isinstance(node, Field):
            return self._fields(dot, node.names, has_arguments)
        if isinstance(node, Chain):
            return self._fields(self._operand(node.node, dot), node.names, has_arguments)
        if isinstance(node, Constant):
            return node.value
        return None if isinstance(node, Nil) else dot

    def _fields(self, value: Any, names: list[str], has_arguments: bool) -> Any:
        for place, name in enumerate(names):
            value = self._field(value, name, has_arguments and place == len(names) - 1)
        return value

    def _field(self, value: Any, name: str, has_arguments: bool) -> Any:
        if isinstance(value, Texts | Anything):
            if has_arguments:
                self._refuse(f"{name} is not a method but has arguments")
            return value.get(name, "" if isinstance(value, Texts) else None)
        if value is None:
            self._refuse(f"nil data; no entry for key {quote(name)}")
        fields = DATA_FIELDS if isinstance(value, Data) else SAMPLE_FIELDS if isinstance(value, Sample) else {}
        if name not in fields:
            self._refuse(f"can't evaluate field {name} in type {type_name(value)}")
        if has_arguments:
            self._refuse(f"{name} has arguments but cannot be invoked as function")
        return getattr(value, fields[name])

    def _call(self, word: Word, node: Node, arguments: list[Node], dot: Any, piped: Any) -> Any:
        self._at = word
        function = FUNCTIONS[word.name]
        fault = function.count_fault(len(arguments) + (piped is not _NOTHING))
        if fault:
            self._refuse(f"wrong number of args for {word.name}: {fault}")
        if word.name in ("and", "or"):
            return self._first_that_decides(word.name == "or", arguments, dot, piped)
        values = [self._argument(function, place, one, dot) for place, one in enumerate(arguments)]
        if piped is not _NOTHING:
            self._check_type(function, len(values), piped)
            values.append(piped)
        if function.wants_environment:
            values.insert(0, self._environment)
        try:
            return function.call(*values)
        except ValueError as error:
            self._at = node
            raise Fault(node, f"error calling {word.name}: {error}") from None

    def _first_that_decides(self, decides: bool, arguments: list[Node], dot: Any, piped: Any) -> Any:
        value: Any = None
        for one in arguments:
            value = self._operand(one, dot)
            if truth(value) is decides:
                return value
        return value if piped is _NOTHING else piped

    def _argument(self, function: Function, place: int, node: Node, dot: Any) -> Any:
        self._at = node
        wanted = function.type_of(place)
        if isinstance(node, Constant) and not function.fits(place, node.value):
            self._refuse(
                f"expected string; found {node}" if wanted == TEXT else f"can't handle {node} for arg of type {wanted}"
            )
        if isinstance(node, Nil):
            if wanted == TEXT:
                self._refuse("cannot assign nil to string")
            return None
        value = self._operand(node, dot)
        self._check_type(function, place, value)
        return value

    def _check_type(self, function: Function, place: int, value: Any) -> None:
        if function.fits(place, value):
            return
        wanted = function.type_of(place)
        if value is None:
            self._refuse(f"invalid value; expected {wanted}")
        self._refuse(f"wrong type for value; expected {wanted}; got {type_name(value)}")

    def _refuse(self, message: str) -> NoReturn:
        assert self._at is not None
        raise Fault(self._at, message)
