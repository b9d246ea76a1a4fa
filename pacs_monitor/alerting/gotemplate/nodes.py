"""What a template consists of. `str()` of a node is what Go's messages quote, `at` the place that they give."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Dot:
    """`.`."""

    at: int

    def __str__(self) -> str:
        return "."


@dataclass(slots=True)
class Nil:
    """`nil`."""

    at: int

    def __str__(self) -> str:
        return "nil"


@dataclass(slots=True)
class Constant:
    """A number, a truth value or a string."""

    at: int
    value: object
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Field:
    """`.Labels.x`."""

    at: int
    names: list[str]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Variable:
    """`$labels.x`: the name with its `$`, and fields."""

    at: int
    name: str
    names: list[str]

    def __str__(self) -> str:
        return ".".join([self.name, *self.names])


@dataclass(slots=True)
class Word:
    """A function's name."""

    at: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Command:
    """An operand, or a function with its arguments."""

    at: int
    words: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join(f"({word})" if isinstance(word, Pipe) else str(word) for word in self.words)


@dataclass(slots=True)
class Pipe:
    """Commands, each the last argument of the next; variables that take the result."""

    at: int
    variables: list[str] = field(default_factory=list)
    assigns: bool = False
    commands: list[Command] = field(default_factory=list)

    def __str__(self) -> str:
        takes = ", ".join(self.variables) + (" = " if self.assigns else " := ") if self.variables else ""
        return takes + " | ".join(map(str, self.commands))


@dataclass(slots=True)
class Chain:
    """Fields of what parentheses give: `(first $x).Value`."""

    at: int
    node: Node
    names: list[str]

    def __str__(self) -> str:
        inner = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return inner + "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Literal:
    """Text outside of actions."""

    text: str


@dataclass(slots=True)
class Action:
    """`{{ pipe }}`: prints, unless it sets variables."""

    at: int
    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(slots=True)
class Branch:
    """`if`, `with` or `range`."""

    at: int
    kind: str
    pipe: Pipe
    body: list[Statement]
    otherwise: list[Statement]


Node = Dot | Nil | Constant | Field | Variable | Word | Command | Pipe | Chain | Action | Branch
Statement = Literal | Action | Branch
