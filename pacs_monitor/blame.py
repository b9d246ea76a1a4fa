"""Which check took its worker down, so that it cannot take it down for ever and with it all that it shares it with."""

from __future__ import annotations

from dataclasses import dataclass

from pacs_monitor.endings import Ending

AT_FIRST = 60.0
"""Seconds for which a check is withheld that took a worker down twice in a row; twice as long each time after."""
AT_MOST = 3600.0


@dataclass
class _Case:
    strikes: int = 0
    until: float = 0.0


class Blame:
    """Counts, for each check, workers that died or stood still in its code since it last came to an end."""

    def __init__(self) -> None:
        self._cases: dict[int, _Case] = {}

    def strike(self, number: int, now: float) -> None:
        """A worker went down while this check's code ran. `now` is on any clock that only goes forward."""
        case = self._cases.setdefault(number, _Case())
        case.strikes += 1
        if case.strikes >= 2:
            case.until = now + min(AT_FIRST * 2 ** (case.strikes - 2), AT_MOST)

    def clear(self, number: int) -> None:
        """It came to an end, or was changed: nothing is held against it."""
        if self._cases:
            self._cases.pop(number, None)

    def withheld(self, number: int) -> bool:
        """Whether it must not be started now."""
        case = self._cases.get(number)
        return case is not None and case.until > 0.0

    def pardoned(self, now: float) -> list[int]:
        """Those that have been withheld long enough; from now on they are not, until they do it again."""
        free = [number for number, case in self._cases.items() if 0.0 < case.until <= now]
        for number in free:
            self._cases[number].until = 0.0
        return free


def accusation(name: str, ending: Ending) -> str:
    """What the result of a check says whose code ran when its worker went down."""
    if not ending.its_own:
        return (
            f"the probing process {ending.how} while {name} ran, and the one before it went down in its run, too; so "
            f"it is withheld for a while; if the kernel's log says that memory ran out, report it to its author"
        )
    return f"the check itself is broken: it took the process down in which {name} ran; report it to its author"
