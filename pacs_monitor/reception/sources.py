"""Who sends studies: sources that are configured, or a bounded number of those that were seen to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.reception import Sender
from pacs_monitor.silence.diary import OTHER
from pacs_monitor.units import AeTitle, PlainText, Unit, check_ae_title


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {value}; {suggestion(value, available_timezones())}") from None
    return value


ZoneName = Annotated[str, AfterValidator(_check_zone), Unit("time zone", example="Europe/Bucharest")]
Label = Annotated[PlainText, Unit("AE title or station name", example="CT2")]


class Source(BaseModel):
    """A modality, or whatever else sends studies. Its AE title alone, as text, will do."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_title: AeTitle | None = None
    """What it calls itself when it sends. Series and alerts carry it, and it is how the source is told to be a node."""
    station: PlainText | None = None
    """Its StationName (0008,1010), to know it by that: where a router sends for it, and without `rest`."""
    time_zone: ZoneName | None = None
    """The time zone of its clock; that of the check unless set."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"ae_title": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_known_by_something(self) -> Self:
        if not self.label:
            raise ValueError("names nobody; set ae_title, station, or both")
        if self.label == OTHER:
            raise ValueError(f"is called {OTHER}, as all are that are not listed; give it its ae_title")
        return self

    @property
    def label(self) -> str:
        """What series and alerts call it."""
        return self.ae_title or self.station or ""


@dataclass(frozen=True)
class Sources:
    """Names senders. Without any that are configured, as many are learned as there is room for."""

    configured: tuple[Source, ...]
    most: int
    ignored: frozenset[str]

    def name(self, sender: Sender, known: Sequence[str]) -> str | None:
        """What a sender is called, beside those that are known already; None if it does not count."""
        if not self.ignored.isdisjoint((sender.ae_title, sender.station)):
            return None
        if self.configured:
            found = self._configured(sender)
            return found.label if found else OTHER
        name = _plain(sender.ae_title or sender.station)
        if name in known:
            return name
        return name if len([one for one in known if one != OTHER]) < self.most else OTHER

    def zone(self, sender: Sender, otherwise: ZoneInfo) -> ZoneInfo:
        """The time zone of a sender's clock."""
        found = self._configured(sender)
        return ZoneInfo(found.time_zone) if found and found.time_zone else otherwise

    def _configured(self, sender: Sender) -> Source | None:
        for source in self.configured:
            if source.station == sender.station if source.station else source.ae_title == sender.ae_title:
                return source
        return None


def _plain(text: str) -> str:
    """It goes into a label, and came out of an association or a data set: as an AE title, or not at all."""
    try:
        return check_ae_title(text)
    except ValueError:
        return OTHER
