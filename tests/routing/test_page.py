"""docs/routes.md: nothing that a file may hold is missing, and its example works here and in Alertmanager."""

from __future__ import annotations

import re
from pathlib import Path

from pacs_monitor.routing.reading.email import EMAIL
from pacs_monitor.routing.reading.http import HTTP
from pacs_monitor.routing.reading.receivers import RECEIVER
from pacs_monitor.routing.reading.routes import INHIBIT, ROUTE
from pacs_monitor.routing.reading.tls import TLS
from pacs_monitor.routing.reading.webhook import WEBHOOK
from pacs_monitor.routing.routefile import GLOBAL, TOP, UNSENT_GLOBALS, read_routes
from pacs_monitor.routing.tree import matching
from tests.pages import block, read
from tests.routing.amtool import amtool, verdict

PAGE = "docs/routes.md"


def test_every_setting_is_named() -> None:
    named = set(re.findall(r"`([\w.]+)", read(PAGE)))
    every = {*TOP, *GLOBAL, *ROUTE, *INHIBIT, *RECEIVER, *EMAIL, *WEBHOOK, *HTTP, *TLS} - {*UNSENT_GLOBALS}
    assert every - named == set()


def test_the_example_is_taken_and_sends_alerts_where_it_says(tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(block(PAGE, "yaml", "receivers:"))
    for name, text in (("mail-password", "x"), ("on-call-url", "https://h/x"), ("on-call-token", "x")):
        (tmp_path / name).write_text(text)
    found = read_routes(path)
    assert (found.complaints, found.warnings) == ((), ())
    assert found.routing is not None
    told = [route.receiver for route in matching(found.routing.route, {"importance": "critical"})]
    assert told == ["on-call"]
    # Debian's is too old for a file with the address.
    path.write_text(path.read_text().replace("url_file: on-call-url", "url: https://h/x"))
    assert verdict(path) == ""
    done = amtool("config", "routes", "test", f"--config.file={path}", "importance=critical")
    assert done.stdout == "on-call\n"
