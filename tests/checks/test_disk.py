"""The disk check on real file systems: tmpfs mounts, and a FUSE mount whose program never answers."""

import contextlib
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.disk import Disk
from pacs_monitor.sitetime import SiteTime
from tests.checks.support import DictMemory, Run, bind, complaint, run

MB = 1_000_000
_MNT_DETACH = 2


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a tmpfs with these options and gives its path."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    mounted: list[Path] = []

    def make(options: str = "size=1M", name: str = "disk") -> Path:
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.fixture
def dead_mount(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A mount that never answers, as one of a dead file server, and what ends its life for good."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("only root may mount, and it takes /dev/fuse")
    place = tmp_path / "dead"
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.ExitStack() as stack:
        try:
            fd = os.open("/dev/fuse", os.O_RDWR)
        except OSError as error:
            pytest.skip(f"/dev/fuse cannot be opened: {error}")
        closed = stack.enter_context(contextlib.ExitStack())
        closed.callback(os.close, fd)
        options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"dead", os.fsencode(place), b"fuse", 0, options):
            pytest.skip(f"FUSE cannot be mounted: {os.strerror(ctypes.get_errno())}")
        stack.callback(libc.umount2, os.fsencode(place), _MNT_DETACH)
        yield place, closed.close


def command(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout


async def look(check: Disk, seconds: float = 5.0) -> Run:
    return await run(bind(check), seconds)


async def test_a_disk_with_room_is_measured(mount: Callable[..., Path]) -> None:
    place = mount("size=8M,nr_inodes=100")
    (place / "image").write_bytes(b"x" * 2 * 1024 * 1024)
    gave = await look(Disk(path=place, mount=True))
    assert gave.failure is None
    assert gave.value("pacs_disk_size_bytes", path=str(place)) == 8 * 1024 * 1024
    assert gave.value("pacs_disk_free_bytes", path=str(place)) == 6 * 1024 * 1024
    assert gave.value("pacs_disk_used_ratio", path=str(place)) == pytest.approx(0.25)
    assert gave.value("pacs_disk_inodes_used_ratio", path=str(place)) == pytest.approx(0.02)
    assert gave.value("pacs_disk_readonly", path=str(place)) == 0
    assert gave.value("pacs_disk_mounted", path=str(place)) == 1


async def test_the_figures_are_those_of_df(tmp_path: Path) -> None:
    gave = await look(Disk(path=tmp_path, free_warning=0, free_critical=0, inodes_critical=0))
    size, avail, percent = command("df", "-B1", "--output=size,avail,pcent", tmp_path).splitlines()[1].split()
    assert gave.value("pacs_disk_size_bytes") == int(size)
    assert gave.value("pacs_disk_free_bytes") == pytest.approx(int(avail), rel=0.01)
    assert 100 * (gave.value("pacs_disk_used_ratio") or 0) == pytest.approx(int(percent.rstrip("%")), abs=1.1)
    assert gave.value("pacs_disk_mounted") is None, "nobody said that it must be one"


async def test_a_full_disk_says_how_full_and_what_to_do(mount: Callable[..., Path]) -> None:
    place = mount("size=1M")
    (place / "image").write_bytes(b"x" * 1024 * 1008)
    gave = await look(Disk(path=place))
    assert gave.reason == "threshold"
    assert gave.message == (
        f"{place} has 16.4 kB of 1.05 MB left (1.56%, at least 5% are due); move or delete data, or enlarge it"
    )
    assert gave.value("pacs_disk_used_ratio") == pytest.approx(1 - 16 / 1024)


async def test_between_warning_and_critical_it_succeeds_and_the_figure_tells(mount: Callable[..., Path]) -> None:
    place = mount("size=1M")
    (place / "image").write_bytes(b"x" * 1024 * 944)
    gave = await look(Disk(path=place))
    assert gave.failure is None
    assert 0.9 < (gave.value("pacs_disk_used_ratio") or 0) < 0.95


async def test_used_up_inodes_are_a_failure_of_their_own(mount: Callable[..., Path]) -> None:
    place = mount("size=1M,nr_inodes=20")
    for number in range(19):
        (place / str(number)).touch()
    gave = await look(Disk(path=place))
    assert gave.reason == "threshold"
    assert "has 0 of 20 inodes left (0%, at least 5% are due); delete small files" in gave.message


async def test_a_file_system_without_inodes_has_no_such_series(mount: Callable[..., Path]) -> None:
    place = mount("size=1M,nr_inodes=0")
    gave = await look(Disk(path=place))
    assert gave.failure is None
    assert gave.value("pacs_disk_inodes_used_ratio") is None


async def test_read_only_is_a_failure_unless_it_is_meant(mount: Callable[..., Path]) -> None:
    place = mount("size=1M")
    command("mount", "-o", "remount,ro", place)
    gave = await look(Disk(path=place))
    assert gave.reason == "mismatch"
    assert gave.message.startswith(f"{place} is mounted read-only; look into the kernel's log")
    assert gave.value("pacs_disk_readonly") == 1
    assert (await look(Disk(path=place, writable=False))).failure is None


async def test_a_mount_that_is_gone_is_told_and_the_disk_below_is_not_measured(mount: Callable[..., Path]) -> None:
    place = mount("size=1M")
    check = Disk(path=place, mount=True)
    assert (await look(check)).failure is None
    command("umount", place)
    gave = await look(check)
    assert gave.reason == "not_found"
    assert gave.message == f"nothing is mounted at {place}; mount it, and look why it went"
    measured = [(sample.metric.name, sample.value) for sample in gave.samples]
    assert measured == [("pacs_disk_mounted", 0), ("pacs_storage_history_days", 0)]


async def test_a_mount_is_recognised_through_a_link_and_with_a_space_in_its_name(
    mount: Callable[..., Path], tmp_path: Path
) -> None:
    place = mount("size=1M", "image disk")
    (tmp_path / "link").symlink_to(place)
    gave = await look(Disk(paths=(place, tmp_path / "link"), mount=True))
    assert gave.failure is None
    assert gave.value("pacs_disk_mounted") == 2


async def test_a_marker_that_is_missing_names_itself(tmp_path: Path) -> None:
    check = Disk(path=tmp_path, marker="share/.here", free_critical=0, free_warning=0, inodes_critical=0)
    gave = await look(check)
    assert gave.reason == "not_found"
    assert gave.message == f"the marker {tmp_path}/share/.here does not exist; mount it, or correct path"
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / ".here").touch()
    assert (await look(check)).failure is None


