"""HTTP/1.1 as uvicorn speaks it, but not for ever with a client that does not ask, or does not take the answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

ASKS_WITHIN = 10.0
"""Seconds that a client has for a whole request line and its headers: connections are limited, and others wait."""

TAKES_WITHIN = 60.0
"""Seconds that a client has to take an answer that the kernel has no room for."""


class Protocol(H11Protocol):
    """One connection. uvicorn itself gives up only those that are silent after an answer."""

    _patience: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

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

    def pause_writing(self) -> None:
        """The client does not take the answer as fast as we give it."""
        super().pause_writing()
        self._stop_watching()
        self._taking = self.loop.call_later(TAKES_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        """Almost all of it is taken."""
        super().resume_writing()
        self._stop_watching()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._taking is not None:
            return
        # uvicorn says that there always is a cycle; before the first request it is None.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._stop_watching()
        elif self._patience is None:
            self._patience = self.loop.call_later(ASKS_WITHIN, self.transport.abort)

    def _stop_watching(self) -> None:
        for timer in (self._patience, self._taking):
            if timer is not None:
                timer.cancel()
        self._patience = self._taking = None
