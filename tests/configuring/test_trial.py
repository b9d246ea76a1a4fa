"""What `check-config` finds out by trying, as it would keep the agent from starting."""
# ruff: noqa: E501  a message is one line, as it is printed

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pacs_monitor.config import load
from pacs_monitor.settings import ConfigError
from tests.peers.ports import free_port

NOW = datetime.now(UTC)


class Site:
    """A folder with a configuration, certificates and passwords."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.write("c.pem", *self.certificate())

    def certificate(self, **dates: Any) -> tuple[bytes, bytes]:
        issued = self.ca.issue_cert("pacsmon", **dates)
        return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()

    def write(self, name: str, *parts: bytes) -> None:
        (self.folder / name).write_bytes(b"".join(parts))

    def told(self, text: str) -> tuple[list[str], list[str]]:
        """Complaints and warnings, without the folder's name."""
        path = self.folder / "a.yml"
        path.write_text(text if "data_dir" in text else f"{text}data_dir: state\n")
        try:
            warnings, complaints = load(path, {}, data_dir=True, make_data_dir=False).warnings, []
        except ConfigError as error:
            warnings, complaints = error.warnings, error.complaints
        assert not (self.folder / "state").exists()
        both = [[str(one).replace(f"{self.folder}/", "") for one in told] for told in (complaints, warnings)]
        return both[0], [one for one in both[1] if "nothing is checked" not in one]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def tls(cert: str = "c.pem", key: str = "c.pem", more: str = "") -> str:
    return f"web:\n  listen: 127.0.0.1:{free_port()}\n  tls: {{cert_file: {cert}, key_file: {key}{more}}}\n"


def test_a_web_server_that_can_start_has_no_complaint(site: Site) -> None:
    site.write("users", b"# users\nana:", bcrypt.hashpw(b"x", bcrypt.gensalt(4)), b"\n")
    assert site.told(tls() + "  basic_auth_file: users\n") == ([], [])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("other key", "is not the key of c.pem; name the one that the certificate was issued for"),
        ("no key", "holds no private key in PEM; name the right file, or convert it to PEM"),
        ("encrypted key", "is protected by a passphrase; store it without one, readable for the agent alone"),
    ],
)
def test_a_key_that_is_not_the_certificates_is_a_complaint(site: Site, key: str, message: str) -> None:
    other = site.certificate()[1]
    hidden = load_pem_private_key(other, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    site.write("k.pem", {"other key": other, "no key": b"hello", "encrypted key": hidden}[key])
    complaints, _ = site.told(tls(key="k.pem"))
    assert complaints == [f"a.yml:3: web.tls.key_file: k.pem {message}"]


def test_each_of_the_files_of_tls_that_cannot_be_used_is_told(site: Site) -> None:
    site.write("k.pem", site.certificate()[0])
    site.write("junk", b"hello")
    complaints, _ = site.told(tls("junk", "k.pem", ", client_ca_file: junk"))
    assert [one.partition(";")[0] for one in complaints] == [
        "a.yml:3: web.tls.cert_file: junk holds no certificate in PEM",
        "a.yml:3: web.tls.key_file: k.pem holds no private key in PEM",
        "a.yml:3: web.tls.client_ca_file: junk holds no certificate in PEM",
    ]


def test_what_is_wrong_beside_it_keeps_nothing_of_the_web_server_from_being_tried(site: Site) -> None:
    site.write("k.pem", site.certificate()[1])
    site.write("users", b"ana\n")
    text = tls(key="k.pem", more=", x: 1") + "  basic_auth_file: users\n  allow_frm: [10.0.0.0/8]\n"
    assert [one.split(": ")[1] for one in site.told(text)[0]] == [
        "web.tls.x",
        "web.tls.key_file",
        "web.basic_auth_file",
        "web.allow_frm",
    ]


def test_no_address_is_tried_where_one_is_misspelt(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaints, warnings = site.told(f"web: {{lisen: '127.0.0.1:{port}', listen: '127.0.0.1:{port}'}}\n")
    assert complaints == ["a.yml:1: web.lisen: there is no such setting; did you mean listen?"]
    assert warnings == []


def test_a_ca_file_that_is_none_is_a_complaint(site: Site) -> None:
    site.write("ca.pem", b"hello")
    (complaint,), _ = site.told(tls(more=", client_ca_file: ca.pem"))
    remedy = "name the file of the authority that signs the clients'"
    assert complaint == f"a.yml:3: web.tls.client_ca_file: ca.pem holds no certificate in PEM; {remedy}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "users names no user; add one with htpasswd -B"),
        (b"# only a comment\n", "users names no user; add one with htpasswd -B"),
        (b"ana:$apr1$x$y\n", "users:1: is not user:hash with bcrypt; use htpasswd -B"),
        (b"ana\n", "users:1: is not user:hash with bcrypt; use htpasswd -B"),
        (b"ana\n# bo\nbo\n", "users:1,3: are not user:hash with bcrypt; use htpasswd -B"),
        (b"x\n" * 12, "users:1,2,3,4,5,6,7,8,9,10,...: are not user:hash with bcrypt; use htpasswd -B"),
    ],
)
def test_a_file_of_passwords_without_a_user_is_a_complaint(site: Site, content: bytes, message: str) -> None:
    site.write("users", content)
    complaints, _ = site.told(f"{tls()}  basic_auth_file: users\n")
    assert complaints == [f"a.yml:4: web.basic_auth_file: {message}"]


