"""The dicomweb check against Orthanc's plug-in, and against servers that do not do what they say."""

from __future__ import annotations

import base64
import json
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checks import dicomweb as module
from checks.dicomweb import Dicomweb
from pacs_monitor.loader import load_file
from pacs_monitor.node import Node
from tests.checks.archive import canary, upload
from tests.checks.support import DictMemory, Run, bind, complaint, run, until
from tests.dicom.authority import Authority, server_context
from tests.noise import with_time
from tests.peers.dicomweb import Call, Reply, forwarded, run_dicomweb, run_proxy
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port

STEP = "pacs_dicomweb_step_seconds"
JSON = "application/dicom+json"


@pytest.fixture
def orthanc(new_folder: Callable[[str], Path]) -> Iterator[Orthanc]:
    with run_dicomweb(new_folder("dicomweb")) as orthanc:
        yield orthanc


@pytest.fixture
def memory() -> DictMemory:
    return DictMemory()


def dicomweb(memory: DictMemory, url: str, server: dict[str, Any] | None = None, **settings: Any) -> Dicomweb:
    settings = {"slow": 30, **({"interval": 300, "visible_within": 2} if settings.get("write") else {}), **settings}
    if settings["slow"] and settings.get("write") and "delete" not in settings:
        settings.setdefault("studies_per_day", 2000)
    check = Dicomweb.model_validate({"server": {"url": url, **(server or {})}, **settings})
    bind(check, Node(name="archive", host="127.0.0.1"), memory)
    return check


def steps(gave: Run) -> list[str]:
    return [sample.labels[0] for sample in gave.samples if sample.metric.name == STEP]


def journal(memory: DictMemory) -> list[str]:
    return [key for key in memory.kept if key.startswith("study:")]


def traces(gave: Run, memory: DictMemory, caplog: pytest.LogCaptureFixture) -> list[str]:
    logged = (record.getMessage() for record in caplog.records)
    told = [repr(gave.samples), gave.message, *memory.record, *logged]
    return [trace for trace in told if "canary" in trace.lower()]


