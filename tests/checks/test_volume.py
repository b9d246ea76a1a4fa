"""The volume check against Debian's node_exporter and snmpd, and against what windows_exporter says."""

from __future__ import annotations

import os
import re
import socket
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import bcrypt
import pytest
import trustme

from checks.volume import Volume
from pacs_monitor import config
from pacs_monitor.node import Node
from pacs_monitor.sitetime import SiteTime
from pacs_monitor.volumes import VolumesCheck
from tests.checks.support import DictMemory, Run, bind, complaint, run
from tests.conftest import StartRawServer
from tests.pages import block
from tests.peers.node_exporter import NodeExporter, run_node_exporter
from tests.peers.ports import free_port
from tests.peers.snmpd import Snmpd, row, run_snmpd

MONITOR = {"username": "monitor", "auth_password": "authenticate", "privacy_password": "encrypted!"}
CANARY = "DOE^JANE 19700101"


class StartSnmpd(Protocol):
    """Starts snmpd with these lines after its configuration."""

    def __call__(self, more: str = "") -> Snmpd: ...


class StartNodeExporter(Protocol):
    """Starts node_exporter with these options."""

    def __call__(self, *options: str, **settings: Any) -> NodeExporter: ...


@pytest.fixture
def snmpd(new_folder: Callable[[str], Path]) -> Iterator[StartSnmpd]:
    with ExitStack() as stack:
        yield lambda more="": stack.enter_context(run_snmpd(new_folder("snmpd"), more))


@pytest.fixture
def exporter(new_folder: Callable[[str], Path]) -> Iterator[StartNodeExporter]:
    with ExitStack() as stack:
        yield lambda *options, **settings: stack.enter_context(
            run_node_exporter(new_folder("exporter"), *options, **settings)
        )


def check(**settings: Any) -> Volume:
    limits = {"free_warning": "0%", "free_critical": "0%", "inodes_critical": "0%"}
    return Volume.model_validate({"volumes": ["/"], **limits, **settings})


async def ask(volume: Volume, seconds: float = 30.0, **surroundings: Any) -> Run:
    return await run(bind(volume, Node(name="pacs1", host="127.0.0.1"), **surroundings), seconds)


def by_snmp(server: Snmpd, **settings: Any) -> dict[str, Any]:
    return {"port": server.port, **(settings or {"community": "here"})}


# node_exporter.


async def test_node_exporter_tells_what_the_machine_itself_knows(exporter: StartNodeExporter) -> None:
    gave = await ask(check(exporter={"url": exporter().url}))
    assert gave.failure is None
    status = os.statvfs("/")
    assert gave.value("pacs_disk_size_bytes", path="/") == status.f_blocks * status.f_frsize
    assert gave.value("pacs_disk_free_bytes", path="/") == pytest.approx(status.f_bavail * status.f_frsize, rel=0.05)
    used = status.f_blocks - status.f_bfree
    assert gave.value("pacs_disk_used_ratio", path="/") == pytest.approx(used / (used + status.f_bavail), abs=0.03)
    assert gave.value("pacs_disk_readonly", path="/") == 0
    if status.f_files:
        inodes = 1 - status.f_ffree / status.f_files
        assert gave.value("pacs_disk_inodes_used_ratio", path="/") == pytest.approx(inodes, abs=0.03)


