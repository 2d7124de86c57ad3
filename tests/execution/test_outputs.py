"""What a run leaves at its paths, in every format, and when a disk is full."""

from __future__ import annotations

import asyncio
import csv
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from batchfind.errors import StorageError
from batchfind.execution.export import export_run
from batchfind.execution.progress import Event, RequestEnded
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, resume_run, run_plan
from batchfind.job.model import OutputFormat, Publish
from batchfind.job.output_model import (
    OutputOptions,
    Overwrite,
    Partition,
    TableKind,
    XmlOptions,
)
from batchfind.outputs.hashed import HashedFile
from batchfind.outputs.sidecars import read_sidecar
from batchfind.plan.model import Plan, PlannedOutput
from tests.execution.plans import output, peer, plan, request, with_real_keys
from tests.peers import steps
from tests.peers.plugin import StartPeer

GOOD = [steps.matches(3), steps.final()]
BROKEN = [steps.matches(2, build=lambda *_: b"\x10\x00"), steps.final()]
CAPPED = [steps.matches(500), steps.final(0xA700, "too many")]
REQUESTS = [request("0.0", "pacs"), request("0.1", "pacs")]
BY_PEER = OutputOptions(partition_by=(Partition("bf_peer"),))


def run(given: Plan, watch: Callable[[Event], None] | None = None) -> RunResult:
    options = RunOptions(job_text="version: 1\nname: test\n")
    observers = [watch] if watch else []
    return asyncio.run(run_plan(given, options, observers), debug=True)


def made(folder: Path, port: int, *outputs: PlannedOutput) -> Plan:
    return with_real_keys(plan(folder, [peer("pacs", port)], REQUESTS, outputs))


def planned(path: Path, form: OutputFormat, **facts: Any) -> PlannedOutput:
    return output(path, REQUESTS, format=form, **facts)


def every_output(folder: Path) -> list[PlannedOutput]:
    files = OutputOptions(xml=XmlOptions(layout="files"))
    return [
        planned(folder / "s.csv", OutputFormat.CSV),
        planned(
            folder / "lake",
            OutputFormat.PARQUET,
            provenance=True,
            typed=True,
            options=BY_PEER,
        ),
        planned(folder / "s.jsonl", OutputFormat.JSONL),
        planned(folder / "s.xml", OutputFormat.XML),
        planned(folder / "xml", OutputFormat.XML, options=files),
        planned(folder / "dicom", OutputFormat.DICOM),
        planned(
            folder / "asked.csv",
            OutputFormat.CSV,
            publish=Publish.ALWAYS,
            options=OutputOptions(table=TableKind.REQUESTS),
        ),
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".batchfind.json")
    }


