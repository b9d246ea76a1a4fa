"""Nodes from another file: a YAML list, or a CSV file as spreadsheets write it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from pacs_monitor.configuring import yamltree
from pacs_monitor.configuring.complaints import validate
from pacs_monitor.configuring.fields import models_in, settings_of, suggestion
from pacs_monitor.configuring.filling import fill, resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.configuring.tree import Entry, Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.node import Node
from pacs_monitor.settings import Section
from pacs_monitor.units import FilePath

_LISTS = {"profile", "reached_through", "sends_to"}
_SEPARATORS = re.compile(r"[\s,;|]+")
_COLUMNS = {key for key, info in settings_of(Node).items() if not models_in(info.annotation)} - {"labels"}
COLUMNS = _COLUMNS | {"profile"}
"""The settings of a node that a column may hold, beside `labels.` and a name."""


class NodesFrom(Section):
    """Nodes that another file lists."""

    file: FilePath
    """A YAML list of nodes, or a CSV file with a header."""
    columns: dict[str, str] = Field(default_factory=dict)
    """For CSV: which column holds which setting of a node; `labels.x` is the label x."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Settings of every node of the file that does not have its own."""


@dataclass(frozen=True, eq=False)
class Source:
    """A node as a file describes it."""

    tree: Map
    defaults: Map | None = None
    nulls: bool = True
    """Whether a null takes a default away; an empty cell does not."""


def sources(tree: Value | None, findings: Findings) -> Iterator[Source]:
    """The nodes of the section `nodes_from`."""
    for item in items_of(tree, "- file: modalities.csv", findings):
        if not isinstance(item, Map):
            findings.complain(item, "is not a mapping; write `- file: modalities.csv`")
            continue
        section = validate(NodesFrom, fill(NodesFrom, item, findings), item, findings)
        named = item.get("file")
        if section is None or not isinstance(named, Scalar):
            continue
        given = item.get("defaults")
        defaults = given if isinstance(given, Map) else None
        if defaults and "name" in defaults.entries:
            findings.complain(below(defaults, "name"), "cannot be the same for all nodes; remove it")
        yield from _read(resolve(named), section, item, defaults, findings)


def items_of(tree: Value | None, example: str, findings: Findings) -> list[Value]:
    """The items of a list; none and a complaint if it is something else."""
    if tree is None or is_null(tree):
        return []
    if isinstance(tree, Items):
        return tree.items
    findings.complain(tree, f"is not a list; begin each entry with '- ', as in `{example}`")
    return []


def _read(path: Path, section: NodesFrom, item: Map, defaults: Map | None, findings: Findings) -> Iterator[Source]:
    findings.read(path)
    try:
        text = read_text(path)
    except TextFileError as error:
        # What is wrong with the file's name is wrong where the name stands.
        place = Place(str(path), error.line, "") if error.line else below(item, "file")
        findings.complain(place, error.message if error.line else f"{path}: {error.message}")
        return
    if path.suffix in (".yml", ".yaml"):
        yield from (Source(node, defaults) for node in _from_yaml(text, str(path), findings))
    else:
        table = _Table(str(path), section, item, findings)
        yield from (Source(row, defaults, nulls=False) for row in table.rows(text))


def _from_yaml(text: str, file: str, findings: Findings) -> Iterator[Map]:
    document = yamltree.read_string(text, file, root="nodes")
    findings.extend(document.complaints)
    findings.hidden.update(document.hidden)
    for node in items_of(document.root, "- {name: ct1, host: 10.0.1.7}", findings):
        if isinstance(node, Map):
            yield node
        else:
            findings.complain(node, "is not a node; write `- {name: ct1, host: 10.0.1.7}`")


class _Table:
    """Rows of a CSV file as trees: a value's path is its column's name."""

    def __init__(self, file: str, section: NodesFrom, item: Map, findings: Findings) -> None:
        self._file = file
        self._item = item
        self._columns = section.columns
        self._findings = findings

    def rows(self, text: str) -> Iterator[Map]:
        separator = _separator(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        settings: dict[int, tuple[str, str]] | None = None
        width = 0
        for line, row in self._records(reader):
            if not any(cell.strip() for cell in row):
                continue
            if settings is None:
                settings, width = self._header([cell.strip() for cell in row], line), len(row)
                if settings is None:
                    return
                continue
            if any(cell.strip() for cell in row[width:]):
                message = f"has {len(row)} columns, but the header has {width}; put text with {separator!r} in quotes"
                self._findings.complain(Place(self._file, line, ""), message)
                continue
            yield self._row(row, line, settings)
        if settings is None:
            self._findings.complain(Place(self._file, 1, ""), "is empty; write a header and a row for each node")

    def _records(self, reader: Any) -> Iterator[tuple[int, list[str]]]:
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = "has a quote that is not closed; close it"
                if "expected after" in str(error):
                    message = 'has text after a closing quote; write "" for a quote inside a text'
                self._findings.complain(Place(self._file, line, ""), message)
                return
            yield line, row

    def _header(self, header: list[str], line: int) -> dict[int, tuple[str, str]] | None:
        """For each column that is used: the node's setting and the column's name."""
        wanted = self._columns or {name: name for name in header if _is_column(name)}
        used: dict[int, tuple[str, str]] = {}
        columns = self._item.get("columns")
        for setting, column in wanted.items():
            place = below(columns, setting) if isinstance(columns, Map) else Place(self._file, line, column)
            if not _is_column(setting):
                message = f"is no setting of a node that a column may hold; {suggestion(setting, COLUMNS)}"
                self._findings.complain(place, message)
            elif header.count(column) != 1:
                several = "several columns" if column in header else "no column"
                message = f"{self._file} has {several} named {column}; {suggestion(column, set(header) - {column})}"
                self._findings.complain(place, message)
            else:
                used[header.index(column)] = (setting, column)
        if "name" not in wanted:
            hint = "; write `columns: {name: ...}`" if not self._columns else "; add it to `columns`"
            place = below(self._item, "columns" if self._columns else "file")
            self._findings.complain(place, f"no column of {self._file} gives the nodes' name{hint}")
            return None
        for column in [] if self._columns else header:
            if column and column not in wanted:
                message = f"the column is not used; {suggestion(column, COLUMNS)}"
                self._findings.warn(Place(self._file, line, column), message)
        return used if "name" in {setting for setting, _ in used.values()} else None

    def _row(self, row: list[str], line: int, settings: dict[int, tuple[str, str]]) -> Map:
        entries: dict[str, Entry] = {}
        labels: dict[str, Entry] = {}
        for index, (setting, column) in settings.items():
            text = row[index].strip() if index < len(row) else ""
            label = setting.removeprefix("labels.")
            value: Value = Scalar(self._file, line, column, text or None)
            if label != setting:
                if text:
                    labels[label] = Entry(line, value)
            elif setting in _LISTS and text:
                parts: list[Value] = [
                    Scalar(self._file, line, column, part) for part in _SEPARATORS.split(text) if part
                ]
                entries[setting] = Entry(line, Items(self._file, line, column, parts))
            else:
                entries[setting] = Entry(line, value)
        if labels:
            entries["labels"] = Entry(line, Map(self._file, line, "", labels))
        return Map(self._file, line, "", entries)


def _is_column(name: str) -> bool:
    return name in COLUMNS or (name.startswith("labels.") and len(name) > 7)


def _separator(text: str) -> str:
    """The separator that stands most often in the header outside quotes; spreadsheets choose it by the country."""
    first = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
    outside = re.sub(r'"[^"]*"', "", first)
    return max(",;\t", key=outside.count)
