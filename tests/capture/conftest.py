from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from batchfind.capture.journal import Journal
from tests.capture.material import FACTS, identifiers, matches, plan, success

T = TypeVar("T")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def finished(database: Path) -> Path:
    """A finished capture: request 0 has 40 responses in two sets, 1 failed, 2 none."""

    async def write() -> None:
        journal = await Journal.create(database, {"note": "x"}, plan("0", "1", "2"))
        attempt = journal.begin("0", FACTS)
        await journal.put(attempt, matches(*identifiers(1)))
        await journal.put(attempt, matches(*identifiers(2)))
        await journal.end(attempt, success(40))
        journal.end(journal.begin("1", None), success())
        await journal.close()

    asyncio.run(write(), debug=True)
    return database


@pytest.fixture
def journalled(database: Path) -> Callable[[Callable[[Journal], Awaitable[T]]], T]:
    """Runs a coroutine with a new journal of requests 0, 1, 2, 10 and closes it."""

    def run(body: Callable[[Journal], Awaitable[T]]) -> T:
        async def write() -> T:
            journal = await Journal.create(database, {}, plan("2", "0", "10", "1"))
            try:
                return await body(journal)
            finally:
                await journal.close()

        return asyncio.run(write(), debug=True)

    return run
