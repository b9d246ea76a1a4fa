"""HTTP/1.1 as uvicorn speaks it, but not for ever with a client that does not say what it wants."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

ASKS_WITHIN = 10.0
"""Seconds that a client has for a whole request line and its headers: connections are limited, and others wait."""


class Protocol(H11Protocol):
    """One connection. uvicorn itself gives up only those that are silent after an answer."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something has come; perhaps a whole request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The answer is given; the next request may have come already."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        # uvicorn says that there always is a cycle; before the first request it is None.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._stop_watching()
        elif self._patience is None:
            self._patience = self.loop.call_later(ASKS_WITHIN, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
