"""Folders that a check looks at, each in a thread of its own: a dead network mount holds up no other."""

from __future__ import annotations

import asyncio
import errno
import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Generic, Self, TypeVar

import psutil
from pydantic import Field, model_validator

from pacs_monitor.check import Check, CheckFailed, FilePath, Reason
from pacs_monitor.threads import in_thread

T = TypeVar("T")
Failure = tuple[Reason, str]

# The reason to give when several folders fail: the first of these that occurs.
_WORST_FIRST: tuple[Reason, ...] = (
    "timeout",
    "unreachable",
    "stale",
    "not_found",
    "forbidden",
    "mismatch",
    "threshold",
)
_REASONS: dict[int | None, Failure] = {
    errno.ENOENT: ("not_found", "does not exist; mount it, or correct path"),
    errno.ENOTDIR: ("not_found", "leads through something that is no folder; correct path"),
    errno.EACCES: ("forbidden", "may not be looked at by this user; let it read the folders above"),
    errno.EPERM: ("forbidden", "may not be looked at by this user; let it read the folders above"),
    errno.ESTALE: ("stale", "is a network mount that its server no longer knows; mount it anew"),
    errno.ENOTCONN: ("unreachable", "is a mount whose program has ended; mount it anew"),
    errno.EHOSTDOWN: ("unreachable", "is a network mount whose server is down; look at the server"),
    errno.ETIMEDOUT: ("timeout", "is a network mount whose server does not answer; look at the server and the network"),
}


class FoldersCheck(Check):
    """A check of one or several folders."""

    path: FilePath | None = None
    """The folder to look at; or `paths`."""
    paths: Annotated[tuple[FilePath, ...], Field(max_length=64)] = ()
    """Several folders, each for itself."""

    @model_validator(mode="after")
    def _names_whole_paths(self) -> Self:
        if not self.places:
            raise ValueError("names no path; set path to a folder, or paths to several")
        for place in self.places:
            if not place.is_absolute():
                raise ValueError(f"{place} does not begin with /; write the whole path")
        return self

    @property
    def places(self) -> tuple[Path, ...]:
        """All paths, each once."""
        return tuple(dict.fromkeys([*((self.path,) if self.path else ()), *self.paths]))


class Looks(Generic[T]):
    """Looks at folders. One that hangs keeps its one thread, and is not looked at again until it answers."""

    def __init__(self) -> None:
        self._under_way: dict[Path, asyncio.Task[T]] = {}

    async def at(self, places: Iterable[Path], look: Callable[[Path], T], seconds: float) -> dict[Path, T | None]:
        """What `look` gives for each, in their order; None for one that has not answered within that time."""
        found: dict[Path, T | None] = dict.fromkeys(places)
        for place in found:
            hanging = self._under_way.get(place)
            if hanging is None or hanging.done():
                self._under_way[place] = asyncio.create_task(in_thread(functools.partial(look, place)))
        if found:
            await asyncio.wait([self._under_way[place] for place in found], timeout=seconds)
        for place in found:
            task = self._under_way[place]
            found[place] = task.result() if task.done() else None
        return found


def explain(error: OSError, what: str) -> Failure:
    """The failure for an OSError of a folder; `what` names it as the settings do."""
    reason, sentence = _REASONS.get(
        error.errno, ("unreachable", f"cannot be read ({error.strerror}); look into the kernel's log for disk errors")
    )
    return reason, f"{what} {sentence}"


def hangs(place: Path) -> Failure:
    """The failure of a folder that does not answer."""
    return "timeout", f"{place} does not answer: a dead network mount; look at its server"


def not_mounted(place: Path) -> Failure:
    """The failure of a folder that is a mount no more."""
    return "not_found", f"nothing is mounted at {place}; mount it, and look why it went"


def is_mount(place: Path) -> bool:
    """Whether the kernel lists a mount there; asks its list, which does not touch the mount itself."""
    points = {mount.mountpoint for mount in psutil.disk_partitions(all=True) if mount.fstype != "autofs"}
    return os.path.normpath(place) in points or os.path.realpath(place) in points


def fail_for(failures: list[Failure]) -> None:
    """Raise the worst of the failures as CheckFailed, with the sentences of all; nothing if there are none."""
    if failures:
        worst = min((reason for reason, _ in failures), key=_WORST_FIRST.index)
        raise CheckFailed(worst, ". Also, ".join(sentence for _, sentence in failures))
