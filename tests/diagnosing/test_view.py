"""The whole text of a diagnosis, as an administrator reads it."""

import io
import re
from pathlib import Path

from rich.console import Console

from pacs_monitor.diagnosing.walk import Target, run
from pacs_monitor.node import Tls
from tests.conftest import StartRawServer
from tests.diagnosing.support import here
from tests.dicom.authority import Authority, secure_peer, server_context
from tests.dicom.pdus import answer_with, reject
from tests.noise import with_time
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port


async def printed(target: Target, status: int = 1) -> str:
    """The text of a diagnosis in 80 columns, with the port, our own port, the time and latencies made equal."""
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    assert await run(target, console) == status
    text = console.file.getvalue()  # type: ignore[attr-defined]
    told, _, vendor = text.partition("one line for the vendor:")
    assert all(len(line) <= 80 and line == line.rstrip() for line in told.splitlines())
    assert vendor.count("\n") in (0, 2)
    text = text.replace(str(target.port), "11112")
    text = re.sub(r"(from( PACSMON at)? 127\.0\.0\.1:)\d+", r"\g<1>40000", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\s+UTC", "2026-03-01 12:00:00 UTC", text)
    text = re.sub(r"\(\d+ days ago\)", "(9 days ago)", text)
    return re.sub(r" +[\d.]+ ms", lambda found: f"{'1 ms':>{len(found[0])}}", text)


async def test_the_text_for_an_unknown_calling_ae_title(raw_server: StartRawServer) -> None:
    assert (
        await printed(here(raw_server(answer_with({1: reject(1, 1, 3)})).port))
        == """\
ok      dns              1 ms  nothing to look up: it is an address
ok      connect          1 ms  to 127.0.0.1:11112 from 127.0.0.1:40000
FAILED  associate        1 ms  the node does not know our AE title PACSMON
ok      look closer      1 ms  it does not take pacsmon either

WHAT IS WRONG  the node does not know our AE title PACSMON, and says that this
               is permanent
whose side     the node's configuration
likely         1. our AE title PACSMON is not registered there
               2. it is registered with another address than 127.0.0.1
try            1. register PACSMON with the address 127.0.0.1 on the node
               2. diagnose with --calling and a title that it knows; upper and
                  lower case differ

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:40000 to ARCHIVE at 127.0.0.1:11112, associate: \
A-ASSOCIATE-RJ result=1 (rejected-permanent) source=1 reason=3 (calling-AE-title-not-recognized)
"""
    )


async def test_the_text_for_a_port_on_which_nothing_listens() -> None:
    assert (
        await printed(here(free_port()))
        == """\
ok      dns              1 ms  nothing to look up: it is an address
FAILED  connect          1 ms  the node (127.0.0.1:11112) refuses the
                               connection: the machine is there, but nothing
                               listens on this port
ok      look closer      1 ms  no DICOM on its ports 1, 2 either

WHAT IS WRONG  the node (127.0.0.1:11112) refuses the connection: the machine is
               there, but nothing listens on this port
whose side     the node's service
likely         1. the DICOM service is not running
               2. it listens on another port than 11112
               3. a firewall answers for it
try            1. start the DICOM service on the node
               2. on the node, see what listens: `ss -ltnp` (Linux) or `netstat
                  -ano` (Windows)
               3. compare 11112 with the port in the node's configuration

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at this machine (not connected) to ARCHIVE at 127.0.0.1:11112, \
connect: connection refused (TCP RST)
"""
    )


@with_time(1, 4, 10)
async def test_the_text_for_a_service_that_hangs_behind_its_front_door(
    raw_server: StartRawServer, seconds: float
) -> None:
    text = await printed(here(raw_server(answer_with({4: None})).port, timeout=seconds))
    text = re.sub(r"within [\d.]+ s", "within 0.7 s", text)
    assert (
        text[text.index("FAILED") :]
        == """\
FAILED  C-ECHO                 the node (127.0.0.1:11112) took the association
                               and gave no answer to the C-ECHO within 0.7 s

WHAT IS WRONG  the node (127.0.0.1:11112) took the association and gave no
               answer to the C-ECHO within 0.7 s
whose side     the node's service
likely         1. it is overloaded, or its database or disk hangs
               2. a proxy or router takes associations for it
try            1. look at the node's load, disks and database
               2. restart the DICOM service on the node
               3. read the node's log at the time in the line below

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:40000 to ARCHIVE at 127.0.0.1:11112, C-ECHO: \
no answer to C-ECHO-RQ
"""
    )


async def test_the_text_for_a_node_that_is_well_has_a_line_for_each_sop_class(orthanc: Orthanc) -> None:
    text = await printed(here(orthanc.dicom_port, "ORTHANC"), 0)
    lines = text.splitlines()
    assert lines[2].startswith("ok      associate        1 ms  accepted, PDUs up to ")
    contexts = [line for line in lines if line.startswith(("ok      ", "no      ")) and " ms  " not in line]
    assert len(contexts) == 17
    assert contexts[0] == "ok      Verification (C-ECHO)  Implicit VR Little Endian"
    assert contexts[1] == "ok      CT images              Explicit VR Little Endian"
    assert {line[29:31] for line in contexts} == {"  "}
    assert text.endswith("\n\nALL IS WELL    ORTHANC (127.0.0.1:11112) answers C-ECHO from PACSMON\n")


@with_time(1, 4, 10)
async def test_the_text_for_a_node_that_answers_and_does_not_release(
    raw_server: StartRawServer, seconds: float
) -> None:
    text = await printed(here(raw_server(answer_with({5: None})).port, timeout=seconds), 0)
    assert (
        text[text.index("IT ANSWERS") :]
        == """\
IT ANSWERS     ARCHIVE (127.0.0.1:11112) answers C-ECHO from PACSMON, but does
               not end the association as it should: no answer to A-RELEASE-RQ
whose side     the node's service
likely         1. it does not end associations in order: they may pile up until
                  it takes no more
try            1. count the open connections on port 11112 of the node
               2. send the line below to its vendor
               3. read the node's log at the time in the line below

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:40000 to ARCHIVE at 127.0.0.1:11112, release: \
C-ECHO-RSP status=0x0000, then no answer to A-RELEASE-RQ
"""
    )


async def test_the_text_for_a_certificate_that_has_expired(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with secure_peer(server_context(authority.expired())) as port:
        text = await printed(here(port, tls=Tls(ca_file=authority.file)))
    assert (
        text[text.index("WHAT IS WRONG") :]
        == """\
WHAT IS WRONG  the certificate of the node (127.0.0.1:11112) has expired: it
               ended 2026-03-01 12:00:00 UTC (9 days ago)
whose side     the node's configuration
likely         1. it was not renewed in time
               2. the clock of this machine is wrong: it says 2026-03-01 12:00:00 UTC
try            1. have whoever runs the node renew its certificate: it is to be
                  done there, not here
               2. compare the clock of this machine: `date -u`
               3. until then, diagnose with --insecure to see whether all else
                  is well

one line for the vendor:
2026-03-01 12:00:00 UTC, from PACSMON at 127.0.0.1:40000 to ARCHIVE at 127.0.0.1:11112, tls: \
the certificate of the node (127.0.0.1:11112) is not accepted: certificate has expired
"""
    )
