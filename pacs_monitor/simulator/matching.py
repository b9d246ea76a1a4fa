"""C-FIND attribute matching and the identifiers that answer it (PS3.4 C.2.2.2 and C.4.1.1.3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

# They say how to read the identifier, and are no keys.
NOT_KEYS = {"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC"}
RANGES = {"DA", "TM", "DT"}
NO_WILDCARDS = {"UI", "SL", "SS", "UL", "US", "FL", "FD", "IS", "DS", "AS", "AT"}


def find(keys: Dataset, candidates: Iterable[Dataset]) -> list[Dataset]:
    """Give the response identifiers for the candidates that match `keys`, in their order."""
    return [_answer(keys, candidate) for candidate in candidates if matches(keys, candidate)]


def matches(keys: Dataset, candidate: Dataset) -> bool:
    """Tell if `candidate` matches each key: by value, wildcard, range, list of UIDs or sequence item."""
    return all(_element_matches(key, candidate) for key in keys if key.keyword not in NOT_KEYS)


def _element_matches(key: DataElement, candidate: Dataset) -> bool:
    if key.VR == "SQ":
        items = candidate[key.tag].value if key.tag in candidate else []
        return not key.value or any(matches(key.value[0], item) for item in items)
    if key.is_empty:
        return True
    found = [str(value) for value in _values(candidate.get(key.tag))]
    return any(_value_matches(key.VR, str(wanted), value) for wanted in _values(key) for value in found)


def _values(element: object) -> list[object]:
    value = element.value if isinstance(element, DataElement) else element
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def _value_matches(vr: str, wanted: str, value: str) -> bool:
    if vr in RANGES:
        return _in_range(vr, wanted, value)
    if vr in NO_WILDCARDS:
        return wanted == value
    if vr == "PN":
        wanted, value = wanted.casefold(), value.casefold()
    # DICOM knows * and ? alone; a bracket is an ordinary character.
    return re.match(translate(wanted.replace("[", "[[]")), value) is not None


def _in_range(vr: str, wanted: str, value: str) -> bool:
    first, hyphen, last = wanted.partition("-")
    if not hyphen:
        return _comparable(vr, wanted) == _comparable(vr, value)
    at = _comparable(vr, value)
    return (not first or _comparable(vr, first) <= at) and (not last or at <= _comparable(vr, last))


def _comparable(vr: str, moment: str) -> str:
    # 08, 0800 and 080000 are one time.
    return moment.split(".")[0].ljust(6, "0") if vr == "TM" else moment


def _answer(keys: Dataset, candidate: Dataset) -> Dataset:
    answer = Dataset()
    if "SpecificCharacterSet" in candidate:
        answer.SpecificCharacterSet = candidate.SpecificCharacterSet
    for key in keys:
        if key.keyword == "QueryRetrieveLevel":
            answer.add(key)
        elif key.keyword not in NOT_KEYS:
            answer.add(_answered(key, candidate))
    return answer


def _answered(key: DataElement, candidate: Dataset) -> DataElement:
    if key.tag not in candidate:
        return DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None)
    element = candidate[key.tag]
    if key.VR != "SQ" or not key.value or not key.value[0]:
        return element
    return DataElement(key.tag, "SQ", [_answer(key.value[0], item) for item in element.value])
