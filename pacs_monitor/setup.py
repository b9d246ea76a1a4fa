"""`pacs-monitor init`: a few questions, and a commented configuration that loads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from pacs_monitor.people.settings import parse_address, parse_server
from pacs_monitor.people.starter import notify_text
from pacs_monitor.settings import AgentSettings
from pacs_monitor.units import check_ae_title, host_fault, name_fault, port_of

Ask = Callable[[str, str], str]
"""Asks a question and gives the answer; the second text is what an empty answer means."""


@dataclass(frozen=True)
class Modality:
    """A modality as the questions ask for it."""

    name: str
    host: str
    port: int
    ae_title: str


@dataclass(frozen=True)
class Answers:
    """What a configuration to begin with is made of."""

    site: str = "main"
    ae_title: str = "PACSMON"
    data_dir: str = "/var/lib/pacs-monitor"
    archive_host: str = "127.0.0.1"
    archive_port: int = 104
    archive_ae_title: str = "ARCHIVE"
    modalities: tuple[Modality, ...] = field(default=())
    modalities_csv: str = ""
    """The CSV file that lists them, if one does."""
    mail_server: str = ""
    """Through which alerts are told, if they are."""
    mail_address: str = ""


def run(path: Path, *, force: bool = False, console: Console | None = None, ask: Ask | None = None) -> int:
    """Ask, write the configuration to `path`, and give the exit status; a file is overwritten only with `force`."""
    console = console or Console()
    if path.exists() and not force:
        console.print(f"{path} is there already; choose another name, or write over it with --force", markup=False)
        return 1
    try:
        answers = ask_all(ask or _prompt, lambda text: console.print(text, markup=False))
    except typer.Abort:  # Ctrl-C, or the end of the input
        console.print("\nStopped before the last question; nothing was written. Run pacs-monitor init again.")
        return 1
    try:
        path.write_text(starter_text(answers), encoding="utf-8")
    except OSError as error:
        console.print(f"{path} cannot be written ({error.strerror}); choose another place", markup=False)
        return 1
    console.print(f"Wrote {path}. Next: pacs-monitor check-config -c {path}", markup=False)
    return 0


def _prompt(question: str, default: str) -> str:
    return str(typer.prompt(question, default=default, show_default=bool(default)))


def ask_all(ask: Ask, say: Callable[[str], None] = lambda text: None) -> Answers:
    """The answers to all questions; an answer that cannot be used is asked for again after `say` has said why."""

    def until_good(question: str, default: str, fault: Callable[[str], str]) -> str:
        while True:
            answer = ask(question, default).strip() or default
            wrong = fault(answer)
            if not wrong:
                return answer
            say(wrong)

    site = until_good("Name of the site", "main", name_fault)
    ae_title = until_good("Our own AE title (the archive must know it)", "PACSMON", _ae_title_fault)
    data_dir = until_good("Folder for the agent's state", str(AgentSettings().data_dir), _plain_fault)
    host = until_good("Archive: name or address", "127.0.0.1", host_fault)
    port = until_good("Archive: DICOM port", "104", _port_fault)
    title = until_good("Archive: AE title", "ARCHIVE", _ae_title_fault)
    csv = until_good("CSV file with the modalities (empty: type them here)", "", _plain_fault)
    modalities = () if csv else tuple(_modalities(until_good))
    server = until_good("Mail server that tells of alerts (empty: nobody is told)", "", _fault_of(parse_server))
    address = until_good("Mail address that they go to", "", _fault_of(parse_address)) if server else ""
    return Answers(site, ae_title, data_dir, host, port_of(port), title, modalities, csv, server, address)


def _modalities(until_good: Callable[[str, str, Callable[[str], str]], str]) -> list[Modality]:
    found: list[Modality] = []
    taken = {"archive"}

    def fault(name: str) -> str:
        return f"there is a node {name} already; choose another name" if name in taken else name and name_fault(name)

    while name := until_good("Modality: a name such as ct1 (empty: no more)", "", fault):
        taken.add(name)
        host = until_good(f"{name}: name or address", "", host_fault)
        port = until_good(f"{name}: DICOM port", "104", _port_fault)
        title = until_good(f"{name}: AE title", name.upper()[:16], _ae_title_fault)
        found.append(Modality(name, host, port_of(port), title))
    return found


def _ae_title_fault(text: str) -> str:
    try:
        check_ae_title(text)
    except ValueError as error:
        return str(error)
    return ""


def _port_fault(text: str) -> str:
    try:
        port_of(text)
    except ValueError as error:
        return str(error)
    return ""


def _fault_of(parse: Callable[[str], str]) -> Callable[[str], str]:
    def fault(text: str) -> str:
        try:
            parse(text)
        except ValueError as error:
            return str(error) if text or parse is parse_address else ""
        return ""

    return fault


def _plain_fault(text: str) -> str:
    return "" if text.isprintable() else "holds a control character; write it without"


def quoted(text: str) -> str:
    """A text as a YAML scalar that reads back as itself, whatever it holds."""
    return "'" + text.replace("'", "''").replace("${", "$${") + "'"


def starter_text(answers: Answers) -> str:
    """A commented configuration that loads without complaint if the CSV file it names can be read."""
    return _TEMPLATE.format(
        site=quoted(answers.site),
        ae_title=quoted(answers.ae_title),
        data_dir=quoted(answers.data_dir),
        host=quoted(answers.archive_host),
        port=answers.archive_port,
        archive_ae_title=quoted(answers.archive_ae_title),
        modalities=_modality_lines(answers),
        notify=notify_text(quoted(answers.mail_server), quoted(answers.mail_address) if answers.mail_server else ""),
        nodes_from=_NODES_FROM.format(file=quoted(answers.modalities_csv)) if answers.modalities_csv else _NO_FILE,
    )


def _modality_lines(answers: Answers) -> str:
    lines = [
        f"  - {{name: {quoted(one.name)}, host: {quoted(one.host)}, port: {one.port}, "
        f"ae_title: {quoted(one.ae_title)}, profile: modality, importance: low, sends_to: [archive]}}\n"
        for one in answers.modalities
    ]
    example = "  # - {name: ct1, host: 10.0.1.7, port: 104, ae_title: CT1, profile: modality, sends_to: [archive]}\n"
    return "".join(lines) or example


_NODES_FROM = """\
# The CSV file has a header; change the names on the right to its own.
nodes_from:
  - file: {file}
    columns: {{name: name, host: host, port: port, ae_title: ae_title}}
    defaults: {{profile: modality, importance: low, sends_to: [archive]}}
