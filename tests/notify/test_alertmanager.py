"""What we post beside what Debian's Alertmanager (0.25) posts."""

import json
import time
from pathlib import Path
from typing import Any

import requests

from pacs_monitor.notify.deliver import go_json
from pacs_monitor.notify.notification import Notification, ToldAlert, alertmanager_json
from tests.notify.webserver import web_hook
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program

ALERTS = [
    {
        "labels": {"alertname": "NodeDown", "site": "north", "node": "archive", "Zebra": "<a & b>"},
        "annotations": {"summary": 'says "no" \u2028 – ü\t', "runbook": "docs/x.md"},
        "startsAt": "2026-11-24T10:12:00.120Z",
        "endsAt": "2126-11-24T10:12:00Z",
        "generatorURL": "http://pacsmon/graph?a=1&b=2",
    },
    {
        "labels": {"alertname": "NodeDown", "site": "north", "node": "ct1"},
        "annotations": {"summary": 'says "no" \u2028 – ü\t'},
        "startsAt": "2026-11-24T10:13:00Z",
        "endsAt": "2126-11-24T10:12:00Z",
    },
]


def test_a_post_is_alertmanagers_byte_for_byte(tmp_path: Path) -> None:
    port = free_port()
    with web_hook() as hook:
        route = {"receiver": "oncall", "group_by": ["site", "alertname"], "group_wait": "1s"}
        receiver = {"name": "oncall", "webhook_configs": [{"url": hook.url}]}
        config = tmp_path / "alertmanager.yml"
        config.write_text(json.dumps({"route": route, "receivers": [receiver]}))
        argv = [
            program("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={config}",
            f"--storage.path={tmp_path}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.external-url=http://pacsmon.north.example",
            "--cluster.listen-address=",
        ]
        with ServerProcess(argv, tmp_path / "log", ports=[port]):
            url = f"http://127.0.0.1:{port}/api/v2/alerts"
            requests.post(url, json=ALERTS, timeout=60).raise_for_status()
            deadline = time.monotonic() + 60
            while not hook.posts:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    (post, *_) = hook.posts
    assert go_json(alertmanager_json(ours(post.json))).decode() == post.body.decode()


def test_a_post_that_leaves_alerts_out_still_says_that_one_of_them_fires() -> None:
    over = ToldAlert("resolved", {"node": "a", "site": "north"}, {}, 1000, 2000, "", "a1")
    fires = ToldAlert("firing", {"node": "b", "site": "north"}, {}, 1000, None, "", "b1")
    post = alertmanager_json(Notification("k", "oncall", "webhook/0", "{}:{}", {}, (over, fires)), max_alerts=1)
    # Alertmanager would have whoever closes incidents believe that all is over.
    assert post["status"] == "firing"
    assert [alert["status"] for alert in post["alerts"]] == ["resolved"]
    assert (post["commonLabels"], post["truncatedAlerts"]) == ({"site": "north"}, 1)


def ours(theirs: dict[str, Any]) -> Notification:
    begun = {"archive": 1_795_515_120_120, "ct1": 1_795_515_180_000}
    alerts = tuple(
        ToldAlert(
            status="firing",
            labels=dict(reversed(told["labels"].items())),
            annotations=told["annotations"],
            starts_at=begun[told["labels"]["node"]],
            ends_at=None,
            generator_url=told["generatorURL"],
            fingerprint=told["fingerprint"],
        )
        for told in theirs["alerts"]
    )
    return Notification(
        key="k",
        receiver="oncall",
        integration="webhook/0",
        group_key='{}:{alertname="NodeDown", site="north"}',
        group_labels={"site": "north", "alertname": "NodeDown"},
        alerts=alerts,
        external_url="http://pacsmon.north.example",
    )
