"""What a plan asks otherwise than another, told without any value of a key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.job.model import RetryPolicy
from batchfind.plan.differences import differences
from batchfind.plan.model import Plan
from tests.plan.planning import HEAD, Planner

STUDIES = """\
queries:
  studies:
    model: study
    level: STUDY
    rows: {from: [{id: A1, day: "20260101"}, {id: B2, day: "20260102"}]}
    keys: {PatientID: "{{ id }}", StudyDate: "{{ day }}", StudyInstanceUID: ""}
"""
WORKLIST = """\
queries:
  worklist:
    model: worklist
    keys:
      PatientName: "Miller^Ann"
      ScheduledProcedureStepSequence: {Modality: MR, ScheduledStationAETitle: CT1}
"""
EACH = """\
  series:
    model: study
    level: SERIES
    for_each: {query: studies, keys: [StudyInstanceUID]}
    keys: {Modality: CT}
"""


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


class TestNothing:
    def test_is_told_of_equal_plans(self, planner: Planner) -> None:
        assert not differences(planner.plan(STUDIES), planner.plan(STUDIES))

    def test_is_told_of_transport_outputs_and_policy(self, planner: Planner) -> None:
        old = planner.plan(STUDIES)
        moved = {
            name: replace(one, host="other", port=1, max_pdu=4096)
            for name, one in old.peers.items()
        }
        policy = replace(old.policy, retry=RetryPolicy(attempts=1), concurrency=1)
        assert not differences(old, replace(old, peers=moved, policy=policy))

    def test_is_told_of_a_zone_that_a_peer_says_like_its_job(
        self, planner: Planner
    ) -> None:
        own = HEAD.replace("port:", "timezone: Europe/Berlin, port:")
        assert not differences(planner.plan(STUDIES), planner.plan(STUDIES, head=own))


class TestTimeZones:
    def test_of_the_job_are_a_difference_of_their_own(self, planner: Planner) -> None:
        old = planner.plan(STUDIES)
        new = planner.plan(STUDIES, head=HEAD.replace("Europe/Berlin", "UTC"))
        assert old.digest == new.digest
        assert differences(old, new) == "time zone Europe/Berlin -> UTC"

    def test_of_a_peer_are_so_too(self, planner: Planner) -> None:
        own = HEAD.replace("port:", "timezone: Asia/Tokyo, port:")
        told = differences(planner.plan(STUDIES), planner.plan(STUDIES, head=own))
        assert told == "time zone of peer pacs Europe/Berlin -> Asia/Tokyo"

    def test_may_be_missing(self, planner: Planner) -> None:
        none = HEAD.replace("timezone: Europe/Berlin\n", "")
        told = differences(planner.plan(STUDIES), planner.plan(STUDIES, head=none))
        assert told == "time zone Europe/Berlin -> none"


class TestKeys:
    def test_are_named_without_their_values(self, planner: Planner) -> None:
        new = planner.plan(WORKLIST.replace("Miller^Ann", "Smith^Bob"))
        told = differences(planner.plan(WORKLIST), new)
        assert told == "1 of 1 request differs: worklist at pacs (0.0): key PatientName"

    def test_of_items_are_named_by_their_path(self, planner: Planner) -> None:
        text = WORKLIST.replace("Modality: MR", "Modality: CT").replace("CT1", "CT2")
        told = differences(planner.plan(WORKLIST), planner.plan(text))
        assert told.endswith(
            ": keys ScheduledProcedureStepSequence.Modality, "
            "ScheduledProcedureStepSequence.ScheduledStationAETitle"
        )

    def test_that_are_new_or_missing_are_told_apart(self, planner: Planner) -> None:
        text = STUDIES.replace("StudyDate:", "StudyTime: '', StudyID:")
        told = differences(planner.plan(STUDIES), planner.plan(text))
        assert "with StudyTime, StudyID, without StudyDate" in told

    def test_that_are_many_are_counted(self, planner: Planner) -> None:
        names = "StudyTime", "StudyID", "AccessionNumber", "PatientName", "PatientSex"
        more = ", ".join(f"{name}: ''" for name in names)
        text = STUDIES.replace(
            "StudyDate:", f"{more}, ReferringPhysicianName: '', StudyDate:"
        )
        told = differences(planner.plan(STUDIES), planner.plan(text))
        assert " and 1 more" in told


class TestRequests:
    def test_are_paired_when_one_of_many_changes(self, planner: Planner) -> None:
        new = planner.plan(STUDIES.replace("B2", "B3"))
        told = differences(planner.plan(STUDIES), new)
        assert told == "1 of 2 requests differs: studies at pacs (0.1): key PatientID"

    def test_of_a_kind_are_told_together(self, planner: Planner) -> None:
        rows = ", ".join(f"{{id: A{n}, day: '2026010{n}'}}" for n in range(1, 7))
        text = STUDIES.replace('{id: A1, day: "20260101"}', rows)
        told = differences(
            planner.plan(text), planner.plan(text.replace("2026", "2025"))
        )
        assert told == (
            "7 of 7 requests differ: "
            "studies at pacs (0.0, 0.1 and 5 more): key StudyDate"
        )

    def test_of_a_row_that_went_are_the_only_ones_told(self, planner: Planner) -> None:
        new = planner.plan(STUDIES.replace('{id: A1, day: "20260101"}, ', ""))
        told = differences(planner.plan(STUDIES), new)
        assert told == "1 of 2 requests is gone: studies at pacs (0.0): gone"

    def test_of_a_row_that_came_are_the_only_ones_told(self, planner: Planner) -> None:
        new = planner.plan(STUDIES.replace("[{", "[{id: C3, day: '20260103'}, {", 1))
        told = differences(planner.plan(STUDIES), new)
        assert told == "1 is new: studies at pacs (0.0): new"

    def test_in_another_order_are_another_plan(self, planner: Planner) -> None:
        rows = '{id: A1, day: "20260101"}', '{id: B2, day: "20260102"}'
        text = STUDIES.replace(", ".join(rows), ", ".join(reversed(rows)))
        told = differences(planner.plan(STUDIES), planner.plan(text))
        assert told == "the order of the requests, or which of them are merged"

    def test_are_listed_five_kinds_at_most(self, planner: Planner) -> None:
        queries = "".join(
            STUDIES.removeprefix("queries:\n").replace("studies", f"q{number}")
            for number in range(8)
        )
        old = planner.plan("queries:\n" + queries)
        new = planner.plan("queries:\n" + queries.replace("A1", "A9"))
        told = differences(old, new)
        assert told.startswith("8 of 16 requests differ: q0 at pacs (0.0): key ")
        assert told.endswith("q4 at pacs (4.0): key PatientID; and 3 more")


class TestTheRest:
    @pytest.mark.parametrize(
        ("head", "told"),
        [
            ("called_ae: OTHER", "called AE title ARCHIVE -> OTHER"),
            ("called_ae: ARCHIVE, calling_ae: ME", "calling AE title BATCHFIND -> ME"),
            ("called_ae: ARCHIVE, priority: high", "priority"),
            (
                "called_ae: ARCHIVE, transfer_syntaxes: [implicit]",
                "transfer syntaxes",
            ),
            (
                "called_ae: ARCHIVE, tls: {}",
                "TLS none -> bcp195-rfc8996 (on, off or another profile: a new run)",
            ),
            (
                "called_ae: ARCHIVE, user_identity: {type: username, username: anna}",
                "user identity",
            ),
        ],
    )
    def test_of_a_peer_is_told_by_its_name(
        self, head: str, told: str, planner: Planner
    ) -> None:
        new = planner.plan(STUDIES, head=HEAD.replace("called_ae: ARCHIVE", head))
        found = differences(planner.plan(STUDIES), new)
        assert found == (f"2 of 2 requests differ: studies at pacs (0.0, 0.1): {told}")
        assert "anna" not in found

    def test_tells_queries_peers_and_jobs_by_name(self, planner: Planner) -> None:
        head = HEAD.replace("  pacs:", "  south:").replace("test", "other")
        text = STUDIES.replace("studies:", "exams:")
        told = differences(planner.plan(STUDIES), planner.plan(text, head=head))
        assert told == (
            "job test -> other; query studies is no longer asked; query exams is new; "
            "peer pacs is no longer asked; peer south is new"
        )

    def test_tells_how_a_window_is_cut(self, planner: Planner) -> None:
        text = STUDIES.replace('"{{ day }}"', "''").replace(
            "keys:",
            "window: {key: StudyDate, from: 2026-01-01, to: 2026-01-31, "
            "split: adaptive}\n    keys:",
        )
        text = text.replace("StudyDate: '', ", "")
        other = text.replace("split: adaptive", "split: adaptive, floor: 1h")
        told = differences(planner.plan(text), planner.plan(other))
        assert told == "query studies: how its window is cut"

    def test_tells_of_patterns_for_rows(self, planner: Planner) -> None:
        old = planner.plan(STUDIES + EACH)
        new = planner.plan(STUDIES + EACH.replace("CT", "MR"))
        told = differences(old, new)
        assert told == "1 of 3 requests differs: series at pacs (1.0): key Modality"
        new = planner.plan(STUDIES + EACH.replace("studies,", "studies, max: 7,"))
        assert differences(old, new) == "query series: for_each"


class TestAnyTwoPlans:
    @given(
        old=st.lists(st.sampled_from(["A1", "B2", "C3"]), max_size=4),
        new=st.lists(st.sampled_from(["A1", "B2", "C3"]), max_size=4),
    )
    def test_differ_in_words_exactly_when_their_digests_do(
        self, old: list[str], new: list[str], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        planner = Planner(tmp_path_factory.getbasetemp())

        def plan(ids: list[str]) -> Plan:
            rows = ", ".join(f"{{id: {one}, day: '20260101'}}" for one in ids)
            begin = STUDIES.index("[{") + 1
            end = STUDIES.index("]}")
            return planner.plan(STUDIES[:begin] + rows + STUDIES[end:])

        first, second = plan(["Z", *old]), plan(["Z", *new])
        told = differences(first, second)
        assert bool(told) == (first.digest != second.digest)
        for value in ("A1", "B2", "C3"):
            assert value not in told
