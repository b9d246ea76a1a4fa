from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from pacs_monitor.config import load
from pacs_monitor.setup import Answers, Modality, ask_all, run, starter_text


class Script:
    """Answers questions in order, and keeps what was asked and said."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.said: list[str] = []

    def ask(self, question: str, default: str) -> str:
        return self.answers.pop(0) if self.answers else default


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_with_every_default_the_configuration_loads_without_complaint_or_warning(tmp_path: Path) -> None:
    found = load(write(tmp_path / "c.yml", starter_text(ask_all(Script().ask))))
    assert found.warnings == ()
    assert list(found.checks) == [("archive", "c_echo"), ("", "state")]


def test_what_was_answered_is_what_is_configured(tmp_path: Path) -> None:
    script = Script(
        "north", "NO", "/var/lib/x", "pacs", "4242", "0123", "", "ct1", "10.0.1.7", "", "", "mr", "h", "105", "MR"
    )
    found = load(write(tmp_path / "c.yml", starter_text(ask_all(script.ask))))
    assert (found.agent.site, found.agent.ae_title, str(found.agent.data_dir)) == ("north", "NO", "/var/lib/x")
    archive, ct1, mr = found.nodes.values()
    assert (archive.host, archive.port, archive.ae_title, archive.role) == ("pacs", 4242, "0123", "archive")
    assert (ct1.name, ct1.host, ct1.port, ct1.ae_title) == ("ct1", "10.0.1.7", 104, "CT1")
    assert (mr.port, mr.role, mr.sends_to) == (105, "modality", ("archive",))


def test_mails_go_to_the_address_that_was_answered(tmp_path: Path) -> None:
    script = Script(*[""] * 8, "mail.north.example:587", "nonsense", "pacs@north.example")
    answers = ask_all(script.ask, script.said.append)
    assert script.said == ["nonsense is no address; write one such as ana@north.example"]
    found = load(write(tmp_path / "c.yml", starter_text(answers)))
    assert [warning.setting for warning in found.warnings] == ["notify"]  # no external_url yet
    assert found.agent.notify is not None
    assert found.agent.notify.smtp is not None
    assert (found.agent.notify.smtp.host, found.agent.people["admin"].email) == (
        "mail.north.example:587",
        "pacs@north.example",
    )


def test_no_comment_depends_on_how_long_an_answer_is() -> None:
    script = Script("a-site-with-a-very-long-name", "LONG_AE_TITLE_16", "/var/lib/somewhere/else/pacs-monitor")
    lines = starter_text(ask_all(script.ask)).splitlines()
    assert [line for line in lines if "#" in line and not line.lstrip().startswith("#")] == []


def test_modalities_may_come_from_a_csv_file(tmp_path: Path) -> None:
    write(tmp_path / "m o.csv", "name;host;port;ae_title\nct1;h;104;CT1\n")
    script = Script("", "", "", "", "", "", "m o.csv")
    found = load(write(tmp_path / "c.yml", starter_text(ask_all(script.ask))))
    assert list(found.nodes) == ["archive", "ct1"]


@pytest.mark.parametrize("title", ["it's", "a: b", "# x", "null", "a}b{", "$${x}", "${HOME}", "@x", "- x", '"'])
def test_an_ae_title_of_any_characters_reads_back_as_itself(tmp_path: Path, title: str) -> None:
    answers = Answers(archive_ae_title=title, modalities=(Modality("ct1", "h", 1, title),))
    nodes = load(write(tmp_path / "c.yml", starter_text(answers))).nodes
    assert [node.ae_title for node in nodes.values()] == [title, title]


def test_a_wrong_answer_is_explained_and_asked_for_again() -> None:
    script = Script("a b", "north", "AN_AE_TITLE_TOO_LONG", "MON", "", "http://x", "pacs", "dicom", "104")
    answers = ask_all(script.ask, script.said.append)
    assert (answers.site, answers.ae_title, answers.archive_host, answers.archive_port) == ("north", "MON", "pacs", 104)
    assert len(script.said) == 4
    assert script.said[1] == "AN_AE_TITLE_TOO_LONG has 20 characters; an AE title has at most 16"


def test_two_modalities_cannot_have_one_name() -> None:
    script = Script("", "", "", "", "", "", "", "archive", "ct1", "h", "", "", "ct1", "ct2", "h")
    answers = ask_all(script.ask, script.said.append)
    assert [modality.name for modality in answers.modalities] == ["ct1", "ct2"]
    assert [said[:15] for said in script.said] == ["there is a node", "there is a node"]


def test_a_file_that_is_there_is_left_alone_unless_told(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yml", "mine\n")
    console = Console(record=True, width=400)
    assert run(path, console=console, ask=Script().ask) == 1
    assert path.read_text() == "mine\n"
    assert "write over it with --force" in console.export_text()
    assert run(path, force=True, console=console, ask=Script().ask) == 0
    assert load(path).nodes["archive"].port == 104
    assert f"Next: pacs-monitor check-config -c {path}" in console.export_text()


def test_a_place_that_cannot_be_written_is_told() -> None:
    console = Console(record=True, width=200)
    assert run(Path("/dev/null/x.yml"), console=console, ask=Script().ask) == 1
    assert "cannot be written (Not a directory)" in console.export_text()
