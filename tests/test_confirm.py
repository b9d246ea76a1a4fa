"""Results to confirmed states, through restarts and clocks that are set."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_monitor.confirm import Confirmation, Confirmed
from pacs_monitor.node import Node
from pacs_monitor.results import Results
from pacs_monitor.settings import ConfiguredCheck
from pacs_monitor.state import State
from tests.engine import Sender, configure, plain, results_of

CT1 = Node(name="ct1", host="10.0.0.1")
PING = ("ct1", "ping")
HEALTHY = "pacs_check_healthy{"


class Watch:
    """One check, its confirmed state, and the changes that were told of."""

    def __init__(self, check: ConfiguredCheck, state: State | None = None, now: float = 10_000.0) -> None:
        self.now = now
        self.results: Results = results_of(check)
        self.confirmation = Confirmation(self.results, state, lambda: self.now)
        self.changes: list[tuple[bool | None, float]] = []
        self.confirmation.listeners.append(lambda record, to: self.changes.append((to.healthy, to.since)))
        self.confirmation.configure()
        self.sender = Sender(self.results)

    def run(self, outcomes: str) -> None:
        """`+` is a success, `-` a failure, ten seconds apart."""
        for outcome in outcomes:
            self.now += 10
            self.sender.send(PING, reason="" if outcome == "+" else "timeout", started=self.now)

    @property
    def state(self) -> Confirmed:
        return self.confirmation.states[PING]

    @property
    def exported(self) -> str:
        """The value of pacs_check_healthy, or nothing."""
        found = [line for line in self.results.exposition.render().splitlines() if line.startswith(HEALTHY)]
        return found[0].rpartition(" ")[2] if found else ""


def check(**settings: float) -> ConfiguredCheck:
    return plain("ping", CT1, (), interval=10.0, **settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(file: Path) -> Iterator[State]:
    made = State(file, "test")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("outcomes", "healthy"),
    [
        ("", ""),
        ("-", ""),
        ("--", ""),
        ("---", "0"),
        ("+", "1"),
        ("--+", "1"),
        ("+-", "1"),
        ("+--", "1"),
        ("+---", "0"),
        ("+--+--", "1"),
        ("---+", "1"),
        ("---+---", "0"),
    ],
)
def test_a_check_is_down_after_three_failures_in_a_row_and_up_after_one_success(outcomes: str, healthy: str) -> None:
    watch = Watch(check())
    watch.run(outcomes)
    assert watch.exported == healthy


def test_with_up_after_one_success_is_not_enough() -> None:
    watch = Watch(check(up_after=2))
    watch.run("---+")
    assert watch.exported == "0"
    watch.run("-+")
    assert watch.exported == "0"
    watch.run("+")
    assert watch.exported == "1"


def test_the_first_success_is_a_verdict_whatever_up_after_says() -> None:
    watch = Watch(check(up_after=5))
    watch.run("--+")
    assert watch.exported == "1"


def test_before_the_first_verdict_the_state_is_absent_and_never_zero() -> None:
    watch = Watch(check(down_after=50))
    for _ in range(49):
        watch.run("-")
        assert watch.exported == ""
    watch.run("-")
    assert watch.exported == "0"


def test_one_that_flaps_below_down_after_tells_nobody() -> None:
    watch = Watch(check())
    watch.run("+" + "--+" * 20)
    assert len(watch.changes) == 1


def test_a_change_is_told_once_with_when_it_began() -> None:
    watch = Watch(check())
    watch.run("+-----+++")
    assert watch.changes == [(True, 10_010.0), (False, 10_040.0), (True, 10_070.0)]


def test_without_a_state_file_everything_but_remembering_works() -> None:
    watch = Watch(check())
    watch.run("---")
    watch.confirmation.save_alive()
    watch.confirmation.save_all()
    assert watch.exported == "0"


def again(file: Path, changed: ConfiguredCheck | None = None, now: float = 10_000.0) -> tuple[Watch, State]:
    """As after kill -9: another State on the same file, which the one before did not close."""
    state = State(file, "test")
    return Watch(changed or check(), state, now), state


def test_a_killed_agent_knows_at_its_start_what_was_confirmed(file: Path, state: State) -> None:
    before = Watch(check(), state)
    before.run("+---")
    state.submit(lambda connection: None).result(60)
    after, other = again(file)
    assert after.exported == "0"
    assert after.state.since == 10_040.0
    assert after.changes == []
    assert "pacs_check_last_success_timestamp_seconds{" in after.results.exposition.render()
    assert after.results.records[PING].last_success == 10_010.0
    after.run("---")
    assert after.changes == []
    after.run("+")
    assert after.changes == [(True, after.now)]
    other.close()


def test_what_was_not_confirmed_before_a_restart_begins_anew(file: Path, state: State) -> None:
    Watch(check(), state).run("--")
    state.submit(lambda connection: None).result(60)
    after, other = again(file)
    assert after.exported == ""
    after.run("--")
    assert after.exported == ""
    other.close()


def test_a_check_that_left_the_configuration_and_comes_back_begins_anew(state: State) -> None:
    watch = Watch(check(), state)
    watch.run("---")
    configure(watch.results)
    watch.confirmation.configure()
    configure(watch.results, check())
    watch.confirmation.configure()
    assert watch.exported == ""
    assert watch.state.healthy is None


def test_what_was_stored_for_a_check_that_is_not_configured_does_not_come_back_by_a_reload(
    file: Path, state: State
) -> None:
    Watch(check(), state).run("---")
    state.submit(lambda connection: None).result(60)
    after, other = again(file, plain("other", CT1))
    configure(after.results, check())
    after.confirmation.configure()
    assert after.exported == ""
    other.close()


def test_a_lower_down_after_counts_from_the_next_run(state: State) -> None:
    watch = Watch(check(down_after=5), state)
    watch.run("+--")
    configure(watch.results, check(down_after=2))
    watch.confirmation.configure()
    assert watch.exported == "1"
    watch.run("-")
    assert watch.exported == "0"


def stale(watch: Watch) -> bool:
    return watch.confirmation.is_stale(watch.results.records[PING], watch.now)


def test_a_state_is_stale_after_three_intervals_and_the_timeout() -> None:
    watch = Watch(check(timeout=4.0))
    watch.run("+")
    watch.now += 34.0
    assert not stale(watch)
    watch.now += 0.1
    assert stale(watch)
    watch.run("+")
    assert not stale(watch)


def test_a_check_that_never_ran_is_stale() -> None:
    assert stale(Watch(check()))


def test_a_restored_state_is_fresh_for_as_long_as_if_the_agent_had_gone_on(file: Path, state: State) -> None:
    before = Watch(check(timeout=4.0), state)
    before.run("+")
    before.now += 1000
    before.run("+")
    before.confirmation.save_alive()
    state.submit(lambda connection: None).result(60)
    after, other = again(file, check(timeout=4.0), before.now + 30.0)
    assert not stale(after)
    after.now += 5.0
    assert stale(after)
    other.close()


def test_a_state_that_was_stale_before_a_kill_is_stale_after_it(file: Path, state: State) -> None:
    before = Watch(check(timeout=4.0), state)
    before.run("+")
    before.now += 100
    before.confirmation.save_alive()
    state.submit(lambda connection: None).result(60)
    after, other = again(file, check(timeout=4.0), before.now + 1.0)
    assert after.exported == "1"
    assert stale(after)
    after.confirmation.save_alive()
    other.close()
    last, other = again(file, check(timeout=4.0), before.now + 2.0)
    assert stale(last)
    last.run("+")
    last.confirmation.save_all()
    other.close()
    last, other = again(file, check(timeout=4.0), last.now + 2.0)
    assert not stale(last)
    other.close()


def test_a_clock_that_was_set_back_does_not_make_an_old_state_fresh_for_hours(file: Path, state: State) -> None:
    before = Watch(check(timeout=4.0), state, now=50_000.0)
    before.run("+")
    assert not stale(before)
    before.now -= 3600
    assert not stale(before)
    before.now += 35
    assert stale(before)
    before.now += 3600
    before.run("+")
    before.confirmation.save_alive()
    state.submit(lambda connection: None).result(60)
    after, other = again(file, check(timeout=4.0), before.now - 3600)
    assert not stale(after)
    after.now += 35
    assert stale(after)
    other.close()


def test_nothing_is_written_for_runs_that_change_nothing(state: State) -> None:
    watch = Watch(check(), state)
    watch.run("+")
    written: list[object] = []

    def submit(work: object) -> Future[None]:
        written.append(work)
        return Future()

    state.submit = submit  # type: ignore[method-assign,assignment]
    watch.run("++--+" * 10)
    assert written == []
    watch.run("---")
    assert len(written) == 1


def test_a_state_file_that_fails_changes_no_verdict(file: Path, state: State) -> None:
    watch = Watch(check(), state)
    state.close()
    watch.run("---")
    watch.confirmation.save_alive()
    watch.confirmation.save_all()
    assert watch.exported == "0"


def test_a_change_that_could_not_be_saved_is_tried_again_with_the_next_sign_of_life(file: Path, state: State) -> None:
    watch = Watch(check(), state)
    connection = state._connection
    state.submit(lambda _: connection.execute("PRAGMA query_only = 1")).result(60)
    watch.run("---")
    with pytest.raises(sqlite3.Error):
        state.submit(state.save_fact("x", "y")).result(60)
    assert state.failing
    connection.execute("PRAGMA query_only = 0")
    watch.confirmation.save_alive()
    state.close()
    again = State(file, "test")
    assert again.load_confirmed()[PING]["healthy"] is False
    again.close()


@given(st.text("+-R", max_size=60), st.integers(1, 4), st.integers(1, 4))
def test_the_state_is_what_a_plain_model_says(outcomes: str, down_after: int, up_after: int) -> None:
    """`R` is a reload, which changes nothing."""
    watch = Watch(check(down_after=down_after, up_after=up_after))
    healthy: bool | None = None
    runs = ""
    for outcome in outcomes:
        if outcome == "R":
            configure(watch.results, check(down_after=down_after, up_after=up_after))
            watch.confirmation.configure()
        else:
            runs += outcome
            watch.run(outcome)
            if runs.endswith("-" * down_after):
                healthy = False
            elif outcome == "+" and (healthy is None or runs.endswith("+" * up_after)):
                healthy = True
        assert watch.exported == {None: "", True: "1", False: "0"}[healthy]
        assert watch.state.healthy is healthy


def test_the_wall_clock_is_what_a_confirmation_goes_by_unless_told_otherwise(state: State) -> None:
    results = results_of(check())
    confirmation = Confirmation(results, state)
    confirmation.configure()
    confirmation.save_alive()
    state.submit(lambda connection: None).result(60)
    assert abs(float(state.load_fact("alive") or 0) - time.time()) < 100
