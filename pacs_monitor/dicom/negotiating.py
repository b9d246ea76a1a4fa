"""What a node accepts, found out by associations that are released without a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.capability import Capability
from pacs_monitor.dicom.codec import Accepted, Context
from pacs_monitor.dicom.conversation import Outcome

if TYPE_CHECKING:
    from pacs_monitor.dicom.check import DicomCheck

MOST = 128
"""Presentation contexts of one association: their numbers are the odd ones of a byte (PS3.8 9.3.2.2)."""


async def negotiate(check: DicomCheck, asked: Sequence[Capability], outcome: Outcome) -> frozenset[Capability]:
    """Those that the node accepts, by as few associations as will do, one after the other.

    Raises CheckFailed if there is no association; one that refuses all that is asked for is an answer, too.
    """
    taken: set[Capability] = set()
    for start in range(0, len(asked), MOST):
        batch = asked[start : start + MOST]
        accepted = await _answer(check, [one.context for one in batch], outcome)
        taken.update(one for place, one in enumerate(batch) if accepted.result(2 * place + 1) == 0)
    return frozenset(taken)


async def _answer(check: DicomCheck, contexts: list[Context], outcome: Outcome) -> Accepted:
    outcome.accepted = None
    failure = None
    try:
        async with check.association(contexts, outcome=outcome):
            pass
    except CheckFailed as refused:
        failure = refused
    accepted: Accepted | None = outcome.accepted
    if accepted is None or (failure is not None and failure.reason != "no_context"):
        raise failure or CheckFailed("aborted", f"{check.node.name} took the association and said nothing of it")
    return accepted
