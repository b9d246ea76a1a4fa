"""The C-ECHO prober: a small state machine on the event loop, for many nodes at once.

Takes about 2 to 3 times the CPU of a C loop that decodes nothing (`make bench` prints the figure), and reports
latencies by the kernel's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from typing import Any

from pacs_monitor.check import CheckFailed
from pacs_monitor.dicom import clock, codec, reasons
from pacs_monitor.dicom.conversation import Conversation, Outcome, Script
from pacs_monitor.dicom.reactor import Watcher, watcher

Address = tuple[socket.AddressFamily, Any]

_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)


def connect_failure(error: int, script: Script) -> CheckFailed:
    """What an errno of connect means for this node."""
    node, place = script.node, script.place
    if error == errno.ECONNREFUSED:
        return CheckFailed(
            "refused",
            f"{node} ({place}) refuses the connection: the machine is there, but nothing listens on this port; "
            f"start the DICOM service, or correct port",
        )
    if error in _UNREACHABLE:
        return CheckFailed(
            "unreachable",
            f"there is no way to {node} ({place}): {os.strerror(error)}; the machine is off or the route is gone: "
            f"ask the network team",
        )
    if error == errno.ETIMEDOUT:
        return CheckFailed("timeout", reasons.explain_silence(node, place, "connect", 0, 0))
    if error in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return CheckFailed(
            "aborted",
            f"{node} ({place}) reset the connection; a firewall or the service itself ended it: "
            f"look into its log at this time",
        )
    return CheckFailed(
        "unreachable",
        f"{node} ({place}) cannot be reached: {os.strerror(error)}; look at this machine's network",
    )


class _Probe:
    """One association over a plain socket."""

    __slots__ = (
        "_addresses",
        "_conversation",
        "_deadline",
        "_loop",
        "_outcome",
        "_script",
        "_sock",
        "_started",
        "_stopwatch",
        "_timer",
        "_watcher",
        "done",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, script: Script, addresses: list[Address], deadline: float
    ) -> None:
        self._loop = loop
        self._watcher: Watcher = watcher()
        self._script = script
        self._addresses = addresses
        self._deadline = deadline
        self._started = loop.time()
        self._outcome = Outcome()
        self._conversation = Conversation(script, self._outcome)
        self._stopwatch = clock.Stopwatch()
        self._sock: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.done: asyncio.Future[Outcome] = loop.create_future()
        self._connect(0)

    def _connect(self, place: int) -> None:
        """Try the address at this place. Each gets an equal share of the time that is left."""
        family, address = self._addresses[place]
        sock = self._sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        clock.prepare(sock)
        last = place + 1 == len(self._addresses)
        if last:
            self._timer = self._loop.call_at(self._deadline, self._expired)
        else:
            now = self._loop.time()
            share = (self._deadline - now) / (len(self._addresses) - place)
            self._timer = self._loop.call_at(now + share, self._next_address, place, errno.ETIMEDOUT)
        error = sock.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            # Not from within: the caller has no future yet.
            self._loop.call_soon(self._next_address, place, error)
            return
        self._watcher.add(sock, lambda: self._connected(place))

    def _next_address(self, place: int, error: int) -> None:
        if self.done.done():
            return
        self._close()
        if place + 1 < len(self._addresses):
            self._connect(place + 1)
        else:
            self._finish(connect_failure(error, self._script))

    def _connected(self, place: int) -> None:
        sock = self._sock
        assert sock is not None
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._next_address(place, error)
            return
        if place + 1 < len(self._addresses):
            assert self._timer is not None
            self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._expired)
        outcome = self._outcome
        outcome.phases["connect"] = self._stopwatch.read()
        outcome.phase = "associate"
        self._watcher.replace(sock, self._readable)
        self._send(self._script.opening)

    def _send(self, data: bytes) -> None:
        sock = self._sock
        assert sock is not None
        self._stopwatch.start()
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(error)
            return
        if sent != len(data):
            # A fresh socket takes some hundred bytes whole; one that does not is not worth a send queue.
            self._finish(connect_failure(errno.ENOBUFS, self._script))

    def _readable(self) -> None:
        sock, outcome = self._sock, self._outcome
        assert sock is not None
        phase = outcome.phase
        try:
            data, ancillary, _, _ = sock.recvmsg(16384, clock.STAMP_SPACE)
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(error)
            return
        try:
            if not data:
                self._conversation.closed()
                answer: bytes | None = b""
            else:
                answer = self._conversation.receive(data)
        except CheckFailed as failure:
            outcome.phases[phase] = self._stopwatch.read(ancillary)
            self._finish(failure, abort=bool(data))
            return
        if answer is None:
            clock.acknowledge_now(sock)
            if len(data) == 16384:
                self._loop.call_soon(self._again, sock)
            return
        outcome.phases[phase] = self._stopwatch.read(ancillary)
        if phase == "dimse":
            outcome.kernel_clock = self._stopwatch.kernel
        if self._conversation.complete:
            self._finish(None)
        elif answer:
            self._send(answer)

    def _again(self, sock: socket.socket) -> None:
        # Edge-triggered: more may be waiting, and nobody will say so again.
        if self._sock is sock:
            self._readable()

    def _broken(self, error: OSError) -> None:
        if self._outcome.phase == "release":
            self._outcome.phases["release"] = self._stopwatch.read()
            self._finish(None)  # the answer is in; how the peer hangs up is its own affair
        else:
            self._finish(connect_failure(error.errno or 0, self._script))

    def _expired(self) -> None:
        script, phase = self._script, self._outcome.phase
        seconds = self._loop.time() - self._started
        message = reasons.explain_silence(script.node, script.place, phase, seconds, self._conversation.partial)
        self._finish(CheckFailed("timeout", message), abort=phase != "connect")

    def _finish(self, failure: CheckFailed | None, abort: bool = False) -> None:
        if failure is not None:
            # A refusal that was understood before the release counts for more than a bad goodbye.
            self._outcome.failure = self._outcome.failure or failure
        self._close(abort)
        if not self.done.done():
            self.done.set_result(self._outcome)

    def _close(self, abort: bool = False) -> None:
        sock, timer = self._sock, self._timer
        if timer is not None:
            timer.cancel()
            self._timer = None
        if sock is None:
            return
        if abort:
            with contextlib.suppress(OSError):  # it may be gone already
                sock.send(codec.abort_request())
        self._watcher.remove(sock)
        sock.close()
        self._sock = None

    def give_up(self) -> None:
        """Leave at once, politely: A-ABORT if an association may stand."""
        self._close(abort=self._outcome.phase != "connect")


async def echo(script: Script, addresses: list[Address], deadline: float) -> Outcome:
    """One association with one C-ECHO, from connect to release, by `deadline` on the loop's clock.

    Never raises but when cancelled; then the association is aborted and the socket closed.
    """
    probe = _Probe(asyncio.get_running_loop(), script, addresses, deadline)
    try:
        return await probe.done
    finally:
        if not probe.done.done() or probe.done.cancelled():
            probe.give_up()
