"""A run from plan to published files: the truth on disk and in the exit code."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from batchfind.capture.reader import open_capture
from batchfind.capture.records import Verdict
from batchfind.errors import JobError, StateError, UsageError
from batchfind.execution.export import export_run
from batchfind.execution.progress import (
    Event,
    OutputReady,
    RequestEnded,
    ResponsesArrived,
    RunEnded,
    RunStarted,
)
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.job.model import Cancel, OutputFormat, PeerLimits, Publish
from batchfind.plan.model import Plan
from tests.execution.plans import (
    IMPATIENT,
    PATIENT,
    output,
    peer,
    plan,
    request,
    with_real_keys,
)
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Step

JOB = "version: 1\nname: test\n"
GOOD = [steps.matches(3), steps.final()]
CAPPED = [steps.matches(500), steps.final(0xA700, "too many")]
BROKEN = [steps.matches(2, build=lambda *_: b"\x10\x00"), steps.final()]
CANCELLED = [steps.matches(8), steps.until_cancelled(), steps.final(0xFE00)]
REFUSED = [steps.final(0xA900)]


def run(
    given: Plan,
    run_dir: Path | None = None,
    stop_when: Callable[[Event], bool] | None = None,
) -> tuple[RunResult, list[Event]]:
    events: list[Event] = []

    async def execute() -> RunResult:
        interrupt = asyncio.Event()

        def observe(event: Event) -> None:
            events.append(event)
            if stop_when is not None and stop_when(event):
                interrupt.set()

        options = RunOptions(job_text=JOB, run_dir=run_dir)
        return await run_plan(given, options, [observe], interrupt=interrupt)

    return asyncio.run(execute(), debug=True), events


def resume(run_dir: Path) -> RunResult:
    return asyncio.run(resume_run(run_dir), debug=True)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def one_answer(
    folder: Path,
    port: int,
    publish: Publish = Publish.COMPLETE,
    cancel: Cancel | None = None,
) -> Plan:
    requests = [request("0.0", "pacs", cancel=cancel or Cancel())]
    outputs = [output(folder / "out" / "studies.csv", requests, publish=publish)]
    pacs = peer("pacs", port, timeouts=IMPATIENT)
    return with_real_keys(plan(folder, [pacs], requests, outputs))


class TestPublish:
    """{verdict} x {publish}: what stands at the path afterwards."""

    @pytest.mark.parametrize("publish", list(Publish))
    @pytest.mark.parametrize(
        ("script", "verdict", "exit_code"),
        [
            (GOOD, Verdict.COMPLETE, 0),
            (CANCELLED, Verdict.LIMITED, 0),
            (BROKEN, Verdict.SUSPECT, 3),
            (CAPPED, Verdict.PARTIAL, 1),
            (REFUSED, Verdict.FAILED, 1),
        ],
        ids=["complete", "limited", "suspect", "partial", "failed"],
    )
    def test_replaces_the_file_only_when_the_answer_is_good_enough(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        script: list[Step],
        verdict: Verdict,
        exit_code: int,
        publish: Publish,
    ) -> None:
        target = tmp_path / "out" / "studies.csv"
        target.parent.mkdir()
        target.write_text("yesterday")
        limited = Cancel(after_responses=5) if verdict is Verdict.LIMITED else None
        port = scripted_peer(*script).port
        result, _ = run(one_answer(tmp_path, port, publish, limited))
        good = {Verdict.COMPLETE, Verdict.LIMITED}
        enough = {
            Publish.COMPLETE: good,
            Publish.ANSWERED: good | {Verdict.SUSPECT},
            Publish.ALWAYS: set(Verdict),
        }[publish]
        assert result.requests[0].verdict is verdict
        assert result.exit_code == exit_code
        published = verdict in enough
        assert result.outputs[0].published == published
        assert (target.read_text() != "yesterday") == published
        written = Path(result.outputs[0].written)
        assert written.is_relative_to(result.run_dir / "withheld") != published
        assert hashlib.sha256(written.read_bytes()).hexdigest() == (
            result.outputs[0].sha256
        )
        sidecar = ["studies.csv.batchfind.json"] if published else []
        assert names(target.parent) == ["studies.csv", *sidecar]

    def test_limited_holds_exactly_the_first_responses(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        given = one_answer(
            tmp_path, scripted_peer(*CANCELLED).port, cancel=Cancel(after_responses=5)
        )
        result, _ = run(given)
        assert result.outputs[0].rows == 5
        assert result.requests[0].responses == 5
        with open_capture(result.run_dir / "run.db") as capture:
            stored = list(capture.matches(1))
        assert sum(len(each.ends) for each in stored) == 8

    def test_one_of_two_peers_down_withholds_and_names_the_peer(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        alive, dead = scripted_peer(*GOOD), scripted_peer(on_connect=[steps.reset()])
        requests = [request("0.0", "alive"), request("0.1", "dead")]
        given = with_real_keys(
            plan(
                tmp_path,
                [peer("alive", alive.port), peer("dead", dead.port)],
                requests,
                [output(tmp_path / "all.csv", requests)],
            )
        )
        result, _ = run(given)
        assert result.exit_code is ExitCode.INCOMPLETE
        assert [each.verdict for each in result.requests] == [
            Verdict.COMPLETE,
            Verdict.FAILED,
        ]
        cause = result.requests[1].cause
        assert cause is not None
        assert cause.message.startswith("dead (BATCHFIND -> PEER at 127.0.0.1:")
        assert not (tmp_path / "all.csv").exists()
        assert result.outputs[0].rows == 3

    def test_all_peers_down_is_exit_5(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        given = one_answer(tmp_path, scripted_peer(on_connect=[steps.reject()]).port)
        result, _ = run(given)
        assert result.exit_code is ExitCode.UNREACHABLE
        assert result.retryable

    def test_a_query_that_makes_no_request_replaces_nothing(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "s.csv").write_text("yesterday")
        given = plan(
            tmp_path, [peer("pacs", 104)], [], [output(tmp_path / "s.csv", [])]
        )
        result, _ = run(given)
        assert result.exit_code is ExitCode.OK
        assert not result.outputs[0].published
        assert (tmp_path / "s.csv").read_text() == "yesterday"


class TestVerdictInRows:
    def test_a_defect_in_the_last_response_reaches_the_first_row(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        script = [
            steps.matches(3),
            steps.matches(1, build=lambda *_: b"\x10\x00"),
            steps.final(),
        ]
        requests = [request("0.0", "pacs")]
        target = output(
            tmp_path / "rows.parquet",
            requests,
            format=OutputFormat.PARQUET,
            typed=True,
            provenance=True,
            publish=Publish.ALWAYS,
        )
        pacs = peer("pacs", scripted_peer(*script).port)
        result, _ = run(with_real_keys(plan(tmp_path, [pacs], requests, [target])))
        rows = pq.read_table(tmp_path / "rows.parquet").to_pylist()
        assert result.exit_code is ExitCode.SUSPECT
        assert [row["bf_verdict"] for row in rows] == ["suspect"] * 4
        assert [row["bf_defect"] is not None for row in rows] == [False] * 3 + [True]
        assert result.requests[0].defects == 1


class TestReproducible:
    def test_same_answers_give_the_same_bytes_and_digests(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        pacs = peer("pacs", scripted_peer(*GOOD).port)
        requests = [request(f"0.{number}", "pacs") for number in range(6)]
        digests = []
        for night in ("a", "b"):
            outputs = [
                output(tmp_path / night / f"s.{form.value}", requests, format=form)
                for form in (OutputFormat.CSV, OutputFormat.PARQUET)
            ]
            given = with_real_keys(plan(tmp_path, [pacs], requests, outputs))
            result, _ = run(given)
            digests.append(
                (result.plan_digest, [each.sha256 for each in result.outputs])
            )
        assert digests[0] == digests[1]


class TestResume:
    def test_asks_only_what_was_not_answered(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        refused = [steps.matches(2), steps.final(0xA700, "too many")]
        scripted = scripted_peer(script=steps.in_turn(GOOD, refused, GOOD))
        limits = PeerLimits(associations=1)
        requests = [request(f"0.{number}", "pacs") for number in range(2)]
        given = with_real_keys(
            plan(
                tmp_path,
                [peer("pacs", scripted.port, limits=limits)],
                requests,
                [output(tmp_path / "s.csv", requests)],
            )
        )
        first, _ = run(given)
        assert first.exit_code is ExitCode.INCOMPLETE
        assert not (tmp_path / "s.csv").exists()
        second = resume(first.run_dir)
        assert second.exit_code is ExitCode.OK
        assert len(scripted.seen.requests) == 3
        assert [each.attempts for each in second.requests] == [1, 2]
        assert second.outputs[0].rows == 6
        assert not (first.run_dir / "withheld").exists()
        assert run_status(first.run_dir).exit_code is ExitCode.OK

    def test_of_a_complete_run_publishes_again_without_network(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        first, _ = run(one_answer(tmp_path, scripted.port))
        before = Path(first.outputs[0].path).read_bytes()
        Path(first.outputs[0].path).unlink()
        second = resume(first.run_dir)
        assert second.exit_code is ExitCode.OK
        assert Path(first.outputs[0].path).read_bytes() == before
        assert len(scripted.seen.requests) == 1


class TestExport:
    def test_renders_again_without_asking(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        first, _ = run(one_answer(tmp_path, scripted.port))
        exported = export_run(first.run_dir)
        copy = first.run_dir / "exports" / "studies.csv"
        assert exported.exit_code is ExitCode.OK
        assert copy.read_bytes() == Path(first.outputs[0].path).read_bytes()
        assert len(scripted.seen.requests) == 1

    def test_releases_a_withheld_output(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        first, _ = run(one_answer(tmp_path, scripted_peer(*CAPPED).port))
        target = tmp_path / "out" / "studies.csv"
        assert not target.exists()
        still = export_run(first.run_dir, to_paths=True)
        assert still.exit_code is ExitCode.INCOMPLETE
        assert not target.exists()
        released = export_run(first.run_dir, to_paths=True, publish=Publish.ALWAYS)
        assert released.exit_code is ExitCode.INCOMPLETE
        assert released.outputs[0].published
        assert target.read_bytes().count(b"\r\n") == 501


class TestInterruption:
    def test_keeps_what_came_publishes_nothing_and_can_be_resumed(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        endless = [steps.matches(3), steps.until_cancelled(), steps.final(0xFE00)]
        scripted = scripted_peer(script=steps.in_turn(endless, GOOD))
        given = one_answer(tmp_path, scripted.port)
        given = replace(
            given, peers={"pacs": replace(given.peers["pacs"], timeouts=PATIENT)}
        )
        result, events = run(
            given, stop_when=lambda event: isinstance(event, ResponsesArrived)
        )
        assert result.exit_code is ExitCode.INTERRUPTED
        assert result.outputs == ()
        assert result.requests[0].verdict is Verdict.PARTIAL
        assert not (tmp_path / "out").exists()
        assert isinstance(events[-1], RunEnded)
        assert run_status(result.run_dir).exit_code is ExitCode.INTERRUPTED
        with open_capture(result.run_dir / "run.db") as capture:
            assert capture.verify() == []
        second = resume(result.run_dir)
        assert second.exit_code is ExitCode.OK
        assert second.outputs[0].rows == 3


class TestTrouble:
    def test_an_unwritable_target_is_found_before_any_peer_is_asked(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        (tmp_path / "out").write_text("a file where a folder should be")
        with pytest.raises(JobError, match="not a directory"):
            run(one_answer(tmp_path, scripted.port))
        assert scripted.seen.connections == 0

    def test_an_output_that_cannot_be_published_is_exit_7(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        def block(event: Event) -> bool:
            if isinstance(event, RequestEnded):
                (tmp_path / "out" / "studies.csv").mkdir(parents=True)
            return False

        given = one_answer(tmp_path, scripted_peer(*GOOD).port)
        result, _ = run(given, stop_when=block)
        assert result.exit_code is ExitCode.STORAGE
        assert result.outputs[0].failed
        (tmp_path / "out" / "studies.csv").rmdir()
        finished = export_run(result.run_dir, to_paths=True)
        assert finished.exit_code is ExitCode.OK

    def test_the_same_run_directory_twice_asks_nothing_twice(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(*GOOD)
        given = one_answer(tmp_path, peer.port)
        first, _ = run(given, tmp_path / "exactly")
        second, _ = run(given, tmp_path / "exactly")
        assert second.exit_code is first.exit_code is ExitCode.OK
        assert [one.sha256 for one in second.outputs] == [
            one.sha256 for one in first.outputs
        ]
        assert peer.seen.connections == 1

    def test_the_run_directory_of_another_plan_is_refused(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(*GOOD)
        given = one_answer(tmp_path, peer.port)
        run(given, tmp_path / "exactly")
        other = replace(given, timezone="Asia/Tokyo")
        with pytest.raises(StateError, match="time zone Europe/Berlin -> Asia/Tokyo"):
            run(other, tmp_path / "exactly")
        with pytest.raises(StateError, match="time zone Europe/Berlin -> Asia/Tokyo"):
            asyncio.run(resume_run(tmp_path / "exactly", edited=other))
        assert peer.seen.connections == 1

    def test_status_of_a_folder_that_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="run directory"):
            run_status(tmp_path)


class TestEvents:
    def test_tell_the_whole_story_in_order(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        result, events = run(one_answer(tmp_path, scripted_peer(*GOOD).port))
        kinds = [type(event) for event in events]
        assert kinds[0] is RunStarted
        assert kinds[-1] is RunEnded
        assert kinds.index(RequestEnded) < kinds.index(OutputReady)
        assert json.loads(json.dumps(result.to_json()))["exit_code"] == 0


class TestCapture:
    def test_holds_every_byte_and_verifies(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        result, _ = run(one_answer(tmp_path, scripted_peer(*CAPPED).port))
        with open_capture(result.run_dir / "run.db") as capture:
            assert capture.verify() == []
            (attempt,) = capture.attempts("0.0")
            stored = list(capture.matches(attempt.number))
        assert attempt.ending is not None
        assert attempt.ending.status == 0xA700
        assert attempt.ending.comment == "too many"
        assert sum(len(each.ends) for each in stored) == 500
        assert names(result.run_dir) == [
            "job.yaml",
            "plan.json",
            "run.db",
            "run.lock",
            "withheld",
        ]


class TestTargets:
    """What `run` would refuse is refused before any peer is asked."""

    def test_a_pipe_or_device_is_never_replaced(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        (tmp_path / "out").mkdir()
        os.mkfifo(tmp_path / "out" / "studies.csv")
        with pytest.raises(JobError, match="device, pipe or socket"):
            run(one_answer(tmp_path, scripted.port))
        assert scripted.seen.connections == 0

    def test_an_output_cannot_lie_among_the_runs(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        given = one_answer(tmp_path, scripted_peer(*GOOD).port)
        inside = replace(given.outputs[0], path=str(tmp_path / "exactly" / "run.db"))
        given = replace(given, outputs=(inside,))
        with pytest.raises(JobError, match="among the run directories"):
            run(given, tmp_path / "exactly")

    def test_two_outputs_cannot_meet_through_a_link(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        given = one_answer(tmp_path, scripted_peer(*GOOD).port)
        (tmp_path / "out").mkdir()
        (tmp_path / "alias").symlink_to(tmp_path / "out")
        twin = replace(given.outputs[0], path=str(tmp_path / "alias" / "studies.csv"))
        given = replace(given, outputs=(given.outputs[0], twin))
        with pytest.raises(JobError, match="same file"):
            run(given)

    def test_the_folder_of_runs_must_be_a_folder(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        (tmp_path / "runs").write_text("a file")
        given = one_answer(tmp_path, scripted_peer(*GOOD).port)
        with pytest.raises(JobError, match="not a directory"):
            run(given)