async def test_its_certificate_is_verified_and_its_user_is_asked_for(
    exporter: StartNodeExporter, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    web = {
        "tls_server_config": {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")},
        "basic_auth_users": {"monitor": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()},
    }
    url, tls = exporter(web=web).url, {"ca_file": str(tmp_path / "ca.pem")}
    gave = await ask(check(exporter={"url": url, "tls": tls, "username": "monitor", "password": "secret"}))
    assert gave.failure is None
    gave = await ask(check(exporter={"url": url, "tls": tls, "username": "monitor", "password": "wrong"}))
    assert gave.reason == "forbidden"
    assert "correct username and password_file" in gave.message
    assert "wrong" not in gave.message
    gave = await ask(check(exporter={"url": url, "username": "monitor", "password": "secret"}))
    assert gave.reason == "tls"
    assert "is not to be trusted" in gave.message


async def test_a_volume_that_is_not_there_is_told_and_the_others_are_measured(exporter: StartNodeExporter) -> None:
    gave = await ask(check(volumes=["/gone", "/"], exporter={"url": exporter().url}))
    assert gave.reason == "not_found"
    assert gave.message.startswith("pacs1 has no volume /gone (of ")
    assert gave.message.endswith(" that it tells of); attach or mount it, or correct volumes")
    assert gave.value("pacs_disk_size_bytes", path="/")


async def test_too_little_room_is_a_failure_that_names_volume_and_machine(exporter: StartNodeExporter) -> None:
    gave = await ask(check(exporter={"url": exporter().url}, free_critical="100%", free_warning="100%"))
    assert gave.reason == "threshold"
    assert gave.message.startswith("/ of pacs1 has ")
    assert gave.message.endswith("at least 100% are due); move or delete data, or enlarge it")


async def test_an_exporter_without_volumes_says_which_collector_is_missing(exporter: StartNodeExporter) -> None:
    server = exporter("--collector.disable-defaults", "--collector.uname")
    gave = await ask(check(exporter={"url": server.url}))
    assert gave.reason == "mismatch"
    assert gave.message == (
        f"the exporter of pacs1 (127.0.0.1:{server.port}) says nothing of volumes; correct url, or switch on the "
        f"collector filesystem of node_exporter or logical_disk of windows_exporter"
    )


async def test_a_page_that_is_not_there_is_no_volume_that_is_not_there(exporter: StartNodeExporter) -> None:
    gave = await ask(check(exporter={"url": f"{exporter().url.removesuffix('/metrics')}/"}))
    assert gave.reason == "mismatch"


async def test_no_exporter_is_refused() -> None:
    gave = await ask(check(exporter={"url": f"http://127.0.0.1:{free_port()}/metrics"}))
    assert gave.reason == "refused"


# windows_exporter.

WINDOWS = r"""# HELP windows_logical_disk_free_bytes Unused space of the disk in bytes
# TYPE windows_logical_disk_free_bytes gauge
windows_logical_disk_free_bytes{volume="C:"} 4.2e+10
windows_logical_disk_free_bytes{volume="D:"} 3e+12
windows_logical_disk_free_bytes{volume="HarddiskVolume4"} 9.5e+07
# HELP windows_logical_disk_size_bytes Total size of the disk in bytes
# TYPE windows_logical_disk_size_bytes gauge
windows_logical_disk_size_bytes{volume="C:"} 1.2e+11
windows_logical_disk_size_bytes{volume="D:"} 4e+13
windows_logical_disk_size_bytes{volume="HarddiskVolume4"} 1e+08
# HELP windows_logical_disk_readonly Whether the logical disk is read-only
# TYPE windows_logical_disk_readonly gauge
windows_logical_disk_readonly{volume="C:"} 0
windows_logical_disk_readonly{volume="D:"} 1
# HELP windows_logical_disk_reads_total Rate of read operations on the disk
# TYPE windows_logical_disk_reads_total counter
windows_logical_disk_reads_total{volume="D:"} 123
"""


def page(text: str) -> Callable[[socket.socket], object]:
    body = text.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head.encode() + body)

    return answer


@pytest.mark.parametrize("name", ["D:", "d:", "D:\\"])
async def test_a_drive_of_windows_goes_by_its_letter(raw_server: StartRawServer, name: str) -> None:
    url = f"http://127.0.0.1:{raw_server(page(WINDOWS)).port}/metrics"
    gave = await ask(check(volumes=[name], exporter={"url": url}, writable=False))
    assert gave.failure is None
    assert gave.value("pacs_disk_size_bytes", path=name) == 4e13
    assert gave.value("pacs_disk_used_ratio", path=name) == pytest.approx(0.925)
    gave = await ask(check(volumes=[name], exporter={"url": url}))
    assert gave.reason == "mismatch"
    assert "is mounted read-only" in gave.message


async def test_drives_that_are_there_are_named_and_other_names_are_not(raw_server: StartRawServer) -> None:
    text = WINDOWS.replace("HarddiskVolume4", CANARY)
    url = f"http://127.0.0.1:{raw_server(page(text)).port}/metrics"
    memory = DictMemory()
    gave = await ask(check(volumes=["E:", "C:"], exporter={"url": url}), memory=memory)
    assert gave.message == "pacs1 has no volume E: (it has C:, D:); attach or mount it, or correct volumes"
    assert memory.record != []
    assert "DOE" not in f"{gave} {memory.record}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('windows_logical_disk_size_bytes{volume="D:"} much\n', "is no metrics in Prometheus' text format"),
        ('windows_logical_disk_size_bytes{volume="D:} 1\n', "is no metrics in Prometheus' text format"),
        ("<html>It works!</html>", "says nothing of volumes"),
    ],
)
async def test_what_is_no_page_of_metrics_is_told(raw_server: StartRawServer, text: str, words: str) -> None:
    gave = await ask(check(exporter={"url": f"http://127.0.0.1:{raw_server(page(text)).port}/metrics"}))
    assert gave.reason == "mismatch"
    assert words in gave.message


