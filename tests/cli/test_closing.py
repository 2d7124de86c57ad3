from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from batchfind.capture.records import Cause, Verdict
from batchfind.cli.brief import quiet_lines
from batchfind.cli.closing import closing
from batchfind.execution.results import (
    ExitCode,
    OutputReport,
    RequestReport,
    RunResult,
)
from batchfind.plan.model import Origin

MakeRequest = Callable[..., RequestReport]
MakeOutput = Callable[..., OutputReport]
MakeResult = Callable[..., RunResult]


def unfolded(screen: str) -> str:
    """The screen as it is on one that is wide enough."""
    return re.sub(r"\n {2,}", " ", screen)


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


class TestTheTable:
    def test_adds_up_requests_by_query_and_peer(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        screen = closing(
            run_result(
                requests=(
                    request_report("0"),
                    request_report("1", responses=1200),
                    request_report("2", peer="north"),
                )
            )
        )
        lines = [re.sub(r" +", " ", line) for line in screen.splitlines()]
        assert lines[0] == "query peer complete responses request time"
        assert "worklist ris 2 1,203 1.0 s" in lines
        assert "worklist north 1 3 0.5 s" in lines

    def test_shows_how_long_a_group_took_where_that_was_seen(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = (request_report("0"), request_report("1", peer="north"))
        screen = closing(run_result(requests=requests), {("worklist", "ris"): 0.25})
        lines = [re.sub(r" +", " ", line) for line in screen.splitlines()]
        assert lines[0] == "query peer complete responses time"
        assert "worklist ris 1 3 0.2 s" in lines
        assert "worklist north 1 3 -" in lines

    def test_has_a_column_for_each_verdict_that_occurs(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        failed = request_report("1", verdict=Verdict.FAILED, responses=0)
        head = closing(run_result(requests=(request_report(), failed))).splitlines()[0]
        assert head.split() == [
            "query",
            "peer",
            "complete",
            "failed",
            "responses",
            "request",
            "time",
        ]

    def test_has_one_column_when_many_verdicts_occur(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = [
            request_report(str(at), verdict=verdict)
            for at, verdict in enumerate(Verdict)
        ]
        screen = " ".join(closing(run_result(requests=tuple(requests))).split())
        for verdict in Verdict:
            assert f"1 {verdict}" in screen

    def test_fits_80_columns_with_every_verdict_and_long_names(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = [
            request_report(str(at), verdict=verdict, query="q" * 64, peer="p" * 64)
            for at, verdict in enumerate(Verdict)
        ]
        table = closing(run_result(requests=tuple(requests))).split("\n\n")[0]
        assert max(len(line) for line in table.splitlines()) <= 80
        assert "...q" in table
        assert "...p" in table

    def test_shortens_a_long_query_in_its_middle_and_leaves_the_peer_whole(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        query = "studies-of-the-last-ten-years-from-the-archive-in-the-north"
        row = closing(run_result(requests=(request_report(query=query),)))
        line = row.splitlines()[2]
        assert re.match(r"studies-\S+\.\.\.\S+-north   ris +1 ", line)
        assert len(line) <= 80

    def test_keeps_incomplete_groups_when_there_are_too_many(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = [request_report(str(at), peer=f"peer{at}") for at in range(100)]
        requests.append(
            request_report("100", peer="broken", verdict=Verdict.FAILED, responses=0)
        )
        screen = closing(run_result(requests=tuple(requests)))
        assert "broken" in screen
        assert "and 61 more" in screen

    def test_is_absent_when_nothing_was_planned(self, run_result: MakeResult) -> None:
        screen = closing(run_result(requests=()))
        assert screen.startswith("complete: 0 requests")


class TestCauses:
    def test_are_grouped_by_peer_with_a_hint(
        self,
        run_result: MakeResult,
        request_report: MakeRequest,
        refused: Cause,
    ) -> None:
        requests = [
            request_report(str(at), verdict=Verdict.FAILED, cause=refused)
            for at in range(7)
        ]
        screen = closing(
            run_result(requests=tuple(requests), exit_code=ExitCode.UNREACHABLE)
        )
        assert screen.count("connection refused") == 1
        assert "[7 requests: 0, 1, 2, 3, 4, ...]" in unfolded(screen)
        assert "  hint: check the port" in screen

    def test_of_a_limit_that_was_asked_for_is_none(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        limited = request_report(
            verdict=Verdict.LIMITED, cause=Cause(code="cancelled", message="as asked")
        )
        assert "cancelled" not in closing(run_result(requests=(limited,)))

    def test_cannot_move_the_cursor_or_forge_a_line(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        hostile = Cause(code="status-c001", message="x\x1b[2J\ncomplete: [red]all[/]")
        request = request_report(verdict=Verdict.FAILED, cause=hostile, peer="p\x9b")
        result = run_result(requests=(request,), exit_code=ExitCode.INCOMPLETE)
        for screen in (closing(result), "\n".join(quiet_lines(result))):
            assert "\x1b" not in screen
            assert "\x9b" not in screen
            assert "\ncomplete" not in screen
            assert "[red]all[/]" in screen

    def test_beyond_twenty_are_counted(
        self, run_result: MakeResult, request_report: MakeRequest, refused: Cause
    ) -> None:
        requests = [
            request_report(
                str(at), peer=f"p{at}", verdict=Verdict.FAILED, cause=refused
            )
            for at in range(25)
        ]
        assert "and 5 other causes" in closing(run_result(requests=tuple(requests)))


class TestWarnings:
    def test_are_shown_once_for_a_query_and_peer(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = [
            request_report(str(at), query=query, warnings=("ris: peer closed",))
            for at, query in enumerate("aab")
        ]
        lines = closing(run_result(requests=tuple(requests))).splitlines()
        assert [line for line in lines if "peer closed" in line] == [
            "warning: a @ ris: peer closed [2 requests: 0, 1]",
            "warning: b @ ris: peer closed [1 request: 2]",
        ]

    def test_beyond_twenty_are_counted(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        warnings = tuple(f"warning number {at}" for at in range(21))
        screen = closing(run_result(requests=(request_report(warnings=warnings),)))
        assert "and 1 other warning" in screen


class TestOutputs:
    def test_that_were_written_say_how_much(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        outputs = (output_report(), output_report("/data/two.csv", rows=1, bytes=7))
        lines = closing(run_result(outputs=outputs)).splitlines()
        assert "wrote  3 rows  5.1 KiB  /data/out.csv" in lines
        assert "wrote   1 row      7 B  /data/two.csv" in lines

    def test_that_were_withheld_say_why_where_and_how_to_release(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        output = output_report(
            published=False, written="/runs/w/out.csv", reason="1 request failed"
        )
        screen = closing(run_result(outputs=(output,), exit_code=ExitCode.INCOMPLETE))
        assert (
            "withheld /data/out.csv: 1 request failed; kept at /runs/w/out.csv"
            in screen
        )
        assert "publish what came:\n  batchfind export /runs/nightly/one " in screen

    def test_that_could_not_be_written_say_why(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        output = output_report(
            published=False, written="", reason="no space", failed=True
        )
        screen = closing(run_result(outputs=(output,), exit_code=ExitCode.STORAGE))
        assert "not written /data/out.csv: no space\n" in screen

    def test_without_bytes_cannot_be_released(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        output = output_report(published=False, written="", reason="interrupted")
        screen = closing(run_result(outputs=(output,), exit_code=ExitCode.INTERRUPTED))
        assert "export" not in screen
        assert "batchfind resume /runs/nightly/one" in screen

    def test_beyond_forty_are_counted(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        outputs = tuple(output_report(f"/data/{at}.csv") for at in range(41))
        assert "and 1 other output" in closing(run_result(outputs=outputs))

    def test_long_paths_are_never_cut(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        path = "/data/" + "long-folder/" * 20 + "out.csv"
        assert f"\n  {path}\n" in closing(run_result(outputs=(output_report(path),)))


class TestWhatIsStillToBeAsked:
    def test_after_an_interruption_is_named(self, run_result: MakeResult) -> None:
        code = ExitCode.INTERRUPTED
        screen = closing(run_result(exit_code=code, ungrown=("series",)))
        told = "0 of 1 request unanswered, query series still to be asked"
        assert told in " ".join(screen.split())

    def test_is_never_complete(self, run_result: MakeResult) -> None:
        left = ("series", "images")
        screen = closing(run_result(exit_code=ExitCode.INCOMPLETE, ungrown=left))
        told = "incomplete: 1 request answered, queries series, images still to be"
        assert told in " ".join(screen.split())
        assert "batchfind resume /runs/nightly/one" in screen


class TestCounts:
    def test_are_those_of_rows_that_stand(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = (request_report(responses=400, merged=750),)
        screen = closing(run_result(requests=requests))
        assert "responses" in screen.splitlines()[0]
        assert " 400 " in screen

    def test_are_those_of_rows_that_came_while_nothing_was_made_of_them(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = (request_report(responses=400, merged=750),)
        stopped = run_result(requests=requests, exit_code=ExitCode.INTERRUPTED)
        going = run_result(requests=requests, under_way=True)
        for result in (stopped, going):
            screen = closing(result)
            assert "received" in screen.splitlines()[0]
            assert " 1,150 " in screen


class TestTheVerdict:
    @pytest.mark.parametrize(
        ("verdict", "code", "start"),
        [
            (Verdict.COMPLETE, ExitCode.OK, "complete: 1 request,"),
            (Verdict.LIMITED, ExitCode.OK, "complete: 1 request,"),
            (Verdict.PARTIAL, ExitCode.INCOMPLETE, "incomplete: 1 of 1 request"),
            (Verdict.FAILED, ExitCode.OK, "incomplete: 1 of 1 request"),
            (Verdict.SUSPECT, ExitCode.SUSPECT, "suspect: 1 of 1 request"),
            (Verdict.FAILED, ExitCode.UNREACHABLE, "not reached: "),
            (Verdict.COMPLETE, ExitCode.STORAGE, "not written: "),
            (Verdict.SKIPPED, ExitCode.INTERRUPTED, "interrupted: 1 of 1 request"),
        ],
    )
    def test_is_one_sentence_that_no_exit_code_can_gloss_over(
        self,
        run_result: MakeResult,
        request_report: MakeRequest,
        verdict: Verdict,
        code: ExitCode,
        start: str,
    ) -> None:
        requests = (request_report(verdict=verdict),)
        screen = closing(run_result(requests=requests, exit_code=code))
        lines = screen.splitlines()
        assert sum(line.startswith(start) for line in lines) == 1
        resumable = verdict in {"partial", "failed", "skipped"} or code == 130
        assert ("batchfind resume" in screen) is resumable
        assert ("batchfind export" in screen) is (code == 7)

    def test_names_the_error_of_the_whole_run(self, run_result: MakeResult) -> None:
        screen = closing(run_result(error="disk full", exit_code=ExitCode.STORAGE))
        assert "disk full" in screen

    def test_quotes_a_directory_for_the_shell(self, run_result: MakeResult) -> None:
        result = run_result(
            run_dir=Path("/runs/my runs/one"), exit_code=ExitCode.INTERRUPTED
        )
        assert "batchfind resume '/runs/my runs/one'" in closing(result)


class TestTheWayOn:
    """Exact commands, each only where it helps."""

    def test_from_failures_says_what_resume_repeats(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        failed = request_report(verdict=Verdict.FAILED, responses=0)
        result = run_result(requests=(failed,), exit_code=ExitCode.INCOMPLETE)
        assert closing(result).splitlines()[-2:] == [
            "ask again: batchfind resume /runs/nightly/one",
            "  (resume repeats the stored plan; at new hosts or ports: add --job FILE)",
        ]

    def test_from_an_interruption_needs_no_such_remark(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        partial = request_report(verdict=Verdict.PARTIAL)
        result = run_result(requests=(partial,), exit_code=ExitCode.INTERRUPTED)
        assert closing(result).endswith("batchfind resume /runs/nightly/one")

    @pytest.mark.parametrize(
        ("verdict", "policy"),
        [(Verdict.SUSPECT, "answered"), (Verdict.PARTIAL, "always")],
    )
    def test_from_a_withheld_output_publishes_no_more_than_it_must(
        self,
        verdict: Verdict,
        policy: str,
        run_result: MakeResult,
        request_report: MakeRequest,
        output_report: MakeOutput,
    ) -> None:
        output = output_report(published=False, written="/w/out.csv", reason="x")
        other = request_report("1", query="other", verdict=Verdict.FAILED)
        requests = (request_report(verdict=verdict), other)
        screen = closing(run_result(requests=requests, outputs=(output,)))
        assert f"--to-paths --publish {policy}\n" in screen

    def test_from_an_empty_answer_never_publishes_it(
        self,
        run_result: MakeResult,
        request_report: MakeRequest,
        output_report: MakeOutput,
    ) -> None:
        failed = request_report(verdict=Verdict.FAILED, responses=0)
        empty = output_report(published=False, written="/w/a.csv", reason="x", rows=0)
        result = run_result(requests=(failed,), outputs=(empty,))
        assert "--publish" not in closing(result)
        rows = output_report("/b.csv", published=False, written="/w/b.csv", reason="x")
        screen = closing(run_result(requests=(failed,), outputs=(empty, rows)))
        assert "--publish always\n" in screen
        assert "(this also replaces 1 output for which nothing came)" in screen

    def test_from_an_output_that_could_not_be_written_asks_nobody(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        output = output_report(published=False, written="", reason="x", failed=True)
        result = run_result(outputs=(output,), exit_code=ExitCode.STORAGE)
        last = "write again: batchfind export /runs/nightly/one --to-paths"
        assert closing(result).splitlines()[-1] == last
        assert quiet_lines(result)[-1] == last
        assert "resume" not in closing(result)

    def test_from_a_capture_that_failed_asks_again(
        self, run_result: MakeResult
    ) -> None:
        result = run_result(requests=(), error="disk full", exit_code=ExitCode.STORAGE)
        assert "batchfind resume /runs/nightly/one" in closing(result)

    @pytest.mark.parametrize(
        ("code", "responses", "helps"),
        [
            ("status-a700", 50, False),
            ("status-fe00", 50, False),
            ("status-0213", 50, False),
            ("abort-at-n", 50, False),
            ("limit", 50, False),
            ("status-a700", 0, True),
            ("peer-abort", 50, True),
        ],
    )
    def test_asks_again_only_where_another_answer_may_come(
        self,
        code: str,
        responses: int,
        helps: bool,
        run_result: MakeResult,
        request_report: MakeRequest,
    ) -> None:
        partial = request_report(
            verdict=Verdict.PARTIAL,
            responses=responses,
            cause=Cause(code=code, message="x"),
        )
        result = run_result(requests=(partial,), exit_code=ExitCode.INCOMPLETE)
        assert ("batchfind resume" in closing(result)) is helps
        assert ("batchfind resume" in "\n".join(quiet_lines(result))) is helps

    def test_asks_a_piece_again_whatever_its_root_is_told_for(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        capped = Cause(code="status-a700", message="x")
        facts = {"verdict": Verdict.PARTIAL, "cause": capped}
        root = request_report("0", pieces=("0.0", "0.1"), **facts)
        piece = request_report("0.0", origin=Origin.SPLIT, **facts)
        lost = request_report("0.1", origin=Origin.SPLIT, verdict=Verdict.FAILED)
        made = {"exit_code": ExitCode.INCOMPLETE}
        stuck = run_result(requests=(root, piece), **made)
        assert "resume" not in closing(stuck)
        assert "resume" in closing(run_result(requests=(root, piece, lost), **made))


class TestARunUnderWay:
    @pytest.fixture
    def result(self, run_result: MakeResult, request_report: MakeRequest) -> RunResult:
        awaited = Cause(code="not-asked", message="its answer is still awaited")
        return run_result(
            under_way=True,
            exit_code=ExitCode.INTERRUPTED,
            error="the run is still under way in process 1 on here",
            requests=(
                request_report("0"),
                request_report("1", verdict=Verdict.SKIPPED, cause=awaited),
            ),
        )

    def test_shows_how_far_it_is(self, result: RunResult) -> None:
        lines = closing(result).splitlines()
        assert lines[0].split()[:4] == ["query", "peer", "complete", "awaited"]
        assert lines[-2:] == [
            "the run is still under way in process 1 on here",
            "under way: 1 of 2 requests ended so far",
        ]

    def test_is_no_trouble_and_needs_no_advice(self, result: RunResult) -> None:
        for screen in (closing(result), "\n".join(quiet_lines(result))):
            assert "not-asked" not in screen
            assert "batchfind" not in screen


class TestLongLines:
    """Sentences break between words; what one copies is never broken."""

    def test_fit_80_columns_unless_a_path_does_not(
        self,
        run_result: MakeResult,
        request_report: MakeRequest,
        output_report: MakeOutput,
    ) -> None:
        place = Path("/srv/" + "folder/" * 12)
        cause = Cause(code="peer-abort", message="many words " * 20, hint="do it " * 30)
        output = output_report(
            str(place / "out.csv"),
            published=False,
            written=str(place / "w"),
            reason="x",
        )
        partial = request_report(verdict=Verdict.PARTIAL, cause=cause)
        result = run_result(
            run_dir=place, requests=(partial,), outputs=(output, output_report())
        )
        lines = closing(result).splitlines()
        long = [line for line in lines if len(line) > 80]
        assert [line.strip() for line in long] == [
            f"{place / 'out.csv'}:",
            str(place / "w"),
            f"batchfind export {place} --to-paths --publish always",
            f"batchfind resume {place}",
        ]
        assert set(" ".join(lines).split()) >= {"many", "words", "do", "it"}

    def test_put_all_paths_below_when_one_is_too_long(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        long = "/data/" + "x" * 80
        outputs = (output_report(), output_report(long))
        lines = closing(run_result(outputs=outputs)).splitlines()
        assert lines[lines.index("  /data/out.csv") - 1] == "wrote  3 rows  5.1 KiB"
        assert f"  {long}" in lines


class TestQuiet:
    def test_says_nothing_when_all_is_complete(self, run_result: MakeResult) -> None:
        assert quiet_lines(run_result()) == ()

    def test_never_exceeds_20_lines_and_ends_with_the_way_on(
        self,
        run_result: MakeResult,
        request_report: MakeRequest,
        output_report: MakeOutput,
        refused: Cause,
    ) -> None:
        result = run_result(
            exit_code=ExitCode.INCOMPLETE,
            error="an error",
            requests=tuple(
                request_report(
                    str(at), peer=f"p{at}", verdict=Verdict.FAILED, cause=refused
                )
                for at in range(50)
            ),
            outputs=tuple(
                output_report(f"/o{at}", published=False, reason="x")
                for at in range(50)
            ),
        )
        lines = quiet_lines(result)
        assert len(lines) <= 20
        assert (
            lines[0] == "nightly: incomplete: 50 of 50 requests without a whole answer"
        )
        assert lines[-2] == "run directory: /runs/nightly/one"
        assert lines[-1] == "ask again: batchfind resume /runs/nightly/one"
        assert "and 45 other causes" in lines
        assert "and 46 other outputs withheld" in lines

    def test_calls_no_output_withheld_that_was_not_written(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        lines = quiet_lines(
            run_result(
                exit_code=ExitCode.STORAGE,
                outputs=tuple(
                    output_report(f"/o{at}", published=False, failed=True, reason="x")
                    for at in range(6)
                ),
            )
        )
        assert lines[0] == "nightly: not written: 6 of 6 outputs not written"
        assert "and 2 other outputs not published" in lines

    def test_of_a_suspect_run_offers_no_resume(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        doubted = request_report(verdict=Verdict.SUSPECT)
        lines = quiet_lines(run_result(requests=(doubted,), exit_code=ExitCode.SUSPECT))
        assert lines[-1].startswith("run directory: ")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class TestATerminal:
    @pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
    def test_has_colours_unless_they_are_unwanted(
        self,
        no_color: str,
        coloured: bool,
        run_result: MakeResult,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setattr("sys.stdout", Terminal())
        assert ("\x1b[32m" in closing(run_result())) is coloured


class TestAPoorEncoding:
    def test_gets_only_what_it_can_show(
        self,
        run_result: MakeResult,
        output_report: MakeOutput,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        poor = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr("sys.stdout", poor)
        screen = closing(run_result(outputs=(output_report("/data/M\xfcller.csv"),)))
        assert screen.isascii()
        assert "M\\xfcller.csv" in screen


class TestOutputsInTheirOwnWords:
    @pytest.mark.parametrize(
        ("form", "word"),
        [
            ("csv", "3 rows"),
            ("parquet", "3 rows"),
            ("jsonl", "3 lines"),
            ("dicom", "3 files"),
            ("xml", "3 data sets"),
        ],
    )
    def test_say_what_they_hold(
        self, run_result: MakeResult, output_report: MakeOutput, form: str, word: str
    ) -> None:
        screen = closing(run_result(outputs=(output_report(format=form, rows=3),)))
        assert f"wrote  {word}  " in screen

    def test_tell_of_values_without_a_place(
        self, run_result: MakeResult, output_report: MakeOutput
    ) -> None:
        whole = output_report("/data/whole.csv")
        screen = closing(run_result(outputs=(whole, output_report(invalid=2))))
        assert "warning: 2 values without a place in /data/out.csv; see" in screen
        assert screen.count("warning") == 1
