"""Nodes from elsewhere: a YAML list, a CSV file as spreadsheets write it, or targets for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from pacs_monitor.check import CheckFailed
from pacs_monitor.configuring import yamltree
from pacs_monitor.configuring.complaints import right_part, validate
from pacs_monitor.configuring.csvtable import CsvTable
from pacs_monitor.configuring.filling import fill, resolve
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.targets_sd import Targets
from pacs_monitor.configuring.textfile import TextFileError, read_text
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below, is_null
from pacs_monitor.discovery import HttpSd, Lists
from pacs_monitor.sections import Section
from pacs_monitor.units import FilePath

SOURCES = ("file", "file_sd", "http_sd")
_PATTERN = re.compile(r"[*?]")


class NodesFrom(Section):
    """Nodes that something else lists: one of `file`, `file_sd` and `http_sd`."""

    file: FilePath | None = None
    """A YAML list of nodes, or a CSV file with a header; several as in nodes.d/*.yml."""
    file_sd: FilePath | None = None
    """Targets as in the files of Prometheus' service discovery, JSON or YAML; several as in targets/*.json."""
    http_sd: HttpSd | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    """Which column of a CSV file, or label of a target, holds which setting of a node; `labels.x` is the label x."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Settings of every node that does not have its own."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if not given:
            raise ValueError("names nothing to read; write `file: modalities.csv`")
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}; give each an entry of its own")
        return self


@dataclass(frozen=True, eq=False)
class Source:
    """A node as a file describes it."""

    tree: Map
    defaults: Map | None = None
    nulls: bool = True
    """Whether a null takes a default away; an empty cell does not."""
    whole: bool = True
    """Whether all that is said of it could be read."""
    spare: bool = False
    """Whether it is left out, with a warning, if its name is taken."""


@dataclass(frozen=True, eq=False)
class Table:
    """What one entry of `nodes_from` gives."""

    defaults: Map | None
    sources: Iterable[Source]


class Others:
    """Reads what the entries of `nodes_from` name."""

    def __init__(self, findings: Findings, lists: Lists) -> None:
        """`lists` are those that servers gave."""
        self._findings = findings
        self._lists = lists
        self.servers: list[HttpSd] = []
        """The servers that list nodes."""

    def tables(self, tree: Value | None) -> Iterator[Table]:
        """The entries of the section `nodes_from`."""
        findings = self._findings
        if not is_null(tree) and not isinstance(tree, Items):
            findings.unread.add_file_of_nodes()
        for item in items_of(tree, "- file: modalities.csv", findings):
            if not isinstance(item, Map):
                findings.complain(item, "is not a mapping; write `- file: modalities.csv`")
                findings.unread.add_file_of_nodes()
                continue
            yield self._table(item)

    def _table(self, item: Map) -> Table:
        findings = self._findings
        data = fill(NodesFrom, item, findings)
        section = validate(NodesFrom, data, item, findings)
        whole, wrong = section is not None, frozenset[str]()
        given = item.get("defaults")
        defaults = given if isinstance(given, Map) else None
        kinds = [kind for kind in SOURCES if not is_null(item.get(kind))]
        if section is None and kinds in (["file"], ["file_sd"]):
            section, wrong = right_part(NodesFrom, data, **{kinds[0]: Path()})
        if section is None or kinds[0] in wrong:
            findings.unread.add_file_of_nodes()
            return Table(defaults, ())
        if section.http_sd is not None:
            return Table(defaults, self._from_server(section.http_sd, section.columns, item, defaults))
        named = item.get(kinds[0])
        assert isinstance(named, Scalar)
        paths = _files(resolve(named), below(item, kinds[0]), findings)
        if section.file_sd is not None:
            return Table(defaults, self._from_targets(paths, section.columns, item, defaults))
        read = partial(_read, columns=section.columns, item=item, defaults=defaults, whole=whole, findings=findings)
        return Table(defaults, chain.from_iterable(read(path) for path in paths))

    def _from_targets(
        self, paths: Iterable[Path], columns: Mapping[str, str], item: Map, defaults: Map | None
    ) -> Iterator[Source]:
        for path in paths:
            text = _text(path, below(item, "file_sd"), self._findings)
            if text is not None:
                targets = Targets(str(path), columns, item, self._findings)
                yield from (Source(node, defaults, nulls=False, spare=True) for node in targets.nodes(text))

    def _from_server(
        self, peer: HttpSd, columns: Mapping[str, str], item: Map, defaults: Map | None
    ) -> Iterator[Source]:
        self.servers.append(peer)
        self._findings.read(self._lists.path(peer.url))
        try:
            text = self._lists.read(peer)
        except CheckFailed as failure:
            # The agent starts without them: it goes on asking.
            self._findings.warn(below(item, "http_sd"), f"no list of nodes: {failure}")
            return
        targets = Targets(peer.url, columns, item, self._findings)
        yield from (Source(node, defaults, nulls=False, spare=True) for node in targets.nodes(text))


def items_of(tree: Value | None, example: str, findings: Findings) -> list[Value]:
    """The items of a list; none and a complaint if it is something else."""
    if tree is None or is_null(tree):
        return []
    if isinstance(tree, Items):
        return tree.items
    findings.complain(tree, f"is not a list; begin each entry with '- ', as in `{example}`")
    findings.unread.add(tree, nodes=True)
    return []


def _files(path: Path, place: Place, findings: Findings) -> list[Path]:
    """The file, or those that a pattern names now: their folder is watched for others."""
    if not _PATTERN.search(path.name):
        return [path]
    findings.read(path.parent)
    if not path.parent.is_dir():
        findings.warn(place, f"there is no folder {path.parent}; make it, or check the name")
        return []
    return sorted(found for found in path.parent.glob(path.name) if not found.name.startswith("."))


def _text(path: Path, named: Place, findings: Findings) -> str | None:
    findings.read(path)
    try:
        return read_text(path)
    except TextFileError as error:
        # What is wrong with the file's name is wrong where the name stands.
        place = Place(str(path), error.line, "") if error.line else named
        findings.complain(place, error.message if error.line else f"{path}: {error.message}")
        if error.line:
            findings.unread.add(path.read_text("latin-1"), nodes=True)
        else:
            findings.unread.add_file_of_nodes()
        return None


def _read(
    path: Path, columns: Mapping[str, str], item: Map, defaults: Map | None, whole: bool, findings: Findings
) -> Iterator[Source]:
    text = _text(path, below(item, "file"), findings)
    if text is None:
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
