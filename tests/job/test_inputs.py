"""Files a job names are read before anything is planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchfind.errors import JobError
from batchfind.job.inputs import read_inputs
from batchfind.job.model import Job

Load: TypeAlias = Callable[[str], Job]
Job_: TypeAlias = Callable[[str], str]

DUMP = "(0010,0010) PN [A*]\n(0008,0052) CS [STUDY]\n"


class Write(Protocol):
    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


class TestRows:
    def test_come_from_csv(
        self, load: Load, write: Write, with_query: Job_, tmp_path: Path
    ) -> None:
        write("id;date\n007;20260101\n", "rows.csv")
        body = "model: study\nkeys: {PatientID: '{{ id }}'}\nrows: {from: rows.csv}"
        inputs = read_inputs(load(with_query(body)))
        table = inputs.tables["q"]
        assert table.path == str(tmp_path / "rows.csv")
        assert dict(table.rows[0].cells) == {"id": "007", "date": "20260101"}

    def test_come_from_parquet(
        self, load: Load, with_query: Job_, tmp_path: Path
    ) -> None:
        pq.write_table(pa.table({"id": ["007"]}), tmp_path / "rows.data")
        body = "model: study\nkeys: {PatientID: '{{ id }}'}\nrows: {from: rows.data}"
        inputs = read_inputs(load(with_query(body)))
        assert dict(inputs.tables["q"].rows[0].cells) == {"id": "007"}

    def test_have_the_columns_the_job_names(
        self, load: Load, write: Write, with_query: Job_
    ) -> None:
        write("Patient ID,date\n1,2\n", "rows.csv")
        body = (
            "model: study\nkeys: {PatientID: '{{ id }}'}\n"
            "rows: {from: rows.csv, columns: {id: PatientID, d: date}}\ncarry: [id, d]"
        )
        with pytest.raises(JobError) as caught:
            read_inputs(load(with_query(body)))
        assert str(caught.value) == (
            "job.yaml:10:11: queries.q.rows.columns: rows.csv has no column "
            "'PatientID' (did you mean 'Patient ID'?)"
        )

    def test_have_the_columns_that_are_carried(
        self, load: Load, write: Write, with_query: Job_
    ) -> None:
        write("id,date\n1,2\n", "rows.csv")
        body = (
            "model: study\nkeys: {PatientID: '{{ id }}'}\nrows: {from: rows.csv}\n"
            "carry: [dat]"
        )
        with pytest.raises(JobError, match=r"carry: rows.csv has no column 'dat' \("):
            read_inputs(load(with_query(body)))


class TestBaseIdentifiers:
    def test_are_read_once(
        self, load: Load, write: Write, with_query: Job_, tmp_path: Path
    ) -> None:
        write(DUMP, "a.dump")
        job = load(with_query("model: study\nfiles: [a.dump, ./a.dump]"))
        inputs = read_inputs(job)
        base = inputs.files[tmp_path / "a.dump"]
        assert [element.tag for element in base.identifier] == [0x00080052, 0x00100010]


def test_every_problem_is_told_at_once(
    load: Load, write: Write, with_query: Job_, tmp_path: Path
) -> None:
    write("id,id\n", "rows.csv")
    write(DUMP + "nonsense\n", "a.dump")
    body = "model: study\nfiles: [a.dump, b.dump]\nrows: {from: rows.csv}"
    with pytest.raises(JobError) as caught:
        read_inputs(load(with_query(body)))
    assert str(caught.value).splitlines() == [
        (
            f"{tmp_path}/rows.csv:1: queries.q: the header 'id' stands twice; "
            f"rename one of "
            "them"
        ),
        (
            f"{tmp_path}/a.dump:3: queries.q: is no line of a dump; write "
            f"(gggg,eeee) VR "
            "[value]"
        ),
        f"{tmp_path}/b.dump: queries.q: there is no such file (did you mean 'a.dump'?)",
    ]


def test_a_missing_rows_file_is_a_problem(load: Load, with_query: Job_) -> None:
    body = "model: study\nkeys: {PatientID: '{{ id }}'}\nrows: {from: rows.csv}"
    with pytest.raises(JobError, match="there is no such file"):
        read_inputs(load(with_query(body)))
