"""Our own certificate files: read anew when they change, and told apart when they cannot be used."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pacs_monitor.certificates import context_for
from pacs_monitor.check import CheckFailed
from pacs_monitor.node import Tls
from tests.dicom.authority import Authority, private_pem, secure_peer, server_context
from tests.dicom.support import run_on, told
from tests.dicom.test_tls import probe_tls


def test_a_context_is_made_once_while_its_files_stay(tmp_path: Path) -> None:
    tls = Tls(ca_file=Authority(tmp_path).file)
    assert context_for(tls) is context_for(tls)


def test_a_changed_authority_is_read_anew(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Authority(tmp_path / "one"), Authority(tmp_path / "two")
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(one.file.read_bytes())
    with secure_peer(server_context(two.issue("127.0.0.1"))) as port:
        assert told(run_on("epoll", probe_tls(port, Tls(ca_file=trusted))))[0] == "tls"
        new = tmp_path / "new.pem"
        new.write_bytes(two.file.read_bytes())
        new.replace(trusted)
        assert told(run_on("epoll", probe_tls(port, Tls(ca_file=trusted)))) == ("", "")


def _complaint(tls: Tls) -> str:
    with pytest.raises(CheckFailed) as raised:
        context_for(tls)
    assert raised.value.reason == "tls"
    return raised.value.message


def test_files_that_cannot_be_used_are_told_with_the_reason(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, other = authority.issue("a.example"), authority.issue("b.example")
    missing, text, locked = tmp_path / "missing.pem", tmp_path / "text.pem", tmp_path / "locked.key"
    text.write_text("not a certificate")
    locked.write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1()), b"passphrase"))
    complaints = {
        _complaint(Tls(ca_file=missing)): (missing, f"{missing}: No such file or directory"),
        _complaint(Tls(ca_file=text)): (text, f"{text} holds no certificate in PEM"),
        _complaint(Tls(cert_file=ours.cert, key_file=other.key)): (
            f"{ours.cert}, {other.key}",
            "the key does not belong to the certificate",
        ),
        _complaint(Tls(cert_file=ours.cert, key_file=text)): (
            f"{ours.cert}, {text}",
            f"{text} holds no private key in PEM",
        ),
        _complaint(Tls(cert_file=ours.cert)): (ours.cert, f"{ours.cert} holds no private key in PEM"),
        _complaint(Tls(cert_file=text, key_file=ours.key)): (
            f"{text}, {ours.key}",
            f"{text} holds no certificate in PEM",
        ),
        _complaint(Tls(cert_file=ours.cert, key_file=locked)): (
            f"{ours.cert}, {locked}",
            "the key is protected by a passphrase: store it without one, readable only for the agent",
        ),
    }
    for complaint, (files, why) in complaints.items():
        assert complaint == f"the certificate files {files} cannot be used ({why}); correct tls"
