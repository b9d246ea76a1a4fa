"""An agent that lives says so, to a service on the web or to a second agent, and says nothing when it is not well."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pacs_monitor.heartbeat import MOST_HEARD, Heard
from tests.agent import run_agent
from tests.notify.webserver import web_hook
from tests.peers.ports import free_port

RULES = """\
groups:
  - name: agents
    interval: 200ms
    rules:
      - alert: AgentSilent
        expr: time() - pacs_monitor_heartbeat_heard_timestamp_seconds > 3 * pacs_monitor_heartbeat_interval_seconds
        annotations: {summary: "{{ $labels.from_site }} is silent"}
"""
LISTENS = "alerting: {rules: [rules.yml], engine: none, scrape_interval: 200ms}\nchecks: [{disk: {path: /}}]\n"
BEATS = """\
alerting: {{rules: [], engine: none, heartbeat: {{url: "{url}", interval: 1s}}}}
checks: [{{disk: {{path: /}}}}]
"""


def test_a_second_agent_hears_of_the_first_one_until_it_dies(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / "rules.yml").write_text(RULES)
    port = free_port()
    with run_agent(second, LISTENS, port=port) as watching:
        with run_agent(first, BEATS.format(url=f"{watching.url}/-/heartbeat")) as agent:
            watching.wait_for(lambda: watching.value("pacs_monitor_heartbeat_interval_seconds", from_site="north") == 1)
            agent.wait_for(lambda: (agent.value("pacs_monitor_heartbeats_total", outcome="sent") or 0) >= 2)
            agent.stop(signal.SIGKILL)
        watching.wait_for(lambda: "north is silent" in watching.get("/").text)
        watching.stop()
    with run_agent(second, LISTENS, port=port, name="again") as watching:
        watching.wait_for(lambda: "north is silent" in watching.get("/").text)
        assert httpx.delete(f"{watching.url}/-/heartbeat/north", timeout=10).status_code == 200
        watching.wait_for(lambda: "north is silent" not in watching.get("/").text)
        assert httpx.delete(f"{watching.url}/-/heartbeat/north", timeout=10).status_code == 404


def test_an_agent_that_cannot_save_its_state_gives_no_sign_of_life(tmp_path: Path) -> None:
    with web_hook() as hook, run_agent(tmp_path, BEATS.format(url=hook.url)) as agent:
        agent.wait_for(lambda: hook.posts)
        assert hook.posts[0].json == {"site": "north", "interval": 1.0}
        shutil.rmtree(tmp_path / "data")
        agent.wait_for(lambda: agent.value("pacs_monitor_heartbeats_total", outcome="withheld"))
        assert "no heartbeat is sent, as the agent is not well: state is not being saved" in agent.process.output()
        assert "s3cret" not in agent.process.output()


def test_a_service_that_is_away_is_told_of_once_in_the_log(tmp_path: Path) -> None:
    with web_hook() as hook, run_agent(tmp_path, BEATS.format(url=hook.url)) as agent:
        hook.status = 503
        agent.wait_for(lambda: (agent.value("pacs_monitor_heartbeats_total", outcome="failed") or 0) >= 2)
        hook.status = 200
        agent.wait_for(lambda: "the heartbeat arrives again" in agent.process.output())
        assert agent.process.output().count("the heartbeat does not arrive") == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"site": "south"}',
        '{"site": "south", "interval": 0}',
        '{"site": "<b>", "interval": 60}',
        '{"site": 1, "interval": 60}',
        '{"site": "south", "interval": NaN}',
        json.dumps({"site": "south", "interval": 60, "more": "x" * 2000}),
    ],
)
def test_a_heartbeat_that_is_none_is_refused(one_agent: str, body: str) -> None:
    answer = httpx.post(f"{one_agent}/-/heartbeat", content=body, timeout=10)
    assert (answer.status_code, answer.text) == (
        400,
        'a heartbeat is {"site": NAME, "interval": SECONDS}, from 1 to 86400\n',
    )


@pytest.fixture(scope="module")
def one_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_agent(tmp_path_factory.mktemp("agent"), "checks: [{disk: {path: /}}]\n") as agent:
        yield agent.url


def test_only_so_many_agents_are_remembered() -> None:
    heard = Heard()
    for number in range(MOST_HEARD):
        heard.hear(f"site-{number}", 60.0)
    heard.hear("site-0", 60.0)
    with pytest.raises(ValueError, match="100 agents are known already"):
        heard.hear("one-more", 60.0)
    again = Heard()
    again.restore(heard.to_json())
    assert again.to_json() == heard.to_json()
