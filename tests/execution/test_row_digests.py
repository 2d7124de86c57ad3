"""Digests of rows in a temporary database."""

from __future__ import annotations

import pytest

from batchfind.errors import StorageError
from batchfind.execution.row_digests import Row, RowDigests


def row(request: int, response: int, key: bytes, content: bytes = b"c") -> Row:
    return Row(request, response, key, content, on_axis=True)


class TestRowDigests:
    def test_come_by_key_and_in_plan_order(self) -> None:
        with RowDigests() as rows:
            rows.begin()
            rows.add(0, [row(0, 0, b"b"), row(0, 1, b"a")])
            rows.add(1, [row(1, 0, b"a", b"d")])
            rows.end()
            found = list(rows.sorted())
        assert found == [(b"a", 0, 1, b"c"), (b"a", 1, 0, b"d"), (b"b", 0, 0, b"c")]

    def test_of_one_scope_know_nothing_of_the_one_before(self) -> None:
        with RowDigests() as rows:
            for key in (b"a", b"b"):
                rows.begin()
                rows.add(0, [row(0, 0, key)])
                rows.end()
                assert [each[0] for each in rows.sorted()] == [key]
                assert rows.lost(0, 0) == 1

    def test_of_a_request_without_responses_are_none(self) -> None:
        with RowDigests() as rows:
            rows.begin()
            rows.add(1, [row(1, 0, b"a")])
            rows.end()
            assert rows.lost(0, 1) == 0
            assert list(rows.repeated(0, 1)) == []

    def test_may_come_in_several_pieces(self) -> None:
        with RowDigests() as rows:
            rows.begin()
            rows.add(0, [row(0, 0, b"a")])
            rows.add(0, [row(0, 1, b"b")])
            rows.add(1, [row(1, 0, b"b")])
            rows.end()
            assert rows.lost(0, 1) == 1
            assert list(rows.repeated(0, 1)) == [1]

    def test_without_room_for_them_say_where_to_make_some(self) -> None:
        with RowDigests() as rows:
            pass
        for ask in (
            rows.begin,
            lambda: rows.add(0, [row(0, 0, b"a")]),
            lambda: list(rows.sorted()),
        ):
            with pytest.raises(StorageError, match="SQLITE_TMPDIR"):
                ask()
