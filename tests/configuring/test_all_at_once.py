"""Each mistake is told in one go with all others, and none that only follows from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.config import load
from pacs_monitor.loader import load_folders
from pacs_monitor.settings import ConfigError

KINDS, _ = load_folders([Path(__file__).parents[1] / "data/checks"])
FULL = "host: h, port: 104, ae_title: A"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def complaints(text: str, **files: str) -> list[str]:
    for name, content in files.items():
        Path(name.replace("__", ".")).write_text(content)
    Path("c.yml").write_text(text)
    with pytest.raises(ConfigError) as mistakes:
        load(Path("c.yml"), KINDS)
    return [str(complaint) for complaint in mistakes.value.complaints]


def places(text: str, **files: str) -> list[str]:
    return [": ".join(told.split(": ")[:2]) for told in complaints(text, **files)]


MANY = """\
sit: north
time_zone: Mars
web:
  listn: 127.0.0.1:9811
  allow_from: [10.0.3.1/24]
hours:
  clinic: {from: noon, holidays: XX}
profiles:
  archive:
    - greet: {interval: 15}
    - nope: {}
  unused:
    hours: never
    reached_through: [nobody]
    labels: {job: x}
    checks: [deposit: {wirte: true}]
nodes:
  - name: a
    host: http://x
    hours: clinic
    profile: archive
    checks:
      - space: {path: /}
      - deposit: {write: perhaps}
  - name: a
    port: 70000
    reached_through: [nobody]
  - {name: b, host: h, checks: [greet: {slwo: 1s}]}
nodes_from:
  - file: n.csv
    colums: {name: Device}
    defaults: {importnce: low, checks: [deposit: {down_after: 0}]}
checks:
  - greet: {slwo: 1s}
  - space: {path: /, free_warning: 200%}
health:
  require: [critical]
  min_healthy: {rolle=archive: 0}
maintenance:
  - {name: p, for: x, days: sun, on: 2026-01-01}
  - {name: p, for: 0s, nodes: [nobody]}
