"""pydantic's errors in words for administrators. Its own messages reach nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from pacs_monitor.configuring.fields import is_one_value, suggestion, unit_of

_Sentence = Callable[[str, Mapping[str, Any], FieldInfo | None], str]
"""From the value as people may see it, pydantic's context, and the setting's field."""

_PYDANTICS_OWN = frozenset(get_args(ErrorType))


def sentence(error: ErrorDetails, info: FieldInfo | None, *, secret: bool = False) -> str:
    """What is wrong with a value and what to write instead. A secret value is not shown."""
    context = error.get("ctx", {})
    value = "the secret" if secret else _shown(error["input"])
    if error["input"] is None:
        return f"is empty; {_example(info) or 'give it a value'}"
    several = error["type"] != "missing" and isinstance(error["input"], list | dict)
    if several and info is not None and is_one_value(info.annotation):
        return _TEXT
    if error["type"] in ("value_error", "assertion_error"):
        return "is not accepted; check the secret" if secret else str(context.get("error", ""))
    if error["type"] not in _PYDANTICS_OWN and error["type"] not in _SENTENCES:
        return "is not accepted; check the secret" if secret else error["msg"]  # the check's author wrote it
    if error["input"] == "":
        return f"is empty; {_example(info) or 'give it a value'}"
    write = _SENTENCES.get(error["type"], _unknown)
    return write(value, context, info)


def hidden(variable: str, info: FieldInfo | None) -> str:
    """What to say of a value that came from an environment variable: everything but the value."""
    unit = unit_of(info) if info else None
    wanted = f"as {unit.name}" if unit else "here"
    return _and(f"the value of ${{{variable}}} (not shown) is not accepted {wanted}", _example(info))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    printable = text if text.isprintable() else repr(text)[1:-1]
    return printable if len(printable) <= 60 else printable[:57] + "..."


def _example(info: FieldInfo | None) -> str:
    unit = unit_of(info) if info else None
    return f"write for example {unit.example}" if unit and unit.example else ""


def _and(said: str, remedy: str) -> str:
    return f"{said}; {remedy}" if remedy else said


def _says(text: str) -> _Sentence:
    return lambda value, context, info: text.format(value=value, **context)


def _unknown(value: str, context: Mapping[str, Any], info: FieldInfo | None) -> str:
    return _and(f"{value} is not accepted here", _example(info))


def _missing(value: str, context: Mapping[str, Any], info: FieldInfo | None) -> str:
    about = (info.description or "").strip().rstrip(".") if info else ""
    return f"is missing; add it: {about[:1].lower()}{about[1:]}" if about else "is missing; add it"


def _literal(value: str, context: Mapping[str, Any], info: FieldInfo | None) -> str:
    choices = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
    near = suggestion(value, choices)
    said = f"{value} is none of {', '.join(choices)}"
    return _and(said, near if near.startswith("did you mean") else "write one of them")


def _pattern(value: str, context: Mapping[str, Any], info: FieldInfo | None) -> str:
    unit = unit_of(info) if info else None
    said = f"is not a valid {unit.name}" if unit else f"does not match {context.get('pattern')}"
    return _and(f"{value} {said}", _example(info))


_WHOLE = _says("{value} is not a whole number; write for example 3")
_NUMBER = _says("{value} is not a number; write for example 2.5")
_BOOL = _says("{value} is neither true nor false; write one of them")
_DATE = _says("{value} is not a date; write it as 2026-12-31")
_TIME = _says("{value} is not a date and time; write it as 2026-12-31T20:00:00+02:00")
_LIST = _says("is not a list; write [a, b], or begin each entry with '- ' on a line of its own")
_MAP = _says("is not a mapping; write `name: value` lines below it")
NEITHER = "is neither a list nor a mapping; write [a, b] or {name: value}"
"""For a text where either would do."""
_TEXT = "is a list or a mapping where one value belongs; write one"
_URL = _says("{value} is not a URL; write for example http://10.0.0.5:8042")
_ADDRESS = _says("{value} is not an IP address; write for example 10.0.0.5")

_SENTENCES: dict[str, _Sentence] = {
    "missing": _missing,
    "literal_error": _literal,
    "enum": _literal,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _says("{value} is too short; write at least {min_length} characters"),
    "string_too_long": _says("{value} is too long; write at most {max_length} characters"),
    "greater_than": _says("{value} is too small; write more than {gt}"),
    "greater_than_equal": _says("{value} is too small; write {ge} or more"),
    "less_than": _says("{value} is too large; write less than {lt}"),
    "less_than_equal": _says("{value} is too large; write {le} or less"),
    "multiple_of": _says("{value} is not a multiple of {multiple_of}; write one"),
    "finite_number": _NUMBER,
    "too_short": _says("has {actual_length} entries; write at least {min_length}"),
    "too_long": _says("has more than {max_length} entries; take some away"),
    "string_type": _says(_TEXT),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _BOOL,
    "bool_parsing": _BOOL,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "dict_type": _MAP,
    "mapping_type": _MAP,
    "model_type": _MAP,
    "model_attributes_type": _MAP,
    "dataclass_type": _MAP,
    "path_type": _says(_TEXT),
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "url_type": _URL,
    "url_parsing": _URL,
    "url_scheme": _URL,
    "ip_any_address": _ADDRESS,
    "ip_v4_address": _ADDRESS,
    "ip_v6_address": _ADDRESS,
    "ip_any_network": _says("{value} is not a network; write for example 10.0.3.0/24"),
}
