"""A diagnosis in a test: to a port of this machine, at noon."""

from __future__ import annotations

from datetime import UTC, datetime

from pacs_monitor.diagnosing.walk import Step, Target, Verdict, diagnose
from pacs_monitor.node import Tls
from pacs_monitor.resolve import Resolver

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def here(port: int, called: str = "ARCHIVE", tls: Tls | None = None, timeout: float = 20.0) -> Target:
    return Target("127.0.0.1", port, called, tls=tls, timeout=timeout)


async def walk(target: Target, resolver: Resolver | None = None) -> tuple[list[Step], Verdict]:
    seen = [each async for each in diagnose(target, resolver=resolver, now=lambda: NOON)]
    verdict = seen.pop()
    assert isinstance(verdict, Verdict)
    return [step for step in seen if isinstance(step, Step)], verdict


def names(steps: list[Step]) -> list[tuple[str, str]]:
    """Names and states, the contexts but for Verification left out."""
    return [(step.name, step.state) for step in steps if step.name != "context" or "Verification" in step.detail]
