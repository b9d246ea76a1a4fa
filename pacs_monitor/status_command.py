"""The command `pacs-monitor status`: one screen of what the running agent knows."""

from __future__ import annotations

import json

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, JsonOption, out


def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show what is down, what fires, what waits."""
    from pacs_monitor.running import Running
    from pacs_monitor.status_view import show

    told = Running(config).tell("GET", "/api/overview")
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        show(out(), told)
