"""Equal arguments give equal plans; the digests cover what is asked, no more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchfind.digest import sha256_of
from batchfind.errors import JobError, Severity
from batchfind.job.model import Keep
from batchfind.plan.digests import plan_digest, request_key
from batchfind.plan.model import Plan
from batchfind.plan.problems import MOST_ERRORS
from tests.plan.planning import HEAD, NOON, Planner, values_of

JOB = """
queries:
  worklist:
    model: worklist
    matrix: {modality: [CT, MR]}
    keys:
      PatientName: "Müller*"
      ScheduledProcedureStepSequence:
        Modality: "{{ modality }}"
        ScheduledProcedureStepStartDate: "{{ tomorrow }}"
    cancel: {after_responses: 2000, after: 90s}
  studies:
    model: study
    level: STUDY
    keys: {StudyInstanceUID: "", PatientID: "{{ vars.id }}"}
    window: {key: StudyDate, from: "{{ today - days(3) }}", to: "{{ today }}", step: 2d}
vars: {id: "7"}
outputs:
  - {format: parquet, path: "{{ query }}-{{ today }}.parquet"}
"""


def keys(plan: Plan) -> list[str]:
    return [request.key for request in plan.requests]


class TestDeterminism:
    def test_the_same_inputs_give_the_same_plan(self, planner: Planner) -> None:
        assert planner.plan(JOB) == planner.plan(JOB)

    def test_an_equal_moment_in_another_zone_is_the_same(
        self, planner: Planner
    ) -> None:
        there = NOON.astimezone(timezone(timedelta(hours=9)))
        assert planner.plan(JOB, clock=there) == planner.plan(JOB)

    def test_the_clock_is_recorded_with_its_offset(self, planner: Planner) -> None:
        plan = planner.plan(JOB)
        assert plan.clock == "2026-03-31T12:00:00+02:00"
        assert plan.timezone == "Europe/Berlin"
        head = HEAD.replace("timezone: Europe/Berlin\n", "")
        bare = "queries:\n  q: {model: worklist, keys: {PatientID: ''}}\n"
        plan = planner.plan(bare, head=head)
        assert plan.clock == "2026-03-31T10:00:00+00:00"

    def test_a_clock_needs_a_time_zone(self, planner: Planner) -> None:
        with pytest.raises(ValueError, match="time zone"):
            planner.plan(JOB, clock=datetime(2026, 1, 1))  # noqa: DTZ001 - that is it

    @pytest.mark.parametrize("year", [1, 9999])
    def test_a_clock_needs_a_day_before_and_after(
        self, planner: Planner, year: int
    ) -> None:
        problem = planner.problem(JOB, clock=datetime(year, 1, 1, tzinfo=UTC))
        assert problem.path == "--now"
        assert planner.plan(JOB, clock=datetime(9998, 12, 31, 23, tzinfo=UTC))

    def test_another_clock_asks_for_another_day(self, planner: Planner) -> None:
        then = planner.plan(JOB, clock=datetime(2024, 2, 28, 12, tzinfo=UTC))
        step = "ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate"
        assert values_of(then.requests[:2], step) == ["20240229"] * 2
        assert values_of(then.requests[2:], "StudyDate") == [
            "20240225-20240226",
            "20240227-20240228",
        ]
        assert then.digest != planner.plan(JOB).digest
        assert then.outputs[0].path.endswith("worklist-2024-02-28.parquet")

    @settings(
        deadline=None,
        max_examples=25,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        axes=st.lists(
            st.lists(st.sampled_from("ABCDEF"), min_size=1, max_size=3, unique=True),
            max_size=3,
        ),
        days=st.integers(1, 9),
        step=st.integers(1, 4),
        times=st.integers(1, 3),
    )
    def test_ids_are_unique_ordered_and_digests_equal(
        self, planner: Planner, axes: list[list[str]], days: int, step: int, times: int
    ) -> None:
        matrix = ", ".join(f"a{n}: {axis}" for n, axis in enumerate([*axes, ["X"]]))
        named = "".join(f"{{{{ a{n} }}}}" for n in range(len(axes) + 1))
        text = f"""
        queries:
          q:
            model: study
            level: STUDY
            matrix: {{{matrix}}}
            repeat: {{times: {times}}}
            keys: {{StudyInstanceUID: "", StudyID: "{named}"}}
            window:
              {{key: StudyDate, from: 2026-01-01, to: 2026-01-{days:02}, step: {step}d}}
        """
        plan, again = planner.plan(text), planner.plan(text)
        assert plan.digest == again.digest
        assert keys(plan) == keys(again)
        orders = [one.order for one in plan.requests]
        assert orders == sorted(set(orders))
        assert len(set(keys(plan))) == len(plan.requests)
        pieces = -(-days // step)
        assert len(plan.requests) == times * pieces * _product(map(len, axes))


class TestDigests:
    def test_a_request_key_is_recomputed_from_the_request(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(JOB)
        peer = plan.peers["pacs"]
        assert [request_key(one, peer) for one in plan.requests] == keys(plan)
        assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys(plan))

    def test_the_plan_digest_is_over_ids_and_keys(self, planner: Planner) -> None:
        plan = planner.plan(JOB)
        pairs = [[one.id, one.key] for one in plan.requests]
        assert plan.digest == plan_digest(plan.requests) == sha256_of(pairs)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("pacs.example.org", "10.0.0.1"),
            ("port: 104", "port: 105"),
            ("called_ae: ARCHIVE", "called_ae: ARCHIVE, timeouts: {response: 9s}"),
            ("called_ae: ARCHIVE", "called_ae: ARCHIVE, limits: {associations: 9}"),
            ("called_ae: ARCHIVE", "called_ae: ARCHIVE, max_pdu: 65536"),
            ("name: test", "name: other"),
        ],
    )
    def test_transport_is_in_no_digest(
        self, planner: Planner, old: str, new: str
    ) -> None:
        assert old in HEAD
        other = planner.plan(JOB, head=HEAD.replace(old, new))
        assert keys(other) == keys(planner.plan(JOB))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("called_ae: ARCHIVE", "called_ae: OTHER"),
            ("called_ae: ARCHIVE", "called_ae: ARCHIVE, calling_ae: ME"),
            ("called_ae: ARCHIVE", "called_ae: ARCHIVE, priority: high"),
            ("called_ae: ARCHIVE", "called_ae: ARCHIVE, transfer_syntaxes: implicit"),
            ("pacs:", "other:"),
            ("  worklist:", "  renamed:"),
            ("after_responses: 2000", "after_responses: 2001"),
            ("after: 90s", "after: 91s"),
            ("Müller*", "Muller*"),
            ("model: worklist", "model: 1.2.3"),
        ],
    )
    def test_what_can_change_the_answer_is(
        self, planner: Planner, old: str, new: str
    ) -> None:
        text, head = JOB.replace(old, new), HEAD.replace(old, new)
        assert (text, head) != (JOB, HEAD)
        other = planner.plan(text, head=head)
        assert keys(other)[0] != keys(planner.plan(JOB))[0]


class TestOptions:
    def test_variables_override_the_job_and_are_no_templates(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(JOB, variables={"id": "{{ today }}"})
        assert values_of(plan.requests[2:], "PatientID") == ["{{ today }}"] * 2

    def test_a_variable_that_nothing_reads_is_a_mistake(self, planner: Planner) -> None:
        problem = planner.problem(JOB, variables={"idd": "8"})
        assert problem.path == "--var idd"
        assert "did you mean 'id'?" in problem.message
        text = JOB.replace("vars.id", "vars.other")
        assert planner.plan(text, variables={"other": "8"}).requests
        # Under --select not every template is read, so nothing can be said.
        assert planner.plan(JOB, variables={"x": "8"}, select=("worklist",)).requests

    def test_an_unknown_query_is_named(self, planner: Planner) -> None:
        problem = planner.problem(JOB, select=("studys", "worklist"))
        assert problem.path == "--select"
        assert "did you mean 'studies'?" in problem.message
        problem = planner.problem(JOB, select=("x",))
        assert "there are worklist, studies" in problem.message

    def test_run_directories_stand_where_asked(
        self, planner: Planner, tmp_path: Path
    ) -> None:
        def directory(text: str = JOB, **options: Any) -> str:
            return planner.plan(text, **options).policy.directory

        here = tmp_path / "job-runs"
        there = {"BATCHFIND_RUNS": str(tmp_path / "machine")}
        named = JOB + "run: {dir: job-runs}\n"
        assert directory() == str(planner.folder / "runs")
        assert directory(environment=there) == str(tmp_path / "machine")
        assert directory(named, environment=there) == str(here)
        assert directory(named, runs=tmp_path / "x") == str(tmp_path / "x")

    def test_the_policy_of_the_job_is_kept(self, planner: Planner) -> None:
        text = (
            JOB + "run: {concurrency: 3, on_failure: stop, per_request: {time: 5s}, "
            "keep: {runs: 30}}\n"
        )
        plan = planner.plan(text)
        assert plan.digest == planner.plan(JOB).digest
        policy = plan.policy
        assert policy.keep == Keep(runs=30)
        assert (policy.concurrency, policy.stop_on_failure) == (3, True)
        assert policy.per_request.time == 5.0


class TestProblems:
    def test_one_bad_template_in_many_requests_is_one_problem(
        self, planner: Planner
    ) -> None:
        text = JOB.replace("Müller*", "{{ typo }}").replace(
            "[CT, MR]", str([f"M{n}" for n in range(1000)])
        )
        assert planner.problem(text).path == "queries.worklist.keys.PatientName"

    def test_problems_stand_in_file_order_with_warnings_among_them(
        self, planner: Planner
    ) -> None:
        text = JOB.replace("Müller*", "DOE").replace(
            '"{{ vars.id }}"', '"{{ vars.i }}"'
        )
        text = text.replace('"{{ modality }}"', '"{{ modalty }}"')
        with pytest.raises(JobError) as caught:
            planner.plan(text)
        problems = caught.value.problems
        assert [one.mark for one in problems] == sorted(one.mark for one in problems)
        assert [one.severity for one in problems] == [
            Severity.WARNING,
            Severity.ERROR,
            Severity.ERROR,
        ]

    def test_more_than_a_hundred_errors_are_counted(self, planner: Planner) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            rows: {from: q.csv}
            keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}"}
        """
        found = planner.problems(text, tables={"q": "mrn" + "\n" * 251})
        assert len(found) == MOST_ERRORS + 1
        assert found[-1].message.startswith("150 further problems")

    def test_warnings_of_the_job_are_warnings_of_the_plan(
        self, planner: Planner
    ) -> None:
        text = JOB.replace("level: STUDY", "level: SERIES\n    lint: lenient")
        plan = planner.plan(text)
        assert any("not a key at SERIES" in one.message for one in plan.warnings)


def _product(numbers: map[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result
