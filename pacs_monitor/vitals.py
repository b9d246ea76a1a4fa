"""What the agent tells of itself: read from where it is counted anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pacs_monitor.context import Context
from pacs_monitor.results import Results
from pacs_monitor.settings import Configuration
from pacs_monitor.state import State
from pacs_monitor.workers import Workers


class Reloads:
    """How often the configuration was read anew, and how that went."""

    def __init__(self) -> None:
        self.outcomes = {"success": 0, "failure": 0}
        self.last_worked = True
        self.in_force_since = time.time()

    def note(self, worked: bool) -> None:
        """One more."""
        self.outcomes["success" if worked else "failure"] += 1
        self.last_worked = worked
        if worked:
            self.in_force_since = time.time()


class Vitals:
    """The agent's own figures, and what keeps it from being ready."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        results: Results,
        context: Context,
        state: State,
        workers: Workers,
        reloads: Reloads,
    ) -> None:
        self._configuration = configuration
        self._results = results
        self._context = context
        self._state = state
        self._workers = workers
        self._reloads = reloads

    def problems(self) -> list[str]:
        """Why the agent is not ready; nothing if it is."""
        found = []
        if self._state.failing:
            found.append(f"state is not being saved: {self._state.failing}")
        if not self._workers.alive:
            found.append("no worker is running")
        return found

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """(name, help, value) of each."""
        configuration, counters, workers = self._configuration(), self._workers.counters, self._workers
        broken = counters.broken + len(configuration.broken)
        yield "pacs_monitor_nodes", "Nodes in the configuration.", len(configuration.nodes)
        yield "pacs_monitor_checks", "Checks in the configuration.", len(configuration.checks)
        yield "pacs_monitor_workers", "Worker processes that give signs of life.", workers.alive
        yield "pacs_monitor_broken_checks", "Check files that cannot be used, and checks that could not start.", broken
        yield "pacs_monitor_abandoned_threads", "Threads of checks that hang and were left.", workers.abandoned
        yield (
            "pacs_monitor_config_last_reload_successful",
            "Whether the last attempt to reload the configuration succeeded.",
            float(self._reloads.last_worked),
        )
        yield (
            "pacs_monitor_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read, in Unix time.",
            self._reloads.in_force_since,
        )
        yield "pacs_monitor_state_saved", "Whether the last change of state was saved.", float(not self._state.failing)
        yield "pacs_monitor_cut_off", "Whether the agent itself seems cut off.", float(self._context.cut_off)

    def counters(self) -> Iterator[tuple[str, str, str, dict[str, float]]]:
        """(name, help, label, values) of each."""
        counters = self._workers.counters
        restarts = _all_of(("crashed", "hung", "abandoned"), counters.restarts)
        yield "pacs_monitor_worker_restarts_total", "Workers that were replaced, and why.", "reason", restarts
        skipped = _all_of(("running", "hanging"), counters.skipped)
        yield "pacs_monitor_runs_skipped_total", "Runs that were due and not started, and why.", "reason", skipped
        reloads = _all_of((), self._reloads.outcomes)
        yield "pacs_monitor_config_reloads_total", "Reloads of the configuration.", "outcome", reloads
        for name, help, value in (
            ("pacs_monitor_dns_failures_total", "Names that could not be resolved.", counters.dns_failures),
            ("pacs_monitor_missed_rounds_total", "Rounds that the machine slept through.", counters.missed_rounds),
            ("pacs_monitor_clock_steps_total", "Times that somebody set the clock.", counters.clock_steps),
            ("pacs_monitor_series_dropped_total", "Series that a check may not have.", self._results.dropped_series),
        ):
            yield name, help, "", {"": float(value)}


def _all_of(words: tuple[str, ...], counted: dict[str, int]) -> dict[str, float]:
    """Every word from zero: a counter that appears with its first event has lost it."""
    return dict.fromkeys(words, 0.0) | {word: float(count) for word, count in dict(counted).items()}
