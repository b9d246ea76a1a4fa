"""Nodes that a server lists, as Prometheus' HTTP service discovery has it: asked now and then, kept on disk.

The configuration reads what is kept, so neither a start nor a reload waits for that server, and a list that is
not to be had leaves the last one in force. A list that has changed is a file that has changed: a reload.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from pathlib import Path

from pydantic import field_validator

from pacs_monitor.check import CheckFailed
from pacs_monitor.settings import PeerSettings
from pacs_monitor.units import Duration

log = logging.getLogger(__name__)

ANSWERS_WITHIN = 10.0
"""Seconds for one list."""


class HttpSd(PeerSettings):
    """A server that lists targets as Prometheus' HTTP service discovery has it."""

    refresh: Duration = 300.0
    """How often it is asked."""

    @field_validator("refresh")
    @classmethod
    def _not_too_often(cls, seconds: float) -> float:
        if not 5 <= seconds <= 86400:
            raise ValueError("is not between 5s and 1d; write for example 5m")
        return seconds


def ask(peer: HttpSd) -> str:
    """The list that a server gives now. Raises CheckFailed."""
    from pacs_monitor.fetching import get, where_of  # what speaks HTTP takes long to import

    said = get(peer, ANSWERS_WITHIN, headers={"X-Prometheus-Refresh-Interval-Seconds": f"{peer.refresh:.0f}"})
    try:
        listed = json.loads(said.decode("utf-8"))
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "targets" in one for one in listed):
        raise CheckFailed(
            "mismatch",
            f'{where_of(peer.url)} gives no list of targets; it must answer [{{"targets": ["host:port"], "labels": '
            f"{{}}}}]; correct the address",
        )
    return said.decode("utf-8")


class Lists:
    """The last list of each server, in files of the data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, url: str) -> Path:
        """Where the list from an address is kept."""
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"

    def read(self, peer: HttpSd) -> str:
        """The list that is kept; the first time, what the server gives now. Raises CheckFailed."""
        try:
            return self.path(peer.url).read_text("utf-8")
        except (OSError, ValueError):
            pass
        text = ask(peer)
        if self._folder.parent.is_dir():
            self.keep(peer.url, text)
        return text

    def keep(self, url: str, text: str) -> bool:
        """Write a list whole or not at all; whether it is another one than before."""
        path = self.path(url)
        try:
            if path.exists() and path.read_text("utf-8") == text:
                return False
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._folder, encoding="utf-8", delete=False) as file:
                file.write(text)
            Path(file.name).replace(path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not text"
            log.warning("the list of targets cannot be kept in %s (%s)", self._folder, why)
            return False
        return True


def lists_of(data_dir: Path) -> Lists:
    """Where an agent with this data directory keeps its lists."""
    return Lists(data_dir / "discovered")