async def test_a_page_without_end_is_cut_off(raw_server: StartRawServer) -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 1_000_000)
        except OSError:
            return

    gave = await ask(check(exporter={"url": f"http://127.0.0.1:{raw_server(flood).port}/metrics"}))
    assert gave.reason == "mismatch"
    assert "gives more than 16 MiB" in gave.message


# SNMP.


@pytest.mark.parametrize(
    "user",
    [
        {},
        MONITOR,
        {**MONITOR, "username": "strong", "auth": "SHA-256", "privacy": "AES-256"},
        {"username": "plain", "auth": "MD5", "auth_password": "authenticate"},
    ],
    ids=["community", "SHA and AES", "SHA-256 and AES-256", "MD5, not encrypted"],
)
async def test_snmp_tells_what_the_machine_itself_knows(snmpd: StartSnmpd, user: dict[str, str]) -> None:
    gave = await ask(check(snmp=by_snmp(snmpd(), **user)))
    assert gave.failure is None
    status = os.statvfs("/")
    size, used = status.f_blocks * status.f_frsize, (status.f_blocks - status.f_bfree) * status.f_frsize
    assert gave.value("pacs_disk_size_bytes", path="/") == pytest.approx(size, rel=1e-6)
    assert gave.value("pacs_disk_free_bytes", path="/") == pytest.approx(size - used, rel=0.05)
    assert gave.value("pacs_disk_readonly", path="/") is None, "SNMP does not say it here"


async def test_a_drive_of_windows_by_snmp_goes_by_its_letter_whatever_its_label(snmpd: StartSnmpd) -> None:
    server = snmpd(row(900, f"D:\\ Label:{CANARY}  Serial Number 1a2b3c4d", 4096, 1000, 250))
    gave = await ask(check(volumes=["D:", "E:"], snmp=by_snmp(server)))
    assert gave.value("pacs_disk_size_bytes", path="D:") == 4096 * 1000
    assert gave.value("pacs_disk_free_bytes", path="D:") == 4096 * 750
    assert gave.message == "pacs1 has no volume E: (it has D:); attach or mount it, or correct volumes"
    assert "DOE" not in str(gave)


async def test_more_units_than_fit_into_31_bits_are_read_as_they_are_meant(snmpd: StartSnmpd) -> None:
    size, used = 3_500_000_000, 2_500_000_000  # 14 TB of 4 KiB, which Integer32 shows as negative
    server = snmpd(row(900, "D:\\", 4096, size - (1 << 32), used - (1 << 32)))
    gave = await ask(check(volumes=["D:"], snmp=by_snmp(server)))
    assert gave.failure is None
    assert gave.value("pacs_disk_size_bytes") == 4096 * size
    assert gave.value("pacs_disk_free_bytes") == 4096 * (size - used)


@pytest.mark.parametrize(("size", "used"), [(1000, 2000), ((1 << 31) - 1, 5)], ids=["wrapped", "stands at its largest"])
async def test_a_volume_beyond_what_snmp_can_say_is_told_and_no_figure_given(
    snmpd: StartSnmpd, size: int, used: int
) -> None:
    gave = await ask(check(volumes=["D:"], snmp=by_snmp(snmpd(row(900, "D:\\", 4096, size, used)))))
    assert gave.reason == "mismatch"
    assert gave.message == ("D: of pacs1 is too large for what SNMP can say; take windows_exporter or node_exporter")
    assert gave.value("pacs_disk_size_bytes") is None


