"""The pages in docs/: nothing that an administrator can set, run or scrape is missing, and every example works."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest
import typer

from pacs_monitor import config
from pacs_monitor.__main__ import app
from pacs_monitor.check import REASONS, Check
from pacs_monitor.configuring.fields import models_in, settings_of
from pacs_monitor.configuring.nodes_from import NodesFrom
from pacs_monitor.context import CAUSES
from pacs_monitor.discovery import lists_of
from pacs_monitor.node import Node
from pacs_monitor.settings import AgentSettings
from pacs_monitor.state import State
from tests.agent import RunningAgent, run_agent
from tests.conftest import StartOrthanc
from tests.pages import PAGES, ROOT, block, blocks, generator, prose, read, section, settled
from tests.peers.ports import free_port
from tests.peers.process import program

CONFIGURATION, METRICS, CHECKS = "docs/configuration.md", "docs/metrics.md", "docs/checks.md"
SECURITY, OPERATIONS = "docs/security.md", "docs/operations.md"
SHIPPED = generator()["shipped"]()


def page_of(kind: str) -> str:
    return f"docs/checks/{kind}.md"


# Nothing is missing.


def all_settings() -> Iterator[str]:
    """The last part of the name of every setting, as people write it."""
    models = [AgentSettings, Node, NodesFrom, Check]
    while models:
        fields = settings_of(models.pop())
        yield from fields
        models += [model for info in fields.values() for model in models_in(info.annotation)]


def test_every_setting_is_told_and_shown_in_an_example() -> None:
    told = set(re.findall(r"^- `(?:[\w.]+\.)?(\w+)`:", read(CONFIGURATION), re.MULTILINE))
    sections = {name for name, info in settings_of(AgentSettings).items() if models_in(info.annotation)}
    assert set(all_settings()) - told - sections == set()
    examples = "\n".join(blocks(CONFIGURATION, "yaml"))
    assert [name for name in all_settings() if not re.search(rf"\b{name}:", examples)] == []


def test_every_section_that_the_file_may_hold_is_named() -> None:
    missing = [name for name in config.TOP_LEVEL if f"`{name}`" not in read(CONFIGURATION)]
    shown = "\n".join(blocks(CONFIGURATION, "yaml"))
    assert [name for name in missing if f"\n{name}:" not in f"\n{shown}"] == []


def test_every_command_and_each_of_its_options_is_told() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    table = section(CONFIGURATION, "Commands")
    assert set(re.findall(r"^\| `pacs-monitor ([\w-]+)", table, re.MULTILINE)) == set(commands)
    exits = section(OPERATIONS, "Exit statuses")
    assert [name for name in commands if f"`{name}`" not in exits] == []


def test_every_command_line_in_the_docs_is_one_that_the_program_takes() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        lines = "\n".join(blocks(name, "sh")).splitlines()
        lines += re.findall(r"`(pacs-monitor [a-z][^`]*)`", prose(name))
        for line in lines:
            found = re.search(r"(?:^|^runuser .* -- )pacs-monitor ([a-z-]+)(.*?)(?: #.*)?$", line)
            if not found:
                continue
            assert found[1] in commands, f"{name}: {line}"
            command = commands[found[1]]
            if subcommands := getattr(command, "commands", None):
                command = subcommands[found[2].split()[0]]
            known = {text for option in command.params for text in option.opts}
            assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", found[2])) <= known, f"{name}: {line}"


def test_every_check_has_a_page_with_all_of_its_settings_metrics_and_reasons() -> None:
    sources = {kind: Path(told["source"]).read_text() for kind, told in SHIPPED.items()}
    for kind, told in SHIPPED.items():
        text = read(page_of(kind))
        names = [setting["name"] for setting in told["settings"]] + [metric["name"] for metric in told["metrics"]]
        words = [reason for reason in REASONS if f'"{reason}"' in sources[kind]]
        assert [name for name in (*names, *words) if f"`{name}`" not in text] == [], kind
        assert "**It proves**" in text
        assert "**It does not prove**" in text


def test_every_reason_and_every_cause_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section(CHECKS, "Reasons"), re.MULTILINE) == list(REASONS)
    assert [cause for cause in CAUSES if f"`{cause}`" not in read(METRICS)] == []


def test_every_link_leads_to_a_file_and_a_heading_that_are_there() -> None:
    for page in PAGES:
        text = prose(str(page.relative_to(ROOT)))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("http"):
                continue
            file, _, anchor = target.partition("#")
            path = (page.parent / file).resolve() if file else page
            assert path.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(path), f"{page.name}: {target}"


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_modules_that_architecture_names_are_there() -> None:
    names = re.findall(r"`((?:dicom/|web/|configuring/)?\w+\.py)`", read("docs/architecture.md"))
    assert len(names) > 30
    folders = (ROOT / "pacs_monitor", ROOT / "pacs_monitor/web")
    assert [name for name in names if not any((folder / name).exists() for folder in folders)] == []


def test_lines_fit_their_width_and_nothing_of_our_machines_is_in_them() -> None:
    for page in PAGES:
        lines = page.read_text().splitlines()
        assert [line for line in lines if len(line) > 110 and not line.startswith(("|", "!["))] == [], page.name
        assert not re.search(r"/work/|/root/|TODO|FIXME|!$", page.read_text(), re.MULTILINE), page.name


# Examples work.


def test_the_examples_of_the_page_together_are_one_configuration(tmp_path: Path) -> None:
    (tmp_path / "modalities.csv").write_text(block(CONFIGURATION, "csv", "Device"))
    path = tmp_path / "pacs-monitor.yml"
    others = ("  routes:", "  engine:", "http_sd:")  # which take the place of what stands elsewhere on the page
    told = [text for text in blocks(CONFIGURATION, "yaml") if not any(one in text for one in others)]
    path.write_text(settled("".join(told), tmp_path))
    found = config.load(path)
    assert {warning.setting for warning in found.warnings} == {"people.duty.webhook"}, found.warnings
    assert list(found.nodes) == ["sw-ct", "archive", "teleradiology", "mr1", "ct1", "us1"]
    assert found.nodes["ct1"].labels == {"vendor": "acme"}
    assert found.checks["teleradiology", "c_echo"].check.interval == 60


def test_the_example_of_routes_takes_the_place_of_notify(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(settled(block(CONFIGURATION, "yaml", "  routes:"), tmp_path))
    assert config.load(path).routing is not None


def test_the_example_of_lists_for_prometheus_is_accepted(tmp_path: Path) -> None:
    listed = '[{"targets": ["10.0.1.7:104"], "labels": {"device": "ct1", "aet": "CT1", "room": "3"}}]'
    (tmp_path / "targets.json").write_text(listed)
    path = tmp_path / "pacs-monitor.yml"
    text = settled(block(CONFIGURATION, "yaml", "http_sd:"), tmp_path)
    path.write_text(f"data_dir: {tmp_path}\nprofiles: {{modality: [c_echo]}}\n{text}")
    lists_of(tmp_path).keep("https://inventory.north.example/targets", "[]")
    found = config.load(path)
    assert found.warnings == ()
    assert found.nodes["ct1"].labels == {"room": "3"}


def test_the_example_of_handing_over_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(settled(block(CONFIGURATION, "yaml", "  engine:") + "checks: [{disk: {path: /}}]\n", tmp_path))
    found = config.load(path)
    assert found.agent.alerting.heartbeat is not None
    assert found.warnings == ()


def test_the_examples_of_checks_are_accepted(tmp_path: Path) -> None:
    for kind, told in SHIPPED.items():
        entries = indent(settled(blocks(page_of(kind), "yaml")[0], tmp_path), "    ")
        node = "nodes:\n  - name: archive\n    host: h\n    port: 1\n    ae_title: A\n    checks:\n"
        path = tmp_path / f"{kind}.yml"
        sections = "hours: {clinic: {days: mon-fri}}\nscp: {}\n"
        path.write_text(sections + (node + entries if told["needs"] else f"checks:\n{entries}"))
        assert config.load(path).warnings == ()


def test_the_maintenance_for_tonight_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    node = "nodes: [{name: archive, host: h, checks: [{tcp: {port: 1}}]}]\n"
    path.write_text(node + block(OPERATIONS, "yaml", "tonight"))
    assert config.load(path).agent.maintenance[0].for_ == 4 * 3600


def test_what_orthanc_is_told_lets_ingest_through(start_orthanc: StartOrthanc, tmp_path: Path) -> None:
    import json

    told = json.loads(block(CHECKS, "json", "DicomModalities"))
    strict = {f"DicomAlwaysAllow{what}": False for what in ("Echo", "Store", "Find", "Get")}
    orthanc = start_orthanc(**strict, **told)
    text = f"""
