"""How a worker ended, from its exit status."""

import signal

import pytest

from pacs_monitor.endings import Ending


@pytest.mark.parametrize(
    ("status", "from_outside", "how"),
    [
        (None, False, "ended by itself"),
        (0, False, "ended by itself with exit status 0"),
        (3, False, "ended by itself with exit status 3"),
        (-signal.SIGSEGV, False, "crashed (SIGSEGV)"),
        (-signal.SIGABRT, False, "crashed (SIGABRT)"),
        (-signal.SIGKILL, True, "was killed from outside (SIGKILL: by hand, or for want of memory)"),
        (-signal.SIGHUP, True, "was killed from outside (SIGHUP)"),
        (-signal.SIGRTMIN - 1, True, "was killed from outside (signal 35)"),
    ],
)
def test_an_exit_status_tells_a_fault_from_a_kill(status: int | None, from_outside: bool, how: str) -> None:
    ending = Ending(status)
    assert (ending.from_outside, ending.how) == (from_outside, how)
