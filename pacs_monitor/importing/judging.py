"""Which of the listed nodes can be taken: valid, not there yet, each with a name of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pacs_monitor.configuring.complaints import validate
from pacs_monitor.configuring.filling import fill
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Entry, Map, Scalar
from pacs_monitor.importing.listing import Listing
from pacs_monitor.node import Node, listener_of

_NEEDED = ("host", "port", "ae_title")


@dataclass
class Judged:
    """What comes of a listing."""

    nodes: list[Node] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What is wrong with the entries that are left out."""
    notes: list[str] = field(default_factory=list)
    """Entries that are left out for good reason."""


def judge(listing: Listing, there: Mapping[str, Node], our_title: str) -> Judged:
    """Take what can be taken; `there` are the nodes that the configuration has, `our_title` is our own AE title."""
    judged = Judged(notes=list(listing.notes))
    judged.complaints += [f"{one}; left out" for one in listing.findings.complaints]
    known = {_identity(node): f"the configuration has it as {name}" for name, node in there.items()}
    names = set(there)
    for tree in listing.trees:
        node = _valid(tree, judged)
        if node is None:
            continue
        where = _where(tree)
        if node.ae_title == our_title:
            judged.notes.append(f"{where}: {our_title} is our own AE title; left out")
        elif before := known.get(_identity(node)):
            judged.notes.append(f"{where}: {before}; left out")
        elif node.name in there:
            old = there[node.name]
            judged.complaints.append(
                f"{where}: the configuration has {node.name} at {old.host}:{old.port} with the AE title "
                f"{old.ae_title}, this one is at {node.host}:{node.port} with {node.ae_title}; correct it there, or "
                f"rename one; left out"
            )
        else:
            name = _free(node.name, names)
            names.add(name)
            known[_identity(node)] = f"it is in there already as {name}"
            judged.nodes.append(node.model_copy(update={"name": name}))
    return judged


def _valid(tree: Map, judged: Judged) -> Node | None:
    findings, entries = Findings(), dict(tree.entries)
    for setting in _NEEDED:
        value = tree.get(setting)
        if not isinstance(value, Scalar) or not value.text:
            place = value if isinstance(value, Scalar) else tree
            findings.complain(place, f"has no {setting.replace('_', ' ')}; add it there")
    if not findings.complaints:
        named, title = tree.get("name"), tree.get("ae_title")
        assert isinstance(title, Scalar)
        text = (named.text if isinstance(named, Scalar) else "") or title.text or ""
        entries["name"] = Entry(tree.line, Scalar(tree.file, tree.line, tree.path, _slug(text)))
        full = Map(tree.file, tree.line, tree.path, entries)
        node = validate(Node, fill(Node, full, findings), full, findings)
        if node is not None and not findings.complaints:
            return node
    judged.complaints += [f"{one}; left out" for one in findings.complaints]
    return None


def _identity(node: Node) -> tuple[str, int, str]:
    return (*listener_of(node), str(node.ae_title))


def _where(tree: Map) -> str:
    return f"{tree.file}:{tree.line}" if tree.line else f"{tree.file}: {tree.path}"


def _slug(text: str) -> str:
    """A name that series can carry: lower case, without accents and blanks."""
    plain = unicodedata.normalize("NFKD", text.strip().lower())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^\w.]+", "-", bare).strip("-._")[:60] or "node"


def _free(name: str, taken: Iterable[str]) -> str:
    numbered, number = name, 1
    while numbered in taken:
        number += 1
        numbered = f"{name}-{number}"
    return numbered
