"""`/runbooks/ALERT`: a runbook that comes with the agent, for whoever follows the link in a notification."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import logging
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pacs_monitor.runbooks import runbooks

# At the level debug it writes a line for each step through each line.
logging.getLogger("markdown_it").setLevel(logging.INFO)
_TEMPLATES = Path(__file__).parent / "templates"
_OTHER = re.compile(r"(\w+)\.md", re.ASCII)


class Runbooks:
    """The pages. They say nothing of this site, so whoever has the link may read them."""

    def __init__(self) -> None:
        environment = Environment(
            autoescape=True, loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True
        )
        self._template = environment.get_template("runbook.html")
        self._css = (_TEMPLATES / "landing.css").read_text("utf-8") + (_TEMPLATES / "runbook.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(self._css.encode()).digest()).decode()
        self._policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"

    async def __call__(self, request: Request) -> Response:
        """The page, or 404."""
        name = request.path_params["alert"]
        if name not in runbooks():
            return PlainTextResponse("there is no such runbook\n", 404)
        text = await asyncio.to_thread(as_html, name)
        page = self._template.render(name=name, text=text, css=self._css)
        return HTMLResponse(page, headers={"Content-Security-Policy": self._policy})


@functools.cache
def as_html(name: str) -> str:
    """A runbook as HTML; of its links those to other runbooks are left, as the other pages are not served."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(runbooks()[name].read_text("utf-8"))
    for token in tokens:
        token.children = _with_links(token.children) if token.children else token.children
    made: str = markdown.renderer.render(tokens, markdown.options, {})
    return made


def _with_links(tokens: list[Token]) -> list[Token]:
    """A link has no link within, so each closes the one before."""
    kept: list[Token] = []
    drop = False
    for token in tokens:
        if token.type == "link_open":
            other = _OTHER.fullmatch(str(token.attrs.get("href", "")))
            drop = not (other and other[1] in runbooks())
            if other:
                token.attrs["href"] = other[1]
        if token.type in ("link_open", "link_close") and drop:
            continue
        kept.append(token)
    return kept
