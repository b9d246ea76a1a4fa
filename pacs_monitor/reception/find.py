"""Questions of `polling` as C-FINDs in the study root (PS3.4 C.6.2). Of a patient no key is asked for."""

from __future__ import annotations

from functools import partial

from pydicom.dataset import Dataset

from pacs_monitor.dicom.moments import Attributes
from pacs_monitor.dicom.services import Association
from pacs_monitor.dicom.values import text_of
from pacs_monitor.reception.questions import OF_A_SERIES, OF_A_STUDY, OF_IMAGES


class FindCatalogue:
    """An archive by C-FIND, within one association."""

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc

    async def studies(self, days: str, most: int) -> list[Attributes]:
        """See `polling.Catalogue`."""
        return await self._find("STUDY", OF_A_STUDY, most, StudyDate=days)

    async def series(self, study: str, most: int) -> list[Attributes]:
        """See `polling.Catalogue`."""
        return await self._find("SERIES", OF_A_SERIES, most, StudyInstanceUID=study)

    async def images(self, study: str, series: str, number: str, most: int) -> list[Attributes]:
        """See `polling.Catalogue`."""
        narrow = {"InstanceNumber": number} if number else {}
        return await self._find("IMAGE", OF_IMAGES, most, StudyInstanceUID=study, SeriesInstanceUID=series, **narrow)

    async def _find(self, level: str, keys: tuple[str, ...], most: int, **wanted: str) -> list[Attributes]:
        query = Dataset()
        query.QueryRetrieveLevel = level
        for keyword in keys:
            setattr(query, keyword, None)
        for keyword, value in wanted.items():
            setattr(query, keyword, value)
        found = await self._assoc.search(query, partial(_values, keys), most=most)
        return [values for values in found.matches if values[keys[0]]]


def _values(keys: tuple[str, ...], match: Dataset) -> Attributes:
    return {keyword: text_of(match, keyword) for keyword in keys}
