"""Every example of README.md, and the files of deploy/, run or checked by the program that they are for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from pacs_monitor import config
from tests.agent import run_agent
from tests.conftest import StartPrometheus
from tests.pages import ROOT, block, blocks, generator, pacs_monitor, read
from tests.peers.ports import free_port
from tests.peers.process import ServerProcess, program

README = "README.md"


def run(argv: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in argv]
    env = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=150, check=False)


def test_the_parts_that_come_from_the_code_are_up_to_date() -> None:
    tool = generator()
    for path in tool["pages"]():
        page = str(path.relative_to(ROOT))
        assert tool["generated"](read(page)) == read(page), f"{page}: run python docs/generate.py"


def test_the_table_names_every_check_that_is_shipped() -> None:
    table = re.findall(r"^\| \[`(\w+)`\]\(docs/checks/\1.md\) \| (.+) \|$", read(README), re.MULTILINE)
    assert dict(table) == {kind: told["summary"] for kind, told in generator()["shipped"]().items()}


def test_the_small_configuration_loads_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(block(README, "yaml", "nodes:"))
    found = config.load(path)
    assert found.warnings == ()
    assert list(found.checks) == [("archive", "c_echo"), ("ct1", "c_echo"), ("", "archive-disk")]


def test_the_steps_of_the_installation_lead_to_a_running_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    steps = re.findall(r"^pacs-monitor (.+?)(?: +#.*)?$", block(README, "sh", "pip install"), re.MULTILINE)
    assert [step.split()[0] for step in steps] == ["init", "check-config", "probe", "run"]
    init, check_config, probe, start = steps
    answers = f"north\n\n{tmp_path / 'data'}\n\n{free_port()}\n\n\n\n\n"
    assert "Wrote pacs-monitor.yml" in pacs_monitor(init, answers)
    assert "the configuration can be used" in pacs_monitor(check_config)
    told = run([sys.executable, "-m", "pacs_monitor", *probe.split()], tmp_path)
    assert told.returncode == 1, told.stderr
    assert "archive/c_echo: refused" in told.stdout
    port, path = free_port(), tmp_path / "pacs-monitor.yml"
    path.write_text(path.read_text().replace("127.0.0.1:9811", f"127.0.0.1:{port}"))
    command = [sys.executable, "-m", "pacs_monitor", *start.split()]
    with ServerProcess(command, tmp_path / "log", ports=[port], cwd=tmp_path, grace=20.0) as agent:
        assert agent.returncode is None


def test_what_is_said_of_diagnose_is_what_it_takes(tmp_path: Path) -> None:
    (line,) = block(README, "sh", "diagnose").splitlines()
    words = line.removeprefix("pacs-monitor ").replace("10.0.0.5:4242", f"127.0.0.1:{free_port()}")
    told = run([sys.executable, "-m", "pacs_monitor", *words.split()], tmp_path)
    assert told.returncode == 1
    assert "nothing listens" in told.stdout


@pytest.fixture
def promtool() -> str:
    return program("promtool", "prometheus")


def test_promtool_accepts_both_configurations_for_prometheus(promtool: str, tmp_path: Path) -> None:
    for text in (block(README, "yaml", "scrape_configs"), read("deploy/prometheus.yml"), _over_tls(tmp_path)):
        path = tmp_path / "prometheus.yml"
        path.write_text(text)
        done = run([promtool, "check", "config", path], tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def _over_tls(folder: Path) -> str:
    """deploy/prometheus.yml with what its comments say to write instead."""
    text = read("deploy/prometheus.yml")
    head, _, rest = text.partition("Then write instead:\n")
    instead = rest.partition("\n\n")[0].replace("  #", " ")
    for name in ("pacs-monitor.token", "pacs-monitor-ca.pem"):
        (folder / name).write_text("made up\n")
    assert "credentials_file" in instead
    before = head.partition("  # On the same machine")[0]
    return before + instead.replace("/etc/prometheus/", f"{folder}/") + "\n"


HOSPITAL = """
nodes:
  - {name: archive, host: 127.0.0.1, port: PORT, checks: [{tcp: {interval: 1s, down_after: 1}}]}
  - {name: archive2, host: 127.0.0.1, port: DEAD, checks: [{tcp: {interval: 1s, down_after: 1}}]}
