"""Outputs and the run: which query, which defaults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.job.model import (
    Job,
    OutputFormat,
    Overwrite,
    PerRequest,
    Publish,
    RunPolicy,
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
                "31: outputs[0].path: must name a file, not a folder",
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


class TestTheRun:
    def test_has_defaults(self, load: Load) -> None:
        assert load(ONE).run == RunPolicy()

    def test_takes_every_field(self, load: Load, tmp_path: Path) -> None:
        job = load(
            f"{ONE}run: {{dir: ../runs, concurrency: 4, on_failure: stop, "
            "max_requests: 5, executor: local, per_request: {responses: 10, "
            "bytes: 1MiB, time: none}}\n"
        )
        assert job.run == RunPolicy(
            directory=tmp_path / "../runs",
            concurrency=4,
            stop_on_failure=True,
            max_requests=5,
            per_request=PerRequest(responses=10, bytes=1 << 20, time=None),
        )
