"""What the archive holds: the newest instances, in memory, by study, series and instance."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha1
from threading import Lock

from pydicom import Dataset

CAPACITY = 200


class Archive:
    """The newest `capacity` instances; every method may be called from any thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._instances: OrderedDict[str, Dataset] = OrderedDict()
        self._lock = Lock()

    def store(self, instance: Dataset) -> None:
        """Keep `instance` as the newest one, in place of an earlier one of the same SOP Instance UID."""
        uid = str(instance.SOPInstanceUID)
        with self._lock:
            self._instances[uid] = instance
            self._instances.move_to_end(uid)
            while len(self._instances) > self._capacity:
                self._instances.popitem(last=False)

    def instances(self) -> list[Dataset]:
        """Give all instances, oldest first."""
        with self._lock:
            return list(self._instances.values())

    def study(self, study_id: str) -> list[Dataset]:
        """Give the instances of the study that `study_id` names; none if it is not here."""
        return [instance for instance in self.instances() if orthanc_id(instance) == study_id]

    def delete(self, instances: Iterable[Dataset]) -> None:
        """Forget `instances`."""
        with self._lock:
            for instance in instances:
                self._instances.pop(str(instance.SOPInstanceUID), None)

    def candidates(self, level: str) -> list[Dataset]:
        """Give what a query at `level` (STUDY, SERIES or IMAGE) is matched against.

        Raises KeyError for another level.
        """
        unique_key = UNIQUE_KEYS[level]
        everything = self.instances()
        groups = _grouped(everything, lambda instance: str(instance.get(unique_key, "")))
        series = _grouped(everything, _series)
        studies = _grouped(everything, _study)
        return [_counted(group[0], studies[_study(group[0])], series[_series(group[0])]) for group in groups.values()]


UNIQUE_KEYS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


def orthanc_id(instance: Dataset) -> str:
    """Give the study's identifier as Orthanc does: SHA-1 of `PatientID|StudyInstanceUID`, in five groups."""
    text = f"{instance.get('PatientID', '')}|{_study(instance)}"
    digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


def _study(instance: Dataset) -> str:
    return str(instance.get("StudyInstanceUID", ""))


def _series(instance: Dataset) -> str:
    return str(instance.get("SeriesInstanceUID", ""))


def _grouped(instances: Iterable[Dataset], key: Callable[[Dataset], str]) -> dict[str, list[Dataset]]:
    groups: dict[str, list[Dataset]] = {}
    for instance in instances:
        groups.setdefault(key(instance), []).append(instance)
    return groups


def _counted(first: Dataset, study: list[Dataset], series: list[Dataset]) -> Dataset:
    # The attributes that no instance carries: PS3.4 C.3.4.
    candidate = Dataset()
    candidate.update(first)
    candidate.ModalitiesInStudy = sorted({str(instance.get("Modality", "")) for instance in study})
    candidate.NumberOfStudyRelatedSeries = len({_series(instance) for instance in study})
    candidate.NumberOfStudyRelatedInstances = len(study)
    candidate.NumberOfSeriesRelatedInstances = len(series)
    candidate.InstanceAvailability = "ONLINE"
    return candidate
