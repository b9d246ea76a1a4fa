"""Writes the parts of README.md and docs/ that come from the code: `python docs/generate.py`.

Such a part stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`. A test fails if one is out of date.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pacs_monitor import catalogue
from pacs_monitor.check import Check
from pacs_monitor.configuring.fields import models_in, settings_of, unit_of
from pacs_monitor.configuring.nodes_from import NodesFrom
from pacs_monitor.content import content_dir
from pacs_monitor.dicom import codec, reasons, rejections
from pacs_monitor.loader import load_folders
from pacs_monitor.node import Node
from pacs_monitor.settings import AgentSettings

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/configuration.md", "docs/checks.md")
WIDTH = 110
_PART = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def shipped() -> dict[str, dict[str, Any]]:
    """What `pacs-monitor checks --json` says of each check that comes with the agent."""
    kinds, complaints = load_folders([content_dir("checks")])
    assert not complaints, complaints
    return {told["kind"]: told for told in catalogue.catalogue(kinds)}


def settings(model: type[BaseModel], prefix: str = "", skip: Iterable[str] = ()) -> str:
    """A list of a model's settings with type, unit, default and an example; those of its sections after them."""
    return "".join(_settings(model, prefix, frozenset(skip)))


def _settings(model: type[BaseModel], prefix: str, skip: frozenset[str]) -> Iterator[str]:
    told = {setting["name"]: setting for setting in catalogue.settings_of_model(model)}
    for key, info in settings_of(model).items():
        if key in skip:
            continue
        unit = unit_of(info)
        # One file is as good as another: the examples of the pages name them.
        yield _setting(told[key], prefix, unit.example if unit and unit.name != "file" else "")
        for nested in models_in(info.annotation):
            yield from _settings(nested, f"{prefix}{key}.", frozenset())


def _setting(setting: dict[str, Any], prefix: str = "", example: str = "") -> str:
    told = [setting["type"] + (f" ({setting['unit']})" if setting["unit"] else "")]
    if setting["required"]:
        told.append("required")
    elif setting["default"] in (None, ""):
        told.append("no default")
    elif not setting["default"].startswith("{"):
        told.append(f"default `{setting['default']}`")
    if example:
        told.append(f"such as `{example}`")
    return _item(f"`{prefix}{setting['name']}`: {', '.join(told)}. {setting['description']}".rstrip())


def _item(text: str) -> str:
    wrapped = textwrap.fill(
        text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return wrapped + "\n"


def table_of_checks() -> str:
    """What README shows of the checks."""
    return _table("docs/checks")


def _table(folder: str) -> str:
    rows = [f"| [`{kind}`]({folder}/{kind}.md) | {told['summary']} |" for kind, told in shipped().items()]
    return "\n".join(["| check | what it does |", "|---|---|", *rows]) + "\n"


def settings_of_kind(kind: str) -> str:
    """The settings of a check that others do not have, or have with another default."""
    return "".join(_setting(setting) for setting in shipped()[kind]["settings"])


def metrics_of_kind(kind: str) -> str:
    """The metrics that a check declares, with those that it shares with other DICOM checks."""
    lines = []
    for metric in shipped()[kind]["metrics"]:
        labels = f" by {', '.join(f'`{label}`' for label in metric['labels'])}" if metric["labels"] else ""
        lines.append(_item(f"`{metric['name']}` ({metric['type']}{labels}): {metric['help']}"))
    return "".join(lines)


def sentences() -> str:
    """What c_echo says of the common failures, by the functions that say it."""
    place = "10.0.0.5:4242"

    def rejected(source: int, reason: int) -> str:
        return rejections.explain_rejection(codec.Rejected(1, source, reason), "archive", "PACSMON", "ORTHANC")

    def silent(phase: str) -> str:
        return reasons.explain_silence("archive", place, phase, 10.0, 0)

    told = (
        ("rejected", rejected(1, 3)),
        ("rejected", rejected(1, 7)),
        ("rejected", rejected(3, 2)),
        ("timeout", silent("connect")),
        ("timeout", silent("associate")),
        ("timeout", silent("dimse")),
        ("no_context", reasons.explain_no_echo("archive", 3)),
        ("dimse_status", reasons.explain_status(0x0110, "archive")),
        ("aborted", reasons.explain_closed("archive", place, "associate", "PACSMON", 0, False)),
        ("mismatch", reasons.explain_bytes(b"HTTP/1.1 400", "archive", place)),
    )
    return "".join(_item(f"`{reason}`: {sentence}") for reason, sentence in told)


def parts() -> dict[str, Callable[[], str]]:
    """What can be generated, by name."""
    sections = {name: info for name, info in settings_of(AgentSettings).items() if models_in(info.annotation)}
    found: dict[str, Callable[[], str]] = {
        "checks": table_of_checks,
        "list of checks": lambda: _table("checks"),
        "settings of the agent": lambda: settings(AgentSettings, skip=sections),
        "settings of a node": lambda: settings(Node),
        "settings of nodes_from": lambda: settings(NodesFrom),
        "settings of every check": lambda: settings(Check),
        "sentences of c_echo": sentences,
    }
    for name, info in sections.items():
        (model,) = models_in(info.annotation)
        found[f"settings of {name}"] = lambda model=model: settings(model)  # type: ignore[misc]
    for kind in shipped():
        found[f"settings of the check {kind}"] = lambda kind=kind: settings_of_kind(kind)  # type: ignore[misc]
        found[f"metrics of the check {kind}"] = lambda kind=kind: metrics_of_kind(kind)  # type: ignore[misc]
    return found


def pages() -> list[Path]:
    """All pages with generated parts: these, and one for each check that has its page."""
    return [*(ROOT / page for page in PAGES), *sorted((ROOT / "docs/checks").glob("*.md"))]


def names_in(text: str) -> list[str]:
    """The parts of a page that are generated."""
    return [name for _, name, _ in _PART.findall(text)]


def generated(text: str) -> str:
    """A page with its generated parts as they must be. Raises KeyError for one that cannot be generated."""
    made = parts()
    return _PART.sub(lambda part: f"{part[1]}{made[part[2]]()}{part[3]}", text)


def main() -> None:
    """Bring the pages up to date."""
    for path in pages():
        text = path.read_text("utf-8")
        path.write_text(generated(text), "utf-8")


if __name__ == "__main__":
    main()
