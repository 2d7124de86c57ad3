from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.outputs.csv import CsvWriter


def written(schema: pa.Schema, *batches: pa.RecordBatch) -> bytes:
    file = io.BytesIO()
    writer = CsvWriter(file, schema)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return file.getvalue()


def of_rows(schema: pa.Schema, rows: list[dict[str, Any]]) -> bytes:
    return written(schema, pa.RecordBatch.from_pylist(rows, schema))


TEXTS = pa.schema([("a", pa.string()), ("b", pa.string())])
ODD = [
    "a\0b",
    "x\ry",
    "x\ny",
    "x\r\ny",
    "x\u2028y",
    "x\x85y",
    'q"q',
    "a,b",
    " a",
    "a ",
    "\t",
    "\x1b",
    "\ufeff",
    "😀",
]


class TestBytes:
    def test_are_golden(self) -> None:
        schema = pa.schema(
            [
                ("Name, odd", pa.string()),
                ("day", pa.date32()),
                ("count", pa.int64()),
                ("weight", pa.float64()),
                ("small", pa.float32()),
                ("many", pa.list_(pa.string())),
                ("days", pa.list_(pa.date32())),
                ("raw", pa.binary()),
            ]
        )
        rows: list[dict[str, Any]] = [
            {
                "Name, odd": "Müller^Jörg",
                "day": date(2026, 1, 31),
                "count": -7,
                "weight": 70.5,
                "small": 0.1,
                "many": ["A", "B"],
                "days": [date(2026, 1, 1), None, date(2026, 1, 3)],
                "raw": b"\0\1",
            },
            {"Name, odd": "", "many": [], "raw": b""},
            {"Name, odd": '=cmd("x")'},
        ]
        assert of_rows(schema, rows).decode() == (
            '"Name, odd",day,count,weight,small,many,days,raw\r\n'
            "Müller^Jörg,2026-01-31,-7,70.5,0.1,A\\B,2026-01-01\\\\2026-01-03,AAE=\r\n"
            '"",,,,,"",,""\r\n'
            '"=cmd(""x"")",,,,,,,\r\n'
        )

    def test_of_no_row_are_the_header(self) -> None:
        assert written(TEXTS) == b"a,b\r\n"
        assert of_rows(TEXTS, []) == b"a,b\r\n"

    def test_hold_no_byte_order_mark(self) -> None:
        assert not of_rows(TEXTS, [{"a": "x"}]).startswith(b"\xef\xbb\xbf")

    def test_do_not_depend_on_how_rows_were_cut(self) -> None:
        rows = [{"a": str(at), "b": None} for at in range(9)]
        whole = pa.RecordBatch.from_pylist(rows, TEXTS)
        pieces = [whole.slice(at, 2) for at in range(0, 9, 2)]
        assert written(TEXTS, *pieces) == written(TEXTS, whole)

    def test_of_a_slice_of_lists_are_its_own(self) -> None:
        schema = pa.schema([("a", pa.list_(pa.string())), ("b", pa.string())])
        rows: list[dict[str, Any]] = [
            {"a": [str(at), "x"] if at % 2 else None, "b": "y"} for at in range(6)
        ]
        whole = pa.RecordBatch.from_pylist(rows, schema)
        assert written(schema, whole.slice(3, 2)) == b"a,b\r\n3\\x,y\r\n,y\r\n"


class TestAbsence:
    def test_is_nothing_and_present_and_empty_is_two_quotes(self) -> None:
        found = of_rows(TEXTS, [{"a": None, "b": ""}])
        assert found == b'a,b\r\n,""\r\n'

    def test_never_makes_an_empty_line(self) -> None:
        schema = pa.schema([("a", pa.string())])
        found = of_rows(schema, [{"a": None}, {"a": ""}, {"a": "x"}])
        assert found == b'a\r\n""\r\n""\r\nx\r\n'
        assert len(pd.read_csv(io.BytesIO(found))) == 3


class TestReaders:
    @pytest.mark.parametrize("value", ODD)
    def test_of_python_and_pandas_find_the_same_text(self, value: str) -> None:
        self.check([{"a": value, "b": "1"}, {"a": "2", "b": value}])

    @settings(deadline=None)
    @given(
        st.lists(
            st.fixed_dictionaries({"a": st.text(max_size=6), "b": st.text(max_size=6)}),
            max_size=5,
        )
    )
    def test_find_any_text(self, rows: list[dict[str, str]]) -> None:
        self.check(rows)

    def check(self, rows: list[dict[str, str]]) -> None:
        raw = of_rows(TEXTS, rows)
        text = io.StringIO(raw.decode(), newline="")
        assert list(csv.DictReader(text)) == rows
        frame = pd.read_csv(
            io.BytesIO(raw), dtype=str, keep_default_na=False, encoding="utf-8"
        )
        assert frame.to_dict("records") == rows
