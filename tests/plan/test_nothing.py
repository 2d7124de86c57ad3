"""A key that a template leaves empty must not quietly ask for everything."""

from __future__ import annotations

import pytest

from batchfind.dicom.identifier import Identifier
from tests.plan.planning import Planner, element, values_of

JOB = """
queries:
  q:
    model: study
    level: STUDY
    %s
    keys: {StudyInstanceUID: "", PatientID: %s}
"""


def job(value: str, more: str = "lint: strict") -> str:
    return JOB % (more, value)


class TestATemplateThatGivesNothing:
    @pytest.mark.parametrize(
        ("value", "name"),
        [
            ('"{{ vars.patient }}"', "vars.patient"),
            ('"{{ vars.patient }}*"', "vars.patient"),
            ("\"{{ env('PATIENT') }}\"", "env('PATIENT')"),
            ('"{{ vars.patient | trim }} "', "vars.patient"),
        ],
    )
    def test_names_what_is_empty(self, planner: Planner, value: str, name: str) -> None:
        problem = planner.problem(
            'vars: {patient: ""}' + job(value), environment={"PATIENT": ""}
        )
        assert problem.path == "queries.q.keys.PatientID"
        assert problem.message == (
            f"PatientID asks for everything, since {name} is empty; give {name} a"
            ' value, or write the key as "" if all are wanted; lint: lenient sends it'
            " as it is"
        )

    def test_names_all_of_them(self, planner: Planner) -> None:
        problem = planner.problem(
            'vars: {a: "", b: " "}' + job('"{{ vars.a }}{{ vars.b }}"')
        )
        assert "since vars.a and vars.b are empty" in problem.message

    def test_from_outside_is_no_better(self, planner: Planner) -> None:
        text = "vars: {patient: 7}" + job('"{{ vars.patient }}"')
        assert planner.plan(text).requests
        problem = planner.problem(text, variables={"patient": ""})
        assert "vars.patient is empty" in problem.message

    def test_is_found_in_an_axis(self, planner: Planner) -> None:
        text = job('"{{ id }}"', 'matrix: {id: ["1", "", "2"]}')
        problem = planner.problem(text)
        assert "since id is empty" in problem.message

    def test_may_have_no_name_to_blame(self, planner: Planner) -> None:
        problem = planner.problem(job("\"{{ '1' if query == 'x' else '' }}\""))
        assert "since its template gives nothing; give it a value" in problem.message

    def test_is_a_warning_when_asked_to_be(self, planner: Planner) -> None:
        plan = planner.plan('vars: {p: ""}' + job('"{{ vars.p }}"', "lint: lenient"))
        (warning,) = plan.warnings
        assert "since vars.p is empty" in warning.message
        assert "lenient" not in warning.message
        assert values_of(plan.requests, "PatientID") == [""]

    def test_says_nothing_of_a_variable_that_is_wrong_itself(
        self, planner: Planner
    ) -> None:
        problem = planner.problem(
            'vars: {p: "{{ typo }}"}' + job('"{{ vars.p }}"', "lint: lenient")
        )
        assert problem.path == "vars.p"


class TestOnPurpose:
    @pytest.mark.parametrize(
        "value",
        [
            '""',
            '"*"',
            "\"{{ vars.p or '*' }}\"",
            "\"{{ vars.p if vars.p else '*' }}\"",
            '"{{ vars.all }}"',
        ],
    )
    def test_everything_can_be_asked(self, planner: Planner, value: str) -> None:
        plan = planner.plan('vars: {p: "", all: "*"}' + job(value))
        assert plan.warnings == ()


class TestKeysOfFiles:
    """A base Identifier of a worklist has its keys where peers look for them."""

    @staticmethod
    def worklist(*elements: tuple[str, object]) -> Identifier:
        return tuple(element(name, value) for name, value in elements)

    def test_a_key_of_the_step_beside_it_is_an_error(self, planner: Planner) -> None:
        text = "queries:\n  q: {model: worklist, files: [a.dcm]}"
        files = {"a.dcm": self.worklist(("Modality", "CT"), ("PatientID", ""))}
        problem = planner.problem(text, files=files)
        assert "'ScheduledProcedureStepSequence.Modality'" in problem.message
        assert problem.mark.file.endswith("a.dcm")
        lenient = text.replace("files", "lint: lenient, files")
        (warning,) = planner.plan(lenient, files=files).warnings
        assert "K.6.1.2" in warning.message

    def test_a_key_of_the_request_in_the_step_is_an_error(
        self, planner: Planner
    ) -> None:
        step = (self.worklist(("Modality", "CT"), ("PatientID", "")),)
        files = {"a.dcm": self.worklist(("ScheduledProcedureStepSequence", step))}
        text = "queries:\n  q: {model: worklist, files: [a.dcm]}"
        problem = planner.problem(text, files=files)
        assert "did you mean 'PatientID'?" in problem.message
