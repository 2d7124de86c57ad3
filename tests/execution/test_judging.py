"""Verdicts of a whole run: each answer in the light of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from batchfind.capture.records import Ending, Outcome, RequestVerdict, Verdict
from batchfind.dicom.paths import parse_path
from batchfind.execution.caps import Caps
from batchfind.execution.contribution import contributing
from batchfind.execution.findings import Findings
from batchfind.execution.forest import Forest
from batchfind.execution.verdicts import judge_run, skipped
from batchfind.job.model import ResponseCap
from batchfind.plan.model import Bind, Growing, PlannedQuery, Request
from batchfind.plan.splitting import pieces_of, unset_probe
from tests.execution.plans import peer, request
from tests.execution.simulation import (
    attempts_of,
    ending,
    further,
    planned,
    splitting,
    window,
)

DAY = "20260101"
AT = peer("pacs", 104)
CAP = ResponseCap(declared={"STUDY": 37})


def success(count: int = 1) -> Ending:
    return ending(Outcome.SUCCESS, count)


class Run:
    """Requests with the ending of their only attempt, and what their rows show."""

    def __init__(self, *roots: Request, cap: ResponseCap = CAP, **query: Any) -> None:
        self.plan = planned(roots, cap, **query)
        self.born: list[Request] = []
        self.endings: dict[str, Ending] = {}
        self.findings: dict[str, Findings] = {}

    @property
    def query(self) -> PlannedQuery:
        return self.plan.queries["studies"]

    def cut(self, one: Request) -> tuple[Request, ...]:
        pieces = pieces_of(one, self.query, AT)
        assert pieces
        self.born += pieces
        return pieces

    def probe(self, one: Request, number: int, **changes: Any) -> Request:
        probe = unset_probe(one, self.query, AT, number, **changes)
        self.born.append(probe)
        return probe

    def end(self, *requests: Request, ending: Ending | None = None) -> None:
        self.endings |= {one.id: ending or success() for one in requests}

    def find(self, one: Request, **found: Any) -> None:
        self.findings[one.id] = Findings(**found)

    def judge(
        self, findings: Mapping[str, Findings] | None = None, **changes: Any
    ) -> dict[str, RequestVerdict]:
        def attempts(one: Request) -> Sequence[Any]:
            ended = self.endings.get(one.id)
            return attempts_of(one, ended) if ended else ()

        found = self.findings if findings is None else findings
        return judge_run(Forest(self.plan, self.born), attempts, found, **changes)

    def provisional(self) -> dict[str, RequestVerdict]:
        return judge_run(
            Forest(self.plan, self.born),
            lambda one: attempts_of(one, self.endings[one.id]),
        )


def code_of(verdict: RequestVerdict) -> str:
    return verdict.cause.code if verdict.cause else ""


class TestAnIgnoredKey:
    def test_is_a_warning_where_nothing_relies_on_it(self) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one)
        run.find(one, absent=("PatientID",))
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        (warning,) = verdict.warnings
        assert "PatientID" in warning
        assert "says so" not in warning

    def test_is_told_together_with_what_the_peer_says(self) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one)
        run.find(one, absent=("A", "B", "C", "D"), reserved=3)
        warnings = run.judge()["0.0"].warnings
        assert len(warnings) == 4
        for key, warning in zip("ABCD", warnings, strict=True):
            assert f"the matching key {key}: the peer ignores it" in warning
            assert "the peer says so (status FF01)" in warning

    def test_makes_alternatives_suspect(self) -> None:
        first = request("0.0", "pacs")
        second = replace(request("0.1", "pacs"), family="0.0")
        run = Run(first, second)
        run.end(first, second)
        run.find(second, absent=("ModalitiesInStudy",))
        verdicts = run.judge()
        assert verdicts["0.0"].verdict is Verdict.COMPLETE
        assert verdicts["0.1"].verdict is Verdict.SUSPECT
        assert code_of(verdicts["0.1"]) == "key-ignored"

    @pytest.mark.parametrize("key", ["StudyDate", "StudyTime"])
    @pytest.mark.parametrize("where", ["0.0", "0.0.0", "0.0.1"])
    def test_makes_what_was_cut_by_it_suspect(self, key: str, where: str) -> None:
        run = Run(root := window(DAY, DAY), split=splitting())
        pieces = run.cut(root)
        run.end(root, ending=success(37))
        run.end(*pieces)
        run.find(pieces[0], unset=1)
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE
        run.findings[where] = replace(
            run.findings.get(where, Findings()), absent=(key,)
        )
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        if key == "StudyDate":
            assert code_of(verdict) == "key-ignored"


class TestAContradictedKey:
    """Responses have another value than was asked for."""

    def alternatives(self) -> tuple[Request, Request]:
        first = window(DAY, DAY, "0.0", modality="CT", extent=None)
        second = window(DAY, DAY, "0.1", modality="MR", extent=None)
        return first, replace(second, family="0.0")

    @pytest.mark.parametrize(
        ("key", "verdict"),
        [("ModalitiesInStudy", Verdict.SUSPECT), ("StudyDate", Verdict.COMPLETE)],
    )
    def test_makes_alternatives_suspect_that_differ_in_it(
        self, key: str, verdict: Verdict
    ) -> None:
        run = Run(*(both := self.alternatives()))
        run.end(*both)
        run.find(both[1], contradicted=(key,))
        judged = run.judge()
        assert judged["0.0"].verdict is Verdict.COMPLETE
        assert judged["0.1"].verdict is verdict
        if verdict is Verdict.SUSPECT:
            assert code_of(judged["0.1"]) == "key-ignored"
            assert judged["0.1"].cause is not None
            assert "some responses contradict the key Modal" in (
                judged["0.1"].cause.message
            )

    @pytest.mark.parametrize("finding", ["absent", "contradicted"])
    def test_that_for_each_filled_in_makes_a_child_suspect(self, finding: str) -> None:
        uid = parse_path("StudyInstanceUID")
        growing = Growing(
            query="studies",
            binds=(Bind(uid, uid),),
            columns={},
            limit=9,
            patterns=(),
        )
        run = Run(one := request("0.0", "pacs"), growing=growing)
        run.end(one)
        run.find(one, **{finding: ("PatientID",)})
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE
        run.find(one, **{finding: ("StudyInstanceUID",)})
        assert code_of(run.judge()["0.0"]) == "key-ignored"

    @pytest.mark.parametrize("cut", [True, False])
    @pytest.mark.parametrize("key", ["StudyDate", "StudyTime", "ModalitiesInStudy"])
    def test_of_a_window_that_splits_makes_it_suspect(
        self, key: str, cut: bool
    ) -> None:
        then = (further(("CT", "MR"), exhaustive=True),)
        run = Run(root := window(DAY, "20260102"), split=splitting(then=then))
        if cut:
            run.end(*run.cut(root))
        run.end(root, ending=success(37 if cut else 36))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE
        run.find(root, contradicted=(key,))
        assert code_of(run.judge()["0.0"]) == "key-ignored"

    def test_of_a_window_that_does_not_split_is_no_doubt(self) -> None:
        run = Run(root := window(DAY, "20260102", extent=None))
        run.end(root)
        run.find(root, contradicted=("StudyDate",), mismatches=1)
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE


class TestAnswersThatShrink:
    @pytest.mark.parametrize("outcome", [Outcome.PARTIAL, Outcome.CAPPED])
    @pytest.mark.parametrize(("count", "doubted"), [(100, True), (60, False)])
    def test_are_suspect(self, outcome: Outcome, count: int, doubted: bool) -> None:
        run = Run(one := request("0.0", "pacs"))
        tries = attempts_of(one, ending(outcome, count), success(60))
        verdict = judge_run(
            Forest(run.plan), lambda _: tries, skipped={}, caps=Caps(run.plan)
        )["0.0"]
        assert (code_of(verdict) == "answers-differ") is doubted
        assert (verdict.verdict is Verdict.SUSPECT) is doubted
        if doubted and verdict.cause:
            assert "brought 100 responses, the one that ended with success 60" in (
                verdict.cause.message
            )

    def test_are_no_better_when_they_were_cut(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        run.end(*run.cut(root))
        run.end(root, ending=success(37))
        tries = attempts_of(root, ending(Outcome.PARTIAL, 38), success(37))
        forest = Forest(run.plan, run.born)
        verdicts = judge_run(
            forest,
            lambda one: tries if one is root else attempts_of(one, success()),
            {},
        )
        assert code_of(verdicts["0.0"]) == "answers-differ"


class TestASilentCap:
    """Pieces brought rows that a success lacked."""

    def run(self, *counts: int, added: Sequence[int] = (1,)) -> Run:
        """A root, its two pieces, and the two pieces of the first of these."""
        run = Run(root := window(DAY, "20260104"), cap=ResponseCap(), split=splitting())
        first, second = run.cut(root)
        everyone = [root, first, second]
        if len(counts) > 3:
            everyone += run.cut(first)
        for one, count in zip(everyone, counts, strict=True):
            run.end(one, ending=success(count))
        for one, more in zip(everyone, added, strict=False):
            run.find(one, added=more)
        return run

    def test_at_different_counts_leaves_everything_in_doubt(self) -> None:
        run = self.run(211, 137, 40, 90, 49, added=(5, 2))
        verdict = run.judge()["0.0"]
        assert (verdict.verdict, code_of(verdict)) == (Verdict.SUSPECT, "capped")
        assert verdict.cause is not None
        assert "different counts (211, 137)" in verdict.cause.message
        leaf, _ = run.judge()["0.0.0"].pieces
        assert run.judge()[leaf].verdict is Verdict.SUSPECT
        assert run.judge()["0.0.1"].verdict is Verdict.COMPLETE

    def test_met_once_proves_nothing_for_pieces_of_50_and_more(self) -> None:
        verdict = self.run(211, 120, 110).judge()["0.0"]
        assert (verdict.verdict, code_of(verdict)) == (Verdict.SUSPECT, "capped")
        assert verdict.cause is not None
        assert "request 0.0 was cut off at 211 responses" in verdict.cause.message

    def test_met_once_is_enough_for_pieces_that_were_cut_in_vain(self) -> None:
        run = self.run(211, 120, 49, 49, 49, added=(5, 0))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_met_twice_is_constant(self) -> None:
        run = self.run(211, 211, 120, 49, 49, added=(5, 5))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_that_adds_nothing_was_none(self) -> None:
        run = self.run(211, 120, 110, added=(0,))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_is_no_matter_before_rows_are_read(self) -> None:
        run = self.run(211, 120, 110)
        assert run.provisional()["0.0"].verdict is Verdict.COMPLETE


class TestARefusalWhosePiecesAddNothing:
    @pytest.mark.parametrize(("added", "code"), [(0, "split-lossy"), (1, "")])
    def test_contradicts_itself(self, added: int, code: str) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        run.end(*run.cut(root))
        run.end(root, ending=ending(Outcome.CAPPED, 30))
        run.find(root, added=added)
        assert code_of(run.judge()["0.0"]) == code
        assert run.provisional()["0.0"].verdict is Verdict.COMPLETE

    def test_is_none_where_the_peer_broke_off(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        run.end(*run.cut(root))
        run.end(root, ending=ending(Outcome.PARTIAL, 37))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE


class TestRowsThatDiffer:
    def test_though_their_identity_is_one_are_a_warning(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        run.end(*run.cut(root))
        run.end(root, ending=success(37))
        run.find(root, conflicts=2)
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        (warning,) = verdict.warnings
        assert "2 rows of different requests with the same identity" in warning


class TestATextBeyondASCII:
    def test_that_finds_nothing_is_suspect(self) -> None:
        one = window(DAY, DAY, name="Ström^Ü", charset=("ISO_IR 100",))
        run = Run(one)
        run.end(one, ending=success(0))
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        assert code_of(verdict) == "charset-unproven"
        assert verdict.cause is not None
        assert "ISO_IR 100" in verdict.cause.message
        assert "Ström" not in verdict.cause.message
        assert "charset.request" in verdict.cause.hint

    @pytest.mark.parametrize(
        ("name", "charset", "found", "proven"),
        [
            ("Bär", ("ISO_IR 100",), 1, True),
            ("Bär", ("ISO_IR 100",), 0, False),
            ("Bär", ("ISO_IR 192",), 1, False),
            ("Baer", ("ISO_IR 100",), 1, False),
        ],
    )
    def test_is_proven_by_another_that_found_something(
        self, name: str, charset: tuple[str, ...], found: int, proven: bool
    ) -> None:
        one = window(DAY, DAY, name="Ström^Ü", charset=("ISO_IR 100",))
        two = window(DAY, DAY, "0.1", name=name, charset=charset)
        run = Run(one, two)
        run.end(one, ending=success(0))
        run.end(two, ending=success(found))
        assert (run.judge()["0.0"].verdict is Verdict.COMPLETE) is proven

    def test_is_not_proven_by_a_peer_that_ignores_the_key(self) -> None:
        one = window(DAY, DAY, name="Ström^Ü")
        two = window(DAY, DAY, "0.1", name="Bär")
        run = Run(one, two)
        run.end(one, ending=success(0))
        run.end(two)
        run.find(two, absent=("PatientName",))
        assert run.judge()["0.0"].verdict is Verdict.SUSPECT


class TestResponsesThatAllWereLeftOut:
    def test_are_suspect(self) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one, ending=success(50))
        run.find(one, read=50, mismatches=50, dropped=50)
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        assert code_of(verdict) == "nothing-matched"
        assert verdict.cause is not None
        assert "50 responses, all left out" in verdict.cause.message

    @pytest.mark.parametrize(("read", "dropped"), [(50, 49), (0, 0)])
    def test_are_not_some(self, read: int, dropped: int) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one, ending=success(read))
        run.find(one, read=read, mismatches=dropped, dropped=dropped)
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    @pytest.mark.parametrize(("kept", "code"), [(1, ""), (0, "nothing-matched")])
    def test_of_a_piece_are_so_only_with_those_of_all_others(
        self, kept: int, code: str
    ) -> None:
        run = Run(root := window(DAY, "20260103"), split=splitting())
        first, second = run.cut(root)
        run.end(root, ending=success(37))
        run.end(first, second)
        run.find(root, read=37, mismatches=37 - kept, dropped=37 - kept)
        run.find(first, read=1, mismatches=1, dropped=1)
        run.find(second, read=1, mismatches=1 - kept, dropped=1 - kept)
        assert code_of(run.judge()["0.0"]) == code


class TestAFamily:
    def test_has_the_sums_of_all_it_brought(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        pieces = run.cut(root)
        run.end(root, ending=success(37))
        run.end(*pieces, ending=replace(success(20), seconds=1.5))
        for one in (root, *pieces):
            found = {"merged": 9, "conflicts": 1, "mismatches": 2, "dropped": 1}
            run.find(one, read=20, replaced=2, **found)
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        assert verdict.pieces == ("0.0.0", "0.0.1")
        assert verdict.responses == 37 + 20 + 20 - 27
        assert (verdict.attempts, verdict.seconds) == (3, 3.0)
        assert (verdict.merged, verdict.conflicts, verdict.replaced) == (27, 3, 6)
        assert (verdict.mismatches, verdict.dropped) == (6, 3)
        told = (
            "6 responses did not match the keys asked by, and 3 of them were left out"
        )
        assert told in verdict.warnings

    def test_warns_once_whatever_its_pieces_brought(self) -> None:
        run = Run(root := window(DAY, "20260103"), split=splitting())
        first, second = run.cut(root)
        run.end(root, ending=success(40))
        run.end(first, ending=success(39))
        run.end(second, ending=success(38))
        for one in (root, first, second):
            run.find(one, read=9, absent=("PatientID",))
        many, ignored = run.judge()["0.0"].warnings
        assert many.startswith("40 responses, more than the peer's declared")
        assert "PatientID" in ignored

    def test_ignores_no_key_that_one_of_its_pieces_returns(self) -> None:
        run = Run(root := window(DAY, "20260103"), split=splitting())
        first, second = run.cut(root)
        run.end(root, first, second)
        run.find(root, read=9)
        run.find(first, read=1, absent=("PatientID",))
        run.find(second)
        assert run.judge()["0.0"].warnings == ()

    def test_has_its_inner_cuts_as_split(self) -> None:
        run = Run(root := window(DAY, "20260104"), split=splitting())
        left, right = run.cut(root)
        leaves = run.cut(left)
        run.end(root, left, ending=success(37))
        run.end(right, *leaves)
        verdicts = run.judge()
        assert verdicts["0.0"].verdict is Verdict.COMPLETE
        assert verdicts["0.0.0"].verdict is Verdict.SPLIT
        assert verdicts["0.0.0"].cause is None
        assert verdicts["0.0.0"].pieces == tuple(leaf.id for leaf in leaves)
        members = (root, left, *leaves, right)
        assert list(verdicts) == [one.id for one in members]

    @pytest.mark.parametrize(
        ("ended", "verdict"),
        [
            (success(37), Verdict.SUSPECT),
            (ending(Outcome.LIMITED, 3), Verdict.PARTIAL),
            (ending(Outcome.PARTIAL, 3, "limit"), Verdict.PARTIAL),
            (ending(Outcome.FAILED, 0, "refused"), Verdict.PARTIAL),
        ],
    )
    def test_is_as_good_as_its_worst_leaf(
        self, ended: Ending, verdict: Verdict
    ) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        first, second = run.cut(root)
        run.end(root, ending=success(37))
        run.end(first)
        run.end(second, ending=ended)
        judged = run.judge()["0.0"]
        assert judged.verdict is verdict
        if judged.cause is not None:
            assert "(request 0.0.1 of 20260102)" in judged.cause.message

    def test_names_the_days_of_the_first_of_several_bad_leaves(self) -> None:
        run = Run(root := window(DAY, "20260104"), split=splitting())
        pieces = run.cut(root)
        run.end(root, *pieces, ending=success(37))
        cause = run.judge()["0.0"].cause
        assert cause is not None
        assert "(request 0.0.0 of 20260101-20260102 and 1 more)" in cause.message

    def test_with_nothing_at_all_is_failed(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        first, second = run.cut(root)
        run.end(root, ending=ending(Outcome.CAPPED, 0))
        run.end(first, ending=ending(Outcome.FAILED, 0, "refused"))
        why = skipped(second, "circuit", "pacs: left alone", "mend it")
        verdicts = run.judge(skipped={second.id: why})
        assert verdicts[second.id] == why
        assert verdicts["0.0"].verdict is Verdict.FAILED

    def test_lost_what_no_piece_returned(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        pieces = run.cut(root)
        run.end(root, ending=success(37))
        run.end(*pieces)
        run.find(root, lost=2)
        verdict = run.judge()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        assert code_of(verdict) == "split-lossy"
        assert run.provisional()["0.0"].verdict is Verdict.COMPLETE

    def test_with_rows_that_cannot_be_decoded_is_suspect(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        pieces = run.cut(root)
        run.end(root, ending=success(37))
        run.end(*pieces)
        run.find(root, defects={"malformed": 1})
        verdict = run.judge()["0.0"]
        assert code_of(verdict) == "malformed"
        assert verdict.defects == {"malformed": 1}

    def test_whose_pieces_overlap_needs_to_tell_rows_apart(self) -> None:
        run = Run(root := window(DAY, DAY), split=splitting(), identity=())
        pieces = run.cut(root)
        run.end(root, ending=success(37))
        run.end(*pieces)
        run.find(pieces[0], unset=1)
        verdict = run.judge()["0.0"]
        assert code_of(verdict) == "no-identity"

    def test_of_a_list_of_uids_is_looked_through_as_a_whole(self) -> None:
        root = window(DAY, "20260102", batch=("1.2", "1.3"))
        run = Run(root, split=splitting())
        first, second = run.cut(root)
        run.end(root, ending=success(37))
        run.end(first, second)
        run.find(first, returned=frozenset({"1.2"}))
        assert code_of(run.judge()["0.0"]) == "batch-unproven"
        run.find(second, returned=frozenset({"1.3"}))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE


class TestRowsWithoutATime:
    def cut_day(self, **changes: Any) -> tuple[Run, Request, tuple[Request, ...]]:
        run = Run(root := window(DAY, DAY, **changes), split=splitting())
        pieces = run.cut(root)
        run.end(root, ending=success(37))
        run.end(*pieces)
        return run, root, pieces

    def test_are_asked_for_only_where_the_sop_class_can_negotiate_it(self) -> None:
        run, *_ = self.cut_day()
        hint = getattr(run.judge()["0.0"].cause, "hint", "")
        assert "negotiation.empty_value: prefer" in hint
        steps = replace(window(DAY, DAY), sop_class="1.2.840.10008.5.1.4.31")
        run = Run(steps, split=splitting())
        run.end(steps, ending=success(37))
        run.end(*run.cut(steps))
        hint = getattr(run.judge()["0.0"].cause, "hint", "")
        assert "empty_value" not in hint
        assert "window.unset: assume-none" in hint

    def test_are_proven_by_one_from_times_open_below(self) -> None:
        run, _, pieces = self.cut_day()
        assert code_of(run.judge()["0.0"]) == "unset-time-unproven"
        run.find(pieces[1], unset=1)
        assert code_of(run.judge()["0.0"]) == "unset-time-unproven"
        run.find(pieces[0], unset=1)
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_are_proven_for_every_day_by_a_probe_of_one(self) -> None:
        run, root, _ = self.cut_day()
        run.end(probe := run.probe(root, 2))
        run.find(probe, unset=1)
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_of_a_day_whose_pieces_brought_more_are_not_proven_by_itself(self) -> None:
        run, root, _ = self.cut_day()
        run.end(root, ending=success(36))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE
        run.find(root, added=3)
        assert code_of(run.judge()["0.0"]) == "unset-time-unproven"

    def test_need_no_probe_that_failed(self) -> None:
        run, root, pieces = self.cut_day()
        run.end(run.probe(root, 2), ending=ending(Outcome.FAILED, 0, "refused"))
        run.find(pieces[0], unset=1)
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    @pytest.mark.parametrize("count", [0, 5])
    def test_may_be_asked_for_by_an_empty_value(self, count: int) -> None:
        run, root, _ = self.cut_day()
        run.end(run.probe(root, 2, empty_value=True), ending=success(count))
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_asked_for_by_an_empty_value_in_vain_are_not_proven(self) -> None:
        run, root, _ = self.cut_day()
        run.end(run.probe(root, 2, empty_value=True), ending=success(37))
        assert code_of(run.judge()["0.0"]) == "unset-time-unproven"

    def test_are_no_part_of_times_with_a_lower_bound(self) -> None:
        run, _, _ = self.cut_day(time="080000-")
        assert run.judge()["0.0"].verdict is Verdict.COMPLETE

    def test_are_no_matter_before_rows_are_read(self) -> None:
        run, _, _ = self.cut_day()
        assert run.provisional()["0.0"].verdict is Verdict.COMPLETE


class TestAFurtherKey:
    def cut(self, *, exhaustive: bool, ended: Ending) -> dict[str, RequestVerdict]:
        then = (further(("CT", "MR"), exhaustive=exhaustive),)
        split = splitting(floor=86400, then=then)
        run = Run(root := window(DAY, DAY), split=split)
        pieces = run.cut(root)
        run.end(root, ending=ended)
        run.end(*pieces)
        return run.judge()

    def test_proves_nothing(self) -> None:
        verdict = self.cut(exhaustive=False, ended=success(37))["0.0"]
        assert (verdict.verdict, code_of(verdict)) == (Verdict.SUSPECT, "capped")
        assert verdict.responses == 39

    def test_proves_nothing_where_the_peer_said_that_it_caps(self) -> None:
        refused = ending(Outcome.CAPPED, 37)
        verdict = self.cut(exhaustive=False, ended=refused)["0.0"]
        assert (verdict.verdict, code_of(verdict)) == (Verdict.PARTIAL, "status-a700")

    def test_proves_all_where_the_job_says_so(self) -> None:
        verdict = self.cut(exhaustive=True, ended=success(37))["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        (assumption,) = verdict.assumptions
        assert "ModalitiesInStudy" in assumption


class TestGrowth:
    def test_that_was_refused_is_partial(self) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one)
        verdict = run.judge(refused={"0.0": "run.max_requests of 10 is reached"})["0.0"]
        assert (verdict.verdict, code_of(verdict)) == (Verdict.PARTIAL, "limit")
        assert verdict.cause is not None
        assert "run.max_requests" in verdict.cause.message

    def test_of_a_cut_root_that_was_refused_is_partial(self) -> None:
        run = Run(root := window(DAY, "20260102"), split=splitting())
        run.end(*run.cut(root))
        run.end(root, ending=success(37))
        verdict = run.judge(refused={"0.0": "for_each.max of 10 is reached"})["0.0"]
        assert (verdict.verdict, code_of(verdict)) == (Verdict.PARTIAL, "limit")

    def test_without_keys_is_a_warning(self) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one)
        verdict = run.judge(keyless={("0.0", "series"): 3})["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        assert "3 rows of query studies" in verdict.warnings[0]


class TestAlternatives:
    def test_count_each_row_once(self) -> None:
        run = Run(one := request("0.0", "pacs"))
        run.end(one, ending=success(9))
        run.find(one, merged=4)
        assert run.judge()["0.0"].responses == 5

    def test_never_asked_are_skipped(self) -> None:
        run = Run(request("0.0", "pacs"))
        assert run.judge()["0.0"].verdict is Verdict.SKIPPED


class TestTheAttemptOfACutRequest:
    def test_is_the_last_with_responses(self) -> None:
        one = request("0.0", "pacs")
        refused = [ending(Outcome.CAPPED, count) for count in (9, 7, 0)]
        attempt = contributing(attempts_of(one, *refused), cut=True)
        assert attempt is not None
        assert attempt.ordinal == 2
        empty = contributing(attempts_of(one, refused[2]), cut=True)
        assert empty is not None
        assert contributing([], cut=True) is None

    def test_is_its_last_success(self) -> None:
        one = request("0.0", "pacs")
        tries = attempts_of(one, success(5), ending(Outcome.CAPPED, 9))
        attempt = contributing(tries, cut=True)
        assert attempt is not None
        assert attempt.ordinal == 1
