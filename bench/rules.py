"""Fifty alert rules: what evaluating them takes, beside Prometheus, and whether probes and health notice it.

Both evaluate the same file over the same samples, which stay while the window moves. Then the agent probes a fleet,
once without rules and once with fifty that see each of its nodes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.common import (
    Goal,
    compile_yardsticks,
    figure,
    goals_data,
    goals_table,
    load,
    machine,
    middle,
    program,
    progress,
    raise_file_limit,
    table,
)
from bench.node import Scp
from bench.rule_engines import Beside, Cost, Ours, beside
from bench.rule_load import RULES, STEP, fleet_series, write_rules
from bench.rule_watch import Watched, watch_agent

SIZES = {200: (1.0, 6), 2_000: (3.0, 4), 10_000: (10.0, 2)}
"""By how many series each rule sees: seconds between two evaluations, and how many are measured."""
INTERVAL = 15.0
"""Seconds between two evaluations in the agent."""
BEFORE, AFTER = 24, 40
"""Steps of samples before and after now: rules look back 5 minutes, and the bench takes some."""
LIMITS = {200: 1.0, 2_000: 10.0}
"""What the rules may take, in % of a core."""
USUAL = 0.010


@dataclass
class Row:
    """One size: what each repetition gave."""

    series: int
    ours: list[Cost]
    theirs: list[Cost]

    @property
    def ms(self) -> float | None:
        """CPU of one evaluation of all rules."""
        return middle(one.ms for one in self.ours)

    @property
    def percent(self) -> float | None:
        """Of one core, at the agent's interval."""
        return None if self.ms is None else self.ms / (INTERVAL * 10)

    @property
    def ratio(self) -> float | None:
        """Ours beside Prometheus in the same repetition."""
        return middle(mine.ms / other.ms for mine, other in zip(self.ours, self.theirs, strict=False))


def measure(folder: Path, sizes: Iterable[int], repeat: int) -> list[Row]:
    """Each size once, then each again."""
    rows, ours = [Row(size, [], []) for size in sizes], Ours()
    with ExitStack() as stack:
        server = stack.enter_context(beside(folder)) if program("prometheus") else None
        fill(ours, server, sizes)
        for number in range(repeat):
            for row in rows:
                interval, count = SIZES[row.series]
                progress(f"rules that see {row.series:,} series, {number + 1} of {repeat}")
                rules = write_rules(folder / f"{row.series}.json", f'fleet="{row.series}"', f"{interval:g}s")
                row.ours.append(ours.measure(rules, interval, count))
                if server is not None:
                    row.theirs.append(server.measure(rules, interval, count))
    return rows


def fill(ours: Ours, server: Beside | None, sizes: Iterable[int]) -> None:
    """The same samples for both."""
    now = int(time.time() * 1000) // STEP * STEP
    progress("writing samples")
    fleets = [list(fleet_series(size, now - BEFORE * STEP, now + AFTER * STEP)) for size in sizes]
    every = [series for fleet in fleets for series in fleet]
    ours.take(every)
    if server is not None:
        server.take(every)


def cost_table(rows: list[Row]) -> str:
    """Ours beside Prometheus."""
    lines = []
    for row in rows:
        theirs = middle(one.ms for one in row.theirs)
        each = [ms and ms * 1e3 / RULES / row.series for ms in (row.ms, theirs)]
        alerts = "/".join(str(given[-1].alerts) for given in (row.ours, row.theirs) if given)
        lines.append(
            [
                f"{row.series:,}",
                *(figure(ms) for ms in (row.ms, theirs)),
                *(figure(us) for us in each),
                figure(row.ratio, 2, "x"),
                figure(row.percent, 2, " %"),
                alerts,
            ]
        )
    head = [
        "each sees",
        "ms",
        "ms Prometheus",
        "µs a series",
        "Prometheus",
        "ratio",
        f"core at {INTERVAL:g} s",
        "alerts",
    ]
    return table(f"CPU of one evaluation of {RULES} rules (medians)", head, lines)


def watch_table(watched: dict[str, Watched]) -> str:
    """What probes and health notice of the rules."""
    rows = [
        ["probes a second", *(figure(one.rate) for one in watched.values())],
        ["start, late p50 ms", *(figure(one.late_ms(0.5), 2) for one in watched.values())],
        ["start, late p99 ms", *(figure(one.late_ms(0.99), 2) for one in watched.values())],
        ["started within 5 ms", *(f"{one.within(0.005):.3%}" for one in watched.values())],
        ["/health, p50 ms", *(figure(one.health_ms(0.5)) for one in watched.values())],
        ["/health, p99 ms", *(figure(one.health_ms(0.99)) for one in watched.values())],
        ["/health, longest ms", *(figure(one.health_ms(1.0)) for one in watched.values())],
        ["rules evaluated", *(figure(one.evaluations) for one in watched.values())],
        ["last evaluation, s", *(figure(one.evaluation_seconds) for one in watched.values())],
        ["CPU of all processes, % of one core", *(figure(one.cpu_percent) for one in watched.values())],
    ]
    return table("The agent meanwhile", ["", *watched], rows)


def goals(rows: list[Row], with_rules: Watched | None) -> list[Goal]:
    """The goals of this project, and what was measured."""
    found = [
        Goal(f"{RULES} rules that see {row.series:,} series, of one core", row.percent, LIMITS[row.series], " %")
        for row in rows
        if row.series in LIMITS
    ]
    late, health = (with_rules.late_ms(0.99), with_rules.health_ms(1.0)) if with_rules else (None, None)
    return [
        *found,
        Goal("probes start late beside rules, p99", late, 5, " ms"),
        Goal("longest answer of /health beside rules", health, 100, " ms"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=4_500, help="in the agent that is watched; 0: no agent")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the agent is watched")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="whether it works, not how fast")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    raise_file_limit()
    busy, sizes = load(), [200] if asked.quick else list(SIZES)
    watched: dict[str, Watched] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = measure(folder, sizes, 1 if asked.quick else asked.repeat)
        if asked.nodes and not asked.quick:
            with Scp(folder, compile_yardsticks(folder), (USUAL,)) as scp:
                for place, what in enumerate(("without rules", f"with {RULES} rules")):
                    home = folder / str(place)
                    watched[what] = watch_agent(home, scp.port(USUAL), asked.nodes, asked.seconds, place > 0, what)
    progress("")
    found = goals(rows, next(reversed(watched.values()), None))
    if asked.json:
        told = {"machine": machine(), "rules": RULES, "sizes": [asdict(row) for row in rows]}
        agent = {what: one.data() for what, one in watched.items()}
        print(json.dumps({**told, "agent": agent, "goals": goals_data(found)}, indent=2))
        return 0
    print(f"{machine()}; {RULES} rules", busy, cost_table(rows), sep="\n")
    if watched:
        print(watch_table(watched))
    print(goals_table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
