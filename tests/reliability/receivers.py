"""Receivers that outlive the agent: a real mail server and a real web server, which fail as they are told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.peers.ports import free_port
from tests.reliability.child import PATIENCE

HTTP_STATUS = {"fails": 500, "refuses": 400, "throttles": 429}
SMTP_ANSWER = {"fails": "451 4.3.0 later", "refuses": "550 5.7.1 no", "throttles": "421 4.7.0 too many"}
BEHAVIOURS = ("well", "fails", "refuses", "throttles", "hangs", "drops", "closes")
"""`hangs` never answers, `drops` takes it and hangs up before it says so, `closes` hangs up at once."""
POINTS = ("connect", "body", "answer")
"""Where a receiver kills whoever talks to it."""


@dataclass(frozen=True)
class Told:
    """One notification that a receiver has taken."""

    channel: str
    key: str
    alerts: frozenset[tuple[str, str]]
    """Id and status."""
    late: frozenset[str]
    """Ids of alerts of which it says that they began and ended meanwhile."""
    note: str


@dataclass
class Receivers:
    """What both have taken, and how they behave."""

    seed: int
    badly: float = 0.6
    """Which share of tries is met as `behaviour` says; the others are met well."""
    behaviour: str = "well"
    http: int = 0
    smtp: int = 0
    told: list[Told] = field(default_factory=list)
    tries: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(self.seed)
        self._kill: Callable[[], None] = lambda: None
        self._armed = ("", "")
        self._left = 0

    def arm(self, point: str, protocol: str, countdown: int, kill: Callable[[], None]) -> None:
        """Kill once when a client has come to a point of a protocol so often."""
        with self._lock:
            self._armed, self._left, self._kill = (point, protocol), countdown, kill

    def disarm(self) -> None:
        self.arm("", "", 0, lambda: None)

    def come_to(self, point: str, protocol: str) -> bool:
        """Whether the client was killed here."""
        with self._lock:
            if self._armed != (point, protocol):
                return False
            self._left -= 1
            if self._left > 0:
                return False
            self._armed = ("", "")
            self._kill()
        return True

    def mood(self) -> str:
        """How this one try is met."""
        with self._lock:
            self.tries += 1
            return self.behaviour if self._random.random() < self.badly else "well"

    def take(self, channel: str, key: str, text: str) -> None:
        said = json.loads(text)
        alerts = frozenset((id, status) for id, status, _ in said["alerts"])
        late = frozenset(id for id, _, late in said["alerts"] if late)
        with self._lock:
            self.told.append(Told(channel, key, alerts, late, said["note"]))


@contextmanager
def receivers(seed: int, badly: float) -> Iterator[Receivers]:
    made = Receivers(seed, badly)
    with _web_server(made), _mail_server(made):
        yield made


@contextmanager
def _web_server(every: Receivers) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):  # the client may be dead
                self.mood = every.mood()
                if every.come_to("connect", "http") or self.mood == "closes":
                    _reset(self.connection)
                else:
                    super().handle()

        def do_POST(self) -> None:
            if every.come_to("body", "http"):
                return
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever posts has died
                return
            if self.mood == "hangs":
                time.sleep(PATIENCE * 1.3)
                return
            if self.mood in ("well", "drops"):
                every.take(self.path.strip("/") + " webhook", self.headers["Idempotency-Key"], body.decode())
            if every.come_to("answer", "http") or self.mood == "drops":
                return
            self.send_response(HTTP_STATUS.get(self.mood, 200))
            if self.mood == "throttles":
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.request_queue_size = 128
    every.http = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def _mail_server(every: Receivers) -> Iterator[None]:
    class Session(SMTP):
        mood = "well"
        in_data = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.mood = every.mood()
            if every.come_to("connect", "smtp") or self.mood == "closes":
                transport.abort()

        async def smtp_DATA(self, arg: str) -> None:
            self.in_data = True
            await super().smtp_DATA(arg)
            self.in_data = False

        def data_received(self, data: bytes) -> None:
            if self.in_data and every.come_to("body", "smtp"):
                self.hang_up()
            else:
                super().data_received(data)

        def hang_up(self) -> None:
            assert isinstance(self.transport, asyncio.WriteTransport)
            self.transport.abort()

    class Handler:
        async def handle_DATA(self, server: Session, session: Any, envelope: Any) -> str:
            if server.mood == "hangs":
                await asyncio.sleep(PATIENCE * 1.3)
                server.hang_up()
                return "451 4.3.0 later"
            if server.mood in ("well", "drops"):
                mail = message_from_bytes(envelope.content, policy=policy.default)
                assert isinstance(mail, EmailMessage)
                (to,) = envelope.rcpt_tos
                every.take(f"{to.partition('@')[0]} email", str(mail["Message-ID"]), str(mail.get_content()))
            if every.come_to("answer", "smtp") or server.mood == "drops":
                server.hang_up()
            return SMTP_ANSWER.get(server.mood, "250 2.0.0 queued")

    class Server(Controller):
        def factory(self) -> Any:
            return Session(self.handler, hostname="mail.north.example")

    controller = Server(Handler(), hostname="127.0.0.1", port=free_port())
    controller.start()
    every.smtp = controller.port
    try:
        yield
    finally:
        controller.stop()
