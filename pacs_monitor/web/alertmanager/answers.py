"""Answers in the form that Alertmanager gives them, refusals too, and bodies that are read up to a size."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.notify.deliver import go_json

LARGEST_BODY = 4_000_000
"""Bytes: some 8,000 alerts. Prometheus sends 64 at a time."""
REQUIRED, BAD_TYPE, TOO_SHORT = 602, 601, 612
"""Codes of go-openapi, by which Alertmanager tells what is wrong with a request."""


class Refused(Exception):
    """A request that is answered with a status and a text; with a `code`, as an object of both."""

    def __init__(self, status: int, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code

    def answer(self) -> Response:
        """What the client is told."""
        told = {"code": self.code, "message": self.message} if self.code else self.message
        return json_answer(told, self.status)


def json_answer(told: Any, status: int = 200) -> Response:
    """A small answer."""
    return Response(go_json(told), status, media_type="application/json")


def list_answer(every: list[bytes]) -> Response:
    """A list whose elements are JSON already."""
    return Response(b"[" + b",".join(every) + b"]\n", media_type="application/json")


def missing(what: str) -> Refused:
    """A part of the body that has to be there."""
    return Refused(422, f"{what} in body is required", REQUIRED)


def unreadable(what: str, why: str) -> Refused:
    """A body that is not of the form that it has to be."""
    return Refused(400, f'parsing {what} body from "" failed, because {why}', 400)


async def read_json(request: Request, what: str) -> bytes:
    """The body of a request that changes something. Raises Refused.

    A page of another site can send JSON only if we allow it to, and we do not.
    """
    given = request.headers.get("content-type") or "application/octet-stream"
    kind = given.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f'unsupported media type "{kind}", only [application/json] are allowed', 415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise Refused(413, f"the body is larger than {LARGEST_BODY:,} bytes; send less at a time")
    if not body:
        raise missing(what)
    return bytes(body)


def parsed(body: bytes, what: str) -> Any:
    """What a body says. Raises Refused.

    As Alertmanager does: what is not UTF-8 is replaced. An alert with an umlaut of another encoding is still one.
    """
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise unreadable(what, f"it is no JSON ({_where(error)})") from None


def _where(error: Exception) -> str:
    # Never the text around it: it may be anybody's.
    return f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "broken"
