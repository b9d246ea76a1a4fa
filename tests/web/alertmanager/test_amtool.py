"""Debian's amtool (0.25) works the agent."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.routing.amtool import amtool


class Tool:
    """amtool at an address. It runs in a thread: the server is on the test's own loop."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._url = str(client.base_url)

    async def __call__(self, *words: str, fails: bool = False) -> str:
        """What it prints."""
        done = await asyncio.to_thread(amtool, f"--alertmanager.url={self._url}", *words)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    async def json(self, *words: str) -> Any:
        """What it prints as JSON."""
        return json.loads(await self("--output=json", *words))


@pytest.fixture
def tool(ours: httpx.AsyncClient) -> Tool:
    return Tool(ours)


async def test_alerts_are_added_and_queried(tool: Tool) -> None:
    assert await tool("alert", "query") == "Alertname  Starts At  Summary  State  \n"
    await tool("alert", "add", "NodeDown", "node=ct1", "--annotation=summary=CT 1 is down")
    await tool("alert", "add", "alertname=NodeDown", "node=ct2", "severity=critical")
    shown = await tool("alert", "query", "node=ct1")
    assert re.search(r"NodeDown +\S+ \S+ UTC +CT 1 is down +active", shown)
    assert "severity" in await tool("--output=extended", "alert", "query", "NodeDown")
    assert len(await tool.json("alert", "query")) == 2
    assert [one["labels"]["node"] for one in await tool.json("alert", "query", "--receiver=pager")] == ["ct2"]
    assert "bad matcher" in await tool("alert", "query", "a~b", "b", fails=True)


async def test_a_silence_from_its_beginning_to_its_end(tool: Tool) -> None:
    await tool("alert", "add", "NodeDown", "node=ct1")
    id = (
        await tool("silence", "add", "NodeDown", "node=~ct.*", "--duration=2h", "--comment=moved", "--author=ana")
    ).strip()
    assert re.fullmatch("[0-9a-f-]{36}", id)
    shown = await tool("silence", "query")
    assert id in shown
    assert 'alertname="NodeDown" node=~"ct.*"' in shown
    assert re.search(r" ana +moved", shown)
    (alert,) = await tool.json("alert", "query", "--silenced")
    assert alert["status"]["silencedBy"] == [id]
    assert await tool.json("alert", "query") == []
    assert id in await tool("silence", "query", "--quiet", "alertname=NodeDown")
    assert await tool("silence", "query", "--quiet", "alertname=Other") == ""
    await tool("silence", "update", "--duration=4h", "--comment=still", id)
    (updated,) = await tool.json("silence", "query")
    assert (updated["id"], updated["comment"]) == (id, "still")
    await tool("silence", "expire", id)
    assert await tool.json("silence", "query") == []
    assert [one["id"] for one in await tool.json("silence", "query", "--expired")] == [id]
    assert len(await tool.json("alert", "query")) == 1
    missing = "00000000-0000-0000-0000-000000000000"
    assert "404" in await tool("silence", "expire", missing, fails=True)


async def test_silences_are_imported(tool: Tool, tmp_path: Path) -> None:
    for name in ("a", "b"):
        await tool("silence", "add", f"node={name}", "--comment=c")
    exported = tmp_path / "silences.json"
    exported.write_text(await tool("--output=json", "silence", "query"))
    await tool("silence", "expire", *(one["id"] for one in json.loads(exported.read_text())))
    assert await tool.json("silence", "query") == []
    await tool("silence", "import", "--force", str(exported))
    found = await tool.json("silence", "query")
    assert sorted(one["matchers"][0]["value"] for one in found) == ["a", "b"]


async def test_the_configuration_and_its_routes_are_shown(tool: Tool) -> None:
    assert "receiver: team" in await tool("config", "show")
    shown = await tool("config", "routes", "show")
    assert '{severity="critical"}  continue: true  receiver: pager' in shown
    assert await tool("config", "routes", "test", "severity=critical", "node=ct1") == "pager,chat\n"
    assert await tool("config", "routes", "test", "--verify.receivers=team", "node=archive") == "team\n"
    assert "disabled" in await tool("cluster", "show")
