"""The queue check on real folders, among them very full ones, closed ones, and ones that change under its eyes."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks import queue as module
from checks.queue import Queue
from pacs_monitor.sitetime import SiteTime
from pacs_monitor.walking import count
from tests.checks.support import Run, bind, complaint, run

HOUR = 3600.0
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))


def fill(folder: Path, number: int, *, begin: int = 0, name: str = "Canary^Secret^{}.dcm") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(begin, begin + number):
        (folder / name.format(place)).write_bytes(b"x" * 10)


def age(file: Path, seconds: float) -> float:
    at = time.time() - seconds
    os.utime(file, (at, at))
    return at


async def look(check: Queue, seconds: float = 20.0) -> Run:
    gave = await run(bind(check), seconds)
    assert "Canary" not in gave.message
    assert not [sample for sample in gave.samples if "Canary" in "".join(sample.labels)]
    return gave


def command(*words: str) -> bool:
    """Whether a program succeeds."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


async def test_a_queue_that_is_short_enough_succeeds_with_its_figures(tmp_path: Path) -> None:
    fill(tmp_path / "in" / "one", 3)
    fill(tmp_path / "in", 2)
    oldest = age(tmp_path / "in" / "one" / "Canary^Secret^1.dcm", 600)
    gave = await look(Queue(path=tmp_path, most=5, oldest=HOUR))
    assert gave.failure is None
    assert gave.value("pacs_queue_files", path=str(tmp_path)) == 5
    assert gave.value("pacs_queue_bytes") == 50
    assert gave.value("pacs_queue_oldest_timestamp_seconds") == pytest.approx(oldest, abs=1)
    assert gave.value("pacs_queue_complete") == 1


async def test_an_empty_queue_has_no_oldest(tmp_path: Path) -> None:
    gave = await look(Queue(path=tmp_path, most=0, oldest=HOUR))
    assert gave.failure is None
    assert gave.value("pacs_queue_files") == 0
    assert gave.value("pacs_queue_oldest_timestamp_seconds") is None


async def test_more_files_than_may_wait_are_told_with_their_number_and_since_when(tmp_path: Path) -> None:
    fill(tmp_path, 214)
    at = NOON.replace(hour=2, minute=10).timestamp()
    os.utime(tmp_path / "Canary^Secret^7.dcm", (at, at))
    check = Queue(path=tmp_path, most=100)
    bind(check).surroundings.site_time = SiteTime("Europe/Berlin", wall=NOON.timestamp)
    gave = await run(check)
    assert gave.reason == "threshold"
    assert gave.message == (
        f"{tmp_path} holds 214 files, the oldest since 02:10; look at the log of the program that empties it, and at "
        f"where it sends"
    )


async def test_the_day_is_told_if_it_was_not_today(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    at = NOON.replace(day=22, hour=23).timestamp()
    os.utime(tmp_path / "Canary^Secret^0.dcm", (at, at))
    check = Queue(path=tmp_path, most=0)
    bind(check).surroundings.site_time = SiteTime("Europe/Berlin", wall=NOON.timestamp)
    assert "holds 1 file, the oldest since 2026-11-22 23:00; look" in (await run(check)).message


async def test_a_file_that_has_waited_too_long_is_a_failure_of_a_queue_that_is_short(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    assert (await look(Queue(path=tmp_path, oldest=HOUR))).failure is None
    age(tmp_path / "Canary^Secret^0.dcm", 2 * HOUR)
    gave = await look(Queue(path=tmp_path, oldest=HOUR))
    assert gave.reason == "threshold"
    assert f"{tmp_path} holds 2 files, the oldest since " in gave.message


async def test_only_names_that_match_count_whatever_their_capitals(tmp_path: Path) -> None:
    fill(tmp_path, 2, name="Canary{}.DCM")
    fill(tmp_path, 3, name="Canary{}.tmp")
    gave = await look(Queue(path=tmp_path, pattern="*.dcm", most=2))
    assert (gave.value("pacs_queue_files"), gave.failure) == (2, None)


async def test_100000_files_are_counted_to_the_last(tmp_path: Path) -> None:
    for folder in range(10):
        (tmp_path / str(folder)).mkdir()
        for place in range(10_000):
            os.close(os.open(tmp_path / str(folder) / f"Canary^{place}", os.O_CREAT | os.O_WRONLY))
    gave = await look(Queue(path=tmp_path, most=99_999), 120)
    assert gave.value("pacs_queue_files") == 100_000
    assert f"{tmp_path} holds 100000 files, the oldest since " in gave.message


async def test_a_queue_that_is_too_long_to_count_holds_more_than_was_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 50)
    fill(tmp_path, 80)
    gave = await look(Queue(path=tmp_path, most=10))
    assert gave.value("pacs_queue_complete") == 0
    assert f"{tmp_path} holds more than 50 files, the oldest since " in gave.message


async def test_a_count_that_ends_before_its_limit_says_that_it_knows_too_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 50)
    fill(tmp_path, 80)
    gave = await look(Queue(path=tmp_path, pattern="*.hl7", most=10))
    assert gave.reason == "timeout"
    assert gave.message == (
        f"{tmp_path} was counted in part only: more than 0 files; lengthen timeout, or name folders further down"
    )


def test_a_walk_ends_when_its_time_is_over(tmp_path: Path) -> None:
    fill(tmp_path, 200)
    asked = iter([False, True])
    counted = count(tmp_path, "*", 1000, lambda: next(asked))
    assert not counted.complete
    assert counted.files == 127