class TestEveryFormat:
    def test_holds_the_same_answers_with_a_sidecar_each(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        out = tmp_path / "out"
        given = made(tmp_path, scripted_peer(*GOOD).port, *every_output(out))
        result = run(given)
        assert result.exit_code is ExitCode.OK
        assert [each.path for each in result.outputs] == [
            each.path for each in given.outputs
        ]
        assert [each.rows for each in result.outputs] == [6, 6, 6, 6, 6, 6, 2]
        for report in result.outputs:
            sidecar = read_sidecar(Path(report.path))
            assert sidecar is not None
            assert (sidecar.rows, sidecar.sha256) == (report.rows, report.sha256)
            assert (sidecar.run_id, sidecar.verdicts) == (
                result.run_id,
                {"complete": 2},
            )
        lake = ds.dataset(out / "lake", partitioning="hive").to_table()
        assert lake.num_rows == 6
        assert set(lake.column("bf_peer").to_pylist()) == {"pacs"}

    def test_is_the_same_when_it_is_exported(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        out = tmp_path / "out"
        given = made(tmp_path, scripted_peer(*GOOD).port, *every_output(out))
        result = run(given)
        exported = export_run(result.run_dir)
        assert exported.exit_code is ExitCode.OK
        assert contents(result.run_dir / "exports") == contents(out)
        before = contents(out)
        assert export_run(result.run_dir, to_paths=True).exit_code is ExitCode.OK
        assert contents(out) == before

    def test_is_withheld_whole(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        out = tmp_path / "out"
        given = made(tmp_path, scripted_peer(*CAPPED).port, *every_output(out))
        result = run(given)
        assert result.exit_code is ExitCode.INCOMPLETE
        assert sorted(contents(out)) == ["asked.csv"]
        with (out / "asked.csv").open(newline="") as file:
            told = [line["bf_verdict"] for line in csv.DictReader(file)]
        assert told == ["partial", "partial"]
        released = export_run(result.run_dir, to_paths=True, publish=Publish.ALWAYS)
        assert released.exit_code is ExitCode.INCOMPLETE
        assert not (result.run_dir / "withheld").exists()
        assert len(list((out / "dicom").iterdir())) == 1000


class TestVerdictsFoundLate:
    def test_reach_rows_without_writing_the_rest_twice(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        outputs = [
            planned(tmp_path / "t.csv", OutputFormat.CSV, provenance=True),
            planned(tmp_path / "d", OutputFormat.DICOM),
            planned(tmp_path / "s.jsonl", OutputFormat.JSONL),
        ]
        given = made(tmp_path, scripted_peer(*BROKEN).port, *outputs)
        result = run(given)
        assert result.exit_code is ExitCode.SUSPECT
        released = export_run(result.run_dir, to_paths=True, publish=Publish.ALWAYS)
        assert [each.path for each in released.outputs] == [
            each.path for each in outputs
        ]
        with (tmp_path / "t.csv").open(newline="") as file:
            told = [line["bf_verdict"] for line in csv.DictReader(file)]
        assert told == ["suspect"] * 4
        assert (tmp_path / "s.jsonl").read_text() == "{}\n" * 4


class TestAFullDisk:
    def test_spoils_one_output_and_neither_the_others_nor_the_capture(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        small = tmp_path / "small" / "s.jsonl"
        outputs = [
            planned(small, OutputFormat.JSONL),
            planned(tmp_path / "s.csv", OutputFormat.CSV),
        ]
        real = HashedFile.write

        def full(self: HashedFile, data: bytes) -> int:
            if "/small/" in os.readlink(f"/proc/self/fd/{self._file.fileno()}"):  # noqa: PTH115 - a handle, not a path
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(self, data)

        with monkeypatch.context() as patch:
            patch.setattr(HashedFile, "write", full)
            given = made(tmp_path, scripted_peer(*GOOD).port, *outputs)
            result = run(given)
        assert result.exit_code is ExitCode.STORAGE
        assert [each.failed for each in result.outputs] == [True, False]
        assert "free some space there" in result.outputs[0].reason
        assert not small.parent.exists()
        assert (tmp_path / "s.csv").exists()
        assert [each.verdict.value for each in result.requests] == ["complete"] * 2
        assert export_run(result.run_dir, to_paths=True).exit_code is ExitCode.OK
        assert small.read_text().count("\n") == 6


class TestOverwriteFail:
    def test_met_while_running_is_exit_7_and_leaves_the_file(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        path = tmp_path / "s.csv"
        one = planned(path, OutputFormat.CSV, overwrite=Overwrite.FAIL)

        def meddle(event: Event) -> None:
            if isinstance(event, RequestEnded):
                path.write_text("mine")

        result = run(made(tmp_path, scripted_peer(*GOOD).port, one), meddle)
        assert result.exit_code is ExitCode.STORAGE
        assert path.read_text() == "mine"
        path.unlink()
        again = asyncio.run(resume_run(result.run_dir), debug=True)
        assert again.exit_code is ExitCode.OK
        asyncio.run(resume_run(result.run_dir), debug=True)  # its own file


class TestANewerRun:
    def test_is_not_replaced_unless_forced(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        port = scripted_peer(*GOOD).port
        one = planned(tmp_path / "s.csv", OutputFormat.CSV)
        older = run(made(tmp_path, port, one))
        newer = run(made(tmp_path, port, one))
        sidecar = tmp_path / "s.csv.batchfind.json"

        def owner() -> str:
            return str(json.loads(sidecar.read_text())["run_id"])

        with pytest.raises(StorageError, match=newer.run_id):
            export_run(older.run_dir, to_paths=True)
        with pytest.raises(StorageError, match=newer.run_id):
            asyncio.run(resume_run(older.run_dir), debug=True)
        assert owner() == newer.run_id
        assert export_run(older.run_dir).exit_code is ExitCode.OK
        asyncio.run(resume_run(older.run_dir, force=True), debug=True)
        assert owner() == older.run_id
        export_run(newer.run_dir, to_paths=True)
        export_run(older.run_dir, to_paths=True, force=True)
        assert owner() == older.run_id
