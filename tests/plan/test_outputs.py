"""Every file is known before the first association, and no two share a path."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.job.model import OutputFormat, Publish
from batchfind.plan.filenames import path_fault, safe_value
from batchfind.plan.model import Plan
from batchfind.plan.taken_paths import SIDECAR, TakenPaths, folded
from tests.plan.planning import NOON, Planner

JOB = """
queries:
  ct:
    model: study
    level: STUDY
    matrix: {{site: [n, s/w, "CON"]}}
    keys: {{StudyInstanceUID: "", StudyID: "{{{{ site }}}}"}}
    window: {{key: StudyDate, from: 2026-01-01, to: 2026-01-02, step: 1d}}
  mr:
    model: study
    level: STUDY
    keys: {{StudyInstanceUID: ""}}
outputs:
{outputs}
"""


def job(*outputs: str) -> str:
    lines = [
        output if "format" in output else f"format: csv, {output}" for output in outputs
    ]
    return JOB.format(outputs="\n".join(f"  - {{{line}}}" for line in lines))


def paths(planner: Planner, plan: Plan) -> list[str]:
    return [str(Path(one.path).relative_to(planner.folder)) for one in plan.outputs]


class TestPaths:
    def test_one_path_takes_all_requests(self, planner: Planner) -> None:
        plan = planner.plan(job("path: out/x.csv, queries: ct, publish: always"))
        (output,) = plan.outputs
        assert output.path == str(planner.folder / "out" / "x.csv")
        assert output.requests == tuple(f"0.{n}" for n in range(6))
        assert output.format is OutputFormat.CSV
        assert output.publish is Publish.ALWAYS
        assert not output.typed

    def test_a_date_is_iso_in_a_path(self, planner: Planner) -> None:
        plan = planner.plan(
            job('path: "{{ today }}-{{ yesterday | da }}.csv", queries: mr')
        )
        assert paths(planner, plan) == ["2026-03-31-20260330.csv"]

    def test_each_distinct_path_is_a_file(self, planner: Planner) -> None:
        plan = planner.plan(job('path: "{{ site }}/x.csv", queries: ct'))
        assert paths(planner, plan) == ["n/x.csv", "s%2Fw/x.csv", "%43ON/x.csv"]
        assert [one.requests for one in plan.outputs] == [
            ("0.0", "0.1"),
            ("0.2", "0.3"),
            ("0.4", "0.5"),
        ]

    def test_window_start_is_a_day(self, planner: Planner) -> None:
        plan = planner.plan(job('path: "{{ window.start }}.csv", queries: ct'))
        assert paths(planner, plan) == ["2026-01-01.csv", "2026-01-02.csv"]
        assert plan.outputs[1].requests == ("0.1", "0.3", "0.5")

    def test_window_end_is_a_day(self, planner: Planner) -> None:
        text = job('path: "{{ window.start }}_{{ window.end }}.csv", queries: ct')
        plan = planner.plan(text.replace("step: 1d", "step: 2d"))
        assert paths(planner, plan) == ["2026-01-01_2026-01-02.csv"]

    @pytest.mark.parametrize(
        ("output", "directory"),
        [
            ("format: parquet, partition_by: bf_peer", True),
            ("format: xml, layout: files", True),
            ("format: dicom", True),
            ("format: dicom, layout: zip", False),
            ("format: xml", False),
            ("format: jsonl", False),
        ],
    )
    def test_of_a_folder_may_end_as_one(
        self, planner: Planner, output: str, directory: bool
    ) -> None:
        end = "/" if directory else ""
        plan = planner.plan(job(f"path: lake/x{end}, queries: mr, {output}"))
        assert paths(planner, plan) == ["lake/x"]
        assert plan.outputs[0].is_directory is directory

    def test_query_peer_and_variables(self, planner: Planner) -> None:
        plan = planner.plan(
            "vars: {root: lake/raw}\n"
            + job('path: "{{ vars.root }}/{{ query }}-{{ peer }}.csv"'),
        )
        assert paths(planner, plan) == ["lake/raw/ct-pacs.csv", "lake/raw/mr-pacs.csv"]

    def test_out_is_the_base_of_relative_paths(
        self, planner: Planner, tmp_path: Path
    ) -> None:
        text = job("path: x.csv, queries: mr", f"path: {tmp_path}/a/y.csv, queries: mr")
        plan = planner.plan(text, out=tmp_path / "else")
        assert [one.path for one in plan.outputs] == [
            str(tmp_path / "else" / "x.csv"),
            str(tmp_path / "a" / "y.csv"),
        ]

    def test_dots_are_resolved(self, planner: Planner) -> None:
        plan = planner.plan(job("path: ../a/./x.csv, queries: mr"))
        assert plan.outputs[0].path == str(planner.folder.parent / "a" / "x.csv")

    def test_the_day_of_a_path_is_the_job_s(self, planner: Planner) -> None:
        head = """\
