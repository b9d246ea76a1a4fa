"""What a check keeps: a copy in the worker, the truth in the main process's database."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

Commit = Callable[[str, str | None, bool], Awaitable[None]]
"""(key, JSON text or None to forget, keep): returns once it is on disk."""

LONGEST_VALUE = 1 << 20
"""Characters of JSON under one key; a check's memory is for marks and journals, not for data."""


class NotSaved(OSError):
    """What a check must keep could not be written to disk; the message is the database's."""


class CheckMemory:
    """A small persistent mapping of one check's own."""

    def __init__(self, known: dict[str, Any], commit: Commit) -> None:
        self._known = dict(known)
        self._commit = commit

    def get(self, key: str, default: Any = None) -> Any:
        """The value under a key, or the default."""
        return self._known.get(key, default)

    def items(self) -> list[tuple[str, Any]]:
        """All keys and values, as of now."""
        return list(self._known.items())

    async def put(self, key: str, value: Any, *, keep: bool = False) -> None:
        """Return once the value is committed. Raises NotSaved if it could not be, ValueError if it is too long."""
        if not isinstance(key, str):
            raise TypeError(f"a key is text, not a {type(key).__name__}")
        text = json.dumps(value)
        if len(text) > LONGEST_VALUE:
            raise ValueError(f"{len(text)} characters under one key; a check may keep {LONGEST_VALUE}")
        await self._commit(key, text, keep)
        self._known[key] = json.loads(text)

    async def delete(self, key: str) -> None:
        """Return once the key is gone from disk; one that is not there is no error. Raises NotSaved."""
        if key in self._known:
            await self._commit(key, None, False)
            self._known.pop(key, None)
