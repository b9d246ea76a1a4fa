"""A node goes down and people hear of it: a whole agent, a real mail server and a real receiver of webhooks."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

from tests.agent import RunningAgent, run_agent
from tests.notify.mailserver import Inbox, mail_server
from tests.notify.webserver import Hook, web_hook
from tests.peers.ports import free_port

RULES = """\
groups:
  - name: availability
    interval: 200ms
    rules:
      - alert: NodeDown
        expr: pacs_check_healthy == 0 unless on (site, node, check) pacs_check_suppressed == 1
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.node }} does not answer"}
"""
ROUTES = """\
global: {{smtp_smarthost: "127.0.0.1:{smtp}", smtp_from: pacsmon@north.example, smtp_require_tls: false}}
route:
  receiver: team
  group_by: [alertname]
  group_wait: 300ms
  group_interval: 500ms
receivers:
  - name: team
    email_configs: [{{to: "ana@north.example, dan@north.example", send_resolved: true}}]
    webhook_configs: [{{url: "http://127.0.0.1:{http}/hook/s3cret"}}]
"""
AGENT = """\
alerting: {{rules: [rules.yml], routes: alertmanager.yml, scrape_interval: 200ms}}
nodes:
  - name: archive
    host: 127.0.0.1
    checks: [{{tcp: {{port: {port}, interval: 1s, down_after: 2, up_after: 1}}}}]
"""


def prepare(folder: Path, inbox: Inbox, hook: Hook, port: int) -> str:
    (folder / "rules.yml").write_text(RULES)
    (folder / "alertmanager.yml").write_text(ROUTES.format(smtp=inbox.port, http=hook.port))
    return AGENT.format(port=port)


def subjects(inbox: Inbox) -> list[str]:
    return [str(mail["Subject"]) for mail in inbox.mails]


def delivered(agent: RunningAgent, integration: str) -> float | None:
    return agent.value("pacs_monitor_notifications_total", receiver="team", integration=integration)


def test_a_node_that_goes_down_and_comes_back_is_told_by_mail_and_webhook(tmp_path: Path) -> None:
    port = free_port()
    with mail_server() as inbox, web_hook() as hook, run_agent(tmp_path, prepare(tmp_path, inbox, hook, port)) as agent:
        agent.wait_for(lambda: hook.posts and len(inbox.mails) >= 2)
        assert {mail["To"] for mail in inbox.mails} == {"ana@north.example", "dan@north.example"}
        first = hook.posts[0]
        (told,) = first.json["alerts"]
        assert (first.json["status"], told["labels"]["node"]) == ("firing", "archive")
        assert told["labels"]["site"] == "north"
        assert first.json["groupKey"] == '{}:{alertname="NodeDown"}'
        assert first.headers["Idempotency-Key"]
        assert subjects(inbox)[0].startswith("[CRITICAL] north archive: connection refused, since ")
        text = inbox.mails[0].get_body(("plain",))
        assert text is not None
        assert f"archive (127.0.0.1:{port})" in text.get_content()
        page = agent.get("/").text
        assert page.index("NodeDown") < page.index("archive does not answer") < page.index("<h2>Checks</h2>")
        with socket.create_server(("127.0.0.1", port)):
            agent.wait_for(lambda: hook.posts[-1].json["status"] == "resolved" and len(inbox.mails) >= 4)
            assert subjects(inbox)[-1].startswith("[RESOLVED] north archive")
            agent.wait_for(lambda: (delivered(agent, "email/0"), delivered(agent, "webhook/0")) == (2, 2))
        assert agent.process.output().count("s3cret") == 0


def test_what_fired_before_a_kill_is_not_told_again_and_what_was_not_told_is_told(tmp_path: Path) -> None:
    port = free_port()
    with mail_server() as inbox, web_hook() as hook:
        text = prepare(tmp_path, inbox, hook, port)
        hook.status = 503
        web = free_port()  # alerts have the agent's address in their labels
        with run_agent(tmp_path, text, port=web) as agent:
            agent.wait_for(lambda: len(inbox.mails) == 2 and hook.posts)
            assert agent.value("pacs_monitor_outbox_notifications", receiver="team", integration="webhook/0") == 1
            agent.stop(signal.SIGKILL)
        key = hook.posts[0].headers["Idempotency-Key"]
        hook.status = 200
        with run_agent(tmp_path, text, port=web, name="again") as agent:
            agent.wait_for(lambda: delivered(agent, "webhook/0") == 1)
            time.sleep(1.5)
            assert delivered(agent, "webhook/0") == 1
        assert hook.posts[-1].headers["Idempotency-Key"] == key
        assert len(inbox.mails) == 2


def test_receivers_are_changed_by_a_reload_and_a_mistake_leaves_them(tmp_path: Path) -> None:
    port = free_port()
    with mail_server() as inbox, web_hook() as hook, run_agent(tmp_path, prepare(tmp_path, inbox, hook, port)) as agent:
        agent.wait_for(lambda: hook.posts)
        routes = tmp_path / "alertmanager.yml"
        good = routes.read_text()
        routes.write_text(good.replace("receiver: team", "receiver: nobody-knows"))
        agent.process.signal(signal.SIGHUP)
        agent.wait_for(lambda: "the configuration was not reloaded" in agent.process.output())
        routes.write_text(good.replace("receiver: team", "receiver: ops").replace("name: team", "name: ops"))
        agent.process.signal(signal.SIGHUP)
        agent.wait_for(lambda: hook.posts[-1].json["receiver"] == "ops")
