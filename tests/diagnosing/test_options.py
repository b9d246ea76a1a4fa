"""What the command line of `diagnose` makes of its options, and its exit statuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pacs_monitor.diagnosing.diagnosis import Side, State
from pacs_monitor.diagnosing.options import TlsOptions, make_target
from tests.conftest import StartRawServer
from tests.dicom.authority import Authority, private_pem
from tests.dicom.pdus import answer_with
from tests.pages import section
from tests.peers.orthanc import Orthanc


def diagnosed(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pacs_monitor", "diagnose", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


def complaint(place: str = "archive:104", called: str = "A", tls: TlsOptions | None = None, timeout: float = 5) -> str:
    with pytest.raises(ValueError, match=r".") as raised:
        make_target(place, called, "B", tls or TlsOptions(), timeout)
    return str(raised.value)


def test_any_option_on_certificates_means_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("a.example")
    whole = tmp_path / "whole.pem"
    whole.write_bytes(ours.cert.read_bytes() + ours.key.read_bytes())
    assert make_target("archive:104", "A", "B", TlsOptions(), 5).tls is None
    for options in (
        TlsOptions(tls=True),
        TlsOptions(ca=authority.file),
        TlsOptions(cert=ours.cert, key=ours.key),
        TlsOptions(cert=whole),
        TlsOptions(insecure=True),
        TlsOptions(server_name="archive.example"),
    ):
        assert make_target("archive:104", "A", "B", options, 5).tls is not None


def test_each_mistake_is_one_complaint_with_its_remedy(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, other, missing, text = (
        authority.issue("a.example"),
        authority.issue("b.example"),
        tmp_path / "no",
        tmp_path / "t",
    )
    text.write_text("not a certificate")
    locked = tmp_path / "locked.key"
    locked.write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1()), b"passphrase"))
    readable = "give a file that this user can read"
    complaints = {
        complaint("archive"): "archive has no port; write HOST:PORT, for example 10.0.0.5:104",
        complaint(called="A" * 17): f"--called: {'A' * 17} has 17 characters; an AE title has at most 16",
        complaint(timeout=0): "--timeout: 0 is not from 0.1 to 3600 seconds",
        complaint(timeout=float("nan")): "--timeout: nan is not from 0.1 to 3600 seconds",
        complaint(tls=TlsOptions(cert=ours.cert)): (
            f"--cert {ours.cert} holds no private key; give the key that belongs to it with --key"
        ),
        complaint(tls=TlsOptions(tls=True, key=ours.key)): (
            "--key is given without --cert; give our certificate with --cert, or leave both out"
        ),
        complaint(
            tls=TlsOptions(cert=missing, key=ours.key)
        ): f"--cert {missing}: No such file or directory; {readable}",
        complaint(
            tls=TlsOptions(cert=ours.cert, key=missing)
        ): f"--key {missing}: No such file or directory; {readable}",
        complaint(tls=TlsOptions(ca=tmp_path)): f"--ca {tmp_path}: Is a directory; {readable}",
        complaint(tls=TlsOptions(server_name=".example")): (
            "--server-name: .example cannot be the name in a certificate; write one such as archive.example"
        ),
        complaint(tls=TlsOptions(server_name="a\x1b[1mb")): (
            "--server-name: holds the control character '\\x1b' at position 2; remove it"
        ),
        complaint(tls=TlsOptions(ca=text)): (
            f"the certificate files {text} cannot be used ({text} holds no certificate in PEM); correct --ca"
        ),
        complaint(tls=TlsOptions(cert=ours.cert, key=other.key)): (
            f"the certificate files {ours.cert}, {other.key} cannot be used (the key does not belong to the "
            f"certificate); correct --cert or --key"
        ),
        complaint(tls=TlsOptions(cert=ours.cert, key=locked)): (
            f"the certificate files {ours.cert}, {locked} cannot be used (the key is protected by a passphrase: store "
            f"it without one, readable only for the agent); correct --cert or --key"
        ),
    }
    for told, wanted in complaints.items():
        assert told == wanted


def test_wrong_usage_is_told_on_stderr_with_status_2(tmp_path: Path) -> None:
    ours = Authority(tmp_path).issue("a.example")
    told = diagnosed("127.0.0.1:1", "--called", "A", "--cert", str(ours.cert), "--json")
    assert (told.returncode, told.stdout) == (2, "")
    assert (
        told.stderr
        == f"diagnose: --cert {ours.cert} holds no private key; give the key that belongs to it with --key\n"
    )


def test_the_command_gives_json_lines_and_an_exit_status(orthanc: Orthanc, raw_server: StartRawServer) -> None:
    def lines(port: int, called: str) -> tuple[int, list[dict[str, object]]]:
        told = diagnosed(f"127.0.0.1:{port}", "--called", called, "--timeout", "2", "--json")
        return told.returncode, [json.loads(line) for line in told.stdout.splitlines()]

    status, documents = lines(orthanc.dicom_port, "ORTHANC")
    assert (status, documents[0]["step"], documents[0]["state"]) == (0, "dns", "ok")
    assert documents[-1].keys() == {"verdict"}
    status, documents = lines(orthanc.dicom_port, "WRONG")
    verdict = documents[-1]["verdict"]
    assert isinstance(verdict, dict)
    assert (status, verdict["ok"], verdict["side"]) == (1, False, "ours")
    status, documents = lines(raw_server(answer_with({5: None})).port, "ARCHIVE")
    assert (status, documents[-2]["step"], documents[-2]["state"]) == (0, "release", "failed")
    # The page tells of each field, and of each word that it may hold.
    page = section("docs/operations.md", "Diagnose")
    assert [field for field in (*documents[0], *verdict) if f"`{field}`" not in page] == []


def test_the_page_tells_of_every_state_side_and_step() -> None:
    page = section("docs/operations.md", "Diagnose")
    steps = ("dns", "connect", "tls", "associate", "context", "C-ECHO", "release", "look closer")
    assert [word for word in (*get_args(State), *get_args(Side), *steps) if f"`{word}`" not in page] == []


def test_the_help_says_that_the_timeout_is_for_all_of_it() -> None:
    assert "Seconds for all of it" in diagnosed("--help").stdout
