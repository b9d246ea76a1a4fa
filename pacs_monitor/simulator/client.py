"""Start a simulated hospital from a test or a demo, and order its faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import Any, Self

from .address import NodeAddress

START_SECONDS = 30.0
ANSWER_SECONDS = 10.0
END_SECONDS = 5.0


class HospitalError(RuntimeError):
    """The simulator did not start, refused an order or is gone; the message says which."""


class Hospital:
    """A simulator process that is ready; it ends with `close`, with the block, or with this process.

    With `scenario`, faults come and go by themselves, `speed` times as fast as in life.
    `known_callers` None leaves the default (PACSMON); an empty one means any caller.
    Raises HospitalError if it does not start.
    """

    def __init__(
        self,
        *,
        scenario: bool = False,
        speed: float = 1.0,
        folder: Path | None = None,
        ports_file: Path | None = None,
        known_callers: Sequence[str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", "pacs_monitor.simulator", f"--speed={speed}"]
        command += [] if scenario else ["--quiet-hospital"]
        command += [] if folder is None else [f"--folder={folder}"]
        command += [] if ports_file is None else [f"--ports-file={ports_file}"]
        command += [] if known_callers is None else [f"--known-callers={','.join(known_callers)}"]
        # A session of its own: Ctrl-C is for this process, which then closes the hospital, not for both.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._asking = Lock()
        ready = self._read(START_SECONDS)
        self.nodes = {name: NodeAddress.from_json(name, fields) for name, fields in ready["nodes"].items()}
        self.disk = Path(ready["disk"]) if ready["disk"] else None

    def order(self, node: str, fault: str, **parameters: float) -> None:
        """Let `node` (or `disk`) take on `fault`; returns once it is in force.

        Raises HospitalError if there is no such node, fault or parameter, or the process is gone.
        """
        with self._asking:
            self._write({"node": node, "fault": fault, **parameters})
            answer = self._read(ANSWER_SECONDS)
        if not answer["ok"]:
            raise HospitalError(answer["error"])

    def close(self) -> None:
        """End the process; it unmounts its disk before it goes."""
        assert self.process.stdin is not None
        # What could not be written is still in its buffer.
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        # A child that was forked meanwhile holds the pipe open too.
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        """Give the running hospital."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _write(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
        except (BrokenPipeError, ValueError) as error:
            raise HospitalError("the simulator is not running") from error

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        # readline has no timeout; a process that is killed closes its end.
        watchdog = Timer(seconds, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            self.close()
            raise HospitalError(f"the simulator ended with status {self.process.returncode}")
        message: dict[str, Any] = json.loads(line)
        return message
