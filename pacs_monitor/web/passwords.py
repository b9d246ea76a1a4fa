"""Users and bcrypt hashes from a file, verified in threads so that the loop never waits for a hash."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt

from pacs_monitor.web.errors import WebError

# bcrypt knows costs from 4 to 31, and of the salt's last character four values.
_LINE = re.compile(r"([^:\s][^:]*):(\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})")
_MOST_TOLD = 10
_MOST_WAITING = 32
_MOST_REMEMBERED = 64


class TooManyAttempts(Exception):
    """So many passwords wait to be verified that no more are taken."""


class Passwords:
    """The users of an `htpasswd -B` file."""

    def __init__(self, users: dict[str, str]) -> None:
        """Hashes by user."""
        self._users = {user: value.encode() for user, value in users.items()}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._waiting = 0
        self._key = secrets.token_bytes(32)
        self._good: dict[bytes, None] = {}
        # An unknown user costs as much time as a known one.
        self._decoy = next(iter(self._users.values()), b"$2b$10$" + b"." * 53)

    async def verify(self, user: str, password: str) -> bool:
        """Whether the user has this password. Raises TooManyAttempts."""
        digest = self._digest(user, password)
        if digest in self._good:
            return True
        if self._waiting >= _MOST_WAITING:
            raise TooManyAttempts
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, self._check, user, password)
        finally:
            self._waiting -= 1
        if right:
            self._remember(digest)
        return right

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, user: str, password: str) -> bool:
        # bcrypt looks at 72 bytes and refuses more.
        right = bcrypt.checkpw(password.encode()[:72], self._users.get(user, self._decoy))
        return right and user in self._users

    def _digest(self, user: str, password: str) -> bytes:
        return hmac.new(self._key, f"{user}\0{password}".encode(), hashlib.sha256).digest()

    def _remember(self, digest: bytes) -> None:
        if len(self._good) >= _MOST_REMEMBERED:
            del self._good[next(iter(self._good))]
        self._good[digest] = None


def read_passwords(path: Path) -> Passwords:
    """The users of a file. Raises WebError; what the file holds is in no sentence."""
    users = {}
    wrong = []
    for number, line in enumerate(read_text("web.basic_auth_file", path).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            found = _LINE.fullmatch(line.strip())
            if found is None:
                wrong.append(number)
            else:
                users[found[1]] = found[2]
    if wrong:
        raise WebError(f"web.basic_auth_file: {path}:{_told(wrong)} not user:hash with bcrypt; use htpasswd -B")
    if not users:
        raise WebError(f"web.basic_auth_file: {path} names no user; add one with htpasswd -B")
    return Passwords(users)


def _told(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"{lines[0]}: is"
    more = ",..." if len(lines) > _MOST_TOLD else ""
    return f"{','.join(map(str, lines[:_MOST_TOLD]))}{more}: are"


def read_text(setting: str, path: Path) -> str:
    """What a file holds. Raises WebError."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise WebError(f"{setting}: {path} cannot be read ({error.strerror}); check the name and its rights") from None
    except UnicodeDecodeError:
        raise WebError(f"{setting}: {path} is not text in UTF-8; name the right file") from None
