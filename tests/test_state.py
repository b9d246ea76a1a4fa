"""The SQLite file: one writer, transactions that are shared, and no way to lose what was committed."""

import asyncio
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor import statefile
from pacs_monitor.state import MIGRATIONS, State, StateError

ECHO, FIND = ("ct1", "c_echo"), ("ct1", "c_find")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(file: Path) -> Iterator[State]:
    made = State(file, "north")
    yield made
    made.close()


def reopened(file: Path, site: str = "north") -> State:
    return State(file, site)


def wait(future: Future[Any]) -> Any:
    return future.result(timeout=60)


def confirmed(state: State, *keys: tuple[str, str]) -> None:
    wait(state.submit(state.save_confirmed([(key, True, 1.0, 2.0, 2.0, False) for key in keys])))


# The file.


def test_a_new_file_has_the_schema_of_this_version(state: State, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_file_of_each_older_version_is_brought_up_to_date(file: Path, version: int) -> None:
    old = sqlite3.connect(file)
    for script in MIGRATIONS[:version]:
        old.executescript(script)
    old.execute(f"PRAGMA user_version = {version}")
    old.close()
    state = State(file, "north")
    confirmed(state, ECHO)
    assert list(state.load_confirmed()) == [ECHO]
    assert state.load_memory() == {}
    state.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    State(file, "north").close()
    monkeypatch.setattr(statefile, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE half (a); CREATE TABLE half (a);"))
    with pytest.raises(StateError):
        State(file, "north")
    monkeypatch.undo()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert not connection.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall()
    connection.close()


def test_a_file_of_a_newer_version_is_refused_with_what_to_do(file: Path) -> None:
    newer = sqlite3.connect(file)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StateError) as refused:
        State(file, "north")
    assert str(refused.value) == (
        f"{file}: was written by a newer pacs-monitor (schema 99, this one knows {len(MIGRATIONS)}); "
        f"run that one, or move the file away and start again"
    )


def test_a_file_that_is_no_database_is_refused_with_what_to_do(file: Path) -> None:
    file.write_bytes(b"not a database " * 1000)
    with pytest.raises(StateError) as refused:
        State(file, "north")
    assert str(refused.value) == (
        f"{file}: cannot be used (file is not a database); if it is damaged, move it away and start again"
    )


def test_a_file_that_is_damaged_within_is_told_when_it_is_read(file: Path) -> None:
    state = State(file, "north")
    confirmed(state, *((f"node-{number:05}", "c_echo") for number in range(5000)))
    state.close()
    size = file.stat().st_size
    with file.open("r+b") as opened:
        for page in range(2, size // 4096):
            opened.seek(page * 4096)
            opened.write(os.urandom(4096))
    damaged = State(file, "north")  # its first page is well
    with pytest.raises(StateError, match="if it is damaged, move it away and start again"):
        damaged.load_confirmed()
    damaged.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"No such file or directory\); correct its owner and permissions"):
        State(tmp_path / "nowhere" / "state.db", "north")


def test_only_the_owner_may_read_the_file_and_its_journal(file: Path) -> None:
    before = os.umask(0)
    try:
        state = State(file, "north")
        confirmed(state, ECHO)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
        state.close()
    finally:
        os.umask(before)
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


# Transactions.


def transactions_of(state: State) -> list[str]:
    """Statements that begin and end transactions, as they happen."""
    seen: list[str] = []
    words = ("BEGIN", "COMMIT", "ROLLBACK")
    state._connection.set_trace_callback(lambda text: seen.append(text) if text.startswith(words) else None)
    return seen


def test_what_waits_shares_a_transaction(state: State) -> None:
    gate = threading.Event()
    first = state.submit(lambda connection: gate.wait(60))
    seen = transactions_of(state)
    others = [state.submit(state.save_fact(str(number), "x")) for number in range(500)]
    gate.set()
    wait(first)
    for other in others:
        wait(other)
    assert seen.count("COMMIT") <= 2


def test_a_future_is_done_only_when_the_change_is_on_disk(state: State, file: Path) -> None:
    for number in range(50):
        wait(state.submit(state.save_fact("number", str(number))))
        connection = sqlite3.connect(file)
        assert connection.execute("SELECT value FROM facts WHERE name = 'number'").fetchone() == (str(number),)
        connection.close()


def test_what_a_function_returns_is_the_futures_result(state: State) -> None:
    assert wait(state.submit(lambda connection: connection.execute("SELECT 7").fetchone()[0])) == 7


async def test_it_can_be_awaited(state: State) -> None:
    await state.run(state.save_fact("a", "b"))
    assert state.load_fact("a") == "b"
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await state.run(lambda connection: connection.execute("SELECT * FROM no_table"))


def mistakes() -> list[Any]:
    return [
        lambda connection: connection.execute("SELECT * FROM no_table"),
        lambda connection: connection.execute("INSERT INTO facts VALUES (?, ?)", ("a", object())),
        lambda connection: connection.execute("INSERT INTO facts VALUES (?, ?)", ("a", 1 << 80)),
        lambda connection: connection.execute("INSERT INTO facts VALUES (?, ?)", ("a", "\ud800")),
        lambda connection: connection.execute("INSERT INTO facts VALUES ('a', NULL)"),
        lambda connection: dict[str, str]()["nothing"],
    ]


@pytest.mark.parametrize("mistake", mistakes())
def test_a_function_that_is_mistaken_fails_alone(state: State, mistake: Any) -> None:
    gate = threading.Event()
    state.submit(lambda connection: gate.wait(60))
    before, wrong, after = (
        state.submit(state.save_fact("before", "1")),
        state.submit(mistake),
        state.submit(state.save_fact("after", "1")),
    )
    gate.set()
    wait(before)
    wait(after)
    with pytest.raises((sqlite3.Error, ValueError, OverflowError, KeyError)):
        wait(wrong)
    assert (state.load_fact("before"), state.load_fact("after"), state.load_fact("a")) == ("1", "1", None)
    assert state.failing == ""


async def test_whoever_does_not_wait_any_more_does_not_harm_the_writer(state: State) -> None:
    gate = threading.Event()
    state.submit(lambda connection: gate.wait(60))
    waiting = [asyncio.ensure_future(state.run(state.save_fact(str(number), "x"))) for number in range(10)]
    await asyncio.sleep(0.05)
    for each in waiting[::2]:
        each.cancel()
    gate.set()
    await asyncio.gather(*waiting[1::2])
    await state.run(state.save_fact("after", "1"))
    assert state.load_fact("after") == "1"


def test_a_locked_file_fails_the_batch_and_says_so_until_it_works_again(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    state = State(file, "north")
    wait(state.submit(lambda connection: None))
    wait(state.submit(state.save_fact("a", "1")))
    state._connection.execute("PRAGMA busy_timeout = 100")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            wait(state.submit(state.save_fact("a", "2")))
        assert state.failing == "database is locked"
    other.execute("ROLLBACK")
    other.close()
    wait(state.submit(state.save_fact("a", "3")))
    assert state.failing == ""
    assert state.load_fact("a") == "3"
    assert caplog.text.count("state is not being saved") == 1
    assert caplog.text.count("state is being saved again") == 1
    state.close()


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_file_that_is_moved_away_fails_what_is_written_until_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    caplog.set_level("WARNING")
    folder = tmp_path / "data"
    folder.mkdir()
    state = State(folder / "state.db", "north")
    wait(state.submit(state.save_fact("a", "1")))
    here = folder / "state.db" if what == "the file" else folder
    here.rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="the file was deleted, moved or replaced; put it back, or"):
            wait(state.submit(state.save_fact("a", "2")))
        assert "restart pacs-monitor" in state.failing
    (tmp_path / "elsewhere").rename(here)
    assert state.load_fact("a") == "1"
    assert state.failing == ""
    assert caplog.text.count("state is not being saved") == 1
    assert caplog.text.count("state is being saved again") == 1
    state.close()


def test_another_file_in_its_place_is_not_taken_for_it(file: Path) -> None:
    state = State(file, "north")
    file.unlink()
    State(file, "north").close()
    with pytest.raises(sqlite3.OperationalError, match="replaced"):
        wait(state.submit(state.save_fact("a", "1")))
    state.close()


def test_a_full_disk_fails_the_batch_and_the_writer_lives_on(file: Path) -> None:
    """In a process of its own, that may write no file beyond half a megabyte."""
    script = """
import resource, signal, sqlite3, sys
from pathlib import Path
from pacs_monitor.state import State
state = State(Path(sys.argv[1]), "north")
state.submit(state.save_fact("a", "1")).result(10)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
try:
    state.submit(state.save_fact("b", "x" * 2_000_000)).result(10)
except sqlite3.OperationalError as error:
    print("failed:", bool(str(error)), bool(state.failing))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
state.submit(state.save_fact("c", "3")).result(10)
print("again:", state.load_fact("a"), state.load_fact("b"), state.load_fact("c"), repr(state.failing))
state.close()
"""
    assert resource.RLIMIT_FSIZE >= 0
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, timeout=150, check=True
    )
    assert done.stdout.splitlines() == ["failed: True True", "again: 1 None 3 ''"]


