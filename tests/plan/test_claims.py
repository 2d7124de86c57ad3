"""No output takes a path that is not free."""

from __future__ import annotations

import pytest

from batchfind.plan.claims import Claims, folded
from tests.plan.planning import Planner


@pytest.fixture
def claims() -> Claims:
    return Claims.beside(["/job/job.yaml", "/job/in/../rows.csv"], "/job/runs")


def test_a_free_path_is_taken_without_a_word(claims: Claims) -> None:
    assert list(claims.take("/job/a/x.csv", "outputs[0]")) == []
    assert list(claims.take("/job/a/y.csv", "outputs[1]")) == []
    # One output names its path once for each peer.
    assert list(claims.take("/job/a/x.csv", "outputs[0]")) == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/job/a/x.csv", "is written by outputs[0] already"),
        ("/job/A/x.csv", "and /job/a/x.csv differ in letter case alone"),
        ("/job/a/X.CSV", "differ in letter case alone"),
        ("/job/a", "is a folder of /job/a/x.csv"),
        ("/job/a/x.csv/y.csv", "is below /job/a/x.csv, which is a file"),
        ("/job/job.yaml", "is read by this job"),
        ("/job/ROWS.csv", "is read by this job"),
        ("/job/runs", "is among the run directories in /job/runs"),
        ("/job/runs/test/x.csv", "is among the run directories in /job/runs"),
        ("/job", "is a folder of /job/a/x.csv"),
    ],
)
def test_one_that_is_not_says_why(claims: Claims, path: str, why: str) -> None:
    assert list(claims.take("/job/a/x.csv", "outputs[0]")) == []
    faults = list(claims.take(path, "outputs[1]"))
    assert any(why in fault for fault in faults)


def test_accents_may_be_composed_or_not() -> None:
    assert folded("/a/\u00fc.csv") == folded("/a/u\u0308.csv")
    assert folded("/a/./b/../x") == "/a/x"


class TestAJob:
    def test_whose_matrix_differs_in_case_has_one_path_too_few(
        self, planner: Planner
    ) -> None:
        problem = planner.problem("""
        queries:
          q:
            model: study
            level: STUDY
            matrix: {m: [a, A]}
            keys: {StudyInstanceUID: "", PatientID: "{{ m }}"}
        outputs: [{format: csv, path: "{{ m }}.csv"}]
        """)
        assert problem.path == "outputs[0].path"
        assert "letter case alone" in problem.message

    def test_never_writes_over_what_it_includes(self, planner: Planner) -> None:
        (planner.folder / "more").mkdir()
        (planner.folder / "site.yaml").write_text("vars: {a: b}\n", "utf-8")
        head = "version: 1\nname: test\ninclude: more/../site.yaml\n"
        problem = planner.problem(
            """
            peers: {pacs: {host: h, port: 1}}
            queries:
              q: {model: study, level: STUDY, keys: {StudyInstanceUID: ""}}
            outputs: [{format: csv, path: site.yaml}]
            """,
            head=head,
        )
        assert "site.yaml is read by this job" in problem.message

    def test_may_write_below_folders_of_the_user(self, planner: Planner) -> None:
        plan = planner.plan("""
        queries:
          q: {model: study, level: STUDY, keys: {StudyInstanceUID: ""}}
        outputs:
          - {format: csv, path: /srv/_in/.cache/x.csv}
          - {format: csv, path: ../y.csv}
          - {format: csv, path: ./a/../z.csv}
        """)
        assert plan.outputs[0].path == "/srv/_in/.cache/x.csv"

    def test_keeps_off_the_run_directories_it_is_given(self, planner: Planner) -> None:
        text = """
        queries:
          q: {model: study, level: STUDY, keys: {StudyInstanceUID: ""}}
        outputs: [{format: csv, path: kept/x.csv}]
        """
        assert planner.plan(text).outputs
        problem = planner.problem(text, runs=planner.folder / "kept")
        assert "among the run directories" in problem.message
