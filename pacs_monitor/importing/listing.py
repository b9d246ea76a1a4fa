"""What a source lists, before anybody has judged it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.flatnode import node_of
from pacs_monitor.configuring.tree import Entry, Map, Scalar


class ImportRefused(Exception):
    """Nothing can be taken from there; the message says why and what to do."""


@dataclass
class Listing:
    """The nodes that a source lists, as trees that know their places."""

    source: str
    """File or address, as it was named."""
    noun: str
    """What one entry is called there."""
    trees: list[Map]
    findings: Findings = field(default_factory=Findings)
    """What is wrong with single entries."""
    said: str = ""
    """How it was read, in a line."""
    notes: list[str] = field(default_factory=list)
    """Entries that are left out for good reason, each in a sentence."""

    def add(self, entry: str, said: Mapping[str, str], *, tls: bool = False) -> None:
        """One more node; `entry` is what it is called there."""
        scalars = [
            (setting, Scalar(self.source, 0, f"{entry}.{setting}", text or None)) for setting, text in said.items()
        ]
        tree = node_of(self.source, 0, scalars)
        if tls:
            tree.entries["tls"] = Entry(0, Map(self.source, 0, f"{entry}.tls", {}))
        self.trees.append(Map(tree.file, 0, entry, tree.entries))
