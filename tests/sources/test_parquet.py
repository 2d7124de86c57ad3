"""Parquet files as tables of text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchfind.errors import JobError
from batchfind.sources import parquet
from batchfind.sources.parquet import read_parquet


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


MOMENT = datetime(2026, 1, 31, 18, 5, 9, 120, tzinfo=UTC)
COLUMNS: dict[str, tuple[Any, list[Any], list[str]]] = {
    "text": (pa.string(), ["007", None, " x "], ["007", "", "x"]),
    "large text": (pa.large_string(), ["a"], ["a"]),
    "integers": (pa.int64(), [7, None, -1], ["7", "", "-1"]),
    "whole floats": (pa.float64(), [7.0, None], ["7", ""]),
    "floats": (pa.float64(), [0.5, 1e300, float("nan")], ["0.5", "1e+300", ""]),
    "nothing": (pa.null(), [None], [""]),
    "invisible": (pa.string(), ["\ufeff\u200b", "a\u200b"], ["", "a\u200b"]),
    "decimals": (pa.decimal128(8, 2), [Decimal("1.50"), Decimal(10)], ["1.5", "10"]),
    "booleans": (pa.bool_(), [True, False], ["true", "false"]),
    "dates": (
        pa.date32(),
        [date(2026, 1, 31), date(800, 1, 1)],
        ["20260131", "08000101"],
    ),
    "times": (
        pa.time64("us"),
        [time(18, 5, 9), time(1, 2, 3, 40)],
        ["180509", "010203.000040"],
    ),
    "moments": (
        pa.timestamp("us"),
        [MOMENT.replace(tzinfo=None)],
        ["20260131180509.000120"],
    ),
    "nanoseconds": (pa.timestamp("ns"), [datetime(2026, 1, 31)], ["20260131000000"]),  # noqa: DTZ001 - a column without zone
    "zoned": (pa.timestamp("us", "UTC"), [MOMENT], ["20260131180509.000120+0000"]),
    "categories": (pa.dictionary(pa.int8(), pa.string()), ["a", None], ["a", ""]),
}


@pytest.mark.parametrize(("kind", "values", "texts"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_becomes_text(
    file: Path, kind: Any, values: list[Any], texts: list[str]
) -> None:
    pq.write_table(pa.table({"x": pa.array(values, kind)}), file)
    table = read_parquet(file)
    assert table.header == ("x",)
    found = [(row.line, row.cells["x"]) for row in table.rows]
    assert found == list(enumerate(texts, start=1))
    assert len(table.sha256) == 64


class TestProblems:
    @pytest.mark.parametrize(
        ("table", "problem"),
        [
            ({" ": pa.array([1])}, "column 1 has no header"),
            (
                {"a": pa.array([1]), " a": pa.array([1])},
                "the header 'a' stands twice; rename one of them",
            ),
        ],
    )
    def test_name_the_column(self, file: Path, table: Any, problem: str) -> None:
        pq.write_table(pa.table(table), file)
        with pytest.raises(JobError) as caught:
            read_parquet(file)
        assert str(caught.value) == f"{file}: {problem}"

    def test_of_a_file_cut_short(self, file: Path) -> None:
        pq.write_table(pa.table({"x": [1]}), file)
        file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(JobError, match="is no readable Parquet file: "):
            read_parquet(file)

    def test_of_too_many_rows(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parquet, "MOST_ROWS", 2)
        pq.write_table(pa.table({"x": [1, 2, 3]}), file)
        with pytest.raises(JobError, match="has more than 2 rows; split it"):
            read_parquet(file)


YEAR = "such as a year after 9999"
UNUSABLE: dict[str, tuple[Any, str]] = {
    "a list": (pa.array([[1]]), "is list<"),
    "a structure": (pa.array([{"y": 1}]), "is struct<"),
    "bytes": (pa.array([b"a"]), "is binary; rows need text, numbers, dates or times"),
    "a list of categories": (
        pa.array([["a"]], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        "is list<",
    ),
    "a late day": (pa.array([10**7], pa.date32()), YEAR),
    "a late moment": (pa.array([1 << 50], pa.timestamp("s")), YEAR),
    "an infinite number": (pa.array([0.5, float("inf")]), "holds an infinite number"),
}


class TestUnusableColumns:
    """A column that cannot be text is a problem of whoever uses it."""

    @pytest.mark.parametrize(("column", "why"), UNUSABLE.values(), ids=UNUSABLE)
    def test_leave_the_others_readable(self, file: Path, column: Any, why: str) -> None:
        other = pa.array(["a"] * len(column))
        pq.write_table(pa.table({"x": column, "id": other}), file)
        table = read_parquet(file)
        assert table.header == ("x", "id")
        assert dict(table.rows[0].cells) == {"id": "a"}
        assert list(table.unusable) == ["x"]
        assert table.why_unusable("x").startswith("the column 'x' ")
        assert why in table.why_unusable("x")

    def test_may_be_all_there_is(self, file: Path) -> None:
        pq.write_table(pa.table({"x": [[1], [2]]}), file)
        table = read_parquet(file)
        assert [dict(row.cells) for row in table.rows] == [{}, {}]
