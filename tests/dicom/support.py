"""One echo against a peer of a test, on each event loop that the agent may run on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import uvloop

from pacs_monitor.dicom.codec import Identity
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.contexts import with_verification
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.dialogue import Observer
from pacs_monitor.dicom.echo import echo
from pacs_monitor.dicom.reactor import LoopWatcher, watch_with

T = TypeVar("T")

on_each_loop = pytest.mark.parametrize("kind", ["epoll", "loop", "uvloop"])
"""Stock asyncio with our epoll, stock asyncio as on a platform without epoll, uvloop."""


def run_on(kind: str, coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns on an event loop of this kind."""

    async def prepared() -> T:
        if kind == "loop":
            watch_with(asyncio.get_running_loop(), LoopWatcher())
        return await coroutine

    factory = uvloop.new_event_loop if kind == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(prepared())


def script(port: int, called: str = "CALLED", uids: tuple[str, ...] = (), identity: Identity | None = None) -> Script:
    return Script.write(
        node="ct1",
        place=f"10.0.0.7:{port}",
        called=called,
        calling="PACSMON",
        contexts=with_verification(uids),
        identity=identity,
    )


async def probe(
    port: int,
    seconds: float = 20.0,
    *,
    called: str = "CALLED",
    uids: tuple[str, ...] = (),
    addresses: list[Address] | None = None,
    identity: Identity | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """One C-ECHO to a port of this machine."""
    where = addresses or [(socket.AF_INET, ("127.0.0.1", port))]
    deadline = asyncio.get_running_loop().time() + seconds
    return await echo(script(port, called, uids, identity), where, deadline, observer)


def told(outcome: Outcome) -> tuple[str, str]:
    """Reason and sentence of the failure; both empty if there was none."""
    return (outcome.failure.reason, outcome.failure.message) if outcome.failure else ("", "")


def waiting_time(message: str) -> float:
    """For how many seconds the peer was waited for, as the sentence has it."""
    return float(message.partition(" within ")[2].partition(" s")[0])


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def sockets_to(port: int) -> int:
    """Open connections of this process to a port; a server's own ends are not among them."""
    connections = psutil.Process().net_connections("tcp")
    return len([each for each in connections if getattr(each.raddr, "port", 0) == port])
