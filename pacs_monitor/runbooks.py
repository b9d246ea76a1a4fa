"""The runbooks that come with the agent: which there are, and where a notification finds one."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from urllib.parse import urlsplit

from pacs_monitor.configuring.listening import is_loopback
from pacs_monitor.content import content_dir

_OURS = re.compile(r"docs/runbooks/(\w+)\.md", re.ASCII)


@functools.cache
def runbooks() -> dict[str, Path]:
    """Their files by the alerts that they are for."""
    try:
        folder = content_dir("docs") / "runbooks"
    except FileNotFoundError:
        return {}
    return {file.stem: file for file in folder.glob("*.md")}


def link_to(runbook: str, page: str) -> str:
    """Where `page`, the agent's address, shows a runbook of its own; else the runbook as it is.

    A phone does not reach an address of loopback.
    """
    ours = _OURS.fullmatch(runbook)
    if not (page and ours and ours[1] in runbooks()) or is_loopback(urlsplit(page).hostname or ""):
        return runbook
    return f"{page.rstrip('/')}/runbooks/{ours[1]}"
