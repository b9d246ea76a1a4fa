"""`/ack/TOKEN`: a page with one button, by which whoever was told takes alerts on.

The token is what allows it, so it asks for nothing else. Following the link changes nothing: mail scanners do that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pacs_monitor.routing.acklinks import BadLink, Link, alerts_of, opened
from pacs_monitor.routing.engine import Engine
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.routing.stages import Moment
from pacs_monitor.web.alertmanager.answers import Refused
from pacs_monitor.web.alertmanager.serving import Desk
from pacs_monitor.web.guesses import Guesses

COMMENT = "by the link in a notification"
MOST_SHOWN = 20
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Shown:
    """One alert as the page shows it."""

    severity: str
    name: str
    says: str
    since: str
    taken: str
    """Who has taken it on, and when; "" if nobody has."""


class Acknowledging:
    """The page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._guesses = Guesses()
        environment = Environment(
            autoescape=True, loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True
        )
        self._template = environment.get_template("ack.html")
        self._css = (_TEMPLATES / "landing.css").read_text("utf-8") + (_TEMPLATES / "ack.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(self._css.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        )

    async def get(self, request: Request) -> Response:
        """What the link is about, with a button while there is something to take on."""
        return await self._answer(request, self._look)

    async def post(self, request: Request) -> Response:
        """Take all of it on that fires and that nobody has taken on."""

        def work(link: Link, engine: Engine, at: Moment) -> Response:
            for alert in alerts_of(link, engine, at):
                if alert.fingerprint not in engine.acknowledged:
                    engine.acknowledge(alert.fingerprint, link.by, COMMENT, at)
            return self._look(link, engine, at, thanks=True)

        return await self._answer(request, work)

    async def _answer(self, request: Request, work: Callable[[Link, Engine, Moment], Response]) -> Response:
        client = request.client.host if request.client else ""
        now = self._desk.core.wall()
        try:
            link = opened(request.path_params["token"], self._desk.core.routes.ack_key)
        except BadLink:
            if not self._guesses.may_go_on(client, now):
                return self._page(429, "Too many wrong links", "Try again in some minutes.")
            return self._page(
                404,
                "This link does not work",
                "It is none of ours, or a part of it is missing. Open it from the notification again.",
            )
        if link.is_over(int(now)):
            said = f"It was good for 7 days from {self._clock(link.made * 1000)} on. Use a newer notification."
            return self._page(410, "This link is too old", said)
        try:
            return await self._desk.change(lambda engine, at: work(link, engine, at))
        except Refused as refused:
            return self._page(refused.status, "There is a problem", f"{refused.message}.")

    def _look(self, link: Link, engine: Engine, at: Moment, *, thanks: bool = False) -> Response:
        alerts = alerts_of(link, engine, at)
        rows = [self._shown(alert, engine) for alert in alerts[:MOST_SHOWN]]
        left = sum(alert.fingerprint not in engine.acknowledged for alert in alerts)
        more = len(alerts) - len(rows)
        if not alerts:
            return self._page(200, "It is over", "Nothing of this fires any more, so there is nothing to take on.")
        if left:
            headline = f"{left} alerts to acknowledge" if left > 1 else "1 alert to acknowledge"
            said = "Then it is not repeated, and nobody else is told until it is over."
            return self._page(200, headline, said, rows, more, link.by)
        names = {engine.acknowledged[alert.fingerprint].by for alert in alerts}
        headline = f"{names.pop()} has taken this on" if len(names) == 1 else "All of this is taken on"
        said = "Thank you. " if thanks else ""
        return self._page(
            200, headline, f"{said}It is not repeated, and nobody else is told until it is over.", rows, more
        )

    def _shown(self, alert: RoutedAlert, engine: Engine) -> Shown:
        ack = engine.acknowledged.get(alert.fingerprint)
        return Shown(
            severity=alert.labels.get("severity") or "alert",
            name=alert.labels.get("node") or alert.labels.get("alertname", ""),
            says=alert.annotations.get("summary") or alert.labels.get("alertname", ""),
            since=self._clock(alert.starts_at),
            taken=f"{ack.by}, {self._clock(ack.at)}" if ack else "",
        )

    def _clock(self, at: int) -> str:
        zone = ZoneInfo(self._desk.core.configuration().agent.time_zone)
        return datetime.fromtimestamp(at / 1000, zone).strftime("%-d %b %H:%M")

    def _page(
        self, status: int, headline: str, said: str, rows: list[Shown] | None = None, more: int = 0, by: str = ""
    ) -> Response:
        site = self._desk.core.configuration().agent.site
        page = self._template.render(
            css=self._css, site=site, headline=headline, said=said, rows=rows or [], more=more, by=by, bad=status >= 400
        )
        headers = {
            "Content-Security-Policy": self._policy,
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex",
        }
        return HTMLResponse(page, status, headers)
