"""E-mail through a mail server (a smarthost): each address has an envelope of its own."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from pacs_monitor.deadline import Deadline
from pacs_monitor.notify.dialing import explain, tls_context
from pacs_monitor.notify.message import Mail, Mailbox, build, mailboxes, sender_of
from pacs_monitor.notify.notification import DeliveryFailed, Notification
from pacs_monitor.notify.smtp import Answer, Smtp
from pacs_monitor.notify.smtp_auth import log_in
from pacs_monitor.notify.smtp_replies import refused, repeats, shown
from pacs_monitor.routing.definitions import Email

ALL_WITHIN = 60.0
"""Seconds for all that is said to the server."""
IMPLICIT_TLS = 465


def send(
    email: Email,
    notification: Notification,
    rendered: Mail,
    already: Collection[str] = (),
    within: float = ALL_WITHIN,
) -> str:
    """Deliver to all addresses but those that have it `already`; what the server said last.

    Raises DeliveryFailed if one did not get it: `delivered` says which have it by now, for the next try.
    """
    where = f"{email.host}:{email.port}"
    try:
        sender, recipients = sender_of(email), mailboxes(email.to)
    except ValueError as error:
        raise DeliveryFailed("rejected", f"an address for {where} is wrong: {error}", retry=False) from None
    left = [one for one in recipients if one.address not in already]
    had = [one.address for one in recipients if one.address in already]
    if not left:
        return f"{email.host}, delivered before"
    with Deadline(within) as deadline:
        delivery = _Delivery(email, notification, rendered, sender, deadline)
        delivery.deliver(left)
    delivered = (*had, *delivery.delivered)
    if delivery.failures:
        raise _summary(delivery.failures, delivered, len(recipients))
    return f"{email.host}, {delivery.last}"


class _Delivery:
    """What is said to the server: in one session, or in another if it ends the first."""

    def __init__(
        self, email: Email, notification: Notification, mail: Mail, sender: Mailbox, deadline: Deadline
    ) -> None:
        self._email = email
        self._notification = notification
        self._mail = mail
        self._sender = sender
        self._deadline = deadline
        self._where = f"{email.host}:{email.port}"
        self.delivered: list[str] = []
        self.failures: list[DeliveryFailed] = []
        self.last = ""

    def deliver(self, recipients: list[Mailbox]) -> None:
        """To each; what fails for one does not stop the others, unless the server can no longer be reached."""
        smtp: Smtp | None = None
        for one in recipients:
            try:
                with self._explained():
                    # The one before may have been one at which the server hangs up: it must not stop those behind it.
                    smtp = smtp if smtp is not None and smtp.sock is not None else self._connected()
            except DeliveryFailed as failure:
                self.failures.append(failure)
                break
            try:
                with self._explained():
                    self._deliver_one(smtp, one)
            except DeliveryFailed as failure:
                self.failures.append(failure)
            else:
                self.delivered.append(one.address)
        if smtp is not None:
            smtp.quit_politely()

    def _deliver_one(self, smtp: Smtp, one: Mailbox) -> None:
        where, utf8 = self._where, one.needs_utf8 or self._sender.needs_utf8
        if utf8 and not smtp.has_extn("smtputf8"):
            raise DeliveryFailed(
                "rejected",
                f"{where} takes no address with letters beyond ASCII such as {one.address}; use one without",
                retry=False,
            )
        message = build(self._email, self._notification, self._mail, one, utf8=utf8)
        options = ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else []
        if smtp.has_extn("size"):
            options.append(f"SIZE={len(message)}")
        sender = self._sender.address
        smtp.command_encoding = "utf-8" if utf8 else "ascii"
        answer = smtp.mail(sender, options)
        if answer[0] != 250:
            self._give_up(
                smtp, answer, f"{where} refuses the sender {sender}", "correct `from`, or have it allowed there"
            )
        answer = smtp.rcpt(one.address)
        if answer[0] not in (250, 251):
            remedy = "correct the address in `to`, or have the server relay for this machine"
            self._give_up(smtp, answer, f"{where} refuses mail for {one.address}", remedy)
        try:
            answer = smtp.data(message)
        except smtplib.SMTPDataError as error:
            # Python's own word for an answer to DATA that is not 354.
            answer = (error.smtp_code, _bytes(error.smtp_error))
        if answer[0] != 250:
            what = f"{where} refuses the mail to {one.address}"
            self._give_up(
                smtp, answer, what, "ask who runs the mail server what its rules say", said=self._may_say(answer)
            )
        self.last = shown(answer, said=self._may_say(answer))

    def _may_say(self, answer: Answer) -> bool:
        return not repeats(answer, self._mail.subject, self._mail.text)

    def _give_up(self, smtp: Smtp, answer: Answer, what: str, remedy: str, *, said: bool = True) -> None:
        failure = refused(answer, what, remedy, said=said)
        with suppress(smtplib.SMTPException, OSError):
            if answer[0] == 421:
                smtp.close()  # RFC 5321 3.8: it ends the connection
            else:
                smtp.rset()
        raise failure

    def _connected(self) -> Smtp:
        """Greeted, over TLS, and logged in."""
        email, where = self._email, self._where
        implicit = email.port == IMPLICIT_TLS if email.implicit_tls is None else email.implicit_tls
        context = tls_context(email.tls, where)
        smtp = Smtp(email, self._deadline)
        try:
            answer = smtp.greet(context if implicit else None)
            if answer[0] != 220:
                raise refused(answer, f"{where} turns us away", "have it allow this machine, or correct the smarthost")
            self._hello(smtp)
            private = implicit
            if not implicit and smtp.has_extn("starttls"):
                self._start_tls(smtp, context)
                private = True
            elif not implicit and email.require_tls:
                raise DeliveryFailed(
                    "tls",
                    f"{where} offers no TLS (STARTTLS), which require_tls asks for; turn it on there, use port 465, "
                    f"or set require_tls: false if nobody can listen on the way",
                )
            if email.username:
                log_in(smtp, email, where, private=private or smtp.is_local)
        except BaseException:  # raised again: whatever it was, the connection must not stay open
            smtp.close()
            raise
        return smtp

    def _start_tls(self, smtp: Smtp, context: ssl.SSLContext) -> None:
        answer = smtp.docmd("STARTTLS")
        if answer[0] != 220:
            raise refused(answer, f"{self._where} refuses to start TLS", "look at its certificate and log", "tls")
        smtp.secure(context)
        self._hello(smtp)

    def _hello(self, smtp: Smtp) -> None:
        answer = smtp.ehlo()
        if answer[0] in (500, 502) and not self._email.require_tls and not self._email.username:
            answer = smtp.helo()
        if answer[0] != 250:
            raise refused(answer, f"{self._where} does not take our greeting", "set `hello` to this machine's name")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of smtplib and the network as DeliveryFailed."""
        try:
            yield
        except (OSError, ValueError, DeliveryFailed) as error:
            if self._deadline.over:
                raise explain(TimeoutError(), self._where, self._deadline) from None
            if isinstance(error, DeliveryFailed):
                raise
            raise self._failure(error) from None

    def _failure(self, error: Exception) -> DeliveryFailed:
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return DeliveryFailed(
                "aborted", f"{self._where} ended the connection; look into the mail server's log at this time"
            )
        if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
            return explain(error, self._where, self._deadline)
        return DeliveryFailed("mismatch", f"{self._where} does not answer as a mail server does; correct the smarthost")


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()


def _summary(failures: list[DeliveryFailed], delivered: tuple[str, ...], count: int) -> DeliveryFailed:
    """One failure for all: another try makes sense if it does for one."""
    first = next((one for one in failures if one.retry), failures[0])
    message = first.message
    if count > 1 and delivered:
        message = f"{len(delivered)} of {count} addresses have it; {message}"
    return DeliveryFailed(first.reason, message, first.retry, first.after, delivered)