async def test_a_query_alone_writes_nothing_and_keeps_nothing_of_patients(
    orthanc: Orthanc, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    dataset = canary()
    check = dicomweb(memory, f"{orthanc.url}/dicom-web")
    dataset.StudyDate = f"{check.site_time.now():%Y%m%d}"
    study = upload(orthanc, dataset)
    caplog.clear()
    gave = await run(check)
    assert gave.failure is None
    assert steps(gave) == ["find"]
    assert memory.record == []
    assert orthanc.get("/studies") == [study]
    assert traces(gave, memory, caplog) == []


async def test_a_whole_cycle_leaves_the_server_as_it_was_and_no_trace_of_other_patients(
    orthanc: Orthanc, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    study = upload(orthanc, canary())
    caplog.clear()
    delete = {"orthanc": orthanc.url}
    gave = await run(dicomweb(memory, f"{orthanc.url}/dicom-web", write=True, rendered=True, delete=delete))
    assert gave.failure is None
    assert steps(gave) == ["find", "store", "visible", "metadata", "rendered", "retrieve", "delete"]
    assert 0 < (gave.value("pacs_dicomweb_first_byte_seconds") or 0) < 20
    assert (gave.value("pacs_dicomweb_bytes_per_second") or 0) > 64 * 64 / 20
    assert gave.value("pacs_ingest_orphans") == 0
    assert journal(memory) == []
    assert orthanc.get("/studies") == [study]
    assert traces(gave, memory, caplog) == []


async def test_it_gives_the_metrics_that_the_documentation_names_and_no_others(
    orthanc: Orthanc, memory: DictMemory
) -> None:
    delete = {"orthanc": orthanc.url}
    gave = await run(dicomweb(memory, f"{orthanc.url}/dicom-web", write=True, delete=delete))
    given = {sample.metric.name for sample in gave.samples}
    assert given == {metric.name for metric in load_file(Path(module.__file__ or "")).metrics}


async def test_a_user_is_asked_for(new_folder: Callable[[str], Path], memory: DictMemory) -> None:
    with run_dicomweb(
        new_folder("users"), AuthenticationEnabled=True, RegisteredUsers={"monitor": "s3cret-word"}
    ) as orthanc:
        url = f"{orthanc.url}/dicom-web"
        gave = await run(dicomweb(memory, url, {"username": "monitor", "password": "s3cret-word"}))
        assert gave.failure is None
        gave = await run(dicomweb(memory, url, {"username": "monitor", "password": "wr0ng-word"}))
        assert gave.reason == "forbidden"
        assert gave.message == (
            f"127.0.0.1:{orthanc.http_port} wants a user or token that it knows; correct username and password_file, "
            f"or bearer_token_file (HTTP 401)"
        )


async def test_a_token_is_sent_and_told_nowhere(
    orthanc: Orthanc, memory: DictMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def guarded(call: Call) -> Reply:
        right = call.headers.get("Authorization") == "Bearer t0ken-word"
        return forwarded(orthanc, call) if right else (401, "text/plain", b"Canary^Secret")

    with run_proxy(guarded) as url:
        assert (await run(dicomweb(memory, url, {"bearer_token": "t0ken-word"}))).failure is None
        gave = await run(dicomweb(memory, url, {"bearer_token": "another-word"}))
    assert gave.reason == "forbidden"
    assert traces(gave, memory, caplog) == []
    assert not [record for record in caplog.records if "-word" in record.getMessage()]


async def test_a_token_is_had_by_client_credentials_and_kept_until_it_expires(
    orthanc: Orthanc, memory: DictMemory
) -> None:
    asked: list[bytes] = []

    def reply(call: Call) -> Reply:
        if call.path != "/dicom-web/token":
            right = call.headers.get("Authorization") == f"Bearer t0ken-{len(asked)}"
            return forwarded(orthanc, call) if right else (401, "text/plain", b"")
        if call.headers.get("Authorization") != "Basic " + base64.b64encode(b"monitor:s3cret").decode():
            return 401, "application/json", b'{"error": "invalid_client"}'
        asked.append(call.body)
        told = {"access_token": f"t0ken-{len(asked)}", "expires_in": 3600, "token_type": "Bearer"}
        return 200, "application/json", json.dumps(told).encode()

    with run_proxy(reply) as url:
        oauth2 = {"token_url": f"{url}/token", "client_id": "monitor", "client_secret": "s3cret", "scope": "dicom"}
        for _ in range(2):
            gave = await run(dicomweb(memory, url, {"oauth2": oauth2}))
            assert gave.failure is None, gave.message
        assert asked == [b"grant_type=client_credentials&scope=dicom"]
        asked.append(b"revoked")
        assert (await run(dicomweb(memory, url, {"oauth2": oauth2}))).reason == "forbidden"
        assert (await run(dicomweb(memory, url, {"oauth2": oauth2}))).failure is None, "it asks for another"
        gave = await run(dicomweb(memory, url, {"oauth2": {**oauth2, "client_secret": "wr0ng"}}))
        assert gave.reason == "forbidden"
        assert gave.message.endswith(
            "gives no token (HTTP 401); correct client_id, client_secret_file and scope, and permit the client to use "
            "client credentials there"
        )
        gave = await run(dicomweb(memory, url, {"oauth2": {**oauth2, "token_url": f"{url}/studies"}}))
        assert gave.failure is not None
    with run_proxy(lambda call: (200, "text/html", b"<html>Canary")) as other:
        gave = await run(dicomweb(memory, url, {"oauth2": {**oauth2, "token_url": other}}))
        assert gave.reason == "mismatch"
        assert gave.message.endswith("gives no access token; correct token_url")


async def test_a_server_that_wants_a_certificate_of_ours_gets_it(
    orthanc: Orthanc, memory: DictMemory, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server, ours = authority.issue("127.0.0.1"), authority.issue("pacs-monitor")
    context = server_context(server, authority.file)
    with run_proxy(lambda call: forwarded(orthanc, call), context) as url:
        tls = {"ca_file": str(authority.file), "cert_file": str(ours.cert), "key_file": str(ours.key)}
        gave = await run(dicomweb(memory, url, {"tls": tls}))
        assert gave.failure is None, gave.message
        gave = await run(dicomweb(memory, url, {"tls": {"ca_file": str(authority.file)}}))
        assert gave.failure is not None
        gave = await run(dicomweb(memory, url))
        assert gave.reason == "tls"
        assert "is not to be trusted" in gave.message


@pytest.mark.parametrize(
    ("status", "content", "reason", "words"),
    [
        (
            404,
            b"Canary",
            "not_found",
            "does the URL lead to DICOMweb, such as /dicom-web, and is the service switched on",
        ),
        (406, b"Canary", "mismatch", "does not offer this service in this form (HTTP 406)"),
        (500, b"Canary", "aborted", "cannot answer; look into its log at this time (HTTP 500)"),
        (403, b"Canary", "forbidden", "does not permit this"),
        (200, b"<html>Canary", "mismatch", "gives no DICOM JSON; does the URL lead to DICOMweb, such as /dicom-web?"),
        (200, b'{"canary": 1}', "mismatch", "gives no DICOM JSON"),
        (200, b"[" + b" " * (2 << 20) + b"]", "mismatch", "gives more than 1 MiB"),
        (302, b"", "mismatch", "redirects elsewhere"),
    ],
)
async def test_what_a_query_gets_instead_is_told_without_a_word_of_it(
    memory: DictMemory, status: int, content: bytes, reason: str, words: str
) -> None:
    with run_proxy(lambda call: (status, JSON, content)) as url:
        gave = await run(dicomweb(memory, url))
    assert gave.reason == reason
    assert words in gave.message
    assert "canary" not in gave.message.lower()


async def test_no_study_of_today_is_no_failure(memory: DictMemory) -> None:
    with run_proxy(lambda call: (204, "", b"")) as url:
        assert (await run(dicomweb(memory, url))).failure is None


async def test_a_query_asks_for_one_study_and_for_no_attribute_of_a_patient(memory: DictMemory) -> None:
    asked: list[str] = []

    def reply(call: Call) -> Reply:
        asked.append(call.path)
        return 200, JSON, b"[]"

    with run_proxy(reply) as url:
        check = dicomweb(memory, url)
        await run(check)
    today = f"{check.site_time.now():%Y%m%d}"
    assert asked == [f"/dicom-web/studies?StudyDate={today}&includefield=0020000D&limit=1"]


async def test_a_slow_query_is_a_failure_of_its_own(orthanc: Orthanc, memory: DictMemory) -> None:
    gave = await run(dicomweb(memory, f"{orthanc.url}/dicom-web", slow=0))
    assert gave.reason == "threshold"
    assert gave.message.endswith("s for a query, 0 s are allowed; look at its load and its database")
    assert steps(gave) == ["find"]


def refusing(orthanc: Orthanc, status: int, code: int) -> Callable[[Call], Reply]:
    told = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [code]}}]}, "canary": "Canary"}

    def reply(call: Call) -> Reply:
        return (status, JSON, json.dumps(told).encode()) if call.method == "POST" else forwarded(orthanc, call)

    return reply


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (409, 0xA700, "(HTTP 409, failure reason 0xA700); the archive is full or has reached its quota"),
        (202, 0x0110, "(HTTP 202, failure reason 0x0110); look into its log at this time, and permit STOW-RS there"),
    ],
)
async def test_a_refused_study_is_told_with_its_reason(
    orthanc: Orthanc, memory: DictMemory, status: int, code: int, words: str
) -> None:
    with run_proxy(refusing(orthanc, status, code)) as url:
        gave = await run(dicomweb(memory, url, write=True))
    assert gave.reason == "dimse_status"
    assert words in gave.message
    assert "canary" not in gave.message.lower()
    assert gave.value("pacs_ingest_orphans") == 0


