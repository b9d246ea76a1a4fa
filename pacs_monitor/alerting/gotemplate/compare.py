"""`eq`, `ne`, `lt`, `le`, `gt`, `ge`, `and`, `or`, `not`, `len`, `index`, as Go's templates have them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pacs_monitor.alerting.gotemplate.printf import text_of
from pacs_monitor.alerting.gotemplate.values import Anything, Samples, Texts, type_name

_INCOMPATIBLE = "incompatible types for comparison"
_INVALID = "invalid type for comparison"


def eq(first: object, *others: object) -> bool:
    """Whether the first equals one of the others. Raises ValueError."""
    if not others:
        raise ValueError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _equal(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, Texts | Anything | Samples) or isinstance(other, Texts | Anything | Samples):
        raise ValueError(
            f"non-comparable type {text_of(one)}: {type_name(one)}" if type(one) is type(other) else _INCOMPATIBLE
        )
    if type(one) is not type(other):
        raise ValueError(_INCOMPATIBLE)
    return one == other


def ne(one: object, other: object) -> bool:
    """Whether they differ. Raises ValueError."""
    return not _equal(one, other)


def lt(one: object, other: object) -> bool:
    """Whether the first is less. Raises ValueError."""
    if not isinstance(one, str | int | float) or not isinstance(other, str | int | float):
        raise ValueError(_INVALID)
    if type(one) is not type(other):
        raise ValueError(_INCOMPATIBLE)
    if isinstance(one, bool):
        raise ValueError(_INVALID)
    left: Any = one
    right: Any = other
    return bool(left.encode() < right.encode()) if isinstance(one, str) else bool(left < right)


def le(one: object, other: object) -> bool:
    """Whether the first is less or equal. Raises ValueError."""
    return lt(one, other) or _equal(one, other)


def gt(one: object, other: object) -> bool:
    """Whether the first is more. Raises ValueError."""
    return not le(one, other)


def ge(one: object, other: object) -> bool:
    """Whether the first is more or equal. Raises ValueError."""
    return not lt(one, other)


def length(value: object) -> int:
    """How many bytes of text, labels or samples. Raises ValueError."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Texts | Anything | Samples):
        return len(value)
    raise ValueError("len of nil pointer" if value is None else f"len of type {type_name(value).lstrip('*')}")


def index(value: object, *keys: object) -> object:
    """`index $labels "x"`: the value under each key in turn. Raises ValueError."""
    if value is None:
        raise ValueError("index of untyped nil")
    for key in keys:
        value = _item(value, key)
    return value


def part(value: object, *bounds: object) -> object:
    """`slice $labels.x 0 3`: the bytes, or samples, from the first bound to the second. Raises ValueError."""
    if value is None:
        raise ValueError("slice of untyped nil")
    if len(bounds) > 3:
        raise ValueError(f"too many slice indexes: {len(bounds)}")
    if isinstance(value, str) and len(bounds) == 3:
        raise ValueError("cannot 3-index slice a string")
    if not isinstance(value, Samples | str):
        raise ValueError(f"can't slice item of type {type_name(value)}")
    items: Any = value.encode() if isinstance(value, str) else value
    found = [_bound(one, len(items)) for one in bounds]
    for before, after in pairwise(found):
        if before > after:
            raise ValueError(f"invalid slice index: {before} > {after}")
    start = found[0] if found else 0
    kept = items[start : found[1] if len(found) > 1 else len(items)]
    return kept.decode("utf-8", "replace") if isinstance(value, str) else Samples(kept)


def _bound(bound: object, most: int) -> int:
    if not isinstance(bound, int) or isinstance(bound, bool):
        what = "nil" if bound is None else f"type {type_name(bound)}"
        raise ValueError(f"cannot index slice/array with {what}")
    if not 0 <= bound <= most:
        raise ValueError(f"index out of range: {bound}")
    return bound


def _item(value: object, key: object) -> object:
    if value is None:
        raise ValueError("index of untyped nil")
    if isinstance(value, Texts | Anything):
        if not isinstance(key, str):
            raise ValueError(
                "value is nil; should be of type string"
                if key is None
                else f"value has type {type_name(key)}; should be string"
            )
        return value.get(key, "" if isinstance(value, Texts) else None)
    if isinstance(value, Samples | str):
        if not isinstance(key, int) or isinstance(key, bool):
            what = (
                "cannot index slice/array with nil"
                if key is None
                else f"cannot index slice/array with type {type_name(key)}"
            )
            raise ValueError(what)
        items: Any = value.encode() if isinstance(value, str) else value
        if not 0 <= key < len(items):
            raise ValueError(f"index out of range: {key}")
        return items[key]
    raise ValueError(f"can't index item of type {type_name(value).lstrip('*')}")
