"""Programs that run beside a test."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest


def program(name: str, package: str) -> str:
    """Path of a program. Without it the test is skipped, or fails where CI=true."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin")
    if found:
        return found
    reason = f"{name} is not installed: install_peers could not install it (Debian's package {package})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class ServerProcess:
    """A program with a process group of its own, from `with` to its end; its output goes to the file `log`.

    It counts as started once it listens on each of `ports` and `answers` is true. AssertionError, with the
    output, if it ends before that or takes more than `patience` seconds.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        log: Path,
        *,
        ports: Sequence[int],
        answers: Callable[[], bool] = lambda: True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        patience: float = 60.0,
        grace: float = 10.0,
    ) -> None:
        self.argv = [str(word) for word in argv]
        self.log = log
        self._ports = set(ports)
        self._answers = answers
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._patience = patience
        self._grace = grace
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, which is that of its group too."""
        assert self._popen is not None, "not started"
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, or None while it runs."""
        assert self._popen is not None, "not started"
        return self._popen.poll()

    def output(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program, not to its children."""
        os.kill(self.pid, number)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._patience
        while not (self._ports <= self._listening() and self._answers()):
            if self.returncode is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{self.argv[0]} did not start:\n{self.output()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it: SIGTERM, after `grace` seconds SIGKILL, and SIGKILL for children that it left."""
        if self._popen is None:
            return
        self._popen.terminate()
        try:
            self._popen.wait(self._grace)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listening(self) -> set[int]:
        """Asked of the kernel: connecting would leave a failed association in the peer's log."""
        try:
            connections = psutil.Process(self.pid).net_connections("tcp")
        except psutil.Error:
            return set()
        return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
