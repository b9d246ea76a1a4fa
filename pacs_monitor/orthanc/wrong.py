"""What is wrong with an Orthanc, in a reason and a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pacs_monitor.check import Reason
from pacs_monitor.orthanc.facts import Jobs, Statistics, System
from pacs_monitor.quantities import percent, readable, span

Failure = tuple[Reason, str]


def fullness(node: str, system: System, stored: Statistics, maximum: int | None, critical: float) -> Iterator[Failure]:
    """One that takes no more when it is full, and nearly is."""
    if system.storage_mode == "Reject" and maximum and stored.disk_bytes / maximum > critical:
        yield (
            "threshold",
            f"{node} has used {readable(stored.disk_bytes)} of {readable(maximum)} "
            f"({percent(stored.disk_bytes / maximum)}), and takes no more images when it is full; raise "
            f"MaximumStorageSize, or delete what is not needed",
        )


def lateness(node: str, jobs: Jobs, limit: float) -> Iterator[Failure]:
    """Jobs that wait too long."""
    if jobs.longest_wait is not None and jobs.longest_wait > limit:
        count = jobs.states["Pending"] + jobs.states["Retry"]
        yield (
            "threshold",
            f"{node} has {count} job{'s' * (count != 1)} waiting, the oldest for {span(jobs.longest_wait)}; look in "
            f"Orthanc Explorer under Jobs which one holds up the others",
        )


def retention(node: str, kept: float | None, due: float | None) -> Iterator[Failure]:
    """Images that are deleted too soon; `kept` is None while nothing is known to be deleted."""
    if kept is not None and due is not None and kept < due:
        yield (
            "threshold",
            f"{node} keeps what it receives for {span(kept)} only, {span(due)} are due: it has deleted what is older; "
            f"raise MaximumStorageSize or MaximumPatientCount, or find out what fills it",
        )


def reachability(node: str, unknown: Sequence[str], away: Sequence[str]) -> Iterator[Failure]:
    """Modalities and peers that Orthanc does not know, or does not reach."""
    if unknown:
        yield "mismatch", f"{node} has no modality or peer called {', '.join(unknown)}; correct echo_peers"
    if away:
        yield (
            "unreachable",
            f"{node} does not reach {', '.join(away)}; look whether each is on and takes what {node} sends, and ask "
            f"the network team",
        )
