"""How a worker ended, from its exit status."""

import signal

import pytest

from pacs_monitor.endings import Ending


@pytest.mark.parametrize(
    ("status", "its_own", "how"),
    [
        (None, False, "ended in an unknown way"),
        (0, True, "ended by itself with exit status 0"),
        (3, True, "ended by itself with exit status 3"),
        (-signal.SIGSEGV, True, "crashed (SIGSEGV)"),
        (-signal.SIGABRT, True, "crashed (SIGABRT)"),
        (-signal.SIGKILL, False, "was killed from outside (SIGKILL: by hand, or for want of memory)"),
        (-signal.SIGHUP, False, "was killed from outside (SIGHUP)"),
        (-signal.SIGRTMIN - 1, False, "was killed from outside (signal 35)"),
    ],
)
def test_an_exit_status_tells_a_fault_from_a_kill(status: int | None, its_own: bool, how: str) -> None:
    ending = Ending(status)
    assert (ending.its_own, ending.how) == (its_own, how)


def test_one_that_stood_still_is_at_fault_though_it_was_killed() -> None:
    assert Ending(stood_still=True).its_own
