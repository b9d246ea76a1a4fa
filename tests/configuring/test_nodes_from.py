from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pacs_monitor.config import load
from pacs_monitor.loader import load_folders
from pacs_monitor.node import Node
from pacs_monitor.settings import ConfigError

KINDS, _ = load_folders([Path(__file__).parents[1] / "data/checks"])
COLUMNS = "columns: {name: Device, host: IP, port: Port, ae_title: AET, labels.modality: Type}"

Load = Callable[..., dict[str, Node]]


@pytest.fixture
def nodes(tmp_path: Path) -> Callable[..., dict[str, Node]]:
    def load_table(table: str | bytes, settings: str = COLUMNS, top: str = "", file: str = "m.csv") -> dict[str, Node]:
        (tmp_path / file).write_bytes(table if isinstance(table, bytes) else table.encode())
        path = tmp_path / "pacs-monitor.yml"
        path.write_text(f"{top}nodes_from:\n  - file: {file}\n    {settings}\n")
        return load(path, KINDS).nodes

    return load_table


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_way_in_which_spreadsheets_write_csv_reads_the_same(
    nodes: Load, separator: str, mark: bytes, end: str
) -> None:
    rows = [
        ["Device", "IP", "Port", "AET", "Type"],
        ["ct1", "10.1.1.1", "104", "NO", "CT"],
        ["mr1", "mr", "", "0123", ""],
    ]
    table = end.join(separator.join(row) for row in rows) + end
    found = nodes(mark + table.encode())
    assert [(node.name, node.host, node.port, node.ae_title, node.labels) for node in found.values()] == [
        ("ct1", "10.1.1.1", 104, "NO", {"modality": "CT"}),
        ("mr1", "mr", None, "0123", {}),
    ]


def test_quoted_cells_may_hold_separators_and_quotes(nodes: Load) -> None:
    found = nodes('name,host,notes\n"ct1",h,"Call ""Ann"", room 3"\n', "columns: {}")
    assert found["ct1"].notes == 'Call "Ann", room 3'


def test_empty_rows_are_skipped_and_cells_are_trimmed(nodes: Load) -> None:
    found = nodes("\n;;\nname;host;notes\n;;\n ct1 ; h ;\n\n ; ; \nct2;h;x\n", "columns: {}")
    assert {name: node.notes for name, node in found.items()} == {"ct1": "", "ct2": "x"}


def test_without_columns_the_header_names_the_settings(nodes: Load, tmp_path: Path) -> None:
    found = nodes("name,host,role,labels.room,Comment\nct1,h,modality,3,x\n", "columns: {}")
    assert (found["ct1"].role, found["ct1"].labels) == ("modality", {"room": "3"})
    last = str(load(tmp_path / "pacs-monitor.yml", KINDS).warnings[-1])
    assert last.startswith(f"{tmp_path}/m.csv:1: Comment: the column is not used; there is ae_title, calling_ae_title,")


def test_a_row_overrides_the_defaults_and_an_empty_cell_does_not(nodes: Load) -> None:
    top = "profiles: {ct: {port: 11112, checks: [greet]}}\n"
    settings = "defaults: {profile: ct, importance: low, ae_title: ANY, labels: {floor: '1', wing: w}}"
    table = "name,host,port,ae_title,importance,labels.floor\nct1,h,104,CT1,critical,2\nct2,h,,,,\n"
    one, two = nodes(table, settings, top).values()
    assert (one.port, one.ae_title, one.importance, one.labels) == (104, "CT1", "critical", {"floor": "2", "wing": "w"})
    assert (two.port, two.ae_title, two.importance, two.labels) == (11112, "ANY", "low", {"floor": "1", "wing": "w"})
    assert two.role == "ct"


def test_a_cell_may_hold_several_names(nodes: Load) -> None:
    top = "profiles: {ct: [greet], dose: [deposit]}\nnodes: [{name: sw1}, {name: sw2}]\n"
    table = "name;host;port;ae_title;profile;reached_through\nct1;h;104;CT1;ct dose;sw1, sw2\n"
    ct1 = nodes(table, "columns: {}", top)["ct1"]
    assert (ct1.role, ct1.reached_through) == ("ct", ("sw1", "sw2"))


def test_a_value_in_a_table_is_taken_as_typed(nodes: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_", "x")
    assert nodes("name,notes\nct1,${HOME_}\n", "columns: {}")["ct1"].notes == "${HOME_}"


def test_a_yaml_list_of_nodes_may_hold_all_that_nodes_may(nodes: Load) -> None:
    table = "- {name: ct1, host: h, tls: {verify: false}, checks: [deposit: {interval: 1h}]}\n- name: ct2\n"
    found = nodes(table, "defaults: {importance: low}", file="m.yml")
    assert found["ct1"].tls is not None
    assert [node.importance for node in found.values()] == ["low", "low"]


def test_defaults_may_hold_checks_that_a_node_changes(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text("- {name: a, host: h, checks: [deposit: {down_after: 5}]}\n- {name: b, host: h}\n")
    path = tmp_path / "c.yml"
    path.write_text("nodes_from: [{file: m.yml, defaults: {checks: [deposit: {interval: 1h}]}}]\n")
    checks = load(path, KINDS).checks
    assert checks["a", "deposit"].settings == {"interval": "1h", "down_after": "5", "name": "deposit"}
    assert checks["b", "deposit"].settings == {"interval": "1h", "name": "deposit"}


def test_every_bad_row_is_told_with_its_line_and_column(nodes: Load, tmp_path: Path) -> None:
    table = 'Device,IP,Port,AET,Type\nct1,"a\nb",104,A,\nct2,h,x,A,\nct2,h,104,A,\nct4,h,104,AN_AE_TITLE_TOO_LONG,\n'
    with pytest.raises(ConfigError) as mistakes:
        nodes(table)
    assert [str(told).replace(f"{tmp_path}/", "") for told in mistakes.value.complaints] == [
        "m.csv:2: IP: holds the control character '\\n' at position 2; remove it",
        "m.csv:4: Port: x is not a TCP port (1 to 65535)",
        "m.csv:5: Device: ct2 is also the node in m.csv:4; rename one of the two",
        "m.csv:6: AET: AN_AE_TITLE_TOO_LONG has 20 characters; an AE title has at most 16",
    ]


def test_the_file_of_nodes_is_one_whose_change_counts(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("name\nct1\n")
    path = tmp_path / "c.yml"
    path.write_text("nodes_from: [{file: m.csv}]\n")
    assert load(path, KINDS).files == (path, tmp_path / "m.csv")
