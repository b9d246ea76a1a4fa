"""docs/people.md: what it shows is a configuration that loads, and what the commands say."""

import re
import textwrap
from pathlib import Path

from pacs_monitor import config
from pacs_monitor.people.explaining import explained
from tests.pages import read
from tests.people.support import at


def test_the_example_loads_and_tells_whom_the_page_says(tmp_path: Path) -> None:
    page = read("docs/people.md")
    (text,) = re.findall(r"^   ```yaml\n(.*?)^   ```", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "c.yml"
    path.write_text("checks: [disk: {path: /}]\n" + textwrap.dedent(text))
    found = config.load(path)
    assert found.warnings == ()
    assert found.routing is not None
    lines = list(explained(found.routing, {"severity": "critical"}, at("2026-01-12 09:00")))
    shown = [
        line.strip().removesuffix("...") for line in page.splitlines() if re.match(r"\s+(within|after) \d+\w  ", line)
    ]
    assert len(shown) == len(lines) == 3
    assert all(line.startswith(start) for line, start in zip(lines, shown, strict=True))
