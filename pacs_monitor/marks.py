"""Whose code runs in a worker right now, in memory that outlives it: whom to blame when it dies or stands still."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import types
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_THREADS = 255
_BOARD = struct.Struct(f"={1 + _THREADS}q")
"""The number of the check whose turn it is on the loop, then those that have a thread; 0 for nobody."""

_board = memoryview(bytearray(_BOARD.size)).cast("q")
_free = list(range(1, 1 + _THREADS))
_mine: ContextVar[int] = ContextVar("mine", default=0)


class Board:
    """The main process's side: memory that it shares with one worker."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("marks")
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())
        os.ftruncate(self.descriptor, _BOARD.size)
        self._map = mmap.mmap(self.descriptor, _BOARD.size)

    def handed_over(self) -> None:
        """The worker has the descriptor: ours is not needed any more."""
        os.close(self.descriptor)

    def suspects(self, threads: bool = True) -> list[int]:
        """The check whose code ran on the loop; if none did, those with code in `threads`."""
        turn, *others = _BOARD.unpack(self._map[:])
        if turn:
            return [turn]
        return sorted({number for number in others if number}) if threads else []


def use(descriptor: int) -> None:
    """From now on this process, a worker, marks where the main process can see it."""
    global _board
    _board = memoryview(mmap.mmap(descriptor, _BOARD.size)).cast("q")


def mark(number: int) -> None:
    """It is this check's turn on the loop; 0: nobody's."""
    _board[0] = number


@types.coroutine
def marked(number: int, coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """The coroutine, with its number on the board during each of its steps."""
    _mine.set(number)
    board = _board
    step: Any = coroutine.send
    argument: Any = None
    while True:
        board[0] = number
        try:
            awaited = step(argument)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            board[0] = 0
        try:
            argument, step = (yield awaited), coroutine.send
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to the coroutine, whatever it is
            argument, step = error, coroutine.throw


def thread_begins() -> int:
    """The check that runs here starts a thread. Its place on the board, for `thread_ends`; 0 if there is none."""
    number = _mine.get()
    if not number or not _free:
        return 0
    place = _free.pop()
    _board[place] = number
    return place


def thread_ends(place: int) -> None:
    """Its thread has returned."""
    if place:
        _board[place] = 0
        _free.append(place)
