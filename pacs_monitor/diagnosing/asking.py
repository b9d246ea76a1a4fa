"""What is asked of a node that answers a C-ECHO: a C-FIND, and if somebody wants it a C-STORE."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from pacs_monitor.check import Addresses, CheckFailed, Memory, Surroundings, perf_counter
from pacs_monitor.diagnosing.diagnosis import Step, Target
from pacs_monitor.dicom import DicomCheck
from pacs_monitor.dicom.budget import Budget
from pacs_monitor.dicom.contexts import STUDY_ROOT_FIND
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.dialogue import Wiretap
from pacs_monitor.node import Node

MOST_STUDIES = 20
"""So many are waited for; then the query is cancelled."""


class _Asking(DicomCheck):
    """Uses the associations that checks use."""

    @property
    def wiretap(self) -> Wiretap | None:
        """The diagnosis' own."""
        return cast("Wiretap | None", self.__dict__.get("_wiretap"))


def _asking(target: Target, name: str, resolver: Addresses, deadline: float, wiretap: Wiretap | None) -> _Asking:
    # Built without validation: what sentences call a node need not be a name that a configuration could have.
    node = Node.model_construct(
        name=name,
        host=target.host,
        port=target.port,
        ae_title=target.called,
        calling_ae_title=target.calling,
        tls=target.tls,
        user_identity=target.user,
        max_associations=1,
    )
    asking = _Asking()
    memory = cast("Memory", None)  # nothing is kept
    asking.bind(Surroundings(node, memory, resolver, Budget(), deadline=deadline))
    asking.__dict__["_wiretap"] = wiretap
    return asking


async def find(
    target: Target, name: str, resolver: Addresses, deadline: float, wiretap: Wiretap | None
) -> tuple[Step, CheckFailed | None]:
    """Ask for the studies of today, and for nothing of theirs: the step, and why it failed if it did."""
    from pydicom.dataset import Dataset

    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyDate = f"{datetime.now(UTC).astimezone():%Y%m%d}"
    query.StudyInstanceUID = ""
    asking, outcome, started = _asking(target, name, resolver, deadline, wiretap), Outcome(), perf_counter()
    try:
        async with asking.association((STUDY_ROOT_FIND,), outcome=outcome) as assoc:
            found = await assoc.search(query, _nothing, most=MOST_STUDIES)
    except CheckFailed as failure:
        return Step("C-FIND", "failed", perf_counter() - started, failure.message.partition("; ")[0]), failure
    count = f"more than {MOST_STUDIES}" if found.cancelled else str(len(found.matches)) if found.matches else "none"
    return Step("C-FIND", "ok", found.seconds, f"asked for the studies of today, it finds {count}"), None


def _nothing(match: Any) -> None:
    """What is kept of a match: it is counted."""
