"""A trial: alerts fire and end, the agent is killed again and again, and in the end all must have been told."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.reliability import child
from tests.reliability import receivers as made
from tests.reliability.receivers import Receivers, Told, receivers

POINTS = (*child.OWN_POINTS[:4], *made.POINTS, *child.OWN_POINTS[4:], "any moment")
LONGEST_ROUND = 45.0
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.reliability.child"])


@dataclass
class Verdict:
    """What came of a trial."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By point and behaviour."""
    missed: int = 0
    """Rounds in which the agent never came to the point."""
    promised: int = 0
    """Beginnings and ends of alerts, once for each channel that is to hear of it."""
    told: int = 0
    lost: list[tuple[str, str, str]] = field(default_factory=list)
    """Channel, alert and status."""
    stale: list[tuple[str, str, str]] = field(default_factory=list)
    """Alerts of which a channel heard something else last than what is."""
    repeated: int = 0
    """Taken again with the same key: a receiver that knows it takes it once."""
    renewed: int = 0
    """Alerts that were told again in a notification that says something new of their group."""
    unexplained: list[tuple[str, str, str]] = field(default_factory=list)
    """Channel, what was said, and key: the same as before with another key, or nothing at all."""
    drained: bool = True

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return self.drained and not (self.lost or self.stale or self.unexplained)


