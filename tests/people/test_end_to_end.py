"""A node goes down, and people hear of it one after the other: a whole agent and a real mail server."""

from __future__ import annotations

import re
import socket
import time
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx

from pacs_monitor.people.oncall import next_after, turn_at
from pacs_monitor.people.settings import OnCall
from tests.agent import RunningAgent, run_agent
from tests.notify.mailserver import Inbox, mail_server
from tests.peers.ports import free_port
from tests.test_telling import RULES

AGENT = """\
external_url: http://127.0.0.1:{web}
alerting: {{rules: [rules.yml], scrape_interval: 200ms}}
people:
  ana: {{email: ana@north.example, pager: 5551@sms.north.example}}
  dan: {{email: dan@north.example, pager: 5552@sms.north.example}}
  eva: {{email: eva@north.example}}
on_call:
  pacs: {{rotation: [ana, dan]}}
notify:
  smtp: {{host: "127.0.0.1:{smtp}", from: pacsmon@north.example, require_tls: false}}
  group_wait: 300ms
  group_interval: 500ms
  rules:
    - severity: critical
      to: on_call.pacs
      by: [pager, email]
      escalate: [{{after: {after}, to: next}}, {{after: {later}, to: eva, by: email}}]
nodes:
  - name: archive
    host: 127.0.0.1
    checks: [{{tcp: {{port: {port}, interval: 200ms, down_after: 2, up_after: 2}}}}]
"""
PAGERS = {"ana": "5551@sms.north.example", "dan": "5552@sms.north.example"}


def on_call() -> tuple[str, str]:
    """Who is on call, and who is next."""
    when = (OnCall.model_validate({"rotation": ["ana", "dan"]}), ZoneInfo("UTC"), time.time())
    return turn_at(*when).person, next_after(*when)


def agent_text(folder: Path, inbox: Inbox, port: int, web: int, after: str, later: str) -> str:
    (folder / "rules.yml").write_text(RULES)
    return AGENT.format(smtp=inbox.port, port=port, web=web, after=after, later=later)


def sent(inbox: Inbox) -> list[tuple[str, bool]]:
    """To whom, and whether it says that it is over."""
    return [(str(mail["To"]), "RESOLVED" in str(mail["Subject"])) for mail in inbox.mails]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(mail: EmailMessage, agent: RunningAgent) -> str:
    found = re.search(rf"{re.escape(agent.url)}/ack/[\w-]+", text_of(mail))
    assert found, text_of(mail)
    return found[0]


def mail_to(inbox: Inbox, address: str) -> EmailMessage:
    return next(mail for mail in inbox.mails if mail["To"] == address)


def test_the_one_on_call_is_paged_then_the_deputy_until_somebody_takes_it_on_and_all_hear_the_end(
    tmp_path: Path,
) -> None:
    port, web = free_port(), free_port()
    first, second = on_call()
    with mail_server() as inbox:
        text = agent_text(tmp_path, inbox, port, web, "3s", "20s")
        with run_agent(tmp_path, text, port=web) as agent:
            agent.wait_for(lambda: len(inbox.mails) >= 2)
            assert sorted(sent(inbox)) == sorted([(PAGERS[first], False), (f"{first}@north.example", False)])
            told = text_of(mail_to(inbox, f"{first}@north.example"))
            assert re.search(rf"{second.capitalize()} is told at \d\d:\d\d unless\s+somebody acknowledges", told)
            agent.wait_for(lambda: len(inbox.mails) >= 4)
            assert {to for to, _ in sent(inbox)[2:]} == {PAGERS[second], f"{second}@north.example"}
            mail = mail_to(inbox, f"{second}@north.example")
            assert f"{first.capitalize()} by email at" in " ".join(text_of(mail).split())
            link = link_in(mail, agent)
            page = httpx.get(link)
            assert f"Acknowledge as {second.capitalize()}" in page.text
            assert "archive does not answer" in page.text
            assert httpx.post(link).text.count(f"{second.capitalize()} has taken this on") == 2
            time.sleep(1)
            assert len(inbox.mails) == 4
            with socket.create_server(("127.0.0.1", port)):
                agent.wait_for(lambda: len(inbox.mails) >= 8)
            assert sorted(to for to, over in sent(inbox) if over) == sorted(to for to, over in sent(inbox) if not over)
            assert "eva@north.example" not in {to for to, _ in sent(inbox)}


def test_nobody_else_is_told_if_it_is_taken_on_in_time_also_after_a_restart(tmp_path: Path) -> None:
    port, web = free_port(), free_port()
    first, _ = on_call()
    with mail_server() as inbox:
        text = agent_text(tmp_path, inbox, port, web, "15s", "16s")
        with run_agent(tmp_path, text, port=web) as agent:
            agent.wait_for(lambda: len(inbox.mails) >= 2)
            began = time.monotonic()
            link = link_in(mail_to(inbox, f"{first}@north.example"), agent)
            assert httpx.post(link).status_code == 200
            agent.stop()
        with run_agent(tmp_path, text, port=web, name="again") as agent:
            assert f"{first.capitalize()} has taken this on" in httpx.get(link).text
            time.sleep(max(0.0, 20 - (time.monotonic() - began)))
            assert len(inbox.mails) == 2
