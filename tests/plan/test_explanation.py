"""What a plan says of windows that split, families, caps and expectations."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from batchfind.dicom.paths import parse_path
from batchfind.job.model import Dedupe, Expect, ResponseCap, Unset, Verify
from batchfind.plan.explanation import explain
from batchfind.plan.model import Bind, Extent, Growing, Plan, PlannedThen, Splitting
from batchfind.plan.summary import summarise, summary_of
from tests.plan.planning import Planner

PLAIN = """
queries:
  studies:
    model: study
    level: STUDY
    matrix: {modality: [CT, MR]}
    keys:
      StudyInstanceUID: ""
      StudyDate: 20260101-20260107
      StudyTime: ""
      ModalitiesInStudy: "{{ modality }}"
  series:
    model: study
    level: SERIES
    keys: {StudyInstanceUID: "1.2", SeriesInstanceUID: ""}
"""
STUDY = parse_path("StudyInstanceUID")
TIMES = Splitting(
    date=parse_path("StudyDate"),
    time=parse_path("StudyTime"),
    floor=900,
    unset=Unset.PROBE,
)
WEEK = Extent(first="20260101", last="20260107")


@pytest.fixture
def plan(planner: Planner) -> Plan:
    return planner.plan(PLAIN)


def changed(plan: Plan, name: str = "studies", /, **fields: object) -> Plan:
    query = replace(plan.queries[name], **fields)  # type: ignore[arg-type]
    return replace(plan, queries={**plan.queries, name: query})


def split(plan: Plan, splitting: Splitting = TIMES, extent: Extent = WEEK) -> Plan:
    requests = tuple(replace(one, extent=extent) for one in plan.requests)
    plan = replace(plan, requests=requests)
    return changed(plan, splitting=splitting, identity=(STUDY,), merges=True)


def told(plan: Plan, name: str = "studies") -> list[tuple[str, str]]:
    return list(explain(plan, plan.queries[name]))


def text(plan: Plan, name: str = "studies") -> str:
    return "\n".join(f"{label}: {line}" for label, line in told(plan, name))


def capped(plan: Plan, cap: ResponseCap) -> Plan:
    peer = plan.peers["pacs"]
    limits = replace(peer.limits, response_cap=cap)
    return replace(plan, peers={"pacs": replace(peer, limits=limits)})


class TestPlainRequests:
    def test_need_no_explanation(self, plan: Plan) -> None:
        assert told(plan) == []

    def test_of_a_peer_with_a_declared_cap(self, plan: Plan) -> None:
        plan = capped(plan, ResponseCap(declared={"STUDY": 500}))
        assert told(plan) == [
            ("cap", "pacs: an answer of 500 responses is taken for capped, as declared")
        ]
        assert told(plan, "series") == []

    def test_of_a_peer_that_is_said_to_have_none(self, plan: Plan) -> None:
        plan = capped(plan, ResponseCap(auto=False))
        assert told(plan) == [
            ("cap", "pacs: declared to have none: no count is doubted")
        ]


class TestSplitting:
    def test_says_by_what_and_how_far(self, plan: Plan) -> None:
        assert told(split(plan))[:2] == [
            (
                "splits",
                (
                    "where a peer caps: by StudyDate down to one day,"
                    " then by StudyTime within a day down to 15 minutes"
                ),
            ),
            (
                "",
                (
                    "entries without StudyTime: a day cut by time is suspect until the"
                    " peer is seen to return them"
                ),
            ),
        ]

    def test_says_what_is_assumed(self, plan: Plan) -> None:
        plan = split(plan, replace(TIMES, unset=Unset.ASSUME_NONE))
        assert "StudyTime: assumed not to exist; verdicts say so" in text(plan)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(7200, "2 hours"), (3600, "1 hour"), (90, "90 seconds"), (60, "1 minute")],
    )
    def test_names_the_floor_in_its_largest_unit(
        self, seconds: int, words: str, plan: Plan
    ) -> None:
        plan = split(plan, replace(TIMES, floor=seconds))
        assert f"within a day down to {words}" in text(plan)

    def test_by_further_keys(self, plan: Plan) -> None:
        key = parse_path("ModalitiesInStudy")
        splitting = replace(
            TIMES,
            then=(
                PlannedThen(key, ("CT", "MR"), exhaustive=False),
                PlannedThen(parse_path("PatientSex"), ("F",), exhaustive=True),
            ),
        )
        shown = text(split(plan, splitting))
        assert "then by ModalitiesInStudy (2 values), then by PatientSex" in shown
        assert "PatientSex (1 value, declared exhaustive)" in shown
        assert re.findall(r"values of (\w+) find more, but prove nothing", shown) == [
            "ModalitiesInStudy"
        ]

    def test_of_a_date_without_a_time(self, plan: Plan) -> None:
        shown = text(
            split(plan, replace(TIMES, date=parse_path("DateOfLastCalibration")))
        )
        assert "an entry without DateOfLastCalibration is in no window" in shown
        shown = text(split(plan, replace(TIMES, time=None)))
        assert "where a peer caps: by StudyDate down to one day\n" in shown
        assert "entries without" not in shown

    def test_of_a_moment_goes_down_to_the_floor(self, plan: Plan) -> None:
        moments = replace(TIMES, date=parse_path("AcquisitionDateTime"), time=None)
        assert "by AcquisitionDateTime down to 15 minutes" in text(split(plan, moments))

    def test_doubts_counts_unless_a_cap_is_declared(self, plan: Plan) -> None:
        assert "cap: pacs: counts of 50 and more are tested" in text(split(plan))


class TestWorstCase:
    def test_counts_every_request_there_can_be(self, plan: Plan) -> None:
        # 2 requests, each of 7 days of 96 pieces: 2 * (2 * 7 * 96 - 1)
        shown = dict(told(split(plan)))["at most"]
        assert shown == "2686 requests, if the peer caps every piece"

    def test_says_where_the_run_would_end_it(self, plan: Plan) -> None:
        plan = replace(plan, policy=replace(plan.policy, max_requests=1000))
        assert text(split(plan)).count("run.max_requests ends it at 1000") == 1

    def test_of_open_days_is_unknown(self, plan: Plan) -> None:
        shown = dict(told(split(plan, extent=replace(WEEK, last=""))))
        assert shown["at most"].startswith("nobody can tell")

    def test_of_what_cannot_be_cut(self, plan: Plan) -> None:
        requests = tuple(replace(one, extent=None) for one in plan.requests)
        plan = replace(split(plan), requests=requests)
        assert "at most: as many requests as planned" in text(plan)


class TestFamilies:
    def family(self, plan: Plan, *ids: str) -> Plan:
        families = dict(zip([one.id for one in plan.requests], ids, strict=False))
        requests = tuple(
            replace(one, family=families.get(one.id, "")) for one in plan.requests
        )
        plan = replace(plan, requests=requests)
        return changed(plan, identity=(STUDY,), merges=True)

    def test_of_alternatives(self, plan: Plan) -> None:
        first = plan.requests[0].id
        assert told(self.family(plan, first, first)) == [
            (
                "any of",
                (
                    "2 requests ask one question in parts; their rows are merged, each"
                    " request has its own verdict"
                ),
            ),
            (
                "merges",
                (
                    "rows with equal StudyInstanceUID, among the requests of one any_of"
                    " question"
                ),
            ),
        ]

    def test_of_several_questions(self, planner: Planner) -> None:
        plan = planner.plan(PLAIN.replace("[CT, MR]", "[CT, MR, US, NM]"))
        one, _, three, *_ = (request.id for request in plan.requests)
        shown = text(self.family(plan, one, one, three, three))
        assert "any of: 2 questions are asked in 2 requests each" in shown

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"dedupe": Dedupe.OFF}, "nothing: rows that come twice stay twice"),
            ({"dedupe": Dedupe.QUERY}, "among all requests of the query"),
            ({"identity": ()}, "only rows that are equal byte for byte"),
        ],
    )
    def test_say_what_is_merged(
        self, fields: dict[str, object], words: str, plan: Plan
    ) -> None:
        assert words in text(changed(split(plan), **fields))


class TestForEach:
    @pytest.fixture
    def grown(self, plan: Plan) -> Plan:
        pattern = plan.requests[-1]
        growing = Growing(
            query="studies",
            binds=(
                Bind(STUDY, STUDY),
                Bind(parse_path("PatientID"), parse_path("AccessionNumber")),
            ),
            columns={},
            limit=500,
            patterns=(pattern,),
        )
        plan = replace(plan, requests=plan.requests[:-1])
        return changed(plan, "series", growing=growing)

    def test_names_query_keys_and_limit(self, grown: Plan) -> None:
        assert told(grown, "series") == [
            (
                "for each",
                (
                    "row of studies, at the peer it came from: StudyInstanceUID,"
                    " PatientID from AccessionNumber"
                ),
            ),
            (
                "",
                (
                    "asked once all of studies has ended; where that makes more than"
                    " 500 requests, none is"
                ),
            ),
        ]

    def test_stands_in_the_brief(self, grown: Plan) -> None:
        lines = summarise(grown).splitlines()
        assert lines[0].startswith("test: 2 requests and more for rows at ")
        head = next(line for line in lines if line.startswith("series:"))
        assert head.endswith("SERIES at pacs, 1 request for each row of studies")
        series = summary_of(grown).queries[1]
        assert "StudyInstanceUID" not in series.returned

    def test_that_splits_counts_for_each_row(self, grown: Plan) -> None:
        shown = text(changed(grown, "series", splitting=TIMES), "series")
        assert "as many requests as planned for each row" in shown


class TestChecks:
    @pytest.mark.parametrize(
        ("verify", "words"),
        [
            (Verify.DROP, "rows that contradict a key are left out of outputs"),
            (Verify.OFF, "nothing: rows that contradict a key are not marked"),
        ],
    )
    def test_of_rows_against_keys(self, verify: Verify, words: str, plan: Plan) -> None:
        assert words in text(changed(plan, verify_matches=verify))

    def test_expectations(self, plan: Plan) -> None:
        expect = Expect(
            complete=True,
            min_rows=1,
            max_rows=9,
            unique=("A", "B"),
            not_null=("C",),
        )
        assert told(changed(plan, expect=expect)) == [
            (
                "expects",
                (
                    "every answer complete; 1 rows or more; 9 rows or fewer; no two"
                    " rows with equal A, B; a value in every row of C"
                ),
            )
        ]
        assert told(changed(plan, expect=Expect())) == []


class TestTheText:
    def test_fits_80_columns(self, plan: Plan) -> None:
        lines = summarise(split(plan)).splitlines()
        assert max(map(len, lines)) <= 80
        assert (
            "  splits    where a peer caps: by StudyDate down to one day,"
            in "\n".join(lines)
        )

    def test_says_once_that_no_date_is_in_no_window(self, plan: Plan) -> None:
        assert summarise(split(plan)).count("without StudyDate") == 1

    def test_says_how_date_and_time_are_read_where_one_request_has_both(
        self, planner: Planner
    ) -> None:
        apart = planner.plan("""
            queries:
              q:
                model: study
                level: STUDY
                lint: lenient
                matrix: {day: [20260101-20260103, "20260104"], time: ["", "1000-1200"]}
                exclude: [{day: 20260101-20260103, time: "1000-1200"}]
                keys:
                  StudyInstanceUID: "1.2"
                  StudyDate: "{{ day }}"
                  StudyTime: "{{ time }}"
        """)
        (query,) = summary_of(apart).queries
        assert query.notes == ("an entry without StudyDate is never returned",)


class TestFieldsBesideSplit:
    SPLIT = (
        "queries: {q: {model: study, level: STUDY, keys: {StudyInstanceUID: ''},"
        " window: {key: StudyDate, from: 2026-01-01, to: 2026-01-02, split: adaptive},"
        " MORE}}"
    )

    def test_a_cancelled_answer_is_never_cut(self, planner: Planner) -> None:
        plan = planner.plan(self.SPLIT.replace("MORE", "cancel: {after_responses: 5}"))
        assert "cancelled as asked is limited, and is never cut" in text(plan, "q")

    def test_each_repetition_is_cut_on_its_own(self, planner: Planner) -> None:
        plan = planner.plan(self.SPLIT.replace("MORE", "repeat: {times: 2}"))
        assert "each repetition is cut on its own" in text(plan, "q")

    def test_without_them_nothing_is_said(self, planner: Planner) -> None:
        found = text(
            planner.plan(self.SPLIT.replace("MORE", "repeat: {times: 1}")), "q"
        )
        assert "cancelled" not in found
        assert "repetition" not in found


def test_one_value_of_any_of_might_be_a_key(planner: Planner) -> None:
    job = (
        "queries: {q: {model: study, level: STUDY, keys: {StudyInstanceUID: ''}, MORE}}"
    )
    plan = planner.plan(job.replace("MORE", "any_of: {PatientSex: F}"))
    assert "any of: each key has one value, so nothing is merged" in text(plan, "q")
    plan = planner.plan(job.replace("MORE", "any_of: {PatientSex: [F, M]}"))
    assert "has one value" not in text(plan, "q")


def test_rows_of_another_query_are_seen_in_outputs_and_columns(
    planner: Planner,
) -> None:
    plan = planner.plan(
        "queries:\n"
        "  s: {model: study, level: STUDY, keys: {PatientID: x}}\n"
        "  c:\n    model: study\n    level: SERIES\n"
        "    keys: {SeriesInstanceUID: ''}\n    carry: [n]\n"
        "    for_each: {query: s, keys: StudyInstanceUID, columns: {n: PatientName}}\n"
        "outputs: [{path: c.csv, format: csv, queries: c}]\n"
    )
    carried = "carries: of the row, to every row found for it: n from PatientName"
    assert carried in text(plan, "c")
    assert "(csv, 1 request for each row of s)" in " ".join(summarise(plan).split())
