"""Windows that are split: what is planned, and what never can be."""

from __future__ import annotations

import pytest

from batchfind.digest import sha256_of
from batchfind.job.model import Unset
from batchfind.plan.codec import dumps, loads
from batchfind.plan.model import Extent, PlannedThen
from tests.plan.planning import Planner, element, value_of, values_of

WINDOW = "key: StudyDate, from: 2026-01-01, to: 2026-01-04, step: 2d, split: adaptive"


def studies(window: str = WINDOW, keys: str = "PatientID: x", more: str = "") -> str:
    return f"""
    queries:
      q: {{model: study, level: STUDY, keys: {{{keys}}}, window: {{{window}}}, {more}}}
    """


class TestPlan:
    def test_it_says_how_requests_are_cut(self, planner: Planner) -> None:
        plan = planner.plan(studies())
        splitting = plan.queries["q"].splitting
        assert splitting is not None
        assert splitting.date.dotted == "StudyDate"
        assert splitting.time is not None
        assert splitting.time.dotted == "StudyTime"
        assert splitting.floor == 900
        assert splitting.unset is Unset.PROBE
        assert splitting.then == ()
        assert plan.queries["q"].merges

    def test_the_time_of_a_worklist_is_within_the_step(self, planner: Planner) -> None:
        step = "ScheduledProcedureStepSequence"
        plan = planner.plan(
            f"""
            queries:
              q:
                model: worklist
                keys: {{PatientName: "", {step}.Modality: CT}}
                window: {{key: {step}.ScheduledProcedureStepStartDate,
                  from: "{{{{ today }}}}", to: "{{{{ today }}}}", split: adaptive}}
            """
        )
        splitting = plan.queries["q"].splitting
        assert splitting is not None
        assert splitting.time is not None
        assert splitting.time.dotted == f"{step}.ScheduledProcedureStepStartTime"
        (request,) = plan.requests
        assert value_of(request, splitting.time.dotted) == ""
        assert value_of(request, f"{step}.ScheduledProcedureStepID") == ""
        assert [one.dotted for one in plan.queries["q"].identity] == [
            "StudyInstanceUID",
            "RequestedProcedureID",
            f"{step}.ScheduledProcedureStepID",
        ]

    def test_every_request_has_its_days(self, planner: Planner) -> None:
        plan = planner.plan(studies())
        assert [one.extent for one in plan.requests] == [
            Extent(first="20260101", last="20260102"),
            Extent(first="20260103", last="20260104"),
        ]
        assert values_of(plan.requests, "StudyDate") == [
            "20260101-20260102",
            "20260103-20260104",
        ]

    def test_an_open_end_is_empty(self, planner: Planner) -> None:
        plan = planner.plan(
            studies("key: StudyDate, from: 2026-01-01, split: adaptive")
        )
        assert plan.requests[0].extent == Extent(first="20260101", last="")

    def test_the_time_of_the_job_bounds_it(self, planner: Planner) -> None:
        plan = planner.plan(studies(keys='PatientID: x, StudyTime: "0800-12"'))
        request = plan.requests[0]
        assert request.extent is not None
        assert (request.extent.low, request.extent.high) == ("080000", "120000")
        assert value_of(request, "StudyTime") == "0800-12"
        assert "StudyTime" not in plan.queries["q"].added

    def test_a_time_that_is_no_range_is_a_warning(self, planner: Planner) -> None:
        plan = planner.plan(studies(keys='PatientID: x, StudyTime: "0800"'))
        assert any(
            one.path == "queries.q.keys.StudyTime"
            and one.message.startswith("'0800' is no range of times")
            for one in plan.warnings
        )

    def test_a_date_without_pair_is_a_warning(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q:
                model: worklist
                keys: {PatientID: x}
                window: {key: IssueDateOfImagingServiceRequest, from: 2026-01-01,
                  to: 2026-01-02, split: adaptive}
            """
        )
        assert any("pairs no time with" in one.message for one in plan.warnings)

    def test_a_date_time_key_has_no_time_key(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q:
                model: ups-pull
                return: [SOPInstanceUID]
                window: {key: ScheduledProcedureStepStartDateTime, from: 2026-01-01,
                  to: 2026-01-02, split: adaptive, floor: 1m, unset: assume-none}
            """
        )
        splitting = plan.queries["q"].splitting
        assert splitting is not None
        assert (splitting.time, splitting.floor) == (None, 60)
        assert splitting.unset is Unset.ASSUME_NONE

    def test_identity_time_and_then_are_return_keys(self, planner: Planner) -> None:
        window = f"{WINDOW}, then: [{{key: ModalitiesInStudy, values: [CT, MR]}}]"
        plan = planner.plan(studies(window))
        query = plan.queries["q"]
        assert query.added == (
            *("QueryRetrieveLevel", "StudyDate"),
            *("StudyInstanceUID", "StudyTime", "ModalitiesInStudy"),
        )
        for dotted in query.added[2:]:
            assert set(values_of(plan.requests, dotted)) == {""}
            assert dotted in [path.dotted for path in query.columns]

    def test_what_is_asked_already_is_not_added(self, planner: Planner) -> None:
        keys = 'StudyInstanceUID: "1.2", StudyTime: ""'
        plan = planner.plan(studies(keys=keys))
        assert plan.queries["q"].added == ("QueryRetrieveLevel", "StudyDate")
        assert set(values_of(plan.requests, "StudyInstanceUID")) == {"1.2"}

    def test_a_base_identifier_keeps_its_values(self, planner: Planner) -> None:
        base = (
            element("StudyTime", "08-09"),
            element("PatientID", "x"),
            element("StudyInstanceUID", "1.2"),
        )
        text = f"""
        queries:
          q: {{model: study, level: STUDY, files: [a.dcm], window: {{{WINDOW}}}}}
        """
        plan = planner.plan(text, files={"a.dcm": base})
        assert set(values_of(plan.requests, "StudyInstanceUID")) == {"1.2"}
        assert set(values_of(plan.requests, "StudyTime")) == {"08-09"}

    def test_values_of_then_are_rendered(self, planner: Planner) -> None:
        window = (
            f"{WINDOW}, then: [{{key: ModalitiesInStudy, exhaustive: true,"
            ' values: ["{{ vars.one }}", MR]}]'
        )
        plan = planner.plan(
            "vars: {one: CT}\n" + studies(window).replace("\n    ", "\n")
        )
        splitting = plan.queries["q"].splitting
        assert splitting is not None
        (then,) = splitting.then
        assert then == PlannedThen(then.key, ("CT", "MR"), exhaustive=True)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ('""', "this value of ModalitiesInStudy matches everything"),
            ('"*"', "this value of ModalitiesInStudy matches everything"),
            ('"{{ nope }}"', "the name nope is not known here"),
        ],
    )
    def test_a_value_of_then_that_cuts_nothing(
        self, planner: Planner, value: str, message: str
    ) -> None:
        window = f"{WINDOW}, then: [{{key: ModalitiesInStudy, values: [{value}]}}]"
        problem = planner.problem(studies(window))
        assert problem.message.startswith(message)
        assert problem.path == "queries.q.window.then[0].values"

    def test_a_value_twice_is_asked_once(self, planner: Planner) -> None:
        window = f"{WINDOW}, then: [{{key: ModalitiesInStudy, values: [CT, CT]}}]"
        plan = planner.plan(studies(window))
        splitting = plan.queries["q"].splitting
        assert splitting is not None
        assert splitting.then[0].values == ("CT",)
        assert any("twice" in one.message for one in plan.warnings)

    def test_dedupe_off_merges_nothing(self, planner: Planner) -> None:
        plan = planner.plan(studies(more="dedupe: off"))
        assert not plan.queries["q"].merges

    def test_no_assumption_is_made(self, planner: Planner) -> None:
        plan = planner.plan(studies())
        assert {one.assumption for one in plan.requests} == {None}


