"""What comes into an Orthanc, by its list of changes, which tells exactly when. Blocks: for threads.

A new study is looked at once for who sent it, and again when Orthanc calls it stable (quiet for its StableAge, which
proves no more). Of a study the patient is never asked for: series, instances, and single values of them are.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom.moments import OF_AN_IMAGE, Attributes
from pacs_monitor.orthanc import changes
from pacs_monitor.orthanc.changes import NEW_STUDY, Change
from pacs_monitor.orthanc.client import Orthanc
from pacs_monitor.orthanc.facts import moment
from pacs_monitor.reception import Arrival, Exam, Look, Sender, ends

STABLE_STUDY = "StableStudy"
PAGE = 1000
MOST_PAGES = 20
MOST_STUDIES = 50
"""Studies looked at in one run; the next goes on where it stopped."""
FARTHEST = 500_000
"""Changes; who is so far behind begins anew at the end."""
OLDEST = 86_400.0
"""Seconds; what came before that is not new when it is stable again."""
_MOST_BYTES = 8 << 20
"""The series of a study name each instance: this is room for 150,000."""
_MOST_REMEMBERED = 5000
_WHOLE = {
    "AcquisitionDateTime": "0008-002a",
    "AcquisitionDate": "0008-0022",
    "AcquisitionTime": "0008-0032",
    "ContentDate": "0008-0023",
    "ContentTime": "0008-0033",
    "TimezoneOffsetFromUTC": "0008-0201",
}
"""Values that are read out of the file; the others Orthanc has at hand."""


class Reception:
    """Follows the list of one Orthanc. `position` is the number of the last change that was read; None: begin."""

    def __init__(self, position: int | None) -> None:
        self.position = position
        self._found = Look()
        self._measured: OrderedDict[str, None] = OrderedDict()

    def look(self, rest: Orthanc, now: float) -> Look:
        """What has come since the last look that succeeded. Raises CheckFailed; the next one goes on from there."""
        last = changes.last_number(rest)
        # Lower than ours it is of another database; far beyond ours nobody would catch up.
        if self.position is None or last < self.position or last - self.position > FARTHEST:
            self.position = last
        self._found.complete = self._read(rest, now)
        found, self._found = self._found, Look()
        return found

    def _read(self, rest: Orthanc, now: float) -> bool:
        """Read the list for a while; whether its end was reached."""
        enough, studies, position = 0.4 * rest.time_left, 0, self.position or 0
        for _ in range(MOST_PAGES):
            page = changes.page(rest, position, PAGE)
            for change in page.changes:
                if change.kind in (NEW_STUDY, STABLE_STUDY):
                    if studies >= MOST_STUDIES or rest.time_left < enough:
                        return False
                    studies += 1
                    self._take(rest, change, now)
                self.position = position = change.seq
            if page.done or not page.changes:
                return True
        return False

    def _take(self, rest: Orthanc, change: Change, now: float) -> None:
        try:
            if change.kind == NEW_STUDY:
                self._found.arrivals += _arrival(rest, change)
            elif change.resource not in self._measured:
                self._found.exams += self._exam(rest, change, now)
        except CheckFailed as failure:
            # Deleted meanwhile, or one that Orthanc itself cannot read: the others go on.
            if failure.reason not in ("not_found", "mismatch", "aborted"):
                raise

    def _exam(self, rest: Orthanc, change: Change, now: float) -> list[Exam]:
        series = ends(_series_of(rest, change.resource))
        if not series:
            return []
        first, ae_title = _reception(rest, _instances(series[0])[0])
        if first is None or now - first > OLDEST:
            return []
        self._measured[change.resource] = None
        while len(self._measured) > _MOST_REMEMBERED:
            self._measured.popitem(last=False)
        looked_at = [instance for each in series for instance in dict.fromkeys(ends(_instances(each), 2))]
        seen = [at for instance in looked_at if (at := _reception(rest, instance)[0]) is not None]
        return [
            Exam(
                Sender(ae_title, _main(series[0], "StationName")),
                _main(series[0], "Modality"),
                tuple(sorted(seen)),
                tuple(_times(rest, instance) for instance in looked_at),
                tuple({key: _main(each, key) for key in ("SeriesDate", "SeriesTime")} for each in series),
            )
        ]


def _arrival(rest: Orthanc, change: Change) -> list[Arrival]:
    series = _series_of(rest, change.resource)
    if not series:
        return []
    seen, ae_title = _reception(rest, _instances(series[0])[0])
    return [Arrival(seen if seen is not None else change.at, Sender(ae_title, _main(series[0], "StationName")))]


def _series_of(rest: Orthanc, study: str) -> list[Mapping[str, Any]]:
    """The series that have instances, in the order in which they came."""
    told = rest.call("GET", f"/studies/{study}/series", most=_MOST_BYTES)
    found = [each for each in told or () if isinstance(each, dict) and _instances(each)]
    return sorted(found, key=lambda each: str(each.get("LastUpdate")))


def _instances(series: Mapping[str, Any]) -> list[str]:
    return [str(instance) for instance in series.get("Instances") or ()]


def _main(resource: Mapping[str, Any], keyword: str) -> str:
    return str((resource.get("MainDicomTags") or {}).get(keyword, ""))


def _reception(rest: Orthanc, instance: str) -> tuple[float | None, str]:
    """When an instance was received, in Unix time to the end of its second, and from which AE title."""
    told = rest.call("GET", f"/instances/{instance}/metadata?expand")
    metadata = told if isinstance(told, dict) else {}
    at = moment(metadata.get("ReceptionDate"))
    return (None if at is None else math.floor(at) + 1.0), str(metadata.get("RemoteAET", ""))


def _times(rest: Orthanc, instance: str) -> Attributes:
    told = rest.call("GET", f"/instances/{instance}")
    found = {key: _main(told, key) for key in OF_AN_IMAGE if key not in _WHOLE} if isinstance(told, dict) else {}
    for keyword, tag in _WHOLE.items():
        if not (keyword.startswith("Acquisition") and found.get("AcquisitionDateTime")):
            found[keyword] = rest.value(instance, tag)
    return found
