from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.configuring import yamltree
from pacs_monitor.configuring.tree import Items, Map, Scalar, plain
from pacs_monitor.configuring.yamltree import Document


def read(text: str, **environment: str) -> Document:
    return yamltree.read_string(text, "f.yml", environment)


def complaints(text: str, **environment: str) -> list[str]:
    return [str(complaint) for complaint in read(text, **environment).complaints]


def data(text: str, **environment: str) -> object:
    document = read(text, **environment)
    assert document.complaints == []
    return plain(document.root)


def test_scalars_stay_as_they_are_typed() -> None:
    assert data("a: NO\nb: 0123\nc: 22:00\nd: 1e3\ne: 0x1F\nf: yes\ng: 2026-01-01\nh: 1_000") == {
        "a": "NO", "b": "0123", "c": "22:00", "d": "1e3", "e": "0x1F", "f": "yes", "g": "2026-01-01", "h": "1_000",
    }  # fmt: skip


def test_null_is_nothing_and_quoted_null_is_a_text() -> None:
    assert data("a: null\nb: ~\nc:\nd: 'null'\ne: \"\"\nf: Null") == {
        "a": None, "b": None, "c": None, "d": "null", "e": "", "f": None,
    }  # fmt: skip


def test_each_value_knows_its_line_and_path() -> None:
    root = read("nodes:\n  - name: a\n    port:\n      104\n  - {name: b}\nsite:\n").root
    assert isinstance(root, Map)
    nodes, site = root.get("nodes"), root.get("site")
    assert isinstance(nodes, Items)
    assert isinstance(nodes.items[0], Map)
    assert isinstance(site, Scalar)
    port = nodes.items[0].entries["port"]
    assert (port.line, port.value.line, port.value.path) == (3, 4, "nodes[0].port")
    assert (site.line, site.text) == (6, None)
    assert (nodes.items[1].line, nodes.items[1].path) == (5, "nodes[1]")


def test_an_alias_is_the_value_at_its_anchor() -> None:
    root = read("a: &x {b: 1}\nc: *x\n").root
    assert isinstance(root, Map)
    assert root.get("a") is root.get("c")


def test_merge_keys_give_way_to_what_is_written_beside_them() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\nd: {<<: *b}\ne: {'<<': no merge}\n"
    root = data(text)
    assert isinstance(root, dict)
    assert root["c"] == {"x": "9", "y": "2", "z": "4"}
    assert root["d"] == {"y": "3", "z": "4"}
    assert root["e"] == {"<<": "no merge"}


def test_a_merged_setting_keeps_the_line_where_it_was_written() -> None:
    root = read("a: &a\n  x: 1\nb:\n  <<: *a\n").root
    assert isinstance(root, Map)
    b = root.get("b")
    assert isinstance(b, Map)
    assert b.entries["x"].line == 2


def test_a_key_that_stands_twice_is_told_with_both_lines() -> None:
    assert complaints("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n") == [
        "f.yml:4: b.c: stands here for the second time, first in line 3; remove one of them",
        "f.yml:5: a: stands here for the second time, first in line 1; remove one of them",
    ]


def test_variables_are_replaced_inside_any_text() -> None:
    text = 'a: ${USER_}@${HOST_}\nb: "x ${HOST_}"\nc: $${HOST_} $HOST_ $\n${HOST_}: key\n'
    assert data(text, USER_="me", HOST_="pc") == {
        "a": "me@pc",
        "b": "x pc",
        "c": "${HOST_} $HOST_ $",
        "${HOST_}": "key",
    }


def test_a_variable_gives_text_whatever_it_holds() -> None:
    assert data("a: ${V}\nb: ${E}\n", V="null", E="") == {"a": "null", "b": ""}
    assert data("a: ${V}", V="{b: ${V}}") == {"a": "{b: ${V}}"}


def test_a_value_from_the_environment_is_known_as_one() -> None:
    document = read("a: x${V}", V="secret")
    assert document.hidden == {"secret": "${V}"}
    root = document.root
    assert isinstance(root, Map)
    value = root.get("a")
    assert isinstance(value, Scalar)
    assert value.variable == "V"


