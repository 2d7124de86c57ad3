"""Runs whose requests give rise to others: from the plan to tables and exit codes."""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from batchfind.api import open_run
from batchfind.capture.reader import open_capture
from batchfind.capture.records import Verdict
from batchfind.execution.answers import Answers
from batchfind.execution.export import export_run
from batchfind.execution.progress import Event, RequestsGrown, RequestSplit
from batchfind.execution.remaining import left_of
from batchfind.execution.results import ExitCode, OutputReport, RunResult
from batchfind.execution.run import RunOptions, remaining, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.job.model import Cancel, Publish
from batchfind.outputs.sidecars import read_sidecar
from batchfind.plan.model import Origin, Plan, PlannedOutput, Request
from tests.execution.growing_run import child_query, pattern, splitting_plan
from tests.execution.plans import output, peer, plan, with_real_keys
from tests.execution.simulation import window
from tests.peers import pdu, steps
from tests.peers.capped import CappedArchive, Study, Style
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Asked
from tests.peers.scripted import Script, Step

_LEVEL, _STUDY, _SERIES = 0x00080052, 0x0020000D, 0x0020000E


def run(given: Plan, stop_when: Callable[[Event], bool] | None = None) -> RunResult:
    async def execute() -> RunResult:
        interrupt = asyncio.Event()

        def observe(event: Event) -> None:
            if stop_when is not None and stop_when(event):
                interrupt.set()

        options = RunOptions(job_text="version: 1\nname: test\n")
        return await run_plan(given, options, [observe], interrupt=interrupt)

    return asyncio.run(execute(), debug=True)


def resume(result: RunResult) -> RunResult:
    return asyncio.run(resume_run(result.run_dir), debug=True)


def agree(result: RunResult) -> None:
    """The run, its status and an export of it say the same."""
    for other in (run_status(result.run_dir), export_run(result.run_dir)):
        assert other.requests == result.requests
        assert other.exit_code == result.exit_code


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def archive(**knobs: object) -> CappedArchive:
    """Ninety studies of two days, spread over their hours; each day has one without."""
    hours = ["" if number < 2 else f"{number % 24:02d}0000" for number in range(90)]
    studies = [
        Study(f"1.2.{number}", f"2024010{1 + number % 2}", hour)
        for number, hour in enumerate(hours)
    ]
    return CappedArchive(studies=studies, **knobs)  # type: ignore[arg-type]


def windows(
    folder: Path, port: int, publish: Publish = Publish.COMPLETE, *, days: str = "12"
) -> Plan:
    """Studies of some days of January, with one output."""
    requests = [
        window(f"2024010{day}", f"2024010{day}", f"0.{number}")
        for number, day in enumerate(days)
    ]
    made = splitting_plan(folder, port, requests)
    outputs = (output(folder / "studies.csv", requests, publish=publish),)
    return with_real_keys(replace(made, outputs=outputs))


