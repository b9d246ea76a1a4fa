"""What checks compare their node with: shown, and accepted anew when a change was meant.

A check that has a baseline keeps it in its memory under `baseline`. It learns a new one in its next good run once
`accept` is there, and takes that out.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from pacs_monitor.dicom.codec import printable

if TYPE_CHECKING:
    from pacs_monitor.results import Record, Results
    from pacs_monitor.workers import Workers

log = logging.getLogger(__name__)

BASELINE = "baseline"
ACCEPT = "accept"


class Baselines:
    """Of all nodes."""

    def __init__(self, results: Results, workers: Workers) -> None:
        self._results = results
        self._workers = workers

    def show(self, node: str) -> list[dict[str, Any]]:
        """The baselines of a node's checks. Raises LookupError if it is not configured, or has none."""
        return [{"check": record.key[1], **self._workers.kept(record)} for record in self._of(node)]

    async def accept(self, node: str, by: str) -> list[dict[str, Any]]:
        """Have what is found now taken as right; what each check says to that.

        Raises LookupError as `show` does, NotSaved if the disk does not take it, ConnectionError if a worker dies.
        """
        told = []
        for record in self._of(node):
            await self._workers.keep(record, ACCEPT, json.dumps(time.time()))
            log.info(
                "the baseline of %s (%s) is accepted anew, says %s", node, record.key[1], printable(by) or "somebody"
            )
            report = await self._workers.probe(record)
            taken = ACCEPT not in self._workers.kept(record)
            told.append({"check": record.key[1], "taken": taken, "message": report.message})
        return told

    def _of(self, node: str) -> list[Record]:
        records = [record for record in self._results if record.key[0] == node]
        if not records:
            raise LookupError(f"there is no node {node} with a check; pacs-monitor status lists those there are")
        found = [record for record in records if BASELINE in self._workers.kept(record)]
        if not found:
            raise LookupError(
                f"no check of {node} has a baseline yet; those that keep one learn it from a good run: "
                f"pacs-monitor probe {node}"
            )
        return found