data_dir: {tmp_path / "data"}
nodes:
  - name: archive
    host: 127.0.0.1
    port: {orthanc.dicom_port}
    ae_title: ORTHANC
    checks: [c_echo, c_find, {{ingest: {{write: true, delete: {{orthanc: "http://127.0.0.1:{orthanc.http_port}"}}}}}}]
"""
    path = tmp_path / "c.yml"
    path.write_text(text)
    (tmp_path / "data").mkdir()
    State(tmp_path / "data/state.db", "main").close()  # as an agent leaves it
    command = [sys.executable, "-m", "pacs_monitor", "probe", "archive", "-c", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    if "the worker ended while the check ran" in done.stdout:  # the machine was so busy that it seemed to hang
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert orthanc.get("/studies") == []


def promtool_check_rules(folder: Path, text: str) -> None:
    path = folder / "rules.yml"
    path.write_text(text)
    command = [program("promtool", "prometheus"), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_every_query(tmp_path: Path) -> None:
    queries = blocks(METRICS, "promql")
    assert len(queries) > 5
    rules = "".join(
        f"  - record: query:{number}\n    expr: |\n      {query.strip().replace(chr(10), chr(10) + '      ')}\n"
        for number, query in enumerate(queries)
    )
    promtool_check_rules(tmp_path, f"groups:\n- name: queries\n  rules:\n{rules}")


# A running agent agrees.

EVERYTHING = """
hours: {always: {}}
maintenance: [{name: now, on: 2026-01-01, for: 99999d, reason: for ever}]
nodes:
  - name: archive
    host: 127.0.0.1
    port: PORT
    ae_title: A
    checks: [{c_echo: {interval: 1s, down_after: 1}}]
