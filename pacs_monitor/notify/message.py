"""The mail itself: headers, text and HTML, as bytes for one recipient."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import getaddresses, parseaddr
from typing import Any

from pacs_monitor.notify.notification import Notification
from pacs_monitor.notify.plain import one_line
from pacs_monitor.routing.definitions import Email

_OURS = {
    "auto-submitted",
    "bcc",
    "cc",
    "content-transfer-encoding",
    "content-type",
    "date",
    "in-reply-to",
    "message-id",
    "mime-version",
    "references",
    "to",
    "x-auto-response-suppress",
}
_HEADER = re.compile(r"[!-9;-~]+")
_LONGEST_LINE = 998  # RFC 5322 2.1.1


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says."""

    subject: str
    text: str
    html: str = ""
    """"" sends plain text alone."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whom a mail goes to or comes from."""

    name: str
    local: str
    domain: str
    """In ASCII, as DNS has it."""

    @property
    def address(self) -> str:
        """As an envelope has it."""
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) takes it."""
        return not self.local.isascii()


def mailboxes(text: str) -> list[Mailbox]:
    """Every address in `a@x, B <b@y>`, once. Raises ValueError, with the remedy, if one is none."""
    found = [mailbox(name, address) for name, address in getaddresses([text if text.isprintable() else ""])]
    if not found:
        raise ValueError("there is no address in it; write for example oncall@north.example")
    return list({one.address: one for one in found}.values())


def mailbox(name: str, address: str) -> Mailbox:
    """One address with its name. Raises ValueError, with the remedy."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    if not local or re.search(r"[\x00-\x20\x7f<>,;]", address) or (at and not domain):
        raise ValueError("there is something in it that is no address; write for example oncall@north.example")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"{domain} is no name that DNS could have; correct the address") from None
    return Mailbox(one_line(name, 100), local, domain)


def sender_of(email: Email) -> Mailbox:
    """Whom it comes from. Raises ValueError."""
    return mailbox(*parseaddr(email.sender))


def message_id(notification: Notification, recipient: str, domain: str) -> str:
    """The same for all tries to deliver it, so that a mailbox can tell a repeat."""
    return f"<{_digest(notification.key, recipient)}@{domain or 'pacs-monitor.invalid'}>"


def thread_id(notification: Notification, recipient: str, domain: str) -> str:
    """What all mails about a group of alerts refer to, though no mail carries it."""
    group = _digest(notification.group_key, notification.receiver, recipient)
    return f"<{group}.group@{domain or 'pacs-monitor.invalid'}>"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def build(
    email: Email, notification: Notification, mail: Mail, to: Mailbox, *, utf8: bool = False, at: datetime | None = None
) -> bytes:
    """The mail for one recipient, 7 bits wide but for the headers with `utf8`. Raises ValueError for the sender."""
    sender = sender_of(email)
    message = EmailMessage(policy=_Policy(cte_type="7bit", utf8=utf8))
    message["Subject"] = one_line(mail.subject, 250)
    message["From"] = _header(sender)
    message["To"] = _header(to)
    message["Date"] = at or datetime.now(UTC)
    message["Message-ID"] = message_id(notification, to.address, sender.domain)
    message["In-Reply-To"] = message["References"] = thread_id(notification, to.address, sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    for name, text in _allowed(email.headers):
        del message[name]
        message[name] = text
    message.set_content(mail.text, cte=_encoding(mail.text))
    if mail.html:
        message.add_alternative(mail.html, subtype="html", cte=_encoding(mail.html))
    return message.as_bytes()


class _Policy(EmailPolicy):
    """Python's own, which breaks the line behind the name of a header that just fits into the next one."""

    linesep = SMTP.linesep

    def fold_binary(self, name: str, value: Any) -> bytes:
        return re.sub(rb"\A([!-9;-~]+:)\r\n ", rb"\1 ", super().fold_binary(name, value))


def _encoding(text: str) -> str:
    """As it is, if that may be sent; else the one that still can be read by a pager that decodes none."""
    fits = text.isascii() and max(map(len, text.splitlines()), default=0) <= _LONGEST_LINE
    return "7bit" if fits else "quoted-printable"


def _header(one: Mailbox) -> Address:
    return Address(one.name, one.local, one.domain)


def _allowed(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without those that keep mails apart and machines from answering, and those that hold Go's templates."""
    kept = []
    for name, text in headers:
        if _HEADER.fullmatch(name) and name.lower() not in _OURS and "{{" not in text:
            kept.append((name, one_line(text)))
    return kept