class Agent:
    """The process that is killed, while it lives."""

    def __init__(self, setup: child.Setup) -> None:
        self.pipe, theirs = _processes.Pipe()
        self._process = _processes.Process(target=child.main, args=(setup, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        assert self._process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)

    def ask(self, name: str, what: Any = None) -> Any:
        """The answer. Raises EOFError or OSError if it has died."""
        self.pipe.send((name, what))
        if not self.pipe.poll(LONGEST_ROUND):
            raise AssertionError(f"the agent does not answer {name}")
        return self.pipe.recv()[1]

    def bury(self) -> None:
        self.kill()
        self._process.join()
        self._process.close()
        self.pipe.close()


class Trial:
    """Rounds of (point, behaviour), each with one kill; then all is well and everything is told."""

    def __init__(
        self,
        folder: Path,
        rounds: Sequence[tuple[str, str]],
        seed: int,
        mistake: str = "",
        badly: float = 0.6,
        countdown: tuple[int, int] = (1, 4),
        drain: float = 60.0,
    ) -> None:
        """It dies when it comes to a point so often (`countdown`).

        `badly` is the share of tries that are met so, `drain` the seconds that telling all may take in the end.
        """
        self._folder, self._rounds, self._mistake, self._countdown = folder, rounds, mistake, countdown
        self._badly, self._longest_drain = badly, drain
        self._random = random.Random(seed)
        self._seed = seed
        self._count = 0
        self._waiting: dict[str, tuple[dict[str, str], int]] = {}
        """Alerts that are not promised yet."""
        self._firing: list[str] = []
        self._ended: list[str] = []
        self._unsure: set[str] = set()
        """Alerts that were to end when the agent died: it may have written that, or not."""
        self._kinds: dict[str, str] = {}
        self._verdict = Verdict()

    def run(self) -> Verdict:
        with receivers(self._seed, self._badly) as every:
            for point, behaviour in self._rounds:
                self._round(every, point, behaviour)
            every.behaviour = "well"
            self._drain(every)
            self._judge(every.told)
        return self._verdict

    def _setup(self, every: Receivers, point: str = "") -> child.Setup:
        countdown = self._random.randint(*self._countdown)
        at = point if point in child.OWN_POINTS else ""
        return child.Setup(self._folder, every.http, every.smtp, at, countdown, self._mistake)

    def _round(self, every: Receivers, point: str, behaviour: str) -> None:
        every.behaviour = behaviour
        agent = Agent(self._setup(every, point))
        if point in made.POINTS:
            every.arm(point, self._random.choice(["http", "smtp"]), self._random.randint(*self._countdown), agent.kill)
        ends = time.monotonic() + LONGEST_ROUND
        dies = time.monotonic() + self._random.uniform(0.05, 1.5)
        try:
            while time.monotonic() < ends:
                if point == "any moment" and time.monotonic() >= dies:
                    agent.kill()
                self._feed(agent)
                time.sleep(self._random.uniform(0, 0.05))
            self._verdict.missed += 1
        except (EOFError, OSError):
            self._verdict.kills[point, behaviour] += 1
        every.disarm()
        agent.bury()

    def _feed(self, agent: Agent) -> None:
        """Have some alerts begin and some end."""
        if self._random.random() < 0.4:
            self._invent()
        if self._waiting:
            self._promised(agent.ask("fire", list(self._waiting.values())))
        over = [id for id in self._firing if self._random.random() < 0.15]
        if over:
            self._resolve(agent, over)
        elif not self._waiting:
            agent.ask("idle")

    def _invent(self) -> None:
        self._count += 1
        id = f"a{self._count}"
        kind = self._random.choice(["alone", "shared"])
        labels = {"alertname": "NodeDown", "id": id, "kind": kind, "batch": str(self._count // 6)}
        self._waiting[id] = labels, round(time.time() * 1000)
        self._kinds[id] = kind

    def _promised(self, ids: Iterable[str]) -> None:
        for id in ids:
            del self._waiting[id]
            self._firing.append(id)

    def _resolve(self, agent: Agent, ids: Iterable[str]) -> None:
        before = set(self._unsure)
        self._unsure.update(ids)
        for id in agent.ask("resolve", ids):
            self._firing.remove(id)
            self._ended.append(id)
        self._unsure = before - set(self._ended)

    def _drain(self, every: Receivers) -> None:
        """Have most alerts end, and wait until all is told."""
        agent = Agent(self._setup(every))
        if self._waiting:
            self._promised(agent.ask("fire", list(self._waiting.values())))
        over = [id for id in self._firing if self._random.random() < 0.7 and id not in self._unsure]
        ends = time.monotonic() + self._longest_drain
        while time.monotonic() < ends:
            self._resolve(agent, [id for id in over if id in self._firing])
            if agent.ask("idle"):
                self._verdict.lost += [("the agent", id, "known") for id in over if id in self._firing]
                break
            time.sleep(0.05)
        else:
            self._verdict.drained = False
        with suppress(EOFError, OSError):
            agent.ask("stop")
        agent.bury()

    # What came of it.

    def _judge(self, told: list[Told]) -> None:
        for channel in ("team webhook", "team email", "ops webhook"):
            self._judge_channel(channel, [one for one in told if one.channel == channel])

    def _judge_channel(self, channel: str, told: list[Told]) -> None:
        verdict, ends_too = self._verdict, channel != "ops webhook"
        began = {id for one in told for id, status in one.alerts if status == "firing" or id in one.late}
        ended = {id for one in told for id, status in one.alerts if status == "resolved"}
        last = {id: status for one in told if not one.note for id, status in one.alerts}
        of_all = [id for id in (*self._firing, *self._ended) if ends_too or self._kinds[id] == "alone"]
        promises = [(id, "firing") for id in of_all] + [(id, "resolved") for id in self._ended if ends_too]
        verdict.promised += len(promises)
        for id, status in promises:
            if id not in (began if status == "firing" else ended):
                verdict.lost.append((channel, id, status))
            else:
                verdict.told += 1
        over = set(self._ended)
        for id in set(of_all) - self._unsure:
            if id in last and last[id] != ("resolved" if id in over else "firing") and ends_too:
                verdict.stale.append((channel, id, last[id]))
        self._count_repeats(channel, told)

    def _count_repeats(self, channel: str, told: list[Told]) -> None:
        said: dict[frozenset[tuple[str, str]], str] = {}
        keys: set[str] = set()
        known: set[tuple[str, str]] = set()
        for one in told:
            if one.key in keys:
                self._verdict.repeated += 1
            elif not one.alerts or (one.alerts in said and not one.note):  # a note tells of another's notification
                self._verdict.unexplained.append((channel, " and ".join(sorted(map(" ".join, one.alerts))), one.key))
            else:
                self._verdict.renewed += len(known & one.alerts)
            keys.add(one.key)
            known |= one.alerts
            if not one.note:
                said.setdefault(one.alerts, one.key)
