"""Links by which whoever was told takes alerts on, without a password: signed, for a person, and good for a week."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from pacs_monitor.notify.notification import ToldAlert
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment

GOOD_FOR = 7 * 86_400
"""Seconds."""
MOST_NAMED = 12
"""Alerts that a link names one by one; of more it names their group."""
LONGEST = 600
"""Characters of a token."""
_HEAD = struct.Struct(">BIIB")
"""Whether it names a group, when it was made, when the latest alert began, and how long the person's name is."""
_MAC = hashlib.sha256().digest_size
_ID = 8


class BadLink(ValueError):
    """It is none of ours, or a part of it is missing."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says."""

    by: str
    """Who is to take alerts on."""
    made: int
    """Unix time in seconds."""
    latest: int
    """When the last of the alerts that it is about began."""
    ids: tuple[bytes, ...]
    """Fingerprints of alerts; or the one digest of their group's key."""
    of_group: bool = False

    def is_over(self, at: int) -> bool:
        """Whether it is too old, at a Unix time in seconds."""
        return at >= self.made + GOOD_FOR


def new_key() -> str:
    """A key to sign with."""
    return secrets.token_hex(32)


def link_to(by: str, group_key: str, alerts: Iterable[ToldAlert], made: int) -> Link:
    """What names these alerts of a group."""
    every = list(alerts)
    latest = max((alert.starts_at for alert in every), default=0) // 1000
    if len(every) > MOST_NAMED or any(len(alert.fingerprint) != 2 * _ID for alert in every):
        return Link(by, made, latest, (_digest(group_key),), of_group=True)
    return Link(by, made, latest, tuple(bytes.fromhex(alert.fingerprint) for alert in every))


def token_of(link: Link, key: str) -> str:
    """A link as a part of an address."""
    name = link.by.encode("utf-8", "replace")[:120].decode("utf-8", "ignore").encode()
    said = _HEAD.pack(link.of_group, link.made, link.latest, len(name)) + name + b"".join(link.ids)
    return base64.urlsafe_b64encode(said + _sign(said, key)).rstrip(b"=").decode()


def opened(token: str, key: str) -> Link:
    """What a token says, if it was signed with the key. Raises BadLink."""
    try:
        if len(token) > LONGEST:
            raise BadLink("it is too long")
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        said, signature = raw[:-_MAC], raw[-_MAC:]
        if not hmac.compare_digest(signature, _sign(said, key)):
            raise BadLink("its signature is not ours")
        of_group, made, latest, length = _HEAD.unpack_from(said)
        name, ids = said[_HEAD.size : _HEAD.size + length], said[_HEAD.size + length :]
        parts = tuple(ids[place : place + _ID] for place in range(0, len(ids), _ID))
        return Link(name.decode(), made, latest, parts, bool(of_group))
    except (ValueError, struct.error) as error:  # binascii.Error is a ValueError
        raise BadLink(str(error)) from None


def alerts_of(link: Link, engine: Engine, at: Moment) -> list[RoutedAlert]:
    """What a link is about and still fires."""
    if link.of_group:
        groups = [group for group in engine.groups if (_digest(group.key),) == link.ids]
        later = (link.latest + 1) * 1000
        every = {one.fingerprint: one for group in groups for one in group.alerts.values() if one.starts_at < later}
    else:
        names = (one.hex() for one in link.ids)
        every = {name: engine.alerts[name] for name in names if name in engine.alerts}
    return [alert for alert in every.values() if not alert.resolved(at.mono)]


def _digest(group_key: str) -> bytes:
    return hashlib.sha256(group_key.encode("utf-8", "replace")).digest()[:_ID]


def _sign(said: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), b"acknowledge\0" + said, hashlib.sha256).digest()
