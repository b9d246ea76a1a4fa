"""The Alertmanager file of a configuration: found, read, told and followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_monitor.agent import Agent
from pacs_monitor.config import load
from pacs_monitor.settings import ConfigError, Configuration
from tests.peers.ports import free_port

GOOD = "route: {receiver: r}\nreceivers: [{name: r}]\n"


def configuration(folder: Path, routes: str, more: str = "") -> Configuration:
    (folder / "am.yml").write_text(routes)
    path = folder / "pacs-monitor.yml"
    path.write_text(f"site: north\ndata_dir: {folder}/state\nalerting: {{rules: [], routes: am.yml}}\n{more}")
    return load(path)


def refused(folder: Path, routes: str, more: str = "") -> list[str]:
    with pytest.raises(ConfigError) as error:
        configuration(folder, routes, more)
    return [str(one).replace(f"{folder}/", "") for one in error.value.complaints]


def test_a_configuration_has_the_routes_of_its_file(tmp_path: Path) -> None:
    routing = configuration(tmp_path, GOOD).routing
    assert routing is not None
    assert routing.route.receiver == "r"
    assert routing.file == str(tmp_path / "am.yml")


def test_without_a_file_nobody_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pacs-monitor.yml"
    path.write_text(f"site: north\ndata_dir: {tmp_path}/state\nalerting: {{rules: []}}\n")
    assert load(path).routing is None


def test_complaints_and_warnings_of_both_files_are_told_at_once(tmp_path: Path) -> None:
    assert refused(tmp_path, "route: {receiver: s}\nreceivers: [{name: r}]\n", "sight: south\n") == [
        "pacs-monitor.yml:4: sight: there is no such setting; did you mean site?",
        "am.yml:1: route.receiver: there is no receiver s; there is r",
    ]
    found = configuration(tmp_path, f"{GOOD}templates: [a.tmpl]\n").warnings
    assert [(Path(one.file).name, one.setting) for one in found if "am.yml" in one.file] == [("am.yml", "templates")]


def test_a_change_of_any_file_that_is_named_is_a_reason_to_read_anew(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://h")
    files = configuration(
        tmp_path, "route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url_file: url}]}]\n"
    ).files
    assert {tmp_path / "am.yml", tmp_path / "url"} <= set(files)


def test_an_alertmanager_file_and_people_of_our_own_are_one_too_many(tmp_path: Path) -> None:
    assert refused(tmp_path, GOOD, "notify: {}\n") == [
        "pacs-monitor.yml:3: alerting.routes: an Alertmanager file and `notify` both say who is told; keep one of the "
        "two"
    ]


def test_a_secret_is_hidden_wherever_it_turns_up(tmp_path: Path) -> None:
    routes = """
route: {receiver: hunter2}
receivers: [{name: r, webhook_configs: [{url: http://h, http_config: {bearer_token: hunter2}}]}]
"""
    assert refused(tmp_path, routes) == ["am.yml:2: route.receiver: there is no receiver (hidden); there is r"]


async def test_a_mistake_in_the_file_leaves_the_routes_of_before_in_force(tmp_path: Path) -> None:
    configuration(tmp_path, GOOD, f"web: {{listen: 127.0.0.1:{free_port()}}}\n")
    agent = Agent(tmp_path / "pacs-monitor.yml")
    await agent.start()
    try:
        before = agent.configuration.routing
        assert before is not None
        (tmp_path / "am.yml").write_text("route: {receiver: s}\nreceivers: [{name: r}]\n")
        assert await agent.reload() == [
            f"{tmp_path}/am.yml:1: route.receiver: there is no receiver s; there is r",
        ]
        assert agent.configuration.routing is before
        (tmp_path / "am.yml").write_text("route: {receiver: s}\nreceivers: [{name: s}]\n")
        assert await agent.reload() == []
        assert agent.configuration.routing is not None
        assert agent.configuration.routing.route.receiver == "s"
    finally:
        await agent.stop()
