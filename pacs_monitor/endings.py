"""How a process ended: by itself, by a fault of its own code, or killed from outside."""

from __future__ import annotations

import signal
from dataclasses import dataclass

_FAULTS = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS, signal.SIGTRAP}
)
"""The signals by which a process ends whose own code is at fault; all others somebody sends."""


@dataclass(frozen=True)
class Ending:
    """An exit status as `subprocess` has it: negative for a signal, None if nobody knows."""

    status: int | None = None
    stood_still: bool = False
    """Whether it was we who killed it, since it gave no sign of life."""

    @property
    def its_own(self) -> bool:
        """Whether its own code was at fault; else it may have been a person, or the kernel for want of memory."""
        if self.status is None:
            return self.stood_still
        return self.status >= 0 or -self.status in _FAULTS

    @property
    def how(self) -> str:
        """To stand after "it": `crashed (SIGSEGV)`."""
        if self.status is None:
            return "ended in an unknown way"
        if self.status >= 0:
            return f"ended by itself with exit status {self.status}"
        name = next((each.name for each in signal.Signals if each == -self.status), f"signal {-self.status}")
        if -self.status == signal.SIGKILL:
            name += ": by hand, or for want of memory"
        return f"was killed from outside ({name})" if not self.its_own else f"crashed ({name})"
