"""Questions of `polling` by QIDO-RS (PS3.18 10.6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydicom.datadict import tag_for_keyword

from pacs_monitor.dicom.moments import Attributes
from pacs_monitor.dicom.web import DicomWeb
from pacs_monitor.reception.questions import OF_A_SERIES, OF_A_STUDY, OF_IMAGES

_MOST_BYTES = 16 << 20
"""Some 1,500 are told of each match, asked for or not."""

Ask = Callable[[Callable[[float], list[dict[str, str]]]], Awaitable[list[dict[str, str]]]]
"""Runs a request in a thread; the request takes the seconds that it may last."""


class QidoCatalogue:
    """An archive by QIDO-RS."""

    def __init__(self, web: DicomWeb, ask: Ask) -> None:
        self._web = web
        self._ask = ask

    async def studies(self, days: str, most: int) -> list[Attributes]:
        """See `polling.Catalogue`."""
        return await self._query(f"/studies?StudyDate={days}&limit={most}", OF_A_STUDY)

    async def series(self, study: str, most: int) -> list[Attributes]:
        """See `polling.Catalogue`."""
        return await self._query(f"/studies/{study}/series?limit={most}", OF_A_SERIES)

    async def images(self, study: str, series: str, number: str, most: int) -> list[Attributes]:
        """See `polling.Catalogue`."""
        narrow = f"&InstanceNumber={number}" if number else ""
        return await self._query(f"/studies/{study}/series/{series}/instances?limit={most}{narrow}", OF_IMAGES)

    async def _query(self, path: str, keys: tuple[str, ...]) -> list[Attributes]:
        tags = {keyword: f"{tag_for_keyword(keyword):08X}" for keyword in keys}
        found = await self._ask(lambda seconds: self._web.query(seconds, path, tags, _MOST_BYTES))
        return [values for values in found if _is_uid(values[keys[0]])]


def _is_uid(text: str) -> bool:
    """It goes into an address, and came from elsewhere."""
    return bool(text) and len(text) <= 64 and text.replace(".", "").isdigit() and text.isascii()
