"""Waiting is measured by a clock that no administrator, NTP or resumed VM sets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import batchfind

PACKAGE = Path(batchfind.__file__).parent
#: Waits of asyncio are on the loop's clock, which is monotonic; these take moments of
#: the calendar, and so must not be near them.
CALENDAR = {"now", "today", "utcnow", "time", "time_ns", "localtime", "gmtime"}
OWNERS = {"datetime", "date", "time"}
#: Rooms that wait for peers, and what little may read the calendar there.
WAITING = ("net", "ul", "dimse")
READERS = {
    "net/tls_trust.py": "whether a revocation list is still valid",
    "net/tls_verdicts.py": "whether a certificate is valid yet, and still",
}


def calendar_reads(path: Path) -> Iterator[int]:
    """Lines that ask what time it is."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        if node.func.attr in CALENDAR and getattr(owner, "id", "") in OWNERS:
            yield node.lineno


class TestTheCalendar:
    @pytest.mark.parametrize("room", WAITING)
    def test_is_not_read_where_peers_are_waited_for(self, room: str) -> None:
        found = {
            str(path.relative_to(PACKAGE))
            for path in (PACKAGE / room).rglob("*.py")
            if any(calendar_reads(path))
        }
        assert found <= READERS.keys()

    def test_is_read_by_no_deadline(self) -> None:
        """`time.time` and its kin are for nothing; datetimes are for saying when."""
        found = [
            f"{path.relative_to(PACKAGE)}:{node.lineno}"
            for path in PACKAGE.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Attribute)
            and node.attr in {"time", "time_ns"}
            and getattr(node.value, "id", "") == "time"
        ]
        assert found == []