async def test_a_missing_path_fails_and_the_other_is_measured_all_the_same(mount: Callable[..., Path]) -> None:
    place = mount("size=1M")
    (place / "image").write_bytes(b"x" * 1024 * 1024)
    missing = place.parent / "missing"
    gave = await look(Disk(paths=(missing, place)))
    assert gave.reason == "not_found", "what is missing is worse than what is full"
    assert gave.message.startswith(f"{missing} does not exist; mount it, or correct path. Also, {place} has 0 B of")
    assert gave.value("pacs_disk_size_bytes", path=str(place)) == 1024 * 1024


async def test_a_folder_that_is_closed_to_us_is_forbidden(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    (tmp_path / "closed" / "images").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    check = Disk(path=tmp_path / "closed" / "images")
    # Only the effective user of this process changes; the check's threads take it from here.
    os.seteuid(65534)
    try:
        gave = await look(check)
    finally:
        os.seteuid(0)
    assert gave.reason == "forbidden"
    assert "may not be looked at by this user" in gave.message


async def test_a_dead_mount_harms_neither_the_others_nor_the_next_run(
    dead_mount: tuple[Path, Callable[[], None]], mount: Callable[..., Path]
) -> None:
    (dead, end), alive = dead_mount, mount()
    check = bind(Disk(paths=(dead, alive), mount=True))
    threads = threading.active_count()
    for _ in range(3):
        gave = await run(check, 1.0)  # which gives up five seconds later than the check should
        assert gave.reason == "timeout"
        assert gave.message == f"{dead} does not answer: a dead network mount; look at its server"
        assert gave.value("pacs_disk_size_bytes", path=str(alive)) == 1024 * 1024
    assert threading.active_count() <= threads + 1, "one thread hangs, not one for each run"
    end()
    await run(check)
    gave = await run(check)
    assert gave.reason == "unreachable"
    assert gave.message == f"{dead} is a mount whose program has ended; mount it anew"
    assert gave.value("pacs_disk_mounted", path=str(dead)) == 1


async def test_what_is_free_is_remembered_and_of_another_share_it_is_not(tmp_path: Path) -> None:
    clock, memory = [1_790_000_000.0], DictMemory()
    limits = {"free_warning": 0.0, "free_critical": 0.0, "inodes_critical": 0.0}
    check = Disk(path=tmp_path, marker=".here", **limits)  # type: ignore[arg-type]
    bind(check, memory=memory, site_time=SiteTime(wall=lambda: clock[0]))
    assert (await run(check)).reason == "not_found"
    assert memory.kept == {}
    (tmp_path / ".here").touch()
    for _ in range(11):
        await run(check)
        clock[0] += 86400
    gave = await run(check)
    assert len(memory.kept) == 12
    assert list(memory.kept["free/2026-09-21"]) == [str(tmp_path)]
    assert gave.value("pacs_storage_history_days", path=str(tmp_path)) == 11
    assert gave.value("pacs_storage_growth_bytes_per_day", path=str(tmp_path)) is not None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "names no path; set path to a folder, or paths to several"),
        ({"path": "images"}, "images does not begin with /; write the whole path"),
        ({"path": "/a", "free_warning": "1%"}, "free_warning is below free_critical; a warning comes first: raise it"),
        ({"path": "/a", "full_warning": "1d"}, "full_warning is shorter than full_critical; a warning comes first"),
        ({"path": "/a", "marker": "/b"}, "marker /b is not below the path; write it as seen from there"),
        ({"path": "/a", "marker": "../b"}, "marker ../b is not below the path"),
        ({"path": "/a", "free_critical": "120%"}, "120% is not between 0% and 100%"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_load(settings: dict[str, str], words: str) -> None:
    with complaint(words):
        Disk.model_validate(settings)


def test_a_path_named_twice_is_measured_once() -> None:
    assert Disk(path=Path("/a"), paths=(Path("/b"), Path("/a"))).places == (Path("/a"), Path("/b"))
