"""A matrix multiplies; exclude takes out; the order is fixed."""

from __future__ import annotations

import pytest

from tests.plan.planning import Planner

MATRIX = """
queries:
  q:
    model: study
    level: STUDY
    matrix: {modality: [CT, MR], site: [n, s]}
    %s
    keys:
      StudyInstanceUID: ""
      StudyID: "{{ site }}"
      StudyDescription: "{{ modality }}"
"""


def combinations(planner: Planner, text: str) -> list[tuple[str, ...]]:
    return [tuple(one.bindings.values()) for one in planner.plan(text).requests]


def test_the_last_axis_changes_fastest(planner: Planner) -> None:
    assert combinations(planner, MATRIX % "") == [
        ("CT", "n"),
        ("CT", "s"),
        ("MR", "n"),
        ("MR", "s"),
    ]


def test_exclude_takes_out_what_it_names(planner: Planner) -> None:
    one = "exclude: [{modality: MR, site: s}]"
    assert ("MR", "s") not in combinations(planner, MATRIX % one)
    assert len(combinations(planner, MATRIX % one)) == 3
    whole = "exclude: [{modality: MR}]"
    assert combinations(planner, MATRIX % whole) == [("CT", "n"), ("CT", "s")]


def test_an_exclude_that_matches_nothing_is_a_warning(planner: Planner) -> None:
    text = MATRIX % "exclude: [{modality: MR}, {modality: '{{ vars.m }}'}]"
    text = "vars: {m: US}\n" + text.replace("[CT, MR]", "[CT, MR, '{{ vars.x }}']")
    plan = planner.plan(text.replace("{m: US}", "{m: US, x: NM}"))
    (warning,) = plan.warnings
    assert warning.path == "queries.q.exclude[1]"
    assert "excludes nothing" in warning.message


def test_a_value_that_stands_there_twice_is_asked_once(planner: Planner) -> None:
    text = "vars: {m: CT}\n" + MATRIX % ""
    plan = planner.plan(text.replace("[CT, MR]", "[CT, '{{ vars.m }}']"))
    assert len(plan.requests) == 2
    assert "twice" in plan.warnings[0].message


class TestAnAxisNobodyReads:
    """It would send the same request once for each of its values."""

    def test_is_refused(self, planner: Planner) -> None:
        text = (MATRIX % "").replace('"{{ site }}"', "1")
        problem = planner.problem(text)
        assert problem.path == "queries.q.matrix.site"
        assert "nothing reads site" in problem.message
        assert "{{ site }}" in problem.message

    @pytest.mark.parametrize(
        "use",
        [
            "carry: [site]",
            "carry: all",
            'called_ae: "AE{{ site }}"',
            'window: {key: StudyDate, from: "2026-01-{{ 1 if site else 2 }}1"}',
        ],
    )
    def test_may_be_used_elsewhere_in_the_query(
        self, planner: Planner, use: str
    ) -> None:
        text = (MATRIX % use).replace('"{{ site }}"', "1")
        assert len(planner.plan(text).requests) == 4

    def test_may_name_an_output(self, planner: Planner) -> None:
        text = (MATRIX % "").replace('"{{ site }}"', "1")
        outputs = 'outputs: [{format: csv, path: "{{ site }}.csv"}]\n'
        assert len(planner.plan(text + outputs).outputs) == 2

    def test_is_no_problem_beside_the_name_that_was_to_read_it(
        self, planner: Planner
    ) -> None:
        problem = planner.problem((MATRIX % "").replace("{{ site }}", "{{ sit }}"))
        assert "did you mean 'site'?" in problem.message


def test_values_are_templates_rendered_once(planner: Planner) -> None:
    text = (MATRIX % "").replace("[CT, MR]", "['{{ today }}', '{{ yesterday }}']")
    plan = planner.plan(text)
    assert [one.bindings["modality"] for one in plan.requests[::2]] == [
        "20260331",
        "20260330",
    ]
    bad = planner.problem(text.replace("{{ today }}", "{{ modality }}"))
    assert bad.path == "queries.q.matrix.modality[0]"


def test_everything_excluded_is_an_empty_plan(planner: Planner) -> None:
    plan = planner.plan(MATRIX % "exclude: [{modality: MR}, {modality: CT}]")
    assert plan.requests == ()


