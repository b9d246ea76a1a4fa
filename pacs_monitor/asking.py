"""Runs that a person asked for, until a worker has answered or is gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pacs_monitor import wire
from pacs_monitor.links import Link


@dataclass
class ProbeReport:
    """What one run gave, for the person who asked for it. Times in seconds."""

    started: float
    duration: float
    reason: str
    message: str
    samples: list[tuple[str, dict[str, str], float]]


@dataclass
class _Question:
    link: Link
    check: int
    answer: asyncio.Future[ProbeReport]


class Probes:
    """Questions that wait for their answer."""

    def __init__(self) -> None:
        self._questions: dict[int, _Question] = {}
        self._next = 1

    async def ask(self, link: Link, check: int) -> ProbeReport:
        """Ask a worker, or the one that takes its place. Raises ConnectionError if it ends meanwhile."""
        request, self._next = self._next, self._next + 1
        question = _Question(link, check, asyncio.get_running_loop().create_future())
        self._questions[request] = question
        if not link.replaced:
            link.send((wire.PROBE, request, check))
        try:
            return await question.answer
        finally:
            del self._questions[request]

    def answered(self, message: tuple[Any, ...]) -> None:
        """A wire.PROBED has come."""
        _, request, started, duration, reason, text, samples = message
        question = self._questions.get(request)
        if question is not None and not question.answer.done():
            told = [(name, dict(zip(names, values, strict=True)), value) for name, names, values, value in samples]
            question.answer.set_result(ProbeReport(started, duration, reason, text, told))

    def fail(self, link: Link, why: str) -> None:
        """The worker is gone: its questions have no answer."""
        for question in self._questions.values():
            if question.link is link and not question.answer.done():
                question.answer.set_exception(ConnectionError(why))

    def hand_over(self, link: Link, successor: Link) -> None:
        """Ask the successor what was meant for the worker before it, and came when that was gone."""
        for request, question in self._questions.items():
            if question.link is link and not question.answer.done():
                question.link = successor
                successor.send((wire.PROBE, request, question.check))
