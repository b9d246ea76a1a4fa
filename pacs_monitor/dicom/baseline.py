"""What a node accepted and called itself when somebody last found it right, kept in a check's memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pacs_monitor.baselines import ACCEPT, BASELINE
from pacs_monitor.check import Calendar, Memory
from pacs_monitor.dicom.capability import Capability
from pacs_monitor.dicom.codec import printable

CHANGES = "changes"
LEARNING = "learning"
_A_WEEK = 6 * 86_400


class Baseline:
    """Learned, compared with, accepted anew. Nothing is written unless something changed."""

    def __init__(self, memory: Memory, site_time: Calendar) -> None:
        self._memory = memory
        self._now = site_time.now()

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return self._memory.get(BASELINE) is not None

    @property
    def at(self) -> float:
        """When it was learned or accepted, in Unix time."""
        return float(self._memory.get(BASELINE)["at"])

    def taken(self, asked: Iterable[Capability]) -> frozenset[Capability]:
        """Those that were accepted then."""
        keys = set((self._memory.get(BASELINE) or {}).get("accepted", ()))
        return frozenset(one for one in asked if one.key in keys)

    async def accept(self, asked: tuple[Capability, ...], taken: frozenset[Capability], peer: tuple[str, str]) -> None:
        """Take what is found now as the baseline, if somebody asked for that."""
        if self._memory.get(ACCEPT) is not None:
            await self._save(frozenset(asked), taken, peer)
            await self._memory.delete(ACCEPT)

    async def compare(
        self, asked: tuple[Capability, ...], taken: frozenset[Capability], peer: tuple[str, str], learn: int
    ) -> None:
        """Note what differs and since when; without a baseline learn one, after so many equal answers (0: never)."""
        if self.known:
            await self._note(asked, taken, peer)
        elif learn:
            answer = {"accepted": sorted(one.key for one in taken), "peer": list(peer)}
            before = self._memory.get(LEARNING) or {}
            runs = before.get("runs", 0) + 1 if before.get("answer") == answer else 1
            if runs >= learn:
                await self._save(frozenset(asked), taken, peer)
                await self._memory.delete(LEARNING)
            else:
                await self._memory.put(LEARNING, {"answer": answer, "runs": runs})

    async def _save(self, asked: frozenset[Capability], taken: frozenset[Capability], peer: tuple[str, str]) -> None:
        saved = {
            "accepted": sorted(one.key for one in taken),
            "asked": sorted(one.key for one in asked),
            "peer": [printable(text) for text in peer],
            "at": self._now.timestamp(),
        }
        await self._memory.put(BASELINE, saved)
        await self._memory.delete(CHANGES)

    async def _note(self, asked: tuple[Capability, ...], taken: frozenset[Capability], peer: tuple[str, str]) -> None:
        saved, noted, now = self._memory.get(BASELINE), self._memory.get(CHANGES), self._now.timestamp()
        saved = await self._with_new(saved, asked, taken)
        was, known = set(saved["accepted"]), noted or {"keys": {}, "peer": None}
        differ = [one.key for one in asked if (one.key in was) != (one in taken)]
        answers = [printable(text) for text in peer]
        other = known["peer"] if known["peer"] and known["peer"]["now"] == answers else {"now": answers, "since": now}
        found: dict[str, Any] = {
            "keys": {key: known["keys"].get(key, now) for key in differ},
            "peer": None if answers == saved["peer"] else other,
        }
        if found != known:
            await self._memory.put(CHANGES, found)

    async def _with_new(
        self, saved: dict[str, Any], asked: tuple[Capability, ...], taken: frozenset[Capability]
    ) -> dict[str, Any]:
        """What was never asked for before is no change of the node's: it joins the baseline as it is."""
        before = set(saved["asked"])
        new = [one for one in asked if one.key not in before]
        if not new:
            return saved
        saved = {
            **saved,
            "asked": sorted({*before, *(one.key for one in new)}),
            "accepted": sorted({*saved["accepted"], *(one.key for one in new if one in taken)}),
        }
        await self._memory.put(BASELINE, saved)
        return saved

    def changes(self, asked: Iterable[Capability]) -> list[tuple[Capability, str]]:
        """What differs, with `lost` or `new`."""
        noted, was = self._noted["keys"], set(self._memory.get(BASELINE)["accepted"])
        return [(one, "lost" if one.key in was else "new") for one in asked if one.key in noted]

    def other_version(self) -> tuple[float, str, str] | None:
        """Since when it calls itself otherwise, how, and how before; None if it does not."""
        peer = self._noted["peer"]
        if not peer:
            return None
        was, now = self._memory.get(BASELINE)["peer"], peer["now"]
        # The version is what people know; the UID tells where the version is the same, or none is sent.
        place = 1 if was[1] != now[1] else 0
        return float(peer["since"]), now[place], was[place]

    def since(self, lost: Iterable[Capability]) -> str:
        """For people, since when the first of them is lost."""
        keys = self._noted["keys"]
        first = min((keys[one.key] for one in lost if one.key in keys), default=self._now.timestamp())
        then = self._now.fromtimestamp(first, self._now.tzinfo)
        return f"{then:%A %H:%M}" if self._now.timestamp() - first < _A_WEEK else f"{then:%Y-%m-%d %H:%M}"

    @property
    def _noted(self) -> dict[str, Any]:
        return self._memory.get(CHANGES) or {"keys": {}, "peer": None}
