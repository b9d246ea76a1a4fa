"""Validates a part of the tree, and complains of each value at its own place."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from pacs_monitor.configuring import sentences
from pacs_monitor.configuring.fields import field_at, leaf_types, meant, settings_of, suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below, is_null

M = TypeVar("M", bound=BaseModel)

_WANTS_LIST = {"tuple_type", "list_type", "set_type", "frozen_set_type"}
_WANTS_MAP = {"dict_type", "mapping_type", "model_type"}
_SHAPES = {*_WANTS_LIST, *_WANTS_MAP, "string_type"}


def validate(model: type[M], data: dict[str, Any], tree: Map, findings: Findings, *, partial: bool = False) -> M | None:
    """The model of the data, or None after a complaint about each wrong value at its place in the tree.

    With `partial`, a missing setting is no fault: another part of the configuration may give it.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a check's validator is anybody's code
        # Its text may hold any setting, a secret among them.
        place = Place(tree.file, tree.line, tree.path)
        findings.complain(place, f"cannot be checked: {_where(error)}; report it to its author")
        return None
    for found, place in _relevant(_unexplained(errors, model), tree):
        # What a validator says of the whole model may also be for others to complete.
        if not (partial and (found["type"] == "missing" or not found["loc"])):
            findings.complain(place, _message(found, model, tree))
    return None


def right_part(model: type[M], data: dict[str, Any], **instead: Any) -> tuple[M, frozenset[str]]:
    """The model of what is right in the data, and the settings that are wrong; `instead` stands for those it needs."""
    try:
        return model.model_validate(data), frozenset()
    except ValidationError as error:
        wrong = frozenset(str(found["loc"][0]) for found in error.errors() if found["loc"])
    right = {key: value for key, value in data.items() if key not in wrong}
    return model.model_validate({**instead, **right}), wrong


def _unexplained(errors: Collection[ErrorDetails], model: type[BaseModel]) -> Iterator[ErrorDetails]:
    """Without the settings that are only missing because they are misspelt."""
    unknown: dict[tuple[int | str, ...], list[str]] = {}
    for error in errors:
        if error["type"] == "extra_forbidden":
            unknown.setdefault(error["loc"][:-1], []).append(str(error["loc"][-1]))
    for error in errors:
        beside = unknown.get(error["loc"][:-1])
        if beside and error["type"] == "missing":
            owner, _ = field_at(model, error["loc"])
            if str(error["loc"][-1]) in meant(beside, settings_of(owner)):
                continue
        yield error


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {last.filename}:{last.lineno}"


def _relevant(errors: Iterable[ErrorDetails], tree: Map) -> list[tuple[ErrorDetails, Place]]:
    """Without what the other members of a union say: the parts of a list given are measured, not that it is one."""
    placed = [(error, _place(error, tree)) for error in errors]
    paths = {place.path for _, place in placed}
    relevant = []
    for error, place in placed:
        if error["type"] in _SHAPES and any(path.startswith((f"{place.path}.", f"{place.path}[")) for path in paths):
            continue
        at_place = {other["type"] for other, there in placed if there == place}
        if at_place & _WANTS_LIST and at_place & _WANTS_MAP:
            error = {**error, "type": "neither"}
        relevant.append((error, place))
    return relevant


def _walk(error: ErrorDetails, tree: Map) -> tuple[Value | None, Place]:
    """The value that an error is about, and its place; parts of a location that name no setting are skipped."""
    value: Value = tree
    place = Place(tree.file, tree.line, tree.path)
    for part in error["loc"]:
        if isinstance(value, Map) and part in value.entries:
            place = below(value, str(part))
            value = value.entries[str(part)].value
        elif isinstance(value, Items) and isinstance(part, int) and part < len(value.items):
            value = value.items[part]
            place = Place(value.file, value.line, value.path)
    if error["type"] == "missing" and isinstance(value, Map):
        return None, below(value, str(error["loc"][-1]))
    if isinstance(value, Scalar) and value.text is not None:
        place = Place(value.file, value.line, value.path)
    return value, place


def _target(error: ErrorDetails, tree: Map) -> Value | None:
    return _walk(error, tree)[0]


def _place(error: ErrorDetails, tree: Map) -> Place:
    return _walk(error, tree)[1]


def _message(error: ErrorDetails, model: type[BaseModel], tree: Map) -> str:
    owner, info = field_at(model, error["loc"])
    target = _target(error, tree)
    if error["type"] == "extra_forbidden":
        return f"there is no such setting; {suggestion(str(error['loc'][-1]), settings_of(owner))}"
    if error["type"] == "neither":
        return sentences.NEITHER
    if is_null(target) and error["type"] == "missing" and _stands_empty(error, tree):
        error = {**error, "input": None, "type": "string_type"}
    if isinstance(target, Scalar) and target.variable:
        return sentences.hidden(target.variable, info)
    secret = info is not None and SecretStr in leaf_types(info.annotation)
    return sentences.sentence(error, info, secret=secret)


def _stands_empty(error: ErrorDetails, tree: Map) -> bool:
    parent: Value | None = tree
    for part in error["loc"][:-1]:
        if isinstance(parent, Map):
            parent = parent.get(str(part)) or parent
    return isinstance(parent, Map) and str(error["loc"][-1]) in parent.entries
