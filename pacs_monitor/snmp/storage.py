"""The storage table of HOST-RESOURCES-MIB (RFC 2790 3): volumes of servers, network storage and appliances."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    BaseAuthKey,
    BasePrivKey,
    DesKey,
    Md5Key,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    SnmpVersion,
    User,
    ValueType,
)
from gufo.snmp.aio import SnmpSession

from pacs_monitor.check import CheckFailed
from pacs_monitor.snmp import SnmpSettings
from pacs_monitor.volumes import Space

TABLE = "1.3.6.1.2.1.25.2.3.1"
MOST_VALUES = 20_000
"""A machine with thousands of mounts, each with seven columns; one that never ends is cut off here."""
_DESCRIPTION, _UNIT, _SIZE, _USED = "3", "4", "5", "6"
_LARGEST = (1 << 31) - 1
_ATTEMPTS = 3
_AUTH: dict[str, type[BaseAuthKey]] = {
    "MD5": Md5Key,
    "SHA": Sha1Key,
    "SHA-224": Sha224Key,
    "SHA-256": Sha256Key,
    "SHA-384": Sha384Key,
    "SHA-512": Sha512Key,
}
_PRIVACY: dict[str, type[BasePrivKey]] = {"DES": DesKey, "AES": Aes128Key, "AES-192": Aes192Key, "AES-256": Aes256Key}


async def volumes(settings: SnmpSettings, hosts: Sequence[str], who: str, seconds: float) -> dict[str, Space | None]:
    """Volumes by their names there; None for one that is too large for what SNMP can say.

    `hosts` are addresses of the machine, `who` names it. A lost packet is asked for again, within the seconds. Raises
    CheckFailed and OSError.
    """
    for attempt in range(_ATTEMPTS):
        try:
            async with asyncio.timeout(seconds / _ATTEMPTS):
                rows = await _rows(settings, hosts[attempt % len(hosts)], seconds)
        except TimeoutError:
            continue
        except SnmpError as error:
            raise _refused(isinstance(error, SnmpAuthError), settings, who) from None
        if not rows:
            closed = "user, who may have to encrypt (privacy_password_file)" if settings.username else "community"
            sentence = (
                f"{who} shows none of its storage by SNMP; let it show HOST-RESOURCES-MIB ({TABLE}) to this {closed}"
            )
            raise CheckFailed("forbidden", sentence)
        return _spaces(rows)
    wrong = "are the privacy and its password right" if settings.username else "is the community right"
    raise CheckFailed(
        "timeout", f"{who} gives no answer by SNMP; is its SNMP service on, does it let this machine in, and {wrong}?"
    )


def _refused(user: bool, settings: SnmpSettings, who: str) -> CheckFailed:
    if user:
        as_there = "username, auth, auth_password_file and privacy_password_file as they are set there"
        return CheckFailed("forbidden", f"{who} does not take the SNMP user {settings.username}; correct {as_there}")
    sentence = f"{who} refuses what is asked by SNMP; let it show HOST-RESOURCES-MIB ({TABLE}), and look into its log"
    return CheckFailed("mismatch", sentence)


async def _rows(settings: SnmpSettings, host: str, seconds: float) -> dict[str, dict[str, ValueType]]:
    community = settings.community.get_secret_value() if settings.community else ""
    version = SnmpVersion.v3 if settings.username else SnmpVersion.v2c
    rows: dict[str, dict[str, ValueType]] = defaultdict(dict)
    session = SnmpSession(
        host, settings.port, community=community, user=_user(settings), version=version, timeout=seconds
    )
    async with session:
        values = 0
        async for oid, value in session.getbulk(TABLE):
            column, _, index = oid.removeprefix(f"{TABLE}.").partition(".")
            rows[index][column] = value
            values += 1
            if values >= MOST_VALUES:
                break
    return rows


def _user(settings: SnmpSettings) -> User | None:
    if not settings.username:
        return None
    auth, privacy = settings.auth_password, settings.privacy_password
    return User(
        settings.username,
        auth_key=_AUTH[settings.auth](auth.get_secret_value().encode()) if auth else None,
        priv_key=_PRIVACY[settings.privacy](privacy.get_secret_value().encode()) if privacy else None,
    )


def _spaces(rows: dict[str, dict[str, ValueType]]) -> dict[str, Space | None]:
    found = {}
    for row in rows.values():
        name, unit, size, used = (row.get(column) for column in (_DESCRIPTION, _UNIT, _SIZE, _USED))
        if isinstance(name, bytes) and isinstance(unit, int) and isinstance(size, int) and isinstance(used, int):
            found[_name(name.decode("utf-8", "replace"))] = _space(unit, size, used)
    return found


def _name(description: str) -> str:
    r"""Windows says `D:\ Label:Images  Serial Number 1a2b3c4d`; of that, D:\ is the volume."""
    return description.partition(" Label:")[0]


def _space(unit: int, size: int, used: int) -> Space | None:
    """Integer32 counts units: 8 TiB at 4 KiB. Agents that go on counting turn negative, up to 16 TiB; others stand."""
    if _LARGEST in (size, used):
        return None
    size, used = size % (1 << 32), used % (1 << 32)
    return Space(unit * size, unit * (size - used), unit * used) if used <= size else None
