from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.config import load
from pacs_monitor.loader import load_folders
from pacs_monitor.settings import ConfigError, Configuration

KINDS, _ = load_folders([Path(__file__).parents[1] / "data/checks"])
TWO = [
    {"targets": ["10.1.1.1:104", "10.1.1.2:104"], "labels": {"role": "modality", "vendor": "acme", "__meta_x": "y"}},
    {"targets": ["pacs:4242"], "labels": {"name": "archive", "ae_title": "NO", "job": "dicom"}},
]


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(
        self, listed: Any, more: str = "", *, file: str = "targets.json", named: str = "targets.json"
    ) -> Configuration:
        (self.folder / file).write_text(listed if isinstance(listed, str) else json.dumps(listed))
        path = self.folder / "pacs-monitor.yml"
        path.write_text(f"nodes_from:\n  - file_sd: {named}\n{more}")
        return load(path, KINDS)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    return Site(Path())


def told(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return [str(complaint) for complaint in error.value.complaints]


def test_targets_become_nodes_and_their_labels_settings_or_labels(site: Site) -> None:
    found = site.load(TWO)
    assert found.warnings == () or all("nothing is checked" in one.message for one in found.warnings)
    shown = [(one.name, one.host, one.port, one.ae_title, one.role, one.labels) for one in found.nodes.values()]
    assert shown == [
        ("10.1.1.1", "10.1.1.1", 104, None, "modality", {"vendor": "acme"}),
        ("10.1.1.2", "10.1.1.2", 104, None, "modality", {"vendor": "acme"}),
        ("archive", "pacs", 4242, "NO", "node", {}),
    ]


def test_columns_say_which_label_holds_which_setting_and_others_are_not_used(site: Site) -> None:
    listed = [{"targets": ["[fd00::1]:104"], "labels": {"device": "ct1", "aet": "CT1", "room": "3"}}]
    found = site.load(listed, "    columns: {name: device, ae_title: aet}\n    defaults: {importance: low}\n")
    (node,) = found.nodes.values()
    assert (node.name, node.host, node.ae_title, node.labels) == ("ct1", "fd00::1", "CT1", {})
    assert node.importance == "low"


def test_two_ports_of_one_machine_are_two_nodes(site: Site) -> None:
    found = site.load([{"targets": ["pacs:104", "pacs:2762", "gw"]}])
    assert [(node.name, node.port) for node in found.nodes.values()] == [
        ("pacs-104", 104),
        ("pacs-2762", 2762),
        ("gw", None),
    ]


def test_yaml_is_taken_too_and_several_files_by_a_pattern(site: Site) -> None:
    Path("targets").mkdir()
    Path("targets/a.yml").write_text("- targets: ['ct1:104']\n  labels: {ae_title: CT1}\n")
    Path("targets/.hidden.yml").write_text("no list\n")
    found = site.load("- targets: ['mr1:104']\n", file="targets/b.yml", named="targets/*.yml")
    assert {node.name: node.ae_title for node in found.nodes.values()} == {"ct1": "CT1", "mr1": None}
    assert {Path("targets/a.yml").absolute(), Path("targets").absolute()} <= set(found.files)


def test_a_target_that_cannot_be_a_node_is_left_out_with_a_warning_and_the_others_stay(site: Site) -> None:
    lines = [
        "- targets: [ct1:104, mr1:99999, 'http://x:1/y']",
        "- labels: {}",
        "- targets: [us1:104]",
        "  labels: {ae_title: A TITLE THAT IS TOO LONG}",
        "- targets: [dx1:104]",
        "  labels: {name: ct1}",
        "- targets: [archive:104]",
    ]
    found = site.load("\n".join(lines), "nodes: [{name: archive, host: h}]\n")
    assert list(found.nodes) == ["archive", "ct1"]
    warned = [str(one) for one in found.warnings if one.file == "targets.json"]
    assert warned == [
        "targets.json:1: [0].targets[1]: 99999 is not a TCP port (1 to 65535); the target is left out",
        "targets.json:1: [0].targets[2]: 'http://x:1/y' is not a host; write a name or an address, without scheme, "
        "port or path; the target is left out",
        'targets.json:2: [1]: is no group of targets and left out; write {"targets": ["10.0.1.7:104"]}',
        "targets.json:4: [2].labels.ae_title: A TITLE THAT IS TOO LONG has 24 characters; an AE title has at most 16; "
        "the target is left out",
        "targets.json:6: [3].labels.name: another target is named ct1; this one is left out",
        "targets.json:7: [4].targets[0]: archive is also the node in pacs-monitor.yml:3; this one is left out",
    ]


@pytest.mark.parametrize(
    ("listed", "more", "messages"),
    [
        ("{}", "", ['targets.json:1: is no list of targets; write [{"targets": ["10.0.1.7:104"]}]']),
        (
            TWO,
            "    columns: {nam: job, ae_title: titel}\n",
            [
                "pacs-monitor.yml:3: nodes_from[0].columns.nam: is no setting of a node that a label may hold; did you "
                "mean name?",
                "pacs-monitor.yml:3: nodes_from[0].columns.ae_title: no target of targets.json has a label titel; did "
                "you mean ae_title?",
            ],
        ),
        (
            TWO,
            "    file: x.csv\n",
            ["pacs-monitor.yml:2: nodes_from[0]: has file and file_sd; give each an entry of its own"],
        ),
    ],
)
def test_what_is_no_list_of_targets_is_a_complaint(site: Site, listed: Any, more: str, messages: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        site.load(listed, more)
    assert told(error) == messages


def test_a_pattern_in_a_folder_that_is_not_there_is_a_warning_and_an_empty_folder_is_none(site: Site) -> None:
    found = site.load([], named="nodes.d/*.json")
    assert [str(one) for one in found.warnings if "nodes.d" in one.message] == [
        "pacs-monitor.yml:2: nodes_from[0].file_sd: there is no folder nodes.d; make it, or check the name"
    ]
    assert Path("nodes.d").absolute() in found.files
    Path("nodes.d").mkdir()
    assert "nodes.d" not in str(site.load([], named="nodes.d/*.json").warnings)


def test_a_list_may_not_ask_for_what_the_environment_holds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "secret")
    with pytest.raises(ConfigError) as error:
        site.load([{"targets": ["h:1"], "labels": {"notes": "${CANARY}"}}])
    assert "secret" not in str(error.value)
