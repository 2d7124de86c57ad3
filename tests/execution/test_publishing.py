"""{verdict} x {publish} x {file, folder}, and what else decides over a path."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.errors import JobError, StorageError
from batchfind.execution.exit_codes import retryable
from batchfind.execution.forest import Forest
from batchfind.execution.publisher import Publisher, publisher_of
from batchfind.execution.publishing import publish_outputs
from batchfind.execution.rendition import Prepared
from batchfind.execution.results import ExitCode, OutputReport
from batchfind.execution.targets import check_targets
from batchfind.job.model import OutputFormat, Publish
from batchfind.job.output_model import OutputOptions, Overwrite, Partition
from batchfind.outputs.formats import has_table, schema_of
from batchfind.outputs.sidecars import read_sidecar
from batchfind.outputs.staging import stage
from batchfind.outputs.writing import Piece
from batchfind.plan.model import Plan, PlannedOutput
from tests.execution.plans import output, peer, plan, request, studies
from tests.tables.material import identifier, slabs

GOOD = {Verdict.COMPLETE, Verdict.LIMITED}
ENOUGH = {
    Publish.COMPLETE: GOOD,
    Publish.ANSWERED: GOOD | {Verdict.SUSPECT},
    Publish.ALWAYS: set(Verdict),
}
REQUESTS = [request("0.0", "pacs"), request("0.1", "pacs")]
RUN = Publisher(run_id="run-2", started="2026-01-31T04:15:00.000000+00:00")
EARLIER = Publisher(run_id="run-1", started="2026-01-30T04:15:00.000000+00:00")


def planned(path: Path, form: OutputFormat, **facts: Any) -> PlannedOutput:
    return output(path, REQUESTS, format=form, **facts)


def made(folder: Path, *outputs: PlannedOutput) -> Plan:
    return plan(folder, [peer("pacs", 104)], REQUESTS, outputs)


def prepared(one: PlannedOutput, count: int, run: str) -> Prepared:
    schema = schema_of(one, studies()) if has_table(one) else None
    staged = stage(one, studies(), schema, run)
    payloads = [identifier(PatientID=str(at)) for at in range(count)]
    for slab in slabs(*payloads):
        staged.write(Piece(slab, None))
    staged.close()
    return Prepared(one, staged)


def verdicts(*found: Verdict) -> dict[str, RequestVerdict]:
    return {
        asked.id: RequestVerdict(request=asked.id, verdict=verdict)
        for asked, verdict in zip(REQUESTS, found, strict=True)
    }


def publish(
    one: PlannedOutput,
    found: Sequence[Verdict],
    folder: Path,
    count: int = 3,
    run: Publisher = RUN,
) -> OutputReport:
    (report,) = publish_outputs(
        Forest(made(folder, one)),
        run,
        [prepared(one, count, run.run_id)],
        verdicts(*found),
        folder / "run" / "withheld",
        lambda _: None,
    )
    return report


def content(path: Path) -> list[bytes]:
    if path.is_dir():
        return [each.read_bytes() for each in sorted(path.iterdir())]
    return [path.read_bytes()]


class TestMatrix:
    @pytest.mark.parametrize("form", [OutputFormat.JSONL, OutputFormat.DICOM])
    @pytest.mark.parametrize("policy", list(Publish))
    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_publishes_what_is_good_enough_and_withholds_the_rest(
        self, tmp_path: Path, verdict: Verdict, policy: Publish, form: OutputFormat
    ) -> None:
        path = tmp_path / "out" / "studies"
        one = planned(path, form, publish=policy)
        complete = (Verdict.COMPLETE, Verdict.COMPLETE)
        assert publish(one, complete, tmp_path, 2, EARLIER).published
        before, sidecar = content(path), read_sidecar(path)
        report = publish(one, (Verdict.COMPLETE, verdict), tmp_path)
        found = read_sidecar(path)
        assert found is not None
        if verdict in ENOUGH[policy]:
            assert report.published
            assert report.written == str(path)
            assert content(path) != before
            assert (found.run_id, found.rows) == ("run-2", 3)
            assert found.verdict == verdict.value
            assert sum(found.verdicts.values()) == 2
            assert not (tmp_path / "run" / "withheld").exists()
        else:
            assert not report.published
            assert not report.failed
            assert f"1 {verdict.value}" in report.reason
            assert content(path) == before
            assert found == sidecar
            kept = Path(report.written)
            assert kept == tmp_path / "run" / "withheld" / "studies"
            assert len(b"".join(content(kept))) == report.bytes
        assert report.rows == 3
        assert report.files == (3 if form is OutputFormat.DICOM else 1)

    def test_a_query_of_no_request_replaces_nothing(self, tmp_path: Path) -> None:
        one = output(tmp_path / "a.jsonl", [], format=OutputFormat.JSONL)
        report = publish(one, (Verdict.FAILED, Verdict.FAILED), tmp_path, 0)
        assert not report.published
        assert "makes no request" in report.reason

    def test_a_query_of_no_request_is_published_on_demand(self, tmp_path: Path) -> None:
        always = {"publish": Publish.ALWAYS, "format": OutputFormat.JSONL}
        one = output(tmp_path / "a.jsonl", [], **always)
        assert publish(one, (Verdict.FAILED, Verdict.FAILED), tmp_path, 0).published
        sidecar = read_sidecar(tmp_path / "a.jsonl")
        assert sidecar is not None
        assert (sidecar.verdict, sidecar.verdicts) == ("complete", {})


class TestTrouble:
    def test_of_one_output_leaves_the_others_alone(self, tmp_path: Path) -> None:
        bad = planned(tmp_path / "bad.jsonl", OutputFormat.JSONL)
        good = planned(tmp_path / "good.jsonl", OutputFormat.JSONL)
        (first, second) = publish_outputs(
            Forest(made(tmp_path, bad, good)),
            RUN,
            [Prepared(bad, None, "no space"), prepared(good, 1, "run-2")],
            verdicts(Verdict.COMPLETE, Verdict.COMPLETE),
            tmp_path / "withheld",
            lambda _: None,
        )
        assert (first.failed, first.reason, first.written) == (True, "no space", "")
        assert second.published
        assert json.loads(json.dumps(first.to_json()))["files"] == 0
        assert OutputReport.from_json(second.to_json()) == second

    def test_of_a_foreign_file_is_a_failure(self, tmp_path: Path) -> None:
        one = planned(tmp_path / "a", OutputFormat.DICOM)
        publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path, 1)
        (name,) = os.listdir(tmp_path / "a")  # noqa: PTH208 - names are enough
        publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path, 0)
        (tmp_path / "a" / name).write_text("mine")
        report = publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path, 1)
        assert report.failed
        assert "not one of batchfind's" in report.reason
        assert (tmp_path / "a" / name).read_text() == "mine"

    def test_of_a_newer_run_in_the_way_does_not_pass(self, tmp_path: Path) -> None:
        one = planned(tmp_path / "f", OutputFormat.JSONL)
        publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path)
        reports = publish_outputs(
            Forest(made(tmp_path, one)),
            replace(EARLIER, guarded=True),
            [prepared(one, 1, "run-1")],
            verdicts(Verdict.COMPLETE, Verdict.COMPLETE),
            tmp_path / "withheld",
            lambda _: None,
        )
        (report,) = reports
        assert (report.failed, report.lasting) == (True, True)
        assert OutputReport.from_json(report.to_json()) == report
        assert not retryable(ExitCode.STORAGE, reports)
        full = replace(report, lasting=False)
        assert retryable(ExitCode.STORAGE, [report, full])
        assert retryable(ExitCode.INCOMPLETE, reports)


class TestCheckBeforeTheRun:
    def test_names_what_stands_where_overwrite_is_fail(self, tmp_path: Path) -> None:
        for name, form in (("f", OutputFormat.JSONL), ("d", OutputFormat.DICOM)):
            one = planned(tmp_path / name, form, overwrite=Overwrite.FAIL)
            check_targets(made(tmp_path, one))
            publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path)
            with pytest.raises(JobError, match="something stands there"):
                check_targets(made(tmp_path, one))
            check_targets(made(tmp_path, one), RUN)  # its own

    def test_names_an_unknown_group(self, tmp_path: Path) -> None:
        options = OutputOptions(group="no-such-group")
        one = planned(tmp_path / "f", OutputFormat.JSONL, options=options)
        with pytest.raises(JobError, match="no-such-group"):
            check_targets(made(tmp_path, one))

    def test_names_a_sidecar_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "f.batchfind.json").write_text("[]")
        with pytest.raises(JobError, match="no sidecar"):
            check_targets(made(tmp_path, planned(tmp_path / "f", OutputFormat.JSONL)))

    def test_names_a_newer_run(self, tmp_path: Path) -> None:
        one = planned(tmp_path / "f", OutputFormat.JSONL)
        publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path)
        guarded = Publisher(
            run_id=EARLIER.run_id, started=EARLIER.started, guarded=True
        )
        with pytest.raises(StorageError, match=r"newer run run-2.*--force") as met:
            check_targets(made(tmp_path, one), guarded)
        assert met.value.lasting
        check_targets(made(tmp_path, one), EARLIER)

    def test_clears_away_what_a_crash_left(self, tmp_path: Path) -> None:
        one = planned(tmp_path / "f", OutputFormat.JSONL)
        staged = prepared(one, 1, "run-1").staged
        assert staged is not None
        staged._area.release()  # as the kernel does when a process dies
        check_targets(made(tmp_path, one))
        assert list(tmp_path.iterdir()) == []


class TestPublisher:
    def test_knows_when_its_run_began(self) -> None:
        name = "20260131T041500.000001Z-1a2b3c4d"
        by_name = publisher_of(name, {})
        assert by_name.started == "2026-01-31T04:15:00.000001+00:00"
        assert publisher_of(name, {"started": "x"}).started == "x"
        assert publisher_of("audit-17", {}).started == ""


class TestOverwritePartitions:
    def test_asks_the_plan_what_it_covers(self, tmp_path: Path) -> None:
        options = OutputOptions(partition_by=(Partition("PatientID"),))
        one = planned(
            tmp_path / "a",
            OutputFormat.CSV,
            options=options,
            overwrite=Overwrite.PARTITIONS,
        )
        report = publish(one, (Verdict.COMPLETE, Verdict.COMPLETE), tmp_path, 0)
        assert report.published
        assert report.files == 1
