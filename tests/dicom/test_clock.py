import socket
import struct
import time

import pytest

from pacs_monitor.dicom import clock
from pacs_monitor.dicom.clock import Stopwatch

MS = 1_000_000


class Clocks:
    """Both clocks of a machine, to be moved by hand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wall, self.monotonic = 1_700_000_000_000_000_000, 5_000 * MS
        patch.setattr(clock, "time_ns", lambda: self.wall)
        patch.setattr(clock, "monotonic_ns", lambda: self.monotonic)

    def pass_by(self, nanoseconds: int, step: int = 0) -> None:
        self.monotonic += nanoseconds
        self.wall += nanoseconds + step


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def stamp(wall: int) -> list[tuple[int, int, bytes]]:
    return [(socket.SOL_SOCKET, clock.SO_TIMESTAMPNS, struct.pack("@qq", wall // 10**9, wall % 10**9))]


def test_the_kernels_stamp_counts_however_late_the_process_reads_it(clocks: Clocks) -> None:
    watch, sent = Stopwatch(), clocks.wall
    clocks.pass_by(500 * MS)
    assert watch.read(stamp(sent + 3 * MS)) == 0.003
    assert watch.kernel


def test_without_a_stamp_the_monotonic_clock_counts(clocks: Clocks) -> None:
    watch = Stopwatch()
    clocks.pass_by(7 * MS)
    assert watch.read() == watch.read([]) == 0.007
    assert not watch.kernel


@pytest.mark.parametrize("step", [3600_000 * MS, -3600_000 * MS, 2 * MS, -2 * MS])
def test_where_somebody_set_the_clock_the_monotonic_one_counts(clocks: Clocks, step: int) -> None:
    watch, sent = Stopwatch(), clocks.wall
    clocks.pass_by(5 * MS, step)
    assert watch.read(stamp(sent + step + 4 * MS)) == 0.005
    assert not watch.kernel


def test_a_stamp_from_before_the_sending_or_after_now_is_not_believed(clocks: Clocks) -> None:
    watch, sent = Stopwatch(), clocks.wall
    clocks.pass_by(5 * MS)
    assert watch.read(stamp(sent - 1)) == 0.005
    assert watch.read(stamp(sent + 60 * MS)) == 0.005
    assert not watch.kernel


def test_a_stopwatch_starts_anew(clocks: Clocks) -> None:
    watch = Stopwatch()
    clocks.pass_by(90 * MS)
    watch.start()
    clocks.pass_by(2 * MS)
    assert watch.read() == 0.002


@pytest.mark.skipif(not clock.LINUX, reason="only Linux stamps what arrives")
def test_the_kernel_stamps_what_arrives_and_so_does_a_real_stopwatch() -> None:
    keeping = clock.keep_stamping()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as one:
        clock.prepare(one)
        other, _ = listener.accept()
        # The kernel begins a moment after the first socket asks for it, by a work queue of its own.
        until = time.monotonic() + 20
        ancillary: list[tuple[int, int, bytes]] = []
        while not ancillary and time.monotonic() < until:
            other.sendall(b"early")
            _, ancillary, _, _ = one.recvmsg(100, clock.STAMP_SPACE)
        watch = Stopwatch()
        other.sendall(b"answer")
        data, ancillary, _, _ = one.recvmsg(100, clock.STAMP_SPACE)
        assert 0 <= watch.read(ancillary) < 20
        assert (data, watch.kernel) == (b"answer", True)
        clock.acknowledge_now(one)
        other.close()
    assert keeping is not None
    keeping.close()