"""


def test_prometheus_scrapes_and_haproxy_asks_a_running_agent_as_shown(
    prometheus: StartPrometheus, tmp_path: Path
) -> None:
    haproxy = program("haproxy", "haproxy")
    # Its own port serves as a node that is well.
    port, dead = free_port(), free_port()
    text = HOSPITAL.replace("PORT", str(port)).replace("DEAD", str(dead))
    with run_agent(tmp_path, text, port=port) as agent:
        scraper = prometheus(_at(block(README, "yaml", "scrape_configs"), port).replace("15s", "1s"))
        agent.wait_for(lambda: agent.get("/health/node/archive").status_code == 200)
        front, stats = free_port(), tmp_path / "stats"
        shown = _at(block(README, "haproxy", "backend"), port).replace("inter 5s", "inter 100ms")
        served = tmp_path / "haproxy.cfg"
        served.write_text(_around(shown, front, stats))
        with ServerProcess([haproxy, "-db", "-f", served], tmp_path / "haproxy.log", ports=[front]):
            agent.wait_for(lambda: _states(stats) == {"archive": "UP", "archive2": "DOWN"})
        (down,) = scraper.wait_for(block(README, "promql", "pacs_check_healthy").strip())
        assert down["metric"]["node"] == "archive2"


def _at(text: str, port: int) -> str:
    assert "9811" in text
    return text.replace("9811", str(port))


def _around(backend: str, front: int, stats: Path) -> str:
    """What stands around a backend, with the archives on this machine."""
    backend = re.sub(r"10\.0\.0\.\d:4242", "127.0.0.1:1", backend)
    return f"""
global
    stats socket {stats}
defaults
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend f
    mode tcp
    bind 127.0.0.1:{front}
    default_backend dicom
{backend}"""


def _states(stats: Path) -> Mapping[str, str]:
    import socket

    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(stats))
        asked.sendall(b"show stat\n")
        with asked.makefile() as answer:
            rows = [line.split(",") for line in answer.read().splitlines() if line.startswith("dicom,")]
    return {row[1]: row[17] for row in rows if row[1] != "BACKEND"}


def test_haproxy_accepts_the_examples(tmp_path: Path) -> None:
    haproxy = program("haproxy", "haproxy")
    shown = block(README, "haproxy", "backend")
    (alone,) = re.findall(r"`(option httpchk GET \S+)`", read(README))
    lines = [line for line in shown.splitlines() if "http-check send" not in line]
    single = "\n".join(line.replace("option httpchk", alone) for line in lines) + "\n"
    for text in (_around(shown, 1, tmp_path / "s"), _around(single, 1, tmp_path / "s"), read("deploy/haproxy.cfg")):
        path = tmp_path / "haproxy.cfg"
        path.write_text(text)
        done = run([haproxy, "-c", "-f", path], tmp_path)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr


def test_the_picture_is_of_the_real_board_and_names_no_folder_of_ours() -> None:
    text = read("docs/demo.svg")
    words = re.sub(r"\s+", " ", " ".join(ElementTree.fromstring(text).itertext())).replace("\xa0", " ")
    assert "archive/c_echo" in words
    assert "down for" in words
    assert "healthy for" in words
    assert "/tmp" not in words
    assert str(ROOT) not in text
    assert set(re.findall(r"https?://[\w.]+", text)) <= {
        "http://www.w3.org",
        "https://www.textualize.io",
        "http://127.0.0.1",
    }
    assert len(text) < 100_000


def test_people_are_told_as_shown(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(block(README, "yaml", "nodes:") + block(README, "yaml", "people:"))
    routing = config.load(path).routing
    assert routing is not None
    assert [route.minimum_age for route in routing.route.routes] == [600_000, 0, 0, 0]


def test_every_block_is_one_that_a_test_here_takes() -> None:
    """A new example in README wants a test: this one counts them."""
    kinds = ("sh", "yaml", "promql", "haproxy")
    assert [len(blocks(README, kind)) for kind in kinds] == [3, 3, 1, 1]
    assert all(YAML(typ="safe").load(text) for text in blocks(README, "yaml"))
