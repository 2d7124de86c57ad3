"""What a job expects of its rows, and what happens when it does not come true."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.execution.completeness import shortage_of
from batchfind.execution.exit_codes import exit_code_of
from batchfind.execution.expectations import Expectation
from batchfind.execution.expecting import check
from batchfind.execution.export import export_run
from batchfind.execution.forest import Forest
from batchfind.execution.history import Growth
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, run_plan
from batchfind.execution.status import run_status
from batchfind.job.model import Dedupe, Expect, Publish
from batchfind.plan.model import (
    Growing,
    Origin,
    Plan,
    PlannedOutput,
    PlannedQuery,
    Request,
)
from batchfind.tables.render import render
from batchfind.tables.row_checks import RowChecks, RowFacts
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
from tests.tables.material import STEPS, identifier, query, sequence, slabs

GOOD = [steps.matches(3), steps.final()]
CAPPED = [steps.matches(3), steps.final(0xA700, "too many")]
REQUESTS = [request("0.0", "pacs"), request("0.1", "pacs")]


def expecting(expect: Expect) -> PlannedQuery:
    return replace(studies(), expect=expect)


def told(expect: Expect, facts: RowFacts, shortage: str = "") -> Expectation:
    (one,) = check(expecting(expect), facts, shortage)
    return one


class TestEachExpectation:
    @pytest.mark.parametrize(
        ("expect", "facts", "shortage", "found"),
        [
            (Expect(complete=True), RowFacts(), "", "complete"),
            (Expect(min_rows=2), RowFacts(rows=2), "", "2 rows"),
            (Expect(max_rows=1), RowFacts(rows=1), "", "1 row"),
            (
                Expect(unique=("PatientID",)),
                RowFacts(rows=9),
                "",
                "0 rows with values of an earlier one",
            ),
            (
                Expect(not_null=("PatientID",)),
                RowFacts(rows=1, empty={"PatientID": 0}),
                "",
                "values in every row",
            ),
        ],
    )
    def test_is_met(
        self, expect: Expect, facts: RowFacts, shortage: str, found: str
    ) -> None:
        one = told(expect, facts, shortage)
        assert (one.met, one.message, one.found) == (True, "", found)

    @pytest.mark.parametrize(
        ("expect", "facts", "shortage", "words"),
        [
            (
                Expect(complete=True),
                RowFacts(),
                "1 partial of 2 requests",
                "found 1 partial of 2 requests, expected complete answers; see",
            ),
            (
                Expect(min_rows=2),
                RowFacts(rows=1),
                "",
                "found 1 row, expected 2 or more; see",
            ),
            (
                Expect(max_rows=2),
                RowFacts(rows=3),
                "",
                "found 3 rows, expected 2 or fewer; see",
            ),
            (
                Expect(unique=("PatientID", "StudyInstanceUID")),
                RowFacts(rows=9, repeated=1),
                "",
                "1 row with values of an earlier one, expected different values in P",
            ),
            (
                Expect(not_null=("PatientID", "PatientName")),
                RowFacts(rows=9, empty={"PatientID": 0, "PatientName": 4}),
                "",
                "no value of PatientName in 4 rows, expected a value of PatientID, P",
            ),
        ],
    )
    def test_says_in_one_sentence_what_failed_and_what_to_do(
        self, expect: Expect, facts: RowFacts, shortage: str, words: str
    ) -> None:
        one = told(expect, facts, shortage)
        assert not one.met
        assert one.message.startswith("found ")
        assert words in one.message
        assert Expectation.from_json(one.to_json()) == one

    def test_never_advises_to_expect_fewer_of_a_partial_answer(self) -> None:
        expect, facts = Expect(min_rows=2), RowFacts(rows=1)
        assert "expect fewer" in told(expect, facts).message
        short = told(expect, facts, "1 partial of 1 request").message
        assert short.endswith("see the causes of its requests")

    def test_never_advises_what_the_job_does(self) -> None:
        expect, facts = Expect(unique=("PatientID",)), RowFacts(rows=9, repeated=1)
        assert "dedupe: query" in told(expect, facts).message
        query = replace(expecting(expect), dedupe=Dedupe.QUERY)
        (one,) = check(query, facts, "")
        assert "dedupe" not in one.message

    def test_stands_in_the_order_of_the_schema(self) -> None:
        expect = Expect(complete=True, min_rows=1, max_rows=2)
        names = [one.name for one in check(expecting(expect), RowFacts(rows=1), "")]
        assert names == ["complete", "min_rows", "max_rows"]
        assert check(studies(), RowFacts(), "") == ()


def facts_of(asked: PlannedQuery, *payloads: bytes) -> RowFacts:
    with RowChecks(asked) as checks:
        for rendered in render(asked, slabs(*payloads), checks.schemas):
            checks.take(rendered.batches)
        return checks.facts()


class TestRows:
    def test_are_counted_as_the_table_has_them(self) -> None:
        items = [identifier(Modality=one) for one in ("CT", "MR")]
        asked = replace(
            query([f"{STEPS}.Modality"], explode=STEPS), expect=Expect(min_rows=1)
        )
        assert facts_of(asked, sequence(STEPS, *items), sequence(STEPS)).rows == 3

    def test_have_no_value_where_it_is_absent_or_empty(self) -> None:
        expect = Expect(not_null=("PatientID", "OtherPatientIDsSequence"))
        asked = replace(query(expect.not_null), expect=expect)
        facts = facts_of(
            asked,
            identifier(PatientID=""),
            identifier(StudyID="1") + sequence("OtherPatientIDsSequence"),
            identifier(PatientID="1")
            + sequence("OtherPatientIDsSequence", identifier(PatientID="2")),
        )
        assert facts.empty == {"PatientID": 2, "OtherPatientIDsSequence": 2}

    def test_nothing_is_looked_at_when_nothing_is_expected(self) -> None:
        with RowChecks(query(["PatientID"])) as checks:
            assert checks.schemas == ()
            checks.take(())
            assert checks.facts() == RowFacts()

    @given(
        st.lists(
            st.lists(
                st.tuples(*[st.sampled_from([None, "", "1", "11", "2"])] * 2),
                max_size=9,
            ),
            max_size=3,
        )
    )
    def test_repeat_values_when_an_earlier_row_has_all_of_them(
        self, pieces: list[list[tuple[str | None, str | None]]]
    ) -> None:
        expect = Expect(unique=("PatientID", "StudyID"))
        asked = replace(query(expect.unique), expect=expect)
        with RowChecks(asked) as checks:
            for rows in pieces:
                columns = [
                    pa.array(range(len(rows)), pa.int64()),
                    pa.array([one for one, _ in rows], pa.string()),
                    pa.array([two for _, two in rows], pa.string()),
                ]
                (schema,) = checks.schemas
                checks.take([pa.RecordBatch.from_arrays(columns, schema=schema.arrow)])
            repeated = checks.facts().repeated
        known = [(one or "", two or "") for rows in pieces for one, two in rows]
        counts = Counter(each for each in known if any(each))
        assert repeated == sum(counts.values()) - len(counts)


def judged(*verdicts: tuple[str, Verdict]) -> dict[str, RequestVerdict]:
    return {
        identity: RequestVerdict(request=identity, verdict=verdict, attempts=1)
        for identity, verdict in verdicts
    }


class TestComplete:
    def forest(self, *born: Request) -> Forest:
        parents = replace(studies(), name="parents")
        growing = Growing(
            query="parents", binds=(), columns={}, limit=9, patterns=tuple(REQUESTS)
        )
        given = plan(Path("/x"), [peer("pacs", 1)], [request("1", "pacs")])
        first = replace(given.requests[0], query="parents")
        queries = {
            "parents": parents,
            "studies": replace(studies(), growing=growing),
        }
        return Forest(replace(given, requests=(first,), queries=queries), born)

    def child(self) -> Request:
        return replace(request("2.0.1.0", "pacs"), origin=Origin.FOR_EACH, parent="1")

    def test_takes_limited_as_asked_for_enough(self) -> None:
        given = Forest(plan(Path("/x"), [peer("pacs", 1)], REQUESTS))
        verdicts = judged(("0.0", Verdict.COMPLETE), ("0.1", Verdict.LIMITED))
        assert shortage_of("studies", given, verdicts, Growth()) == ""

    def test_counts_the_requests_that_fall_short(self) -> None:
        given = Forest(plan(Path("/x"), [peer("pacs", 1)], REQUESTS))
        verdicts = judged(("0.0", Verdict.SUSPECT), ("0.1", Verdict.COMPLETE))
        told = shortage_of("studies", given, verdicts, Growth())
        assert told == "1 suspect of 2 requests"

    def test_needs_complete_ancestors(self) -> None:
        verdicts = judged(("1", Verdict.PARTIAL), ("2.0.1.0", Verdict.COMPLETE))
        growth = Growth(grown={"studies"})
        told = shortage_of("studies", self.forest(self.child()), verdicts, growth)
        assert told == "1 partial of 1 request of parents"

    def test_needs_every_row_of_ancestors_asked_for(self) -> None:
        verdicts = judged(("1", Verdict.COMPLETE), ("2.0.1.0", Verdict.COMPLETE))
        forest = self.forest(self.child())
        told = shortage_of("studies", forest, verdicts, Growth())
        assert told == "the run ended before it was asked for each row of parents"
        grown = Growth(grown={"studies"})
        assert shortage_of("studies", forest, verdicts, grown) == ""
        lacking = replace(grown, unusable={("1", "studies"): 2})
        told = shortage_of("studies", forest, verdicts, lacking)
        assert told == "2 rows that nothing could be asked for"


class TestExitCode:
    UNMET = told(Expect(min_rows=1), RowFacts())

    @pytest.mark.parametrize(
        ("verdict", "code"),
        [
            (Verdict.COMPLETE, ExitCode.EXPECTATION),
            (Verdict.SUSPECT, ExitCode.EXPECTATION),
            (Verdict.PARTIAL, ExitCode.INCOMPLETE),
        ],
    )
    def test_tells_it_after_failures_and_before_doubts(
        self, verdict: Verdict, code: ExitCode
    ) -> None:
        verdicts = list(judged(("0.0", verdict)).values())
        assert exit_code_of(verdicts, expectations=[self.UNMET]) is code


def run(given: Plan) -> RunResult:
    options = RunOptions(job_text="version: 1\nname: test\n")
    return asyncio.run(run_plan(given, options), debug=True)


def made(folder: Path, port: int, expect: Expect, *outputs: PlannedOutput) -> Plan:
    given = plan(folder, [peer("pacs", port)], REQUESTS, outputs)
    return with_real_keys(replace(given, queries={"studies": expecting(expect)}))


class TestARun:
    def test_ends_with_exit_code_4_and_publishes_nothing(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        strict = output(tmp_path / "a.csv", REQUESTS)
        loose = output(tmp_path / "b.csv", REQUESTS, publish=Publish.ALWAYS)
        expect = Expect(complete=True, min_rows=7, unique=("PatientID",))
        given = made(tmp_path, scripted_peer(*GOOD).port, expect, strict, loose)
        result = run(given)
        assert result.exit_code is ExitCode.EXPECTATION
        assert not result.retryable
        names = {one.name: one.met for one in result.expectations}
        assert names == {"complete": True, "min_rows": False, "unique": False}
        assert [one.published for one in result.outputs] == [False, True]
        withheld = result.outputs[0].reason
        assert "does not meet expect.min_rows, expect.unique" in withheld
        assert result.to_json()["expectations"][1]["found"] == "6 rows"

    def test_is_told_again_from_its_capture(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        expect = Expect(max_rows=5, not_null=("StudyInstanceUID",))
        result = run(made(tmp_path, scripted_peer(*GOOD).port, expect))
        assert [one.met for one in result.expectations] == [False, True]
        for again in (run_status(result.run_dir), export_run(result.run_dir)):
            assert again.exit_code is ExitCode.EXPECTATION
            assert again.expectations == result.expectations

    def test_meets_them_without_any_output(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        expect = Expect(min_rows=6, max_rows=6, not_null=("StudyInstanceUID",))
        result = run(made(tmp_path, scripted_peer(*GOOD).port, expect))
        assert result.exit_code is ExitCode.OK
        assert all(one.met for one in result.expectations)

    def test_that_is_not_complete_says_so(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        expect = Expect(complete=True)
        result = run(made(tmp_path, scripted_peer(*CAPPED).port, expect))
        assert result.exit_code is ExitCode.INCOMPLETE
        (one,) = result.expectations
        assert one.found == "2 partial of 2 requests"
