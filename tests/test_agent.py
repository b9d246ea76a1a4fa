"""The whole agent as a process: start, stop, kill, reload, and what it shows of real peers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from pacs_monitor import agent as agents
from pacs_monitor.agent import Agent
from pacs_monitor.births import NurseryError
from tests.agent import RunningAgent, head, run_agent
from tests.checks.support import until
from tests.conftest import StartPrometheus, StartRawServer
from tests.peers.dcmtk import DcmQrScp, StoreScp
from tests.peers.orthanc import Orthanc, run_orthanc
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess
from tests.peers.prometheus import promtool_check_metrics


def node(name: str, port: int, ae_title: str, checks: str = "[{c_echo: {interval: 1s, down_after: 2}}]") -> str:
    return f"  - {{name: {name}, host: 127.0.0.1, port: {port}, ae_title: {ae_title}, checks: {checks}}}\n"


def healthy(agent: RunningAgent, name: str) -> float | None:
    return agent.value("pacs_check_healthy", node=name, check="c_echo")


def test_a_prometheus_that_scrapes_the_agent_knows_each_node_before_and_after_orthanc_is_killed(
    tmp_path: Path, storescp: StoreScp, dcmqrscp: DcmQrScp, prometheus: StartPrometheus
) -> None:
    (tmp_path / "orthanc").mkdir()
    with run_orthanc(tmp_path / "orthanc") as orthanc:
        text = "nodes:\n" + node("archive", orthanc.dicom_port, "ORTHANC")
        text += node("store", storescp.port, storescp.ae_title) + node("qr", dcmqrscp.port, dcmqrscp.ae_title)
        with run_agent(tmp_path, text) as agent:
            target = agent.url.removeprefix("http://")
            scrape = {"job_name": "pacs", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
            server = prometheus({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]})
            for name in ("archive", "store", "qr"):
                server.wait_for(f'pacs_check_healthy{{node="{name}", check="c_echo"}} == 1')
            assert promtool_check_metrics(agent.get("/metrics").text) == ""
            os.kill(orthanc.process.pid, signal.SIGKILL)
            server.wait_for('pacs_check_healthy{node="archive", check="c_echo"} == 0')
            server.wait_for('pacs_check_failure_info{node="archive", reason="refused"} == 1')
            for name in ("store", "qr"):
                answer = server.query(f'pacs_check_healthy{{node="{name}", check="c_echo"}}')
                assert [series["value"][1] for series in answer] == ["1"]
            assert agent.get("/health/node/archive").status_code == 503
            assert agent.get("/health/node/store").status_code == 200


def test_sigterm_ends_the_agent_soon_whatever_hangs(tmp_path: Path, start_raw_silent: int, tmp_checks: Path) -> None:
    (tmp_checks / "stuck.py").write_text(
        "import time\n"
        "from collections.abc import Iterator\n"
        "from pacs_monitor.check import Check, Sample\n\n"
        "class Stuck(Check):\n"
        '    """Hang in a thread."""\n\n'
        "    def run(self) -> Iterator[Sample]:\n"
        "        time.sleep(3600)\n"
        "        yield from ()\n"
    )
    text = f"check_dirs: [{tmp_checks}]\nchecks: [{{stuck: {{interval: 1s, timeout: 1s}}}}]\nnodes:\n"
    text += node("silent", start_raw_silent, "ANY", "[{c_echo: {interval: 20s, timeout: 20s}}]")
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: agent.value("pacs_check_failures_total", check="stuck"))
        family = psutil.Process(agent.process.pid).children(recursive=True)
        agent.stop()  # within a minute, and what hangs would do so for an hour
        assert agent.process.returncode == 0
        _gone, alive = psutil.wait_procs(family, timeout=20)
        assert not alive
        with closing(sqlite3.connect(tmp_path / "data" / "state.db")) as database:
            assert database.execute("SELECT count(*) FROM facts WHERE name = 'alive'").fetchone() == (1,)


@pytest.fixture
def tmp_checks(tmp_path: Path) -> Path:
    folder = tmp_path / "checks"
    folder.mkdir()
    return folder


@pytest.fixture
def start_raw_silent(raw_server: StartRawServer) -> int:
    """The port of a server that takes connections and never says a word."""

    def silent(connection: socket.socket) -> None:
        connection.recv(1 << 20)
        time.sleep(60)

    return raw_server(silent).port


def test_kill_9_changes_no_confirmed_state_and_health_goes_on(tmp_path: Path, orthanc: Orthanc) -> None:
    text = "nodes:\n" + node("archive", orthanc.dicom_port, "ORTHANC", "[{c_echo: {interval: 2s}}]")
    text += node("gone", free_port(), "ANY", "[{c_echo: {interval: 2s, down_after: 2}}]")
    port = free_port()
    with run_agent(tmp_path, text, port=port) as agent:
        agent.wait_for(lambda: healthy(agent, "archive") == 1 and healthy(agent, "gone") == 0)
        since = agent.status("gone", "c_echo")["since"]
        agent.stop(signal.SIGKILL)
    # The next one is given an interval so long that what it says at first can only come from the state file.
    text = text.replace("interval: 2s", "interval: 60s")
    with run_agent(tmp_path, text, port=port, name="second") as agent:
        assert healthy(agent, "archive") == 1
        assert healthy(agent, "gone") == 0
        assert agent.status("gone", "c_echo")["since"] == since
        assert agent.get("/health/node/archive").status_code == 200
        assert agent.get("/health/node/gone").status_code == 503


def test_a_reload_restarts_only_what_changed_and_a_removed_node_vanishes(
    tmp_path: Path, orthanc: Orthanc, storescp: StoreScp
) -> None:
    archive = node("archive", orthanc.dicom_port, "ORTHANC")
    store = node("store", storescp.port, storescp.ae_title)
    with run_agent(tmp_path, "nodes:\n" + archive + store) as agent:
        agent.wait_for(lambda: healthy(agent, "archive") == 1 and healthy(agent, "store") == 1)
        runs = agent.wait_for(lambda: agent.value("pacs_check_runs_total", node="archive"))
        port = int(agent.url.rpartition(":")[2])
        late = node("late", storescp.port, storescp.ae_title)
        agent.config.write_text(head(tmp_path, port) + "nodes:\n" + archive + late)
        agent.process.signal(signal.SIGHUP)
        agent.wait_for(lambda: healthy(agent, "late") == 1)
        page = agent.get("/metrics").text
        assert '"store"' not in page
        assert agent.value("pacs_check_runs_total", node="archive") >= runs
        assert healthy(agent, "archive") == 1
        # A bad file changes nothing and says why.
        agent.config.write_text(head(tmp_path, port) + "nodes:\n" + archive + late.replace("port: ", "port: 9"))
        answer = agent.wait_for(lambda: reload(agent))
        assert answer.status_code == 400
        assert "is not a TCP port (1 to 65535)" in answer.text
        assert agent.value("pacs_monitor_config_last_reload_successful") == 0
        assert healthy(agent, "late") == 1


def reload(agent: RunningAgent) -> object:
    import httpx

    return httpx.post(agent.url + "/-/reload", timeout=60)


def test_a_changed_file_is_noticed_without_being_told(tmp_path: Path, storescp: StoreScp) -> None:
    with run_agent(tmp_path, "nodes:\n" + node("one", storescp.port, storescp.ae_title)) as agent:
        agent.config.write_text(agent.config.read_text() + node("two", storescp.port, storescp.ae_title))
        agent.wait_for(lambda: healthy(agent, "two") == 1)


def test_a_broken_check_file_is_named_with_its_line_and_stops_nothing_else(
    tmp_path: Path, tmp_checks: Path, storescp: StoreScp
) -> None:
    (tmp_checks / "mine.py").write_text('"""Mine."""\n\ndef broken(:\n')
    text = f"check_dirs: [{tmp_checks}]\nchecks: [{{mine: {{interval: 1s}}}}]\nnodes:\n"
    text += node("store", storescp.port, storescp.ae_title)
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: healthy(agent, "store") == 1)
        assert f"{tmp_checks / 'mine.py'}:3" in agent.process.output()
        assert agent.value("pacs_monitor_broken_checks") == 1


def test_a_reload_that_breaks_a_check_or_changes_the_site_changes_nothing(
    tmp_path: Path, tmp_checks: Path, storescp: StoreScp
) -> None:
    mine = tmp_checks / "mine.py"
    mine.write_text(
        "from collections.abc import Iterator\n"
        "from pacs_monitor.check import Check, Sample\n\n"
        "class Mine(Check):\n"
        '    """Succeed."""\n\n'
        "    def run(self) -> Iterator[Sample]:\n"
        "        yield from ()\n"
    )
    text = f"check_dirs: [{tmp_checks}]\nchecks: [{{mine: {{interval: 1s}}}}]\nnodes:\n"
    text += node("store", storescp.port, storescp.ae_title)
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: agent.value("pacs_check_healthy", check="mine") == 1)
        good = mine.read_text()
        mine.write_text(good.replace("Check)", "Check"))
        answer = agent.wait_for(lambda: reload(agent))
        assert (answer.status_code, answer.text.count(f"{mine}:4: ")) == (400, 1)
        assert agent.value("pacs_check_healthy", check="mine") == 1
        mine.write_text(good)
        agent.config.write_text(agent.config.read_text().replace("site: north", "site: south"))
        answer = agent.wait_for(lambda: reload(agent))
        told = f"{agent.config}: site: cannot change while pacs-monitor runs; restart it\n"
        assert (answer.status_code, answer.text) == (400, told)
        assert 'site="south"' not in agent.get("/metrics").text


def test_a_renewed_token_is_taken_at_a_reload_and_the_old_one_is_worth_nothing(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old-token\n")
    token.chmod(0o600)
    port = free_port()
    config = tmp_path / "pacs-monitor.yml"
    web = f"web: {{listen: '127.0.0.1:{port}', bearer_token_file: {token}}}\n"
    config.write_text(f"site: north\ndata_dir: {tmp_path / 'data'}\n{web}")
    command: list[str | Path] = [sys.executable, "-m", "pacs_monitor", "run", "--config", config]
    with ServerProcess(command, tmp_path / "token.log", ports=[port], grace=20.0) as process:
        agent = RunningAgent(tmp_path, port, process, config)

        def status(text: str) -> int:
            return agent.get("/api/status", headers={"Authorization": f"Bearer {text}"}).status_code

        assert (status("old-token"), status("new-token")) == (200, 401)
        token.write_text("new-token\n")
        process.signal(signal.SIGHUP)
        agent.wait_for(lambda: status("new-token") == 200)
        assert status("old-token") == 401


def test_a_second_agent_with_the_same_data_directory_is_refused(tmp_path: Path, storescp: StoreScp) -> None:
    with run_agent(tmp_path, "nodes:\n" + node("store", storescp.port, storescp.ae_title)):
        other = tmp_path / "other.yml"
        other.write_text(head(tmp_path, free_port()))
        ended = run_to_its_end(other)
        assert ended.returncode == 1
        assert ended.stderr == (
            f"another pacs-monitor runs with data_dir {tmp_path / 'data'}; stop it, or give this one its own data_dir\n"
        )


def test_an_agent_whose_data_directory_is_deleted_is_not_ready_until_it_is_restarted(tmp_path: Path) -> None:
    text = "nodes:\n" + node("gone", free_port(), "ANY", "[{tcp: {interval: 1s, down_after: 2}}]")
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: agent.get("/-/ready").status_code == 200)
        shutil.rmtree(tmp_path / "data")
        told = agent.wait_for(lambda: (answer := agent.get("/-/ready")).status_code == 503 and answer.text)
        assert told.strip().endswith(
            "state is not being saved: the file was deleted, moved or replaced; "
            "put it back, or restart pacs-monitor, which then begins anew"
        )
        assert agent.value("pacs_monitor_state_saved") == 0
        # A folder of the same name is not the one that was deleted.
        (tmp_path / "data").mkdir()
        agent.wait_for(lambda: agent.value("pacs_check_healthy", node="gone") == 0)
        time.sleep(6.0)
        assert agent.get("/-/ready").status_code == 503
        assert agent.process.output().count("state is not being saved") == 1
        agent.stop()
    with run_agent(tmp_path, text, name="again") as agent:
        agent.wait_for(lambda: agent.get("/-/ready").status_code == 200)
        assert (tmp_path / "data/state.db").exists()


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path, storescp: StoreScp) -> None:
    config = tmp_path / "pacs-monitor.yml"
    config.write_text(head(tmp_path, storescp.port))
    ended = run_to_its_end(config)
    assert ended.returncode == 1
    assert f"web.listen: 127.0.0.1:{storescp.port} is in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def run_to_its_end(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pacs_monitor", "run", "--config", str(config), "--log-level", "error"]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


async def test_an_agent_that_cannot_start_its_workers_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pacs-monitor.yml"
    config.write_text(head(tmp_path, free_port()) + "nodes:\n" + node("a", free_port(), "A"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    agent = Agent(config)
    with pytest.raises(NurseryError):
        await agent.start()
    assert not (tmp_path / "data" / "control.sock").exists()
    monkeypatch.undo()
    again = Agent(config)
    await again.start()
    await again.stop()


def test_a_lock_that_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    config = tmp_path / "pacs-monitor.yml"
    config.write_text(head(tmp_path, free_port()) + "nodes:\n" + node("a", free_port(), "A"))
    lock = tmp_path / "data/agent.lock"
    lock.mkdir(parents=True)  # as one of another user's is for anybody but root
    done = run_to_its_end(config)
    said = f"{lock}: cannot be opened (Is a directory); give it to the user that runs pacs-monitor, or remove it\n"
    assert (done.returncode, done.stderr) == (1, f"{config}:2: data_dir: {said}")


class SetBack(datetime):
    """A clock that can be set back by an hour, as APScheduler would see it."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - cls.by


