"""Retrieve: does the archive give images back, by each of the ways that viewers use, how soon and how fast?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from pacs_monitor.check import AeTitle, CheckFailed, Count, Destination, Gauge, Host, Metric, Sample
from pacs_monitor.dicom import PEER, PHASE, synthetic
from pacs_monitor.dicom.contexts import SECONDARY_CAPTURE, STUDY_ROOT_GET, STUDY_ROOT_MOVE
from pacs_monitor.dicom.stowing import asked
from pacs_monitor.dicom.studies import StudyCheck
from pacs_monitor.dicom.web import DicomWeb, DicomWebSettings
from pacs_monitor.dicom.writing import STORED

if TYPE_CHECKING:
    from pacs_monitor.dicom.retrieving import Retrieved, Transfer
    from pacs_monitor.dicom.scp import Inbox

UP = Gauge("pacs_retrieve_up", "Whether the study came back unchanged by this way.", ("way",))
FIRST = Gauge("pacs_retrieve_first_byte_seconds", "Time from the request to the first bytes of an object.", ("way",))
SECONDS = Gauge("pacs_retrieve_seconds", "Time from the request to the last byte of the object.", ("way",))
SPEED = Gauge("pacs_retrieve_bytes_per_second", "Bytes that came by the time that they took.", ("way",))
SUBOPERATIONS = Gauge(
    "pacs_retrieve_suboperations",
    "Sub-operations of the last C-GET or C-MOVE, as the archive counts them: completed, failed, warning.",
    ("way", "outcome"),
)

GRACE = 5.0
"""Seconds that an object may come later than the success of its C-MOVE."""


class Retrieve(StudyCheck):
    """Store a synthetic study, retrieve it by C-GET, C-MOVE or WADO-RS, compare it. Off unless `write` is set."""

    ways: tuple[Literal["get", "move", "wado"], ...] = ("get",)
    """By which ways: get (C-GET), move (C-MOVE to the agent's listener, section scp), wado (WADO-RS, with `wado`)."""
    wado: DicomWebSettings | None = None
    """Where the DICOMweb server of the same archive is, for the way wado."""
    side: Count = 512
    """Rows and columns of the picture, a byte each, 64 to 2048; throughput of a small one says little."""
    sent_from: tuple[Host, ...] = ()
    """Further addresses that a C-MOVE may come from, if the node sends from others than its own."""
    sent_as: AeTitle | None = None
    """The AE title that a C-MOVE comes from; the node's unless set."""

    thresholds: ClassVar[tuple[str, ...]] = ("visible_within",)
    # Its own times say more than the phases of any one of its associations.
    leaves_out: ClassVar[tuple[Metric, ...]] = (PHASE, PEER)

    @field_validator("ways")
    @classmethod
    def _each_once(cls, ways: tuple[str, ...]) -> tuple[str, ...]:
        if not ways or len(set(ways)) < len(ways):
            raise ValueError("is not a list of different ways; write for example [get, move]")
        return ways

    @field_validator("side")
    @classmethod
    def _sensible(cls, side: int) -> int:
        if not 64 <= side <= 2048:
            raise ValueError("is not between 64 and 2048; write for example 512")
        return side

    @model_validator(mode="after")
    def _has_a_server(self) -> Self:
        if ("wado" in self.ways) != (self.wado is not None):
            raise ValueError("the way wado and wado with the url of the server go together; set both or neither")
        return self

    @property
    def moves_here(self) -> bool:
        """Whether a C-MOVE is wanted."""
        return "move" in self.ways

    async def transaction(self) -> AsyncIterator[Sample]:
        """Store it, have it back by each way, delete it. Raises CheckFailed, of the first way that fails."""
        study, rejections = await self.in_thread(synthetic.make_study, datetime.now(UTC), self.side), list[Sample]()
        try:
            await self.send(study, rejections)
        except CheckFailed:
            for sample in rejections:
                yield sample
            raise
        yield STORED(1)
        await self.visible(study.uid)
        failure: CheckFailed | None = None
        retrievals = {"get": self._get, "move": self._move, "wado": self._wado}
        for way in self.ways:
            samples: list[Sample] = []
            try:
                await retrievals[way](study, samples)
            except CheckFailed as error:
                failure = failure or error
                samples.append(UP(0, way=way))
            else:
                samples.append(UP(1, way=way))
            for sample in samples:
                yield sample
        if self.delete is not None:
            await self._clean_up_after(study, failure)
        if failure is not None:
            raise failure

    async def _clean_up_after(self, study: synthetic.Study, failure: CheckFailed | None) -> None:
        try:
            await self.clean_up(study.uid)
        except CheckFailed:
            # The next run sweeps it and says so; that images do not come back is the graver news.
            if failure is None:
                raise

    async def _get(self, study: synthetic.Study, samples: list[Sample]) -> None:
        receives = (SECONDARY_CAPTURE,)
        async with self.association((STUDY_ROOT_GET,), receives=receives, calling=self.calling_ae_title) as assoc:
            retrieved = await assoc.retrieve(synthetic.query_for(study.uid))
        samples += _counted("get", retrieved)
        self._require_status("C-GET", retrieved)
        if not retrieved.datasets:
            raise CheckFailed(
                "not_found",
                f"{self.node.name} shows the study and answers the C-GET with success, but sends nothing; look at "
                f"its storage, and whether it gives {self.calling} its images",
            )
        samples += _timed("get", retrieved.transfer)
        study.require_same(retrieved.datasets, self.node.name, "C-GET")

    @property
    def calling(self) -> str:
        """The AE title that it calls with."""
        return self.calling_ae_title or self.node.calling_ae_title

    async def _move(self, study: synthetic.Study, samples: list[Sample]) -> None:
        from pacs_monitor.dicom.retrieving import Transfer
        from pacs_monitor.dicom.scp import Inbox, receiving

        ours = self.surroundings.destination
        assert ours is not None, "the configuration is refused without scp"
        sender = self.sent_as or str(self.node.ae_title)
        inbox = Inbox(study.instance_uid, await self._senders(), frozenset((sender,)))
        async with receiving(ours, inbox, self.time_left / 2):
            async with self.association((STUDY_ROOT_MOVE,), calling=self.calling_ae_title) as assoc:
                place = ours._replace(host=assoc.our_address) if ours.host in ("0.0.0.0", "::") else ours
                inbox.transfer = Transfer()
                retrieved = await assoc.move(synthetic.query_for(study.uid), ours.ae_title)
            samples += _counted("move", retrieved)
            self._require_moved(retrieved, inbox, place)
            await self._arrival(inbox, place)
        samples += _timed("move", inbox.transfer)
        study.require_same(inbox.datasets, self.node.name, "C-MOVE")

    async def _wado(self, study: synthetic.Study, samples: list[Sample]) -> None:
        assert self.wado is not None
        web = DicomWeb(self.wado)
        answer, received = await asked(self, web, lambda left: web.retrieve(left, f"/studies/{study.uid}"))
        speed = len(answer.content) / answer.last
        samples += [FIRST(answer.first, way="wado"), SECONDS(answer.last, way="wado"), SPEED(speed, way="wado")]
        study.require_same(received, web.where, "WADO-RS")

    async def _senders(self) -> frozenset[str]:
        """Every address that the object may come from."""
        found: set[str] = set()
        for host in (str(self.node.host), *self.sent_from):
            addresses = await self.surroundings.resolver.resolve(host, 0, self.surroundings.deadline)
            found |= {str(address[0]) for _, address in addresses}
        return frozenset(found)

    async def _arrival(self, inbox: Inbox, place: Destination) -> None:
        took, limit = self.stopwatch(), min(GRACE, self.time_left / 2)
        while not inbox.datasets:
            if took() > limit:
                raise CheckFailed(
                    "not_found",
                    f"{self.node.name} answers the C-MOVE with success, but after {took():.3g} s nothing has arrived "
                    f"at {_told(place)}; {self._why_not(inbox, place)}",
                )
            await asyncio.sleep(0.02)

    def _require_moved(self, retrieved: Retrieved, inbox: Inbox, place: Destination) -> None:
        from pacs_monitor.dicom.statuses import NOT_PERMITTED, SUCCESS, UNKNOWN_DESTINATION

        turned_away = inbox.turned_away or inbox.other_caller
        if retrieved.status == UNKNOWN_DESTINATION and not turned_away:
            raise CheckFailed(
                "dimse_status",
                f"{self.node.name} does not know {place.ae_title} as a destination of C-MOVE (0xA801); register "
                f"{_told(place)} there",
            )
        failed = f", {retrieved.failed} of {_all(retrieved)} sub-operations failed" if retrieved.failed else ""
        # Orthanc has 0xC000 for a destination that it does not know, and for one that it does not reach.
        nothing_came = retrieved.status not in (SUCCESS, *NOT_PERMITTED) and not inbox.datasets
        if failed or nothing_came:
            raise CheckFailed(
                "dimse_status",
                f"{self.node.name} could not send the study to {_told(place)} (0x{retrieved.status:04X}{failed}); "
                f"{self._why_not(inbox, place)}",
            )
        self._require_status("C-MOVE", retrieved)

    def _why_not(self, inbox: Inbox, place: Destination) -> str:
        sender = self.sent_as or str(self.node.ae_title)
        if inbox.other_caller:
            return f"it calls with another AE title than {sender}, and was turned away: set sent_as to that one"
        if inbox.turned_away:
            return (
                f"a connection from {inbox.turned_away} was turned away, as that is not the node's address: if it is "
                f"the archive, add it to sent_from"
            )
        return (
            f"register {place.ae_title} there with this address and port, let it through the firewall, and look into "
            f"its log at this time"
        )

    def _require_status(self, service: str, retrieved: Retrieved) -> None:
        from pacs_monitor.dicom.statuses import SUCCESS, status_failure

        if retrieved.failed:
            raise CheckFailed(
                "dimse_status",
                f"{self.node.name} could not send {retrieved.failed} of {_all(retrieved)} objects by {service} "
                f"(0x{retrieved.status:04X}); look at its storage, and into its log at this time",
            )
        if retrieved.status != SUCCESS:
            raise status_failure(service, retrieved.status, self.node.name, self.calling)


def _told(place: Destination) -> str:
    return f"{place.ae_title} at {place.host}:{place.port}"


def _all(retrieved: Retrieved) -> int:
    return retrieved.completed + retrieved.failed + retrieved.warning


def _counted(way: str, retrieved: Retrieved) -> list[Sample]:
    return [
        SUBOPERATIONS(retrieved.completed, way=way, outcome="completed"),
        SUBOPERATIONS(retrieved.failed, way=way, outcome="failed"),
        SUBOPERATIONS(retrieved.warning, way=way, outcome="warning"),
    ]


def _timed(way: str, transfer: Transfer) -> list[Sample]:
    if transfer.first is None:
        return []
    return [FIRST(transfer.first, way=way), SECONDS(transfer.last, way=way), SPEED(transfer.bytes_per_second, way=way)]
