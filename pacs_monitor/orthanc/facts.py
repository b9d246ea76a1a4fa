"""What Orthanc says of itself: version, limits, counts, jobs. Nothing of a patient passes. Blocks: for threads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from pacs_monitor.check import CheckFailed
from pacs_monitor.orthanc.client import Orthanc, TooLong

MOST_BYTES_OF_JOBS = 4 << 20
"""About 5,000 jobs; reading more would hold up the probes beside it."""
JOB_STATES = ("Pending", "Running", "Success", "Failure", "Paused", "Retry")
_TYPES = """
    Archive DicomGetScu DicomModalityStore DicomMoveScu DicomWebStowClient DicomWebWadoRetrieveClient Media MergeStudy
    OrthancPeerStore PullTransfer PushTransfer ResourceModification SplitStudy StorageCommitmentScp
"""
JOB_TYPES = frozenset(_TYPES.split())
"""Types of jobs that are told apart; others are `other`: plug-ins may call theirs what they want."""
MOST_TARGETS = 200
_MEBIBYTE = 1 << 20


class System(NamedTuple):
    """What `/system` says. Older versions leave some out: the mode is "" then, the size None."""

    version: str
    database: str
    storage_mode: str
    maximum_bytes: int | None
    filters_changes: bool


class Statistics(NamedTuple):
    """Counts and bytes of what is stored."""

    studies: int
    series: int
    instances: int
    disk_bytes: int

    @property
    def resources(self) -> int:
        """Each of them was logged once in the list of changes."""
        return self.studies + self.series + self.instances


class FailedJob(NamedTuple):
    """A job that failed: its type, the configured target that it was for, and when, as Orthanc writes it."""

    type: str
    target: str
    completed: str


@dataclass
class Jobs:
    """Counts of jobs by state, what failed, and how long the oldest waits that is to be done."""

    states: Counter[str] = field(default_factory=Counter)
    failed: list[FailedJob] = field(default_factory=list)
    longest_wait: float | None = None


class Targets(NamedTuple):
    """Where Orthanc may send to, by the names of its configuration; the AE titles of its modalities."""

    modalities: frozenset[str]
    peers: frozenset[str]
    ae_titles: frozenset[str]


def system(rest: Orthanc) -> System:
    """Version and limits. Raises CheckFailed."""
    told = _fields(rest, "/system")
    size = told.get("MaximumStorageSize")
    mode = told.get("MaximumStorageMode")
    extended = _as_dict(told.get("Capabilities")).get("HasExtendedChanges")
    return System(
        _word(told.get("Version")),
        _word(told.get("DatabaseVersion")),
        mode if mode in ("Recycle", "Reject") else "",
        size * _MEBIBYTE if isinstance(size, int) and size > 0 else None,
        extended is True,
    )


def statistics(rest: Orthanc) -> Statistics:
    """What is stored. Raises CheckFailed."""
    told = _fields(rest, "/statistics")
    keys = ("CountStudies", "CountSeries", "CountInstances", "TotalDiskSize")
    return Statistics(*(number(told.get(key)) for key in keys))


def targets(rest: Orthanc) -> Targets:
    """Modalities and peers that Orthanc knows. Asks no one but Orthanc. Raises CheckFailed."""
    modalities = _fields(rest, "/modalities?expand")
    peers = rest.call("GET", "/peers")
    titles = sorted(_word(_as_dict(each).get("AET")) for each in modalities.values())
    names = frozenset(name for name in peers if isinstance(name, str)) if isinstance(peers, list) else frozenset()
    return Targets(frozenset(modalities), names, frozenset(titles[:MOST_TARGETS]))


def jobs(rest: Orthanc, known: Targets) -> Jobs:
    """All jobs that Orthanc still knows. Raises CheckFailed, also for more than can be read."""
    try:
        told = rest.call("GET", "/jobs?expand", most=MOST_BYTES_OF_JOBS)
    except TooLong:
        raise rest.failed(
            "mismatch", "has thousands of jobs; look in Orthanc Explorer under Jobs what holds them up"
        ) from None
    found = Jobs(Counter(dict.fromkeys(JOB_STATES, 0)))
    for job in told if isinstance(told, list) else ():
        if isinstance(job, dict) and job.get("State") in JOB_STATES:
            found.states[job["State"]] += 1
            _note(found, job, known)
    return found


def _note(found: Jobs, job: dict[str, Any], known: Targets) -> None:
    if job["State"] == "Failure":
        kind = job.get("Type")
        type_ = kind if kind in JOB_TYPES else "other"
        found.failed.append(FailedJob(type_, _target(job, known), _word(job.get("CompletionTime"))))
    if job["State"] in ("Pending", "Retry"):
        # Both by Orthanc's own clock: `Timestamp` is when it answered.
        began, asked = moment(job.get("CreationTime")), moment(job.get("Timestamp"))
        if began is not None and asked is not None:
            found.longest_wait = max(found.longest_wait or 0.0, asked - began)


def _target(job: dict[str, Any], known: Targets) -> str:
    title = _as_dict(job.get("Content")).get("RemoteAet")
    return title if isinstance(title, str) and title in known.ae_titles else ""


def moment(text: Any) -> float | None:
    """Unix time of `20261124T151928`, with or without a fraction: Orthanc writes UTC, whatever its time zone."""
    try:
        return datetime.strptime(f"{str(text)[:15]}Z", "%Y%m%dT%H%M%S%z").timestamp()
    except ValueError:
        return None


def number(value: Any) -> int:
    """A count, which Orthanc writes as a number or, if it may be large, as text. Raises CheckFailed."""
    try:
        return max(0, int(value))
    except (TypeError, ValueError):
        raise CheckFailed(
            "mismatch", "Orthanc's REST API leaves out a count; does url lead to an Orthanc of 1.5 or later?"
        ) from None


def _fields(rest: Orthanc, path: str) -> dict[str, Any]:
    return _as_dict(rest.call("GET", path))


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: Any) -> str:
    """A short word out of Orthanc's configuration, for a label."""
    return str(value)[:64] if isinstance(value, str | int) else ""


def reach(rest: Orthanc, name: str, known: Targets, seconds: float) -> bool:
    """Whether Orthanc reaches a modality (by C-ECHO) or a peer (by HTTP). Raises CheckFailed if it was not asked."""
    try:
        if name in known.modalities:
            body = f'{{"Timeout": {max(1, int(seconds))}}}'
            rest.call("POST", f"/modalities/{quote(name, safe='')}/echo", body, seconds=seconds + 1)
        else:
            rest.call("GET", f"/peers/{quote(name, safe='')}/system", seconds=seconds + 1)
    except CheckFailed as failure:
        if failure.reason in ("aborted", "timeout") and rest.time_left > 0:
            return False
        raise
    return True