class TestOrder:
    def test_peers_files_matrix_rows_window_repetitions(self, planner: Planner) -> None:
        head = """\
version: 1
name: test
timezone: UTC
peers:
  a: {host: a.example.org, port: 104}
  b: {host: b.example.org, port: 104}
"""
        text = """
        queries:
          q:
            model: study
            level: STUDY
            peers: [b, a]
            files: [one.dcm, two.dcm]
            matrix: {x: [x1, x2]}
            rows: {from: q.csv}
            window: {key: StudyDate, from: 2026-01-01, to: 2026-01-02, step: 1d}
            repeat: {times: 2, every: 3s, association: new}
            keys: {StudyID: "{{ x }}", AccessionNumber: "{{ y }}"}
        """
        plan = planner.plan(
            text,
            head=head,
            tables={"q": "y\ny1\ny2"},
            files={"one.dcm": (), "two.dcm": ()},
        )
        assert len(plan.requests) == 2 * 2 * 2 * 2 * 2 * 2
        assert [one.id for one in plan.requests] == [f"0.{n}" for n in range(64)]
        assert sorted(plan.requests, key=lambda one: one.order) == list(plan.requests)
        changes = [
            (one.peer, *one.bindings.values(), one.repetition) for one in plan.requests
        ]
        assert changes[:5] == [
            ("b", "x1", "y1", "20260101", 0),
            ("b", "x1", "y1", "20260101", 1),
            ("b", "x1", "y1", "20260102", 0),
            ("b", "x1", "y1", "20260102", 1),
            ("b", "x1", "y2", "20260101", 0),
        ]
        assert changes[8][1] == "x2"
        assert changes[16] == changes[0]  # the second file
        assert changes[32][0] == "a"
        second = plan.requests[1]
        assert (second.not_before, second.fresh_association) == (3.0, True)
        assert second.key != plan.requests[0].key
        assert [file.path for file in plan.inputs][1:] == [
            str(planner.folder / "one.dcm"),
            str(planner.folder / "two.dcm"),
        ]


class TestSize:
    def test_too_many_requests_are_counted_not_made(self, planner: Planner) -> None:
        text = (MATRIX % "").replace("site: [n, s]", f"site: {list(range(3000))}")
        text += "    repeat: {times: 2}\n"
        problem = planner.problem(text)
        assert "the plan has 12000 requests" in problem.message
        assert "2 values of modality x 3000 values of site x 2 repe" in problem.message
        assert "raise run.max_requests" in problem.message
        assert problem.path == "queries.q"

    def test_a_huge_matrix_is_not_even_multiplied(self, planner: Planner) -> None:
        axes = ", ".join(f"a{n}: {list(range(100))}" for n in range(9))
        text = (MATRIX % "").replace("site: [n, s]", f"site: [n], {axes}")
        text += "    carry: all\n"
        assert "has 2000000000000000000 requests" in planner.problem(text).message

    def test_a_window_is_counted_not_cut(self, planner: Planner) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            keys: {StudyInstanceUID: ""}
            window: {key: StudyDate, from: 0001-01-01, to: 9999-12-31, step: 1s}
        """
        assert "315537897600 pieces of the window" in planner.problem(text).message

    def test_a_window_that_grows_later_is_stopped(self, planner: Planner) -> None:
        text = """
        run: {max_requests: 20}
        queries:
          q:
            model: study
            level: STUDY
            matrix: {year: ["2025", "2024"]}
            keys: {StudyInstanceUID: ""}
            window: {key: StudyDate, from: "{{ year }}1230", to: 2025-12-31, step: 1d}
        """
        problem = planner.problem(text)
        assert "more than the 20 requests run.max_requests allows" in problem.message

    def test_the_limit_is_of_the_whole_job(self, planner: Planner) -> None:
        queries = "".join(
            f"  {name}: {{model: study, level: STUDY, repeat: {{times: {times}}},"
            ' keys: {StudyInstanceUID: ""}}\n'
            for name, times in (("a", 2), ("b", 3))
        )
        assert len(planner.plan("queries:\n" + queries).requests) == 5
        problem = planner.problem("run: {max_requests: 4}\nqueries:\n" + queries)
        assert "most come from query b (3: 3 repetitions)" in problem.message


@pytest.mark.parametrize("axis", ["today", "peer", "window", "env"])
def test_an_axis_cannot_have_a_fixed_name(planner: Planner, axis: str) -> None:
    assert planner.problems((MATRIX % "").replace("modality:", f"{axis}:"))
