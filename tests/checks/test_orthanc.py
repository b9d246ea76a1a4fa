"""The check of an Orthanc by its REST API: what is stored, jobs, peers, and what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from checks import orthanc as module
from checks.orthanc import Orthanc
from pacs_monitor.memory import NotSaved
from tests.checks.orthancs import TEN_MEBIBYTES, Documented, check_of, look, store
from tests.checks.support import DictMemory, complaint, run, until
from tests.conftest import StartOrthanc, StartRawServer, StartStoreScp
from tests.peers import orthanc as peers
from tests.peers.ports import free_port
from tests.peers.raw import RawServer

# What is stored.


async def test_an_archive_is_counted(orthanc: peers.Orthanc) -> None:
    store(orthanc, "1")
    store(orthanc, "2")
    gave = await look(check_of(orthanc.url))
    assert gave.failure is None
    stored = orthanc.get("/statistics")
    for metric, key in (("studies", "CountStudies"), ("series", "CountSeries"), ("instances", "CountInstances")):
        assert gave.value(f"pacs_orthanc_{metric}") == stored[key] == 2
    assert gave.value("pacs_orthanc_disk_bytes") == int(stored["TotalDiskSize"])
    assert gave.value("pacs_orthanc_info", orthanc_version="1.10.1", database_version="6", storage_mode="") == 1
    assert gave.value("pacs_orthanc_used_ratio") is None, "nobody said how much there is"
    assert time.time() - (gave.value("pacs_orthanc_oldest_timestamp_seconds") or 0) < 300


async def test_an_empty_archive_has_no_oldest(orthanc: peers.Orthanc) -> None:
    gave = await look(check_of(orthanc.url, keep_at_least="30d"))
    assert gave.failure is None
    assert gave.value("pacs_orthanc_studies") == 0
    assert gave.value("pacs_orthanc_oldest_timestamp_seconds") is None


async def test_the_share_of_a_maximum_that_an_old_version_does_not_tell(orthanc: peers.Orthanc) -> None:
    store(orthanc, "1")
    gave = await look(check_of(orthanc.url, maximum_storage="10MiB"))
    used = int(orthanc.get("/statistics")["TotalDiskSize"]) / TEN_MEBIBYTES
    assert gave.value("pacs_orthanc_used_ratio") == pytest.approx(used)
    assert gave.value("pacs_orthanc_maximum_bytes") == TEN_MEBIBYTES


async def test_since_when_a_version_runs_changes_with_the_version(documented: Documented) -> None:
    memory = DictMemory()
    first = (await look(check_of(documented.url, memory))).value("pacs_orthanc_version_changed_timestamp_seconds")
    again = (await look(check_of(documented.url, memory))).value("pacs_orthanc_version_changed_timestamp_seconds")
    documented.system["Version"] = "1.12.6"
    then = (await look(check_of(documented.url, memory))).value("pacs_orthanc_version_changed_timestamp_seconds")
    assert first == again
    assert then is not None
    assert first is not None
    assert then > first


# MaximumStorageMode, from the documentation.


@pytest.mark.parametrize(
    ("mode", "used", "message"),
    [
        ("Recycle", 9.9, ""),
        ("Reject", 9.0, ""),
        (
            "Reject",
            9.9,
            "archive has used 10.4 MB of 10.5 MB (99%), and takes no more images when it is full; raise "
            "MaximumStorageSize, or delete what is not needed",
        ),
    ],
)
async def test_an_archive_that_rejects_when_it_is_full_fails_before(
    documented: Documented, mode: str, used: float, message: str
) -> None:
    documented.system |= {"MaximumStorageMode": mode, "MaximumStorageSize": 10}
    documented.statistics["TotalDiskSize"] = str(int(used * 1024 * 1024))
    gave = await look(check_of(documented.url))
    assert gave.value("pacs_orthanc_used_ratio") == pytest.approx(used / 10)
    assert gave.value("pacs_orthanc_info", storage_mode=mode) == 1
    assert (gave.reason, gave.message) == (("threshold", message) if message else ("", ""))


async def test_no_maximum_is_no_share(documented: Documented) -> None:
    documented.system |= {"MaximumStorageMode": "Recycle", "MaximumStorageSize": 0}
    assert (await look(check_of(documented.url))).value("pacs_orthanc_used_ratio") is None


# Jobs.


async def test_jobs_that_failed_since_the_last_look_are_counted_once(orthanc: peers.Orthanc) -> None:
    check = check_of(orthanc.url)
    study = store(orthanc, "1")
    orthanc.register("NOBODY", free_port())
    fail_a_job(orthanc, study)
    before = await look(check)
    assert before.value("pacs_orthanc_jobs_failed_total") is None, "the first look does not know since when"
    assert before.value("pacs_orthanc_jobs", job_state="Failure") == 1
    fail_a_job(orthanc, study)
    gave = await look(check)
    assert gave.value("pacs_orthanc_jobs_failed_total", job_type="DicomModalityStore", target="NOBODY") == 1
    assert gave.failure is None, "it is an alert's to tell"
    assert (await look(check)).value("pacs_orthanc_jobs_failed_total") is None


def fail_a_job(orthanc: peers.Orthanc, study: str) -> None:
    job = orthanc.post("/modalities/NOBODY/store", {"Resources": [study], "Synchronous": False})["ID"]
    ends = time.monotonic() + 60
    while orthanc.get(f"/jobs/{job}")["State"] != "Failure":
        assert time.monotonic() < ends
        time.sleep(0.02)


async def test_a_job_that_waits_behind_one_that_hangs_is_told(
    start_orthanc: StartOrthanc, raw_server: StartRawServer
) -> None:
    orthanc = start_orthanc(ConcurrentJobs=1)
    silent: RawServer = raw_server(lambda conn: conn.recv(1 << 20) and conn.recv(1))
    orthanc.register("SILENT", silent.port)
    study = store(orthanc, "1")
    for _ in range(3):
        orthanc.post("/modalities/SILENT/store", {"Resources": [study], "Synchronous": False})
    await until(lambda: [job["State"] for job in orthanc.get("/jobs?expand")].count("Running") == 1)
    assert (await look(check_of(orthanc.url))).failure is None
    await asyncio.sleep(1.1)  # times are read to the second
    gave = await look(check_of(orthanc.url, job_waits="1ms"))
    assert gave.value("pacs_orthanc_jobs", job_state="Pending") == 2
    assert gave.value("pacs_orthanc_jobs", job_state="Running") == 1
    assert gave.reason == "threshold"
    assert gave.message.startswith("archive has 2 jobs waiting, the oldest for ")
    assert gave.message.endswith("; look in Orthanc Explorer under Jobs which one holds up the others")
    assert time.time() - (gave.value("pacs_orthanc_oldest_waiting_job_timestamp_seconds") or 0) < 300


async def test_jobs_of_plug_ins_and_targets_that_nobody_configured_are_no_labels(documented: Documented) -> None:
    memory = DictMemory()
    memory.kept["failed_until"] = ""
    content = {"RemoteAet": "CANARY", "Description": "Canary^Secret", "ParentResources": ["canary"]}
    failed = {"State": "Failure", "Type": "Canary", "CompletionTime": "20260101T000000.000001", "Content": content}
    documented.jobs = [failed, {"State": "Canary"}, {"State": "Failure", "Type": "Media", "Content": None}]
    gave = await look(check_of(documented.url, memory))
    assert gave.value("pacs_orthanc_jobs_failed_total", job_type="other", target="") == 1
    assert gave.value("pacs_orthanc_jobs", job_state="Failure") == 2


async def test_more_jobs_than_can_be_read_are_a_failure_that_says_so(documented: Documented) -> None:
    documented.answers["/jobs"] = (200, json.dumps([{"State": "Pending", "Content": "x" * 1000}] * 5000))
    gave = await look(check_of(documented.url))
    assert gave.reason == "mismatch"
    assert gave.message == (
        f"Orthanc's REST API {documented.url} has thousands of jobs; look in Orthanc Explorer under Jobs what holds "
        f"them up"
    )
    assert gave.value("pacs_orthanc_studies") == 0


# Modalities and peers.


async def test_nobody_is_called_unless_it_is_asked_for(start_orthanc: StartOrthanc, raw_server: StartRawServer) -> None:
    server: RawServer = raw_server(lambda conn: conn.recv(1))
    orthanc = start_orthanc(OrthancPeers={"mirror": [f"http://127.0.0.1:{server.port}/"]})
    orthanc.register("WS1", server.port)
    gave = await look(check_of(orthanc.url))
    assert gave.value("pacs_orthanc_modalities") == 2
    assert gave.value("pacs_orthanc_peers") == 1
    assert gave.value("pacs_orthanc_target_up") is None
    assert server.accepted == 0


async def test_those_that_are_named_are_reached_through_orthanc(
    start_orthanc: StartOrthanc,
    start_storescp: StartStoreScp,
    raw_server: StartRawServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_ECHO", 5.0)
    silent = raw_server(lambda conn: conn.recv(1 << 20) and conn.recv(1))
    mirror = start_orthanc(Name="mirror")
    peers_of_it = {"mirror": [mirror.url + "/"], "silent-peer": [f"http://127.0.0.1:{silent.port}/"]}
    orthanc = start_orthanc(OrthancPeers=peers_of_it)
    orthanc.register("WS1", start_storescp().port)
    orthanc.register("WS2", free_port())
    orthanc.register("WS3", silent.port)
    gave = await look(check_of(orthanc.url, echo_peers=["WS1", "mirror"]))
    assert gave.failure is None
    assert gave.value("pacs_orthanc_target_up", target="WS1") == 1
    assert gave.value("pacs_orthanc_target_up", target="mirror") == 1
    gave = await look(check_of(orthanc.url, echo_peers=["WS1", "WS2", "WS3", "silent-peer", "WS4"]), 60)
    assert gave.reason == "mismatch"
    assert gave.message == (
        "archive has no modality or peer called WS4; correct echo_peers. Also, archive does not reach WS2, WS3, "
        "silent-peer; look whether each is on and takes what archive sends, and ask the network team"
    )
    assert gave.value("pacs_orthanc_target_up", target="WS1") == 1
    assert gave.value("pacs_orthanc_target_up") == 1
    assert gave.value("pacs_orthanc_studies") == 0


# What goes wrong.


async def test_nothing_is_ever_changed(documented: Documented) -> None:
    check = check_of(documented.url, keep_at_least="30d")
    documented.receive("s")
    await look(check)
    await look(check)
    assert documented.methods == {"GET"}


async def test_a_user_with_its_password_in_a_file(documented: Documented, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret-word\n")
    login: dict[str, Any] = {"username": "monitor", "password_file": tmp_path / "password"}
    gave = await look(check_of(documented.url, **login))
    assert gave.failure is None
    assert documented.users == {"Basic " + base64.b64encode(b"monitor:s3cret-word").decode()}
    documented.answers["/system"] = (401, "")
    gave = await look(check_of(documented.url, **login))
    assert gave.reason == "forbidden"
    assert gave.message.endswith(" wants a user that it knows; correct username and password_file (HTTP 401)")


async def test_an_archive_that_is_off_is_refused(orthanc: peers.Orthanc) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    gave = await look(check_of(url))
    assert (gave.reason, gave.samples) == ("refused", [])
    assert gave.message == (
        f"Orthanc's REST API {url} refuses the connection; start Orthanc's web server, or correct the port"
    )


async def test_what_came_before_a_failure_is_kept(documented: Documented) -> None:
    documented.system |= {"MaximumStorageMode": "Reject", "MaximumStorageSize": 1}
    documented.statistics["TotalDiskSize"] = "1048576"
    documented.answers["/jobs"] = (403, "{}")
    gave = await look(check_of(documented.url))
    assert gave.reason == "forbidden"
    assert gave.message == (
        f"Orthanc's REST API {documented.url} does not permit this; give the user the right to read, or let this "
        f"machine in (HTTP 403). Also, archive has used 1.05 MB of 1.05 MB (100%), and takes no more images when it is "
        f"full; raise MaximumStorageSize, or delete what is not needed"
    )
    assert gave.value("pacs_orthanc_used_ratio") == 1


async def test_another_service_at_the_address_is_told(documented: Documented) -> None:
    documented.statistics = {"canary": "Canary"}
    gave = await look(check_of(documented.url))
    assert gave.reason == "mismatch"
    assert gave.message == "Orthanc's REST API leaves out a count; does url lead to an Orthanc of 1.5 or later?"


async def test_an_archive_that_answers_late_is_timed_out(raw_server: StartRawServer) -> None:
    silent = raw_server(lambda conn: conn.recv(1 << 20) and conn.recv(1))
    gave = await run(check_of(f"http://127.0.0.1:{silent.port}"), 0.5)
    assert gave.reason == "timeout"
    assert f"Orthanc's REST API http://127.0.0.1:{silent.port} did not answer in time; " in gave.message


async def test_an_agent_that_cannot_save_looks_all_the_same(documented: Documented) -> None:
    class Full(DictMemory):
        async def put(self, key: str, value: Any, *, keep: bool = False) -> None:
            raise NotSaved("the disk is full")

    check = check_of(documented.url, Full())
    assert (await look(check)).failure is None
    documented.receive("s")
    assert (await look(check)).value("pacs_orthanc_received_studies_total") == 1
    assert (await look(check)).value("pacs_orthanc_received_studies_total") is None


async def test_nothing_of_a_patient_is_logged_or_kept(orthanc: peers.Orthanc, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    memory = DictMemory()
    check = check_of(orthanc.url, memory)
    await look(check)
    study = store(orthanc, "1", "CT")
    orthanc.register("NOBODY", free_port())
    fail_a_job(orthanc, study)
    await look(check)
    identifiers: list[str] = [study]
    for level in ("patients", "studies", "series", "instances"):
        identifiers += orthanc.get(f"/{level}")
        identifiers += [str(value) for each in orthanc.get(f"/{level}?expand&since=0&limit=9") for value in uids(each)]
    kept = repr(memory.record)
    assert len(identifiers) > 6
    assert [each for each in identifiers if each in kept] == []
    assert "canary" not in (kept + caplog.text).lower()


def uids(told: dict[str, Any]) -> list[str]:
    return [value for key, value in told.get("MainDicomTags", {}).items() if key.endswith("UID")]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "http://admin:secret@a:8042"}, "url holds a user; set username and password_file instead"),
        ({"url": "http://a", "password": "x"}, "a password without a user; set username"),
        ({"url": "a:8042"}, "url"),
        (
            {"url": "http://a", "used_warning": "98%"},
            "used_warning is above used_critical; a warning comes first: lower it",
        ),
        ({"url": "http://a", "echo_peers": ["x"] * 17}, "echo_peers"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_load(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Orthanc.model_validate(settings)
