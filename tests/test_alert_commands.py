"""Commands on alerts, silences and maintenance, against a running agent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.agent import RunningAgent, run_agent
from tests.notify.mailserver import mail_server
from tests.notify.webserver import web_hook
from tests.peers.ports import free_port
from tests.test_cli import pacs_monitor

ROUTES = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  routes:
    - {{receiver: pager, matchers: [severity="critical"]}}
receivers:
  - name: team
    webhook_configs: [{{url: "{hook}"}}]
  - name: pager
    webhook_configs: [{{url: "http://127.0.0.1:{dead}/SECRETPATH"}}]
  - name: nobody
"""
NODES = """
alerting: {rules: [builtin], routes: routes.yml, scrape_interval: 1s}
nodes:
  - {name: archive, host: 127.0.0.1, importance: critical, checks: [{tcp: {port: 9, interval: 1s, timeout: 1s}}]}
  - {name: ct1, host: 127.0.0.1, checks: [{tcp: {port: PORT, interval: 1s, timeout: 1s}}]}
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    folder = tmp_path_factory.mktemp("agent")
    with web_hook() as hook:
        (folder / "routes.yml").write_text(ROUTES.format(hook=hook.url, dead=free_port()))
        with run_agent(folder, NODES.replace("PORT", str(hook.port))) as running:
            yield running


def said(agent: RunningAgent, *words: str, status: int = 0) -> str:
    """What a command prints, and on stderr."""
    done = pacs_monitor(*words, "--config", agent.config, COLUMNS="200")
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def fire(agent: RunningAgent, **labels: str) -> str:
    """Its fingerprint."""
    httpx.post(f"{agent.url}/api/v2/alerts", json=[{"labels": labels}], timeout=30).raise_for_status()
    found = agent.get("/api/v2/alerts", params={"filter": [f'{name}="{value}"' for name, value in labels.items()]})
    return str(found.json()[0]["fingerprint"])


def test_alerts_are_listed_taken_on_and_explained(agent: RunningAgent) -> None:
    first = fire(agent, alertname="Odd", node="archive", severity="critical", note="[red]x[/red]")
    fire(agent, alertname="Odd", node="ct1", severity="warning")
    lines = said(agent, "alerts", "Odd").splitlines()
    assert re.match(r"severity +alert +node +for +state +fingerprint", lines[0])
    assert re.match(rf"critical +Odd +archive +\d+ s +firing +{first[:8]}", lines[1])
    assert len(json.loads(said(agent, "alerts", "node=~arch.*", "alertname=Odd", "--json"))) == 1
    assert said(agent, "alerts", "node=nowhere") == "nothing fires\n"
    several = said(agent, "ack", "Odd", status=1)
    assert "note=[red]x[/red]" in several
    assert several.endswith("2 alerts are meant; say which, as by its fingerprint\n")
    assert said(agent, "ack", "Odd", "ct1", "--by", "ana", "--comment", "on it") == "Odd ct1: acknowledged by ana\n"
    assert "acknowledged by ana: on it" in said(agent, "alerts", "Odd")
    assert said(agent, "unack", "Odd", "ct1") == "Odd ct1: acknowledged by nobody any more\n"
    assert json.loads(said(agent, "ack", first[:6], "--json"))["fingerprint"] == first
    agent.wait_for(lambda: "failed (refused)" in said(agent, "explain", first))
    told = said(agent, "explain", first)
    assert 'pager, as {} > {severity="critical"} takes it' in told
    assert "is to hear that it fires" in told
    assert "raised by    somebody who posted it" in told
    assert "SECRETPATH" not in told
    assert "no alert fires that Nothing means" in said(agent, "explain", "Nothing", status=1)


def test_an_alert_that_is_said_to_begin_later_is_not_told_to_have_lasted(agent: RunningAgent) -> None:
    begins = (datetime.now(UTC) + timedelta(days=2, hours=1, minutes=-1)).isoformat()
    alert = {"labels": {"alertname": "Early", "node": "ct9"}, "startsAt": begins, "endsAt": "2126-01-01T00:00:00Z"}
    httpx.post(f"{agent.url}/api/v2/alerts", json=[alert], timeout=30).raise_for_status()
    assert re.search(r"Early +ct9 +in 2 d 0 h +firing", said(agent, "alerts", "Early"))
    assert re.search(r"fires since  [\d-]+ [\d:]+, in 2 d 0 h$", said(agent, "explain", "Early"), re.MULTILINE)


def test_an_explanation_names_rule_expression_and_value(agent: RunningAgent) -> None:
    agent.wait_for(lambda: "Watchdog" in said(agent, "alerts"))
    agent.wait_for(lambda: "taken in" in said(agent, "explain", "Watchdog"))
    told = said(agent, "explain", "Watchdog")
    assert re.search(r"raised by    Watchdog in .*agent.yml:\d+", told)
    assert "expression   vector(1)" in told
    assert "value        1," in told
    assert "was last told that it fires" in told
    raw = json.loads(said(agent, "explain", "Watchdog", "--json"))
    assert (raw["rule"]["value"], raw["routes"][0]["way"]) == (1.0, ["{}"])


def test_silences_are_made_listed_and_ended(agent: RunningAgent) -> None:
    fire(agent, alertname="Loud", node="mr1")
    id = said(agent, "silence", "add", "Loud", "node=~mr.*", "--for", "2h", "--comment", "moved", "--by", "ana").strip()
    shown = said(agent, "silence", "list")
    assert re.search(rf'{id} +alertname="Loud" node=~"mr\.\*" +\S+ +ana +moved', shown)
    assert "silenced by ana until" in said(agent, "alerts", "Loud")
    assert said(agent, "silence", "expire", id) == f"{id} is expired\n"
    assert said(agent, "silence", "list") == "no silences\n"
    assert "expired" in said(agent, "silence", "list", "alertname=Loud", "--expired")
    assert "firing" in said(agent, "alerts", "Loud")
    assert "is no matcher" in said(agent, "silence", "add", "a=b", "c", status=2)
    assert "--for: " in said(agent, "silence", "add", "a=b", "--for", "long", status=2)
    assert "at least one matcher must not match the empty string" in said(agent, "silence", "add", "a=", status=1)
    missing = "00000000-0000-0000-0000-000000000000"
    assert said(agent, "silence", "expire", missing, status=1) == "silence not found\n"


def test_maintenance_by_hand_is_a_metric(agent: RunningAgent) -> None:
    agent.wait_for(lambda: agent.value("pacs_check_healthy", node="ct1") == 1)
    assert said(agent, "maintenance", "list") == "no maintenance is in force\n"
    shown = said(agent, "maintenance", "start", "ct1", "--for", "2h", "--by", "ana", "--comment", "new tube")
    assert re.fullmatch(r"ct1 is under maintenance until [\d:-]+( [\d:]+)?\n", shown)
    assert re.search(r"ct1 +\S+( \S+)? +ana +new tube", said(agent, "maintenance", "list"))
    assert agent.value("pacs_check_suppression_info", node="ct1", by="maintenance") == 1
    assert "maintenance  ct1" in said(agent, "status")
    assert said(agent, "maintenance", "end", "ct1") == "the maintenance of ct1 is over\n"
    assert agent.value("pacs_check_suppression_info", node="ct1", by="maintenance") is None
    assert "no maintenance of ct1 was started by hand" in said(agent, "maintenance", "end", "ct1", status=1)
    assert said(agent, "maintenance", "start", "ct9", status=1) == "there is no node ct9\n"


def test_status_is_one_screen(agent: RunningAgent) -> None:
    agent.wait_for(lambda: "archive/tcp for" in said(agent, "status"))
    shown = said(agent, "status")
    assert re.search(r"^agent +\S+ at north, runs for ", shown, re.MULTILINE)
    assert re.search(r"^checks +1 down, 1 healthy, of 2 nodes", shown, re.MULTILINE)
    assert "refuses the connection" in shown
    assert re.search(r"^outbox ", shown, re.MULTILINE)
    assert len(shown.splitlines()) < 25
    assert json.loads(said(agent, "status", "--json"))["site"] == "north"


@pytest.mark.parametrize("severity", ["info", "critical"])
def test_a_test_alert_tells_whether_it_arrived(agent: RunningAgent, severity: str) -> None:
    arrives = severity == "info"
    words = ("test", "alert", "archive", "--severity", severity, "--within", "30s" if arrives else "2s")
    shown = said(agent, *words, status=0 if arrives else 1)
    assert re.match(r" +\d\.\d{3} s  raised     TestAlert [0-9a-f]{16}\n", shown)
    if arrives:
        assert shown.count("delivered  team (webhook/0): 127.0.0.1:") == 2
        assert shown.endswith("end        delivered\n")
    else:
        assert "failed     pager (webhook/0): 127.0.0.1:" in shown
        assert "not taken in time by pager (webhook/0)" in shown
    assert "SECRETPATH" not in shown


def test_a_test_alert_for_no_node_is_refused(agent: RunningAgent) -> None:
    assert said(agent, "test", "alert", "ct9", status=1) == "there is no node ct9\n"
    assert said(agent, "test", "receiver", "ct9", status=1) == "there is no receiver ct9; there are team, pager\n"
    assert "has nobody to tell" in said(agent, "test", "receiver", "nobody", status=1)


def test_without_an_agent_they_say_so(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(f"site: north\ndata_dir: {tmp_path}\n")
    for words in (
        ("status",),
        ("alerts",),
        ("ack", "x"),
        ("silence", "list"),
        ("maintenance", "list"),
        ("test", "alert", "x"),
    ):
        done = pacs_monitor(*words, "--config", path)
        assert done.returncode == 1
        assert done.stderr.startswith(f"no agent answers at {tmp_path}/control.sock")
    done = pacs_monitor("test", "receiver", "team", "--config", path)
    assert (done.returncode, done.stderr) == (
        1,
        "nobody is told of alerts; add alerting: {routes: alertmanager.yml}\n",
    )


def test_a_receiver_is_tried_without_an_agent(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    with mail_server() as inbox, web_hook() as hook:
        receiver = {
            "name": "team",
            "email_configs": [
                {
                    "to": "team@north.example",
                    "from": "agent@north.example",
                    "smarthost": f"127.0.0.1:{inbox.port}",
                    "require_tls": False,
                }
            ],
            "webhook_configs": [{"url": hook.url}, {"url": f"http://127.0.0.1:{free_port()}/SECRETPATH"}],
        }
        routes = {"route": {"receiver": "team"}, "receivers": [receiver]}
        (tmp_path / "routes.yml").write_text(json.dumps(routes))
        path.write_text(f"site: north\ndata_dir: {tmp_path / 'data'}\nalerting: {{routes: routes.yml}}\n")
        done = pacs_monitor("test", "receiver", "team", "--config", path)
        assert done.returncode == 1, done.stderr
        mail, first, second = done.stdout.splitlines()
        assert mail == "team (email/0): accepted by 127.0.0.1, 250 2.0.0 Ok: queued"
        assert re.fullmatch(r"team \(webhook/0\): accepted by 127.0.0.1:\d+, HTTP 200", first)
        assert "not delivered: 127.0.0.1:" in second
        assert "SECRETPATH" not in done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        (posted,) = hook.posts
        (alert,) = posted.json["alerts"]
        assert alert["labels"]["test"] == "true"
        assert alert["annotations"]["summary"].startswith("TEST: ")
        pacs_monitor("test", "receiver", "team", "--config", path)
        assert len({post.headers["Idempotency-Key"] for post in hook.posts}) == 2, (
            "the second is no repeat of the first"
        )
        assert len({mail["Message-ID"] for mail in inbox.mails}) == 2
        assert len({mail["References"] for mail in inbox.mails}) == 1
        assert posted.json["groupKey"] == '{}/{test="true"}:{alertname="Test"}', "it is not of a group of real alerts"
        assert "TEST" in str(inbox.mails[0]["Subject"])
        assert not (tmp_path / "data").exists()
