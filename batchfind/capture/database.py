"""Connections to run.db, and SQLite's errors in words a user can act on."""

from __future__ import annotations

import os
import sqlite3
import time
import urllib.parse
from pathlib import Path
from typing import Final

from batchfind.capture.schema import APPLICATION_ID, VERSION
from batchfind.errors import StorageError

_PATIENCE: Final = 30.0
"""Seconds to wait for another process that holds the file, such as a backup."""

_PATIENCE_WITH_READERS: Final = 5.0
"""Seconds to wait at the end for a `batchfind status` that is reading."""

_NO_SHARED_MEMORY: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}

_CAUSES: Final = {
    sqlite3.SQLITE_FULL: "no space is left: free some, then {again}",
    sqlite3.SQLITE_IOERR: (
        "the disk refused to read or write: check space, quota and file-size limit, "
        "then {again}"
    ),
    sqlite3.SQLITE_READONLY: "it is read-only: make it writable, then try again",
    sqlite3.SQLITE_PERM: "access is denied: check owner and mode",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check its path, owner and mode",
    sqlite3.SQLITE_BUSY: "another process holds it: end that one, then try again",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a copy, or run the job again",
    sqlite3.SQLITE_NOTADB: "it is not a capture of batchfind: name a run directory",
}


def storage_error(
    path: Path, error: sqlite3.Error | OSError, again: str = "`batchfind resume`"
) -> StorageError:
    """One sentence that says what became of the capture and what to do.

    Args:
        path: of run.db.
        error: what SQLite or the operating system said.
        again: what to do once there is space.
    """
    if isinstance(error, OSError):
        reason = f"{error.strerror or error}: check the disk, then {again}"
        return StorageError(f"{path}: {reason}")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    reason = _CAUSES.get(code, "it cannot be used: restore it, or run the job again")
    return StorageError(f"{path}: {reason.format(again=again)} (SQLite: {error})")


def connect(path: Path, options: str) -> sqlite3.Connection:
    """A connection in autocommit mode with `options` in its URI; never creates."""
    name = urllib.parse.quote(os.fsencode(path.absolute()))
    return sqlite3.connect(
        f"file:{name}?{options}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
        # A capture may be opened by one thread and read by another, one at a time.
        check_same_thread=False,
    )


def connect_readonly(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing.

    A capture in WAL mode needs its -shm file, which a read-only directory may
    lack; when its log is empty it is safe to read the file as it stands.
    """
    connection = connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if error.sqlite_errorcode & 0xFF not in _NO_SHARED_MEMORY or (
            log.exists() and log.stat().st_size
        ):
            raise
        connection = connect(path, "mode=ro&immutable=1")
    except BaseException:
        connection.close()
        raise
    return connection


def check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StorageError unless the file is a capture of this version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StorageError(
            f"{path}: it is not a capture of batchfind: name a run directory"
        )
    if version != VERSION:
        raise StorageError(
            f"{path}: its format is version {version}, this batchfind reads version "
            f"{VERSION}: use the batchfind that wrote it"
        )


def connect_writing(path: Path) -> tuple[sqlite3.Connection, bool]:
    """A connection for the one writer of an existing file.

    Returns:
        The connection, and whether write-ahead logging is on. File systems that
        cannot share memory between processes refuse it and get a rollback journal.

    Raises:
        sqlite3.Error: the file cannot be written.
    """
    connection = connect(path, "mode=rw")
    try:
        if _use_wal(connection):
            return connection, True
    except BaseException:
        connection.close()
        raise
    connection.close()
    return _connect_without_wal(path), False


def _use_wal(connection: sqlite3.Connection) -> bool:
    try:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=NORMAL")
        # Some file systems refuse only when the shared memory is first used.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        return False
    return bool(mode == "wal")


def _connect_without_wal(path: Path) -> sqlite3.Connection:
    connection = connect(path, "mode=rw")
    try:
        # The attempt may have left the file in WAL mode. Exclusive locking undoes
        # that without shared memory, on a connection that never used any.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchone()
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        connection.execute("PRAGMA locking_mode=NORMAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def leave_wal(connection: sqlite3.Connection) -> bool:
    """Folds the log into the file, so that it is one file that opens read-only.

    Returns:
        False when readers kept it in use for five seconds; nothing is lost then.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    connection.execute("PRAGMA busy_timeout=100")
    give_up = time.monotonic() + _PATIENCE_WITH_READERS
    while not _try_to_leave_wal(connection):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def _try_to_leave_wal(connection: sqlite3.Connection) -> bool:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True
