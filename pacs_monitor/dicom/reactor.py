"""Readiness of many sockets for one event loop.

Where there is epoll, the loop watches one descriptor for all of them: a probe then costs one system call to
register instead of three, and no Handle for each event. Elsewhere the loop watches each socket itself.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from pacs_monitor.dicom.clock import keep_stamping

Callback = Callable[[int], None]
"""Called with events: READABLE and CLOSING, or 0 where whatever is left is announced again."""


READABLE: int = getattr(select, "EPOLLIN", 0)
CLOSING: int = getattr(select, "EPOLLRDHUP", 0) | getattr(select, "EPOLLHUP", 0) | getattr(select, "EPOLLERR", 0)
"""After what is there to be read the peer will send nothing more."""


class Watcher(Protocol):
    """Calls back when a socket may be read or written; spurious calls are possible."""

    def add(self, sock: socket.socket, callback: Callback) -> None:
        """Watch a socket."""

    def replace(self, sock: socket.socket, callback: Callback) -> None:
        """Call another one from now on."""

    def remove(self, sock: socket.socket) -> None:
        """Stop watching; before the socket is closed."""


class EpollWatcher:
    """Edge-triggered: a callback that leaves something unread, be it only the end, is not called for it again."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._stamping = keep_stamping()
        self._callbacks: dict[int, Callback] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def add(self, sock: socket.socket, callback: Callback) -> None:
        """Watch a socket for everything, from now on."""
        fd = sock.fileno()
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)

    def replace(self, sock: socket.socket, callback: Callback) -> None:
        """Call another one from now on."""
        self._callbacks[sock.fileno()] = callback

    def remove(self, sock: socket.socket) -> None:
        """Stop watching."""
        fd = sock.fileno()
        if self._callbacks.pop(fd, None) is not None:
            # Closing does not do it while a child that was forked just now holds a copy, and then the next
            # socket of the same number would be called for this one's events.
            self._epoll.unregister(fd)

    def _ready(self) -> None:
        callbacks = self._callbacks
        # One batch for each turn of the loop: other tasks get theirs in between.
        for fd, events in self._epoll.poll(0, 128):
            callback = callbacks.get(fd)
            if callback is not None:
                try:
                    callback(events)
                except Exception as error:  # noqa: BLE001 - the rest of the batch will not be announced again
                    told = {"message": "an event of a socket could not be handled", "exception": error}
                    asyncio.get_running_loop().call_exception_handler(told)


class LoopWatcher:
    """The portable way: the event loop's own readers and writers. Level-triggered."""

    def add(self, sock: socket.socket, callback: Callback) -> None:
        """Watch a socket for everything, from now on."""
        loop = asyncio.get_running_loop()

        def writable() -> None:
            loop.remove_writer(sock)
            callback(0)

        loop.add_reader(sock, callback, 0)
        loop.add_writer(sock, writable)

    def replace(self, sock: socket.socket, callback: Callback) -> None:
        """Call another one from now on."""
        asyncio.get_running_loop().add_reader(sock, callback, 0)

    def remove(self, sock: socket.socket) -> None:
        """Stop watching."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, Watcher] = WeakKeyDictionary()


def watcher(loop: asyncio.AbstractEventLoop) -> Watcher:
    """The loop's watcher."""
    found = _watchers.get(loop)
    if found is None:
        found = EpollWatcher(loop) if hasattr(select, "epoll") else LoopWatcher()
        _watchers[loop] = found
    return found


def watch_with(loop: asyncio.AbstractEventLoop, chosen: Watcher) -> None:
    """Choose the loop's watcher; before its first probe."""
    _watchers[loop] = chosen
