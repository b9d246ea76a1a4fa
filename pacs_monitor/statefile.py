"""The SQLite file itself: opened or made, brought up to date, and whether it is still the one at its path."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE confirmed (
        site TEXT, node TEXT, check_name TEXT, healthy INTEGER, since REAL, last_run REAL, last_success REAL,
        stale INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (site, node, check_name)) WITHOUT ROWID;
    CREATE TABLE memory (
        site TEXT, node TEXT, check_name TEXT, key TEXT, value TEXT NOT NULL, keep INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (site, node, check_name, key)) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE routing (
        site TEXT, kind TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (site, kind, name)) WITHOUT ROWID;
    """,
)
"""Each takes the schema one version further; a released one is never edited."""


class StateError(Exception):
    """The state file cannot be used; the message says which, why, and what to do."""


def open_file(path: Path) -> sqlite3.Connection:
    """The connection, with the schema brought up to date. Raises StateError."""
    connection: sqlite3.Connection | None = None
    try:
        # Nobody else may read it, not even for the moment in which it is made; its -wal and -shm take after it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(path, connection)
    except (OSError, sqlite3.Error, StateError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, StateError):
            raise
        raise StateError(unusable(path, error)) from None
    return connection


def look_at(path: Path) -> None:
    """Raise StateError for what `open_file` would, as far as the file's first bytes tell; nothing is changed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise StateError(unusable(path, error)) from None
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        owner = os.fstat(descriptor).st_uid
        head = file.read(100) or b""
    if os.geteuid() not in (0, owner):
        raise StateError(unusable(path, PermissionError(errno.EPERM, "it belongs to another user")))
    if head and not head.startswith(b"SQLite format 3\0"):
        raise StateError(unusable(path, sqlite3.DatabaseError("file is not a database")))
    _check_version(path, int.from_bytes(head[60:64], "big"))


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    _check_version(path, version)
    for place, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;{script}PRAGMA user_version = {place};COMMIT;")


def _check_version(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise StateError(
            f"{path}: was written by a newer pacs-monitor (schema {version}, this one knows {len(MIGRATIONS)}); "
            f"run that one, or move the file away and start again"
        )


def unusable(path: Path, error: Exception) -> str:
    """Why a file cannot be used, with the remedy."""
    if isinstance(error, OSError) and error.strerror:
        return f"{path}: cannot be used ({error.strerror}); correct its owner and permissions, or data_dir"
    return f"{path}: cannot be used ({error}); if it is damaged, move it away and start again"


def is_the_files_fault(error: Exception) -> bool:
    """Whether all that is written fails so (full, locked, damaged), and not only the function that raised it."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR  # that one is a mistake in the SQL
    return type(error) in (sqlite3.DatabaseError, sqlite3.InternalError)


def identity(path: Path) -> tuple[int, int] | None:
    """Which file is at a path: device and inode; None if there is none, or nobody may look."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