def test_a_variable_that_is_not_set_or_not_well_formed_is_a_complaint() -> None:
    assert complaints("a: ${NONE}\nb: ${A-B}\nc: ${OPEN\n") == [
        "f.yml:1: a: the environment variable NONE is not set; set it, or write $${ for a literal ${",
        "f.yml:2: b: ${A-B} is not of the form ${NAME}; write $${ for a literal ${",
        "f.yml:3: c: ${OPEN is not of the form ${NAME}; write $${ for a literal ${",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\n- c\n", "2: does not fit the lines above; check the indentation, and the quotes if there are any"),
        (" a: 1\nb: 2\n", "2: does not fit the lines above; check the indentation"),
        ("a: - b\n", "1: holds a '- ' where none can stand; begin the list on the next line"),
        ("a: @b\n", "1: begins a text with @, which has a meaning in YAML; put the text in quotes"),
        ("a: {b: 1,\nc: 2\n", "1: opens a bracket that is not closed; close it with }"),
        ("a: {b: [1], c: {}}\nd:\n  e: [\n\n", "3: opens a bracket that is not closed; close it with ]"),
        ("a: [b,\n  {c: \n", "2: opens a bracket that is not closed; close it with }"),
        ("a: [b]]\n", "1: holds a ] that nothing opened; remove it"),
        ('a: "\\q"\n', "1: holds a backslash in double quotes; write \\\\ for one backslash, or use single quotes"),
        ("a:\n  b\nc\n", "3: is a line without ':'; write `setting: value`"),
        (": a\n", "1: has a ':' without the name of a setting before it"),
        ("? [a]\n: b\n", "1: has a list or mapping where the name of a setting belongs"),
        ("a: !!python/object:os.system x\n", "1: a: the tag !!python/object:os.system has no meaning here; remove it"),
        ("a: *b\n", "1: *b refers to no anchor; write &b where its value is"),
        ("a: &a [*a]\n", "1: *a refers to a value that it is a part of; remove it"),
        ("a: {<<: b}\n", "1: << takes a mapping or a list of mappings; write <<: *anchor"),
        ("[" * 60, "1: is nested more than 50 levels deep"),
        ("%YAML 3.0\n---\na: 1\n", "1: is not YAML; check this line and the one above"),
        ("", "1: is empty; write its settings into it"),
        ("# a comment\n---\n...\n", "1: is empty; write its settings into it"),
    ],
)
def test_malformed_yaml_is_one_plain_sentence(text: str, message: str) -> None:
    assert complaints(text) == [f"f.yml:{message}"]


def test_aliases_of_aliases_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert complaints("\n".join(lines)) == ["f.yml:7: its aliases stand for more than 2,000,000 values; use fewer"]


def test_merge_keys_of_merge_keys_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 {k0: x}"] + [f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: x}}" for n in range(1, 2500)]
    assert complaints("\n".join(lines)) == ["f.yml:2001: its aliases stand for more than 2,000,000 values; use fewer"]


def test_deep_nesting_is_refused_before_it_costs_time() -> None:
    # Reading all of it would take many minutes.
    assert complaints("[" * 1_000_000) == ["f.yml:1: is nested more than 50 levels deep"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a: 1\nb: \xff\n", ":2: is not UTF-8; save the file with the encoding UTF-8"),
        ("a: ü\n".encode("utf-16"), ":1: is not UTF-8; save the file with the encoding UTF-8"),
        (b"a: 1\nb: x\x00\n", ":2: holds the control character '\\x00' in column 5; remove it"),
        (b"a: \x1b[0m\n", ":1: holds the control character '\\x1b' in column 4; remove it"),
        (b"a: " + b"x" * (16 * 1024 * 1024), ": is larger than 16384 KiB; split it, or check the name"),
    ],
)
def test_what_is_no_text_is_told_with_its_line(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(raw)
    assert [str(complaint) for complaint in yamltree.read(path).complaints] == [f"{path}{message}"]


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: NO\r\n")
    assert plain(yamltree.read(path).root) == {"a": "1", "b": "NO"}


def test_a_file_that_is_not_there_is_a_complaint(tmp_path: Path) -> None:
    missing = yamltree.read(tmp_path / "none.yml").complaints
    assert [complaint.message for complaint in missing] == ["there is no such file; check the name"]
    wanted = yamltree.read(tmp_path / "none.yml", missing="write it").complaints
    assert [complaint.message for complaint in wanted] == ["there is no such file; write it"]
    folder = yamltree.read(tmp_path).complaints
    assert [complaint.message for complaint in folder] == ["is a folder; name a file"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\tb\t\n", {"a": "b"}),
        ("a: b\t# c\n", {"a": "b"}),
        ("a: b\tc\n", {"a": "b\tc"}),
        ("a: b\n \tc\t\n  d\n", {"a": "b c d"}),
        ("a: b\n \t\n  c\n", {"a": "b\nc"}),
        ("a: b\n\n \t\n \t\n  c\n", {"a": "b\n\n\nc"}),
        ("a: 'b'\t\nc: [d\t,\te]\t\n", {"a": "b", "c": ["d", "e"]}),
    ],
)
def test_tabs_may_stand_around_a_text(text: str, value: object) -> None:
    assert data(text) == value


@pytest.mark.parametrize("text", ["\ta: b\n", "a:\n\tb: c\n", "a: b\n\tc\n", "a:\n  b: c\n\td: e\n", "a:\n-\tb: c\n"])
def test_a_tab_indents_nothing(text: str) -> None:
    (complaint,) = complaints(text)
    assert "holds a tab where only spaces may stand; indent with spaces" in complaint
