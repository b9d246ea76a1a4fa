"""What checks share that use DICOMweb: requests in threads, within the run's time, and a study stored by STOW-RS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pacs_monitor.check import Check, CheckFailed
from pacs_monitor.dicom.synthetic import Study
from pacs_monitor.dicom.web import DicomWeb
from pacs_monitor.dicom.writing import WritingCheck

T = TypeVar("T")


async def asked(check: Check, web: DicomWeb, function: Callable[[float], T]) -> T:
    """What a function gives that blocks for at most so many seconds. Raises CheckFailed at the run's deadline."""
    try:
        async with asyncio.timeout_at(check.surroundings.deadline):
            return await check.in_thread(function, 0.95 * check.time_left)
    except TimeoutError:
        raise CheckFailed("timeout", f"{web.where} did not answer in time; look at its load") from None


async def stow(check: WritingCheck, web: DicomWeb, study: Study) -> float:
    """Count it, note it in the journal, and store it by STOW-RS: seconds until the answer. Raises CheckFailed."""
    await check.journal.count(check.most_a_day, check.interval)
    await check.journal.enter(study.uid)
    try:
        return await asked(check, web, lambda left: web.store(left, study.dataset))
    except CheckFailed as failure:
        if failure.reason in ("dns", "refused", "tls"):
            await check.journal.forget(study.uid)
        elif failure.reason in ("dimse_status", "forbidden"):
            await check.journal.absent(study.uid)
        raise