async def test_what_follows_the_calendar_goes_on_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apscheduler.schedulers.base.datetime", SetBack)
    monkeypatch.setattr("apscheduler.triggers.interval.datetime", SetBack)
    monkeypatch.setattr(agents, "TICK_EVERY", 0.05)
    config = tmp_path / "pacs-monitor.yml"
    config.write_text(head(tmp_path, free_port()) + "nodes:\n" + node("a", free_port(), "A"))
    agent, ticks = Agent(config), list[float]()
    await agent.start()
    monkeypatch.setattr(agent.context, "tick", ticks.append)
    monkeypatch.setattr(SetBack, "by", timedelta(hours=1))
    await until(lambda: len(ticks) > 4)
    await agent.stop()


async def test_a_reload_looks_at_no_file_on_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, text = tmp_path / "pacs-monitor.yml", head(tmp_path, free_port()) + "nodes:\n"
    config.write_text(text + node("a", free_port(), "A"))
    agent, looked = Agent(config), set[str]()
    await agent.start()
    stat = Path.stat

    def looking(path: Path, **options: Any) -> os.stat_result:
        looked.add(threading.current_thread().name)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", looking)
    assert await agent.reload() == []
    config.write_text(text + "  - nothing\n")
    assert len(await agent.reload()) == 1
    await agent.stop()
    assert looked
    assert threading.main_thread().name not in looked


