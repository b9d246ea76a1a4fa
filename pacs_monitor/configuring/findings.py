"""Gathers what is wrong with a configuration, each thing told once, and hides what nobody may see."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pacs_monitor.configuring.tree import Place, Value
from pacs_monitor.configuring.unread import Unread
from pacs_monitor.settings import Complaint

# profiles.archive[0].c_echo.interval: the number of the list item says nothing that the kind does not.
_CHECK_ITEM = re.compile(r"^(profiles\.[^.\[\]]+|(?:.*\.)?checks)\[\d+\](?=\.)")


class Findings:
    """Complaints and warnings of one reading, and the files that were read."""

    def __init__(self) -> None:
        self._complaints: dict[tuple[str, int, str], Complaint] = {}
        self._warnings: dict[Complaint, None] = {}
        self._files: dict[Path, None] = {}
        self.hidden: dict[str, str] = {}
        """Texts that nobody may see, and what stands for them."""
        self.unread = Unread()

    def complain(self, place: Place | Value, message: str) -> None:
        """Keep the first complaint about a place: later ones mostly follow from it."""
        setting = _CHECK_ITEM.sub(r"\1", place.path)
        complaint = Complaint(place.file, place.line, setting, message)
        self._complaints.setdefault((place.file, place.line, setting), complaint)

    def extend(self, complaints: Iterable[Complaint]) -> None:
        """Keep complaints that another reader made."""
        for told in complaints:
            self.complain(Place(told.file, told.line, told.setting), told.message)

    def warn(self, place: Place | Value, message: str) -> None:
        """Keep what is accepted but probably not meant."""
        setting = _CHECK_ITEM.sub(r"\1", place.path)
        self._warnings.setdefault(Complaint(place.file, place.line, setting, message))

    def complained(self, place: Place | Value) -> bool:
        """Whether there is a complaint about a place."""
        return (place.file, place.line, _CHECK_ITEM.sub(r"\1", place.path)) in self._complaints

    def complained_within(self, setting: str) -> bool:
        """Whether there is a complaint about a setting or what is in it."""
        return any(
            path == setting or path.startswith((f"{setting}.", f"{setting}[")) for _, _, path in self._complaints
        )

    def read(self, path: Path) -> None:
        """Note a file or folder whose change is a reason to read anew."""
        self._files.setdefault(path)

    @property
    def files(self) -> tuple[Path, ...]:
        """What was read, in that order."""
        return tuple(self._files)

    @property
    def complaints(self) -> list[Complaint]:
        """In the order of files and lines, without what nobody may see."""
        return self._told(self._complaints.values())

    @property
    def warnings(self) -> list[Complaint]:
        """In the order of files and lines, without what nobody may see."""
        return self._told(self._warnings)

    def _told(self, complaints: Iterable[Complaint]) -> list[Complaint]:
        order = {str(path): number for number, path in enumerate(self._files)}
        told = sorted(complaints, key=lambda c: (order.get(c.file, len(order)), c.file, c.line))
        patterns = [(_alone(text), shown) for text, shown in self.hidden.items() if text]
        patterns.sort(key=lambda pair: len(pair[0].pattern), reverse=True)
        return [Complaint(c.file, c.line, c.setting, _mask(c.message, patterns)) for c in told]


def _alone(text: str) -> re.Pattern[str]:
    # A short text may be a part of any word; standing alone it may still be the secret.
    return re.compile(re.escape(text) if len(text) > 3 else rf"(?<!\w){re.escape(text)}(?!\w)")


def _mask(message: str, patterns: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, shown in patterns:
        message = pattern.sub(lambda _, shown=shown: shown, message)  # type: ignore[misc]
    return message
