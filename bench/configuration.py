"""A configuration as a site would write it: nodes in a spreadsheet, one c_echo each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.node import CALLED, CALLING

TEMPLATE = """\
site: bench
ae_title: {calling}
data_dir: {folder}/state
web: {{listen: "127.0.0.1:{port}"}}
profiles:
  archive: [{{c_echo: {{interval: {interval}}}}}]
nodes_from:
  - file: nodes.csv
    columns: {{name: Device, host: IP, port: Port, ae_title: AET}}
    defaults: {{profile: archive}}
"""


class Device(NamedTuple):
    """A row of the spreadsheet."""

    name: str
    host: str
    port: int
    ae_title: str = CALLED


def write_configuration(
    folder: Path, devices: Sequence[Device], interval: str, port: int = 9811, rules: Path | None = None
) -> Path:
    """Write the file and its spreadsheet; the file's path. `port` is that of the agent's web server.

    With a file of rules the agent evaluates them; otherwise it has no alerting.
    """
    with (folder / "nodes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Device", "IP", "Port", "AET"])
        writer.writerows(devices)
    path = folder / "pacs-monitor.yml"
    text = TEMPLATE.format(calling=CALLING, folder=folder, port=port, interval=interval)
    path.write_text(text if rules is None else f"{text}alerting: {{rules: [{rules}]}}\n")
    return path
