import asyncio
import gzip
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from pacs_monitor.web.metrics import Metrics, accepts_gzip, prefers_openmetrics
from tests.hospital import FOUND, TOOK, Site, hospital, node
from tests.noise import ShareOfThisThread, with_time
from tests.peers.prometheus import promtool_check_metrics
from tests.web.conftest import Serve, new_agent
from tests.web.support import Agent

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def samples(families: Any) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    return {(one.name, frozenset(one.labels.items()), one.value) for family in families for one in family.samples}


def measured(agent: Agent) -> Agent:
    """One of each kind of series, and label values that want escaping."""
    site = agent.site
    site.give("archive", connect=0.001, dimse=0.25)
    site.give("ct", "timeout", "does not answer")
    number = site.record("archive", "c_find").number
    site.results.define(site, 1, number, FOUND.name, ())
    site.results.define(site, 2, number, TOOK.name, ())
    site.results.take(site, (0, number, site.now, 0.5, 0.0, "", "", 1, 3.0, 2, 0.25))
    agent.registry.register(_Odd())
    return agent


class _Odd:
    def collect(self) -> Any:
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily("pacs_monitor_odd", 'A "quoted" \\ help.', labels=["why"])
        family.add_metric(['a "b" \\ c\nd'], 1)
        yield family


async def test_the_page_is_text_for_whoever_does_not_ask_for_more(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"Accept": "*/*"})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'pacs_check_suppressed{site="north",node="archive",check="c_echo"' in answer.text
    assert 'pacs_monitor_runs_total{outcome="ok"} 1.0' in answer.text
    assert "_created" not in answer.text


async def test_promtool_has_nothing_to_say_of_the_page(client: httpx.AsyncClient, agent: Agent) -> None:
    measured(agent)
    await client.get("/metrics")
    assert promtool_check_metrics((await client.get("/metrics")).text) == ""


async def test_prometheus_gets_openmetrics_with_one_end(client: httpx.AsyncClient, agent: Agent) -> None:
    measured(agent)
    answer = await client.get("/metrics", headers={"Accept": PROMETHEUS})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("\n# EOF\n")
    assert answer.text.count("# EOF") == 1
    assert "_created" not in answer.text
    names = [family.name for family in parse_openmetrics(answer.text)]  # type: ignore[no-untyped-call]
    assert "pacs_find_studies" in names
    assert len(names) == len(set(names))


def test_both_forms_hold_the_same_samples(agent: Agent) -> None:
    measured(agent)
    metrics = Metrics(agent.site.results.exposition, agent.registry)
    text = samples(parse_text(metrics.render().decode()))
    openmetrics = metrics.render(openmetrics=True).decode()
    assert text == samples(parse_openmetrics(openmetrics))  # type: ignore[no-untyped-call]
    assert ("pacs_find_seconds_count", frozenset({("site", "north"), ("node", "archive")}), 1.0) not in text
    assert any(name == "pacs_find_seconds_count" and value == 1 for name, _, value in text)
    metrics.close()


async def test_the_page_is_compressed_for_whoever_accepts_it(client: httpx.AsyncClient) -> None:
    plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert len(raw) < len(plain.content) / 2
    assert gzip.decompress(raw).startswith(b"# HELP pacs_check")


async def test_head_gives_the_length_and_no_page(client: httpx.AsyncClient) -> None:
    answer = await client.head("/metrics", headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 1000
    assert answer.content == b""


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        (PROMETHEUS, True),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; q=0.5, text/plain; version=0.0.4", False),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", False),
        ("application/openmetrics-text;q=0", False),
        ('Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8', True),
        ("application/openmetrics-text;q=often", False),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2",
            True,
        ),
    ],
)
def test_the_form_is_what_the_accept_header_prefers(accept: str, openmetrics: bool) -> None:
    assert prefers_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "gzip"),
    [("", False), ("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0, *", False), ("*", True), ("identity", False)],
)
def test_gzip_is_sent_only_if_it_is_accepted(accept_encoding: str, gzip: bool) -> None:
    assert accepts_gzip(accept_encoding) is gzip


@with_time(0.2, 2, 10)
async def test_scrapes_that_come_together_share_one_page(serve: Serve, seconds: float) -> None:
    agent = new_agent()
    exposition = agent.site.results.exposition
    pieces, calls = exposition.pieces, []

    def slowly(openmetrics: bool = False) -> Iterator[str]:
        calls.append(openmetrics)
        time.sleep(seconds)
        yield from pieces(openmetrics)

    exposition.pieces = slowly  # type: ignore[method-assign]
    client = await serve(agent)
    answers = await asyncio.gather(*(client.get("/metrics") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert calls == [False]


async def test_a_client_that_goes_away_leaves_the_page_to_the_others(serve: Serve, agent: Agent) -> None:
    exposition = agent.site.results.exposition
    pieces = exposition.pieces

    def slowly(openmetrics: bool = False) -> Iterator[str]:
        time.sleep(0.3)
        yield from pieces(openmetrics)

    exposition.pieces = slowly  # type: ignore[method-assign]
    client = await serve(agent)
    hasty = asyncio.ensure_future(client.get("/metrics"))
    await asyncio.sleep(0.1)
    patient = asyncio.ensure_future(client.get("/metrics"))
    await asyncio.sleep(0.05)
    hasty.cancel()
    assert (await patient).status_code == 200


async def test_how_long_a_scrape_takes_is_a_metric(client: httpx.AsyncClient) -> None:
    await client.get("/metrics")
    assert "pacs_monitor_scrape_duration_seconds_count 1.0" in (await client.get("/metrics")).text


async def test_a_scrape_of_ten_thousand_nodes_does_not_hold_up_the_loop(serve: Serve) -> None:
    site = Site(hospital(*(node(f"node{place}") for place in range(10_000))))
    for record in list(site.results):
        site.give(record.key[0], connect=0.001)
    client = await serve(Agent(site))
    await client.get("/-/healthy")
    share = ShareOfThisThread()
    answer = await client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert share.now() < 0.7  # httpx decompresses in this thread
    assert answer.text.count("pacs_check_up{") == 10_000
