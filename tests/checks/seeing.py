"""What the tests of the check arrivals have in common: its clock, its looks, and what they gave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from checks.arrivals import Arrivals
from pacs_monitor.node import Node
from pacs_monitor.settings import Hours
from pacs_monitor.sitetime import SiteTime
from tests.checks.support import DictMemory, Run, bind, run, until
from tests.peers.orthanc import Orthanc

LATENCY, NEGATIVE = "pacs_arrival_latency_seconds", "pacs_arrival_negative_latencies_total"
LAST, TODAY = "pacs_source_last_study_timestamp_seconds", "pacs_source_studies_today"
LIMIT, SILENT = "pacs_source_silence_limit_seconds", "pacs_source_silent_info"
UNMEASURED, AHEAD = "pacs_arrival_unmeasured_total", "pacs_source_clock_ahead_seconds"
BUCHAREST = ZoneInfo("Europe/Bucharest")


class Clock:
    """The time at the site: that of this machine, or as far beside it as a test wants."""

    def __init__(self, zone: str = "Europe/Bucharest", hours: dict[str, Hours] | None = None) -> None:
        self.moment: float | None = None
        self.site_time = SiteTime(zone, hours or {}, self.time)

    def time(self) -> float:
        return datetime.now(UTC).timestamp() if self.moment is None else self.moment


def now() -> datetime:
    return datetime.now(BUCHAREST)


def arrivals(port: int, called: str = "ORTHANC", memory: DictMemory | None = None, **settings: Any) -> Arrivals:
    """The check, bound to a node on this machine."""
    clock = settings.pop("clock", Clock())
    check = Arrivals.model_validate({"timeout": 60, **settings})
    node = Node(name="archive", host="127.0.0.1", port=port, ae_title=called)
    bind(check, node, memory or DictMemory(), clock.site_time)
    return check


def by_rest(orthanc: Orthanc, memory: DictMemory | None = None, **settings: Any) -> Arrivals:
    return arrivals(orthanc.dicom_port, memory=memory, **{"rest": {"orthanc": orthanc.url}, **settings})


async def look(check: Arrivals) -> Run:
    gave = await run(check, 60)
    assert gave.failure is None, gave.message
    return gave


async def begun(check: Arrivals) -> Arrivals:
    """After its first look, which finds no news."""
    gave = await look(check)
    assert gave.samples == []
    return check


def stable(orthanc: Orthanc) -> bool:
    return all(study["IsStable"] for study in orthanc.get("/studies?expand"))


async def measured(check: Arrivals, orthanc: Orthanc) -> Run:
    """What a look gives once Orthanc calls all studies stable."""
    await until(lambda: stable(orthanc), 60)
    return await look(check)


def labels(gave: Run, metric: str) -> list[tuple[str, ...]]:
    return [sample.labels for sample in gave.samples if sample.metric.name == metric]


def sources(gave: Run) -> dict[str, float]:
    return {sample.labels[0]: sample.value for sample in gave.samples if sample.metric.name == TODAY}
