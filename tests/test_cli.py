"""The command line as a person or a script meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from pacs_monitor import __version__
from pacs_monitor.state import State
from tests.agent import run_agent
from tests.conftest import StartRawServer
from tests.engine import ODD_CHECKS
from tests.noise import with_time
from tests.peers.dcmtk import StoreScp
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port


def pacs_monitor(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pacs_monitor", *map(str, words)]
    surroundings = {**os.environ, "COLUMNS": "120", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, env=surroundings)


def config(folder: Path, text: str) -> Path:
    path = folder / "pacs-monitor.yml"
    path.write_text(f"data_dir: {folder / 'data'}\n{text}")
    return path


def node(name: str, port: int, ae_title: str) -> str:
    checks = "[{c_echo: {interval: 30s, timeout: 1s}}]"
    return f"  - {{name: {name}, host: 127.0.0.1, port: {port}, ae_title: {ae_title}, checks: {checks}}}\n"


def test_version_names_what_it_stands_on() -> None:
    told = json.loads(pacs_monitor("version", "--json").stdout)
    assert told["pacs-monitor"] == __version__
    assert {"python", "pynetdicom", "pydicom", "apscheduler", "prometheus-client"} <= set(told)


def test_every_command_has_help_that_says_what_it_does() -> None:
    listed = pacs_monitor("--help").stdout
    for command in ("run", "demo", "init", "check-config", "checks", "probe", "diagnose", "rules", "version"):
        assert re.search(rf"\b{command}\b", listed)
        assert pacs_monitor(command, "--help").returncode == 0


def test_the_list_of_commands_cuts_no_description_off_in_80_columns() -> None:
    listed = pacs_monitor("--help", COLUMNS="80").stdout
    assert "..." not in listed.partition("Commands:")[2]


def test_check_config_tells_all_complaints_at_once_and_ends_with_1(tmp_path: Path) -> None:
    path = config(tmp_path, "sit: north\nnodes:\n  - {name: a, host: h, port: 70000}\n")
    done = pacs_monitor("check-config", "--config", path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{path}:2: sit: there is no such setting; did you mean site?",
        f"{path}:4: nodes[0].port: 70000 is not a TCP port (1 to 65535)",
        "2 complaints: the configuration cannot be used",
    ]
    told = json.loads(pacs_monitor("check-config", "--config", path, "--json").stdout)
    assert [(one["line"], one["setting"]) for one in told["complaints"]] == [(2, "sit"), (4, "nodes[0].port")]


def test_check_config_says_of_a_good_one_what_is_in_it(tmp_path: Path) -> None:
    path = config(tmp_path, "nodes:\n" + node("a", 104, "A"))
    done = pacs_monitor("check-config", "--config", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: 1 node, 1 check, 0 warnings: the configuration can be used\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_check_file_is_a_complaint_of_check_config(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "mine.py").write_text("class Mine(:\n")
    done = pacs_monitor("check-config", "--config", config(tmp_path, f"check_dirs: [{folder}]\n"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{folder / 'mine.py'}:1: ")


def test_a_missing_configuration_is_one_complaint(tmp_path: Path) -> None:
    done = pacs_monitor("run", "--config", tmp_path / "nowhere.yml")
    assert done.returncode == 1
    remedy = "check the name, run pacs-monitor init to write one, or give --config"
    assert done.stderr == f"{tmp_path / 'nowhere.yml'}: there is no such file; {remedy}\n"


def test_an_agent_that_can_start_no_worker_says_so_in_one_line(tmp_path: Path) -> None:
    path = config(tmp_path, "web: {listen: '127.0.0.1:0'}\n")
    (tmp_path / "data").mkdir()
    code = "import sys; from pacs_monitor.__main__ import main; sys.executable = '/no/python'; main()"
    command = [sys.executable, "-c", code, "run", "--config", str(path), "--log-level", "error"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("the process that starts workers does not come up: [Errno 2] No such file or directory")


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("nonsense", "nonsense is not an address and a port; write for example 127.0.0.1:9811 or [::1]:9811"),
        ("127.0.0.1:70000", "70000 is not a TCP port (0 to 65535)"),
        ("300.1.1.1:1", "300.1.1.1 is no loopback address, and a demo listens on no other; write 127.0.0.1:9811"),
        ("0.0.0.0:1", "0.0.0.0 is no loopback address, and a demo listens on no other; write 127.0.0.1:9811"),
    ],
)
def test_a_demo_says_what_is_wrong_with_where_it_should_listen(listen: str, message: str) -> None:
    done = pacs_monitor("demo", "--listen", listen)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"--listen: {message}\n")


def test_init_that_is_left_early_says_that_nothing_was_written(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    command = [sys.executable, "-m", "pacs_monitor", "init", str(path)]
    done = subprocess.run(command, input="north\n", capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 1
    assert done.stdout.endswith(
        "\nStopped before the last question; nothing was written. Run pacs-monitor init again.\n"
    )
    assert "Aborted" not in done.stderr
    assert not path.exists()


def test_checks_lists_every_kind_with_settings_units_defaults_and_metrics() -> None:
    told = json.loads(pacs_monitor("checks", "--json").stdout)
    assert {"c_echo", "disk", "ingest", "tcp"} <= {one["kind"] for one in told}
    page = pacs_monitor("checks", "disk").stdout
    assert "free_critical" in page
    assert "5%" in page
    assert "pacs_disk_free_bytes" in page
    assert pacs_monitor("checks", "nothing").returncode == 2


def probe(path: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    done = pacs_monitor("probe", "--config", path, "--json", *words)
    return done.returncode, json.loads(done.stdout or "[]")


def test_probe_runs_now_and_once_worst_first(tmp_path: Path, orthanc: Orthanc, storescp: StoreScp) -> None:
    text = "nodes:\n" + node("archive", orthanc.dicom_port, "ORTHANC") + node("gone", free_port(), "ANY")
    path = config(tmp_path, text + node("store", storescp.port, storescp.ae_title))
    status, probed = probe(path, "--all")
    assert status == 1
    assert (probed[0]["node"], probed[0]["reason"]) == ("gone", "refused")
    assert {one["node"] for one in probed[1:]} == {"archive", "store"}
    assert all(one["ok"] for one in probed[1:])
    assert list(probed[1]["phases"]) == ["dns", "connect", "associate", "dimse", "release"]
    assert probe(path, "archive")[0] == 0
    assert probe(path, "archive", "c_echo")[0] == 0
    assert pacs_monitor("probe", "nobody", "--config", path).returncode == 2
    assert pacs_monitor("probe", "archive", "nothing", "--config", path).returncode == 2
    assert pacs_monitor("probe", "--config", path).returncode == 2


def test_probe_shows_what_is_more_important_first(tmp_path: Path) -> None:
    levels = ("low", "normal", "critical")
    nodes = (node(level, free_port(), "ANY").replace("checks", f"importance: {level}, checks") for level in levels)
    status, probed = probe(config(tmp_path, "nodes:\n" + "".join(nodes)), "--all")
    assert status == 1
    assert [(one["node"], one["importance"]) for one in probed] == [(level, level) for level in reversed(levels)]


def test_probe_makes_nothing_where_the_agent_keeps_its_state(tmp_path: Path) -> None:
    path = config(tmp_path, "nodes:\n" + node("gone", free_port(), "ANY"))
    assert probe(path, "gone")[0] == 1
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "data").mkdir()
    assert probe(path, "gone")[0] == 1
    assert list((tmp_path / "data").iterdir()) == []


def test_probe_without_an_agent_uses_the_memory_that_one_has_left(tmp_path: Path) -> None:
    path = config(tmp_path, f"check_dirs: [{ODD_CHECKS}]\nchecks: [{{remembers: {{}}}}]\n")
    status, (one,) = probe(path, "remembers")
    assert (status, one["reason"]) == (1, "broken")
    assert "(there is no state file; start the agent first, and probe as its user)" in one["message"]
    (tmp_path / "data").mkdir()
    State(tmp_path / "data/state.db", "main").close()
    for _ in range(2):
        status, (one,) = probe(path, "remembers")
        assert status == 0
    assert [each["value"] for each in one["samples"]] == [2.0]


def test_probe_prints_the_sentence_of_what_fails(tmp_path: Path) -> None:
    port = free_port()
    done = pacs_monitor("probe", "gone", "--config", config(tmp_path, "nodes:\n" + node("gone", port, "ANY")))
    assert done.returncode == 1
    assert f"gone (127.0.0.1:{port}) refuses the connection" in done.stdout
    assert "the check fails" in done.stdout


def test_while_an_agent_runs_probe_asks_it_so_that_a_node_sees_one_association(
    tmp_path: Path, raw_server: StartRawServer, orthanc: Orthanc
) -> None:
    text = "nodes:\n" + node("archive", orthanc.dicom_port, "ORTHANC")
    with run_agent(tmp_path, text) as agent:
        agent.wait_for(lambda: agent.value("pacs_check_runs_total", node="archive"))
        before = agent.value("pacs_check_runs_total", node="archive")
        status, probed = probe(agent.config, "archive")
        assert (status, probed[0]["ok"]) == (0, True)
        assert agent.value("pacs_check_runs_total", node="archive") == (before or 0) + 1


UNSURE = '''"""A measurement that has no value."""

from pacs_monitor.check import AsyncIterator, Check, Gauge, Sample

VALUE = Gauge("pacs_unsure_value", "What is not known.")


class Unsure(Check):
    """Yield what is no number."""

    async def run(self) -> AsyncIterator[Sample]:
        """Succeed."""
        yield VALUE(float("nan"))
'''


def test_a_value_that_is_no_number_is_null_in_json_with_and_without_an_agent(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/unsure.py").write_text(UNSURE)

    def no_json(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    def probed(path: Path) -> list[dict[str, Any]]:
        done = pacs_monitor("probe", "--config", path, "--json", "unsure")
        found: list[dict[str, Any]] = json.loads(done.stdout, parse_constant=no_json)
        return found

    wanted: list[dict[str, Any]] = [{"name": "pacs_unsure_value", "labels": {}, "value": None}]
    with run_agent(tmp_path, "check_dirs: [mine]\nchecks: [unsure]\n") as agent:
        answer = httpx.post(agent.url + "/-/probe/-/unsure")
        assert (answer.status_code, answer.json()["samples"]) == (200, wanted)
        assert probed(agent.config)[0]["samples"] == wanted
    assert probed(agent.config)[0]["samples"] == wanted


def test_a_broken_check_file_that_nobody_needs_keeps_no_node_from_being_probed(
    tmp_path: Path, storescp: StoreScp
) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "mine.py").write_text("class Mine(:\n")
    path = config(tmp_path, f"check_dirs: [{folder}]\nnodes:\n" + node("store", storescp.port, storescp.ae_title))
    done = pacs_monitor("probe", "store", "--config", path)
    assert done.returncode == 0
    assert done.stderr.startswith(f"{folder / 'mine.py'}:1: ")
    assert done.stderr.endswith("; its checks are left out\n")


def test_probe_says_so_when_the_agent_that_runs_does_not_answer(tmp_path: Path, storescp: StoreScp) -> None:
    with run_agent(tmp_path, "nodes:\n" + node("store", storescp.port, storescp.ae_title)) as agent:
        agent.process.signal(signal.SIGSTOP)
        try:
            done = pacs_monitor("probe", "store", "--config", agent.config)
        finally:
            agent.process.signal(signal.SIGCONT)
    assert done.returncode == 2
    told = f"the agent that runs with {tmp_path / 'data'} does not answer; look into its log, or restart it\n"
    assert done.stderr == told


def test_a_node_is_drained_and_taken_back_by_the_running_agent(tmp_path: Path, storescp: StoreScp) -> None:
    with run_agent(tmp_path, "nodes:\n" + node("store", storescp.port, storescp.ae_title)) as agent:
        agent.wait_for(lambda: agent.get("/health/node/store").status_code == 200)
        done = pacs_monitor("drain", "store", "--config", agent.config)
        assert (done.returncode, done.stdout) == (0, "store is drained\n")
        assert agent.get("/health/node/store").status_code == 503
        assert agent.value("pacs_check_suppressed", node="store") == 1
        done = pacs_monitor("undrain", "store", "--config", agent.config)
        assert (done.returncode, done.stdout) == (0, "store is in use\n")
        assert agent.get("/health/node/store").status_code == 200
        done = pacs_monitor("drain", "nobody", "--config", agent.config)
        assert (done.returncode, done.stderr) == (1, "there is no node nobody\n")
    done = pacs_monitor("drain", "store", "--config", agent.config)
    assert done.returncode == 1
    assert "is it running" in done.stderr


def test_secrets_are_printed_by_no_command(tmp_path: Path, orthanc: Orthanc) -> None:
    text = "nodes:\n" + node("archive", orthanc.dicom_port, "ORTHANC").replace(
        "checks:", "user_identity: {username: u, password: '${PASSCODE}'}, checks:"
    )
    path = config(tmp_path, text)
    secret = "canary-5cr3t"
    for words in (("check-config",), ("probe", "archive"), ("probe", "archive", "--json")):
        done = pacs_monitor(*words, "--config", path, PASSCODE=secret)
        assert done.returncode == 0
        assert secret not in done.stdout + done.stderr


@pytest.mark.timeout(300)
@with_time(25, 75)
def test_the_demo_shows_states_that_come_and_go(seconds: int) -> None:
    done = pacs_monitor("demo", "--for", str(seconds), "--speed", "3", "--listen", f"127.0.0.1:{free_port()}")
    assert done.returncode == 0
    assert "ct1/c_echo healthy" in done.stdout
    assert re.search(
        r"ct1/c_echo failing 2 of 5: refused: ct1 \(127\.0\.0\.1:\d+\) refuses the connection", done.stdout
    )
    assert "archive/ingest healthy" in done.stdout
    assert "/health" in done.stdout
