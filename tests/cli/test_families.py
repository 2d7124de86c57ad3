"""What screens tell of requests that were cut, made for rows, and merged."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from batchfind.capture.records import Cause, Verdict
from batchfind.cli.brief import quiet_lines
from batchfind.cli.closing import closing
from batchfind.cli.families import family_notes, tree_lines
from batchfind.execution.expectations import Expectation
from batchfind.execution.results import ExitCode, RequestReport, RunResult
from batchfind.plan.model import Origin

MakeRequest = Callable[..., RequestReport]
MakeResult = Callable[..., RunResult]

DOUBT = Cause(code="capped", message="ris: 500 responses look capped", hint="split it")


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def cut(run_result: MakeResult, request_report: MakeRequest) -> RunResult:
    """One request of two, in two pieces; the second was cut once more."""

    def piece(identity: str, **changes: object) -> RequestReport:
        facts = {"origin": Origin.SPLIT, "parent": identity.rpartition(".")[0]}
        return request_report(identity, **(facts | changes))

    return run_result(
        exit_code=ExitCode.SUSPECT,
        requests=(
            request_report(
                "0.0",
                verdict=Verdict.SUSPECT,
                cause=DOUBT,
                pieces=("0.0.0", "0.0.1"),
                responses=40,
                merged=7,
                conflicts=1,
            ),
            piece("0.0.0", assumptions=()),
            piece("0.0.1", verdict=Verdict.SPLIT, pieces=("0.0.1.0", "0.0.1.1")),
            piece("0.0.1.0", verdict=Verdict.SUSPECT, cause=DOUBT),
            piece("0.0.1.1"),
            request_report("0.1", assumptions=("no study is without a time",)),
        ),
    )


class TestARequestThatWasCut:
    def test_is_counted_and_told_once(self, cut: RunResult) -> None:
        screen = closing(cut)
        lines = [re.sub(r" +", " ", line) for line in screen.splitlines()]
        assert "worklist ris 1 1 43 1.0 s" in lines
        assert screen.count("500 responses look capped") == 1
        assert "[1 request: 0.0]" in screen
        assert "suspect: 1 of 2 requests may not have the whole answer" in screen

    def test_says_what_it_took(self, cut: RunResult) -> None:
        assert family_notes(cut) == (
            "6 requests asked for 2 planned: 4 pieces of 1 request that looked capped",
            "7 responses merged: rows that came more than once stand once",
            "1 row came again with other content: the later one stands",
            "assumed: no study is without a time [1 request: 0.1]",
        )
        for note in family_notes(cut):
            assert note in " ".join(closing(cut).split())

    def test_is_a_tree_in_the_status(self, cut: RunResult) -> None:
        assert tree_lines(cut) == (
            "0.0  worklist @ ris: suspect in 4 pieces, 1 of them cut again, 2 levels",
            "  suspect, capped: 0.0.1.0",
        )
        assert "0.0.1.0" in closing(cut, trees=True)
        assert "0.0.1.0" not in closing(cut)

    def test_beyond_twenty_is_counted(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = [request_report(f"0.{at}", pieces=("x",)) for at in range(23)]
        lines = tree_lines(run_result(requests=tuple(requests)))
        assert len(lines) == 21
        assert lines[-1] == "and 3 other requests cut; see --json"

    def test_takes_no_more_than_its_lines_when_quiet(self, cut: RunResult) -> None:
        assert quiet_lines(cut)[1:3] == (
            "capped: ris: 500 responses look capped [1 request: 0.0]",
            "  hint: split it",
        )


class TestOrdinaryRequests:
    def test_have_nothing_to_tell(self, run_result: MakeResult) -> None:
        assert family_notes(run_result()) == ()
        assert tree_lines(run_result()) == ()


class TestRequestsForRows:
    def test_are_told_beside_the_planned_ones(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        child = request_report("1.0.0.0.0", origin=Origin.FOR_EACH, parent="0.0")
        result = run_result(requests=(request_report("0.0"), child))
        assert family_notes(result) == (
            "2 requests asked for 1 planned: 1 for rows of other queries",
        )

    def test_that_could_not_be_made_are_no_complete_answer(
        self, run_result: MakeResult
    ) -> None:
        result = run_result(exit_code=ExitCode.SUSPECT)
        assert "suspect: nothing could be asked for rows" in closing(result)


class TestAssumptions:
    def test_beyond_ten_are_counted(
        self, run_result: MakeResult, request_report: MakeRequest
    ) -> None:
        requests = [
            request_report(str(at), assumptions=(f"assumption {at}",))
            for at in range(11)
        ]
        notes = family_notes(run_result(requests=tuple(requests)))
        assert len(notes) == 11
        assert notes[-1] == "and 1 other assumption; see --json"


class TestExpectations:
    @pytest.fixture
    def result(self, run_result: MakeResult) -> RunResult:
        return run_result(
            exit_code=ExitCode.EXPECTATION,
            expectations=tuple(
                Expectation(
                    query="worklist",
                    name="min_rows",
                    expected="10",
                    found="3",
                    met=not number,
                    message="" if not number else "3 rows, 10 or more were expected",
                )
                for number in range(4)
            ),
        )

    def test_that_are_not_met_are_named(self, result: RunResult) -> None:
        screen = closing(result)
        line = "expected min_rows of worklist: 3 rows, 10 or more were expected"
        assert screen.count(line) == 3
        assert "not as expected: 3 of 4 expectations not met" in screen

    def test_are_short_when_quiet(self, result: RunResult) -> None:
        lines = quiet_lines(result)
        assert lines[0].endswith("not as expected: 3 of 4 expectations not met")
        assert lines[3] == "and 1 other expectation not met"

    def test_are_in_json(self, result: RunResult) -> None:
        told = result.to_json()["expectations"]
        assert [one["met"] for one in told] == [True, False, False, False]
        assert Expectation.from_json(told[1]) == result.expectations[1]