class TestRaw:
    def test_a_missing_key_is_an_error(self, planner: Planner) -> None:
        problems = planner.problems(
            f"""
            queries:
              q:
                model: study
                raw: true
                keys: {{QueryRetrieveLevel: STUDY, StudyInstanceUID: ""}}
                window: {{{WINDOW}}}
            """
        )
        assert [one.message for one in problems] == [
            (
                "StudyTime is what the window cuts days by, but nothing is added to a"
                " raw query; write it among its keys"
            )
        ]

    def test_nothing_is_added(self, planner: Planner) -> None:
        plan = planner.plan(
            f"""
            queries:
              q:
                model: study
                raw: true
                keys: {{QueryRetrieveLevel: STUDY, StudyInstanceUID: "", StudyTime: ""}}
                window: {{{WINDOW}}}
            """
        )
        assert plan.queries["q"].added == ("StudyDate",)
        assert len(plan.requests[0].identifier) == 4


class TestDigest:
    def test_of_a_job_without_families_is_that_of_its_keys(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(studies(WINDOW.replace(", split: adaptive", "")))
        old = sha256_of([[one.id, one.key] for one in plan.requests])
        assert plan.digest == old
        assert plan.queries["q"].identity == ()
        assert plan.queries["q"].added == ("QueryRetrieveLevel", "StudyDate")

    @pytest.mark.parametrize(
        "other",
        [
            f"{WINDOW}, floor: 1m",
            f"{WINDOW}, unset: assume-none",
            f"{WINDOW}, then: [{{key: StudyInstanceUID, values: ['1.2']}}]",
        ],
    )
    def test_covers_how_requests_are_cut(self, planner: Planner, other: str) -> None:
        assert planner.plan(studies(other)).digest != planner.plan(studies()).digest

    def test_a_plan_comes_back_equal(self, planner: Planner) -> None:
        window = f"{WINDOW}, then: [{{key: ModalitiesInStudy, values: [CT, MR]}}]"
        plan = planner.plan(studies(window))
        assert loads(dumps(plan)) == plan