# The end.


def test_close_writes_what_is_queued(file: Path) -> None:
    state = State(file, "north")
    for number in range(200):
        state.submit(state.save_fact(str(number), "x"))
    assert state.close(10)
    again = reopened(file)
    assert all(again.load_fact(str(number)) == "x" for number in range(200))
    again.close()


def test_close_does_not_wait_for_ever(state: State) -> None:
    gate = threading.Event()
    done = state.submit(lambda connection: gate.wait(60))
    assert not state.close(0.2)
    assert not done.done()
    gate.set()


def test_what_comes_after_the_end_fails_at_once(file: Path) -> None:
    state = State(file, "north")
    state.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        wait(state.submit(state.save_fact("a", "1")))
    with pytest.raises(StateError):
        state.load_fact("a")
    assert state.close()


def test_what_was_committed_survives_a_kill_in_the_middle_of_many_writes(file: Path) -> None:
    script = Path(__file__).parent / "data/many_writes.py"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    last = -1
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, str(script), str(file)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last = int(line)
                if last >= 100:
                    process.kill()
        connection = sqlite3.connect(file)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        state = reopened(file, "test")
        memory = state.load_memory()["n", "c"]
        assert all(memory[f"key {number}"] == (str(number), False) for number in range(last + 1))
        assert int(state.load_fact("fact 0") or -1) >= last
        state.close()


