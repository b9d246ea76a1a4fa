"""Asks a running agent, over its socket in `data_dir`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pacs_monitor.console import fail, load

if TYPE_CHECKING:
    import httpx

Parameters = Sequence[tuple[str, str]]


class Running:
    """The agent of a configuration. Every method ends the program with one sentence if none answers."""

    def __init__(self, config: Path) -> None:
        self._socket = load(config).agent.data_dir / "control.sock"

    def ask(self, method: str, path: str, body: Any = None, query: Parameters = ()) -> httpx.Response:
        """Its answer, whatever it is."""
        with self._client() as client:
            return client.request(method, path, params=list(query), **_content(body))

    def tell(self, method: str, path: str, body: Any = None, query: Parameters = ()) -> Any:
        """What it says; exit status 1 with the reason if it refuses."""
        answer = self.ask(method, path, body, query)
        if answer.is_error:
            fail(said(answer))
        return answer.json() if answer.content else None

    def lines(self, path: str, body: Any, patience: float) -> Iterator[Any]:
        """What it says bit by bit, each a line of JSON; exit status 1 if it refuses."""
        with self._client(patience) as client, client.stream("POST", path, **_content(body)) as answer:
            if answer.is_error:
                answer.read()
                fail(said(answer))
            for line in answer.iter_lines():
                yield json.loads(line)

    @contextmanager
    def _client(self, patience: float = 60.0) -> Iterator[httpx.Client]:
        import httpx

        transport = httpx.HTTPTransport(uds=str(self._socket))
        try:
            with httpx.Client(transport=transport, base_url="http://localhost", timeout=patience) as client:
                yield client
        except httpx.TransportError as error:
            fail(f"no agent answers at {self._socket} ({error}); is it running, and may this user ask it?")


def said(answer: httpx.Response) -> str:
    """The reason in an answer."""
    try:
        told = answer.json()
    except ValueError:
        return answer.text.strip() or f"the agent answers {answer.status_code}"
    if isinstance(told, Mapping):
        return str(told.get("error") or told.get("message") or told)
    return str(told)


def _content(body: Any) -> dict[str, Any]:
    return {} if body is None else {"json": body}