checks:
  - disk: {path: /, interval: 1s}
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    folder = tmp_path_factory.mktemp("agent")
    with run_agent(folder, EVERYTHING.replace("PORT", str(free_port()))) as running:
        running.wait_for(lambda: running.value("pacs_check_healthy", node="archive") == 0)
        running.wait_for(lambda: running.value("pacs_check_healthy", kind="disk") == 1)
        yield running


def test_the_tables_hold_each_metric_with_its_type_and_labels(agent: RunningAgent) -> None:
    exported = dict(re.findall(r"^# TYPE (pacs_\w+) (\w+)$", agent.get("/metrics").text, re.MULTILINE))
    assert {"pacs_check_failure_info", "pacs_check_suppression_info", "pacs_check_threshold"} <= set(exported)
    for told in SHIPPED.values():
        exported |= {metric["name"]: metric["type"] for metric in told["metrics"]}
    rows = re.findall(r"^\| `(pacs_\w+)` \| (\w+) \|(.*?)\| .+ \|$", read(METRICS), re.MULTILINE)
    assert {name: kind for name, kind, _ in rows} == exported
    labels = {name: set(re.findall(r"`(\w+)`", told)) for name, _, told in rows}
    for told in SHIPPED.values():
        assert [one for one in told["metrics"] if labels[one["name"]] != set(one["labels"])] == []


def test_queries_name_only_metrics_that_there_are() -> None:
    rows = re.findall(r"^\| `(pacs_\w+)` \| (\w+)", read(METRICS), re.MULTILINE)
    known = {name for name, _ in rows} | {f"{name}_bucket" for name, kind in rows if kind == "histogram"}
    examples = "\n".join(text for page in PAGES for text in (*blocks(str(page.relative_to(ROOT)), "promql"),))
    assert set(re.findall(r"\bpacs_\w+", examples)) <= known


def test_what_the_page_says_of_series_for_one_node_is_so(agent: RunningAgent) -> None:
    most = int(re.findall(r"at most (\d+) series", read(METRICS))[0])
    assert 10 < sum('node="archive"' in series for series in agent.metrics()) <= most


def test_state_is_backed_up_as_shown_while_the_agent_runs(agent: RunningAgent, tmp_path: Path) -> None:
    command = block(OPERATIONS, "sh", "backup(").replace("\\\n", " ")
    copy = tmp_path / "copy.db"
    command = command.replace("/var/lib/pacs-monitor/state.db", str(agent.folder / "data/state.db"))
    command = command.replace("/var/backups/pacs-monitor.db", str(copy)).replace("python3", sys.executable, 1)
    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=150)
    with sqlite3.connect(copy) as connection:
        rows = connection.execute("SELECT node, healthy FROM confirmed WHERE node = 'archive'").fetchall()
    connection.close()
    assert rows == [("archive", 0)]


def test_the_control_socket_reloads_as_shown(agent: RunningAgent) -> None:
    import httpx

    (line,) = [line for line in block(OPERATIONS, "sh", "curl").splitlines() if line.startswith("curl")]
    assert "--unix-socket /var/lib/pacs-monitor/control.sock -X POST http://localhost/-/reload" in line
    socket = agent.folder / "data/control.sock"
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket))) as client:
        assert client.post("http://localhost/-/reload").text == "the configuration is reloaded\n"
    assert socket.stat().st_mode & 0o777 == 0o600
    assert (agent.folder / "data/state.db").stat().st_mode & 0o777 == 0o600


def test_the_paths_that_security_tells_of_are_all_there_are(agent: RunningAgent) -> None:
    from pacs_monitor.web.app import create_app

    told = section(SECURITY, "Who may ask") + section(CONFIGURATION, "health")
    source = Path(sys.modules[create_app.__module__].__file__ or "").read_text()
    for path in re.findall(r'Route\("([^"]+)"', source):
        shown = re.sub(r"\{name\}|\{node\}", "NODE", path)
        shown = re.sub(r"\{(site|token|alert)\}", lambda name: name[1].upper(), shown)
        shown = shown.replace("{check}", "CHECK").replace("{key}/{value:path}", "KEY/VALUE")
        names = {shown, shown.replace("NODE", "NAME")}
        assert any(f"{name}`" in told for name in names), path
    assert agent.get("/-/healthy").status_code == 200


# The service.


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = read("deploy/pacs-monitor.service")
    if analyze := shutil.which("systemd-analyze"):
        copy = tmp_path / "pacs-monitor.service"
        copy.write_text(unit.replace("/opt/pacs-monitor/venv/bin/pacs-monitor", "/bin/true"))
        done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, timeout=150, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert "run --config /etc/pacs-monitor/pacs-monitor.yml" in unit
    assert "\nProtectSystem=full\n" in unit  # strict makes every disk look read-only
    assert "\nUser=pacs-monitor\n" in unit