@pytest.mark.parametrize(
    ("dates", "warning"),
    [
        ({"not_after": NOW - timedelta(days=3)}, f"has expired on {NOW - timedelta(days=3):%Y-%m-%d}; renew it"),
        ({"not_after": NOW + timedelta(days=20)}, f"expires on {NOW + timedelta(days=20):%Y-%m-%d}; renew it"),
        ({"not_after": NOW + timedelta(days=30)}, None),
        (
            {"not_before": NOW + timedelta(days=2)},
            f"is valid only from {NOW + timedelta(days=2):%Y-%m-%d} on; take another until then",
        ),
    ],
)
def test_dates_of_the_certificate_are_warned_of(site: Site, dates: Any, warning: str | None) -> None:
    site.write("c.pem", *site.certificate(**{"not_before": NOW - timedelta(days=90), **dates}))
    expected = [f"a.yml:3: web.tls.cert_file: the certificate in c.pem {warning}"] if warning else []
    assert site.told(tls()) == ([], expected)


def test_a_token_of_spaces_is_a_complaint(site: Site) -> None:
    site.write("token", b"  \n")
    complaints, _ = site.told(tls() + "  bearer_token_file: token\n")
    assert complaints == ["a.yml:4: web.bearer_token_file: token is empty; write the secret into it"]


def test_networks_that_are_everybody_are_warned_of(site: Site) -> None:
    _, warnings = site.told(f"{tls()}  allow_from: [10.0.0.0/8, 0.0.0.0/0, '::/0']\n")
    assert warnings == [
        f"a.yml:4: web.allow_from[{place}]: {network} is everybody, without token or password; name the networks that may ask"
        for place, network in ((1, "0.0.0.0/0"), (2, "::/0"))
    ]


