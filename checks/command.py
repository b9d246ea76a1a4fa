"""Commands: what does a Nagios plugin say?"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pacs_monitor.check import Check, CheckFailed, Gauge, PlainText, Sample
from pacs_monitor.perfdata import Value, first_line, values
from pacs_monitor.programs import Ended, Program

STATE = Gauge("pacs_command_state", "What the plugin says: 0 is OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.")
VALUE = Gauge("pacs_command_value", "A value of the plugin's performance data, in base units.", ("name", "unit"))
LIMIT = Gauge("pacs_command_limit", "A limit that the plugin told along with the value.", ("name", "unit", "limit"))

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_LONGEST_TEXT = 200


class Command(Check):
    """Run a Nagios plugin without a shell; take its state, and the values that you name."""

    argv: Annotated[tuple[PlainText, ...], Field(min_length=1, max_length=64)]
    """The plugin with its whole path, and each argument for itself; no shell sees them. {host} is the node's host."""
    values: Annotated[tuple[PlainText, ...], Field(max_length=64)] = ()
    """The values to export, as the plugin names them before the = in its performance data."""
    fail_on: Literal["warning", "critical"] = "critical"
    """Whether it fails on WARNING, too; else that is a success with pacs_command_state 1."""
    show_text: bool = False
    """Whether the plugin's first line goes into logs, pages and mails; not if it may name a patient."""

    anywhere: ClassVar[bool] = True

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        path = Path(self.argv[0])
        if not path.is_absolute():
            raise ValueError(f"argv {path} does not begin with /; write the plugin's whole path")
        if not path.exists():
            raise ValueError(f"argv {path} does not exist; install the plugin, or correct the path")
        if not path.is_file() or not os.access(path, os.X_OK):
            raise ValueError(f"argv {path} is no program that this user may run; run chmod 755 on it, or correct it")
        return self

    async def run(self) -> AsyncIterator[Sample]:
        """Raise CheckFailed if the plugin does not end in time, is not content, or cannot be run."""
        ended = await self._end()
        if ended.code is None:
            raise CheckFailed(
                "timeout",
                f"{self._plugin} did not end in time and was killed; run it by hand as the agent's user, "
                f"or lengthen timeout",
            )
        if ended.code not in range(len(STATES)):
            how = f"was ended by signal {-ended.code}" if ended.code < 0 else f"ended with {ended.code}"
            raise CheckFailed(
                "aborted" if ended.code < 0 else "mismatch",
                f"{self._plugin} {how}, where plugins end with 0 to 3; run it by hand as the agent's user",
            )
        yield STATE(ended.code)
        found = {value.name: value for value in values(ended.output) if value.name in self.values}
        for value in found.values():
            for sample in _samples(value):
                yield sample
        self._judge(ended, [name for name in self.values if name not in found])

    async def _end(self) -> Ended:
        """Run it in a thread, as even starting may block. However this run ends, nothing of it is left."""
        program = Program(self._argv())
        try:
            # It ends before the run does: then the sentence is ours.
            return await self.in_thread(program.run, time.monotonic() + 0.9 * self.time_left)
        except PermissionError:
            raise CheckFailed("forbidden", f"{self._plugin} may not be run by this user; run chmod 755 on it") from None
        except FileNotFoundError:
            raise CheckFailed(
                "not_found", f"{self._plugin} is gone, or what its first line calls is; install it again"
            ) from None
        except OSError:
            raise CheckFailed(
                "mismatch", f"{self._plugin} cannot be started; is it a program for this machine, with a #! line?"
            ) from None
        finally:
            program.kill()

    def _argv(self) -> tuple[str, ...]:
        node = self.surroundings.node
        if not any("{host}" in word for word in self.argv):
            return self.argv
        if node is None or node.host is None:
            raise CheckFailed("broken", f"{self._plugin} has no host to stand for {{host}}; write it into argv")
        return tuple(word.replace("{host}", str(node.host)) for word in self.argv)

    def _judge(self, ended: Ended, absent: list[str]) -> None:
        """Raise what the state means; a value that a content plugin never told is a name that is not right."""
        state = STATES[ended.code or 0]
        if state == "UNKNOWN":
            raise CheckFailed(
                "mismatch", f"{self._says(state, ended.output)}; correct its arguments, or run it by hand to see why"
            )
        if state == "CRITICAL" or (state == "WARNING" and self.fail_on == "warning"):
            remedy = "look at what it watches" + ("" if self.show_text else ", or run it by hand to see its words")
            raise CheckFailed("threshold", f"{self._says(state, ended.output)}; {remedy}")
        if absent:
            raise CheckFailed(
                "mismatch", f"{self._plugin} told no value named {absent[0]}; run it by hand and correct values"
            )

    def _says(self, state: str, output: str) -> str:
        text = first_line(output) if self.show_text else ""
        shown = "".join(letter for letter in text if letter.isprintable())[:_LONGEST_TEXT].rstrip(" .;")
        return f"{self._plugin} says {state}" + (f": {shown}" if shown else "")

    @property
    def _plugin(self) -> str:
        """Never with its arguments: they may hold a password."""
        return Path(self.argv[0]).name


def _samples(value: Value) -> Iterator[Sample]:
    yield VALUE(value.value, name=value.name, unit=value.unit)
    for limit, number in value.limits.items():
        yield LIMIT(number, name=value.name, unit=value.unit, limit=limit)
