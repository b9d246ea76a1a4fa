"""`/metrics`: the kept lines of all checks and the agent's own metrics, joined and compressed in a thread."""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from starlette.requests import Request
from starlette.responses import Response

from pacs_monitor.metrics import Exposition

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_EOF = b"# EOF\n"


class _Form(NamedTuple):
    openmetrics: bool
    gzip: bool


class Metrics:
    """Scrapes of one exposition and one registry. Those that come at the same time in the same form share the work."""

    def __init__(self, exposition: Exposition, registry: CollectorRegistry) -> None:
        self._exposition = exposition
        self._registry = _WithoutCreated(registry)
        self._duration = Histogram(
            "pacs_monitor_scrape_duration_seconds",
            "Time to join and compress a page of metrics.",
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=registry,
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scrape")
        self._running: dict[_Form, asyncio.Future[bytes]] = {}

    async def __call__(self, request: Request) -> Response:
        """Answer a scrape in the form that it accepts."""
        form = _Form(
            prefers_openmetrics(request.headers.get("accept", "")),
            accepts_gzip(request.headers.get("accept-encoding", "")),
        )
        headers = {"Content-Type": OPENMETRICS if form.openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        if form.gzip:
            headers["Content-Encoding"] = "gzip"
        return Response(await self._page(form), headers=headers)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _page(self, form: _Form) -> bytes:
        running = self._running.get(form)
        if running is None:
            running = asyncio.get_running_loop().run_in_executor(self._thread, self._render, form)
            self._running[form] = running
            running.add_done_callback(lambda _: self._running.pop(form, None))
        # A client that goes away must not take the page from the others.
        return await asyncio.shield(running)

    def _render(self, form: _Form) -> bytes:
        started = time.perf_counter()
        pieces = self._pieces(form.openmetrics)
        if form.gzip:
            compressor = zlib.compressobj(level=1, wbits=31)
            # Piece by piece: the whole page, joined, is never in memory beside its lines.
            page = b"".join(compressor.compress(piece) for piece in pieces) + compressor.flush()
        else:
            page = b"".join(pieces)
        self._duration.observe(time.perf_counter() - started)
        return page

    def render(self, openmetrics: bool = False) -> bytes:
        """The whole page."""
        return b"".join(self._pieces(openmetrics))

    def _pieces(self, openmetrics: bool) -> Iterator[bytes]:
        for family in self._exposition.pieces(openmetrics):
            yield family.encode()
        if openmetrics:
            own: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
            yield own.removesuffix(_EOF) + _EOF
        else:
            yield generate_text(self._registry)


class _WithoutCreated(Collector):
    """A registry without `_created`, which doubles series and says nothing that we need."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = list(_kept(metric.samples))
            yield metric


def _kept(samples: Iterable[Sample]) -> Iterator[Sample]:
    return (sample for sample in samples if not sample.name.endswith("_created"))


def prefers_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0.0 to the text format 0.0.4."""
    weights = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for kind, parameters in _items(accept):
        if kind in weights and parameters.get("version", "1.0.0") in ("1.0.0", "0.0.4"):
            weights[kind] = max(weights[kind], _weight(parameters))
    return 0 < weights["application/openmetrics-text"] >= weights["text/plain"]


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    weights = {kind: _weight(parameters) for kind, parameters in _items(accept_encoding)}
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _items(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    for item in header.split(","):
        kind, *parameters = re.split(r"\s*;\s*", item.strip())
        pairs = (parameter.partition("=") for parameter in parameters)
        yield kind.lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _weight(parameters: dict[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
