"""What a settings model consists of: the keys that people write, their types, units and nested models."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pacs_monitor.units import HOURS, Unit


@lru_cache(maxsize=512)
def settings_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the key that people write."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def leaf_types(annotation: Any) -> Iterator[Any]:
    """The types that an annotation ends in, through Annotated, unions, lists and the values of mappings."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from leaf_types(args[0])
    elif origin in (Union, UnionType) or origin in (tuple, list, set, frozenset):
        for arg in args:
            yield from leaf_types(arg)
    elif origin is dict:
        yield from leaf_types(args[1])
    elif annotation not in (NoneType, Ellipsis):
        yield annotation


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The settings models among the types that an annotation ends in."""
    return [leaf for leaf in leaf_types(annotation) if isinstance(leaf, type) and issubclass(leaf, BaseModel)]


def has_names(annotation: Any) -> bool:
    """Whether a value of the annotation may be a mapping of names to values."""
    return dict in (get_origin(annotation), *(get_origin(arg) for arg in get_args(annotation)))


def is_one_value(annotation: Any) -> bool:
    """Whether no value of the annotation is a list, a mapping or a model."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return is_one_value(args[0])
    if origin in (Union, UnionType):
        return all(is_one_value(arg) for arg in args)
    return origin not in (tuple, list, set, frozenset, dict) and annotation is not Any and not models_in(annotation)


def unit_of(info: FieldInfo) -> Unit | None:
    """How a field's value, or each of its values, is written."""
    for item in info.metadata:
        if isinstance(item, Unit):
            return item
    return next(_units(info.annotation), None)


def settings_of_hours(model: type[BaseModel]) -> dict[str, str]:
    """The settings of a model that hold a name out of the section `hours`: what people write, and the field."""
    fields = model.model_fields.items()
    return {info.alias or name: name for name, info in fields if unit_of(info) == HOURS}


def _units(annotation: Any) -> Iterator[Unit]:
    for arg in get_args(annotation):
        if isinstance(arg, Unit):
            yield arg
        yield from _units(arg)


def field_at(model: type[BaseModel], location: Iterable[int | str]) -> tuple[type[BaseModel], FieldInfo | None]:
    """The innermost model on the way to a pydantic error's location, and the field it ends in, if any."""
    info: FieldInfo | None = None
    for part in location:
        if info is not None:
            nested = models_in(info.annotation)
            here = next((inner for inner in nested if part in settings_of(inner)), None)
            if here is None:
                model = nested[0] if nested else model
                continue
            model = here
        info = settings_of(model).get(str(part), info)
    return model, info


MOST_NAMED = 48
"""So many names can be read at a glance, if one has to."""


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name that looks most like a word, "" if none does."""
    names = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.lower(), names, 1, likeness)
    return names[near[0]] if near else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or all names if they are few enough to read."""
    names = sorted(known)
    near = nearest(word, names)
    if near:
        return f"did you mean {near}?"
    if not names:
        return "there is none yet"
    return f"there is {', '.join(names)}" if len(names) <= MOST_NAMED else "check the spelling"


def meant(keys: Iterable[str], known: Collection[str]) -> set[str]:
    """The settings that may be meant by those of the keys that are none: the nearest, or any if none is near."""
    found: set[str] = set()
    for key in keys:
        if key not in known:
            near = nearest(key, known)
            found.update({near} if near else known)
    return found
