"""Is any notification lost? The agent's routes are killed at every step, while receivers behave well or badly.

Each row of the table is a trial of its own: a state file, a web server, a mail server, and alerts that fire and end
while the process is killed by SIGKILL again and again. In the end all is well, everything is told, and it is counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.common import Goal, goals_data, goals_table, load, machine, progress, table  # noqa: E402
from tests.reliability.receivers import BEHAVIOURS  # noqa: E402
from tests.reliability.trial import POINTS, Trial, Verdict  # noqa: E402

Cell = tuple[str, str]
HEAD = ["kills", "promised", "told", "lost", "same key", "more news", "twice"]
COUNTDOWN = (1, 10)
"""How often the process comes to a point before it is killed there."""


def main() -> None:
    options = _options()
    cells = [(point, behaviour) for point in POINTS for behaviour in options.receivers]
    print(f"{machine()}; {load()}; seed {options.seed}", file=sys.stderr if options.json else sys.stdout)
    began = time.monotonic()
    verdicts = run(cells, options.kills, options.seed, options.at_once)
    goals = goals_of(verdicts.values(), options.kills * len(cells))
    if options.json:
        print(json.dumps({"rows": [data(*row) for row in verdicts.items()], "goals": goals_data(goals)}))
    else:
        rows = [[*cell, *counts_of([verdict])] for cell, verdict in verdicts.items()]
        print(table("Killed by SIGKILL, started again", ["killed", "receivers", *HEAD], rows))
        for place, what in enumerate(("killed", "receivers")):
            print(table(f"The same, by one of both: {what}", [what, *HEAD], sums(verdicts, place)))
        print(f"\n{time.monotonic() - began:.0f} s in all")
        print(goals_table(goals))
    sys.exit(not all(verdict.kept for verdict in verdicts.values()))


def run(cells: Sequence[Cell], kills: int, seed: int, at_once: int) -> dict[Cell, Verdict]:
    """A trial for each cell, some at once: they wait most of the time."""

    def one(numbered: tuple[int, Cell]) -> Verdict:
        number, cell = numbered
        progress(f"{number + 1} of {len(cells)}: {' / '.join(cell)}")
        with TemporaryDirectory(prefix="pacs-reliability-") as folder:
            return Trial(Path(folder), [cell] * kills, seed * 1000 + number, countdown=COUNTDOWN, drain=120).run()

    with ThreadPoolExecutor(at_once) as pool:
        return dict(zip(cells, pool.map(one, enumerate(cells)), strict=True))


def counts_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Cells of a table, as HEAD has them."""
    counts = [sum(one.kills.total() for one in verdicts), sum(one.promised for one in verdicts)]
    counts += [sum(one.told for one in verdicts), sum(len(one.lost) + len(one.stale) for one in verdicts)]
    counts += [sum(one.repeated for one in verdicts), sum(one.renewed for one in verdicts)]
    return [f"{count:,}" for count in (*counts, sum(len(one.unexplained) for one in verdicts))]


def sums(verdicts: Mapping[Cell, Verdict], place: int) -> list[list[str]]:
    """A row for each point, or for each behaviour, and one for all."""
    names = dict.fromkeys(cell[place] for cell in verdicts)
    rows = [[name, *counts_of([one for cell, one in verdicts.items() if cell[place] == name])] for name in names]
    return [*rows, ["all", *counts_of(list(verdicts.values()))]]


def data(cell: Cell, verdict: Verdict) -> dict[str, Any]:
    found = asdict(verdict)
    return {**found, "kills": verdict.kills.total(), "point": cell[0], "receivers": cell[1], "kept": verdict.kept}


def goals_of(verdicts: Iterable[Verdict], wanted: int) -> list[Goal]:
    every = list(verdicts)
    return [
        Goal("kills", sum(one.kills.total() for one in every), wanted, at_least=True),
        Goal("promised and not told", sum(len(one.lost) for one in every), 0),
        Goal("told, but not the last of it", sum(len(one.stale) for one in every), 0),
        Goal("told twice with another key", sum(len(one.unexplained) for one in every), 0),
        Goal("trials that did not come to an end", sum(not one.drained for one in every), 0),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=6, help="in each trial")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=6, help="trials that run side by side")
    parser.add_argument("--receivers", nargs="+", choices=BEHAVIOURS, default=BEHAVIOURS)
    parser.add_argument("--quick", action="store_true", help="one kill at each point, receivers that behave well")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.kills, options.receivers = 1, ["well"]
    return options


if __name__ == "__main__":
    main()