async def test_success_that_never_becomes_visible_is_a_lie_that_is_told(orthanc: Orthanc, memory: DictMemory) -> None:
    def reply(call: Call) -> Reply:
        return (200, JSON, b"[]") if "/studies?" in call.path else forwarded(orthanc, call)

    with run_proxy(reply) as url:
        gave = await run(dicomweb(memory, url, write=True, visible_within=0.5))
    assert gave.reason == "not_found"
    assert "QIDO-RS does not show it" in gave.message
    assert gave.value("pacs_ingest_orphans") == 1


async def test_what_comes_back_changed_or_is_no_dicom_is_named(orthanc: Orthanc, memory: DictMemory) -> None:
    def changed(call: Call) -> Reply:
        status, kind, content = forwarded(orthanc, call)
        whole = "/instances/" in call.path and not call.path.endswith("/metadata")
        return status, kind, content.replace(b"PACSMON-TEST", b"CANARY-4711 ") if whole else content

    def broken(call: Call) -> Reply:
        status, kind, content = forwarded(orthanc, call)
        whole = "/instances/" in call.path and not call.path.endswith("/metadata")
        return (status, kind, b"Canary") if whole else (status, kind, content)

    with run_proxy(changed) as url:
        gave = await run(dicomweb(memory, url, write=True))
        assert gave.reason == "mismatch"
        assert "gives the study back by WADO-RS with another PatientID than it got" in gave.message
    with run_proxy(broken) as url:
        gave = await run(dicomweb(DictMemory(), url, write=True))
        assert gave.reason in ("mismatch", "not_found")
        assert "canary" not in gave.message.lower()


