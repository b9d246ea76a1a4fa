"""Command line: start the hospital, say where it listens, take orders until stdin ends or a signal."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from pynetdicom import _config

from .commands import answered
from .hospital import KNOWN_CALLERS, SimulatedHospital
from .ports import read_ports
from .scenario import DEMO, play

END = {signal.SIGTERM, signal.SIGINT}


def main() -> None:
    """Run until SIGTERM, SIGINT or the end of stdin; the exit status is 0, or 2 if it could not start."""
    options = _options()
    _silence_libraries()
    # Before the first thread exists, which inherits it: only sigwait below is to get them.
    signal.pthread_sigmask(signal.SIG_BLOCK, END)
    with ExitStack() as running:
        folder = options.folder or Path(running.enter_context(_temporary_folder()))
        hospital = _started(folder, options.ports_file, options.known_callers)
        running.callback(hospital.close)
        if options.ports_file:
            options.ports_file.write_text(json.dumps(hospital.ready, indent=2) + "\n")
        _say(hospital.ready)
        stop = Event()
        running.callback(stop.set)
        if not options.quiet_hospital:
            Thread(target=play, args=(DEMO, hospital.order, stop, options.speed), daemon=True).start()
        Thread(target=_obey, args=(sys.stdin, hospital.order), daemon=True).start()
        signal.sigwait(END)
    # pynetdicom's threads are no daemons and may wait 30 s for a caller; nothing of ours is left to lose.
    os._exit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pacs_monitor.simulator",
        description="A small hospital of real DICOM SCPs on this machine, with faults that come and go.",
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the disk is made (default: a temporary one)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="how many times as fast the faults come and go")
    parser.add_argument("--quiet-hospital", action="store_true", help="no faults but those ordered on stdin")
    parser.add_argument(
        "--ports-file",
        type=Path,
        metavar="FILE",
        help="keeps the ready line; if it is there, its ports are used again",
    )
    parser.add_argument(
        "--known-callers",
        type=lambda text: tuple(title.strip() for title in text.split(",") if title.strip()),
        default=KNOWN_CALLERS,
        metavar="TITLE,...",
        help=f"calling AE titles that are accepted; empty for any (default: {','.join(KNOWN_CALLERS)})",
    )
    return parser.parse_args()


def _temporary_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="pacs-simulator-", ignore_cleanup_errors=True)


def _silence_libraries() -> None:
    # stdout is for answers, stderr for what is wrong with the simulator: not for what a caller sends.
    for library in ["pydicom", "pynetdicom"]:
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=library)
    # pynetdicom's own handlers format every PDU, heard or not.
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return speed


def _started(folder: Path, ports_file: Path | None, known_callers: tuple[str, ...]) -> SimulatedHospital:
    try:
        ports = read_ports(ports_file) if ports_file else {}
        return SimulatedHospital(folder, ports, known_callers)
    except (ValueError, OSError) as error:
        print(f"pacs_monitor.simulator: {error}", file=sys.stderr)
        raise SystemExit(2) from error


def _obey(lines: Iterable[str], order: Callable[..., None]) -> None:
    try:
        # stdout breaks where the parent went without an answer.
        with suppress(BrokenPipeError):
            for line in lines:
                _say(answered(line, order))
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