version: 1
name: test
timezone: Europe/Berlin
peers:
  east: {host: a.example.org, port: 104, timezone: Asia/Tokyo}
  here: {host: c.example.org, port: 104}
"""
        text = job('path: "{{ today }}.csv", queries: mr').replace(
            "level: STUDY", "level: STUDY\n    peers: [east, here]"
        )
        plan = planner.plan(text, head=head, clock=NOON.replace(hour=20))
        assert paths(planner, plan) == ["2026-03-31.csv"]
        assert len(plan.outputs[0].requests) == 2

    def test_a_query_without_requests_still_writes_its_file(
        self, planner: Planner
    ) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            rows: {from: q.csv}
            keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}"}
        outputs:
          - {format: parquet, path: x.parquet}
        """
        plan = planner.plan(text, tables={"q": "mrn"})
        assert [one.requests for one in plan.outputs] == [()]

    def test_a_skipped_row_is_behind_no_file(self, planner: Planner) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            matrix: {x: [a, b]}
            rows: {from: q.csv, on_empty: skip}
            keys:
              StudyInstanceUID: ""
              StudyID: "{{ x }}"
              PatientID: "{% if x == 'a' %}{{ mrn }}{% endif %}"
        outputs:
          - {format: parquet, path: "{{ x }}.parquet"}
        """
        plan = planner.plan(text, tables={"q": "mrn\n1"})
        assert paths(planner, plan) == ["a.parquet"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("a/{{ vars.e }}", "ends in a folder"),
            ("a/..", "ends in a folder"),
            (".x.csv", ".x.csv begins with ., which makes it invisible"),
            ("a/_x.csv", "_x.csv begins with _, which makes it invisible"),
            ("_a/x.csv", "_a begins with _"),
            ("a/.b/x.csv", ".b begins with ."),
            ("../_a/x.csv", "_a begins with _"),
            ("{{ vars.u }}/x.csv", "_u begins with _"),
            ("/srv/_in/{{ vars.u }}/x.csv", "_u begins with _"),
            ("/srv/_x.csv", "_x.csv begins with _"),
            ("runs/x.csv", "among the run directories"),
            ("runs", "among the run directories"),
            ("Runs/test/x.csv", "among the run directories"),
            ("a/aux.csv", "device on Windows"),
            ("a/{{ vars.t }}.csv", "control characters"),
            ("x" * 256, "longer than 255 bytes"),
            ("{{ typo }}.csv", "typo is not known"),
            ("{{ window }}.csv", "write {{ window.start }}"),
        ],
    )
    def test_a_path_must_be_possible_everywhere(
        self, planner: Planner, path: str, why: str
    ) -> None:
        text = 'vars: {e: "", t: "a\\tb", u: _u}\n' + job(
            f'path: "{path}", queries: ct'
        )
        problem = planner.problem(text)
        assert problem.path == "outputs[0].path"
        assert why in problem.message

    def test_a_query_without_window_has_no_window_start(self, planner: Planner) -> None:
        problem = planner.problem(job('path: "{{ window.start }}.csv", queries: mr'))
        assert "this query has no window" in problem.message

    def test_an_open_window_has_no_start(self, planner: Planner) -> None:
        text = job('path: "{{ window.start }}.csv", queries: ct')
        text = text.replace(
            "from: 2026-01-01, to: 2026-01-02, step: 1d", "to: 2026-01-01"
        )
        assert "give it `from`" in planner.problem(text).message

    def test_two_outputs_on_one_path(self, planner: Planner) -> None:
        text = job("path: a/x.csv, queries: ct", "path: a/b/../x.csv, queries: ct")
        problem = planner.problem(text)
        assert problem.path == "outputs[1].path"
        assert "is written by outputs[0] of query ct already" in problem.message

    @pytest.mark.parametrize(
        ("one", "other", "message"),
        [
            (
                "path: x.csv",
                "path: x.csv.batchfind.json",
                "is the sidecar of outputs[0] of query mr already",
            ),
            (
                "path: x.csv.batchfind.json",
                "path: x.csv",
                "already, and would be a sidecar here",
            ),
            (
                "path: lake, format: dicom",
                "path: lake/x.csv",
                "lies inside the folder of outputs[0] of query mr",
            ),
            (
                "path: lake/x.csv",
                "path: lake/, format: dicom",
                "outputs[0] of query mr writes below",
            ),
            (
                "path: lake/, format: dicom",
                "path: lake/a/b/, format: xml, layout: files",
                "lies inside the folder of outputs[0] of query mr",
            ),
            (
                "path: lake",
                "path: lake/x.csv",
                "lies inside a file of outputs[0] of query mr",
            ),
        ],
    )
    def test_outputs_that_would_meet(
        self, planner: Planner, one: str, other: str, message: str
    ) -> None:
        text = job(
            *(
                each if "format" in each else f"format: csv, {each}"
                for each in (f"queries: mr, {one}", f"queries: mr, {other}")
            )
        )
        problem = planner.problem(text)
        assert problem.path == "outputs[1].path"
        assert message in problem.message

    def test_outputs_side_by_side_are_fine(self, planner: Planner) -> None:
        text = job(
            "path: lake/a, queries: mr, format: dicom",
            "path: lake/ab, queries: mr, format: dicom",
            "path: lake/a.csv, queries: mr, format: csv",
        )
        assert len(planner.plan(text).outputs) == 3

    def test_a_sidecar_never_replaces_an_input(self, planner: Planner) -> None:
        read = str(planner.folder / f"q.csv{SIDECAR}")
        paths = TakenPaths(frozenset({folded(read)}), str(planner.folder / "runs"))
        target = str(planner.folder / "q.csv")
        (fault,) = paths.take(target, "outputs[0]", is_directory=False)
        assert fault.endswith("is read by this job; its sidecar cannot replace it")

    def test_two_queries_on_one_path(self, planner: Planner) -> None:
        problem = planner.problem(job('path: "x{{ query[:0] }}.csv"'))
        assert "is written by outputs[0] of query ct already" in problem.message

    def test_an_input_is_never_replaced(self, planner: Planner) -> None:
        problem = planner.problem(job("path: job.yaml, queries: mr"))
        assert "is read by this job" in problem.message


class TestSelect:
    def test_outputs_of_other_queries_are_left_out_with_a_warning(
        self, planner: Planner
    ) -> None:
        text = job("path: ct.csv, queries: ct", "path: mr.csv, queries: mr")
        plan = planner.plan(text, select=("mr",))
        assert paths(planner, plan) == ["mr.csv"]
        (warning,) = plan.warnings
        assert warning.path == "queries.ct"
        assert "query ct is not selected" in warning.message
        assert list(plan.queries) == ["mr"]
        # A request keeps its id whatever else is selected.
        assert [one.id for one in plan.requests] == ["1.0"]

    def test_a_query_is_left_out_in_one_sentence(self, planner: Planner) -> None:
        text = job("path: '{{ query }}.csv'", "path: '{{ query }}2.csv'")
        plan = planner.plan(text, select=("mr",))
        assert paths(planner, plan) == ["mr.csv", "mr2.csv"]
        (warning,) = plan.warnings
        assert warning.message == (
            "query ct is not selected; its files stay as they are"
        )


class TestSafeValue:
    @pytest.mark.parametrize(
        ("value", "safe"),
        [
            ("CT", "CT"),
            ("a b", "a b"),
            ("Müller", "Müller"),
            ("a/b\\c", "a%2Fb%5Cc"),
            ("..", "%2E%2E"),
            ("../../etc", "%2E.%2F..%2Fetc"),
            (".hidden", "%2Ehidden"),
            ("_x", "%5Fx"),
            (" a ", "%20a%20"),
            ("a.", "a%2E"),
            ("con", "%63on"),
            ("LPT1.txt", "%4CPT1.txt"),
            ("a\nb", "a%0Ab"),
            ("100%", "100%25"),
            ("", "%empty"),
            ("\ud800", "%ED%A0%80"),
        ],
    )
    def test_what_a_file_name_cannot_hold_is_encoded(
        self, value: str, safe: str
    ) -> None:
        assert safe_value(value) == safe

    @settings(deadline=None, max_examples=300)
    @given(st.text(max_size=400), st.text(max_size=400))
    def test_any_value_is_one_safe_part_and_different_ones_differ(
        self, one: str, other: str
    ) -> None:
        name = safe_value(one)
        assert path_fault(name) is None
        assert len(name.encode()) <= 120
        assert not PureWindowsPath(name).drive
        assert (safe_value(other) == name) == (one == other)
