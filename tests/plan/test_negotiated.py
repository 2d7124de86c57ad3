"""Extended negotiation: what a peer is asked for, and what a request's keys need.

PS3.4 C.5.1.1 and K.5.1 name the options; C.2.2.2.7, C.2.2.2.8, C.4.1.1.3 and
C.4.1.2 say what means nothing without them.
"""

from __future__ import annotations

import pytest

from batchfind.errors import Problem
from batchfind.job.transport_model import Asked
from batchfind.plan.codec import dumps, loads
from batchfind.plan.model import Plan, Request
from batchfind.plan.summary import summarise
from tests.plan.planning import Planner, element, value_of

PREFER, REQUIRE = Asked.PREFER, Asked.REQUIRE


def head(*options: str) -> str:
    """Peers a, b, … that negotiate these options."""
    peers = "".join(
        f"  {name}: {{host: h.example, port: 104, negotiation: {{{one}}}}}\n"
        for name, one in zip("abc", options, strict=False)
    )
    return f"version: 1\nname: test\ntimezone: UTC\npeers:\n{peers}"


def query(fields: str, model: str = "study") -> str:
    return f"queries: {{q: {{model: {model}, {fields}}}}}\n"


SERIES = "level: SERIES, keys: {StudyInstanceUID: 1.2, SeriesInstanceUID: '', %s}"


def only(plan: Plan) -> Request:
    (request,) = plan.requests
    return request


def warnings(plan: Plan) -> list[str]:
    return [problem.message for problem in plan.warnings]


class TestARequest:
    def test_asks_nothing_while_all_is_off(self, planner: Planner) -> None:
        request = only(planner.plan(query(SERIES % "Modality: CT")))
        assert request.negotiation == {}

    def test_asks_what_its_peer_is_asked_for(self, planner: Planner) -> None:
        plan = planner.plan(
            query(SERIES % "Modality: CT"),
            head=head("fuzzy: prefer, date_time: require, timezone: off"),
        )
        assert only(plan).negotiation == {"date_time": REQUIRE, "fuzzy": PREFER}

    @pytest.mark.parametrize(
        ("option", "keys"),
        [
            ("multiple_value", "Modality: [CT, MR]"),
            ("multiple_value", "Modality: 'CT\\MR'"),
            (
                "multiple_value",
                "RequestAttributesSequence: {ScheduledProcedureStepID: [A, B]}",
            ),
            ("empty_value", "SeriesDescription: '\"\"'"),
            ("relational", "StudyDate: 20260101"),
            ("relational", "PatientID: ''"),
            ("timezone", "TimezoneOffsetFromUTC: '+0100'"),
            ("enhanced_multi_frame", "QueryRetrieveView: CLASSIC"),
        ],
    )
    def test_requires_what_its_keys_need(
        self, planner: Planner, option: str, keys: str
    ) -> None:
        plan = planner.plan(query(SERIES % keys), head=head(f"{option}: prefer"))
        assert only(plan).negotiation == {option: REQUIRE}
        assert plan.warnings == ()

    @pytest.mark.parametrize(
        "key",
        [
            "StudyDescription: x",
            "SOPClassesInStudy: [1.2, 1.3]",
            "StudyDescription: ''",
            "TimezoneOffsetFromUTC: ''",
        ],
    )
    def test_prefers_what_its_keys_do_not_need(
        self, planner: Planner, key: str
    ) -> None:
        asked = "multiple_value: prefer, empty_value: prefer, timezone: prefer"
        fields = f"level: STUDY, keys: {{StudyInstanceUID: '', {key}}}"
        plan = planner.plan(query(fields), head=head(asked))
        assert list(only(plan).negotiation.values()) == [PREFER] * 3

    def test_may_leave_out_unique_keys_of_levels_above(self, planner: Planner) -> None:
        plan = planner.plan(
            query("level: SERIES, keys: {SeriesInstanceUID: '', Modality: CT}"),
            head=head("relational: prefer"),
        )
        assert only(plan).negotiation == {"relational": REQUIRE}
        assert plan.warnings == ()

    def test_only_asks_for_ranges_of_date_and_time_as_one(
        self, planner: Planner
    ) -> None:
        keys = "StudyInstanceUID: '', StudyDate: 20260101-, StudyTime: 0800-"
        fields = f"level: STUDY, keys: {{{keys}}}"
        plan = planner.plan(query(fields), head=head("date_time: prefer"))
        assert only(plan).negotiation == {"date_time": PREFER}
        assert "one continuous period where the peer agrees" in " ".join(
            summarise(plan).split()
        )

    def test_of_a_file_needs_what_the_file_holds(self, planner: Planner) -> None:
        base = (element("Modality", "CT\\MR"), element("SeriesInstanceUID", ""))
        upper = element("StudyInstanceUID", "1.2")
        files = {"base.dcm": tuple(sorted((*base, upper), key=lambda one: one.tag))}
        text = query("level: SERIES, files: base.dcm")
        plan = planner.plan(text, files=files, head=head("multiple_value: prefer"))
        assert only(plan).negotiation == {"multiple_value": REQUIRE}
        assert plan.warnings == ()
        assert len(planner.plan(text, files=files).warnings) == 1


