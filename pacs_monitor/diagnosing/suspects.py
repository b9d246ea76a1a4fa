"""The usual suspects: what people get wrong most often, each tried once, one association after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from pacs_monitor.check import perf_counter
from pacs_monitor.diagnosing.diagnosis import Evidence, Step, Target
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.rejections import rejection_labels
from pacs_monitor.units import check_ae_title

PORTS = (104, 11112, 4242, 2762)
"""Where DICOM listens most often: the registered port, that of many archives, Orthanc's, and that for TLS."""
OVER_TLS = 2762
MOST_TITLES = 4

Ask = Callable[[Target, Address, float], Awaitable[Outcome]]
"""One association with a C-ECHO and nothing else, by a deadline on the loop's clock."""
Until = Callable[[int], float]
"""When a look must have ended if so many share the time that is left."""


def titles_like(title: str) -> list[str]:
    """Other ways of writing an AE title that it may be mistaken for, the likeliest first."""
    bare = title.strip()
    ways = [bare.upper(), bare.lower(), bare.replace("-", "_"), bare.replace("_", "-"), bare.replace(" ", "_")]
    ways += [way.upper() for way in ways[2:]]
    ways += [bare.replace("-", "").replace("_", "").replace(" ", "").upper()]
    found = [check_ae_title(way) for way in ways if way]
    return [way for way in dict.fromkeys(found) if way != title][:MOST_TITLES]


class Suspects:
    """Tries them at one address; what is found goes into the evidence."""

    def __init__(self, evidence: Evidence, say: Callable[[Step], None], ask: Ask, until: Until) -> None:
        self._evidence = evidence
        self._say = say
        self._ask = ask
        self._until = until

    async def another_called_title(self, address: Address) -> None:
        """Does it answer to its title in another spelling?"""
        target = self._evidence.target
        title, known = await self._first(
            titles_like(target.called), address, lambda way: replace(target, called=way), "it answers to", "answer to"
        )
        self._evidence.answers_to, self._evidence.knows_us = title, known

    async def another_calling_title(self, address: Address) -> None:
        """Does it know ours in another spelling?"""
        target = self._evidence.target
        ways = titles_like(target.calling)
        self._evidence.knows_us_as, _ = await self._first(
            ways, address, lambda way: replace(target, calling=way), "it takes associations from", "take"
        )

    async def _first(
        self, ways: list[str], address: Address, as_written: Callable[[str], Target], does: str, verb: str
    ) -> tuple[str, bool]:
        """The first spelling that is right, and whether the association is taken with it."""
        started = perf_counter()
        for place, way in enumerate(ways):
            target = as_written(way)
            outcome = await self._ask(target, address, self._until(len(ways) - place))
            taken = outcome.accepted is not None
            of_us = outcome.rejected is not None and rejection_labels(outcome.rejected)[1] == "calling_ae_title"
            if taken or (of_us and way == target.called):
                then = "" if taken else f", and then does not know our AE title {target.calling}"
                self._say(Step("look closer", "ok", perf_counter() - started, f"{does} {way}{then}"))
                return way, taken
        if ways:
            tried = f"it does not {verb} {', '.join(ways)} either"
            self._say(Step("look closer", "ok", perf_counter() - started, tried))
        return "", False

    async def other_ports(self, address: Address, over_tls: Ask) -> None:
        """Does DICOM listen elsewhere on the same machine?"""
        started, family, where = perf_counter(), address[0], address[1]
        target = self._evidence.target
        ports = [port for port in PORTS if port != target.port]
        closed = []
        for place, port in enumerate(ports):
            ask = over_tls if port == OVER_TLS else self._ask
            there = (family, (where[0], port, *where[2:]))
            outcome = await ask(replace(target, port=port, tls=None), there, self._until(len(ports) - place))
            if outcome.accepted is None and outcome.rejected is None and outcome.aborted is None:
                closed.append(str(port))
                continue
            self._evidence.other_port = port
            self._evidence.other_port_takes_us = outcome.accepted is not None
            takes = "takes the association" if outcome.accepted is not None else "refuses the association"
            tls = " over TLS" if port == OVER_TLS else ""
            detail = f"port {port} of the same machine speaks DICOM{tls}, and {takes}"
            self._say(Step("look closer", "ok", perf_counter() - started, detail))
            return
        detail = f"no DICOM on its ports {', '.join(closed)} either"
        self._say(Step("look closer", "ok", perf_counter() - started, detail))
