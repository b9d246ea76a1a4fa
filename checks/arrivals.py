"""Arrivals: how long after an exam is it in the archive, and does every source still send?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Self, cast
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from pacs_monitor.check import CheckFailed, Count, Counter, Duration, Gauge, Histogram, HoursName, Metric, Sample
from pacs_monitor.dicom import PEER, PHASE, REJECTIONS, DicomCheck
from pacs_monitor.dicom.contexts import STUDY_ROOT_FIND
from pacs_monitor.dicom.conversation import Outcome
from pacs_monitor.dicom.modalities import modality_label
from pacs_monitor.dicom.stowing import asked
from pacs_monitor.dicom.web import DicomWeb, DicomWebSettings
from pacs_monitor.orthanc import OrthancSettings
from pacs_monitor.quantities import span
from pacs_monitor.reception import Look
from pacs_monitor.reception.latency import Latency, latency_of
from pacs_monitor.reception.sources import Label, Source, Sources, ZoneName
from pacs_monitor.silence.diary import OTHER, Diary
from pacs_monitor.silence.judging import Judge

if TYPE_CHECKING:  # what asks an archive is for runs alone
    from pacs_monitor.reception.orthanc import Reception
    from pacs_monitor.reception.polling import Poll

LATENCY = Histogram(
    "pacs_arrival_latency_seconds",
    "From the end of an exam to its being visible in the archive, by modality and by what tells the end.",
    ("dicom_modality", "ended_by"),
    buckets=(10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400),
)
NEGATIVE = Counter(
    "pacs_arrival_negative_latencies_total",
    "Exams that were visible before they ended: the clock of the source, or its time zone, is wrong.",
    ("source",),
)
AHEAD = Gauge(
    "pacs_source_clock_ahead_seconds",
    "By how much the clock of a source was ahead, at least, at its last exam; 0 if nothing shows that it was.",
    ("source",),
    keep=True,
)
UNMEASURED = Counter(
    "pacs_arrival_unmeasured_total",
    "Exams without a latency: no time in them, ended days before or after, or come when nobody looked.",
    ("cause",),
)
LAST = Gauge("pacs_source_last_study_timestamp_seconds", "When the last study of a source came.", ("source",))
TODAY = Gauge("pacs_source_studies_today", "Studies of a source since midnight, as far as was seen.", ("source",))
LIMIT = Gauge(
    "pacs_source_silence_limit_seconds",
    "How long a source may be silent now, by what is usual for it; absent while it is not judged.",
    ("source",),
)
SILENT = Gauge(
    "pacs_source_silent_info",
    "A source that is silent for longer than that, with what is usual at that hour; always 1.",
    ("source", "weekday", "hour", "usual"),
)

IMPLAUSIBLE = 2 * 86400.0
"""Seconds beyond which a latency is none: an old exam that was imported, or a clock that was never set."""
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


class Arrivals(DicomCheck):
    """See studies arrive: how long after the exam they are visible, when each source last sent, and if it is silent."""

    timeout: Duration | None = None
    """How long one run may take; 30s or the interval, whichever is shorter, unless set."""
    rest: OrthancSettings | None = None
    """Orthanc's REST API, to see by its list of changes; the best way where there is one."""
    dicomweb: DicomWebSettings | None = None
    """A DICOMweb server, to see by asking for today's studies by QIDO-RS; C-FIND unless this or `rest` is set."""
    sources: Annotated[tuple[Source, ...], Field(max_length=200)] = ()
    """Who sends, by AE title or station name; all others are `other`. Those who send are learned unless this is set."""
    most_sources: Annotated[Count, Field(le=200)] = 50
    """At most so many sources are learned; all others are `other`."""
    ignore: Annotated[tuple[Label, ...], Field(max_length=200)] = ()
    """AE titles or station names whose studies do not count: workstations, test tools. Ours never do."""
    time_zone: ZoneName | None = None
    """The time zone of times in images that say none; the site's unless set."""
    hours: HoursName | None = None
    """Hours whose holidays and closed days are days off: nothing is learned on them, and nobody is called silent."""
    silence_factor: Annotated[float, Field(ge=1, le=20)] = 2.0
    """A source is silent when it has sent nothing for so many times its longest usual silence at this hour."""
    silence_at_least: Duration = 1800.0
    """No source is silent before this time."""

    thresholds: ClassVar[tuple[str, ...]] = ("silence_at_least",)
    leaves_out: ClassVar[tuple[Metric, ...]] = (PHASE, PEER)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.rest and self.dicomweb:
            raise ValueError("rest and dicomweb are two ways to see the same; keep one")
        labels = [source.label for source in self.sources]
        if twice := next((label for label in labels if labels.count(label) > 1), ""):
            raise ValueError(f"sources names {twice} twice; take one away")
        if self.rest is None and (blind := next((each.label for each in self.sources if not each.station), "")):
            raise ValueError(
                f"sources has no station for {blind}, and C-FIND and QIDO-RS do not tell AE titles of senders; "
                f"write {{ae_title: {blind}, station: its StationName}}, or set rest"
            )
        return self

    @property
    def effective_timeout(self) -> float:
        """Seconds that one run may take."""
        return min(30.0, self.interval) if self.timeout is None else self.timeout

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if the archive cannot be asked; who was silent before stays so."""
        now, outcome, failure, diary = self.site_time.now(), Outcome(), None, self._watch.diary
        at, before = now.timestamp(), diary.watched
        timely = self._watch.begun and before is not None and at - before <= self._patience
        try:
            look = await self._look(timely, outcome)
        except CheckFailed as error:
            failure, look = error, Look(complete=False)
        diary.turn(now.date().isoformat())
        self._note(look, at, before if timely else None)
        for sample in (*self._refused(outcome), *self._measured(look)):
            yield sample
        if look.complete:
            # What came while nobody asked is not told by an archive that only answers.
            diary.look(at, self._patience if self._watch.begun else 0.0)
            self._watch.begun = True
        if names := self._watch.judge.to_learn(at):
            await self.in_thread(self._watch.judge.learn, names, at)
        for sample in self._of_sources(at, look.complete):
            yield sample
        await diary.save(at)
        if failure is not None:
            raise failure

    @cached_property
    def _watch(self) -> _Watch:
        zone, diary = cast(ZoneInfo, self.site_time.now().tzinfo), Diary(self.memory)
        for stranger in set(diary.sources) - {source.label for source in self.sources} if self.sources else ():
            diary.forget(stranger)
        judge = Judge(diary, zone, self.silence_factor, self.silence_at_least, self._day_off)
        return _Watch(diary, judge, begun=self.rest is not None)

    @cached_property
    def _named(self) -> Sources:
        return Sources(self.sources, self.most_sources, frozenset((*self.ignore, self.node.calling_ae_title)))

    @property
    def _patience(self) -> float:
        return 3 * self.interval + 60.0

    def _day_off(self, day: date) -> bool:
        return self.hours is not None and self.site_time.day_off(self.hours, day)

    async def _look(self, timely: bool, outcome: Outcome) -> Look:
        watch, now = self._watch, self.site_time.now()
        if self.rest is not None:
            return await self._look_at_changes(self.rest, now.timestamp())
        if self.dicomweb is not None:
            from pacs_monitor.reception.qido import QidoCatalogue

            web = DicomWeb(self.dicomweb)
            return await watch.poll.look(QidoCatalogue(web, partial(asked, self, web)), now, timely)
        from pacs_monitor.reception.find import FindCatalogue

        async with self.association((STUDY_ROOT_FIND,), outcome=outcome) as assoc:
            return await watch.poll.look(FindCatalogue(assoc), now, timely)

    async def _look_at_changes(self, settings: OrthancSettings, at: float) -> Look:
        from pacs_monitor.orthanc.client import Orthanc
        from pacs_monitor.reception.orthanc import Reception

        diary, seconds = self._watch.diary, 0.9 * self.time_left
        reception = self._watch.changes = self._watch.changes or Reception(diary.position)

        def look() -> Look:
            with Orthanc(settings, seconds) as rest:
                return reception.look(rest, at)

        found = await self.in_thread(look)
        diary.position = reception.position
        return found

    def _refused(self, outcome: Outcome) -> Iterator[Sample]:
        return (sample for sample in self.samples(outcome) if sample.metric is REJECTIONS)

    def _measured(self, look: Look) -> Iterator[Sample]:
        if look.unseen:
            yield UNMEASURED(look.unseen, cause="unseen")
        for exam in look.exams:
            source = self._named.name(exam.sender, self._watch.diary.sources)
            if source is None:
                continue
            if not self.sources and source not in self._watch.diary.last:
                source = OTHER  # its arrival was not seen, so it has no place of its own
            zone = ZoneInfo(self.time_zone) if self.time_zone else self._watch.judge.zone
            latency = latency_of(exam, self._named.zone(exam.sender, zone))
            if latency is None or abs(latency.seconds) > IMPLAUSIBLE:
                yield UNMEASURED(1, cause=_cause(latency))
                continue
            if latency.seconds < 0:
                yield NEGATIVE(1, source=source)
            else:
                yield LATENCY(latency.seconds, dicom_modality=modality_label(exam.modality), ended_by=latency.ended_by)
            yield AHEAD(max(0.0, -latency.seconds), source=source)

    def _note(self, look: Look, now: float, before: float | None) -> None:
        """Enter arrivals. Between two looks none is sooner than the first, whatever the archive's clock says."""
        diary, today = self._watch.diary, self._watch.judge.day(now)
        for arrival in look.arrivals:
            source, at = self._named.name(arrival.sender, diary.sources), max(min(arrival.at, now), before or 0.0)
            if source is not None:
                diary.note(source, at, self._watch.judge.day(at) == today)

    def _of_sources(self, now: float, looked: bool) -> Iterator[Sample]:
        diary, judge = self._watch.diary, self._watch.judge
        for source, last in diary.last.items():
            yield LAST(last, source=source)
            yield TODAY(diary.today.get(source, 0), source=source)
            # If nobody could look nobody is found silent, and who was silent stays so.
            if source == OTHER or not (looked or source in diary.silent):
                continue
            limit, silent = judge.judge(source, now)
            if limit is not None:
                yield LIMIT(limit, source=source)
            if silent is not None:
                weekday, hour = _WEEKDAYS[silent.weekday], f"{silent.hour:02}:00"
                yield SILENT(1, source=source, weekday=weekday, hour=hour, usual=span(silent.usual))


@dataclass
class _Watch:
    """What outlives a run."""

    diary: Diary
    judge: Judge
    begun: bool
    """Whether what came before is known: Orthanc tells it even after a restart."""
    changes: Reception | None = None

    @cached_property
    def poll(self) -> Poll:
        from pacs_monitor.reception.polling import Poll

        return Poll()


def _cause(latency: Latency | None) -> str:
    if latency is None:
        return "no_time"
    return "too_old" if latency.seconds > 0 else "in_future"