def test_a_port_in_use_is_a_warning_as_it_may_be_the_agents_own(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaints, warnings = site.told(f"web: {{listen: '127.0.0.1:{port}'}}\n")
    assert complaints == []
    assert warnings == [
        f"a.yml:1: web.listen: 127.0.0.1:{port} is in use by another program; stop it, or set another port; "
        "no matter if that is the agent itself"
    ]


def test_an_address_of_another_machine_is_a_complaint(site: Site) -> None:
    text = tls().replace("127.0.0.1", "192.0.2.7") + "  allow_from: [10.0.0.0/8]\n"
    (complaint,), _ = site.told(text)
    assert "is not an address of this machine; set one that is, or 0.0.0.0 for all" in complaint


def test_a_data_directory_where_nothing_can_be_made_is_a_complaint(site: Site) -> None:
    complaints, _ = site.told("data_dir: /proc/nope\n")
    assert complaints == [
        "a.yml:1: data_dir: /proc/nope cannot be made (No such file or directory); make it, and give it to the user "
        "that runs pacs-monitor"
    ]


def test_a_data_directory_whose_name_is_too_long_for_a_socket_is_a_complaint(site: Site) -> None:
    (complaint,), _ = site.told(f"data_dir: {'x' * 100}\n")
    assert "is too long for a Unix socket (107 bytes); choose a shorter one" in complaint


def state_file(path: Path, version: int) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE facts (name)")
        database.execute(f"PRAGMA user_version = {version}")


def complaint_of_state(folder: Path) -> str:
    """The complaint about `data_dir: kept`, which leaves what is there as it was."""
    path, before = folder / "a.yml", sorted((folder / "kept").iterdir())
    path.write_text("data_dir: kept\nweb: {listen: '127.0.0.1:0'}\n")
    with pytest.raises(ConfigError) as failed:
        load(path, {}, data_dir=True, make_data_dir=False)
    assert sorted((folder / "kept").iterdir()) == before
    return str(failed.value).replace(f"{folder}/", "")


def test_a_state_file_of_a_newer_version_is_a_complaint(tmp_path: Path) -> None:
    state_file(tmp_path / "kept/state.db", 99)
    assert complaint_of_state(tmp_path).startswith(
        "a.yml:1: data_dir: kept/state.db: was written by a newer pacs-monitor (schema 99, this one knows "
    )


def test_a_state_file_of_this_version_is_none(tmp_path: Path) -> None:
    state_file(tmp_path / "kept/state.db", 1)
    (tmp_path / "a.yml").write_text("data_dir: kept\nweb: {listen: '127.0.0.1:0'}\n")
    load(tmp_path / "a.yml", {}, data_dir=True, make_data_dir=False)
    assert [each.name for each in (tmp_path / "kept").iterdir()] == ["state.db"]


def test_all_that_is_in_the_way_in_the_data_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept/agent.lock").mkdir(parents=True)
    (tmp_path / "kept/control.sock").write_text("mine")
    (tmp_path / "kept/state.db").write_text("hello")
    assert complaint_of_state(tmp_path) == (
        "a.yml:1: data_dir: kept/control.sock is in the way and no socket; remove it; kept/agent.lock: cannot be opened "
        "(Is a directory); give it to the user that runs pacs-monitor, or remove it; kept/state.db: cannot be used "
        "(file is not a database); if it is damaged, move it away and start again"
    )


def test_a_state_file_of_another_user_is_a_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_file(tmp_path / "kept/state.db", 1)
    someone_else = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: someone_else)
    assert complaint_of_state(tmp_path) == (
        "a.yml:1: data_dir: kept/state.db: cannot be used (it belongs to another user); correct its owner and "
        "permissions, or data_dir"
    )


def check_config(path: Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "pacs_monitor", "check-config", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    return done.returncode, done.stdout, done.stderr


def test_of_a_broken_check_file_alone_it_says_that_the_rest_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/mine.py").write_text("class Mine(\n")
    (tmp_path / "a.yml").write_text("data_dir: state\ncheck_dirs: [mine]\nchecks: [{mine: {}}]\n")
    status, _, said = check_config(tmp_path / "a.yml")
    assert status == 1
    assert "mine.py:1: is not Python: '(' was never closed; mend this line, or the one before it" in said
    assert "1 complaint: the configuration can be used, without the checks of the files that are named" in said
    (tmp_path / "a.yml").write_text("data_dir: state\ncheck_dirs: [mine]\nsites: x\n")
    assert "2 complaints: the configuration cannot be used" in check_config(tmp_path / "a.yml")[2]


def test_warnings_are_told_beside_complaints(site: Site) -> None:
    complaints, warnings = site.told(f"{tls()}  bearer_token: secret\nsites: x\n")
    assert [one.split(":")[2] for one in complaints] == [" sites"]
    assert any("web.bearer_token" in one for one in warnings)
    assert not any("secret" in one.replace("secrets", "") for one in (*complaints, *warnings))
