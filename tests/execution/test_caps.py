"""A cap is declared, told by the peer, or guessed from counts; never by order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.capture.records import Ending, Outcome
from batchfind.dicom.identifier import Element, Identifier
from batchfind.execution.caps import Caps, Doubt, declared_cap
from batchfind.execution.circles import circles_of
from batchfind.job.model import Cancel, ResponseCap
from batchfind.plan.model import Origin, Request
from tests.execution.plans import request
from tests.execution.simulation import (
    attempts_of,
    ending,
    further,
    planned,
    splitting,
    window,
)

CUTS = splitting()
AUTO = ResponseCap()


def success(count: int) -> Ending:
    return ending(Outcome.SUCCESS, count)


def refused(count: int) -> Ending:
    return ending(Outcome.CAPPED, count)


def aborted(count: int, code: str = "peer-abort") -> Ending:
    return ending(Outcome.PARTIAL, count, code)


def by_day(day: int, patient: str = "") -> Identifier:
    date = Element(0x0008_0020, "DA", str(20260101 + day))
    return date, Element(0x0010_0020, "LO", patient)


class Run:
    """Requests of one query, each with the endings of its attempts."""

    def __init__(
        self,
        *ended: Ending | Sequence[Ending],
        cap: ResponseCap = AUTO,
        split: bool = False,
        repeats: bool = False,
        patients: Sequence[str] = (),
    ) -> None:
        self.asked = [
            request(
                f"0.{at}",
                "pacs",
                identifier=() if repeats else by_day(int(at), patient),
                repetition=at if repeats else 0,
            )
            for at, patient in zip_longest(range(len(ended)), patients, fillvalue="")
        ]
        self.tries = {
            one.id: attempts_of(one, *([each] if isinstance(each, Ending) else each))
            for one, each in zip(self.asked, ended, strict=True)
        }
        self.caps = Caps(planned(self.asked, cap, CUTS if split else None))
        self.newly = {one.id: self.learn(one) for one in self.asked}

    def learn(self, one: Request) -> tuple[str, ...]:
        return self.caps.learn(one, self.tries[one.id])

    def doubt(self, at: int = 0) -> Doubt | None:
        return self.caps.doubt(self.asked[at], self.tries[f"0.{at}"])

    def again(self, at: int = 0) -> bool:
        return self.caps.again(self.asked[at], self.tries[f"0.{at}"])

    def doubted(self) -> list[int]:
        return [at for at in range(len(self.asked)) if self.doubt(at) is not None]


class TestADeclaredCap:
    CAP = ResponseCap(declared={"STUDY": 37})

    @pytest.mark.parametrize("split", [True, False])
    def test_doubts_exactly_so_many(self, split: bool) -> None:
        run = Run(success(36), success(37), success(38), cap=self.CAP, split=split)
        assert run.doubted() == [1]
        doubt = run.doubt(1)
        assert doubt is not None
        assert doubt.silent
        assert doubt.count == 37
        assert doubt.cause.code == "capped"
        assert "pacs (BATCHFIND -> PEER at 127.0.0.1:104)" in doubt.message
        assert "response_cap" in doubt.message

    def test_is_no_matter_where_the_query_wants_no_more(self) -> None:
        run = Run(success(37), success(37), cap=self.CAP, split=True)
        asked = [
            replace(one, cancel=Cancel(after_responses=wanted))
            for one, wanted in zip(run.asked, (37, 38), strict=True)
        ]
        peer = planned(asked, self.CAP, CUTS).peers["pacs"]
        doubts = [run.caps.doubt(one, run.tries[one.id]) for one in asked]
        assert [one is None for one in doubts] == [True, False]
        doubts = [declared_cap(one, peer, success(37)) for one in asked]
        assert [one is None for one in doubts] == [True, False]

    def test_leaves_smaller_counts_alone_that_auto_would_doubt(self) -> None:
        cap = ResponseCap(declared={"STUDY": 200})
        assert not Run(success(100), success(100), cap=cap).doubted()

    @pytest.mark.parametrize(
        ("counts", "doubted"), [([100], [0]), ([101, 50, 60], [0, 1]), ([49], [])]
    )
    def test_may_be_too_high_so_that_smaller_counts_are_still_cut(
        self, counts: list[int], doubted: list[int]
    ) -> None:
        cap = ResponseCap(declared={"STUDY": 500})
        run = Run(*[success(count) for count in counts], cap=cap, split=True)
        assert run.doubted() == doubted

    def test_that_may_be_too_high_says_how_to_switch_detection_off(self) -> None:
        cap = ResponseCap(declared={"STUDY": 500})
        doubt = Run(success(100), cap=cap, split=True).doubt()
        assert doubt is not None
        assert "limits.response_cap: none" in doubt.hint

    def test_that_is_exceeded_is_wrong_so_that_it_vouches_for_nothing_above(
        self,
    ) -> None:
        run = Run(success(100), success(100), success(36), cap=self.CAP, split=True)
        assert run.doubted() == [0, 1]
        assert Run(success(100), success(100), cap=self.CAP).doubted() == [0, 1]
        assert not Run(success(100), cap=self.CAP).doubted()

    def test_may_stand_for_every_level(self) -> None:
        assert Run(success(5), cap=ResponseCap(declared={"": 5})).doubted() == [0]

    def test_of_another_level_does_not_count(self) -> None:
        cap = ResponseCap(declared={"IMAGE": 5})
        assert not Run(success(5), cap=cap).doubted()

    def test_is_reached_at_once_by_an_answer_that_breaks_off_there(self) -> None:
        run = Run(aborted(37), cap=self.CAP)
        assert not run.again()
        doubt = run.doubt()
        assert doubt is not None
        assert not doubt.silent
        assert "declared response_cap" in doubt.message


class TestWithoutSplitting:
    def test_one_answer_alone_is_not_doubted(self) -> None:
        assert not Run(success(200)).doubted()

    def test_a_count_that_two_share_and_none_exceeds_is(self) -> None:
        run = Run(success(200), success(7), success(200))
        assert run.doubted() == [0, 2]
        assert run.newly["0.2"] == ("0.0",)
        doubt = run.doubt(0)
        assert doubt is not None
        assert "exactly 200 responses, as many as request 0.2" in doubt.message
        assert "window.split: adaptive" in doubt.hint
        assert "limits.response_cap" in doubt.hint

    def test_a_larger_answer_refutes_it(self) -> None:
        assert not Run(success(200), success(200), success(201)).doubted()

    @pytest.mark.parametrize("ended", [aborted(301), refused(301)])
    def test_one_that_did_not_end_well_does_not(self, ended: Ending) -> None:
        run = Run(success(200), success(200), ended)
        assert run.doubted()[:2] == [0, 1]

    def test_repeats_of_one_identifier_count_once(self) -> None:
        assert not Run(success(200), success(200), repeats=True).doubted()

    def test_counts_below_50_are_never_guessed(self) -> None:
        assert not Run(success(49), success(49), success(40), success(40)).doubted()

    def test_the_message_names_few_of_many(self) -> None:
        doubt = Run(*[success(60)] * 7).doubt(0)
        assert doubt is not None
        assert "requests 0.1, 0.2, 0.3 and 3 more" in doubt.message

    def test_none_vouches_for_it(self) -> None:
        cap = ResponseCap(auto=False)
        assert not Run(success(200), success(200), cap=cap).doubted()


class TestWithSplitting:
    @pytest.mark.parametrize(
        ("counts", "doubted"),
        [
            ([49], []),
            ([50], [0]),
            ([51, 50], [0, 1]),
            ([61, 60, 62], [2]),
            ([350, 100, 99, 51], [0, 1]),
            ([60, 60], [0, 1]),
        ],
    )
    def test_the_largest_and_round_counts_are_tested(
        self, counts: list[int], doubted: list[int]
    ) -> None:
        run = Run(*[success(count) for count in counts], split=True)
        assert run.doubted() == doubted

    def test_none_vouches_for_it(self) -> None:
        assert not Run(success(200), cap=ResponseCap(auto=False), split=True).doubted()

    def test_the_message_says_which_and_what_helps(self) -> None:
        run = Run(success(61), success(50), split=True)
        largest, even = run.doubt(0), run.doubt(1)
        assert largest is not None
        assert even is not None
        assert "the most of all" in largest.message
        assert "cannot be cut" not in largest.message + even.message
        assert "a round number" in even.message
        assert "window.floor" in even.hint
        assert "limits.response_cap" in even.hint


@pytest.mark.parametrize("split", [True, False])
class TestACountAtWhichThePeerCutOff:
    def test_is_known_from_then_on(self, split: bool) -> None:
        run = Run(success(7), refused(7), success(7), success(8), split=split)
        assert run.doubted() == [0, 1, 2]
        assert run.newly["0.1"] == ("0.0",)
        assert run.newly["0.2"] == ()
        told, silent = run.doubt(1), run.doubt(0)
        assert told is not None
        assert silent is not None
        assert (told.code, told.silent) == ("status-a700", False)
        assert (silent.code, silent.silent) == ("capped", True)
        assert ("window.split: adaptive" in told.hint) is not split
        assert "cut off request 0.1" in silent.message

    def test_even_though_the_administrator_vouches(self, split: bool) -> None:
        cap = ResponseCap(auto=False)
        assert Run(success(7), refused(7), cap=cap, split=split).doubted() == [0, 1]

    def test_but_an_empty_refusal_tells_no_count(self, split: bool) -> None:
        run = Run(success(0), refused(0), split=split)
        assert run.doubted() == [1]
        assert run.newly["0.1"] == ()

    def test_nor_does_one_that_the_same_request_exceeded(self, split: bool) -> None:
        run = Run([refused(7), success(30)], success(7), split=split)
        assert not run.doubted()

    def test_is_its_own_witness(self, split: bool) -> None:
        doubt = Run([refused(7), success(7)], split=split).doubt()
        assert doubt is not None
        assert "cut off an answer" in doubt.message


class TestAnAnswerThatBreaksOff:
    @pytest.mark.parametrize(
        "code", ["peer-abort", "peer-closed", "peer-reset", "response-timeout"]
    )
    def test_is_asked_once_more(self, code: str) -> None:
        run = Run(aborted(37, code), split=True)
        assert run.again()
        assert run.doubt() is None

    def test_is_capped_when_it_does_so_at_the_same_count(self) -> None:
        run = Run(success(37), [aborted(37), aborted(37)])
        assert not run.again(1)
        assert run.doubted() == [0, 1]
        assert run.newly["0.1"] == ("0.0",)
        doubt = run.doubt(1)
        assert doubt is not None
        assert doubt.code == "abort-at-n"
        assert "always breaks off at this count" in doubt.message

    def test_is_not_at_another_count(self) -> None:
        run = Run([aborted(37), aborted(36)], split=True)
        assert not run.doubted()
        assert not run.again()

    @pytest.mark.parametrize(("split", "doubted"), [(True, [0]), (False, [])])
    def test_is_at_once_at_a_round_count_where_it_can_be_cut(
        self, split: bool, doubted: list[int]
    ) -> None:
        run = Run(aborted(200), split=split)
        assert run.doubted() == doubted
        assert run.again() is not split
        doubt = run.doubt()
        assert doubt is None or "a round number" in doubt.message

    def test_is_at_once_where_another_was_cut_off(self) -> None:
        run = Run(aborted(37), refused(37), aborted(37))
        assert run.newly["0.1"] == ("0.0",)
        assert run.doubted() == [0, 1, 2]
        assert not run.again(2)
        doubt = run.doubt(0)
        assert doubt is not None
        assert "like request 0.1" in doubt.message

    def test_before_any_response_says_nothing_about_caps(self) -> None:
        run = Run(ending(Outcome.FAILED, 0, "peer-abort"), split=True)
        assert not run.again()
        assert not run.doubted()

    def test_by_our_own_limit_says_nothing_either(self) -> None:
        run = Run(ending(Outcome.PARTIAL, 100, "limit"), split=True)
        assert not run.again()
        assert not run.doubted()


class TestARequestThatLimitsItself:
    def test_is_never_doubted(self) -> None:
        cap = ResponseCap(declared={"": 50})
        run = Run(ending(Outcome.LIMITED, 50), refused(50), cap=cap, split=True)
        assert run.doubted() == [1]
        assert run.newly["0.1"] == ()


class TestARequestNeverAnswered:
    def test_is_not_doubted(self) -> None:
        run = Run([], split=True)
        assert not run.doubted()
        assert not run.again()


class TestRequestsThatAskSomethingElse:
    """A larger answer of theirs refutes nothing; an equal one confirms."""

    @pytest.mark.parametrize("split", [True, False])
    def test_do_not_refute_a_cap(self, split: bool) -> None:
        counts = [211, 211, 250]
        patients = ["", "", "VIP"]
        run = Run(*map(success, counts), split=split, patients=patients)
        assert run.doubted()[:2] == [0, 1]
        doubt = run.doubt()
        assert doubt is not None
        assert "as many as request 0.1, and no success by the same keys" in (
            doubt.message
        )

    def test_have_their_own_largest_answer(self) -> None:
        run = Run(success(211), success(250), split=True, patients=["", "VIP"])
        assert run.doubted() == [0, 1]

    def test_by_other_titles_do_not_refute_it_either(self) -> None:
        run = Run(success(211), split=True)
        (asked,) = run.asked
        other = replace(asked, id="1.0", calling_ae="OTHER")
        run.caps.learn(other, attempts_of(other, success(250)))
        assert run.doubted() == [0]

    def test_of_the_same_kind_refute_it(self) -> None:
        patients = ["A", "B", "C"]
        assert not Run(
            success(60), success(60), success(90), patients=patients
        ).doubted()

    def test_confirm_what_is_shared_by_all_of_a_level(self) -> None:
        patients = ["", "A"]
        run = Run(success(200), success(200), patients=patients)
        assert run.doubted() == [0, 1]
        assert run.newly["0.1"] == ("0.0",)

    def test_differ_by_the_keys_of_items_and_not_by_a_key_a_window_cuts(self) -> None:
        def asked(modality: str, code: str) -> Request:
            item = (Element(0x0008_0060, "CS", code), Element(0x0040_0002, "DA", ""))
            return window(
                "20260101",
                "20260102",
                identifier=(
                    Element(0x0008_0061, "CS", modality),
                    Element(0x0040_0100, "SQ", (item,)),
                ),
            )

        cuts = splitting(then=(further(("CT", "MR"), exhaustive=True),))
        one, other = (
            circles_of(asked("CT", "US"), cuts),
            circles_of(asked("MR", "US"), cuts),
        )
        assert one == other
        assert (
            circles_of(asked("CT", "US"), None)[0]
            != circles_of(asked("MR", "US"), None)[0]
        )
        elsewhere = circles_of(asked("CT", "XA"), cuts)
        assert elsewhere[0] != one[0]
        assert elsewhere[1:] == one[1:]


class TestPieces:
    def test_that_end_at_one_count_again_and_again_are_doubted(self) -> None:
        run = Run(success(211), *[success(137)] * 3, success(60), split=True)
        pieces = [replace(one, origin=Origin.SPLIT) for one in run.asked[1:4]]
        caps = Caps(planned(run.asked, AUTO, CUTS))
        caps.learn(run.asked[0], run.tries["0.0"])
        told = [caps.learn(one, run.tries[one.id]) for one in pieces]
        assert told == [(), (), ("0.1", "0.2")]
        doubts = [caps.doubt(one, run.tries[one.id]) for one in pieces]
        assert all(doubt and "hardly ever" in doubt.message for doubt in doubts)
        assert not caps.doubt(run.asked[4], run.tries["0.4"])


class TestWhatConfirmsACap:
    def test_is_a_declaration_a_refusal_or_a_second_answer(self) -> None:
        cap = ResponseCap(declared={"STUDY": 37})
        run = Run(success(60), refused(53), success(70), success(70), cap=cap)
        (one, *_) = run.asked
        known = [count for count in (37, 53, 60, 70) if run.caps.confirms(one, count)]
        assert known == [37, 53, 70]


class TestSmallWorklists:
    @pytest.mark.parametrize("split", [True, False])
    def test_of_many_nights_are_never_suspect(self, split: bool) -> None:
        counts = [20, 20, 40, 40, 10, 48, 48, 49, 30, 30] * 2
        run = Run(*[success(count) for count in counts], split=split)
        assert not run.doubted()


ENDINGS = st.sampled_from((37, 50, 60, 100)).flatmap(
    lambda count: st.sampled_from((success(count), refused(count), aborted(count)))
)


class TestOrder:
    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(st.lists(ENDINGS, min_size=1, max_size=3), max_size=8),
        st.booleans(),
        st.data(),
    )
    def test_of_learning_changes_no_doubt(
        self, ended: list[list[Ending]], split: bool, data: st.DataObject
    ) -> None:
        run = Run(*ended, split=split)
        other = Caps(planned(run.asked, None, CUTS if split else None))
        told: set[str] = set()
        for one in data.draw(st.permutations(run.asked)):
            # Each attempt is learnt as it ends, and doubted requests are told.
            for tries in range(1, len(run.tries[one.id]) + 1):
                told.update(other.learn(one, run.tries[one.id][:tries]))
            if other.doubt(one, run.tries[one.id]) is not None:
                told.add(one.id)
        doubts = [other.doubt(one, run.tries[one.id]) for one in run.asked]
        assert doubts == [run.doubt(at) for at in range(len(run.asked))]
        assert {f"0.{at}" for at in run.doubted()} <= told
