"""Nodes that a flat list describes, such as a row of a table: texts by setting."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pacs_monitor.configuring.fields import models_in, settings_of
from pacs_monitor.configuring.tree import Entry, Items, Map, Scalar, Value
from pacs_monitor.node import Node

_LISTS = {"profile", "reached_through", "sends_to"}
_SEPARATORS = re.compile(r"[\s,;|]+")
_SETTINGS = {key for key, info in settings_of(Node).items() if not models_in(info.annotation)} - {"labels"}
COLUMNS = _SETTINGS | {"profile"}
"""The settings of a node that a text may hold, beside `labels.` and a name."""
_LABEL = "labels."


def is_column(name: str) -> bool:
    """Whether a text can hold this setting of a node."""
    return name in COLUMNS or (name.startswith(_LABEL) and len(name) > len(_LABEL))


def node_of(file: str, line: int, said: Iterable[tuple[str, Scalar]]) -> Map:
    """The tree of a node. A text without content means the default; several names stand in one text."""
    entries: dict[str, Entry] = {}
    labels: dict[str, Entry] = {}
    for setting, scalar in said:
        label = setting.removeprefix(_LABEL)
        value: Value = scalar
        if label != setting:
            if scalar.text:
                labels[label] = Entry(line, value)
            continue
        if setting in _LISTS and scalar.text:
            parts: list[Value] = [
                Scalar(file, line, scalar.path, part) for part in _SEPARATORS.split(scalar.text) if part
            ]
            value = Items(file, line, scalar.path, parts)
        entries[setting] = Entry(line, value)
    if labels:
        entries["labels"] = Entry(line, Map(file, line, "", labels))
    return Map(file, line, "", entries)
