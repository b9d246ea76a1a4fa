"""The whole text of a diagnosis, as an administrator reads it."""

import io
import re

from rich.console import Console

from pacs_monitor.diagnose import Target, run
from pacs_monitor.node import Tls
from tests.conftest import StartRawServer
from tests.dicom.pdus import answer_with, reject
from tests.peers.ports import free_port


def here(port: int, called: str = "ARCHIVE", tls: Tls | None = None, timeout: float = 5.0) -> Target:
    return Target("127.0.0.1", port, called, tls=tls, timeout=timeout)


async def printed(target: Target) -> str:
    """The text of a diagnosis, with the port, our own port, the time and latencies made equal."""
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    assert await run(target, console) == 1
    text = console.file.getvalue()  # type: ignore[attr-defined]
    text = text.replace(str(target.port), "11112")
    text = re.sub(r"(from( PACSMON at)? 127\.0\.0\.1:)\d+", r"\g<1>40000", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-03-01 12:00:00", text)
    text = re.sub(r" +[\d.]+ ms", "      1 ms", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


async def test_the_text_for_an_unknown_calling_ae_title(raw_server: StartRawServer) -> None:
    assert (
        await printed(here(raw_server(answer_with({1: reject(1, 1, 3)})).port))
        == """\
ok      dns      1 ms  127.0.0.1 is an address; there is nothing to look up
ok      connect      1 ms  to 127.0.0.1:11112 from 127.0.0.1:40000
FAILED  associate      1 ms  the node does not know our AE title PACSMON

WHAT IS WRONG  the node does not know our AE title PACSMON
whose side     the node's configuration
likely         1. our AE title PACSMON is not registered there
               2. it is registered with another address than 127.0.0.1
try            1. register PACSMON with the address 127.0.0.1 on the node
               2. diagnose with --calling and a title that it knows; upper and lower case differ

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:40000 to ARCHIVE at 127.0.0.1:11112, associate: \
A-ASSOCIATE-RJ result=1 source=1 reason=3"""
    )


async def test_the_text_for_a_port_on_which_nothing_listens() -> None:
    assert (
        await printed(here(free_port()))
        == """\
ok      dns      1 ms  127.0.0.1 is an address; there is nothing to look up
FAILED  connect      1 ms  the node (127.0.0.1:11112) refuses the connection: the machine is
                                there, but nothing listens on this port

WHAT IS WRONG  the node (127.0.0.1:11112) refuses the connection: the machine is there, but nothing
               listens on this port
whose side     the node's service
likely         1. the DICOM service is not running
               2. it listens on another port than 11112
               3. a firewall answers for it
try            1. start the DICOM service on the node
               2. on the node, see what listens: `ss -ltnp` (Linux) or `netstat -ano` (Windows)
               3. compare 11112 with the port in the node's configuration

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at this machine (not connected) to ARCHIVE at 127.0.0.1:11112, \
connect: connection refused (TCP RST)"""
    )


async def test_the_text_for_a_service_that_hangs_behind_its_front_door(raw_server: StartRawServer) -> None:
    text = await printed(here(raw_server(answer_with({4: None})).port, timeout=0.4))
    assert (
        text[text.index("FAILED") :]
        == """\
FAILED  C-ECHO                  the node (127.0.0.1:11112) took the association and gave no answer
                                to the C-ECHO within 0.4 s

WHAT IS WRONG  the node (127.0.0.1:11112) took the association and gave no answer to the C-ECHO
               within 0.4 s
whose side     the node's service
likely         1. it is overloaded, or its database or disk hangs
               2. a proxy or router takes associations for it
try            1. look at the node's load, disks and database
               2. restart the DICOM service on the node
               3. read the node's log at the time in the line below

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:40000 to ARCHIVE at 127.0.0.1:11112, C-ECHO: no answer"""
    )
