"""What responses say about the keys they were asked by, from the wire to the files."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import parse_path
from batchfind.execution.export import export_run
from batchfind.execution.matching import KeyTally, take
from batchfind.execution.results import RunResult
from batchfind.execution.run import RunOptions, run_plan
from batchfind.job.model import OutputFormat, PeerLimits, Publish, Verify
from batchfind.plan.model import Plan, PlannedOutput, Request
from batchfind.tables.verify import Verified
from tests.execution.plans import (
    output,
    peer,
    plan,
    request,
    studies,
    with_real_keys,
)
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Step
from tests.tables.material import identifier

KEYS = (
    Element(0x0008_0052, "CS", "STUDY"),
    Element(0x0008_0061, "CS", "MR"),
    Element(0x0010_0020, "LO", "7"),
    Element(0x0020_000D, "UI", ""),
)
COLUMNS = ("ModalitiesInStudy", "PatientID", "StudyInstanceUID")


def asked(identity: str = "0.0", keys: Sequence[Element] = KEYS) -> Request:
    return request(identity, "pacs", identifier=tuple(keys))


def made(
    folder: Path,
    port: int,
    requests: Sequence[Request],
    outputs: Sequence[PlannedOutput] = (),
    verify: Verify = Verify.WARN,
) -> Plan:
    one_by_one = peer("pacs", port, limits=PeerLimits(associations=1))
    given = plan(folder, [one_by_one], requests, outputs)
    columns = tuple(parse_path(key) for key in COLUMNS)
    query = replace(studies(), columns=columns, verify_matches=verify)
    return with_real_keys(replace(given, queries={"studies": query}))


def run(given: Plan) -> RunResult:
    options = RunOptions(job_text="version: 1\nname: test\n")
    return asyncio.run(run_plan(given, options), debug=True)


def answers(*found: bytes, status: int = steps.PENDING) -> list[Step]:
    build = lambda _, index: found[index % len(found)]  # noqa: E731 - one line
    return [steps.matches(len(found), build=build, status=status), steps.final()]


class TestAPeerThatIgnoresAKey:
    def test_never_returns_it(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        bare = [identifier(PatientID="7", StudyInstanceUID=f"1.{at}") for at in "12"]
        port = scripted_peer(*answers(*bare)).port
        result = run(made(tmp_path, port, [asked()]))
        (report,) = result.requests
        assert report.verdict is Verdict.COMPLETE
        (warning,) = report.warnings
        assert "ModalitiesInStudy" in warning
        assert "FF01" not in warning

    def test_may_say_so(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        bare = identifier(PatientID="7", StudyInstanceUID="1.1")
        port = scripted_peer(*answers(bare, status=0xFF01)).port
        (report,) = run(made(tmp_path, port, [asked()])).requests
        assert "FF01" in report.warnings[0]

    def test_makes_alternatives_doubtful(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        bare = identifier(PatientID="7", StudyInstanceUID="1.1")
        port = scripted_peer(*answers(bare)).port
        ct = tuple(
            replace(key, value="CT") if key.value == "MR" else key for key in KEYS
        )
        family = [
            replace(asked("0.0"), family="0.0"),
            replace(asked("0.1", ct), family="0.0"),
        ]
        given = made(tmp_path, port, family)
        for report in run(given).requests:
            assert report.verdict is Verdict.SUSPECT
            assert report.cause is not None
            assert report.cause.code == "key-ignored"

    def test_may_return_another_value(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        rows = [
            identifier(ModalitiesInStudy=one, PatientID="7") for one in ("CT", "MR")
        ]
        path = tmp_path / "s.csv"
        requests = [asked()]
        written = output(path, requests, provenance=True)
        port = scripted_peer(*answers(*rows)).port
        (report,) = run(made(tmp_path, port, requests, [written])).requests
        assert report.verdict is Verdict.COMPLETE
        assert (report.mismatches, report.dropped) == (1, 0)
        assert report.warnings == ("1 response did not match the keys asked by",)
        with path.open(newline="") as file:
            told = [row["bf_mismatch"] for row in csv.DictReader(file)]
        assert told == ["ModalitiesInStudy", ""]


class TestDrop:
    ROWS = tuple(
        identifier(ModalitiesInStudy=one, PatientID=patient, StudyInstanceUID=uid)
        for one, patient, uid in (
            ("MR", "7", "1.1"),
            ("CT", "7", "1.2"),
            ("CT\\MR", "8", "1.3"),
            ("MR", "7", "1.4"),
        )
    )

    @pytest.mark.parametrize(
        ("verify", "rows", "counts"),
        [
            (Verify.DROP, ["1.1", "1.4"], (2, 2)),
            (Verify.WARN, ["1.1", "1.2", "1.3", "1.4"], (2, 0)),
            (Verify.OFF, ["1.1", "1.2", "1.3", "1.4"], (0, 0)),
        ],
    )
    def test_leaves_responses_out_of_every_output_but_not_of_the_capture(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        verify: Verify,
        rows: list[str],
        counts: tuple[int, int],
    ) -> None:
        requests = [asked()]
        lines = output(tmp_path / "s.jsonl", requests, format=OutputFormat.JSONL)
        written = [output(tmp_path / "s.csv", requests), lines]
        port = scripted_peer(*answers(*self.ROWS)).port
        result = run(made(tmp_path, port, requests, written, verify))
        (report,) = result.requests
        assert (report.mismatches, report.dropped) == counts
        assert [one.rows for one in result.outputs] == [len(rows)] * 2
        with (tmp_path / "s.csv").open(newline="") as file:
            assert [row["StudyInstanceUID"] for row in csv.DictReader(file)] == rows
        told = (tmp_path / "s.jsonl").read_text().splitlines()
        uids = [json.loads(line)["0020000D"]["Value"][0] for line in told]
        assert uids == rows
        again = export_run(result.run_dir)
        assert [one.rows for one in again.outputs] == [len(rows)] * 2
        assert again.requests[0].dropped == counts[1]

    def test_a_row_that_matches_stands_where_one_that_does_not_is_dropped(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        good = identifier(ModalitiesInStudy="MR", PatientID="7", StudyInstanceUID="1.1")
        bad = identifier(ModalitiesInStudy="MR", PatientID="8", StudyInstanceUID="1.1")
        script = steps.in_turn(answers(good), answers(bad))
        family = [replace(asked(one), family="0.0") for one in ("0.0", "0.1")]
        written = output(tmp_path / "s.csv", family, publish=Publish.ALWAYS)
        given = made(
            tmp_path, scripted_peer(script=script).port, family, [written], Verify.DROP
        )
        (query,) = given.queries.values()
        merging = replace(
            query, merges=True, identity=(parse_path("StudyInstanceUID"),)
        )
        result = run(replace(given, queries={"studies": merging}))
        assert [one.dropped for one in result.requests] == [0, 1]
        causes = [one.cause and one.cause.code for one in result.requests]
        assert causes == [None, "nothing-matched"]
        with (tmp_path / "s.csv").open(newline="") as file:
            assert [row["PatientID"] for row in csv.DictReader(file)] == ["7"]


class TestTally:
    def test_keys_are_absent_when_no_slab_holds_them(self) -> None:
        tallies = {"0": KeyTally(), "1": KeyTally()}
        one = Verified(read={"0": 2}, absent={"0": frozenset(("A", "B"))})
        two = Verified(
            read={"0": 1, "1": 1},
            absent={"0": frozenset(("B", "C"))},
            reserved={"1": 1},
        )
        for verified in (one, two):
            take(tallies, verified)
        assert (tallies["0"].absent, tallies["0"].read) == (("B",), 3)
        assert (tallies["1"].absent, tallies["1"].reserved) == ((), 1)

    def test_keys_are_not_absent_when_the_first_slab_holds_them(self) -> None:
        tallies = {"0": KeyTally()}
        take(tallies, Verified(read={"0": 1}))
        take(tallies, Verified(read={"0": 1}, absent={"0": frozenset(("A",))}))
        assert tallies["0"].absent == ()
