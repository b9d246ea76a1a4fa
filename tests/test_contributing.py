"""The check that CONTRIBUTING.md shows: loaded, run against a real server, exported, and its own test run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent import run_agent
from tests.conftest import StartRawServer
from tests.pages import ROOT, block, blocks, pacs_monitor

CONTRIBUTING = "CONTRIBUTING.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reader has after following the text; `greeting.yml` still asks port 25."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks/greeting.py").write_text(block(CONTRIBUTING, "python", "class Greeting"))
    (tmp_path / "greeting.yml").write_text(block(CONTRIBUTING, "yaml", "check_dirs"))
    return tmp_path


def ask_port(folder: Path, port: int) -> None:
    config = folder / "greeting.yml"
    config.write_text(config.read_text().replace("port: 25,", f"port: {port},"))


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    env = {**os.environ, "COLUMNS": "100", "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=150, check=False)


def test_the_commands_of_the_text_run_the_check_against_a_real_server(
    folder: Path, raw_server: StartRawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    ask_port(folder, raw_server(lambda conn: conn.sendall(b"220 mail.example ESMTP\r\n")).port)
    commands = block(CONTRIBUTING, "sh", "greeting.yml").replace("pacs-monitor ", "").splitlines()
    check_config, checks, probing = commands
    assert "1 node, 1 check, 0 warnings" in pacs_monitor(check_config)
    told = pacs_monitor(checks)
    assert "Wait for the greeting of an SMTP or FTP service." in told
    assert re.search(r"^slow +duration +2s +It fails when the greeting takes longer\.", told, re.MULTILINE)
    assert "pacs_greeting_seconds" in told
    probe = run(["pacs_monitor", *probing.split()], folder)
    assert probe.returncode == 0, probe.stdout + probe.stderr
    assert re.search(r"^mail/greeting +ok", probe.stdout, re.MULTILINE)
    assert re.search(r"^pacs_greeting_seconds +0\.\d+$", probe.stdout, re.MULTILINE)


def test_a_slow_greeting_fails_with_its_time_kept_and_the_threshold_exported(
    folder: Path, raw_server: StartRawServer
) -> None:
    server = raw_server(lambda conn: conn.sendall(b"220 at last\r\n"))
    text = (folder / "greeting.yml").read_text().partition("check_dirs")[2].replace("500ms", "1ms, interval: 1s")
    text = text.replace("slow: 1ms", "slow: 0s").replace("port: 25,", f"port: {server.port},")
    with run_agent(folder, f"check_dirs{text}") as agent:
        agent.wait_for(lambda: agent.value("pacs_check_runs_total", node="mail"))
        assert (agent.value("pacs_greeting_seconds", node="mail") or 0) > 0
        assert agent.value("pacs_check_threshold", threshold="slow") == 0
        assert agent.value("pacs_check_failure_info", reason="threshold") == 1
        assert agent.status("mail", "greeting")["message"].endswith("look at its load")


def test_the_test_of_the_text_passes(folder: Path) -> None:
    (folder / "test_greeting.py").write_text(block(CONTRIBUTING, "python", "async def test_"))
    options = [
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    done = run(["pytest", *options, str(folder / "test_greeting.py")], folder)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_map_names_only_what_is_there() -> None:
    lines = block(CONTRIBUTING, "", "pacs_monitor/ ").splitlines()
    folder = ROOT
    for line in lines:
        words = re.match(r"( *)((?:\S+(?: |$))+)", line)
        assert words is not None
        folder = ROOT / "pacs_monitor" if words[1] else ROOT
        for name in words[2].split():
            assert (folder / name).exists(), name
    for name in re.findall(r"[a-z_]+\.py", "\n".join(lines)):
        assert (ROOT / "pacs_monitor" / name).exists(), name


def test_every_command_of_make_is_there() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = "\n".join(blocks(CONTRIBUTING, "sh"))
    named = re.findall(r"^make (\w+)", commands, re.MULTILINE)
    assert named
    assert set(named) <= targets
