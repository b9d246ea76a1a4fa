"""`pacs-monitor import`, as people call it; Orthanc is real, dcm4chee-arc's answers are from its documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from pacs_monitor.__main__ import app
from pacs_monitor.config import load
from tests.conftest import StartOrthanc

CONFIG = "ae_title: PACSMON\nprofiles: {modality: [c_echo]}\nnodes_from: [{file: nodes.d/*.yml}]\n"


class Said(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("pm.yml").write_text(CONFIG)
    return tmp_path


def call(*words: str) -> Said:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["import", *words, "-c", "pm.yml"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Said(done.exit_code, done.stdout, done.stderr)


def imported() -> list[tuple[object, ...]]:
    nodes = load(Path("pm.yml")).nodes.values()
    return [(one.name, one.host, one.port, one.ae_title, one.labels, one.tls is not None) for one in nodes]


SHEET = """\ufeffGerät;IP-Adresse;Port;AE-Titel;Hersteller;Geburtstag
CT 1 (Süd);10.1.1.1;104;CT1;acme;x
MR;10.1.1.2;99999;MR1;;
US;10.1.1.3;104;TITLE_OF_19_LETTERS;;
noch ein CT 1;10.1.1.1;104;CT1;;
DX;;104;DX;;
CT-1 Süd;10.1.1.7;104;NO;;
wir;10.1.1.8;104;PACSMON;;
"""


def test_a_spreadsheet_becomes_nodes_and_each_row_that_does_not_is_told_and_kept() -> None:
    Path("geräte.csv").write_text(SHEET)
    said = call("csv", "geräte.csv")
    assert said.status == 1
    assert said.err.splitlines() == [
        "geräte.csv:3: Port: 99999 is not a TCP port (1 to 65535); left out",
        "geräte.csv:4: AE-Titel: TITLE_OF_19_LETTERS has 19 characters; an AE title has at most 16; left out",
        "geräte.csv:6: IP-Adresse: has no host; add it there; left out",
    ]
    assert said.out.splitlines() == [
        "geräte.csv:5: it is in there already as ct-1-sud; left out",
        "geräte.csv:8: PACSMON is our own AE title; left out",
        "columns: name from Gerät, host from IP-Adresse, port from Port, ae_title from AE-Titel, labels.vendor from "
        "Hersteller",
        "geräte.csv: 7 rows, 2 nodes",
        "wrote nodes.d/geräte.yml, which the agent reads",
    ]
    assert imported() == [
        ("ct-1-sud", "10.1.1.1", 104, "CT1", {"vendor": "acme"}, False),
        ("ct-1-sud-2", "10.1.1.7", 104, "NO", {}, False),
    ]
    text = Path("nodes.d/geräte.yml").read_text()
    assert all(f"# {line}" in text for line in said.err.splitlines())
    assert "profile: 'modality'" in text


def test_a_file_that_is_there_is_written_over_only_with_force_and_its_own_nodes_are_no_obstacle() -> None:
    Path("m.csv").write_text("name,host,port,aet\nct1,h,104,CT1\n")
    assert call("csv", "m.csv").status == 0
    Path("m.csv").write_text("name,host,port,aet\nct1,other,104,CT1\n")
    said = call("csv", "m.csv")
    assert (said.status, said.err) == (
        1,
        "nodes.d/m.yml is there already; choose another name with --output, or write over it with --force\n",
    )
    assert imported()[0][1] == "h"
    assert call("csv", "m.csv", "--force").status == 0
    assert imported()[0][1] == "other"


def test_a_dry_run_prints_the_file_alone_and_writes_nothing(folder: Path) -> None:
    Path("m.csv").write_text("name,host,port,aet\nct1,h,104,CT1\n")
    said = call("csv", "m.csv", "--dry-run")
    assert said.out.splitlines()[1:] == ["- {name: 'ct1', host: 'h', port: 104, ae_title: 'CT1', profile: 'modality'}"]
    assert "m.csv: 1 row, 1 node" in said.err
    assert sorted(path.name for path in folder.iterdir()) == ["m.csv", "pm.yml"]


def test_what_is_configured_already_is_left_out_and_what_contradicts_it_is_told() -> None:
    Path("pm.yml").write_text("nodes: [{name: ct1, host: a, port: 104, ae_title: CT1, checks: [c_echo]}]\n")
    Path("m.csv").write_text("name,host,port,aet\nscanner,A,104,CT1\nct1,b,104,CT1\nmr1,c,104,MR1\n")
    said = call("csv", "m.csv")
    assert "m.csv:2: the configuration has it as ct1; left out" in said.out
    assert said.err.startswith(
        "m.csv:3: the configuration has ct1 at a:104 with the AE title CT1, this one is at b:104"
    )
    assert "checks: [c_echo]" in Path("nodes.d/m.yml").read_text()
    assert said.out.endswith(
        "wrote nodes.d/m.yml; to have it read, write into pm.yml:\n\nnodes_from:\n  - file: nodes.d/*.yml\n"
    )


def test_columns_that_no_word_tells_are_given_by_hand() -> None:
    Path("m.csv").write_text("A,B,C,D\nct1,h,104,CT1\n")
    said = call("csv", "m.csv")
    assert said.err == (
        "m.csv: no column looks like name, host, port, ae_title (there is A, B, C, D); say which one it is: "
        "--column name=COLUMN --column host=COLUMN --column port=COLUMN --column ae_title=COLUMN\n"
    )
    given = [f"--column={pair}" for pair in ("name=A", "host=B", "port=C", "ae_title=D")]
    assert call("csv", "m.csv", *given).status == 0
    assert imported()[0][:4] == ("ct1", "h", 104, "CT1")
    assert "has no one column of that name; there is A, B, C, D" in call("csv", "m.csv", "--column=host=X").err
    assert "there is no such setting of a node" in call("csv", "m.csv", "--column=hots=A").err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("csv", "no.csv"), "no.csv: there is no such file; check the name\n"),
        (("orthanc", "m.csv"), "m.csv:1: is not JSON; name Orthanc's configuration or the archive's address\n"),
        (
            ("orthanc", "o.json"),
            "o.json: holds no DicomModalities; name the file of Orthanc's configuration that does\n",
        ),
        (("dcm4chee", "o.json"), "o.json: is no list of application entities; name https://HOST:8443/dcm4chee-arc\n"),
        (("orthanc", "http://127.0.0.1:1"), "127.0.0.1:1 refuses the connection: nothing listens there"),
        (("orthanc", "http://u:p@h"), "the address holds a user; use --username and --password-file instead\n"),
        (("csv", "m.csv", "--profile", "x"), "--profile: there is no profile x; there is modality\n"),
    ],
)
def test_what_cannot_be_imported_is_told_in_a_line(words: tuple[str, ...], complaint: str) -> None:
    Path("m.csv").write_text("name,host,port,aet\nct1,h,104,CT1\n")
    Path("o.json").write_text("{}")
    said = call(*words)
    assert said.status in (1, 2)
    assert said.err.startswith(complaint)
    assert not Path("nodes.d").exists()


def test_orthancs_configuration_is_read_with_its_comments_in_both_forms() -> None:
    Path("orthanc.json").write_text("""{
      // "DicomModalities": {"no": []}
      "DicomModalities": {
        "Old one": ["CT1", "10.1.1.1", 104, "Acme"],   /* short */
        "new": {"AET": "MR//1", "Host": "10.1.1.2", "Port": "105", "Manufacturer": "Generic", "UseDicomTls": true},
        "odd": 3,
        "self": ["PACSMON", "10.1.1.3", 104]
      }
    }""")
    said = call("orthanc", "orthanc.json")
    assert said.status == 0
    assert "orthanc.json: odd: is no modality; left out" in said.out
    assert "orthanc.json: 4 AEs, 2 nodes" in said.out
    assert imported() == [
        ("old-one", "10.1.1.1", 104, "CT1", {"vendor": "Acme"}, False),
        ("new", "10.1.1.2", 105, "MR//1", {}, True),
    ]


def test_the_modalities_of_a_running_orthanc_are_taken(start_orthanc: StartOrthanc) -> None:
    known = {"ct": ["CT1", "10.1.1.1", 104], "mr": {"AET": "MR1", "Host": "10.1.1.2", "Port": 104}}
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"ana": "geheim"}}
    orthanc = start_orthanc(DicomModalities=known, **users)
    url = f"http://127.0.0.1:{orthanc.http_port}"
    assert "wants a user or token that it knows" in call("orthanc", url).err
    Path("password").write_text("geheim\n")
    said = call("orthanc", url, "--username", "ana", "--password-file", "password")
    assert said.status == 0, said.err
    assert sorted(one[:4] for one in imported()) == [("ct", "10.1.1.1", 104, "CT1"), ("mr", "10.1.1.2", 104, "MR1")]
    assert "geheim" not in said.out + Path("nodes.d/orthanc.yml").read_text()


def test_application_entities_of_dcm4chee_are_taken_if_they_take_associations() -> None:
    def entity(title: str, *ports: dict[str, object], acceptor: bool = True) -> dict[str, object]:
        return {
            "dicomAETitle": title,
            "dicomDeviceName": title.lower(),
            "dicomDescription": "DOE^JANE",
            "dicomAssociationInitiator": True,
            "dicomAssociationAcceptor": acceptor,
            "dicomNetworkConnection": list(ports),
        }

    plain = {"dicomHostname": "pacs", "dicomPort": 11112}
    secure = {"dicomHostname": "pacs", "dicomPort": 2762, "dicomTLSCipherSuite": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}
    entities = [
        entity("ARCHIVE", secure, plain),
        entity("TLSONLY", secure),
        entity("WORKSTATION", {"dicomHostname": "ws"}),
        entity("SCU", plain, acceptor=False),
    ]
    Path("aes.json").write_text(json.dumps(entities))
    said = call("dcm4chee", "aes.json")
    assert said.status == 0
    assert "aes.json: WORKSTATION: takes no associations; left out" in said.out
    assert "aes.json: 4 AEs, 2 nodes" in said.out
    assert imported() == [
        ("archive", "pacs", 11112, "ARCHIVE", {"device": "archive"}, False),
        ("tlsonly", "pacs", 2762, "TLSONLY", {"device": "tlsonly"}, True),
    ]
    assert "DOE" not in Path("nodes.d/aes.yml").read_text()
