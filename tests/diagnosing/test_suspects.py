"""The usual suspects, C-FIND and the trace: real archives, and SCPs of pynetdicom that are particular."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt
from typer.testing import CliRunner

from pacs_monitor.__main__ import app
from pacs_monitor.diagnosing import suspects
from pacs_monitor.diagnosing.suspects import titles_like
from pacs_monitor.diagnosing.tracing import Trace
from pacs_monitor.diagnosing.walk import Verdict, diagnose
from pacs_monitor.state import State
from tests.conftest import StartOrthanc
from tests.diagnosing.support import here, walk
from tests.dicom.authority import Authority
from tests.peers.dcmtk import StoreScp
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

VERIFICATION, STUDY_ROOT_FIND = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1"


@contextmanager
def archive(called: str = "", callers: list[str] | None = None, finds: Any = None, **options: Any) -> Iterator[int]:
    """An SCP that wants to be called right and by whom it knows; how often it was asked is in `asked`."""
    entity = AE(called or "ARCHIVE")
    entity.require_called_aet = bool(called)
    entity.require_calling_aet = callers or []
    handlers: list[Any] = [(evt.EVT_C_ECHO, lambda event: 0)]
    contexts = [build_context(VERIFICATION)]
    if finds:
        handlers.append((evt.EVT_C_FIND, finds))
        contexts.append(build_context(STUDY_ROOT_FIND))
    port = free_port()
    server = entity.start_server(("127.0.0.1", port), False, contexts=contexts, evt_handlers=handlers, **options)
    try:
        yield port
    finally:
        assert server is not None
        server.shutdown()


def test_other_spellings_of_a_title() -> None:
    assert titles_like("Orthanc") == ["ORTHANC", "orthanc"]
    assert titles_like("CT-1") == ["ct-1", "CT_1", "CT1"]
    assert titles_like("My PACS") == ["MY PACS", "my pacs", "My_PACS", "MY_PACS"]
    assert titles_like("123") == []


async def test_a_title_in_another_case_is_found() -> None:
    with archive("ARCHIVE") as port:
        steps, verdict = await walk(here(port, "Archive"))
    assert steps[-1].detail == "it answers to ARCHIVE"
    assert verdict.what == f"the node (127.0.0.1:{port}) answers to ARCHIVE, not to Archive"
    assert verdict.tries[1] == "for checks, set ae_title of the node to ARCHIVE"
    assert (verdict.ok, verdict.side) == (False, "ours")
    assert "source=1 reason=7" in verdict.vendor


async def test_a_title_of_ours_in_another_case_is_found() -> None:
    with archive("ARCHIVE", ["pacsmon"]) as port:
        steps, verdict = await walk(here(port, "ARCHIVE"))
    assert steps[-1].detail == "it takes associations from pacsmon"
    assert verdict.what.endswith("knows our AE title as pacsmon, not as PACSMON")


async def test_a_node_that_knows_neither_title_is_told_apart() -> None:
    with archive("ARCHIVE", ["SOMEBODY"]) as port:
        steps, verdict = await walk(here(port, "archive"))
    assert steps[-1].detail == "it answers to ARCHIVE, and then does not know our AE title PACSMON"
    both = "answers to ARCHIVE, not to archive, and does not know our AE title PACSMON"
    assert verdict.what == f"the node (127.0.0.1:{port}) {both}"
    assert verdict.tries == (
        "for checks, set ae_title of the node to ARCHIVE",
        "register PACSMON with the address 127.0.0.1 on the node",
    )


async def test_dicom_on_another_port_is_found(storescp: StoreScp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "PORTS", (1, storescp.port))
    closed = free_port()
    steps, verdict = await walk(here(closed))
    assert steps[-1].detail == (f"port {storescp.port} of the same machine speaks DICOM, and takes the association")
    assert verdict.what.endswith(f"nothing listens on this port; port {storescp.port} speaks DICOM")
    assert verdict.tries[1] == f"for checks, set port of the node to {storescp.port}"


async def test_dicom_over_tls_on_another_port_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.dicom.authority import server_context

    with ExitStack() as running:
        context = server_context(Authority(tmp_path).issue("127.0.0.1"))
        port = running.enter_context(archive(ssl_context=context))
        monkeypatch.setattr(suspects, "PORTS", (1, port))
        monkeypatch.setattr(suspects, "OVER_TLS", port)
        steps, _ = await walk(here(free_port()))
    assert steps[-1].detail == f"port {port} of the same machine speaks DICOM over TLS, and takes the association"


async def test_another_service_on_the_port_leads_to_the_right_port(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "PORTS", (orthanc.dicom_port,))
    _, verdict = await walk(here(orthanc.http_port, "ORTHANC"))
    assert f"port {orthanc.dicom_port} speaks DICOM" in verdict.what


async def test_a_node_that_finds_nothing_for_us_answers_and_refuses(start_orthanc: StartOrthanc) -> None:
    orthanc = start_orthanc(DicomAlwaysAllowFind=False, DicomModalities={})
    steps, verdict = await walk(here(orthanc.dicom_port, "ORTHANC"))
    assert (steps[-1].name, steps[-1].state) == ("C-FIND", "failed")
    assert (verdict.ok, verdict.side) == (True, "the node's configuration")
    assert "answers C-ECHO from PACSMON, but" in verdict.what
    assert verdict.tries[0].startswith("allow queries")


def found(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
    for number in range(3):
        match = Dataset()
        match.QueryRetrieveLevel = "STUDY"
        match.PatientName, match.PatientID = "CANARY^JANE", "CANARY"
        match.StudyInstanceUID, match.StudyDate = f"2.25.4711{number}", f"{datetime.now().astimezone():%Y%m%d}"
        yield 0xFF00, match


async def test_a_trace_says_what_was_said_and_nothing_of_patients(tmp_path: Path) -> None:
    file = tmp_path / "trace.txt"
    trace = Trace.open(file)
    with archive("ARCHIVE", finds=found) as port:
        seen = [each async for each in diagnose(here(port, "ARCHIVE"), trace=trace)]
    trace.close()
    assert isinstance(seen[-1], Verdict)
    assert "3" in next(each.detail for each in seen if getattr(each, "name", "") == "C-FIND")  # type: ignore[union-attr]
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "CANARY" not in text
    assert "4711" not in text
    for line in (
        "-> A-ASSOCIATE-RQ",
        "from PACSMON to ARCHIVE",
        "context 1: Verification SOP Class in Implicit VR Little Endian",
        "<- A-ASSOCIATE-AC",
        "context 1: accepted, Implicit VR Little Endian",
        "context 1: C-ECHO-RQ, message 1, Verification SOP Class",
        "context 1: C-ECHO-RSP, message 1, Verification SOP Class, status 0x0000 (success)",
        "-> A-RELEASE-RQ",
        "<- A-RELEASE-RP",
        "C-FIND-RQ, message 1",
        "status 0xFF00 (pending), a data set follows",
        "not shown",
    ):
        assert line in text, line


async def test_a_trace_of_bytes_that_are_no_dicom_goes_on(tmp_path: Path) -> None:
    out = io.StringIO()
    trace = Trace(out)
    trace.begin("somewhere")
    trace.heard(b"\x04\0\0\0\0\x0a\0\0\0\x06\x01\x03bad!")
    trace.heard(b"HTTP/1.1 400 CANARY")
    trace.heard(b"more")
    text = out.getvalue()
    assert "cannot be read" in text
    assert "bytes that are no PDU" in text
    assert "CANARY" not in text


def test_a_node_of_the_configuration_is_named(storescp: StoreScp, tmp_path: Path) -> None:
    config = tmp_path / "c.yml"
    node = f"{{name: archive, host: 127.0.0.1, port: {storescp.port}, ae_title: STORESCP, checks: [c_echo]}}"
    config.write_text(f"ae_title: US\ndata_dir: {tmp_path}\nnodes: [{node}, {{name: switch, host: h}}]\n")

    def call(*words: str) -> Any:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["diagnose", *words, "-c", str(config)])

    trace = tmp_path / "trace.txt"
    done = call("archive", "--trace", str(trace))
    assert done.exit_code == 0, done.output
    assert f"STORESCP (127.0.0.1:{storescp.port}) answers C-ECHO from US" in done.stdout
    assert "from US to STORESCP" in trace.read_text()
    assert "has no node archiv; did you mean archive?" in call("archiv").stderr
    assert call("switch").stderr == "diagnose: switch has no port; set it, or give HOST:PORT\n"
    assert "say the AE title of what listens there" in call("127.0.0.1:104").stderr
    assert "cannot be written" in call("archive", "--trace", str(tmp_path)).stderr


def test_a_study_is_stored_where_a_check_may_write_and_nowhere_else(orthanc: Orthanc, tmp_path: Path) -> None:
    config = tmp_path / "c.yml"
    ingest = f"{{ingest: {{write: true, delete: {{orthanc: '{orthanc.url}'}}}}}}"
    node = f"host: 127.0.0.1, port: {orthanc.dicom_port}, ae_title: ORTHANC"
    (tmp_path / "data").mkdir()
    State(tmp_path / "data/state.db", "main").close()  # as an agent leaves it
    config.write_text(
        f"data_dir: {tmp_path / 'data'}\nnodes:\n  - {{name: archive, {node}, checks: [{ingest}]}}\n"
        f"  - {{name: other, {node}, checks: [c_echo]}}\n"
    )

    def call(*words: str) -> Any:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["diagnose", *words, "--store", "-c", str(config)])

    done = call("archive")
    assert done.exit_code == 0, done.output
    for said in ("a synthetic study is stored", "it is found", "it comes back as it was", "it is deleted again"):
        assert said in done.stdout
    assert "ALL IS WELL" in done.stdout
    assert orthanc.get("/studies") == []
    assert call("other").stderr.startswith("diagnose: --store: nothing may be stored in other: none of its checks has")
    assert "--store is for a node of the configuration" in call("127.0.0.1:1", "--called", "A").stderr
