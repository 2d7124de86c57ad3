"""Tables spread over folders, and what their readers make of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from batchfind.errors import StorageError
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import Overwrite, Partition
from batchfind.outputs import partitioned
from batchfind.outputs.partition_names import folder_name, values_of
from batchfind.outputs.sidecars import read_sidecar
from tests.outputs import places
from tests.outputs.places import files, planned, rows

PARQUET = OutputFormat.PARQUET
BY_MONTH = (Partition("StudyDate", "month"),)


def table(*modalities: str | None) -> list[dict[str, Any]]:
    return [
        {"PatientID": f"{at:05}", "StudyDate": None, "Modality": modality}
        for at, modality in enumerate(modalities)
    ]


def by_modality(path: Path, form: OutputFormat = PARQUET, **facts: Any) -> Any:
    return planned(path, form, partition_by=places.BY_MODALITY, **facts)


def by_month(path: Path, **facts: Any) -> Any:
    return planned(path, PARQUET, partition_by=BY_MONTH, **facts)


def months(*asked: str) -> Any:
    return lambda values: values[0] in asked


def read(path: Path) -> pa.Table:
    return ds.dataset(path, partitioning="hive").to_table()


def duckdb_read(path: Path) -> duckdb.DuckDBPyRelation:
    return duckdb.read_parquet(f"{path}/**/*.parquet", hive_partitioning=True)


class TestFolders:
    @pytest.mark.parametrize("form", [OutputFormat.CSV, PARQUET])
    def test_are_hive_s_and_their_column_is_in_no_file(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        places.published(by_modality(tmp_path / "a", form), table("CT", "MR", "CT"))
        suffix = form.value
        assert files(tmp_path / "a") == [
            f"Modality=CT/part-0.{suffix}",
            f"Modality=MR/part-0.{suffix}",
        ]
        sidecar = read_sidecar(tmp_path / "a")
        assert sidecar is not None
        assert sidecar.files is not None
        assert [file.rows for file in sidecar.files] == [2, 1]
        part = ds.dataset(tmp_path / "a" / "Modality=CT", format=suffix).schema
        assert part.names == ["PatientID", "StudyDate"]

    def test_by_month_are_extra(self, tmp_path: Path) -> None:
        places.published(
            by_month(tmp_path / "a", typed=True),
            _typed([*rows(1), *rows(1, StudyDate=None)]),
        )
        assert files(tmp_path / "a") == [
            "StudyDate_month=2026-01/part-0.parquet",
            "StudyDate_month=__HIVE_DEFAULT_PARTITION__/part-0.parquet",
        ]
        assert read(tmp_path / "a").schema.names == [
            "PatientID",
            "StudyDate",
            "Modality",
            "StudyDate_month",
        ]

    def test_may_be_nested(self, tmp_path: Path) -> None:
        levels = (*places.BY_MODALITY, *BY_MONTH)
        output = planned(tmp_path / "a", PARQUET, partition_by=levels)
        places.published(output, rows(1))
        assert files(tmp_path / "a") == [
            "Modality=CT/StudyDate_month=2026-01/part-0.parquet"
        ]

    def test_are_the_same_however_rows_come(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = table(*("CT", "MR", "US") * 50)
        first = places.published(by_modality(tmp_path / "a"), whole)
        monkeypatch.setattr(partitioned, "_ROWS_IN_MEMORY", 7)
        staged = places.begun(by_modality(tmp_path / "b"))
        for at in range(0, len(whole), 4):
            staged.write(places.table_piece(staged._planned, whole[at : at + 4]))
        assert staged.close().sha256 == first.sha256
        staged.discard()

    def test_by_every_column_leave_one_in_the_files(self, tmp_path: Path) -> None:
        every = tuple(map(Partition, ("PatientID", "StudyDate", "Modality")))
        output = planned(tmp_path / "a", PARQUET, partition_by=every)
        places.published(output, [*rows(2), *rows(2)])
        assert len(files(tmp_path / "a")) == 2
        found = ds.dataset(tmp_path / "a", format="parquet").to_table()
        assert found.column("Modality").to_pylist() == ["CT"] * 4

    def test_of_provenance_columns_with_dictionaries(self, tmp_path: Path) -> None:
        output = planned(
            tmp_path / "a",
            PARQUET,
            provenance=True,
            partition_by=(Partition("bf_peer"),),
        )
        facts = {"bf_peer": "ris", "bf_query": "q", "bf_verdict": "complete"}
        places.published(output, rows(3, **facts))
        assert files(tmp_path / "a") == ["bf_peer=ris/part-0.parquet"]
        assert read(tmp_path / "a").column("bf_query").to_pylist() == ["q"] * 3

    @pytest.mark.parametrize("value", ["..", "/etc", "CON", "a/../../b", "x" * 300])
    def test_of_hostile_values_stay_inside(self, tmp_path: Path, value: str) -> None:
        written = places.published(by_modality(tmp_path / "a"), table(value))
        (name,) = files(tmp_path / "a")
        assert files(tmp_path) == ["a.batchfind.json", f"a/{name}"]
        assert written.invalid == (len(value) == 300)


class TestReaders:
    def test_count_the_same_rows(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        peers = ["ris", "Müller & Söhne", "50% / x+y", "a=b", "ÄÖ"]
        output = planned(
            path, PARQUET, provenance=True, partition_by=(Partition("bf_peer"),)
        )
        whole = [row for peer in peers for row in rows(3, bf_peer=peer)]
        places.published(output, whole)
        arrow = read(path)
        assert arrow.num_rows == 15
        assert sorted(set(arrow.column("bf_peer").to_pylist())) == sorted(peers)
        frame = pd.read_parquet(path)
        assert len(frame) == 15
        assert sorted(frame["bf_peer"].unique()) == sorted(peers)
        polars = pl.read_parquet(path / "**/*.parquet", hive_partitioning=True)
        assert polars.height == 15
        assert sorted(polars["bf_peer"].unique()) == sorted(peers)
        found = (
            duckdb_read(path)
            .count("*", groups="bf_peer", projected_columns="bf_peer")
            .fetchall()
        )
        assert sorted(found) == sorted((peer, 3) for peer in peers)
        assert arrow.column("PatientID")[0].as_py() == "00000"

    def test_see_null_as_null(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        places.published(by_modality(path), table("CT", None))
        assert sorted(map(str, read(path).column("Modality").to_pylist())) == [
            "CT",
            "None",
        ]
        assert len(duckdb_read(path).filter("Modality IS NULL").fetchall()) == 1


class TestAnEmptyNight:
    def test_leaves_a_data_set_with_every_column(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        places.published(by_modality(path), table("CT"))
        places.published(by_modality(path), (), "run-2")
        assert files(path) == ["part-0.parquet"]
        assert read(path).num_rows == 0
        assert read(path).schema.names == ["PatientID", "StudyDate", "Modality"]
        assert len(pd.read_parquet(path)) == 0
        assert pl.read_parquet(path / "**/*.parquet").height == 0

    def test_is_forgotten_when_rows_come(self, tmp_path: Path) -> None:
        output = by_modality(tmp_path / "a", overwrite=Overwrite.APPEND)
        places.published(output, (), "run-1")
        places.published(output, table("CT"), "run-2")
        assert files(tmp_path / "a") == ["Modality=CT/part-0-run-2.parquet"]
        places.published(output, (), "run-3")
        assert files(tmp_path / "a") == ["Modality=CT/part-0-run-2.parquet"]


class TestOverwritePartitions:
    def test_replaces_what_was_asked_for_and_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        output = by_month(path, overwrite=Overwrite.PARTITIONS)
        old = [*rows(2, StudyDate="20251215"), *rows(3), *rows(4, StudyDate="20260215")]
        places.published(output, old, "run-1", months("2025-12", "2026-01", "2026-02"))
        # Tonight January has one study left, and February none at all.
        places.published(output, rows(1), "run-2", months("2026-01", "2026-02"))
        assert files(path) == [
            "StudyDate_month=2025-12/part-0.parquet",
            "StudyDate_month=2026-01/part-0.parquet",
        ]
        assert read(path).num_rows == 3
        sidecar = read_sidecar(path)
        assert sidecar is not None
        assert sidecar.files is not None
        assert [file.run for file in sidecar.files] == ["run-1", "run-2"]
        assert not (path / "StudyDate_month=2026-02").exists()

    def test_refuses_answers_outside_of_what_was_asked(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        output = by_month(path, overwrite=Overwrite.PARTITIONS)
        places.published(output, rows(2), "run-1", months("2026-01"))
        before = files(tmp_path)
        with pytest.raises(StorageError, match="did not ask for as a whole"):
            places.published(output, rows(1), "run-2", months("2026-02"))
        assert files(tmp_path) == before
        assert read(path).num_rows == 2

    def test_takes_empty_dates_as_they_come(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        output = by_month(path, overwrite=Overwrite.PARTITIONS)
        undated = rows(2, StudyDate=None)
        places.published(output, [*undated, *rows(1)], "run-1", months("2026-01"))
        places.published(output, rows(1), "run-2", months("2026-01"))
        assert read(path).num_rows == 3
        places.published(output, undated[:1], "run-3", months("2026-02"))
        assert read(path).num_rows == 2

    def test_does_not_mix_two_ways_of_partitioning(self, tmp_path: Path) -> None:
        path = tmp_path / "a"

        def everything(_: Sequence[str | None]) -> bool:
            return True

        append: dict[str, Any] = {"overwrite": Overwrite.APPEND}
        places.published(by_month(path, **append), rows(1), "run-1")
        with pytest.raises(StorageError, match="partitioned otherwise"):
            places.published(by_modality(path, **append), rows(1), "run-2", everything)


def _typed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With dates as a typed table has them."""
    return [
        row | {"StudyDate": row["StudyDate"] and pd.Timestamp(row["StudyDate"]).date()}
        for row in found
    ]


class TestNights:
    def test_without_rows_have_the_columns_of_every_other_one(
        self, tmp_path: Path
    ) -> None:
        names = []
        for night, found in (("a", rows(2)), ("b", ())):
            places.published(by_month(tmp_path / night), found)
            names.append(set(read(tmp_path / night).schema.names))
        assert names[0] == names[1]


class TestFolderNames:
    """A value is read back as it was, whatever it looks like."""

    @pytest.mark.parametrize(
        "value", ["é", "e\u0301", "__HIVE_DEFAULT_PARTITION__", "a b/..%", "00123"]
    )
    def test_tell_the_value(self, value: str) -> None:
        assert values_of(folder_name("k", value)) == (value,)

    def test_of_different_values_stay_different_where_accents_are_composed(
        self,
    ) -> None:
        names = [folder_name("k", value) for value in ("é", "e\u0301")]
        assert len({unicodedata.normalize("NFC", name) for name in names}) == 2