async def test_a_reload_that_names_routes_whose_state_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    config, text = tmp_path / "pacs-monitor.yml", head(tmp_path, free_port()) + "nodes:\n" + node("a", free_port(), "A")
    config.write_text(text)
    agent = Agent(config)
    await agent.start()
    before = agent.configuration
    damaged = ("north", "outbox", "x", "none of ours")
    written = agent.state.submit(lambda file: file.execute("INSERT INTO routing VALUES (?, ?, ?, ?)", damaged))
    await asyncio.wrap_future(written)
    person = "people: {ana: {email: ana@north.example}}\n"
    smtp = "  smtp: {host: 127.0.0.1, from: pacsmon@north.example}\n"
    config.write_text(f"{text}{person}notify:\n{smtp}  rules: [{{to: ana}}]\n")
    (complaint,) = await agent.reload()
    assert "what routes keep in it cannot be read" in complaint
    assert agent.configuration is before
    mended = agent.state.submit(lambda file: file.execute("DELETE FROM routing"))
    await asyncio.wrap_future(mended)
    assert await agent.reload() == []
    assert agent.notifying.routes.begun
    await agent.stop()


def test_sigterm_soon_ends_an_agent_that_is_still_coming_up(tmp_path: Path) -> None:
    config, begun = tmp_path / "pacs-monitor.yml", tmp_path / "begun"
    config.write_text(head(tmp_path, free_port()) + "nodes:\n" + node("a", free_port(), "A"))
    nursery = tmp_path / "python"  # a machine that is so busy that the nursery is not there for minutes
    nursery.write_text(f"#!/bin/sh\ntouch {begun}\nexec sleep 170\n")
    nursery.chmod(0o700)
    code = f"import sys; from pacs_monitor.__main__ import main; sys.executable = {str(nursery)!r}; main()"
    agent = subprocess.Popen([sys.executable, "-c", code, "run", "--config", str(config)])
    while not begun.exists():
        time.sleep(0.02)
    agent.terminate()
    assert agent.wait(60) == 0
    assert not (tmp_path / "data/control.sock").exists()
