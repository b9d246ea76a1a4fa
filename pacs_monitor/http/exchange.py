"""One HTTP/1.1 request and its answer, spoken by h11 over a line of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

from pacs_monitor.check import CheckFailed
from pacs_monitor.line import Line

_FIRST = b"HTTP/"

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


@dataclass(frozen=True)
class Answer:
    """What a server gave. All of it may hold what concerns a patient: it is compared, and never told."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name in small letters."""
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The content as text, by the charset that the server names."""
        kind = self.headers.get("content-type", "")
        charset = kind.lower().partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
        try:
            return self.content.decode(charset, "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")


@dataclass(frozen=True)
class Request:
    """What is asked."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


async def exchange(line: Line, request: Request, most: int) -> Answer:
    """Ask (`first_byte`) and read all of the answer, at most so many bytes (`transfer`). Raises CheckFailed."""
    talk = _Talk(line)
    async with line.step("first_byte", lambda: _silent(line)):
        await line.send(talk.encoded(request))
        head = await talk.head()
    names = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    async with line.step("transfer", lambda: f"{line.who} began to answer and did not end in time; look at its load"):
        return Answer(head.status_code, names, await talk.content(most))


def _silent(line: Line) -> str:
    if line.received:
        return f"{line.who} began to answer and did not get beyond its headers in time; look at its load"
    return f"{line.who} took the request and gave no answer in time; look at its load and its log, or restart it"


class _Talk:
    def __init__(self, line: Line) -> None:
        self._line = line
        self._talk = h11.Connection(h11.CLIENT)
        self._beginning = b""

    def encoded(self, request: Request) -> bytes:
        headers = dict(request.headers)
        if request.body:
            headers["Content-Length"] = str(len(request.body))
        head = h11.Request(method=request.method, target=request.target, headers=list(headers.items()))
        parts = [self._talk.send(head)]
        if request.body:
            parts.append(self._talk.send(h11.Data(data=request.body)))
        parts.append(self._talk.send(h11.EndOfMessage()))
        return b"".join(part or b"" for part in parts)

    async def head(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise self._odd()

    async def content(self, most: int) -> bytes:
        content = bytearray()
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise self._odd()
            content += event.data
            if len(content) > most:
                sentence = f"{self._line.who} gives more than {most} bytes; ask for a smaller page, or raise most_bytes"
                raise CheckFailed("mismatch", sentence)
        return bytes(content)

    async def _next(self) -> Event:
        ended = False
        while True:
            try:
                event = self._talk.next_event()
            except h11.RemoteProtocolError:
                raise (self._ended() if ended else self._odd()) from None
            if event is h11.NEED_DATA:
                data = await self._line.receive()
                ended = not data
                self._require_http(data)
                self._talk.receive_data(data)
            elif isinstance(event, h11.ConnectionClosed):
                raise self._ended()
            else:
                return event

    def _require_http(self, data: bytes) -> None:
        """At once: another service may greet and then wait for ever."""
        if len(self._beginning) < len(_FIRST):
            self._beginning += data[: len(_FIRST)]
            if not _FIRST.startswith(self._beginning[: len(_FIRST)]):
                raise self._odd()

    def _ended(self) -> CheckFailed:
        where = "in the middle of its answer" if self._line.received else "without an answer"
        return CheckFailed("aborted", f"{self._line.who} ended the connection {where}; look into its log at this time")

    def _odd(self) -> CheckFailed:
        sentence = f"{self._line.who} does not answer in HTTP/1.1; is another service on this port, or one by https?"
        return CheckFailed("mismatch", sentence)
