"""Outputs and the run: which query, which defaults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.job.model import (
    Job,
    Keep,
    Output,
    OutputFormat,
    PerRequest,
    Publish,
    RetryPolicy,
    RunPolicy,
)
from batchfind.job.output_model import (
    ColumnChoice,
    CsvOptions,
    DicomOptions,
    OutputOptions,
    Overwrite,
    ParquetOptions,
    Partition,
    TableKind,
    Where,
    XmlOptions,
)

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]

HEAD = "version: 1\nname: x\npeers: {p: {host: h, port: 1}}\n"
ONE = f"{HEAD}queries: {{a: {{model: worklist, keys: {{PatientID: x}}}}}}\n"
TWO = ONE.replace("}}}\n", "}}, b: {model: worklist, keys: {PatientID: x}}}\n")


class TestAnOutput:
    def test_of_csv_is_text_without_provenance(self, load: Load) -> None:
        (output,) = load(f"{ONE}outputs: [{{format: csv, path: a.csv}}]").outputs
        assert output.format is OutputFormat.CSV
        assert (output.typed, output.provenance) == (False, False)
        assert (output.publish, output.overwrite) == (
            Publish.COMPLETE,
            Overwrite.REPLACE,
        )
        assert output.queries == ()

    def test_of_parquet_is_typed_with_provenance(
        self, load: Load, tmp_path: Path
    ) -> None:
        (output,) = load(f"{ONE}outputs: [{{format: parquet, path: a}}]").outputs
        assert (output.typed, output.provenance) == (True, True)
        assert output.base == tmp_path

    def test_takes_every_field(self, load: Load) -> None:
        (output,) = load(
            f"{TWO}outputs:\n- {{format: csv, path: '{{{{ query }}}}.csv', types: "
            f"typed, "
            "provenance: true, publish: always, overwrite: replace, queries: [a, b]}\n"
        ).outputs
        assert (output.typed, output.provenance) == (True, True)
        assert output.publish is Publish.ALWAYS
        assert output.queries == ("a", "b")

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "path: a.csv",
                (
                    "31: outputs[0].path: an output holds one query; name it under "
                    "'queries', or write {{ query }} in the path"
                ),
            ),
            (
                "path: a.csv, queries: [a, b]",
                (
                    "31: outputs[0].path: an output holds one query; name it under "
                    "'queries', or write {{ query }} in the path"
                ),
            ),
            (
                "path: a.csv, queries: [c]",
                "48: outputs[0].queries: there is no query 'c'",
            ),
            (
                "path: a/, queries: a",
                (
                    "31: outputs[0].path: csv is one file here: the path must not be "
                    "a folder"
                ),
            ),
        ],
    )
    def test_holds_one_query(
        self, problems: Problems, fields: str, problem: str
    ) -> None:
        found = problems(f"{TWO}outputs: [{{format: csv, {fields}}}]")
        assert found == [f"job.yaml:5:{problem}"]

    def test_names_a_close_query(self, problems: Problems) -> None:
        job = TWO.replace("b: {model", "studies: {model")
        job += "outputs: [{format: csv, path: x, queries: studys}]"
        assert problems(job)[0].endswith("'studys' (did you mean 'studies'?)")

    def test_that_is_no_mapping_is_one_problem(self, problems: Problems) -> None:
        assert problems(f"{ONE}outputs: [a.csv]") == [
            "job.yaml:5:11: outputs[0]: must be a mapping of output fields, not 'a.csv'"
        ]

    def test_may_not_use_dates_without_a_timezone(self, problems: Problems) -> None:
        job = f"{ONE}outputs: [{{format: csv, path: 'a-{{{{ today }}}}.csv'}}]"
        assert problems(job)[0].startswith("job.yaml:5:31: timezone: ")


def written(load: Load, fields: str) -> Output:
    (output,) = load(f"{ONE}outputs: [{{path: x, {fields}}}]").outputs
    return output


class TestEveryField:
    """What a job may write, and what the model makes of it."""

    @pytest.mark.parametrize(
        ("fields", "options"),
        [
            ("format: csv", OutputOptions()),
            ("format: jsonl", OutputOptions()),
            (
                "format: csv, table: requests, where: not-found",
                OutputOptions(table=TableKind.REQUESTS, where=Where.NOT_FOUND),
            ),
            ("format: xml, limit: 5", OutputOptions(limit=5)),
            ("format: xml, limit: none", OutputOptions()),
            ("format: csv, names: components", OutputOptions(components=True)),
            ("format: csv, names: as-sent", OutputOptions()),
            (
                "format: csv, columns: PatientID",
                OutputOptions(columns=(ColumnChoice("PatientID"),)),
            ),
            (
                "format: csv, columns: [a, {from: b.c, as: d}, {from: e}]",
                OutputOptions(
                    columns=(
                        ColumnChoice("a"),
                        ColumnChoice("b.c", "d"),
                        ColumnChoice("e"),
                    )
                ),
            ),
            (
                "format: parquet, types: {TM: time64, a.b: text}",
                OutputOptions(column_types={"TM": "time64", "a.b": "text"}),
            ),
            (
                "format: csv, provenance: bf_peer",
                OutputOptions(provenance_columns=("bf_peer",)),
            ),
            (
                "format: csv, provenance: [bf_run_id, bf_peer]",
                OutputOptions(provenance_columns=("bf_run_id", "bf_peer")),
            ),
            (
                "format: parquet, partition_by: bf_peer",
                OutputOptions(partition_by=(Partition("bf_peer"),)),
            ),
            (
                "format: parquet, partition_by: {key: a, by: day}",
                OutputOptions(partition_by=(Partition("a", "day"),)),
            ),
            (
                "format: parquet, partition_by: [{key: a, by: year}, {key: b}, c]",
                OutputOptions(
                    partition_by=(
                        Partition("a", "year"),
                        Partition("b"),
                        Partition("c"),
                    )
                ),
            ),
            (
                "format: dicom, mode: '0640', group: staff",
                OutputOptions(mode=0o640, group="staff"),
            ),
            ("format: dicom, mode: '664'", OutputOptions(mode=0o664)),
            (
                (
                    "format: csv, delimiter: ;, encoding: cp1252, header: false, "
                    "dialect: excel, null_token: '\\N'"
                ),
                OutputOptions(
                    csv=CsvOptions(
                        delimiter=";",
                        encoding="cp1252",
                        header=False,
                        dialect="excel",
                        null_token="\\N",  # noqa: S106 - no secret
                    )
                ),
            ),
            (
                "format: xml, dialect: native, layout: files, binary: base64",
                OutputOptions(
                    xml=XmlOptions(dialect="native", layout="files", binary="base64")
                ),
            ),
            (
                "format: dicom, layout: zip, name: '{peer}/{response:03}.dcm'",
                OutputOptions(
                    dicom=DicomOptions(layout="zip", name="{peer}/{response:03}.dcm")
                ),
            ),
            (
                "format: parquet, row_group_size: 1000, compression: snappy",
                OutputOptions(
                    parquet=ParquetOptions(row_group_size=1000, compression="snappy")
                ),
            ),
        ],
    )
    def test_becomes_an_option(
        self, load: Load, fields: str, options: OutputOptions
    ) -> None:
        assert written(load, fields).options == options

    @pytest.mark.parametrize(
        ("fields", "typed", "provenance", "publish"),
        [
            ("format: jsonl", False, False, Publish.COMPLETE),
            ("format: dicom", False, False, Publish.COMPLETE),
            ("format: csv, types: typed", True, False, Publish.COMPLETE),
            ("format: csv, types: {DA: date32}", False, False, Publish.COMPLETE),
            ("format: parquet, types: {DA: text}", True, True, Publish.COMPLETE),
            ("format: parquet, types: text", False, True, Publish.COMPLETE),
            ("format: parquet, provenance: false", True, False, Publish.COMPLETE),
            ("format: csv, provenance: bf_peer", False, True, Publish.COMPLETE),
            ("format: parquet, columns: PatientID", True, False, Publish.COMPLETE),
            ("format: parquet, table: requests", True, False, Publish.ALWAYS),
            (
                "format: csv, table: requests, publish: answered",
                False,
                False,
                Publish.ANSWERED,
            ),
        ],
    )
    def test_has_a_default_by_format(
        self,
        load: Load,
        fields: str,
        typed: bool,
        provenance: bool,
        publish: Publish,
    ) -> None:
        output = written(load, fields)
        assert (output.typed, output.provenance) == (typed, provenance)
        assert output.publish is publish

    @pytest.mark.parametrize("overwrite", ["replace", "fail", "partitions", "append"])
    def test_says_what_happens_to_what_is_there(
        self, load: Load, overwrite: str
    ) -> None:
        fields = f"format: csv, partition_by: bf_peer, overwrite: {overwrite}"
        assert written(load, fields).overwrite is Overwrite(overwrite)

    @pytest.mark.parametrize(
        "fields",
        [
            "format: parquet, partition_by: bf_peer",
            "format: xml, layout: files",
            "format: dicom",
        ],
    )
    def test_a_folder_s_path_may_end_as_one(self, load: Load, fields: str) -> None:
        (output,) = load(f"{ONE}outputs: [{{path: x/, {fields}}}]").outputs
        assert output.path.text == "x/"


MISPLACED = [
    ("format: xml, table: requests", "table", "csv, jsonl and parquet, not to xml"),
    ("format: dicom, columns: a", "columns", "csv, jsonl and parquet, not to dicom"),
    ("format: xml, names: components", "names", "csv and parquet, not to xml"),
    ("format: jsonl, types: text", "types", "csv and parquet, not to jsonl"),
    ("format: jsonl, provenance: true", "provenance", "csv and parquet, not to jsonl"),
    ("format: xml, partition_by: a", "partition_by", "csv and parquet, not to xml"),
    ("format: parquet, delimiter: ;", "delimiter", "csv, not to parquet"),
    ("format: jsonl, encoding: utf-8", "encoding", "csv, not to jsonl"),
    ("format: xml, header: true", "header", "csv, not to xml"),
    ("format: dicom, null_token: x", "null_token", "csv, not to dicom"),
    ("format: parquet, dialect: excel", "dialect", "csv and xml, not to parquet"),
    ("format: csv, layout: files", "layout", "dicom and xml, not to csv"),
    ("format: dicom, binary: hidden", "binary", "xml, not to dicom"),
    ("format: xml, name: x", "name", "dicom, not to xml"),
    ("format: csv, row_group_size: 5", "row_group_size", "parquet, not to csv"),
    ("format: jsonl, compression: gzip", "compression", "parquet, not to jsonl"),
]


class TestMisplacedFields:
    @pytest.mark.parametrize(("fields", "name", "owners"), MISPLACED)
    def test_are_told_with_the_format_they_belong_to(
        self, problems: Problems, fields: str, name: str, owners: str
    ) -> None:
        (problem,) = problems(f"{ONE}outputs: [{{path: x, {fields}}}]")
        assert problem.startswith("job.yaml:5:")
        assert problem.endswith(f"outputs[0].{name}: '{name}' belongs to {owners}")

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "format: csv, where: failed",
                "where: chooses requests; it needs 'table: requests'",
            ),
            (
                "format: csv, table: requests, limit: 5",
                "limit: 'limit' is about responses; this table holds requests",
            ),
            (
                "format: csv, table: requests, partition_by: bf_peer",
                (
                    "partition_by: 'partition_by' is about responses; this table "
                    "holds requests"
                ),
            ),
            (
                "format: jsonl, columns: a",
                (
                    "columns: jsonl has columns only with 'table: requests'; else it "
                    "holds data sets"
                ),
            ),
            (
                "format: csv, columns: a, provenance: true",
                "provenance: 'columns' is the whole table; name the bf_ columns there",
            ),
            (
                "format: csv, overwrite: partitions",
                "overwrite: partitions needs 'partition_by'",
            ),
            (
                "format: csv, overwrite: append",
                (
                    "overwrite: append adds files to a folder; write one with "
                    "'partition_by', or with 'layout: files'"
                ),
            ),
            (
                "format: dicom, layout: zip, overwrite: append",
                (
                    "overwrite: append adds files to a folder; write one with "
                    "'partition_by', or with 'layout: files'"
                ),
            ),
            (
                "format: xml, dialect: excel",
                "dialect: must be dcmtk or native for xml, not 'excel'",
            ),
            (
                "format: csv, dialect: native",
                "dialect: must be rfc4180 or excel for csv, not 'native'",
            ),
            (
                "format: xml, layout: zip",
                "layout: must be single or files for xml, not 'zip'",
            ),
            (
                "format: dicom, layout: single",
                "layout: must be files or zip for dicom, not 'single'",
            ),
        ],
    )
    def test_that_contradict_each_other_are_told(
        self, problems: Problems, fields: str, problem: str
    ) -> None:
        (found,) = problems(f"{ONE}outputs: [{{path: x, {fields}}}]")
        assert found.partition("outputs[0].")[2] == problem


class TestWrongValues:
    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "format: cvs",
                (
                    "format: must be one of csv, parquet, jsonl, dicom, xml, not "
                    "'cvs' (did you mean 'csv'?)"
                ),
            ),
            (
                "format: csv, table: request",
                (
                    "table: must be one of responses, requests, not 'request' (did "
                    "you mean 'requests'?)"
                ),
            ),
            (
                "format: csv, table: requests, where: unfound",
                (
                    "where: must be one of all, failed, not-found, not 'unfound'"
                    " (did you mean 'not-found'?)"
                ),
            ),
            (
                "format: csv, limit: 0",
                "limit: must be an integer, 1 or more, or none, not 0",
            ),
            (
                "format: csv, columns: []",
                "columns: must be a column, or a list of columns, and not empty",
            ),
            (
                "format: csv, columns: [{form: a}]",
                "columns[0]: the field 'from' is missing",
            ),
            (
                "format: csv, columns: [{from: a, as: _b}]",
                (
                    "columns[0].as: must be a column name that begins neither with _ "
                    "nor ., not '_b'"
                ),
            ),
            (
                "format: csv, columns: [{from: a, as: bf_b}]",
                "columns[0]: 'bf_b' looks like a column of batchfind; rename it",
            ),
            (
                "format: csv, types: txt",
                (
                    "types: must be one word for all columns, or a mapping of columns, "
                    "key paths or VRs to types, not 'txt' (did you mean 'text'?)"
                ),
            ),
            (
                "format: csv, types: {a: string}",
                (
                    "types.a: must be one of typed, text, date32, float64, int64, "
                    "time64, timestamp, timestamp_utc, not 'string'"
                ),
            ),
            (
                "format: csv, types: {LO: int64}",
                "types.LO: LO values cannot be int64; LO takes text, typed",
            ),
            (
                "format: csv, types: {DA: time64}",
                "types.DA: DA values cannot be time64; DA takes text, typed, date32",
            ),
            (
                "format: csv, provenance: bf_per",
                "provenance: there is no column 'bf_per' (did you mean 'bf_peer'?)",
            ),
            (
                "format: csv, overwrite: truncate",
                (
                    "overwrite: must be one of replace, fail, partitions, append, not "
                    "'truncate'"
                ),
            ),
            (
                "format: csv, partition_by: [{key: a, by: week}]",
                "partition_by[0].by: must be one of year, month, day, not 'week'",
            ),
            (
                "format: csv, partition_by: [a, a]",
                "partition_by[1]: must not name anything twice",
            ),
            (
                "format: csv, mode: 0640",
                'mode: must be an octal text such as "0640", not 640; put it in quotes',
            ),
            (
                "format: csv, mode: '0888'",
                "mode: must be an octal text such as \"0640\", not '0888'",
            ),
            (
                "format: csv, mode: '4755'",
                "mode: must be an octal text such as \"0640\", not '4755'",
            ),
            (
                "format: csv, delimiter: ab",
                "delimiter: must be one character, not 'ab'",
            ),
            *(
                (
                    f"format: csv, delimiter: {character}",
                    (
                        "delimiter: must be one character that is no letter, digit, "
                        "quote or line end"
                    ),
                )
                for character in ("a", "'\"'", '"\\n"', "'7'")
            ),
            (
                "format: csv, encoding: utf8x",
                "encoding: 'utf8x' is no encoding of text that has a place for ','",
            ),
            (
                "format: csv, encoding: rot13",
                "encoding: 'rot13' is no encoding of text that has a place for ','",
            ),
            (
                "format: csv, delimiter: '→', encoding: cp1252",
                "encoding: 'cp1252' is no encoding of text that has a place for '→'",
            ),
            (
                "format: csv, null_token: 'a,b'",
                "null_token: must not hold the delimiter ','",
            ),
            (
                "format: csv, null_token: '\"'",
                "null_token: must be a text without quotes and line ends, not '\"'",
            ),
            (
                "format: dicom, name: '{patient}-{response}'",
                (
                    "name: {patient} is unknown; use {request}, {response}, {query}, "
                    "{peer}"
                ),
            ),
            (
                "format: parquet, row_group_size: 0",
                "row_group_size: must be an integer, 1 to 1048576, not 0",
            ),
            (
                "format: parquet, compression: zip",
                (
                    "compression: must be one of zstd, snappy, gzip, brotli, lz4, "
                    "none, not 'zip' (did you mean 'gzip'?)"
                ),
            ),
        ],
    )
    def test_are_one_sentence(
        self, problems: Problems, fields: str, problem: str
    ) -> None:
        found = problems(f"{ONE}outputs: [{{path: x, {fields}}}]")
        assert problem in [one.partition("outputs[0].")[2] for one in found]


class TestTheRun:
    def test_has_defaults(self, load: Load) -> None:
        assert load(ONE).run == RunPolicy()

    def test_takes_every_field(self, load: Load, tmp_path: Path) -> None:
        job = load(
            f"{ONE}run: {{dir: ../runs, concurrency: 4, on_failure: stop, "
            "max_requests: 5, executor: local, per_request: {responses: 10, "
            "bytes: 1MiB, time: none}, retry: {attempts: 5, backoff: 500ms, "
            "max_backoff: 2m}, deadline: 8h, keep: {runs: 30, days: 90}}\n"
        )
        assert job.run == RunPolicy(
            directory=tmp_path / "../runs",
            concurrency=4,
            stop_on_failure=True,
            max_requests=5,
            per_request=PerRequest(responses=10, bytes=1 << 20, time=None),
            retry=RetryPolicy(attempts=5, backoff=0.5, max_backoff=120.0),
            deadline=28800.0,
            keep=Keep(runs=30, days=90),
        )

    def test_keeps_by_either_bound(self, load: Load) -> None:
        assert load(f"{ONE}run: {{keep: {{days: 7}}}}").run.keep == Keep(days=7)
        assert load(f"{ONE}run: {{keep: {{runs: 7}}}}").run.keep == Keep(runs=7)
        assert load(f"{ONE}run: {{keep: {{}}}}").run.keep.everything

    @pytest.mark.parametrize("bound", ["0", "-1", "1.5", "30d", "none", "[3]", "true"])
    def test_keeps_whole_numbers_of_runs_and_days(
        self, problems: Problems, bound: str
    ) -> None:
        for name in ("runs", "days"):
            (problem,) = problems(f"{ONE}run: {{keep: {{{name}: {bound}}}}}")
            assert f"run.keep.{name}: " in problem
            assert "integer" in problem or "1 or more" in problem
