"""The terminal while the agent runs."""

from rich.console import Console

from pacs_monitor.confirm import Confirmation
from pacs_monitor.live import Board, state_of
from tests.engine import configure, plain, results_of
from tests.hospital import Site, check, configuration, node


def test_a_check_that_a_reload_has_only_half_taken_in_is_not_shown_yet() -> None:
    results = results_of(plain("old"))
    confirmation = Confirmation(results, None)
    confirmation.configure()
    configure(results, plain("old"), plain("new"))
    console = Console(width=80)
    with console.capture() as shown:
        console.print(Board(results, confirmation, "header"))
    assert "1 check, all well" in shown.get()
    confirmation.configure()
    with console.capture() as shown:
        console.print(Board(results, confirmation, "header"))
    assert "2 checks, all well" in shown.get()


def test_a_check_that_waits_for_its_network_parent_says_so() -> None:
    switch, ct = node("switch"), node("ct", reached_through=["switch"])
    site = Site(configuration([switch, ct], [check(switch), check(ct, down_after=2)]))
    site.up("ct")
    texts = []
    for _ in range(3):
        site.down("ct")
        texts.append(state_of(site.record("ct"), site.confirmation.states["ct", "c_echo"], site.now).text)
    assert texts == ["failing 1 of 2", "failing; awaiting switch", "failing; awaiting switch"]
