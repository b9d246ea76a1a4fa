"""C-STORE, C-FIND, C-GET and C-MOVE for checks: pynetdicom's services in threads, awaited, with failures told as ever.

They are rare, so each association is pynetdicom's own, with a state machine in a thread. The budget's slot is held
for one association: a check that needs several gives it back in between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID
from pynetdicom import build_context, build_role, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from pacs_monitor.check import CheckFailed, perf_counter
from pacs_monitor.dicom import codec, reasons
from pacs_monitor.dicom.codec import Context, Identity, Malformed
from pacs_monitor.dicom.contexts import STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.decode import association_memo
from pacs_monitor.dicom.dialogue import Wiretap
from pacs_monitor.dicom.line import Line
from pacs_monitor.dicom.lost import explain_end
from pacs_monitor.dicom.opening import SPARE, open_line
from pacs_monitor.dicom.retrieving import Retrieved, Transfer, ended
from pacs_monitor.dicom.search import Found, Reply, Search, only
from pacs_monitor.dicom.statuses import PENDING, STORED_WITH_CHANGES, SUCCESS, status_failure

if TYPE_CHECKING:
    from pacs_monitor.dicom.check import DicomCheck

T = TypeVar("T")


class Association:
    """An association that stands. Each service raises CheckFailed unless it succeeds; one at a time."""

    def __init__(self, check: DicomCheck, script: Script, outcome: Outcome, opened: socket.socket) -> None:
        """`opened` is connected; `associate` comes next."""
        self.outcome = outcome
        self._check = check
        self._script = script
        self._secure = check.node.tls is not None
        self._line = Line(opened, script.calling, check.time_left + SPARE)
        self._received: list[Dataset] = []
        self._most = 0
        self._transfer: Transfer | None = None
        self._silent = False

    async def store(self, dataset: Dataset) -> int:
        """C-STORE; the status, which is success or a warning that something was changed."""
        status, _ = await self._ask("C-STORE", _store, self._line, dataset)
        if status not in (SUCCESS, *STORED_WITH_CHANGES):
            raise status_failure("C-STORE", status, self._script.node, self._script.calling)
        return status

    async def find(self, query: Dataset, model: Context = STUDY_ROOT_FIND, most: int = 500) -> list[Dataset]:
        """C-FIND: the matches, at most so many, each with the keys asked for and no other."""
        return (await self.search(query, partial(only, query), model, most)).matches

    async def search(
        self, query: Dataset, take: Callable[[Dataset], T], model: Context = STUDY_ROOT_FIND, most: int = 500
    ) -> Found[T]:
        """C-FIND: what `take` keeps of each match, of at most so many; then it is cancelled.

        `take` runs in a thread, and a match is forgotten once it returns.
        """
        search = Search(take, most)
        try:
            status, _ = await self._ask("C-FIND", search.run, self._line, query, model.abstract)
        except CheckFailed as failure:
            raise search.explained(failure, self._script.node) from None
        if status != SUCCESS:
            raise status_failure("C-FIND", status, self._script.node, self._script.calling)
        return search.found

    async def get(self, query: Dataset, model: Context = STUDY_ROOT_GET, most: int = 10) -> list[Dataset]:
        """C-GET: the objects that the peer sends, at most so many, in the classes that the association receives."""
        retrieved = await self.retrieve(query, model, most)
        if retrieved.status != SUCCESS:
            raise status_failure("C-GET", retrieved.status, self._script.node, self._script.calling)
        return retrieved.datasets

    async def retrieve(self, query: Dataset, model: Context = STUDY_ROOT_GET, most: int = 10) -> Retrieved:
        """C-GET as `get`, with counts and times; its status may be any."""
        self._received, self._most = [], most
        self._transfer = transfer = Transfer()
        status, answer = await self._ask("C-GET", _get, self._line, query, model.abstract)
        return ended(status, answer, transfer, self._received)

    async def move(self, query: Dataset, destination: str, model: Context = STUDY_ROOT_MOVE) -> Retrieved:
        """C-MOVE to an AE title, with counts; its status may be any."""
        self._transfer = transfer = Transfer()
        status, answer = await self._ask("C-MOVE", _move, self._line, query, destination, model.abstract)
        return ended(status, answer, transfer, [])

    @property
    def our_address(self) -> str:
        """The address that the peer sees us under."""
        return str(self._line.local_address)

    async def associate(self, contexts: Sequence[Context], receives: Sequence[Context]) -> None:
        """Negotiate. Raises CheckFailed unless all contexts are accepted, those to receive in that role."""
        script, outcome = self._script, self.outcome
        outcome.phase = "associate"
        proposed = [build_context(UID(each.abstract), list(each.transfers)) for each in (*contexts, *receives)]
        items: list[Any] = [build_role(UID(each.abstract), scp_role=True) for each in receives]
        if script.identity is not None:
            items.append(_identity(script.identity))
        handlers = [
            (evt.EVT_C_STORE, self._take),
            (evt.EVT_DATA_RECV, self._arrived),
            *_wiretapped(self._check.wiretap),
        ]
        stands = await self._in_time("association", self._line.associate, script.called, proposed, items, handlers)
        accepted = self._line.heard.get(codec.ASSOCIATE_AC)
        if accepted is not None:
            with suppress(Malformed):  # then nothing stands, and the end is explained below
                outcome.accepted = answer = association_memo(accepted)  # type: ignore[assignment]
                self._require(answer, [*contexts, *receives], receives)  # type: ignore[arg-type]
        if not stands:
            raise explain_end(self._line, script, outcome, self._secure, "association")

    def _require(self, accepted: codec.Accepted, proposed: list[Context], receives: Sequence[Context]) -> None:
        refused = [
            f"{codec.uid_name(context.abstract)} ({reasons.context_result(accepted.result(2 * place + 1))})"
            for place, context in enumerate(proposed)
            if accepted.result(2 * place + 1) != 0
        ]
        sends = {str(context.abstract_syntax) for context in self._line.assoc.accepted_contexts if context.as_scp}
        if not refused:
            refused = [f"to send us {codec.uid_name(each.abstract)}" for each in receives if each.abstract not in sends]
        if refused:
            raise CheckFailed(
                "no_context",
                f"{self._script.node} took the association but refuses {', '.join(refused)}; have the service "
                f"switched on there for {self._script.calling}",
            )

    async def _ask(self, service: str, function: Callable[..., Reply], *args: Any) -> tuple[int, Any]:
        self.outcome.phase = "dimse"
        status, answer = None, None
        if self._line.stands:
            status, answer = await self._in_time(service, function, *args)
        if status is None:
            raise explain_end(self._line, self._script, self.outcome, self._secure, service)
        return status, answer

    async def _in_time(self, service: str, function: Callable[..., Any], *args: Any) -> Any:
        check, outcome, line = self._check, self.outcome, self._line
        phase, started = outcome.phase, perf_counter()
        line.within(check.time_left + SPARE)
        try:
            async with asyncio.timeout_at(check.surroundings.deadline):
                answer = await check.in_thread(function, *args)
        except TimeoutError:
            self._silent = True
            script, waited = self._script, perf_counter() - started
            partial = line.socket.partial
            said = reasons.explain_silence(script.node, script.place, phase, waited, partial, service)
            raise CheckFailed("timeout", said) from None
        outcome.phases[phase] = outcome.phases.get(phase, 0.0) + perf_counter() - started
        return answer

    async def release(self) -> None:
        """Release it. Raises CheckFailed if the peer does not answer that."""
        service = "last request"
        self.outcome.phase = "release"
        answered = await self._in_time(service, self._line.release)
        if not answered:
            raise explain_end(self._line, self._script, self.outcome, self._secure, service)

    async def leave(self, failed: bool) -> None:
        """End it in whatever state it is: released if the peer still talks to us, else aborted. Raises nothing."""
        if failed and self._line.stands and not self._silent:
            with suppress(CheckFailed):
                await self.release()
        if self._line.closed:
            return
        # Not awaited to its end: whoever waits for this check has waited long enough.
        ending = asyncio.create_task(self._check.in_thread(self._line.give_up))
        await asyncio.wait([ending], timeout=0.05)

    def _arrived(self, event: evt.Event) -> None:
        if self._transfer is not None:
            self._transfer.arrived(event.data)

    def _take(self, event: evt.Event) -> int:
        if len(self._received) >= self._most:
            return 0xA700
        dataset: Dataset = event.dataset
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = event.context.transfer_syntax
        self._received.append(dataset)
        return SUCCESS


@asynccontextmanager
async def association(
    check: DicomCheck,
    script: Script,
    contexts: Sequence[Context],
    receives: Sequence[Context],
    outcome: Outcome,
) -> AsyncIterator[Association]:
    """An association for a check, within its budget and deadline; released at the end, aborted when cancelled."""
    surroundings, node = check.surroundings, check.node
    started = perf_counter()
    addresses = await surroundings.resolver.resolve(str(node.host), int(node.port or 0), surroundings.deadline)
    outcome.phases["dns"] = perf_counter() - started
    async with check.slot():
        opened = await open_line(check, script, addresses, outcome)
        assoc = Association(check, script, outcome, opened)
        failed = False
        try:
            await assoc.associate(contexts, receives)
            yield assoc
            await assoc.release()
        except CheckFailed:
            failed = True
            raise
        finally:
            await assoc.leave(failed)


def with_calling(script: Script, calling: str | None) -> Script:
    """The script with another calling AE title, if there is one."""
    return replace(script, calling=calling) if calling else script


def _identity(identity: Identity) -> UserIdentityNegotiation:
    user = UserIdentityNegotiation()
    user.user_identity_type = 1 if identity.password is None else 2
    user.primary_field = identity.username.encode()
    if identity.password is not None:
        user.secondary_field = identity.password.encode()
    return user


def _store(line: Line, dataset: Dataset) -> Reply:
    return line.assoc.send_c_store(dataset).get("Status"), None


def _get(line: Line, query: Dataset, model: str) -> Reply:
    return _final(line.assoc.send_c_get(query, model))


def _move(line: Line, query: Dataset, destination: str, model: str) -> Reply:
    return _final(line.assoc.send_c_move(query, destination, model))


def _final(answers: Iterator[tuple[Dataset, Dataset | None]]) -> Reply:
    for answer, _ in answers:
        status = answer.get("Status")
        if status not in PENDING:
            return status, answer
    return None, None


def _wiretapped(wiretap: Wiretap | None) -> list[Any]:
    if wiretap is None:
        return []
    return [
        (evt.EVT_DATA_SENT, lambda event: wiretap.sent(event.data)),
        (evt.EVT_DATA_RECV, lambda event: wiretap.heard(event.data)),
    ]
