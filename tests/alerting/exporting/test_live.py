"""A real agent, a real Prometheus with the exported rules, and a node that dies."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Any

from tests.agent import run_agent
from tests.alerting.exporting.support import exported
from tests.conftest import StartPrometheus
from tests.peers.dcmtk import StoreScp
from tests.peers.prometheus import Prometheus


def firing(server: Prometheus, name: str, **labels: str) -> dict[str, Any] | None:
    wanted = {"alertname": name, **labels}
    for alert in server.get("alerts")["alerts"]:
        if alert["state"] == "firing" and wanted.items() <= alert["labels"].items():
            return dict(alert)
    return None


def wait_for(server: Prometheus, name: str, **labels: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while (found := firing(server, name, **labels)) is None:
        assert time.monotonic() < deadline, server.get("rules")
        time.sleep(0.1)
    return found


def test_a_node_that_dies_and_then_the_agent_alert_in_a_prometheus_that_knows_them_by_another_job(
    tmp_path: Path, storescp: StoreScp, prometheus: StartPrometheus
) -> None:
    rules = exported("--selector", 'job="pacs"', "--severity", "critical=page")
    # Only the waiting is left out.
    rules = re.sub(r"interval: \w+", "interval: 1s", re.sub(r" for: \w+", " for: 0s", rules))
    (tmp_path / "rules.yml").write_text(rules)
    text = f"nodes:\n  - {{name: store, host: 127.0.0.1, port: {storescp.port}, ae_title: STORESCP, "
    text += "importance: critical, checks: [{c_echo: {interval: 1s, down_after: 2}}]}\n"
    with run_agent(tmp_path, text) as agent:
        target = agent.url.removeprefix("http://")
        scrape = {"job_name": "pacs", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        config = {"rule_files": [str(tmp_path / "rules.yml")], "scrape_configs": [scrape]}
        server = prometheus(config)
        server.wait_for('pacs_check_healthy{job="pacs", node="store"} == 1')
        wait_for(server, "Watchdog", severity="none")
        assert firing(server, "NodeDown") is None
        storescp.process.signal(signal.SIGKILL)
        alert = wait_for(server, "NodeDown", node="store", severity="page", job="pacs")
        assert alert["annotations"]["summary"] == "store is down at north"
        agent.stop()
        alert = wait_for(server, "AgentBlind", cause="down", severity="page", instance=target)
        assert alert["annotations"]["summary"] == f"pacs-monitor ({target}) cannot be scraped"
