from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.job.output_model import ParquetOptions
from batchfind.outputs.parquet import ParquetWriter

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), metadata={"dicom.tag": "00100020"}),
        ("day", pa.date32()),
        ("count", pa.int64()),
        ("small", pa.uint16()),
        ("many", pa.list_(pa.string())),
        ("steps", pa.list_(pa.struct([("modality", pa.string()), ("n", pa.int64())]))),
        ("raw", pa.binary()),
    ]
)
ROWS: list[dict[str, Any]] = [
    {
        "id": "00123",
        "day": dt.date(2026, 1, 31),
        "count": 5,
        "small": 65535,
        "many": ["CT", "MR"],
        "steps": [{"modality": "CT", "n": 1}, {"modality": None, "n": None}],
        "raw": b"\0\xff",
    },
    {
        "id": "",
        "day": None,
        "count": None,
        "small": None,
        "many": [],
        "steps": [],
        "raw": b"",
    },
    dict.fromkeys(SCHEMA.names),
]


def written(
    schema: pa.Schema, *batches: pa.RecordBatch, options: ParquetOptions | None = None
) -> bytes:
    file = io.BytesIO()
    writer = ParquetWriter(file, schema, options)
    for batch in batches:
        writer.write(batch)
    writer.close()
    assert not file.closed
    return file.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.parquet"
    path.write_bytes(written(SCHEMA, pa.RecordBatch.from_pylist(ROWS, SCHEMA)))
    return path


class TestReaders:
    def test_pyarrow(self, path: Path) -> None:
        table = pq.read_table(path)
        assert table.to_pylist() == ROWS
        assert table.schema.equals(SCHEMA)
        assert table.schema.field("id").metadata == {b"dicom.tag": b"00100020"}

    def test_pandas(self, path: Path) -> None:
        frame = pd.read_parquet(path, dtype_backend="pyarrow")
        assert pa.Table.from_pandas(frame, SCHEMA).to_pylist() == ROWS

    def test_polars(self, path: Path) -> None:
        assert pl.read_parquet(path).to_dicts() == ROWS

    def test_duckdb(self, path: Path) -> None:
        with duckdb.connect() as connection:
            found = connection.sql(f"SELECT * FROM '{path}'").fetchall()  # noqa: S608 - our own path
        assert [dict(zip(SCHEMA.names, row, strict=True)) for row in found] == ROWS


class TestBytes:
    def test_of_no_row_hold_the_full_schema(self) -> None:
        table = pq.read_table(io.BytesIO(written(SCHEMA)))
        assert table.num_rows == 0
        assert table.schema.equals(SCHEMA)
        assert table.schema.field("id").metadata == {b"dicom.tag": b"00100020"}

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
    def test_do_not_depend_on_how_rows_were_cut(self, cuts: list[int]) -> None:
        rows = [ROWS[at % 3] | {"count": at % 17} for at in range(sum(cuts))]
        whole = pa.RecordBatch.from_pylist(rows, SCHEMA)
        starts = [sum(cuts[:at]) for at in range(len(cuts))]
        pieces = [whole.slice(*cut) for cut in zip(starts, cuts, strict=True)]
        small = ParquetOptions(row_group_size=50)
        found = written(SCHEMA, *pieces, options=small)
        assert found == written(SCHEMA, whole, options=small)
        assert pq.read_table(io.BytesIO(found)).to_pylist() == rows

    def test_come_in_row_groups_of_32768(self) -> None:
        schema = pa.schema([("n", pa.int64())])
        batch = pa.RecordBatch.from_pydict({"n": list(range(40_000))}, schema)
        file = pq.ParquetFile(io.BytesIO(written(schema, batch, batch)))
        groups = range(file.metadata.num_row_groups)
        counts = [file.metadata.row_group(at).num_rows for at in groups]
        assert counts == [32_768, 32_768, 14_464]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


