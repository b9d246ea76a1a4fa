import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from pacs_monitor.simulator.client import Hospital, HospitalError
from tests.simulator.scu import echo


def is_mounted(folder: Path) -> bool:
    return str(folder) in Path("/proc/mounts").read_text()


def wait_for_the_end(hospital: Hospital, end: Callable[[], None]) -> None:
    end()
    hospital.process.wait(30)


def close_stdin(hospital: Hospital) -> Callable[[], None]:
    assert hospital.process.stdin is not None
    return hospital.process.stdin.close


def send(hospital: Hospital, number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(hospital.process.pid, number)


def test_it_ends_with_stdin_and_leaves_no_mount(tmp_path: Path) -> None:
    with Hospital(folder=tmp_path) as hospital:
        assert is_mounted(tmp_path) == (hospital.disk is not None)
        wait_for_the_end(hospital, close_stdin(hospital))
        assert hospital.process.returncode == 0
        assert not is_mounted(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_a_signal_while_a_caller_waits(tmp_path: Path, number: signal.Signals) -> None:
    with Hospital(folder=tmp_path) as hospital:
        hospital.order("mr1", "slow", seconds=60)
        caller = Thread(target=echo, args=[hospital.nodes["mr1"]])
        caller.start()
        sleep(0.2)
        wait_for_the_end(hospital, send(hospital, number))
        assert hospital.process.returncode == 0
        assert not is_mounted(tmp_path)
        caller.join()


def test_it_leaves_no_mount_even_when_it_is_killed(tmp_path: Path) -> None:
    with Hospital(folder=tmp_path) as hospital:
        send(hospital, signal.SIGKILL)()
        deadline = monotonic() + 20
        while is_mounted(tmp_path) and monotonic() < deadline:
            sleep(0.02)
        assert not is_mounted(tmp_path)


def test_an_order_to_a_hospital_that_is_gone_says_so(tmp_path: Path) -> None:
    with Hospital(folder=tmp_path) as hospital:
        wait_for_the_end(hospital, send(hospital, signal.SIGTERM))
        with pytest.raises(HospitalError, match="the simulator"):
            hospital.order("ct1", "slow")


def test_a_hospital_comes_back_on_the_ports_that_its_file_keeps(tmp_path: Path) -> None:
    kept = tmp_path / "ports.json"
    with Hospital(ports_file=kept) as before:
        assert json.loads(kept.read_text())["nodes"]["ct1"]["port"] == before.nodes["ct1"].port
    with Hospital(ports_file=kept) as after:
        assert after.nodes == before.nodes


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pacs_monitor.simulator", *options]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_a_port_that_is_taken_is_named_and_nothing_stays(hospital: Hospital, tmp_path: Path) -> None:
    port = hospital.nodes["mr1"].port
    kept = tmp_path / "ports.json"
    kept.write_text(json.dumps({"nodes": {"mr1": {"port": port}}}))
    done = run(f"--ports-file={kept}", f"--folder={tmp_path}")
    assert done.returncode == 2
    assert done.stderr == f"pacs_monitor.simulator: [Errno 98] mr1: port {port}: Address already in use\n"
    assert not is_mounted(tmp_path)


def test_a_ports_file_that_is_none_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "ports.json"
    kept.write_text("[]")
    done = run(f"--ports-file={kept}")
    assert done.returncode == 2
    assert f"{kept}: not a ready line" in done.stderr


def test_its_output_is_one_line_and_nothing_else() -> None:
    done = run("--quiet-hospital")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert sorted(json.loads(line)) == ["disk", "nodes"]
