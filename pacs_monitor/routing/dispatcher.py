"""The thread in which routes work: takes alerts and questions, flushes groups, writes, and has notifications sent."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.routing.definitions import Integration, Routing
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.lanes import Lanes, whom
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.mistake import place_of
from pacs_monitor.routing.outbox import Row
from pacs_monitor.routing.routed import RULES, RoutedAlert
from pacs_monitor.routing.stages import Moment

log = logging.getLogger(__name__)

T = TypeVar("T")
Deliver = Callable[[Integration, Notification, tuple[str, ...]], str]
"""Sends a notification but to the addresses that have it; the receiver's answer. Raises DeliveryFailed. In a thread."""
TIDY_EVERY = 15.0
SAVE_EVERY = 2.0
"""Seconds until what could not be written is written again, if nothing else falls due."""
MOST_REQUESTS = 1000
"""What is taken in between two looks at what is due: whoever asks and asks must not hold up delivery."""
RECOVERY = 5.0
"""Seconds until a row is tried again of which not even the try could begin."""


class Dispatcher:
    """Runs an engine. Everything that touches it does so in the thread, one after the other."""

    def __init__(
        self,
        mirror: Mirror,
        deliver: Deliver,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        point: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`point` is told of each step that must not lose anything if the agent dies there."""
        self.engine: Engine
        self._mirror = mirror
        self._deliver = deliver
        self._wall = wall
        self._clock = clock
        self._point = point
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._after_commit: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="routes", daemon=True)
        self._lanes = Lanes()
        self._tidied = clock()
        self._asking = threading.Lock()
        self._ended = False
        self._stopping = False

    def start(self, routing: Routing, prepare: Callable[[Engine], None] = lambda _: None) -> None:
        """Read what is known from before, and begin. `prepare` is given the engine before its first step.

        Raises StateError.
        """
        try:
            self.engine = Engine(routing, self._mirror, self._moment())
        except (ValueError, TypeError, LookupError) as error:
            raise self._mirror.unreadable(error) from None
        prepare(self.engine)
        self._thread.start()

    def stop(self, within: float) -> bool:
        """Start nothing more, wait for what is under way, write, and end. False if that took longer (seconds)."""
        self._stopping = True
        ends = self._clock() + within
        while self._lanes.total and self._thread.is_alive() and self._clock() < ends - 0.2:
            time.sleep(0.01)
        with self._asking:
            self._ended = True
        self._requests.put(None)
        if self._thread.is_alive():
            self._thread.join(max(0.1, ends - self._clock()))
        return not self._thread.is_alive()

    def ask(self, work: Callable[[Engine, Moment], T]) -> Future[T]:
        """Have something done in the thread. The future is done once its changes are written, or could not be.

        After `stop` it is cancelled.
        """
        future: Future[T] = Future()

        def answer() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = work(self.engine, self._moment())
            except Exception as error:  # noqa: BLE001 - carried over to whoever asked
                future.set_exception(error)
            else:
                self._after_commit.append(lambda: future.set_result(found))

        with self._asking:
            if self._ended:
                future.cancel()
            else:
                self._requests.put(answer)
        return future

    def put(self, alerts: Iterable[RoutedAlert]) -> Future[None]:
        """Take in alerts that are new, have changed, or are over."""
        every = list(alerts)
        return self.ask(lambda engine, at: engine.put(every, at))

    def put_all(self, firing: Iterable[RoutedAlert]) -> Future[None]:
        """As `put`, of all that the agent's rules know: others that they raised before are over."""
        every = list(firing)

        def work(engine: Engine, at: Moment) -> None:
            present = {alert.fingerprint for alert in every}
            engine.put(every, at)
            engine.end((one for one in engine.alerts.values() if one.origin == RULES), present, at)

        return self.ask(work)

    @property
    def sending(self) -> int:
        """How many deliveries are under way."""
        return self._lanes.total

    def _moment(self) -> Moment:
        return Moment(round(self._wall() * 1000), self._clock())

    # In the thread.

    def _run(self) -> None:
        while self._wait():
            self._step()
        self._guarded(self._write)

    def _wait(self) -> bool:
        """Take in what is asked until something falls due. False once it is to end."""
        idle = self._idle()
        for _ in range(MOST_REQUESTS):
            try:
                request = self._requests.get(timeout=idle) if idle else self._requests.get_nowait()
            except queue.Empty:
                return True
            if request is None:
                return False
            self._guarded(request)
            idle = 0.0
        return True

    def _idle(self) -> float:
        """Seconds until something falls due."""
        due = [self._tidied + TIDY_EVERY, self.engine.next()]
        if self.engine.unsaved:
            due.append(self._clock() + SAVE_EVERY)
        return max(0.0, min(moment for moment in due if moment is not None) - self._clock())

    def _step(self) -> None:
        at = self._moment()
        self._guarded(lambda: self.engine.flush_due(at))
        if at.mono >= self._tidied + TIDY_EVERY:
            self._tidied = at.mono
            self._guarded(lambda: self.engine.tidy(at))
        self._guarded(self._write)
        if not self._stopping:
            self._guarded(self._send)

    def _write(self) -> None:
        self._point("before commit")
        self.engine.commit()
        self._point("after commit")
        after, self._after_commit = self._after_commit, []
        for work in after:
            self._guarded(work)

    def _send(self) -> None:
        teller = self.engine.teller
        for row in teller.take_due(self._moment()):
            self._lanes.line_up(row)
        for row in self._lanes.ready():
            if teller.waits(row):
                try:
                    self._begin(row)
                except Exception as error:  # noqa: BLE001 - it must not be forgotten, nor hold up the others
                    log.error("a delivery could not begin; it is tried again: %s", place_of(error))
                    teller.put_off(row, self._clock() + RECOVERY)

    def _begin(self, row: Row) -> None:
        integration = self.engine.teller.integration(row, self._moment())
        if integration is None:
            self.engine.teller.give_up(row)
            return
        # A thread each: one that hangs takes nobody else's place.
        work = (row, integration, row.content, row.done)
        thread = threading.Thread(target=self._sent, args=work, name=f"to {row.content.receiver}", daemon=True)
        row.sending = True
        self._lanes.enter(whom(row))
        try:
            thread.start()
        except BaseException:  # raised again: whatever it was, the row must not count as being sent
            row.sending = False
            self._lanes.leave(whom(row))
            raise
        row.attempts += 1

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a mistake of ours in one step must not end all delivery
            log.error("a mistake in the thread of the routes; it goes on: %s", place_of(error))

    # In threads of their own.

    def _sent(self, row: Row, integration: Integration, content: Notification, done: tuple[str, ...]) -> None:
        began = self._clock()
        failure: DeliveryFailed | None = None
        answer = ""
        self._point("before send")
        try:
            answer = self._deliver(integration, content, done)
        except DeliveryFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not lose what was to be told
            log.error("a mistake in a delivery; it is tried again: %s", place_of(error))
            failure = DeliveryFailed("broken", f"a mistake of pacs-monitor: {type(error).__name__}")
        self._point("after send")
        took = self._clock() - began

        def note() -> None:
            self._lanes.leave((content.receiver, content.integration))
            self._point("before mark")
            if failure is None:
                self.engine.teller.delivered(row, answer, took, self._moment())
            else:
                self.engine.teller.failed(row, failure, took, self._moment())

        self._requests.put(note)