class TestDictionaries:
    @staticmethod
    def encodings(schema: pa.Schema, rows: list[dict[str, Any]]) -> dict[str, bool]:
        batch = pa.RecordBatch.from_pylist(rows, schema)
        file = pq.ParquetFile(io.BytesIO(written(schema, batch)))
        assert file.read().to_pylist() == rows
        group = file.metadata.row_group(0)
        columns = [group.column(at) for at in range(group.num_columns)]
        return {each.path_in_schema: each.has_dictionary_page for each in columns}

    def test_are_for_columns_that_repeat_few_values(self) -> None:
        schema = pa.schema([("sex", pa.string()), ("id", pa.string())])
        rows = [{"sex": "FM"[at % 2], "id": f"P{at}"} for at in range(9)]
        assert self.encodings(schema, rows) == {"sex": True, "id": False}

    def test_are_not_for_columns_without_values(self) -> None:
        schema = pa.schema([("none", pa.string()), ("empty", pa.list_(pa.string()))])
        rows: list[dict[str, Any]] = [{"none": None, "empty": []}] * 9
        found = self.encodings(schema, rows)
        assert found == {"none": False, "empty.list.element": False}

    def test_reach_into_lists_and_items(self) -> None:
        item = pa.struct([("kind", pa.list_(pa.string())), ("uid", pa.string())])
        schema = pa.schema([("steps", pa.list_(item))])
        rows = [{"steps": [{"kind": ["CT"], "uid": f"1.{at}"}]} for at in range(9)]
        assert self.encodings(schema, rows) == {
            "steps.list.element.kind.list.element": True,
            "steps.list.element.uid": False,
        }

    def test_are_chosen_by_the_first_rows_alone(self) -> None:
        schema = pa.schema([("id", pa.string())])
        first = [{"id": f"P{at}"} for at in range(4096)]
        assert self.encodings(schema, first + [{"id": "P"}] * 9000) == {"id": False}


class TestOptions:
    @pytest.mark.parametrize(
        ("codec", "shown"),
        [
            ("zstd", "ZSTD"),
            ("snappy", "SNAPPY"),
            ("gzip", "GZIP"),
            ("brotli", "BROTLI"),
            ("lz4", "LZ4"),
            ("none", "UNCOMPRESSED"),
        ],
    )
    def test_every_codec_can_be_read_by_all(
        self, codec: str, shown: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.parquet"
        batch = pa.RecordBatch.from_pylist(ROWS, SCHEMA)
        options = ParquetOptions(compression=codec)
        path.write_bytes(written(SCHEMA, batch, options=options))
        file = pq.ParquetFile(path)
        assert file.metadata.row_group(0).column(0).compression == shown
        assert file.read().to_pylist() == ROWS
        assert pl.read_parquet(path).to_dicts() == ROWS
        with duckdb.connect() as connection:
            (count,) = connection.sql(f"SELECT count(*) FROM '{path}'").fetchall()  # noqa: S608 - our own path
        assert count == (3,)

    def test_row_groups_have_the_size_asked_for(self) -> None:
        schema = pa.schema([("n", pa.int64())])
        batch = pa.RecordBatch.from_pydict({"n": list(range(25))}, schema)
        options = ParquetOptions(row_group_size=10)
        file = pq.ParquetFile(io.BytesIO(written(schema, batch, options=options)))
        groups = range(file.metadata.num_row_groups)
        assert [file.metadata.row_group(at).num_rows for at in groups] == [10, 10, 5]


class TestLongValues:
    """A peer decides how long its values are; a row group never holds them all."""

    TEXT = pa.schema([("a", pa.string()), ("b", pa.list_(pa.string()))])

    def grouped(self, rows: Sequence[object], cut: int) -> list[int]:
        batch = pa.RecordBatch.from_pylist(list(rows), self.TEXT)
        file = io.BytesIO()
        writer = ParquetWriter(file, self.TEXT)
        for start in range(0, len(rows), cut):
            writer.write(batch.slice(start, cut))
        writer.close()
        assert pq.read_table(file).to_pylist() == rows
        found = pq.ParquetFile(file).metadata
        return [found.row_group(at).num_rows for at in range(found.num_row_groups)]

    @pytest.mark.parametrize("cut", [1, 7, 20])
    def test_end_a_row_group_early_however_rows_arrive(self, cut: int) -> None:
        mib = 1 << 20
        rows = [{"a": "x" * mib, "b": ["y" * mib, None, "z" * mib]}] * 20
        assert self.grouped(rows, cut) == [1] * 20

    @pytest.mark.parametrize("cut", [1, 7, 20])
    def test_leave_a_row_group_its_size_where_rows_are_usual(self, cut: int) -> None:
        rows = [{"a": "x" * 500, "b": ["y"]}] * 20_000
        assert self.grouped(rows, 1_000 * cut) == [20_000]

    @pytest.mark.parametrize("cut", [1, 7, 20])
    def test_share_a_row_group_until_they_exceed_usual_rows_by_4_mib(
        self, cut: int
    ) -> None:
        rows = [{"a": "x" * (512 + (1 << 20)), "b": None}] * 20
        assert self.grouped(rows, cut) == [4] * 5

    @pytest.mark.parametrize("cut", [1, 3])
    def test_one_that_is_longer_has_a_row_group_alone(self, cut: int) -> None:
        rows = [
            {"a": "x", "b": None},
            {"a": "x" * (17 << 20), "b": []},
            {"a": None, "b": ["y"]},
        ]
        assert self.grouped(rows, cut) == [1, 1, 1]
