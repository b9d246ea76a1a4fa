"""What the benches share: limits of this machine, programs that measure, tables, goals."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
YARDSTICK = ROOT / "bench" / "yardstick"
PATIENCE = 120
"""Seconds that one measurement may take."""


def raise_file_limit() -> None:
    """Let this process and its children open as many files as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def program(name: str) -> str | None:
    """Path of a program, also where only root looks for it; None if it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin")


def compile_yardsticks(folder: Path) -> dict[str, Path]:
    """The C programs, compiled into a folder; none without gcc."""
    gcc = program("gcc")
    if gcc is None:
        print("gcc is not installed: the C rows are left out, and a slower peer in Python answers", file=sys.stderr)
        return {}
    built = {}
    for source in sorted(YARDSTICK.glob("*.c")):
        built[source.stem] = folder / source.stem
        subprocess.run([gcc, "-O2", "-o", built[source.stem], source], check=True)
    return built


def python(module: str, *words: object) -> list[str]:
    """The command that runs a module of ours with words after it."""
    return [sys.executable, "-m", module, *map(str, words)]


def measure(command: Sequence[str | Path]) -> dict[str, Any]:
    """What a program says in JSON in its last line. Raises RuntimeError with its complaint if it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(map(str, command))} took more than {PATIENCE} s") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed; NaN if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def middle(values: Iterable[float | None]) -> float | None:
    """The median of those that are there, and numbers."""
    there = [value for value in values if value is not None and value == value]
    return median(there) if there else None


@dataclass(frozen=True)
class Goal:
    """What a figure should be, and what it was."""

    what: str
    measured: float | None
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """One word, or two."""
        if self.measured is None:
            return "not measured"
        met = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "met" if met else "missed"

    def row(self) -> list[str]:
        """Cells of a table."""
        sign = "≥" if self.at_least else "≤"
        return [self.what, f"{sign} {self.limit:g}{self.unit}", figure(self.measured, 4, self.unit), self.verdict]


def figure(value: float | None, digits: int = 3, unit: str = "") -> str:
    """A number with so many digits that count; a dash for none."""
    if value is None or value != value:
        return "-"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}{unit}"
    return f"{value:.{digits}g}{unit}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain text: the first column to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    for place, line in enumerate(lines):
        text[place] = line[0].ljust(widths[0]) + text[place][widths[0] :]
    return "\n".join(["", title, "", text[0], "  ".join("-" * width for width in widths), *text[1:]])


def goals_table(goals: Sequence[Goal]) -> str:
    """Goals beside what was measured."""
    return table("Goals", ["figure", "goal", "measured", ""], [goal.row() for goal in goals])


def goals_data(goals: Sequence[Goal]) -> list[dict[str, Any]]:
    """Goals as plain data."""
    return [{**asdict(goal), "verdict": goal.verdict} for goal in goals]


def progress(what: str) -> None:
    """Say in one line of a terminal what is measured now; nothing clears it."""
    if sys.stderr.isatty():
        print(f"\r{what:70}\r", end="", file=sys.stderr, flush=True)


def machine() -> str:
    """What was measured on."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "model name: unknown CPU")
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {model.partition(':')[2].strip()}; Python {platform.python_version()}"


def load() -> str:
    """How busy the machine is with other things."""
    return f"load average {os.getloadavg()[0]:.1f} at the start; figures of a busy machine swing, ratios less"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