self_check: {nods: [a], nodes: [nobody]}
metrics: {x: 1, labels: [site]}
"""


def test_mistakes_of_all_kinds_are_told_in_one_go_in_the_order_of_the_file_each_once() -> None:
    assert places(MANY, n__csv="Device,port\nct1,70000\n") == [
        "c.yml:1: sit",
        "c.yml:2: time_zone",
        "c.yml:4: web.listn",
        "c.yml:5: web.allow_from[0]",
        "c.yml:7: hours.clinic.from",
        "c.yml:7: hours.clinic.holidays",
        "c.yml:10: profiles.archive.greet.interval",
        "c.yml:11: profiles.archive.nope",
        "c.yml:13: profiles.unused.hours",
        "c.yml:14: profiles.unused.reached_through[0]",
        "c.yml:15: profiles.unused.labels.job",
        "c.yml:16: profiles.unused.checks.deposit.wirte",
        "c.yml:18: nodes[0].port",
        "c.yml:18: nodes[0].ae_title",
        "c.yml:19: nodes[0].host",
        "c.yml:23: nodes[0].checks.space",
        "c.yml:24: nodes[0].checks.deposit.write",
        "c.yml:25: nodes[1].name",
        "c.yml:26: nodes[1].port",
        "c.yml:27: nodes[1].reached_through[0]",
        "c.yml:28: nodes[2].checks.greet.slwo",
        "c.yml:28: nodes[2].port",
        "c.yml:28: nodes[2].ae_title",
        "c.yml:31: nodes_from[0].colums",
        "c.yml:32: nodes_from[0].defaults.importnce",
        "c.yml:32: nodes_from[0].defaults.checks.deposit.down_after",
        "c.yml:34: checks.greet",
        "c.yml:34: checks.greet.slwo",
        "c.yml:35: checks.space.free_warning",
        "c.yml:37: health.require[0]",
        "c.yml:38: health.min_healthy.rolle=archive",
        "c.yml:40: maintenance[0].for",
        "c.yml:40: maintenance[0]",
        "c.yml:41: maintenance[1].for",
        "c.yml:41: maintenance[1]",
        "c.yml:41: maintenance[1].nodes[0]",
        "c.yml:41: maintenance[1].name",
        "c.yml:42: self_check.nods",
        "c.yml:42: self_check.nodes[0]",
        "c.yml:43: metrics.x",
        "c.yml:43: metrics.labels[0]",
        "n.csv:2: port",
    ]


def row(mistake: str, text: str, *places: str, **files: str) -> Any:
    return pytest.param(text, list(places), files, id=mistake)


ALONE = [
    row(
        "wrong hours that a node has",
        "hours: {clinic: {from: noon}}\nnodes: [{name: a, hours: clinic}]\n",
        "c.yml:1: hours.clinic.from",
    ),
    row("hours as a list", "hours: [clinic]\nnodes: [{name: a, hours: clinic}]\n", "c.yml:1: hours"),
    row("profiles as a list", "profiles: [ct]\nnodes: [{name: a, profile: ct}]\n", "c.yml:1: profiles"),
    row("a misspelt section", "profils: {ct: [greet]}\nnodes: [{name: a, profile: ct}]\n", "c.yml:1: profils"),
    row(
        "a misspelt section of files",
        "node_from: [{file: n.csv}]\nnodes: [{name: a, reached_through: [b]}]\n",
        "c.yml:1: node_from",
    ),
    row(
        "a section that stands twice",
        "nodes: [{name: a, sends_to: [b]}]\nsite: x\nnodes: [{name: b, port: 0}]\n",
        "c.yml:3: nodes",
        "c.yml:3: nodes[0].port",
    ),
    row(
        "a file of nodes that is missing",
        "nodes_from: [{file: n.csv}]\nnodes: [{name: a, reached_through: [b]}]\nself_check: {nodes: [b]}\n"
        "health: {require: [floor=1], min_healthy: {role=archive: 2}}\n",
        "c.yml:1: nodes_from[0].file",
    ),
    row(
        "a file of nodes that is malformed",
        "nodes_from: [{file: n.yml}]\nnodes: [{name: a, reached_through: [b, c]}]\n",
        "c.yml:2: nodes[0].reached_through[1]",
        "n.yml:1",
        n__yml="- {name: b\n",
    ),
    row(
        "a row that is too long",
        "nodes_from: [{file: n.csv}]\nnodes: [{name: a, reached_through: [b, c]}]\n",
        "c.yml:2: nodes[0].reached_through[1]",
        "n.csv:2: has 3 columns, but the header has 2; put text with ',' in quotes",
        n__csv="name,notes\nb,x,y\n",
    ),
    row("a node that is none", "nodes: [b, {name: a, reached_through: [b]}]\n", "c.yml:1: nodes[0]"),
    row("nodes as a mapping", "nodes: {a: {host: h}}\nself_check: {nodes: [a]}\n", "c.yml:1: nodes"),
    row("a name that is misspelt", "nodes: [{nam: a}, {name: b, reached_through: [a]}]\n", "c.yml:1: nodes[0].nam"),
    row(
        "a misspelt setting that a check needs",
        "nodes: [{name: a, hots: h, port: 104, ae_title: A, checks: [greet]}]\n",
        "c.yml:1: nodes[0].hots",
    ),
    row(
        "a wrong setting that a check needs",
        "nodes: [{name: a, host: h, port: 0, ae_title: A, checks: [greet]}]\n",
        "c.yml:1: nodes[0].port",
    ),
    row(
        "a wrong label that a section names",
        "nodes: [{name: a, labels: {floor: [1]}}]\nhealth: {require: [floor=1]}\nmetrics: {labels: [floor]}\n",
        "c.yml:1: nodes[0].labels.floor",
    ),
    row(
        "wrong nodes where a number of them must be healthy",
        "nodes: [{name: a, role: x}, {name: b, role: x y}]\nhealth: {min_healthy: {role=x: 2}}\n",
        "c.yml:1: nodes[1].role",
    ),
    row(
        "a profile that does not exist",
        "nodes: [{name: a, profile: ct, checks: [greet: null, late: {slow: 1s}, greet: {slow: 1s}]}]\n",
        "c.yml:1: nodes[0].profile",
    ),
    row(
        "a profile's checks as a text",
        f"profiles: {{p: greet}}\nnodes: [{{name: a, {FULL}, profile: p, checks: [greet: null]}}]\n",
        "c.yml:1: profiles.p",
    ),
    row(
        "a check in a profile that is not indented",
        f"profiles: {{p: [{{greet: , name: late}}]}}\n"
        f"nodes: [{{name: a, {FULL}, profile: p, checks: [greet: null, late: {{slow: 1s}}]}}]\n",
        "c.yml:1: profiles.p[0]",
    ),
    row(
        "a kind in a profile that does not exist, and what a node makes of it",
        f"profiles: {{p: [grt: {{name: late}}]}}\n"
        f"nodes: [{{name: a, {FULL}, profile: p, checks: [late: {{slow: 1s}}]}}]\n",
        "c.yml:1: profiles.p.grt",
    ),
    row(
        "a folder of checks that does not exist",
        "check_dirs: [mine]\nchecks: [own: {}, spce: {}]\n",
        "c.yml:1: check_dirs[0]",
        "c.yml:2: checks.spce: there is no check of this kind; did you mean space?",
    ),
    row(
        "columns that are none",
        "nodes_from: [{file: n.csv, columns: {name: Device, host: IPs}, defaults: {port: 104, ae_title: A,\n"
        "  checks: [greet]}}]\n",
        "c.yml:1: nodes_from[0].columns.host",
        n__csv="Device,IP\nct1,h\n",
    ),
    row(
        "a column of names that is not there",
        "nodes_from: [{file: n.csv, columns: {name: Devce, port: Port}}]\nself_check: {nodes: [ct1]}\n",
        "c.yml:1: nodes_from[0].columns.name",
        "n.csv:2: Port",
        n__csv="Device,Port\nct1,0\n",
    ),
    row(
        "columns as a list",
        "nodes_from: [{file: n.csv, columns: [name]}]\nself_check: {nodes: [ct1]}\n",
        "c.yml:1: nodes_from[0].columns",
        n__csv="Device,Port\nct1,104\n",
    ),
    row(
        "defaults as a list",
        "nodes_from: [{file: n.yml, defaults: [a]}]\n",
        "c.yml:1: nodes_from[0].defaults",
        n__yml="- {name: a, checks: [greet]}\n",
    ),
    row(
        "misspelt tls beyond loopback",
        "web: {listen: '0.0.0.0:1', tsl: {}, bearer_tokn_file: x}\n",
        "c.yml:1: web.tsl",
        "c.yml:1: web.bearer_tokn_file",
    ),
    row(
        "a token's file that is missing, beyond loopback",
        "web: {listen: '0.0.0.0:1', tls: {cert_file: c, key_file: c}, bearer_token_file: t}\n",
        "c.yml:1: web.bearer_token_file",
        c="x",
    ),
    row("misspelt days", "maintenance: [{name: p, dys: sun, for: 1h}]\n", "c.yml:1: maintenance[0].dys"),
    row(
        "an interval of nothing beside a timeout",
        "checks: [space: {path: /, interval: 0s, timeout: 10s}]\n",
        "c.yml:1: checks.space.interval",
    ),
    row(
        "one listener with a wrong budget",
        "nodes: [{name: a, host: h, port: 1, max_associations: 2}, {name: b, host: h, port: 1, max_associations: x}]\n",
        "c.yml:1: nodes[1].max_associations",
    ),
]


@pytest.mark.parametrize(("text", "told", "files"), ALONE)
def test_nothing_is_told_that_only_follows(text: str, told: list[str], files: dict[str, str]) -> None:
    found = complaints(text, **files)
    assert len(found) == len(told), found
    assert [complaint.startswith(place) for complaint, place in zip(found, told, strict=True)] == [True] * len(told)


def test_a_wrong_node_hides_nothing_of_its_checks() -> None:
    assert complaints("nodes:\n  - name: a\n    host: http://x\n    checks:\n      - deposit: {down_after: 0}\n") == [
        "c.yml:3: nodes[0].host: 'http://x' is not a host; write a name or an address, without scheme, port or path",
        "c.yml:5: nodes[0].checks.deposit.down_after: 0 is too small; write 1 or more",
    ]


def test_a_second_node_of_one_name_is_looked_at_all_the_same() -> None:
    assert complaints("nodes:\n  - {name: a}\n  - {name: a, port: 0, checks: [nope: {}]}\n") == [
        "c.yml:3: nodes[1].name: a is also the node in c.yml:2; rename one of the two",
        "c.yml:3: nodes[1].port: 0 is not a TCP port (1 to 65535)",
        "c.yml:3: nodes[1].checks.nope: there is no check of this kind; there is deposit, greet, space",
    ]


def test_a_check_that_belongs_to_no_node_and_one_that_measures_a_node_are_told_beside_others() -> None:
    text = "nodes: [{name: a, port: 0, checks: [space: {path: /, free_warnin: 1}]}]\nchecks: [greet: {slow: never}]\n"
    assert complaints(text) == [
        "c.yml:1: nodes[0].port: 0 is not a TCP port (1 to 65535)",
        "c.yml:1: nodes[0].checks.space: space belongs to no node; move it to the section `checks`",
        "c.yml:1: nodes[0].checks.space.free_warnin: there is no such setting; did you mean free_warning?",
        "c.yml:2: checks.greet: greet measures a node; move it to the `checks` of a node or of a profile",
        "c.yml:2: checks.greet.slow: never is not a duration; write for example 15s, 5m or 1h30m",
    ]


def test_times_are_compared_also_where_another_setting_is_wrong() -> None:
    assert places("checks: [space: {interval: 10s, timeout: 1m, least: big}]\n") == [
        "c.yml:1: checks.space.path",
        "c.yml:1: checks.space.least",
        "c.yml:1: checks.space.timeout",
    ]
