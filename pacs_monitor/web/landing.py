"""`/`: a plain page that tells what is wrong, worst first, and links to everything else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pacs_monitor.confirm import Confirmed, progress
from pacs_monitor.context import Context
from pacs_monitor.results import Record
from pacs_monitor.web.core import Core
from pacs_monitor.web.firing import firing
from pacs_monitor.web.spans import span
from pacs_monitor.web.status import Status, Word

MOST_ROWS = 300
_TEMPLATES = Path(__file__).parent / "templates"
_ORDER: dict[Word, int] = {"down": 0, "failing": 1, "unknown": 2, "healthy": 4}
_SUPPRESSED = 3
# Colour is never the only sign.
_SIGNS = {"down": "✕", "failing": "!", "unknown": "?", "healthy": "✓"}


@dataclass(frozen=True)
class Row:
    """One check as the page shows it."""

    word: Word
    sign: str
    state: str
    span: str
    node: str
    check: str
    role: str
    reason: str
    message: str
    suppressed_by: str
    duration: str
    ago: str


class Landing:
    """The page, made in a thread. Nothing on it but its own text is taken as HTML."""

    def __init__(self, core: Core, status: Status) -> None:
        self._core = core
        self._status = status
        environment = Environment(
            autoescape=True, loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True
        )
        self._template = environment.get_template("landing.html")
        self._css = (_TEMPLATES / "landing.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(self._css.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, _: Request) -> Response:
        """The page."""
        page = await asyncio.get_running_loop().run_in_executor(self._status.thread, self.render)
        return HTMLResponse(page, headers={"Content-Security-Policy": self._policy, "Referrer-Policy": "no-referrer"})

    def render(self) -> str:
        """The page as text."""
        core, context = self._core, self._core.context
        now, agent = core.wall(), core.configuration().agent
        found = sorted(self._status.rows(), key=lambda found: (_rank(context, *found), found[0].key))
        counts = Counter(word for _, _, word in found)
        suppressed = sum(_rank(context, *one) == _SUPPRESSED for one in found)
        counts["down"] -= suppressed
        wrong = counts["down"] + counts["failing"] + counts["unknown"]
        told = [*((word, counts[word]) for word in _ORDER if word != "healthy"), ("suppressed", suppressed)]
        alerts, more_alerts = firing(core)
        return self._template.render(
            css=self._css,
            alerts=alerts,
            more_alerts=more_alerts,
            site=agent.site,
            zone=agent.time_zone,
            version=core.version,
            docs=core.docs,
            path=core.configuration().path,
            uptime=span(now - core.started),
            clock=datetime.fromtimestamp(now, ZoneInfo(agent.time_zone)).strftime("%d %B %Y, %H:%M:%S"),
            headline=_headline(len(found), wrong, counts["down"], suppressed),
            wrong=wrong,
            down=counts["down"],
            counts=[(word, count) for word, count in [*told, ("healthy", counts["healthy"])] if count],
            notices=list(_notices(core)),
            rows=[_row(context, now, *one) for one in found[:MOST_ROWS]],
            more=max(0, len(found) - MOST_ROWS),
        )


def _rank(context: Context, record: Record, confirmed: Confirmed, word: Word) -> int:
    return _SUPPRESSED if word == "down" and context.suppressed_by(record.key) else _ORDER[word]


def _headline(total: int, wrong: int, down: int, suppressed: int) -> str:
    if not total:
        return "Nothing is checked yet"
    if down:
        return f"{down} of {total} checks {'is' if down == 1 else 'are'} down"
    if wrong:
        return f"{wrong} of {total} checks {'wants' if wrong == 1 else 'want'} a look"
    if suppressed:
        return f"{suppressed} of {total} checks {'is' if suppressed == 1 else 'are'} down, and that is known"
    return f"All {total} checks are healthy" if total > 1 else "The one check is healthy"


def _notices(core: Core) -> Iterator[str]:
    if core.context.cut_off:
        yield "All nodes of self_check fail, so the agent itself is cut off: look at its own network first."
    yield from (f"Not ready: {problem}" for problem in core.ready())
    for node, since in sorted(core.context.drained.items()):
        yield f"{node} has been drained for {span(core.wall() - since)}: load balancers send it nothing."


def _row(context: Context, now: float, record: Record, confirmed: Confirmed, word: Word) -> Row:
    node = record.node
    since = confirmed.since if confirmed.healthy is not None and word in ("healthy", "down") else None
    return Row(
        word=word,
        sign=_SIGNS[word],
        state=progress(record, confirmed) if word == "failing" else word,
        span=f"for {span(now - since)}" if since is not None else "",
        node=record.key[0],
        check=record.key[1],
        role=node.role if node else "",
        reason=record.reason,
        message=record.message or _unknown(word, record),
        suppressed_by=", ".join(_causes(context.suppressed_by(record.key))),
        duration=_milliseconds(record.duration) if record.last_run is not None else "",
        ago=span(now - record.last_run) if record.last_run is not None else "",
    )


def _unknown(word: Word, record: Record) -> str:
    if word != "unknown":
        return ""
    if record.last_run is None:
        return "It has not run yet."
    return "It has given nothing for 3 intervals and its timeout; see whether the agent is ready."


def _causes(words: Iterable[str]) -> Iterator[str]:
    told = {
        "self_check": "the agent is cut off",
        "parent": "its network parents fail",
        "drain": "drained",
        "maintenance": "maintenance",
        "hours": "outside its hours",
    }
    return (told[word] for word in words)


def _milliseconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
