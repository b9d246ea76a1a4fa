"""The terminal while the agent runs."""

from rich.console import Console

from pacs_monitor.confirm import Confirmation
from pacs_monitor.live import Board
from tests.engine import configure, plain, results_of


def test_a_check_that_a_reload_has_only_half_taken_in_is_not_shown_yet() -> None:
    results = results_of(plain("old"))
    confirmation = Confirmation(results, None)
    confirmation.configure()
    configure(results, plain("old"), plain("new"))
    console = Console(width=80)
    with console.capture() as shown:
        console.print(Board(results, confirmation, "header"))
    assert "1 checks, all well" in shown.get()
    confirmation.configure()
    with console.capture() as shown:
        console.print(Board(results, confirmation, "header"))
    assert "2 checks, all well" in shown.get()
