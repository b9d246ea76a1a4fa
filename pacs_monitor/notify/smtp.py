"""The conversation with a mail server, over connections that end in time."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from contextlib import suppress

from pacs_monitor.deadline import Deadline
from pacs_monitor.routing.definitions import Email

STEP_WITHIN, GOODBYE_WITHIN = 20.0, 3.0
"""Seconds for one answer, and for the one to QUIT, which no longer matters."""
Answer = tuple[int, bytes]


class Smtp(smtplib.SMTP):
    """Python's own, but that a silent server is a TimeoutError. All else raises SMTPException and OSError."""

    def __init__(self, email: Email, deadline: Deadline) -> None:
        super().__init__(local_hostname=email.hello)
        self._email = email
        self._deadline = deadline
        self.sock: socket.socket | None = None

    def greet(self, context: ssl.SSLContext | None) -> Answer:
        """Connect, with TLS from the first byte if there is a context, and hear the greeting."""
        self.sock = self._deadline.connect(self._email.host, self._email.port)
        self.sock.settimeout(STEP_WITHIN)
        if context is not None:
            self.secure(context)
        return self.getreply()

    def secure(self, context: ssl.SSLContext) -> None:
        """TLS from here on; nothing that was said before counts."""
        if self.file is not None:
            self.file.close()
        self.file = None
        assert self.sock is not None
        name = self._email.tls.server_name or self._email.host
        self.sock = context.wrap_socket(self.sock, server_hostname=name)

    def getreply(self) -> Answer:
        """Code and words of the next answer."""
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                raise error.__context__ from None
            raise

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine."""
        return self.sock is not None and ipaddress.ip_address(self.sock.getpeername()[0]).is_loopback

    def quit_politely(self) -> None:
        """End the session; how the server takes that does not matter."""
        with suppress(smtplib.SMTPException, OSError, ValueError):
            if self.sock is not None:
                self.sock.settimeout(GOODBYE_WITHIN)
                self.docmd("QUIT")
        self.close()
