"""Mail servers: a real one (aiosmtpd), and one that follows a script."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Inbox:
    """What a server has taken, and what it refuses."""

    port: int = 0
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    logins: list[tuple[str, Any]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    """Answers to RCPT by address."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes += [(envelope.mail_from, to) for to in envelope.rcpt_tos]
        self.raw.append(envelope.content)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 2.0.0 Ok: queued"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((mechanism, data))
        return AuthResult(success=data.password == "päss wörd".encode(), handled=False)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False, **options: Any) -> Iterator[Inbox]:
    """A server on a free port, with STARTTLS if it has a certificate."""
    inbox = Inbox()
    if tls is not None:
        options["ssl_context" if implicit else "tls_context"] = tls
    controller = Controller(
        inbox, hostname="127.0.0.1", port=0, authenticator=inbox.authenticate, enable_SMTPUTF8=True, **options
    )
    controller.port = _free()
    controller.start()
    inbox.port = controller.port
    try:
        yield inbox
    finally:
        controller.stop()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


USUAL = {
    "greeting": "220 mail ready",
    "EHLO": "250-mail\r\n250 SIZE 1000000",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 Ok: queued as 42",
    "RSET": "250 2.0.0 Ok",
    "QUIT": "221 bye",
    "AUTH": "235 2.7.0 Ok",
    "STARTTLS": "220 go",
}
HANG, DROP = "hang", "drop"


def scripted(answers: Mapping[str, str], heard: list[str] | None = None) -> Callable[[socket.socket], None]:
    """What a RawServer does: the usual answers but for these; HANG says nothing more, DROP hangs up."""
    script = {**USUAL, **answers}
    said = heard if heard is not None else []

    def answer(conn: socket.socket, phase: str) -> bool:
        text = script.get(phase, "500 5.5.1 unknown")
        if text == HANG:
            while conn.recv(1024):
                pass
        if text in (HANG, DROP):
            return False
        conn.sendall(text.encode() + b"\r\n")
        return True

    def serve(conn: socket.socket) -> None:
        going = answer(conn, "greeting")
        in_data = False
        lines = conn.makefile("rb")
        while going and (line := lines.readline()):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if in_data and text != ".":
                continue
            said.append(text)
            phase = "." if in_data else text.split(" ", 1)[0].upper()
            going = answer(conn, phase)
            in_data = phase == "DATA" and script["DATA"].startswith("354")

    return serve
