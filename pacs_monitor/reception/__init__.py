"""What comes into an archive: studies that became visible, and exams that are complete. Nothing of a patient passes.

Three ways to see it: an Orthanc's list of changes (`orthanc`), and asking again and again for today's studies
(`polling`), by C-FIND (`find`) or by QIDO-RS (`qido`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from pacs_monitor.dicom.moments import Attributes

T = TypeVar("T")

MOST_SERIES = 8
"""Of a study so many series are looked at, the first ones and the last ones."""


class Sender(NamedTuple):
    """Who sent a study, as far as the archive tells; "" for what it does not."""

    ae_title: str = ""
    station: str = ""


class Arrival(NamedTuple):
    """A study became visible; `at` is Unix time."""

    at: float
    sender: Sender


@dataclass(frozen=True)
class Exam:
    """A study that has been quiet for a while: the times that it gives, and when parts of it became visible."""

    sender: Sender
    modality: str
    """As it stands in the data set."""
    seen: tuple[float, ...]
    """Unix times, in rising order."""
    images: tuple[Attributes, ...] = ()
    series: tuple[Attributes, ...] = ()
    study: Attributes = field(default_factory=dict)


@dataclass
class Look:
    """What one look at the archive gave."""

    arrivals: list[Arrival] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)
    unseen: int = 0
    """Studies that came when nobody looked: when they became visible is not known."""
    complete: bool = True
    """Whether all that is there was seen; if not, the next look goes on."""


def ends(items: list[T], most: int = MOST_SERIES) -> list[T]:
    """The first and the last items of a list, so many at most."""
    return items if len(items) <= most else [*items[: most // 2], *items[-(most - most // 2) :]]
