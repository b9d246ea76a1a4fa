"""Proving to a mail server who we are: CRAM-MD5, PLAIN and LOGIN (RFC 4954)."""

from __future__ import annotations

import base64
import binascii
import hmac
import smtplib

from pacs_monitor.notify.dialing import read_secret
from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.notify.smtp_replies import refused
from pacs_monitor.routing.definitions import Email


def log_in(smtp: smtplib.SMTP, email: Email, where: str, *, private: bool) -> None:
    """By the first way that both sides know. Raises DeliveryFailed, smtplib's errors and OSError.

    `private` is whether nobody else can read the line: only then is a password sent as it is.
    """
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    if email.secret and "CRAM-MD5" in offered:
        secret = read_secret(email.secret, f"auth_secret for {where}")
        _cram_md5(smtp, email.username, secret, where)
        return
    ways = [way for way in ("PLAIN", "LOGIN") if way in offered]
    if not email.password or not ways:
        has = ", ".join(offered) or "none"
        raise DeliveryFailed(
            "auth",
            f"{where} offers no way to log in that fits the settings (it has {has}); set auth_password for PLAIN "
            f"and LOGIN or auth_secret for CRAM-MD5, or leave auth_username out",
            retry=False,
        )
    if not private:
        raise DeliveryFailed(
            "tls", f"{where} would have the password without TLS; set require_tls: true, or use port 465", retry=False
        )
    password = read_secret(email.password, f"auth_password for {where}")
    if ways[0] == "PLAIN":
        _plain(smtp, email.identity, email.username, password, where)
    else:
        _login(smtp, email.username, password, where)


def _plain(smtp: smtplib.SMTP, identity: str, username: str, password: str, where: str) -> None:
    answer = smtp.docmd("AUTH", "PLAIN " + _encode("\0".join((identity, username, password))))
    _expect(235, answer, username, where)


def _login(smtp: smtplib.SMTP, username: str, password: str, where: str) -> None:
    _expect(334, smtp.docmd("AUTH", "LOGIN"), username, where)
    _expect(334, smtp.docmd(_encode(username)), username, where)
    _expect(235, smtp.docmd(_encode(password)), username, where)


def _cram_md5(smtp: smtplib.SMTP, username: str, secret: str, where: str) -> None:
    answer = smtp.docmd("AUTH", "CRAM-MD5")
    _expect(334, answer, username, where)
    try:
        challenge = base64.b64decode(answer[1], validate=True)
    except binascii.Error:
        raise DeliveryFailed("mismatch", f"{where} breaks CRAM-MD5; use auth_password instead of auth_secret") from None
    digest = hmac.new(secret.encode(), challenge, "md5").hexdigest()
    _expect(235, smtp.docmd(_encode(f"{username} {digest}")), username, where)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _expect(code: int, answer: tuple[int, bytes], username: str, where: str) -> None:
    if answer[0] != code:
        # What a server says here may repeat what it was given.
        what = f"{where} does not take the password of {username}"
        raise refused(answer, what, "correct auth_username, and auth_password or auth_secret", "auth", said=False)
