"""Reads YAML 1.2 into a tree that knows file, line and path of each value; scalars stay text as typed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from pacs_monitor.configuring import yamlwords
from pacs_monitor.configuring.textfile import MissingFileError, TextFileError, read_text
from pacs_monitor.configuring.tree import Entry, Items, Map, Scalar, Value, is_null, size_of
from pacs_monitor.configuring.yamltabs import parser
from pacs_monitor.settings import Complaint

MAX_DEPTH = 50
# Counted with every alias written out: what a later reader walks, however few bytes the file has.
MAX_VALUES = 2_000_000
_NULLS = {"", "~", "null", "Null", "NULL"}
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass
class Document:
    """What a file holds, and what is wrong with it. Malformed YAML gives a null and one complaint."""

    root: Value
    complaints: list[Complaint] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)
    """Texts that came from the environment, and how to write them where people can see it."""
    second: int = 0
    """The line of a second document, which is not read; 0 if there is none."""


def read(
    path: Path, environment: Mapping[str, str] | None = None, root: str = "", missing: str = "check the name"
) -> Document:
    """The tree of a file; `${NAME}` is taken from `environment`, the process's own unless given.

    Never raises for what the file holds: see the complaints. `root` begins the path of each value; `missing` is
    the remedy if there is no such file.
    """
    try:
        text = read_text(path)
    except TextFileError as error:
        message = f"there is no such file; {missing}" if isinstance(error, MissingFileError) else error.message
        complaint = Complaint(str(path), error.line, "", message)
        return Document(Scalar(str(path), error.line, root, None), [complaint])
    return read_string(text, str(path), environment, root)


def read_string(
    text: str, file: str, environment: Mapping[str, str] | None = None, root: str = "", several: bool = False
) -> Document:
    """As `read`, for a text that stands in `file`. With `several` it is no mistake that more documents follow."""
    document = Document(Scalar(file, 1, root, None))
    events = parser().parse(text)
    builder = _Builder(events, file, os.environ if environment is None else environment, document)
    try:
        document.root = builder.document(root, several)
    except _Malformed as error:
        document.complaints = [Complaint(file, error.line, "", error.message)]
    except MarkedYAMLError as error:
        line, message = yamlwords.explain(error, text)
        document.complaints = [Complaint(file, line, "", message)]
    except YAMLError:
        document.complaints = [Complaint(file, 1, "", "is not YAML; save it as plain UTF-8 text")]
    return document


class _Malformed(Exception):
    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message


class _Builder:
    """Turns ruamel.yaml's events into the tree; counts values so that aliases cannot blow it up."""

    def __init__(self, events: Iterator[Any], file: str, environment: Mapping[str, str], document: Document) -> None:
        self.events = events
        self.file = file
        self.environment = environment
        self.found = document
        self.anchors: dict[str, Value | None] = {}  # None while the value is being read
        self.merged = 0

    def document(self, root: str, several: bool) -> Value:
        self._next(StreamStartEvent)
        start = next(self.events)
        if isinstance(start, StreamEndEvent):
            raise _Malformed(1, "is empty; write its settings into it")
        assert isinstance(start, DocumentStartEvent)
        value = self._value(next(self.events), root, 0)
        self._next(DocumentEndEvent)
        end = next(self.events)
        if not isinstance(end, StreamEndEvent):
            self.found.second = _line(end)
            if not several:
                raise _Malformed(_line(end), "begins a second document; remove the line ---")
        if is_null(value):
            raise _Malformed(1, "is empty; write its settings into it")
        return value

    def _next(self, expected: type[Event]) -> None:
        event = next(self.events)
        assert isinstance(event, expected), event

    def _value(self, event: Any, path: str, depth: int, line: int = 0) -> Value:
        """`line` is the key's: ruamel.yaml puts an empty value on the line after it."""
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise _Malformed(_line(event), f"is nested more than {MAX_DEPTH} levels deep")
        tag = str(event.ctag or "!").replace("tag:yaml.org,2002:", "!!")
        if tag not in ("!", "!!str"):
            self._complain(_line(event), path, f"the tag {tag} has no meaning here; remove it")
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, ScalarEvent):
            built: Value = self._scalar(event, path, line)
        elif isinstance(event, SequenceStartEvent):
            built = self._items(event, path, depth)
        else:
            built = self._map(event, path, depth)
        self._bound(size_of(built), _line(event))
        if event.anchor:
            self.anchors[event.anchor] = built
        return built

    def _bound(self, size: int, line: int) -> None:
        if size > MAX_VALUES:
            raise _Malformed(line, f"its aliases stand for more than {MAX_VALUES:,} values; use fewer")

    def _alias(self, event: Any) -> Value:
        name = event.anchor
        if name not in self.anchors:
            raise _Malformed(_line(event), f"*{name} refers to no anchor; write &{name} where its value is")
        built = self.anchors[name]
        if built is None:
            raise _Malformed(_line(event), f"*{name} refers to a value that it is a part of; remove it")
        return built

    def _items(self, start: Any, path: str, depth: int) -> Items:
        items: list[Value] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            items.append(self._value(event, f"{path}[{len(items)}]", depth + 1))
        return Items(self.file, _line(start), path, items, 1 + sum(map(size_of, items)))

    def _map(self, start: Any, path: str, depth: int) -> Map:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        while not isinstance(event := next(self.events), MappingEndEvent):
            line, key = self._key(event)
            below = f"{path}.{key}" if path else key
            value = self._value(next(self.events), below, depth + 1, line)
            if key == "<<" and not event.style:
                merged.append(Entry(line, value))
            elif key in entries:
                message = f"stands here for the second time, first in line {entries[key].line}; remove one of them"
                self._complain(line, below, message)
                if not depth:
                    entries[key] = Entry(entries[key].line, _joined(entries[key].value, value))
            else:
                entries[key] = Entry(line, value)
        for entry in merged:
            self._merge(entry, entries)
        size = 1 + sum(size_of(entry.value) for entry in entries.values())
        return Map(self.file, _line(start), path, entries, size)

    def _merge(self, source: Entry, entries: dict[str, Entry]) -> None:
        line, value = source
        for part in value.items if isinstance(value, Items) else [value]:
            if not isinstance(part, Map):
                raise _Malformed(line, "<< takes a mapping or a list of mappings; write <<: *anchor")
            self.merged += len(part.entries)
            self._bound(self.merged, line)
            for key, entry in part.entries.items():
                entries.setdefault(key, entry)

    def _key(self, event: Any) -> tuple[int, str]:
        if not isinstance(event, ScalarEvent):
            hint = "; put quotes around it" if isinstance(event, MappingStartEvent) else ""
            raise _Malformed(_line(event), f"has a list or mapping where the name of a setting belongs{hint}")
        if not event.style and event.value in _NULLS:
            raise _Malformed(_line(event), "has a ':' without the name of a setting before it")
        return _line(event), event.value

    def _scalar(self, event: Any, path: str, key_line: int) -> Scalar:
        if not event.style and event.value in _NULLS:
            return Scalar(self.file, (not event.value and key_line) or _line(event), path, None)
        if "${" not in event.value:
            return Scalar(self.file, _line(event), path, event.value)
        return self._from_environment(event, path)

    def _from_environment(self, event: Any, path: str) -> Scalar:
        used: list[str] = []

        def value_of(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            name = match[1]
            if not _VARIABLE_NAME.fullmatch(name) or not match[0].endswith("}"):
                self._complain(
                    _line(event),
                    path,
                    f"{match[0]} is not of the form ${{NAME}}; write $${{ for a literal ${{",
                )
            elif name not in self.environment:
                message = f"the environment variable {name} is not set; set it, or write $${{ for a literal ${{"
                self._complain(_line(event), path, message)
            else:
                used.append(name)
                return self.environment[name]
            return ""

        text = _VARIABLE.sub(value_of, event.value)
        for name in used:
            self.found.hidden[self.environment[name]] = f"${{{name}}}"
        return Scalar(self.file, _line(event), path, text, used[0] if used else "")

    def _complain(self, line: int, path: str, message: str) -> None:
        self.found.complaints.append(Complaint(self.file, line, path, message))


def _joined(first: Value, second: Value) -> Value:
    """A section that stands twice, as one: what is wrong in either is told, and what either names is known."""
    if isinstance(first, Items) and isinstance(second, Items):
        return Items(first.file, first.line, first.path, [*first.items, *second.items], first.size + second.size)
    if isinstance(first, Map) and isinstance(second, Map):
        entries = {**second.entries, **first.entries}
        return Map(first.file, first.line, first.path, entries, first.size + second.size)
    return second if is_null(first) else first


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
