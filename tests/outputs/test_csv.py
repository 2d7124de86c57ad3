from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.errors import StorageError
from batchfind.job.output_model import CsvOptions
from batchfind.outputs.csv import CsvWriter


def written(schema: pa.Schema, *batches: pa.RecordBatch, **options: Any) -> bytes:
    file = io.BytesIO()
    writer = CsvWriter(file, schema, CsvOptions(**options))
    for batch in batches:
        writer.write(batch)
    writer.close()
    return file.getvalue()


def of_rows(schema: pa.Schema, rows: list[dict[str, Any]], **options: Any) -> bytes:
    return written(schema, pa.RecordBatch.from_pylist(rows, schema), **options)


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


class TestTimes:
    def test_are_iso_8601(self) -> None:
        schema = pa.schema(
            [
                ("time", pa.time64("us")),
                ("wall", pa.timestamp("us")),
                ("utc", pa.timestamp("us", "UTC")),
                ("many", pa.list_(pa.timestamp("us", "UTC"))),
            ]
        )
        wall = datetime(2026, 1, 31, 9, 30)  # noqa: DTZ001 - a wall clock
        instant = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
        row = {
            "time": time(9, 30),
            "wall": wall,
            "utc": instant,
            "many": [instant, None],
        }
        assert of_rows(schema, [row]).decode().splitlines()[1] == (
            "09:30:00.000000,2026-01-31T09:30:00.000000,2026-01-31T08:30:00.000000Z,"
            "2026-01-31T08:30:00.000000Z\\"
        )


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [*";|:\t^$*.~ #'\\§"])
    def test_are_quoted_where_they_are_data(self, delimiter: str) -> None:
        rows = [{"a": f"x{delimiter}y", "b": delimiter}, {"a": "1,2", "b": 'q"'}]
        raw = of_rows(TEXTS, rows, delimiter=delimiter)
        text = io.StringIO(raw.decode(), newline="")
        assert list(csv.DictReader(text, delimiter=delimiter)) == rows

    def test_replace_the_comma(self) -> None:
        found = of_rows(TEXTS, [{"a": "1,2", "b": "3"}], delimiter=";")
        assert found == b"a;b\r\n1,2;3\r\n"


class TestHeader:
    def test_may_be_left_out(self) -> None:
        assert of_rows(TEXTS, [{"a": "1", "b": "2"}], header=False) == b"1,2\r\n"
        assert of_rows(TEXTS, [], header=False) == b""


def token(text: str) -> dict[str, str]:
    return {"null_token": text}


class TestNullToken:
    def test_stands_for_what_is_absent(self) -> None:
        rows: list[dict[str, Any]] = [{"a": None, "b": ""}, {"a": "x", "b": None}]
        found = of_rows(TEXTS, rows, **token("\\N"))
        assert found == b'a,b\r\n\\N,""\r\nx,\\N\r\n'

    def test_is_told_from_a_value_that_looks_like_it(self) -> None:
        found = of_rows(TEXTS, [{"a": "NA", "b": None}], **token("NA"))
        assert found == b'a,b\r\n"NA",NA\r\n'

    def test_stands_alone_in_a_table_of_one_column(self) -> None:
        schema = pa.schema([("a", pa.int64())])
        rows: list[dict[str, Any]] = [{"a": None}, {"a": 1}]
        assert of_rows(schema, rows, **token("-")) == b"a\r\n-\r\n1\r\n"

    def test_is_what_duckdb_takes_for_null(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        rows: list[dict[str, Any]] = [{"a": "NULL", "b": "1"}, {"a": None, "b": ""}]
        path.write_bytes(of_rows(TEXTS, rows, **token("NULL")))
        with duckdb.connect() as connection:
            found = connection.read_csv(
                str(path), na_values="NULL", all_varchar=True, allow_quoted_nulls=False
            ).fetchall()
        assert found == [("NULL", "1"), (None, "")]


class TestEncodings:
    @pytest.mark.parametrize(
        "encoding", ["cp1252", "latin-1", "utf-16", "utf-8-sig", "shift_jis", "gb18030"]
    )
    def test_are_those_of_the_whole_file(self, encoding: str) -> None:
        name = "Tarou" if encoding in {"cp1252", "latin-1"} else "山田"
        batch = pa.RecordBatch.from_pylist([{"a": name, "b": "x"}], TEXTS)
        raw = written(TEXTS, batch, batch, encoding=encoding)
        line = f"{name},x\r\n"
        assert raw.decode(encoding) == f"a,b\r\n{line}{line}"

    def test_with_shifts_end_as_they_must(self) -> None:
        raw = of_rows(TEXTS, [{"a": "山", "b": "田"}], encoding="iso2022_jp")
        assert raw.endswith(b"\x1b(B\r\n")
        assert raw.decode("iso2022_jp") == "a,b\r\n山,田\r\n"

    def test_drop_and_replace_nothing(self) -> None:
        rows = [{"a": "Müller", "b": "Λ"}]
        with pytest.raises(StorageError) as caught:
            of_rows(TEXTS, rows, encoding="cp1252")
        assert str(caught.value) == (
            "column b: the character U+039B has no place in cp1252, and none is ever "
            "dropped; write encoding: utf-8, and run the job again"
        )

    def test_hold_the_header_as_well(self) -> None:
        schema = pa.schema([("Größe Λ", pa.string())])
        with pytest.raises(StorageError, match=r"U\+039B"):
            written(schema, encoding="cp1252")


class TestTheExcelDialect:
    def test_begins_with_a_byte_order_mark(self) -> None:
        assert of_rows(TEXTS, [], dialect="excel") == b"\xef\xbb\xbfa,b\r\n"
        plain = of_rows(TEXTS, [], dialect="excel", encoding="cp1252")
        assert plain == b"a,b\r\n"
        marked = of_rows(TEXTS, [], dialect="excel", encoding="utf-8-sig")
        assert marked == b"\xef\xbb\xbfa,b\r\n"

    @pytest.mark.parametrize(
        "value",
        ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=", "=x", "-"],
    )
    def test_guards_what_could_be_a_formula(self, value: str) -> None:
        raw = of_rows(TEXTS, [{"a": value, "b": "1"}], dialect="excel")
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
        assert next(csv.DictReader(text))["a"] == f"'{value}"

    @pytest.mark.parametrize("value", ["-7", "+7.5", "-.5", "1e-3", "Doe^J", "a=b", ""])
    def test_leaves_numbers_and_names_alone(self, value: str) -> None:
        raw = of_rows(TEXTS, [{"a": value, "b": "1"}], dialect="excel")
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
        assert next(csv.DictReader(text))["a"] == value

    def test_guards_no_number_column(self) -> None:
        schema = pa.schema([("n", pa.int64()), ("d", pa.date32())])
        raw = of_rows(schema, [{"n": -7, "d": date(2026, 1, 1)}], dialect="excel")
        assert raw.decode("utf-8-sig") == "n,d\r\n-7,2026-01-01\r\n"

    def test_of_rfc_4180_guards_nothing(self) -> None:
        assert of_rows(TEXTS, [{"a": "=1", "b": "2"}]) == b"a,b\r\n=1,2\r\n"
