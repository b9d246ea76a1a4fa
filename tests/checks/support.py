"""Runs one check as the engine would, with a memory that a test can look into."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from pacs_monitor.check import AsyncIterator, Check, CheckFailed, Sample, Surroundings
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.node import Node
from pacs_monitor.resolve import Resolver
from pacs_monitor.settings import Hours
from pacs_monitor.sitetime import SiteTime


class DictMemory:
    """A memory that keeps what JSON can hold, and a record of everything that was ever put into it."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.staying: set[str] = set()
        self.record: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def items(self) -> list[tuple[str, Any]]:
        return list(self.kept.items())

    async def put(self, key: str, value: Any, *, keep: bool = False) -> None:
        text = json.dumps(value)
        self.record.append(f"{key}={text}")
        self.kept[key] = json.loads(text)
        if keep:
            self.staying.add(key)

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)


@dataclass
class Run:
    """What one run gave."""

    samples: list[Sample] = field(default_factory=list)
    failure: CheckFailed | None = None

    @property
    def reason(self) -> str:
        return self.failure.reason if self.failure else ""

    @property
    def message(self) -> str:
        return self.failure.message if self.failure else ""

    def value(self, metric: str, **labels: str) -> float | None:
        """The sum of the samples of a metric with these labels; None if there is none."""
        found = [
            sample.value
            for sample in self.samples
            if sample.metric.name == metric
            and labels.items() <= dict(zip(sample.metric.labelnames, sample.labels, strict=True)).items()
        ]
        return sum(found) if found else None


def bind(
    check: Check, node: Node | None = None, memory: DictMemory | None = None, site_time: SiteTime | None = None
) -> Check:
    site_time = site_time or SiteTime()
    check.bind(Surroundings(node, memory or DictMemory(), Resolver(), Budget(), site="test", site_time=site_time))
    return check


def site_at(text: str, zone: str = "Europe/Bucharest", **hours: Hours) -> SiteTime:
    """A site whose clocks show that moment, and go no further."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()
    return SiteTime(zone, hours, lambda: moment)


async def run(check: Check, seconds: float = 20.0) -> Run:
    """One run with its deadline, cut off a moment after it; OSErrors pass."""
    check.surroundings.deadline = asyncio.get_running_loop().time() + seconds
    gave = Run()
    try:
        async with asyncio.timeout(seconds + 5):
            async with contextlib.aclosing(cast(Any, check.run())) as samples:
                async for sample in cast(AsyncIterator[Sample], samples):
                    gave.samples.append(sample)
    except CheckFailed as failure:
        gave.failure = failure
    return gave


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until it is true; AssertionError if it takes longer."""
    ends = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < ends, "it did not come true in time"
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def complaint(text: str) -> Iterator[None]:
    """The block must raise pydantic's complaint with this text."""
    import pytest
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as raised:
        yield
    assert text in str(raised.value)
