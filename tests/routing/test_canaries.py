"""Patients' names and secrets that go through deliveries stand in no log, and in no file where they need not."""

import json
import logging
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.notify.deliver import deliver
from pacs_monitor.notify.message import Mail
from pacs_monitor.notify.notification import Notification
from pacs_monitor.routing import outbox
from pacs_monitor.routing.definitions import Email, Integration, Receiver, Route, Routing, Secret, Webhook
from pacs_monitor.routing.dispatcher import Dispatcher
from pacs_monitor.routing.mirror import Mirror
from pacs_monitor.routing.routed import RoutedAlert
from pacs_monitor.state import State
from tests.conftest import StartRawServer
from tests.notify.mailserver import scripted
from tests.routing.live import PATIENCE, eventually

PATIENT = "DOE^JANE"
SECRETS = ["s3cret-url", "s3cret-header", "s3cret-token", "s3cret-signature", "s3cret-password"]
ECHO = f"554 5.7.1 rejected: your mail about {PATIENT} looks odd"


class Texts:
    """A mail that says all, and a body whose making fails at first with the patient's name in the mistake."""

    def __init__(self) -> None:
        self.made = 0

    def mail(self, notification: Notification, integration: Email) -> Mail:
        summary = notification.alerts[0].annotations["summary"]
        return Mail(summary, summary)

    def body(self, notification: Notification, integration: Webhook) -> bytes:
        self.made += 1
        summary = notification.alerts[0].annotations["summary"]
        if self.made == 1:
            raise ValueError(f"cannot render {summary}")
        return summary.encode()


class Echo(BaseHTTPRequestHandler):
    """Refuses, with all that it heard in its answer."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = body + str(self.headers).encode() + self.path.encode()
        self.send_response(500 if self.path.startswith("/500") else 404, PATIENT)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: Any) -> None:
        pass


def routing(http: int, smtp: int) -> Routing:
    hooks = [
        Webhook(
            Secret(f"http://127.0.0.1:{http}/{status}/s3cret-url"),
            headers=(("X-Key", Secret("s3cret-header")),),
            authorization="Bearer",
            credentials=Secret("s3cret-token"),
            signing_key=Secret("s3cret-signature"),
            template=template,
        )
        for status, template in (("404", ""), ("500", "own"))
    ]
    dead = Webhook(Secret("http://127.0.0.1:1/s3cret-url"), headers=(("X-Key", Secret("s3cret-header")),))
    mail = Email("a@north.example", "b@north.example", "127.0.0.1", smtp, require_tls=False)
    login = Email(
        "a@north.example",
        "b@north.example",
        "127.0.0.1",
        smtp,
        require_tls=False,
        username="monitor",
        password=Secret("s3cret-password"),
    )
    receiver = Receiver("team", (*hooks, dead, mail, login))
    root = Route("team", group_by=("alertname",), group_wait=10, group_interval=100, repeat_interval=3_600_000)
    return Routing(root, (receiver,))


def rows(file: Path) -> dict[str, list[tuple[str, Any]]]:
    state = State(file, "north")
    found: dict[str, list[tuple[str, Any]]] = {}
    for kind, name, text in state.load_routing():
        found.setdefault(kind, []).append((name, json.loads(text)))
    state.close()
    return found


def without_alerts(content: str) -> str:
    """A notification as it is written, without what its alerts say."""
    said = json.loads(content)
    for alert in said["alerts"]:
        del alert["labels"], alert["annotations"]
    return json.dumps(said)


def run(folder: Path, made: Routing, enough: Callable[[Dispatcher], bool]) -> None:
    state = State(folder / "state.db", "north")
    texts = Texts()

    def send(integration: Integration, content: Notification, done: tuple[str, ...]) -> str:
        return deliver(integration, content, texts, done)

    running = Dispatcher(Mirror(state), send)
    running.start(made)
    alert = RoutedAlert({"alertname": "Odd", "who": PATIENT}, {"summary": PATIENT}, round(time.time() * 1000))
    running.put([alert]).result(PATIENCE)
    eventually(lambda: enough(running))
    running.ask(lambda engine, at: engine.tidy(at)).result(PATIENCE)
    other = Routing(Route("other"), (Receiver("other"),))
    assert running.stop(10)
    state.close()
    again = State(folder / "state.db", "north")
    # What cannot be delivered to anybody any more is given up, aloud; in a copy, so that the rows stay to be read.
    copy = Dispatcher(Mirror(again), send)
    copy._mirror.commit = lambda: True  # type: ignore[method-assign]
    copy.start(other)
    assert copy.stop(10)
    again.close()


@pytest.mark.timeout(120)
def test_patients_and_secrets_stand_nowhere_but_where_alerts_are_kept(
    tmp_path: Path, raw_server: StartRawServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(outbox, "FIRST_RETRY", 0.05)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    auth = {"EHLO": "250-mail\r\n250 AUTH PLAIN LOGIN", ".": ECHO, "AUTH": f"535 5.7.8 not {SECRETS[4]}"}
    mail = raw_server(scripted(auth))
    made = routing(server.server_address[1], mail.port)
    try:
        run(tmp_path, made, tried_by_all)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    for word in (PATIENT, *SECRETS):
        assert word not in caplog.text
    assert "Could not be delivered to team" in caplog.text
    assert "given up for team" in caplog.text
    kept = rows(tmp_path / "state.db")
    assert {"alert", "outbox", "log", "group"} <= set(kept)
    told = json.dumps([kept["log"], [value for _, value in kept["group"]]])
    told += "".join(without_alerts(value.pop("content")) + json.dumps(value) for _, value in kept["outbox"])
    for word in (PATIENT, *SECRETS):
        assert word not in told
    for file in tmp_path.iterdir():
        assert [word for word in SECRETS if word.encode() in file.read_bytes()] == [], file.name


def tried_by_all(running: Dispatcher) -> bool:
    """Whether each way has failed, the one with a mistake in its template twice."""
    waiting = list(running.engine.teller.outbox.rows.values())
    tries = {row.content.integration: row.attempts for row in waiting if row.reason}
    return len(tries) == 5 and tries["webhook/1"] >= 2