class TestARequestThatIsCut:
    @pytest.mark.parametrize("style", [Style.OUT_OF_RESOURCES, Style.ABORT])
    def test_brings_all_rows_once(
        self, tmp_path: Path, scripted_peer: StartPeer, style: Style
    ) -> None:
        archived = archive(cap=20, style=style)
        scripted = scripted_peer(script=archived.answer)
        result = run(windows(tmp_path, scripted.port))
        assert [one.verdict for one in result.roots] == [Verdict.COMPLETE] * 2
        assert result.exit_code is ExitCode.OK
        found = rows(tmp_path / "studies.csv")
        assert {row["StudyInstanceUID"] for row in found} == {
            study.uid for study in archived.studies
        }
        assert len(found) == 90
        agree(result)
        assert open_run(result.run_dir).to_arrow("studies").num_rows == 90

    def test_stands_before_its_pieces_in_json(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archived = archive(cap=30, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archived.answer)
        result = run(windows(tmp_path, scripted.port, days="1"))
        told = json.loads(json.dumps(result.to_json()))["requests"]
        assert told[0]["pieces"] == ["0.0.0", "0.0.1"]
        assert (told[0]["origin"], told[0]["parent"]) == ("plan", None)
        assert [one["id"] for one in told] == ["0.0", "0.0.0", "0.0.1"]
        assert {(one["origin"], one["parent"]) for one in told[1:]} == {
            ("split", "0.0")
        }
        merged = sum(one["responses"] for one in told[1:]) + 30 - 45
        assert (told[0]["responses"], told[0]["merged"]) == (45, merged)

    def test_is_finished_piece_by_piece(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archived = archive(cap=20, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archived.answer)
        splits: list[Event] = []

        def second(event: Event) -> bool:
            splits.extend([event] if isinstance(event, RequestSplit) else [])
            return len(splits) > 1

        first = run(windows(tmp_path, scripted.port), second)
        assert first.exit_code is ExitCode.INTERRUPTED
        assert not (tmp_path / "studies.csv").exists()
        assert run_status(first.run_dir).requests == first.requests
        again = resume(first)
        assert again.exit_code is ExitCode.OK
        assert len(rows(tmp_path / "studies.csv")) == 90
        agree(again)
        with open_capture(first.run_dir / "run.db") as capture:
            asked = Answers(windows(tmp_path, scripted.port), capture)
            tries = {one: len(all_) for one, all_ in asked.every_attempt().items()}
        cut = [one.id for one in first.requests if one.pieces]
        assert {tries[one] for one in cut} == {1}
        assert resume(again).requests == again.requests  # nothing is left to ask

    def test_withholds_the_table_when_a_piece_failed(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archived = archive(cap=30, style=Style.OUT_OF_RESOURCES)

        def script(asked: Asked) -> Sequence[Step]:
            lower = b"-120000" in asked.identifier
            return [steps.final(0xA900)] if lower else archived.answer(asked)

        scripted = scripted_peer(script=script)
        result = run(windows(tmp_path, scripted.port, days="1"))
        assert result.roots[0].verdict is Verdict.PARTIAL
        assert result.exit_code is ExitCode.INCOMPLETE
        (report,) = result.outputs
        assert report.reason == "of 1 request 1 partial; publish: complete"
        with open_capture(result.run_dir / "run.db") as capture:
            left = left_of(Answers(windows(tmp_path, scripted.port, days="1"), capture))
        assert [one.id for one in left.requests] == ["0.0.0"]
        agree(result)


def hierarchy(*studies: str) -> Script:
    """Studies with two series each."""

    def answer(asked: Asked) -> Sequence[Step]:
        keys = {one.tag: one.value.decode().strip(" \0") for one in asked.elements}
        of_study = keys[_LEVEL] == "STUDY"
        uids = studies if of_study else tuple(f"{keys[_STUDY]}.{n}" for n in (7, 8))
        tag = _STUDY if of_study else _SERIES

        def build(_: Asked, number: int) -> bytes:
            values = {_STUDY: keys[_STUDY], tag: uids[number]}
            elements = [pdu.DataElement(_LEVEL, b"CS", pdu.text(keys[_LEVEL]))]
            for one, value in sorted(values.items()):
                elements.append(pdu.DataElement(one, b"UI", pdu.text(value, b"\0")))
            return pdu.data_set(elements)

        return [steps.matches(len(uids), build=build), steps.final()]

    return answer


def series(folder: Path, port: int, publish: Publish = Publish.COMPLETE) -> Plan:
    """Studies, and the series of each of them; an output of both."""
    root = pattern("0.0", "studies", "pacs", "STUDY", StudyInstanceUID="")
    keys = {"StudyInstanceUID": "", "SeriesInstanceUID": ""}
    child = pattern("1.0", "series", "pacs", "SERIES", **keys)
    bound = {"StudyInstanceUID": "StudyInstanceUID"}
    made = plan(folder, [peer("pacs", port)], [root])
    queries = {
        **made.queries,
        "series": child_query("series", "studies", bound, [child]),
    }

    def aimed(name: str, *requests: Request) -> PlannedOutput:
        path = folder / f"{name}.csv"
        return output(path, requests, query=name, publish=publish)

    outputs = (aimed("studies", root), aimed("series", child))
    return with_real_keys(replace(made, queries=queries, outputs=outputs))


def of(result: RunResult, query: str) -> OutputReport:
    return next(one for one in result.outputs if one.query == query)


class TestRequestsForRows:
    def test_fill_a_table_of_their_own(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy("1.1", "1.2", "1.3"))
        result = run(series(tmp_path, scripted.port))
        assert result.exit_code is ExitCode.OK
        assert len(rows(tmp_path / "series.csv")) == 6
        assert len(rows(tmp_path / "studies.csv")) == 3
        children = [one for one in result.roots if one.origin is Origin.FOR_EACH]
        assert [(one.id, one.parent) for one in children] == [
            (f"1.0.0.0.{number}", "0.0") for number in range(3)
        ]
        assert open_run(result.run_dir).to_arrow("series").num_rows == 6
        agree(result)

    def test_of_no_rows_fill_an_empty_table(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy())
        result = run(series(tmp_path, scripted.port))
        assert (result.exit_code, len(result.requests)) == (ExitCode.OK, 1)
        assert of(result, "series").published
        assert rows(tmp_path / "series.csv") == []
        agree(result)

    def test_are_worth_no_more_than_the_rows_they_are_for(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        whole = hierarchy("1.1", "1.2")

        def script(asked: Asked) -> Sequence[Step]:
            found = list(whole(asked))
            return (
                [found[0], steps.final(0xB123)]
                if b"STUDY" in asked.identifier
                else found
            )

        scripted = scripted_peer(script=script)
        result = run(series(tmp_path, scripted.port))
        assert [one.verdict for one in result.roots] == [
            Verdict.PARTIAL,
            Verdict.COMPLETE,
            Verdict.COMPLETE,
        ]
        assert of(result, "series").reason == (
            "it is asked for rows of studies: of 1 request 1 partial; publish: complete"
        )
        assert of(result, "series").rows == 4
        agree(result)

    def test_that_were_never_made_withhold_the_table(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=[steps.final(0xA900)])
        result = run(series(tmp_path, scripted.port))
        assert "it is asked for rows of studies" in of(result, "series").reason
        assert not (tmp_path / "series.csv").exists()

    def test_that_nobody_got_to_are_made_by_resume(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy("1.1", "1.2"))
        given = series(tmp_path, scripted.port)
        first = run(given, lambda event: isinstance(event, RequestsGrown))
        assert first.exit_code is ExitCode.INTERRUPTED
        assert {one.peer for one in remaining(first.run_dir)[1]} == {"pacs"}
        early = export_run(first.run_dir, to_paths=True)
        assert not of(early, "series").published
        again = resume(first)
        assert again.exit_code is ExitCode.OK
        assert len(rows(tmp_path / "series.csv")) == 4
        asked = Counter(one.identifier for one in scripted.seen.requests)
        assert max(asked.values()) == 1
        agree(again)
        assert remaining(first.run_dir)[1] == ()

    def test_leave_out_rows_without_a_key(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy("1.1", ""))
        result = run(series(tmp_path, scripted.port))
        assert result.exit_code is ExitCode.SUSPECT
        assert of(result, "studies").published
        assert of(result, "series").reason == (
            "nothing could be asked for 1 row without a usable key; publish: complete"
        )
        assert any("without a usable" in text for text in result.roots[0].warnings)
        agree(result)

    def test_without_a_key_do_not_stop_what_is_answered(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy("1.1", ""))
        result = run(series(tmp_path, scripted.port, Publish.ANSWERED))
        assert of(result, "series").published

    def test_of_a_limited_answer_are_published_as_limited(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        whole = hierarchy("1.1", "1.2", "1.3")

        def script(asked: Asked) -> Sequence[Step]:
            if b"STUDY" not in asked.identifier:
                return whole(asked)
            return [whole(asked)[0], steps.until_cancelled(), steps.final(0xFE00)]

        scripted = scripted_peer(script=script)
        given = series(tmp_path, scripted.port)
        (root,) = given.requests
        limited = replace(root, cancel=Cancel(after_responses=2))
        result = run(with_real_keys(replace(given, requests=(limited,))))
        assert result.exit_code is ExitCode.OK
        assert len(rows(tmp_path / "series.csv")) == 4
        sidecar = read_sidecar(tmp_path / "series.csv")
        assert sidecar is not None
        assert (sidecar.verdict, sidecar.verdicts) == ("limited", {"complete": 2})
        agree(result)
