"""A new run database, which appears whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from batchfind.capture.database import connect, storage_error
from batchfind.capture.schema import APPLICATION_ID, PAGE_BYTES, TABLES, VERSION
from batchfind.errors import StateError
from batchfind.plan.codec import request_texts
from batchfind.plan.model import Plan, Request


def create_database(path: Path, meta: Mapping[str, str], plan: Plan) -> None:
    """Makes a run.db of mode 0600 that holds the whole plan.

    It is filled under another name first: whoever finds a run.db, also after a
    kill at any moment, finds every request in it. The caller holds the lock of the
    run directory.

    Args:
        path: of run.db.
        meta: facts about the run; `plan_digest`, `job` and `clock` are added.
        plan: its requests are stored with origin `plan`.

    Raises:
        StateError: there is one already.
        StorageError: it cannot be written; nothing is left of it.
    """
    if path.exists():
        raise StateError(
            f"{path}: a capture is here already: `batchfind resume` continues it"
        )
    unfinished = path.with_name(path.name + ".new")
    try:
        _make(unfinished, meta, plan)
        unfinished.rename(path)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        # There is no run yet that could be resumed.
        raise storage_error(path, error, "run again") from error


def _make(unfinished: Path, meta: Mapping[str, str], plan: Plan) -> None:
    """A file that holds everything but its name."""
    unfinished.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    os.close(os.open(unfinished, flags, 0o600))
    with closing(connect(unfinished, "mode=rw")) as connection:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("BEGIN IMMEDIATE")
        _fill(connection, meta, plan)
        connection.execute("COMMIT")


def _fill(connection: sqlite3.Connection, meta: Mapping[str, str], plan: Plan) -> None:
    stored = {"plan_digest": plan.digest, "job": plan.job, "clock": plan.clock}
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={VERSION}")
    for table in TABLES:
        connection.execute(table)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [(name, _storable(text)) for name, text in (stored | dict(meta)).items()],
    )
    insert_requests(connection, plan.requests)


def insert_requests(
    connection: sqlite3.Connection, requests: Sequence[Request]
) -> None:
    """Stores requests; each comes after the one it was born from."""
    connection.executemany(
        "INSERT INTO request (id, parent, query, peer, key, spec, origin) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (one.id, one.parent, one.query, one.peer, one.key, spec, one.origin.value)
            for one, spec in zip(requests, request_texts(requests), strict=True)
        ),
    )


def _storable(text: str) -> str:
    """Text that UTF-8 can hold: file names may contain lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
