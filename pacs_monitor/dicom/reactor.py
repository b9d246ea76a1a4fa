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

Callback = Callable[[], None]


class Watcher(Protocol):
    """Calls back when a socket may be read or written; spurious calls are possible."""

    def add(self, sock: socket.socket, callback: Callback) -> None:
        """Watch a socket."""

    def replace(self, sock: socket.socket, callback: Callback) -> None:
        """Call another one from now on."""

    def remove(self, sock: socket.socket) -> None:
        """Stop watching; before the socket is closed."""


class EpollWatcher:
    """Edge-triggered: a callback must read until it would block, or be content with what it read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
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
        # Closing takes it out of the kernel's set; a second system call would say the same.
        self._callbacks.pop(sock.fileno(), None)

    def _ready(self) -> None:
        callbacks = self._callbacks
        # One batch for each turn of the loop: other tasks get theirs in between.
        for fd, _ in self._epoll.poll(0, 128):
            callback = callbacks.get(fd)
            if callback is not None:
                callback()


class LoopWatcher:
    """The portable way: the event loop's own readers and writers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def add(self, sock: socket.socket, callback: Callback) -> None:
        """Watch a socket for everything, from now on."""

        def writable() -> None:
            self._loop.remove_writer(sock)
            callback()

        self._loop.add_reader(sock, callback)
        self._loop.add_writer(sock, writable)

    def replace(self, sock: socket.socket, callback: Callback) -> None:
        """Call another one from now on."""
        self._loop.add_reader(sock, callback)

    def remove(self, sock: socket.socket) -> None:
        """Stop watching."""
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, Watcher] = WeakKeyDictionary()


def watcher() -> Watcher:
    """The running loop's watcher."""
    loop = asyncio.get_running_loop()
    found = _watchers.get(loop)
    if found is None:
        found = EpollWatcher(loop) if hasattr(select, "epoll") else LoopWatcher(loop)
        _watchers[loop] = found
    return found
