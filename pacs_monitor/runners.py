"""The checks of a worker, and what is left of those that were taken out: their runs end when they end."""

from __future__ import annotations

import asyncio

from pacs_monitor.runner import Runner


class Runners:
    """All runners of one worker, by the check's number."""

    def __init__(self) -> None:
        self._here: dict[int, Runner] = {}
        self._gone: list[Runner] = []

    def get(self, number: int) -> Runner | None:
        """The runner of a check."""
        return self._here.get(number)

    def put(self, runner: Runner) -> None:
        """Take a check in."""
        self._here[runner.number] = runner

    def drop(self, number: int) -> None:
        """Take a check out, and cancel its run; a thread of it that hangs goes on all the same."""
        runner = self._here.pop(number, None)
        if runner is not None:
            runner.cancel()
            self._gone.append(runner)

    def hanging(self) -> int:
        """Threads that were left behind, and runs that do not end though they were cancelled."""
        self._gone = [runner for runner in self._gone if runner.under_way or runner.hanging]
        return sum(runner.hanging for runner in self._all)

    async def ended(self, within: float) -> None:
        """Wait until the runs under way have ended by themselves, without those that hang; at most so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        # Again and again: one may have been queued behind another.
        while tasks := [runner.task for runner in self._all if runner.task and runner.under_way and not runner.hanging]:
            if loop.time() >= until:
                return
            await asyncio.wait(tasks, timeout=until - loop.time())

    async def cancelled(self, within: float) -> None:
        """End all runs, which releases their associations; wait for that, at most so many seconds."""
        tasks = [runner.task for runner in self._all if runner.task and runner.under_way]
        for runner in self._all:
            runner.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within)

    @property
    def _all(self) -> list[Runner]:
        return [*self._here.values(), *self._gone]
