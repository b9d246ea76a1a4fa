"""Debian's amtool (0.25) as the judge of Alertmanager's files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pacs_monitor.routing.matching import make_matcher, printed
from tests.peers.process import program


def amtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [program("amtool", "prometheus-alertmanager"), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False)


def verdict(file: Path) -> str:
    """What `amtool check-config` has against a file; "" if it takes it."""
    done = amtool("check-config", file)
    if done.returncode == 0:
        return ""
    return done.stdout.partition("FAILED: ")[2].strip() or done.stderr.strip()[:200]


def receivers(file: Path, labels: dict[str, str]) -> str:
    """Who is told of an alert."""
    pairs = [printed(make_matcher("=", name, value)) for name, value in labels.items()]
    done = amtool("config", "routes", "test", f"--config.file={file}", *pairs)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def drawn(file: Path) -> str | None:
    """All routes; None if it refuses the file."""
    done = amtool("config", "routes", "show", f"--config.file={file}")
    return done.stdout.removeprefix("Routing tree:\n").rstrip("\n") if done.returncode == 0 else None
