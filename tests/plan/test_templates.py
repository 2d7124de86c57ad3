"""A template is expressions and `if` over a fixed list of names, rendered once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.errors import JobError, Mark
from batchfind.job.model import Scalar
from batchfind.plan.dates import Day, Style
from batchfind.plan.problems import Problems
from batchfind.plan.sandbox import MAX_RENDERED
from batchfind.plan.scopes import dates
from batchfind.plan.templates import MAX_TEMPLATE, Scope, Templates
from batchfind.plan.windows import Interval, Piece, WindowValue

MARK = Mark("job.yaml", 7, 3)
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 31, 12, 30, 15, tzinfo=BERLIN)


def scope(style: Style = Style.KEY, now: datetime = NOW, **names: object) -> Scope:
    values = {**dates(now, style), "vars": {"site": "north"}, "modality": "CT", **names}
    return Scope(values, {"window": "there is no window"})


def render(
    text: str, where: Scope | None = None, environment: Mapping[str, str] | None = None
) -> str:
    problems = Problems()
    templates = Templates(problems, environment or {})
    rendered = templates.render(
        Scalar(text, MARK), "queries.q.keys.k", where or scope()
    )
    problems.finish()
    assert rendered is not None
    return rendered


def refusal(text: str, where: Scope | None = None) -> str:
    with pytest.raises(JobError) as caught:
        render(text, where)
    (problem,) = caught.value.problems
    assert problem.mark == MARK
    assert problem.path == "queries.q.keys.k"
    return problem.message


class TestValues:
    @pytest.mark.parametrize("text", ["", " 00123 ", "a*?\\b", "{x}", "100 %", "$HOME"])
    def test_text_without_template_marks_stays_as_it_is(self, text: str) -> None:
        assert render(text) == text

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{{ modality }}", "CT"),
            ("{{ vars.site }}", "north"),
            ("{{ vars['site'] }}", "north"),
            ("X{{ modality }}Y\n", "XCTY\n"),
            ("{{ modality ~ '^' ~ vars.site }}", "CT^north"),
            ("{{ modality[:1] }}", "C"),
            ("{{ modality | lower }}", "ct"),
            ("{{ ' a ' | trim | upper }}", "A"),
            ("{{ 'y' if modality in ['CT', 'MR'] else 'n' }}", "y"),
            ("{% if modality == 'MR' %}M{% elif not 0 %}C{% endif %}", "C"),
            ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
            ("{# why #}x", "x"),
            ("{{ 1 + 2 }}", "3"),
        ],
    )
    def test_expressions_and_if(self, text: str, value: str) -> None:
        assert render(text) == value

    def test_a_value_that_looks_like_a_template_is_not_rendered_again(self) -> None:
        data = "{{ ().__class__ }}{% for x in y %}"
        assert render("{{ cell }}", scope(cell=data)) == data

    def test_env_reads_the_environment_it_is_given(self) -> None:
        assert render("{{ env('SITE') }}", environment={"SITE": "n"}) == "n"

    @settings(deadline=None, max_examples=200)
    @given(st.text())
    def test_any_data_passes_through_unchanged(self, data: str) -> None:
        assert render("{{ cell }}", scope(cell=data)) == data


class TestDates:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{{ today }}", "20260331"),
            ("{{ yesterday }}-{{ tomorrow }}", "20260330-20260401"),
            ("{{ now }}", "20260331123015"),
            ("{{ today - days(31) }}", "20260228"),
            ("{{ today - months(1) }}", "20260228"),
            ("{{ today + months(11) }}", "20270228"),
            ("{{ today - months(25) }}", "20240229"),
            ("{{ today - weeks(1) + days(1) }}", "20260325"),
            ("{{ today - (months(1) + days(1)) }}", "20260227"),
            ("{{ today + -days(1) }}", "20260330"),
            ("{{ now - minutes(31) }}", "20260331115915"),
            ("{{ (now - hours(13)) | da }}", "20260330"),
            ("{{ now | tm }}", "123015"),
            ("{{ now | dt }}", "20260331123015"),
            ("{{ now | iso }}", "2026-03-31T12:30:15+02:00"),
            ("{{ today | dt }}", "20260331"),
            ("{{ today | iso }}", "2026-03-31"),
            ("{{ '2026-01-31' | da }}", "20260131"),
            ("{{ '20260131' | iso }}", "2026-01-31"),
            ("{{ '08:30' | tm }}", "083000"),
            ("{{ '2026-01-31T08:30' | dt }}", "20260131083000"),
            ("{{ today - days(count) }}", "20260329"),
        ],
    )
    def test_calendar_arithmetic(self, text: str, value: str) -> None:
        assert render(text, scope(count="2")) == value

    def test_a_path_writes_iso_8601(self) -> None:
        where = scope(Style.PATH)
        assert render("{{ today }} {{ now }}", where) == "2026-03-31 20260331T123015"

    def test_a_year_has_four_digits(self) -> None:
        assert render("{{ day }}", scope(day=Day(date(7, 1, 2)))) == "00070102"

    @pytest.mark.parametrize(
        ("now", "text", "value"),
        [
            # 2026-03-29 has 23 hours in Berlin, 2026-10-25 has 25.
            (datetime(2026, 3, 30, 0, 30, tzinfo=BERLIN), "yesterday", "20260329"),
            (
                datetime(2026, 3, 30, 0, 30, tzinfo=BERLIN),
                "today - days(1)",
                "20260329",
            ),
            (
                datetime(2026, 3, 30, 0, 30, tzinfo=BERLIN),
                "now - hours(24)",
                "20260328233000",
            ),
            (
                datetime(2026, 3, 30, 2, 30, tzinfo=BERLIN),
                "now - days(1)",
                "20260329033000",
            ),
            (datetime(2026, 10, 26, 0, 30, tzinfo=BERLIN), "yesterday", "20261025"),
            (
                datetime(2026, 10, 26, 0, 30, tzinfo=BERLIN),
                "now - hours(24)",
                "20261025013000",
            ),
            (
                datetime(2026, 10, 25, 0, 30, tzinfo=BERLIN),
                "now + hours(24)",
                "20261025233000",
            ),
            (
                datetime(2024, 2, 29, 12, tzinfo=BERLIN),
                "today - months(12)",
                "20230228",
            ),
            (datetime(2024, 3, 1, 12, tzinfo=BERLIN), "yesterday", "20240229"),
            (datetime(2026, 1, 1, 12, tzinfo=BERLIN), "today - months(2)", "20251101"),
        ],
    )
    def test_days_are_days_of_the_calendar_and_hours_are_real(
        self, now: datetime, text: str, value: str
    ) -> None:
        assert render(f"{{{{ {text} }}}}", scope(now=now)) == value

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{{ days(1) }}", "no value by itself"),
            ("{{ 'x' ~ days(1) }}", "no value by itself"),
            ("{{ today - hours(1) }}", "belong to now"),
            ("{{ today - 1 }}", "write today - days(1)"),
            ("{{ today + 1 }}", "write today + days(1)"),
            ("{{ now - 1 }}", "write now - days(1)"),
            ("{{ now + 1 }}", "write now + days(1)"),
            ("{{ days(1) + today }}", "write today + days(1)"),
            ("{{ today - days(1.5) }}", "whole number"),
            ("{{ today - days(true) }}", "whole number"),
            ("{{ today - days('x') }}", "whole number"),
            ("{{ today - days(9999999) }}", "cannot be rendered"),
            ("{{ today + months(99999999) }}", "outside 1 to 9999"),
            ("{{ 'CT' | da }}", "is no day"),
            ("{{ '20260230' | da }}", "no day of the calendar"),
            ("{{ 1 | da }}", "a date is needed"),
            ("{{ today | tm }}", "filter tm needs now"),
        ],
    )
    def test_what_is_no_date_is_refused(self, text: str, why: str) -> None:
        assert why in refusal(text)


class TestNames:
    def test_an_unknown_name_gets_a_suggestion(self) -> None:
        message = refusal("{{ modalty }}")
        assert "modalty is not known here (did you mean 'modality'?)" in message

    def test_without_a_near_name_all_are_listed(self) -> None:
        assert "known are modality, now, today" in refusal("{{ q }}")

    def test_a_name_of_another_place_says_why(self) -> None:
        assert refusal("{{ window }}") == "there is no window"

    def test_an_unknown_variable_gets_a_suggestion(self) -> None:
        assert "no variable sit (did you mean 'site'?)" in refusal("{{ vars.sit }}")
        assert "define it under vars" in refusal("{{ vars.quux }}")

    def test_an_environment_variable_must_be_set(self) -> None:
        assert "NOPE is not set" in refusal("{{ env('NOPE') }}")

    def test_an_unused_branch_is_checked_too(self) -> None:
        assert "typo is not known" in refusal("{% if 0 %}{{ typo }}{% endif %}")

    def test_variables_are_not_in_scope_of_variables(self) -> None:
        bare = Scope({}, {"vars": "write it out"})
        assert refusal("{{ vars.site }}", bare) == "write it out"

    def test_an_open_window_has_no_start(self) -> None:
        window = WindowValue(Piece(Interval(None, date(2026, 1, 7))), Style.PATH)
        where = scope(Style.PATH, window=window)
        assert render("{{ window.end }}", where) == "2026-01-07"
        assert "give it `from`" in refusal("{{ window.start }}", where)


class TestSandbox:
    @pytest.mark.parametrize(
        "text",
        [
            "{{ ().__class__.__bases__ }}",
            "{{ modality.__class__.__mro__[1].__subclasses__() }}",
            "{{ modality['__class__'] }}",
            "{{ vars.__class__ }}",
            "{{ vars['__class__'] }}",
            "{{ vars[modality] }}",
            "{{ today.date }}",
            "{{ now.at.tzinfo }}",
            "{{ env.__globals__ }}",
            "{{ days.__globals__ }}",
            "{{ self }}",
            "{{ self._TemplateReference__context }}",
            "{{ cycler.__init__.__globals__.os }}",
            "{{ lipsum }}",
            "{{ range(10**9) }}",
            "{{ namespace(x=1) }}",
            "{{ modality | attr('__class__') }}",
            "{{ modality | map('upper') }}",
            "{{ modality.upper() }}",
            "{{ '{0.__class__}'.format(1) }}",
            "{{ '%9999999999d' % 1 }}",
            "{{ 'a' * 9999999999 }}",
            "{{ 9 ** 9 ** 9 }}",
            "{{ 1 / 0 }}",
            "{{ days() () }}",
            "{{ days }}",
            "{{ vars }}",
            "{{ env(modality) }}",
            "{{ env() }}",
            "{{ env(1) }}",
            "{{ {'a': 1} }}",
            "{{ modality is defined }}",
            "{{ 'x' ~ loop }}",
            "{% for x in modality %}{{ x }}{% endfor %}",
            "{% set x = 1 %}",
            "{% macro m() %}{% endmacro %}",
            "{% include '/etc/passwd' %}",
            "{% import 'os' as os %}",
            "{% extends 'x' %}",
            "{% block b %}{% endblock %}",
            "{% filter upper %}x{% endfilter %}",
            "{% call m() %}{% endcall %}",
            "{{ " + "(" * 4000 + "1" + ")" * 4000,
            "{{ " + "-" * 4000 + "1 }}",
            "{{ " + "9" * 5000 + " }}",
            "{{ today - days(" + "9" * 4000 + ") }}",
        ],
    )
    def test_an_escape_or_a_bomb_is_one_problem(self, text: str) -> None:
        assert refusal(text)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{{ ", "syntax error"),
            ("{{ x }", "syntax error"),
            ("{% if modality %}", "syntax error"),
            ("{{ modality | uper }}", "no filter uper (did you mean 'upper'?)"),
            ("{{ modality | tojson }}", "use da, tm, dt, iso"),
            ("{% for x in y %}{% endfor %}", "use matrix or rows"),
            ("{{ modality * 2 }}", "the operator * is not part"),
            ("{{ modality.x }}", "modality has no member x"),
            ("{{ ('a' ~ 'b').x }}", "a value has no member x"),
            ("{{ vars[0] }}", "vars has no member"),
            ("{{ days }}", "write days(…)"),
            ("{{ vars }}", "write vars.name"),
            ("{{ modality == 'CT' }}", "a bool is no text"),
            ("{{ [modality] }}", "a list is no text"),
            ("{{ modality[7] }}", "a StrictUndefined is no text"),
            ("{{ 1.5 }}", "a float is no text"),
            ("{{ " + "x" * MAX_TEMPLATE + " }}", "at most 8192 characters"),
            ("{{ long ~ long }}", "more than 65536 characters"),
        ],
    )
    def test_the_problem_says_what_and_why(self, text: str, why: str) -> None:
        assert why in refusal(text, scope(long="x" * MAX_RENDERED))

    def test_the_same_wrong_scalar_is_reported_once(self) -> None:
        problems = Problems()
        templates = Templates(problems, {})
        for modality in ("CT", "MR"):
            where = scope(modality=modality)
            assert templates.render(Scalar("{{ typo }}", MARK), "p", where) is None
        assert problems.errors == 1

    def test_a_clock_in_utc_is_as_good(self) -> None:
        assert render("{{ now }}", scope(now=NOW.astimezone(UTC))) == "20260331103015"
