"""Nodes of a CSV file with whatever header it has."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from pacs_monitor.configuring.csvtable import CsvTable, separator_of
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.flatnode import COLUMNS, is_column
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.configuring.tree import Entry, Map, Scalar
from pacs_monitor.importing.headers import guess, missing
from pacs_monitor.importing.listing import ImportRefused, Listing


def read_csv(path: Path, given: Mapping[str, str]) -> Listing:
    """What the file lists; `given` says which column holds which setting. Raises ImportRefused."""
    try:
        text = read_text(path)
    except TextFileError as error:
        place = f"{path}:{error.line}" if error.line else str(path)
        raise ImportRefused(f"{place}: {error.message}") from None
    header = _header(text)
    columns = guess(header, given)
    _check(path, header, columns, given)
    findings = Findings()
    entries = {key: Entry(1, Scalar(str(path), 1, "header", column)) for key, column in columns.items()}
    header_map = Map(str(path), 1, "", {"columns": Entry(1, Map(str(path), 1, "header", entries))})
    table = CsvTable(
        str(path), {"name": "", **columns} if "name" not in columns else columns, header_map, True, findings
    )
    trees = list(table.rows(text))
    if findings.complaints and not trees:
        raise ImportRefused("\n".join(map(str, findings.complaints)))
    said = ", ".join(f"{setting} from {column}" for setting, column in columns.items())
    return Listing(str(path), "row", trees, findings, f"columns: {said}")


def _header(text: str) -> list[str]:
    lines = (line for line in text.splitlines(keepends=True) if line.strip(" ,;\t\r\n"))
    row = next(csv.reader(lines, delimiter=separator_of(text)), [])
    return [cell.strip() for cell in row]


def _check(path: Path, header: list[str], columns: Mapping[str, str], given: Mapping[str, str]) -> None:
    there = ", ".join(column for column in header if column) or "nothing"
    for setting, column in given.items():
        if not is_column(setting):
            known = ", ".join(sorted(COLUMNS))
            raise ImportRefused(
                f"--column {setting}={column}: there is no such setting of a node; there is {known}, and labels.NAME"
            )
        if header.count(column) != 1:
            raise ImportRefused(f"--column {setting}={column}: {path} has no one column of that name; there is {there}")
    if lacking := missing(columns):
        wanted = " ".join(f"--column {setting}=COLUMN" for setting in lacking)
        raise ImportRefused(
            f"{path}: no column looks like {', '.join(lacking)} (there is {there}); say which one it is: {wanted}"
        )
