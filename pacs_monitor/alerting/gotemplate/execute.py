"""Expands a template's tree, in the order and with the complaints of Go's text/template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from pacs_monitor.alerting.gotemplate.errors import ExpandingFailed
from pacs_monitor.alerting.gotemplate.functions import FUNCTIONS, Environment, Function
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
from pacs_monitor.alerting.gotemplate.printf import text_of
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
                    self._write("<no value>" if value is None else text_of(value))
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
        if not isinstance(value, Samples | Texts | Anything) and value is not None:
            raise Fault(branch.pipe, f"range can't iterate over {text_of(value)}")
        pairs: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, Samples):
            pairs = enumerate(value)
        elif value is not None:
            pairs = sorted(value.items())
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
        if isinstance(first, Nil):
            raise Fault(first, "nil is not a command")
        has_arguments = len(command.words) > 1 or piped is not _NOTHING
        if has_arguments and not isinstance(first, Field | Chain) and not (isinstance(first, Variable) and first.names):
            raise Fault(first, f"can't give argument to non-function {first}")
        return self._operand(first, dot, has_arguments)

    def _operand(self, node: Node, dot: Any, has_arguments: bool = False) -> Any:
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Variable):
            value = next(value for name, value in reversed(self._variables) if name == node.name)
            return self._fields(value, node, node.names, has_arguments)
        if isinstance(node, Field):
            return self._fields(dot, node, node.names, has_arguments)
        if isinstance(node, Chain):
            return self._fields(self._operand(node.node, dot), node, node.names, has_arguments)
        if isinstance(node, Pipe):
            return self._pipe(node, dot)
        if isinstance(node, Word):
            return self._call(node, node, [], dot, _NOTHING)
        return None if isinstance(node, Nil) else dot

    def _fields(self, value: Any, node: Node, names: list[str], has_arguments: bool) -> Any:
        for place, name in enumerate(names):
            value = _field(value, name, node, has_arguments and place == len(names) - 1)
        return value

    def _call(self, word: Word, node: Node, arguments: list[Node], dot: Any, piped: Any) -> Any:
        function = FUNCTIONS[word.name]
        fault = function.count_fault(len(arguments) + (piped is not _NOTHING))
        if fault:
            raise Fault(word, f"wrong number of args for {word.name}: {fault}")
        if word.name in ("and", "or"):
            return self._first_that_decides(word.name == "or", arguments, dot, piped)
        values = [self._argument(function, place, one, dot) for place, one in enumerate(arguments)]
        if piped is not _NOTHING:
            # Go has moved on from the arguments, but its messages still point to the last thing that it looked at.
            _check_type(function, len(values), piped, arguments[-1] if arguments else word)
            values.append(piped)
        if function.wants_environment:
            values.insert(0, self._environment)
        try:
            return function.call(*values)
        except ValueError as error:
            raise Fault(node, f"error calling {word.name}: {error}") from None

    def _first_that_decides(self, decides: bool, arguments: list[Node], dot: Any, piped: Any) -> Any:
        value: Any = None
        for one in arguments:
            value = self._operand(one, dot)
            if truth(value) is decides:
                return value
        return value if piped is _NOTHING else piped

    def _argument(self, function: Function, place: int, node: Node, dot: Any) -> Any:
        wanted = function.type_of(place)
        if isinstance(node, Constant) and not function.fits(place, node.value):
            if wanted == "string":
                raise Fault(node, f"expected string; found {node}")
            raise Fault(node, f"can't handle {node} for arg of type {wanted}")
        if isinstance(node, Nil):
            if wanted == "string":
                raise Fault(node, "cannot assign nil to string")
            return None
        value = self._operand(node, dot)
        _check_type(function, place, value, node)
        return value


def _check_type(function: Function, place: int, value: Any, node: Node) -> None:
    if function.fits(place, value):
        return
    wanted = function.type_of(place)
    if value is None:
        _refuse(node, f"invalid value; expected {wanted}")
    _refuse(node, f"wrong type for value; expected {wanted}; got {type_name(value)}")


def _refuse(node: Node, message: str) -> NoReturn:
    raise Fault(node, message)


def _field(value: Any, name: str, node: Node, has_arguments: bool) -> Any:
    if value is None:
        raise Fault(node, f"nil data; no entry for key {quote(name)}")
    if isinstance(value, Texts | Anything):
        if has_arguments:
            raise Fault(node, f"{name} is not a method but has arguments")
        return value.get(name, "" if isinstance(value, Texts) else None)
    fields = DATA_FIELDS if isinstance(value, Data) else SAMPLE_FIELDS if isinstance(value, Sample) else {}
    if name not in fields:
        raise Fault(node, f"can't evaluate field {name} in type {type_name(value)}")
    if has_arguments:
        raise Fault(node, f"{name} has arguments but cannot be invoked as function")
    return getattr(value, fields[name])
