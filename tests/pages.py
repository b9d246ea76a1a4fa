"""The pages of the documentation, for tests that run what they show."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pacs_monitor.__main__ import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ETC = "/etc/pacs-monitor/"
_PLUGINS = "/usr/lib/nagios/plugins/"


def read(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text("utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of a page in one language, in order."""
    return [text for of, text in _FENCE.findall(read(name)) if of == language]


def block(name: str, language: str, holding: str) -> str:
    """The one code block of a page that holds a text."""
    (found,) = [text for text in blocks(name, language) if holding in text]
    return found


def section(name: str, heading: str) -> str:
    """A page from a heading to the next of its rank."""
    after = read(name).partition(f"\n## {heading}\n")[2]
    return after.partition("\n## ")[0]


def prose(name: str) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", read(name))


def generator() -> dict[str, Any]:
    """What docs/generate.py defines."""
    return runpy.run_path(str(ROOT / "docs/generate.py"))


_ROUTES = """
route: {receiver: on-call}
receivers:
  - name: on-call
    email_configs: [{to: a@north.example, from: b@north.example, smarthost: "mail:587"}]
    webhook_configs: [{url: "https://events.pagerduty.com/v2/enqueue"}]
"""
_FILES = {"alertmanager.yml": _ROUTES, "chat-url": "https://chat.north.example/hook\n"}


def settled(text: str, folder: Path) -> str:
    """A configuration with each file below /etc/pacs-monitor that it names put into a folder, made up if need be."""
    for name in re.findall(rf"{_ETC}([\w.-]+)", text):
        path = folder / name
        if name in ("checks", "templates"):
            path.mkdir(exist_ok=True)
        elif not path.exists():
            path.write_text(_FILES.get(name, "made up\n"))
            path.chmod(0o600)
    for name in re.findall(rf"{_PLUGINS}([\w-]+)", text):
        path = folder / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return text.replace(_ETC, f"{folder}/").replace(_PLUGINS, f"{folder}/")


def pacs_monitor(words: str, answers: str = "") -> str:
    """What a command that starts no process prints, run in this one. AssertionError unless its exit status is 0."""
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, words.split(), input=answers)
    assert done.exit_code == 0, done.output
    return done.output
