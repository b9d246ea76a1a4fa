"""Which routes an alert takes, and `pacs-monitor test routes`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pacs_monitor.__main__ import app
from pacs_monitor.routing.definitions import Route
from pacs_monitor.routing.tree import group_labels, matching
from tests.routing.reading import good

TREE = """
route:
  receiver: default
  routes:
  - matchers: [severity="critical"]
    receiver: pager
    routes:
    - {matchers: [site="north"], receiver: north}
    - {matchers: [site=~"s.*"], receiver: south, continue: true}
    - {matchers: [night=""], receiver: day}
  - {matchers: [severity=~"warning|info"], receiver: mail, continue: true}
  - {matchers: [site!=""], receiver: log}
receivers: [{name: default}, {name: pager}, {name: north}, {name: south}, {name: day}, {name: mail}, {name: log}]
"""


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({}, ["default"]),
        ({"severity": "critical", "site": "north"}, ["north"]),
        ({"severity": "critical", "site": "south"}, ["south", "day"]),
        ({"severity": "critical", "site": "south", "night": "1"}, ["south"]),
        ({"severity": "critical", "night": "1"}, ["pager"]),
        ({"severity": "warning"}, ["mail"]),
        ({"severity": "warning", "site": "north"}, ["mail", "log"]),
        ({"severity": "other", "site": "north"}, ["log"]),
        ({"severity": "criticality"}, ["default"]),
    ],
)
def test_an_alert_takes_the_first_child_that_matches_and_more_after_continue(
    labels: dict[str, str], told: list[str], tmp_path: Path
) -> None:
    assert [route.receiver for route in matching(good(TREE, tmp_path).route, labels)] == told


def test_alerts_are_grouped_by_those_of_the_labels_that_they_have() -> None:
    labels = {"a": "1", "b": ""}
    assert group_labels(Route("r", group_by=("a", "b", "c")), labels) == labels
    assert group_labels(Route("r", group_by=("c",)), labels) == {}
    assert group_labels(Route("r"), labels) == {}
    assert group_labels(Route("r", group_by=("c",), group_all=True), labels) == labels


def ask(*words: str) -> tuple[int, str, str]:
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["test", "routes", *words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "am.yml"
    path.write_text(TREE)
    return str(path)


def test_the_command_says_who_is_told(file: str) -> None:
    assert ask("--routes", file, "severity=warning", 'site="north"') == (0, "mail,log\n", "")
    assert ask("--routes", file) == (0, "default\n", "")


def test_the_command_fails_if_others_are_told_than_was_said(file: str) -> None:
    assert ask("--routes", file, "--verify-receivers", "mail,log", "severity=info", "site=x")[0] == 0
    assert ask("--routes", file, "--verify-receivers", "log,mail", "severity=info", "site=x") == (
        1,
        "mail,log\nWARNING: Expected receivers did not match resolved receivers.\n",
        "",
    )


def test_the_command_draws_all_routes_or_those_of_an_alert(file: str) -> None:
    status, out, _ = ask("--routes", file, "--tree")
    assert status == 0
    assert out.splitlines()[:5] == [
        "Routing tree:",
        ".",
        "└── default-route  receiver: default",
        '    ├── {severity="critical"}  receiver: pager',
        '    │\u00a0\u00a0 ├── {site="north"}  receiver: north',
    ]
    assert ask("--routes", file, "--tree", "severity=info") == (
        0,
        'Matching routes:\n.\n└── default-route\n    └── {severity=~"warning|info"}  receiver: mail\n\n\nmail\n',
        "",
    )


def test_what_is_no_label_is_told(file: str) -> None:
    status, _, err = ask("--routes", file, "severity")
    assert (status, err) == (
        1,
        'severity is no matcher; write a label, an operator and a value: alertname="Down" or node=~"ct.*"\n',
    )
    status, _, err = ask("--routes", file, "severity!=x")
    assert (status, err) == (1, "severity!=x gives a label no value; write severity=x\n")


def test_the_routes_of_a_configuration_are_asked_and_its_secrets_need_not_be_here(file: str, tmp_path: Path) -> None:
    config = tmp_path / "pacs-monitor.yml"
    config.write_text(f"site: north\ndata_dir: {tmp_path}/state\nalerting: {{routes: {file}}}\n")
    assert ask("-c", str(config), "severity=warning") == (0, "mail\n", "")
    config.write_text(f"site: north\ndata_dir: {tmp_path}/state\n")
    status, _, err = ask("-c", str(config))
    assert status == 1
    assert "nobody is told of alerts; add notify or alerting.routes, or give --routes" in err
    path = Path(file)
    path.write_text("route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url_file: elsewhere}]}]\n")
    assert ask("--routes", file) == (0, "r\n", "")
    path.write_text("route: {receiver: r}\n")
    assert ask("--routes", file) == (1, "", f"{file}:1: route.receiver: there is no receiver r; there is none yet\n")