@pytest.mark.parametrize(
    ("user", "reason", "words"),
    [
        (
            {"community": "wrong"},
            "timeout",
            "gives no answer by SNMP; is its SNMP service on, does it let this machine",
        ),
        ({**MONITOR, "username": "nobody"}, "forbidden", "does not take the SNMP user nobody; correct username, auth"),
        ({**MONITOR, "auth_password": "wrong-wrong"}, "forbidden", "does not take the SNMP user monitor"),
        ({**MONITOR, "privacy_password": "wrong-wrong"}, "timeout", "are the privacy and its password right?"),
        ({**MONITOR, "privacy_password": None}, "forbidden", "who may have to encrypt (privacy_password_file)"),
    ],
)
async def test_who_is_not_let_in_learns_what_to_correct(
    snmpd: StartSnmpd, user: dict[str, Any], reason: str, words: str
) -> None:
    gave = await ask(check(snmp=by_snmp(snmpd(), **user)), 8.0)
    assert gave.reason == reason
    assert words in gave.message
    assert "wrong" not in gave.message


# The forecast.


async def test_what_is_foretold_outlives_a_restart_and_an_exporter_that_is_away(exporter: StartNodeExporter) -> None:
    clock, memory = [1_790_000_000.0], DictMemory()
    server = exporter()
    volume = check(exporter={"url": server.url})
    surroundings: dict[str, Any] = {"memory": memory, "site_time": SiteTime(wall=lambda: clock[0])}
    for _ in range(12):
        gave = await ask(volume, **surroundings)
        assert gave.failure is None
        clock[0] += 86400
    assert len(memory.kept) == 12
    gave = await ask(check(exporter={"url": server.url}), **surroundings)
    assert gave.value("pacs_storage_history_days", path="/") == 12
    assert gave.value("pacs_storage_growth_bytes_per_day", path="/") is not None
    server.process.stop()
    gave = await ask(check(exporter={"url": server.url}), **surroundings)
    assert gave.reason == "refused"
    assert gave.value("pacs_storage_history_days", path="/") == 12


# Settings.


def test_the_example_of_snmp_is_accepted_with_its_passwords_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a long password\n")
    (tmp_path / "secret").chmod(0o600)
    shown = block("docs/checks/volume.md", "yaml", "snmp:")
    entry = re.sub(r"/etc/pacs-monitor/snmp-\w+", str(tmp_path / "secret"), shown)
    text = f"nodes:\n  - name: nas\n    host: h\n    checks:\n{textwrap.indent(entry, '      ')}"
    (tmp_path / "c.yml").write_text(text)
    found = config.load(tmp_path / "c.yml")
    assert found.warnings == ()
    volume = found.checks["nas", "volume"].check
    assert isinstance(volume, VolumesCheck)
    assert "a long password" not in repr(volume)


URL = {"url": "http://10.0.0.5:9182/metrics"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "takes one of exporter and snmp; set exporter to an address of metrics, or snmp"),
        ({"exporter": URL, "snmp": {"community": "x"}}, "takes one of exporter and snmp"),
        ({"exporter": URL, "volumes": []}, "volumes"),
        ({"exporter": URL, "volumes": [""]}, "volumes names one without a name; write for example D: or /data"),
        ({"snmp": {}}, "set community_file for version 2c, or username for version 3"),
        ({"snmp": {"community": "x", "username": "y"}}, "takes a community or a username"),
        ({"snmp": {"username": "y"}}, "a user without a password; set auth_password_file"),
        ({"snmp": {"community": "x", "auth_password": "12345678"}}, "a password without a user; set username"),
        ({"snmp": {"username": "y", "auth_password": "short"}}, "auth_password is shorter than 8 characters"),
        (
            {"exporter": URL, "full_warning": "3d"},
            "full_warning is shorter than full_critical; a warning comes first: lengthen it",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_load(settings: dict[str, Any], words: str) -> None:
    with complaint(words):
        Volume.model_validate({"volumes": ["D:"], **settings})
