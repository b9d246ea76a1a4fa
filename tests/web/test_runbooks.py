"""Runbooks as the agent shows them to whoever follows a link in a notification."""

from __future__ import annotations

import logging
import re

import httpx
import pytest

from pacs_monitor.runbooks import link_to, runbooks
from pacs_monitor.web.auth import Access
from pacs_monitor.web.runbooks import as_html
from tests.pages import ROOT
from tests.web.conftest import Serve
from tests.web.support import Agent


def test_there_is_one_for_each_file() -> None:
    assert sorted(runbooks()) == sorted(file.stem for file in (ROOT / "docs/runbooks").glob("*.md"))


@pytest.mark.parametrize("name", sorted(runbooks()))
async def test_a_runbook_is_a_page(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/runbooks/{name}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<h1>{name}</h1>" in answer.text
    assert "</script" not in answer.text
    for link in re.findall(r'href="([^"]*)"', answer.text):
        assert link in runbooks(), "nothing else is served"


async def test_its_tables_commands_and_links_are_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/runbooks/IngestFailed")).text
    assert "<table>" in page
    assert '<a href="VolumeLow">VolumeLow</a>' in page
    assert "register it" in page
    assert "pacs-monitor probe archive" in (await client.get("/runbooks/NodeDown")).text


def test_a_log_of_all_says_nothing_of_how_a_page_is_made(caplog: pytest.LogCaptureFixture) -> None:
    as_html.cache_clear()
    with caplog.at_level(logging.DEBUG):
        as_html("NodeDown")
    assert not caplog.records


async def test_whoever_has_the_link_may_read_it(serve: Serve, agent: Agent) -> None:
    client = await serve(agent, Access(loopback=False, token=b"s3same"))
    assert (await client.get("/runbooks/NodeDown")).status_code == 200
    assert (await client.get("/")).status_code == 401


@pytest.mark.parametrize("path", ["Nothing", "..%2f..%2fREADME", "NodeDown.md", "../security", ""])
async def test_nothing_else_is_read(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/runbooks/{path}")).status_code == 404


PAGE = "https://pacsmon.north.example"


@pytest.mark.parametrize(
    ("runbook", "page", "link"),
    [
        ("docs/runbooks/NodeDown.md", PAGE, f"{PAGE}/runbooks/NodeDown"),
        ("docs/runbooks/NodeDown.md", f"{PAGE}/monitor/", f"{PAGE}/monitor/runbooks/NodeDown"),
        ("docs/runbooks/NodeDown.md", "http://127.0.0.1:9811", "docs/runbooks/NodeDown.md"),
        ("docs/runbooks/NodeDown.md", "http://[::1]:9811", "docs/runbooks/NodeDown.md"),
        ("docs/runbooks/NodeDown.md", "", "docs/runbooks/NodeDown.md"),
        ("docs/runbooks/Ours.md", PAGE, "docs/runbooks/Ours.md"),
        ("https://wiki.north.example/NodeDown", PAGE, "https://wiki.north.example/NodeDown"),
        ("", PAGE, ""),
    ],
)
def test_where_a_notification_finds_a_runbook(runbook: str, page: str, link: str) -> None:
    assert link_to(runbook, page) == link
