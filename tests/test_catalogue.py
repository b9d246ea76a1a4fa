from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from pacs_monitor.catalogue import as_typed, catalogue, common_settings, render, render_kind
from pacs_monitor.content import content_dir
from pacs_monitor.loader import load_folders
from pacs_monitor.units import Unit

KINDS, _ = load_folders([Path(__file__).parent / "data/checks"])
TOLD = {kind["kind"]: kind for kind in catalogue(KINDS)}


def settings(kind: str) -> dict[str, dict[str, Any]]:
    return {setting["name"]: setting for setting in TOLD[kind]["settings"]}


def printed(renderable: RenderableType, width: int = 110) -> str:
    console = Console(width=width, record=True)
    console.print(renderable)
    return console.export_text()


def test_kinds_are_told_in_order_with_summary_source_and_needs() -> None:
    assert list(TOLD) == ["deposit", "greet", "space"]
    assert TOLD["greet"]["summary"] == "Say hello to a DICOM node."
    assert TOLD["greet"]["source"].endswith("tests/data/checks/greet.py")
    assert TOLD["greet"]["needs"] == ["host", "port", "ae_title"]


def test_a_setting_is_told_as_an_administrator_writes_it() -> None:
    assert settings("greet")["slow"] == {
        "name": "slow",
        "type": "duration",
        "unit": "seconds",
        "default": "2s",
        "required": False,
        "description": "A greeting that takes longer is slow.",
    }
    assert settings("greet")["level"]["type"] == "one of PATIENT, STUDY"
    assert settings("space")["free_warning"]["default"] == "10%"
    assert (settings("space")["path"]["required"], settings("space")["path"]["default"]) == (True, None)
    assert settings("deposit")["write"]["type"] == "true or false"
    assert settings("deposit")["delete"]["type"] == "mapping to text"


def test_settings_below_a_setting_are_told_with_their_path() -> None:
    names = [name for name in settings("space") if name.startswith("login")]
    assert names == ["login", "login.url", "login.password", "login.password_file"]
    assert settings("space")["login"]["type"] == "settings"


def test_a_common_setting_is_told_of_a_kind_only_where_its_default_differs() -> None:
    assert set(settings("greet")) == {"affects_health", "slow", "level", "attempts"}
    assert settings("deposit")["interval"]["default"] == "5m"
    assert settings("deposit")["interval"]["description"] == "How often it runs."
    assert {setting["name"] for setting in common_settings()} == {
        "name",
        "interval",
        "timeout",
        "retry_interval",
        "down_after",
        "up_after",
        "affects_health",
    }


def test_a_common_setting_that_a_kind_explains_anew_is_told_of_the_kind() -> None:
    kinds, _ = load_folders([content_dir("checks")])
    (ingest,) = catalogue({"ingest": kinds["ingest"]})
    (timeout,) = [setting for setting in ingest["settings"] if setting["name"] == "timeout"]
    assert timeout["description"] == "How long one run may take; 60s or the interval, whichever is shorter, unless set."
    page = printed(render_kind(ingest), 300)
    assert "60s or the interval" in page
    assert "10s or the interval" not in page


def test_in_80_columns_a_metrics_name_and_labels_stand_on_one_line_and_its_help_below() -> None:
    kinds, _ = load_folders([content_dir("checks")])
    for kind in catalogue(kinds):
        lines = [line.rstrip() for line in printed(render_kind(kind), 80).splitlines()]
        assert max(map(len, lines)) <= 80
        for metric in kind["metrics"]:
            labels = f"{{{', '.join(metric['labels'])}}}" if metric["labels"] else ""
            place = lines.index(f"{metric['name']}{labels}  {metric['type']}")
            assert metric["help"].startswith(lines[place + 1].removeprefix("    "))


def test_metrics_are_told_with_type_labels_and_help() -> None:
    assert TOLD["greet"]["metrics"] == [
        {"name": "pacs_greet_seconds", "type": "gauge", "labels": ["phase"], "help": "Time to be greeted."},
        {
            "name": "pacs_greet_refusals_total",
            "type": "counter",
            "labels": [],
            "help": "How often the greeting was refused.",
        },
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, None, None),
        (True, None, "true"),
        (90.0, Unit("duration"), "1m30s"),
        (0.05, Unit("share"), "5%"),
        (20 * 10**9, Unit("size"), "20GB"),
        (1234, Unit("size"), "1234"),
        (0, Unit("size"), "0"),
        ((1.0, 2.5), None, "[1, 2.5]"),
        (("a", "b"), None, "[a, b]"),
        ({"a": "b"}, None, "{a: b}"),
        (Path("/x"), None, "/x"),
        ("STUDY", None, "STUDY"),
        (3, None, "3"),
    ],
)
def test_a_value_is_written_as_one_would_type_it(value: Any, unit: Unit | None, text: str | None) -> None:
    assert as_typed(value, unit) == text


def test_all_kinds_fit_into_one_table() -> None:
    text = printed(render(list(TOLD.values())))
    assert "greet    Say hello to a DICOM node." in text
    assert "affects_health, slow, level, attempts" in text
    assert "login.url" not in text


def test_one_kind_is_told_in_full_with_the_common_settings_once() -> None:
    text = printed(render_kind(TOLD["deposit"]))
    assert "It needs the node's host." in text
    assert text.count("How often it runs.") == 1
    assert text.index("write") < text.index("Settings of every check") < text.index("down_after")
    assert "Metrics" not in text


def test_brackets_in_texts_are_no_markup() -> None:
    kind = {**TOLD["greet"], "summary": "Says [bold]x[/bold]."}
    assert "Says [bold]x[/bold]." in printed(render_kind(kind))


def test_the_built_in_kinds_are_told_in_full_with_a_description_for_each_setting() -> None:
    kinds, _ = load_folders([content_dir("checks")])
    told = catalogue(kinds)
    assert json.loads(json.dumps(told)) == told
    undescribed = [f"{kind['kind']}.{s['name']}" for kind in told for s in kind["settings"] if not s["description"]]
    assert undescribed == []
    assert [kind["kind"] for kind in told if not kind["summary"]] == []