# What is kept.


def test_confirmed_states_come_back_as_they_were_saved(state: State) -> None:
    rows = [(ECHO, True, 10.5, 20.5, 20.5, False), (FIND, False, 30.0, 40.0, None, True)]
    wait(state.submit(state.save_confirmed([*rows, (("", "disk"), None, 0.0, None, None, False)])))
    wait(state.submit(state.save_fact("alive", "99.0")))
    loaded = state.load_confirmed()
    assert loaded[ECHO] == {"healthy": True, "since": 10.5, "last_run": 20.5, "last_success": 20.5, "as_of": 99.0}
    # What was stale before counts as of its last run, not as of when we were last alive.
    assert loaded[FIND] == {"healthy": False, "since": 30.0, "last_run": 40.0, "last_success": None, "as_of": 40.0}
    assert loaded["", "disk"]["healthy"] is None


def test_each_site_has_its_own(file: Path, state: State) -> None:
    confirmed(state, ECHO)
    wait(state.submit(state.remember(ECHO, "a", "1", False)))
    south = reopened(file, "south")
    assert south.load_confirmed() == {}
    assert south.load_memory() == {}
    wait(south.submit(south.prune(set())))
    assert list(state.load_confirmed()) == [ECHO]
    south.close()


def test_memory_is_put_replaced_and_taken_out(state: State) -> None:
    for key, value, keep in (("a", "1", False), ("b", '{"x": [1]}', True), ("a", "2", False), ("c", "3", False)):
        wait(state.submit(state.remember(ECHO, key, value, keep)))
    wait(state.submit(state.remember(ECHO, "c", None, False)))
    assert state.load_memory() == {ECHO: {"a": (2, False), "b": ({"x": [1]}, True)}}


def test_prune_drops_what_left_the_configuration_but_what_must_stay_and_tells_of_it(state: State) -> None:
    confirmed(state, ECHO, FIND)
    for check, key, keep in ((ECHO, "a", False), (FIND, "a", False), (FIND, "uid 1", True), (FIND, "uid 2", True)):
        wait(state.submit(state.remember(check, key, "1", keep)))
    assert wait(state.submit(state.prune({ECHO}))) == [("ct1", "c_find", 2)]
    assert list(state.load_confirmed()) == [ECHO]
    assert state.load_memory() == {ECHO: {"a": (1, False)}, FIND: {"uid 1": (1, True), "uid 2": (1, True)}}
    assert wait(state.submit(state.prune({ECHO, FIND}))) == []


def test_a_fact_is_a_line_of_text_under_a_name(state: State) -> None:
    assert state.load_fact("nothing") is None
    for value in ("1", "2"):
        wait(state.submit(state.save_fact("number", value)))
    assert state.load_fact("number") == "2"