"""

_NO_FILE = """\
# Nodes from a spreadsheet: , ; or tab, with a header.
# nodes_from:
#   - file: modalities.csv
#     columns: {name: Device, host: IP, port: Port, ae_title: AET}
#     defaults: {profile: modality, importance: low, sends_to: [archive]}
"""

_TEMPLATE = """\
# The configuration of pacs-monitor. After a change: pacs-monitor check-config
# Durations are written as 15s, 5m or 1h30m. Secrets belong in files of their own (..._file) or in ${{VARIABLES}}.

# On every series and alert.
site: {site}
# The zone of hours and maintenance; UTC unless set.
# time_zone: Europe/Bucharest
# What we call with: archive and modalities must know it.
ae_title: {ae_title}
# Where state is kept.
data_dir: {data_dir}

# Only this machine; beyond it, tls and one way to say who may ask are needed.
web:
  listen: 127.0.0.1:9811

# Outside them, alerts of nodes with `hours: clinic` are suppressed.
# hours:
#   clinic: {{days: mon-fri, from: "07:00", to: "20:00"}}

# What to run against a kind of node: pacs-monitor checks lists what there is.
profiles:
  archive:
    - c_echo: {{interval: 15s}}
    # Once the archive permits our AE title to query:
    # - c_find: {{interval: 1m, slow: 2s}}
  # Modalities are asked at most every 30s, and may be switched off at night.
  modality:
    - c_echo: {{interval: 1m, down_after: 5}}

nodes:
  - name: archive
    host: {host}
    port: {port}
    ae_title: {archive_ae_title}
    profile: archive
    # critical, normal or low: alerts take their severity from it.
    importance: critical
    # Shown with its alerts.
    # notes: hotline 0800 123
  # An empty worklist is well, unless you say how many entries are due for each scanner within which hours.
  # - name: ris
  #   host: 10.0.0.7
  #   port: 104
  #   ae_title: RIS
  #   role: worklist
  #   checks: [c_echo, {{worklist: {{stations: [CT1], expect_at_least: 5, hours: clinic}}}}]
{modalities}
{nodes_from}
{notify}
# What belongs to no node.
checks:
  - disk: {{name: state, path: /, interval: 1m}}

# Nothing alerts anew meanwhile.
# maintenance:
#   - {{name: patches, nodes: {{role: modality}}, days: sun, from: "22:00", for: 6h}}
"""
