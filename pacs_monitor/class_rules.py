"""What a check's class must be like, so that the engine can run it and an administrator can set it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pacs_monitor.check import Check, NodeCheck
from pacs_monitor.configuring.fields import is_one_value, leaf_types, unit_of
from pacs_monitor.node import Node


def faults(cls: type[Check]) -> Iterator[str]:
    """What is wrong with a class, one sentence for each fault."""
    if cls.run in (Check.run, NodeCheck.run):
        yield "has no run; write `async def run(self)` that yields what it measures"
    if inspect.iscoroutinefunction(cls.run):
        yield "run never yields; yield a sample, or add `return` and `yield` at its end if there is none"
    for need in cls.needs:
        if need not in Node.model_fields:
            yield f"needs names {need}, which is no setting of a node; take it out"
    for name, info in Check.model_fields.items():
        if unit_of(cls.model_fields[name]) != unit_of(info):
            yield f"{name} has another type than in every check; write it as pacs_monitor.check does, such as Duration"
    for threshold in cls.thresholds:
        if threshold not in cls.model_fields:
            yield f"thresholds names {threshold}, which is no setting of this check; take it out"
        elif not _is_number(cls.model_fields[threshold].annotation):
            yield f"thresholds names {threshold}, which is no number; rules compare with it: take it out"


def _is_number(annotation: Any) -> bool:
    """Whether a setting may be exported as a value; one whose type is not known yet may."""
    leaves = (leaf for leaf in leaf_types(annotation) if isinstance(leaf, type))
    return is_one_value(annotation) and all(hasattr(leaf, "__float__") for leaf in leaves)