async def test_a_server_that_is_down_is_refused_and_took_nothing(memory: DictMemory) -> None:
    gave = await run(dicomweb(memory, f"http://127.0.0.1:{free_port()}/dicom-web", write=True))
    assert gave.reason == "refused"
    assert journal(memory) == []


@with_time(1, 4, 12)
async def test_a_server_that_hangs_is_given_up_in_time(seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = dicomweb(DictMemory(), f"http://127.0.0.1:{listener.getsockname()[1]}/dicom-web")
        gave = await run(check, seconds)  # which gives up five seconds later than the check should
    assert gave.reason == "timeout"
    await until(lambda: check.surroundings.abandoned == [])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rendered": True}, "are for a study that is stored; set write: true"),
        ({"delete": {"orthanc": "http://a"}}, "are for a study that is stored; set write: true"),
        ({"write": True, "interval": "5m"}, "one every 5m is more than the 4 studies in 24 hours"),
        (
            {"write": True, "delete": {"orthanc": "http://a"}, "visible_within": "2m"},
            "visible_within is not shorter than timeout",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Dicomweb.model_validate({"server": {"url": "http://a/dicom-web"}, **settings})


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"url": "http://me:secret@a/dicom-web"}, "url holds a user; set username and password_file instead"),
        ({"username": "me", "bearer_token": "x"}, "a user and a token at once"),
        ({"username": "me", "oauth2": {"token_url": "http://a", "client_id": "me"}}, "a user and a token at once"),
        ({"password": "x"}, "a password without a user; set username"),
    ],
)
def test_logins_that_cannot_be_meant_are_refused(server: dict[str, Any], words: str) -> None:
    with complaint(words):
        Dicomweb.model_validate({"server": {"url": "http://a/dicom-web", **server}})


def test_without_write_nothing_is_bound_or_warned_of() -> None:
    check = Dicomweb.model_validate({"server": {"url": "http://a/dicom-web"}})
    assert (check.interval, check.warnings()) == (60, ())
    assert Dicomweb.model_validate({"server": {"url": "http://a/dicom-web"}, "write": True}).interval == 6 * 3600
