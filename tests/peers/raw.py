"""A peer that does whatever a test wants: answers garbage, half a PDU, or nothing."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class RawServer:
    """A TCP server on a free loopback port that calls `behave` with each connection, each in a thread.

    A connection is closed when `behave` returns, and all when the `with` ends, so a peer that stays silent is
    `lambda conn: conn.recv(1)` in a loop until it gives b"". That a connection broke is no fault of `behave`;
    any other exception of it is raised at the end of the `with`.
    """

    def __init__(self, behave: Callable[[socket.socket], object], host: str = "127.0.0.1") -> None:
        self.host = host
        self.accepted = 0
        self._behave = behave
        self._listener = socket.create_server((host, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._errors: list[Exception] = []
        self._closing = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None and self._errors:
            raise self._errors[0]

    def close(self) -> None:
        """Stop listening and end all connections."""
        with self._lock:
            self._closing = True
            for each in (self._listener, *self._open):
                # Closing alone would not wake a thread that waits in accept or recv.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(3)
        self._listener.close()

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closing:
                    conn.close()
                    return
                self.accepted += 1
                self._open.add(conn)
                self._spawn(self._serve, conn)

    def _serve(self, conn: socket.socket) -> None:
        try:
            self._behave(conn)
        except OSError:
            pass  # the client, or the end of the test, broke the connection
        except Exception as error:  # noqa: BLE001 - raised again at the end of the `with`
            self._errors.append(error)
        finally:
            with self._lock:
                self._open.discard(conn)
            conn.close()
