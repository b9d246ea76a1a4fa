"""Rows of a CSV file, as spreadsheets write it, as trees of settings."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pacs_monitor.configuring.fields import meant, suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.flatnode import COLUMNS, is_column, node_of
from pacs_monitor.configuring.tree import Map, Place, Scalar, below


class CsvTable:
    """Rows of a CSV file as trees: a value's path is its column's name."""

    def __init__(self, file: str, columns: Mapping[str, str], item: Map, whole: bool, findings: Findings) -> None:
        """`columns` are those of the section `item`; `whole` says whether all of that could be read."""
        self._file = file
        self._item = item
        self._columns = columns
        self._findings = findings
        self.whole = whole
        """Whether every column was found; known once there is a row."""

    def rows(self, text: str) -> Iterator[Map]:
        """Each row that can be read; of any other there is a complaint."""
        separator = separator_of(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        settings: dict[int, tuple[str, str]] | None = None
        width = 0
        for line, row in self._records(reader, text):
            if not any(cell.strip() for cell in row):
                continue
            if settings is None:
                settings, width = self._header([cell.strip() for cell in row], line), len(row)
                if not self.whole:
                    self._findings.unread.add(text)
                continue
            if any(cell.strip() for cell in row[width:]):
                message = f"has {len(row)} columns, but the header has {width}; put text with {separator!r} in quotes"
                self._findings.complain(Place(self._file, line, ""), message)
                self._findings.unread.add(" ".join(row), nodes=True)
                continue
            yield self._row(row, line, settings)
        if settings is None:
            self._findings.complain(Place(self._file, 1, ""), "is empty; write a header and a row for each node")

    def _records(self, reader: Any, text: str) -> Iterator[tuple[int, list[str]]]:
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
                self._findings.unread.add(text, nodes=True)
                return
            yield line, row

    def _header(self, header: list[str], line: int) -> dict[int, tuple[str, str]]:
        """For each column that is used: the node's setting and the column's name."""
        wanted = self._columns or {name: name for name in header if is_column(name)}
        used: dict[int, tuple[str, str]] = {}
        for setting, column in wanted.items():
            fault = self._fault_of_column(setting, column, header)
            if fault:
                columns = self._item.get("columns")
                place = below(columns, setting) if isinstance(columns, Map) else Place(self._file, line, column)
                self._findings.complain(place, fault)
                self.whole = False
            else:
                used[header.index(column)] = (setting, column)
        self._check_named(wanted)
        for column in header if self.whole and not self._columns else ():
            if column and column not in wanted:
                message = f"the column is not used; {suggestion(column, COLUMNS)}"
                self._findings.warn(Place(self._file, line, column), message)
        return used

    def _fault_of_column(self, setting: str, column: str, header: list[str]) -> str:
        if not is_column(setting):
            return f"is no setting of a node that a column may hold; {suggestion(setting, COLUMNS)}"
        if header.count(column) == 1:
            return ""
        several = "several columns" if column in header else "no column"
        return f"{self._file} has {several} named {column}; {suggestion(column, set(header) - {column})}"

    def _check_named(self, wanted: Mapping[str, str]) -> None:
        misspelt = [setting for setting in wanted if not is_column(setting)]
        # Without the whole section it is not known which columns were meant.
        if "name" in wanted or "name" in meant(misspelt, COLUMNS) or not (self.whole or self._columns):
            return
        hint = "; write `columns: {name: ...}`" if not self._columns else "; add it to `columns`"
        place = below(self._item, "columns" if self._columns else "file")
        self._findings.complain(place, f"no column of {self._file} gives the nodes' name{hint}")
        self.whole = False

    def _row(self, row: list[str], line: int, settings: dict[int, tuple[str, str]]) -> Map:
        cells = (
            (setting, column, row[index].strip() if index < len(row) else "")
            for index, (setting, column) in settings.items()
        )
        said = [(setting, Scalar(self._file, line, column, text or None)) for setting, column, text in cells]
        return node_of(self._file, line, said)


def separator_of(text: str) -> str:
    """The separator that stands most often in the header outside quotes; spreadsheets choose it by the country."""
    first = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
    outside = re.sub(r'"[^"]*"', "", first)
    return max(",;\t", key=outside.count)
