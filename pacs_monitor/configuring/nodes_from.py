"""Nodes from another file: a YAML list, or a CSV file as spreadsheets write it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from pacs_monitor.configuring import yamltree
from pacs_monitor.configuring.complaints import right_part, validate
from pacs_monitor.configuring.csvtable import CsvTable
from pacs_monitor.configuring.filling import fill, resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.sections import Section
from pacs_monitor.units import FilePath


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
    whole: bool = True
    """Whether all that is said of it could be read."""


@dataclass(frozen=True, eq=False)
class Table:
    """What one entry of `nodes_from` gives."""

    defaults: Map | None
    sources: Iterable[Source]


def tables(tree: Value | None, findings: Findings) -> Iterator[Table]:
    """The entries of the section `nodes_from`."""
    if not is_null(tree) and not isinstance(tree, Items):
        findings.unread.add_file_of_nodes()
    for item in items_of(tree, "- file: modalities.csv", findings):
        if not isinstance(item, Map):
            findings.complain(item, "is not a mapping; write `- file: modalities.csv`")
            findings.unread.add_file_of_nodes()
            continue
        data = fill(NodesFrom, item, findings)
        whole = validate(NodesFrom, data, item, findings) is not None
        section, wrong = right_part(NodesFrom, data, file=Path())
        given, named = item.get("defaults"), item.get("file")
        defaults = given if isinstance(given, Map) else None
        if "file" in wrong or not isinstance(named, Scalar):
            findings.unread.add_file_of_nodes()
            yield Table(defaults, ())
        else:
            yield Table(defaults, _read(resolve(named), section.columns, item, defaults, whole, findings))


def items_of(tree: Value | None, example: str, findings: Findings) -> list[Value]:
    """The items of a list; none and a complaint if it is something else."""
    if tree is None or is_null(tree):
        return []
    if isinstance(tree, Items):
        return tree.items
    findings.complain(tree, f"is not a list; begin each entry with '- ', as in `{example}`")
    findings.unread.add(tree, nodes=True)
    return []


def _read(
    path: Path, columns: Mapping[str, str], item: Map, defaults: Map | None, whole: bool, findings: Findings
) -> Iterator[Source]:
    findings.read(path)
    try:
        text = read_text(path)
    except TextFileError as error:
        # What is wrong with the file's name is wrong where the name stands.
        place = Place(str(path), error.line, "") if error.line else below(item, "file")
        findings.complain(place, error.message if error.line else f"{path}: {error.message}")
        if error.line:
            findings.unread.add(path.read_text("latin-1"), nodes=True)
        else:
            findings.unread.add_file_of_nodes()
        return
    if path.suffix in (".yml", ".yaml"):
        yield from (Source(node, defaults, whole=whole) for node in _from_yaml(text, str(path), findings))
    else:
        table = CsvTable(str(path), columns, item, whole, findings)
        yield from (Source(row, defaults, nulls=False, whole=table.whole) for row in table.rows(text))


def _from_yaml(text: str, file: str, findings: Findings) -> Iterator[Map]:
    document = yamltree.read_string(text, file, root="nodes")
    findings.extend(document.complaints)
    findings.hidden.update(document.hidden)
    if document.complaints and is_null(document.root):
        findings.unread.add(text, nodes=True)
    for node in items_of(document.root, "- {name: ct1, host: 10.0.1.7}", findings):
        if isinstance(node, Map):
            yield node
        else:
            findings.complain(node, "is not a node; write `- {name: ct1, host: 10.0.1.7}`")
            findings.unread.add(node, nodes=True)
