"""Values of what peers send, read as text whatever is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def text_of(dataset: Dataset, keyword: str) -> str:
    """The value as text without padding; "" if there is none, or one that cannot be read."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - a value that pydicom cannot convert is none, whatever it stumbles over
        return ""
    return "" if value is None else str(value).strip(" \0")
