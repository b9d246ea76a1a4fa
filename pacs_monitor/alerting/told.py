"""Gathers what is wrong with a file of rules or of rule tests: all at once, each with file, line and rule."""

from __future__ import annotations

from pathlib import Path

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.textfile import MissingFileError, TextFileError, read_text
from pacs_monitor.configuring.tree import Items, Map, Scalar, Value, is_null
from pacs_monitor.configuring.yamltree import read_string
from pacs_monitor.settings import Complaint
from pacs_monitor.units import parse_duration


class Told:
    """What was found in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._complaints: dict[Complaint, None] = {}
        self._warnings: dict[Complaint, None] = {}

    def complain(self, line: int, name: str, message: str, *keys: str) -> None:
        """`name` is that of the rule, group or test, "" for the file as a whole; `keys` lead to the setting in it."""
        self._complaints.setdefault(Complaint(self.file, line, _setting(name, keys), message))

    def warn(self, line: int, name: str, message: str, *keys: str) -> None:
        """Of what is accepted but probably not meant."""
        self._warnings.setdefault(Complaint(self.file, line, _setting(name, keys), message))

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        """In the order of the lines."""
        return tuple(sorted(self._complaints, key=lambda one: one.line))

    @property
    def warnings(self) -> tuple[Complaint, ...]:
        """In the order of the lines."""
        return tuple(sorted(self._warnings, key=lambda one: one.line))


def read_tree(path: Path, told: Told, empty: str) -> tuple[Value | None, str]:
    """The file's tree, None after a complaint, and its text; `empty` is the remedy if nothing is in it."""
    try:
        text = read_text(path)
    except TextFileError as error:
        missing = "there is no such file; check the name"
        told.complain(error.line, "", missing if isinstance(error, MissingFileError) else error.message)
        return None, ""
    return tree_of(text, told, empty), text


def tree_of(text: str, told: Told, empty: str) -> Value | None:
    """The tree of a file's text, None after a complaint."""
    # In these files ${1} is a group of a regular expression, and no variable of the environment.
    document = read_string(text.replace("${", "$${"), told.file, {}, several=True)
    if document.second:
        told.warn(document.second, "", "begins a second document, which is not read, as in Prometheus; make it a file")
    for one in document.complaints:
        message = empty if one.message.startswith("is empty") else one.message
        told.complain(one.line, one.setting, message)
    return None if document.complaints and is_null(document.root) else document.root


class Part:
    """A mapping of a file, whose settings are taken out one by one; what is left is unknown."""

    def __init__(self, value: Map, name: str, told: Told, known: tuple[str, ...]) -> None:
        """`name` stands before each complaint; `known` are all settings that there are."""
        self.value = value
        self.name = name
        self.told = told
        for key, entry in value.entries.items():
            if key not in known:
                self.say(entry.line, f"there is no such setting; {suggestion(key, known)}", key)

    def say(self, line: int, message: str, *keys: str) -> None:
        """Complain of what stands in a line; `keys` lead to the setting in the mapping."""
        self.told.complain(line, self.name, message, *keys)

    def line(self, key: str) -> int:
        """Where a setting stands; the mapping's line if it is missing."""
        entry = self.value.entries.get(key)
        return entry.line if entry else self.value.line

    def has(self, key: str) -> bool:
        """Whether a setting is there and not null."""
        return not is_null(self.value.get(key))

    def complain(self, key: str, message: str) -> None:
        """Of one setting, or of the whole with ""."""
        self.say(self.line(key), message, key)

    def text(self, key: str) -> str:
        """The text of a setting, "" if it is not there, null or no text (after a complaint)."""
        value = self.value.get(key)
        if value is None or isinstance(value, Scalar):
            return (value.text or "") if value else ""
        self.complain(key, f"is a {_shape(value)}; write one text")
        return ""

    def milliseconds(self, key: str, default: int | None = None) -> int | None:
        """A duration, the default if it is not there or wrong (after a complaint)."""
        value = self.value.get(key)
        if is_null(value):
            return default
        if not isinstance(value, Scalar):
            self.complain(key, f"is a {_shape(value)}; write a duration, for example 5m")
            return default
        try:
            return round(parse_duration(value.text) * 1000)
        except ValueError as error:
            self.complain(key, str(error))
            return default

    def whole(self, key: str, default: int = 0) -> int:
        """A whole number, the default if it is not there or wrong (after a complaint)."""
        value = self.value.get(key)
        if is_null(value):
            return default
        text = value.text if isinstance(value, Scalar) else None
        try:
            return int(text or "")
        except ValueError:
            what = text if text is not None else f"a {_shape(value)}"
            self.complain(key, f"is {what}, not a whole number; write for example 10")
            return default

    def pairs(self, key: str) -> dict[str, tuple[int, str]]:
        """Line and text by name, as of labels; what is no text is left out after a complaint."""
        value = self.value.get(key)
        if is_null(value):
            return {}
        if not isinstance(value, Map):
            self.complain(key, f"is {'a text' if isinstance(value, Scalar) else 'a list'}; write `name: value` lines")
            return {}
        found = {}
        for name, entry in value.entries.items():
            if isinstance(entry.value, Scalar):
                found[name] = (entry.line, entry.value.text or "")
            else:
                self.say(entry.line, f"is a {_shape(entry.value)}; write one text", key, name)
        return found

    def items(self, key: str) -> list[Value]:
        """The values of a list, none if it is not there or no list (after a complaint)."""
        value = self.value.get(key)
        if is_null(value):
            return []
        if isinstance(value, Items):
            return value.items
        self.complain(
            key, f"is {'a text' if isinstance(value, Scalar) else 'a mapping'}; write a list, each line with -"
        )
        return []

    def maps(self, key: str, what: str) -> list[Map]:
        """The mappings of a list; complains of all else. `what` says what each is, as in "a rule"."""
        found = []
        for number, item in enumerate(self.items(key)):
            if isinstance(item, Map):
                found.append(item)
            else:
                self.say(item.line, f"is not {what}; write its settings", f"{key}[{number}]")
        return found


def _setting(name: str, keys: tuple[str, ...]) -> str:
    return ": ".join(part for part in (name, *keys) if part)


def _shape(value: Value | None) -> str:
    return "mapping" if isinstance(value, Map) else "list"
