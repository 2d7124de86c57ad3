"""Variables are rendered where they are read, and nowhere else."""

from __future__ import annotations

import pytest

from tests.plan.planning import Planner, values_of

HEAD = """\
version: 1
name: test
vars: {%s}
peers:
  north: {host: h, port: 1}
  south: {host: h, port: 2, vars: {site: S}}
"""
QUERY = """
queries:
  q:
    model: study
    level: STUDY
    peers: %s
    keys: {StudyInstanceUID: "", PatientID: "%s"}
"""


def test_one_that_reads_the_peer_is_rendered_for_each(planner: Planner) -> None:
    head = HEAD % "who: '{{ query }}-{{ peer }}'"
    text = QUERY % ("[north, south]", "{{ vars.who }}")
    plan = planner.plan(text, head=head)
    assert values_of(plan.requests, "PatientID") == ["q-north", "q-south"]


@pytest.mark.parametrize("template", ["{{ nobody }}", "{{ today }}", "{{ 1 + 'a' }}"])
def test_one_that_nothing_reads_is_not_rendered(
    planner: Planner, template: str
) -> None:
    head = HEAD % f'site: N, unused: "{template}"'
    text = QUERY % ("[north, south]", "{{ vars.site }}")
    plan = planner.plan(text, head=head)
    assert values_of(plan.requests, "PatientID") == ["N", "S"]


def test_peers_are_chosen_before_there_is_one(planner: Planner) -> None:
    head = HEAD % "who: '{{ peer }}', which: north"
    text = QUERY % ('"{{ vars.which }}"', "{{ vars.who }}")
    plan = planner.plan(text, head=head)
    assert values_of(plan.requests, "PatientID") == ["north"]
    problem = planner.problem(text.replace("vars.which", "vars.who"), head=head)
    assert problem.path == "vars.who"
    assert "the name peer is not known here" in problem.message


@pytest.mark.parametrize("name", ["items", "get", "keys", "_x"])
def test_a_name_is_never_a_method(planner: Planner, name: str) -> None:
    head = HEAD % f"{name}: A"
    plan = planner.plan(QUERY % ("north", f"{{{{ vars.{name} }}}}"), head=head)
    assert values_of(plan.requests, "PatientID") == ["A"]


class TestConditions:
    """Days compare with days; what cannot be compared is told in plain words."""

    HEAD = HEAD.replace("name: test", "name: test\ntimezone: UTC")

    @pytest.mark.parametrize(
        ("condition", "value"),
        [
            ("today > yesterday", "y"),
            ("today <= yesterday", "n"),
            ("now >= now", "y"),
            ("now - hours(1) < now", "y"),
        ],
    )
    def test_of_dates(self, planner: Planner, condition: str, value: str) -> None:
        text = QUERY % ("north", f"{{{{ 'y' if {condition} else 'n' }}}}")
        plan = planner.plan(text, head=self.HEAD % "a: b")
        assert values_of(plan.requests, "PatientID") == [value]

    @pytest.mark.parametrize(
        ("condition", "why"),
        [
            ("today > '2026-01-31'", "a day compares with days only"),
            ("now > today", "now compares with now only"),
            ("days(1) > days(2)", "it compares values of different kinds"),
            ("peer > 1", "it compares values of different kinds"),
        ],
    )
    def test_that_cannot_be(self, planner: Planner, condition: str, why: str) -> None:
        text = QUERY % ("north", f"{{{{ 'y' if {condition} else 'n' }}}}")
        problem = planner.problem(text, head=self.HEAD % "a: b")
        assert why in problem.message