class TestWithoutNegotiation:
    """What keys need is an error, or a warning where peers differ."""

    def test_a_list_of_other_values_is_an_error(self, planner: Planner) -> None:
        text = query(SERIES % "Modality: [CT, MR]")
        (problem,) = planner.problems(text)
        assert problem.message.startswith("a list is only for UIDs (PS3.4 C.2.2.2.2)")

    def test_a_list_is_an_error_at_the_peer_that_is_not_asked(
        self, planner: Planner
    ) -> None:
        text = query(f"peers: [a, b], {SERIES % 'Modality: [CT, MR]'}")
        (problem,) = planner.problems(text, head=head("multiple_value: prefer", ""))
        assert problem.message == (
            "a list is only for UIDs (PS3.4 C.2.2.2.2), and Modality is CS; ask "
            "for each value with 'any_of', which merges the rows, or with 'matrix', or"
            " negotiate multiple_value with b"
        )
        assert problem.path == "queries.q.keys.Modality"

    def test_long_text_takes_no_list_anyhow(self, planner: Planner) -> None:
        text = query(SERIES % "SeriesDescription: '', TextValue: [a, b]")
        asked = head("multiple_value: require, relational: prefer")
        (problem,) = planner.problems(text, head=asked)
        assert "TextValue is UT" in problem.message

    def test_an_empty_text_in_a_list_matches_nothing(self, planner: Planner) -> None:
        text = query(SERIES % "Modality: [CT, '']")
        (problem,) = planner.problems(text, head=head("multiple_value: require"))
        assert "an empty text in a list of values matches nothing" in problem.message

    def test_keys_of_other_levels_are_a_warning(self, planner: Planner) -> None:
        keys = "{StudyInstanceUID: '', Modality: CT}"
        plan = planner.plan(query(f"level: STUDY, keys: {keys}"))
        (warning,) = plan.warnings
        assert str(warning).split("job.yaml")[1] == (
            ":6:72: queries.q.keys: warning: Modality (SERIES): not a key at STUDY, so "
            "a peer may ignore it or refuse the query (PS3.4 C.4.1.2.2.1)"
        )

    def test_a_window_at_another_level_is_a_warning(self, planner: Planner) -> None:
        window = "window: {key: StudyDate, from: 2026-01-01, to: 2026-01-01}"
        plan = planner.plan(query(f"{window}, {SERIES % 'Modality: CT'}"))
        assert "StudyDate (STUDY): not a key at SERIES" in warnings(plan)[0]

    def test_missing_keys_of_levels_above_are_an_error(self, planner: Planner) -> None:
        text = query("level: SERIES, keys: {SeriesInstanceUID: '', Modality: CT}")
        assert "needs one single StudyInstanceUID" in planner.problem(text).message

    @pytest.mark.parametrize(
        ("key", "option"),
        [
            ("TimezoneOffsetFromUTC: '+0100'", "timezone"),
            ("QueryRetrieveView: CLASSIC", "enhanced_multi_frame"),
        ],
    )
    def test_attributes_that_steer_are_an_error(
        self, planner: Planner, key: str, option: str
    ) -> None:
        message = planner.problem(query(SERIES % key)).message
        assert f"only for peers that agree to {option}" in message
        lenient = query(f"lint: lenient, {SERIES % key}")
        assert len(planner.plan(lenient).warnings) == 1

    def test_lenient_sends_as_written_and_asks_nothing(self, planner: Planner) -> None:
        text = query("lint: lenient, level: SERIES, keys: {Modality: 'CT\\MR'}")
        request = only(planner.plan(text))
        assert request.negotiation == {}
        assert value_of(request, "Modality") == "CT\\MR"

    def test_each_peer_has_its_own_warnings(self, planner: Planner) -> None:
        text = query(
            f"peers: [a, b], {SERIES % 'Modality: CT-MR, StudyDate: 20260101'}"
        )
        both = planner.plan(text, head=head("relational: prefer", "relational: prefer"))
        one = planner.plan(text, head=head("relational: prefer", ""))
        told = "not a key at SERIES"
        assert not any(told in message for message in warnings(both))
        assert sum(told in message for message in warnings(one)) == 1


class TestOptionsThatAModelLacks:
    """A worklist has fuzzy matching and timezone adjustment only (PS3.4 K.5.1)."""

    WORKLIST = query("keys: {PatientName: A*}", "worklist")

    def problem(self, planner: Planner) -> Problem:
        return planner.problem(self.WORKLIST, head=head("relational: require"))

    def test_cannot_be_required(self, planner: Planner) -> None:
        problem = self.problem(planner)
        assert problem.path == "peers.a.negotiation.relational"
        assert problem.message == (
            "the model worklist of query q has no option relational; write prefer, or "
            "a second peer without it for this query"
        )

    def test_that_are_preferred_are_left_out(self, planner: Planner) -> None:
        plan = planner.plan(
            self.WORKLIST, head=head("relational: prefer, fuzzy: prefer")
        )
        assert only(plan).negotiation == {"fuzzy": PREFER}
        assert warnings(plan) == [
            (
                "the model worklist of query q has no option relational: it is asked "
                "without"
            )
        ]

    def test_are_unknown_for_a_uid(self, planner: Planner) -> None:
        plan = planner.plan(
            query("keys: {PatientName: A*}", "1.2.3"), head=head("relational: require")
        )
        assert only(plan).negotiation == {"relational": REQUIRE}


class TestThePlan:
    TEXT = query(SERIES % "Modality: [CT, MR]")

    def test_comes_back_equal(self, planner: Planner) -> None:
        plan = planner.plan(
            self.TEXT, head=head("multiple_value: prefer, async_operations: 4")
        )
        assert loads(dumps(plan)) == plan
        assert plan.peers["a"].operations == 4

    def test_shows_what_is_asked(self, planner: Planner) -> None:
        plan = planner.plan(
            self.TEXT, head=head("multiple_value: prefer, fuzzy: prefer")
        )
        lines = summarise(plan).splitlines()
        assert "  asks for  fuzzy (prefer), multiple_value (require)" in lines