async def test_what_may_not_be_read_is_told_and_the_rest_is_counted(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    fill(tmp_path / "open", 2)
    fill(tmp_path / "Canary^Closed", 3)
    (tmp_path / "Canary^Closed").chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):  # pytest's own folders are closed, too
        if folder.owner() == "root" and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    check = Queue(path=tmp_path, most=10)
    closed = Queue(path=tmp_path / "Canary^Closed", most=10)
    os.seteuid(65534)
    try:
        gave = await look(check)
        of_itself = await run(bind(closed))
    finally:
        os.seteuid(0)
    assert gave.value("pacs_queue_files") == 2
    assert gave.reason == "forbidden"
    assert gave.message == (
        f"{tmp_path} has 1 folder below that this user may not read; give the agent's user the right to, or what "
        f"waits there is not seen"
    )
    assert of_itself.reason == "forbidden"


async def test_a_folder_that_is_missing_says_so_and_the_other_is_counted(tmp_path: Path) -> None:
    fill(tmp_path / "there", 2)
    gave = await look(Queue(paths=(tmp_path / "gone", tmp_path / "there"), most=1))
    assert gave.reason == "not_found"
    assert gave.message.startswith(f"{tmp_path}/gone does not exist; mount it, or correct path. Also, {tmp_path}/there")
    assert gave.value("pacs_queue_files") == 2


async def test_a_share_that_is_gone_is_no_empty_queue(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    if not command("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(tmp_path)):
        pytest.skip("no tmpfs can be mounted here")
    try:
        check = Queue(path=tmp_path, most=0, mount=True)
        assert (await look(check)).failure is None
    finally:
        assert command("umount", str(tmp_path))
    gave = await look(check)
    assert (gave.reason, gave.samples) == ("not_found", [])
    assert gave.message == f"nothing is mounted at {tmp_path}; mount it, and look why it went"


async def test_a_share_that_hangs_keeps_one_thread_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "alive", 2)
    (tmp_path / "dead").mkdir()
    back = threading.Event()
    scandir: Callable[[str], object] = os.scandir

    def hang(folder: str) -> object:
        if "dead" in folder:
            back.wait(60)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", hang)
    check = bind(Queue(paths=(tmp_path / "dead", tmp_path / "alive"), most=5))
    threads = threading.active_count()
    try:
        for _ in range(2):
            gave = await run(check, 3.0)
            assert gave.reason == "timeout"
            assert gave.message == f"{tmp_path}/dead does not answer: a dead network mount; look at its server"
            assert gave.value("pacs_queue_files", path=str(tmp_path / "alive")) == 2
        assert threading.active_count() <= threads + 1
    finally:
        back.set()


def remove_once(folders: list[Path]) -> Callable[[], bool]:
    """Asked in the middle of a walk, after each 64 entries: takes everything out the first time."""

    def ask() -> bool:
        for folder in folders:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
        folders.clear()
        return False

    return ask


def test_files_that_are_taken_out_during_the_walk_are_not_there(tmp_path: Path) -> None:
    fill(tmp_path / "queue", 200)
    counted = count(tmp_path / "queue", "*", 1000, remove_once([tmp_path / "queue"]))
    assert counted.complete
    assert counted.files == 63, "the 64th was asked about when it was gone"


def test_folders_that_are_taken_out_during_the_walk_are_not_there(tmp_path: Path) -> None:
    fill(tmp_path, 62)
    fill(tmp_path / "a", 10)
    fill(tmp_path / "b", 10)
    counted = count(tmp_path, "*", 1000, remove_once([tmp_path / "a", tmp_path / "b"]))
    assert (counted.files, counted.complete, counted.closed) == (62, True, 0)


async def test_links_are_not_followed_neither_round_in_a_loop_nor_elsewhere(tmp_path: Path) -> None:
    fill(tmp_path / "queue" / "below", 2)
    fill(tmp_path / "elsewhere", 5)
    (tmp_path / "queue" / "below" / "loop").symlink_to(tmp_path / "queue")
    (tmp_path / "queue" / "aside").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "queue" / "file").symlink_to(tmp_path / "elsewhere" / "Canary^Secret^0.dcm")
    (tmp_path / "queue" / "nowhere").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "queue" / "pipe")
    gave = await look(Queue(path=tmp_path / "queue", most=2))
    assert (gave.value("pacs_queue_files"), gave.failure) == (2, None)


async def test_a_link_as_the_path_itself_is_followed(tmp_path: Path) -> None:
    fill(tmp_path / "real", 2)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert (await look(Queue(path=tmp_path / "link", most=2))).value("pacs_queue_files") == 2


async def test_a_file_as_path_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    gave = await look(Queue(path=tmp_path / "file", most=2))
    assert gave.reason == "not_found"
    assert gave.message == f"{tmp_path}/file leads through something that is no folder; correct path"


async def test_no_name_of_a_file_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fill(tmp_path / "Canary^Folder", 3)
    await look(Queue(path=tmp_path, most=0))
    assert "Canary" not in caplog.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"most": "1"}, "names no path; set path to a folder, or paths to several"),
        ({"path": "in", "most": "1"}, "in does not begin with /; write the whole path"),
        ({"path": "/in"}, "has no limit; set most, oldest or both"),
        (
            {"path": "/in", "most": "1", "pattern": "in/*"},
            "pattern in/* holds a /; it is compared with file names alone",
        ),
        ({"path": "/in", "most": "-1"}, "greater than or equal to 0"),
        ({"path": "/in", "most": "250000"}, "less than 250000"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_load(settings: dict[str, str], words: str) -> None:
    with complaint(words):
        Queue.model_validate(settings)
