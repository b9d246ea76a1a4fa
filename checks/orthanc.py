"""Orthanc from within: what is stored and for how long, how full it is, and what of its work fails or waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, PrivateAttr, model_validator

from pacs_monitor.check import (
    CheckFailed,
    Counter,
    Duration,
    FilePath,
    Gauge,
    NodeCheck,
    PlainText,
    Ratio,
    Reason,
    Sample,
    Secret,
    Size,
    Url,
)
from pacs_monitor.memory import NotSaved
from pacs_monitor.orthanc import OrthancSettings, check_login

if TYPE_CHECKING:  # the client, and what imports it, is for runs alone
    from pacs_monitor.orthanc.client import Orthanc as Rest
    from pacs_monitor.orthanc.facts import FailedJob, Jobs, Statistics, System, Targets
    from pacs_monitor.orthanc.growth import Log

STUDIES = Gauge("pacs_orthanc_studies", "Studies that are stored.")
SERIES = Gauge("pacs_orthanc_series", "Series that are stored.")
INSTANCES = Gauge("pacs_orthanc_instances", "Instances that are stored.")
DISK = Gauge("pacs_orthanc_disk_bytes", "What they take on Orthanc's disk.")
MAXIMUM = Gauge("pacs_orthanc_maximum_bytes", "MaximumStorageSize: beyond it Orthanc deletes or rejects.")
USED = Gauge("pacs_orthanc_used_ratio", "Share of MaximumStorageSize that is used, where there is one.")
OLDEST = Gauge("pacs_orthanc_oldest_timestamp_seconds", "When the oldest that is still stored was received.")
KEPT_SINCE = Gauge("pacs_orthanc_kept_since_timestamp_seconds", "What came before that is deleted, as far as is known.")
JOBS = Gauge("pacs_orthanc_jobs", "Jobs that Orthanc knows of, by state.", ("job_state",))
OLDEST_JOB = Gauge("pacs_orthanc_oldest_waiting_job_timestamp_seconds", "Since when the oldest job waits for its turn.")
JOBS_FAILED = Counter("pacs_orthanc_jobs_failed_total", "Jobs that failed, by type and target.", ("job_type", "target"))
MODALITIES = Gauge("pacs_orthanc_modalities", "Modalities in Orthanc's configuration.")
PEERS = Gauge("pacs_orthanc_peers", "Peers in Orthanc's configuration.")
REACHED = Gauge(
    "pacs_orthanc_target_up", "Whether Orthanc reaches a modality or peer, of those asked for.", ("target",)
)
STUDIES_IN = Counter("pacs_orthanc_received_studies_total", "Studies received, by first modality.", ("dicom_modality",))
IMAGES_IN = Counter("pacs_orthanc_received_instances_total", "Instances received, by modality.", ("dicom_modality",))
BYTES_IN = Counter("pacs_orthanc_received_bytes_total", "Bytes received, by modality.", ("dicom_modality",))
INFO = Gauge(
    "pacs_orthanc_info", "Versions and mode; always 1.", ("orthanc_version", "database_version", "storage_mode")
)
CHANGED = Gauge("pacs_orthanc_version_changed_timestamp_seconds", "When these versions were first seen.")

LONGEST_ECHO = 3.0
"""Seconds that a modality or peer has to answer Orthanc."""

T = TypeVar("T")
Failure = tuple[Reason, str]


class Orthanc(NodeCheck):
    """Ask Orthanc's REST API how full it is, how long it keeps images, who sends how much, and which jobs fail."""

    url: Url
    """The REST API's address, such as http://10.0.0.5:8042; redirects are not followed."""
    username: PlainText | None = None
    """The user, if it wants one; the right to read is enough."""
    password: Secret | None = None
    """The user's password, as ${VARIABLE}; better: password_file."""
    password_file: FilePath | None = None
    """A file that holds the password; a last line break is dropped."""
    ca_file: FilePath | None = None
    """Certificates to trust instead of the system's (PEM), for https."""
    verify: bool = True
    """Whether to verify the server's certificate."""
    keep_at_least: Duration | None = None
    """It fails when Orthanc has deleted what came within this time, such as 90d."""
    maximum_storage: Size | None = None
    """Orthanc's MaximumStorageSize, for an Orthanc before 1.11.3, which does not tell it; its MB are MiB here."""
    used_warning: Ratio = 0.9
    """Shipped rules warn when a larger share of MaximumStorageSize is used, unless keep_at_least is set."""
    used_critical: Ratio = 0.97
    """It fails when a larger share is used and MaximumStorageMode is Reject: Orthanc refuses images when it is full."""
    job_waits: Duration = 3600.0
    """It fails when a job has waited longer for its turn."""
    echo_peers: Annotated[tuple[PlainText, ...], Field(max_length=16)] = ()
    """Modalities and peers, by their names in Orthanc, that Orthanc is made to reach at each run; none unless set."""
    settled: Duration = 3600.0
    """So long after its first image a series is counted among what was received."""

    thresholds: ClassVar[tuple[str, ...]] = ("keep_at_least", "used_warning", "used_critical", "job_waits")

    _log: Log | None = PrivateAttr(default=None)
    _kept: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        check_login("url", self.url, self.username, bool(self.password or self.password_file))
        if self.used_warning > self.used_critical:
            raise ValueError("used_warning is above used_critical; a warning comes first: lower it")
        return self

    def _login(self) -> OrthancSettings:
        return OrthancSettings(
            orthanc=self.url,
            username=self.username,
            password=self.password,
            password_file=self.password_file,
            ca_file=self.ca_file,
            verify=self.verify,
        )

    async def run(self) -> AsyncIterator[Sample]:
        """Yield what Orthanc says, then raise the failure with the sentences of all that is wrong."""
        from pacs_monitor.orthanc.client import Orthanc as Rest

        faults: list[Failure] = []
        with Rest(self._login(), 0.95 * self.time_left) as rest:
            try:
                async for sample in self._look(rest, faults):
                    yield sample
            except CheckFailed as failure:
                faults.append((failure.reason, failure.message))
        if faults:
            # Limits come last: they have alerts of their own, which say more.
            faults.sort(key=lambda fault: fault[0] == "threshold")
            raise CheckFailed(faults[0][0], ". Also, ".join(sentence for _, sentence in faults))

    async def _look(self, rest: Rest, faults: list[Failure]) -> AsyncIterator[Sample]:
        from pacs_monitor.orthanc import facts, wrong

        system = await self._ask(facts.system, rest)
        stored = await self._ask(facts.statistics, rest)
        maximum = system.maximum_bytes or self.maximum_storage
        for sample in _of_store(system, stored, maximum):
            yield sample
        faults += wrong.fullness(self.node.name, system, stored, maximum, self.used_critical)
        yield CHANGED(await self._first_seen(system))
        known = await self._ask(facts.targets, rest)
        yield MODALITIES(len(known.modalities))
        yield PEERS(len(known.peers))
        jobs = await self._ask(facts.jobs, rest, known)
        for sample in _of_jobs(jobs, await self._newly_failed(jobs)):
            yield sample
        faults += wrong.lateness(self.node.name, jobs, self.job_waits)
        async for sample in self._reach(rest, known, faults):
            yield sample
        async for sample in self._list_of_changes(rest, system, stored, faults):
            yield sample

    async def _ask(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            async with asyncio.timeout_at(self.surroundings.deadline):
                return await self.in_thread(function, *arguments)
        except TimeoutError:
            sentence = f"Orthanc's REST API {self.url} did not answer in time; look at its load, or lengthen timeout"
            raise CheckFailed("timeout", sentence) from None

    async def _first_seen(self, system: System) -> float:
        now = [system.version, system.database]
        seen = self._recall("versions")
        if not seen or seen[:2] != now:
            seen = [*now, time.time()]
            await self._keep("versions", seen)
        return float(seen[2])

    async def _newly_failed(self, jobs: Jobs) -> list[FailedJob]:
        """Those that failed since the last look; none at the first, which cannot know."""
        before = self._recall("failed_until")
        await self._keep("failed_until", max((before or "", *(job.completed for job in jobs.failed))))
        return [] if before is None else [job for job in jobs.failed if job.completed > before]

    async def _reach(self, rest: Rest, known: Targets, faults: list[Failure]) -> AsyncIterator[Sample]:
        from pacs_monitor.orthanc import facts, wrong

        unknown = [name for name in self.echo_peers if name not in known.modalities | known.peers]
        asked = [name for name in self.echo_peers if name not in unknown]
        away = []
        for place, name in enumerate(asked):
            # Half of the time is for those that do not answer.
            seconds = min(LONGEST_ECHO, 0.5 * rest.time_left / (len(asked) - place))
            there = await self._ask(facts.reach, rest, name, known, seconds)
            yield REACHED(float(there), target=name)
            away += [] if there else [name]
        faults += wrong.reachability(self.node.name, unknown, away)

    async def _list_of_changes(
        self, rest: Rest, system: System, stored: Statistics, faults: list[Failure]
    ) -> AsyncIterator[Sample]:
        from pacs_monitor.orthanc import growth, wrong

        log = self._log or self._remembered()
        if log is None:
            log = await self._ask(growth.begin, rest)
        self._log = log
        failure = None
        try:
            await self._ask(growth.read, rest, log, stored, time.time() - self.settled, system.filters_changes)
        except CheckFailed as error:
            failure = error
        await self._keep("at", log.at)
        await self._keep("watched", log.retention.to_remember())
        for sample in _of_list(log):
            yield sample
        since = log.retention.kept_since()
        kept = None if since is None else time.time() - since
        faults += wrong.retention(self.node.name, kept, self.keep_at_least)
        if failure is not None:
            raise failure

    def _remembered(self) -> Log | None:
        from pacs_monitor.orthanc.growth import Log
        from pacs_monitor.orthanc.retention import Retention

        at = self._recall("at")
        return None if at is None else Log(at, Retention.remembered(self._recall("watched") or []))

    def _recall(self, key: str) -> Any:
        return self._kept.get(key, self.memory.get(key))

    async def _keep(self, key: str, value: Any) -> None:
        if self._recall(key) == value:
            return
        self._kept[key] = value
        # The agent itself says that it cannot save. A look is as good without, and probe has no state file at first.
        with contextlib.suppress(NotSaved):
            await self.memory.put(key, value)


def _of_store(system: System, stored: Statistics, maximum: int | None) -> Iterator[Sample]:
    for metric, value in zip((STUDIES, SERIES, INSTANCES, DISK), stored, strict=True):
        yield metric(value)
    yield INFO(1, orthanc_version=system.version, database_version=system.database, storage_mode=system.storage_mode)
    if maximum:
        yield MAXIMUM(maximum)
        yield USED(stored.disk_bytes / maximum)


def _of_jobs(jobs: Jobs, failed: list[FailedJob]) -> Iterator[Sample]:
    for state, count in jobs.states.items():
        yield JOBS(count, job_state=state)
    if jobs.longest_wait is not None:
        yield OLDEST_JOB(time.time() - jobs.longest_wait)
    for job in failed:
        yield JOBS_FAILED(1, job_type=job.type, target=job.target)


def _of_list(log: Log) -> Iterator[Sample]:
    received, since = log.hand_over(), log.retention.kept_since()
    for metric, counts in (
        (STUDIES_IN, received.studies),
        (IMAGES_IN, received.instances),
        (BYTES_IN, received.disk_bytes),
    ):
        for modality, count in counts.items():
            yield metric(count, dicom_modality=modality)
    if log.oldest is not None:
        yield OLDEST(log.oldest)
    if since is not None:
        yield KEPT_SINCE(since)
