"""A family is complete only when nothing it was to bring can be missing."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.capture.records import Verdict
from batchfind.job.model import ResponseCap, Unset
from tests.execution.simulation import Simulation, further, planned, splitting, window
from tests.peers.capped import CappedArchive, Empty, Order, Study, Style

MODALITIES_IN_STUDY = 0x0008_0061
DAYS = ("20260101", "20260102", "20260103", "20260104")
MODALITIES = ("CT", "MR", "US")
FORMS = (
    "{h:02}{m:02}{s:02}",
    "{h:02}{m:02}{s:02}.{f:03}",
    "{h:02}:{m:02}:{s:02}",
    "{h:02}{m:02}",
    "{h:02}",
)


def time_of(second: int, form: str, fraction: int = 0) -> str:
    return form.format(h=second // 3600, m=second // 60 % 60, s=second % 60, f=fraction)


# Some seconds that many share, or that are next to midnight, beside any other.
SECONDS = st.sampled_from((0, 1, 43199, 43200, 86399)) | st.integers(0, 86399)
TIMES = st.just("") | st.builds(
    time_of, SECONDS, st.sampled_from(FORMS), st.integers(0, 999)
)


@st.composite
def archives(draw: st.DrawFn) -> tuple[CappedArchive, ResponseCap]:
    """Any studies, and a cap that can be known: declared, told, or 50 and more."""
    style = draw(st.sampled_from(Style))
    declared = draw(st.booleans())
    small = declared or style is not Style.SILENT
    cap = draw(st.integers(1, 12) if small else st.integers(50, 56))
    count = draw(st.integers(0, 3 * cap))
    stored = draw(
        st.lists(
            st.tuples(st.sampled_from(DAYS), TIMES, st.sampled_from(MODALITIES)),
            min_size=count,
            max_size=count,
        )
    )
    archive = CappedArchive(
        studies=[
            Study(uid=f"1.2.{number}", date=day, time=time, modality=modality)
            for number, (day, time, modality) in enumerate(stored)
        ],
        cap=cap,
        style=style,
        empty=draw(st.sampled_from(Empty)),
        order=draw(st.sampled_from(Order)),
    )
    return archive, ResponseCap(declared={"STUDY": cap} if declared else {})


class TestCompleteIsNeverSaidWithARowMissing:
    @settings(max_examples=60, deadline=None)
    @given(
        archives(),
        st.sampled_from((1, 60, 900, 43200)),
        st.sampled_from(((), (False,), (True,))),
        st.lists(st.integers(0, 1000), max_size=7),
        st.sampled_from((1, 2, 4)),
    )
    def test_whatever_the_archive(
        self,
        chosen: tuple[CappedArchive, ResponseCap],
        floor: int,
        then: tuple[bool, ...],
        turn: list[int],
        step: int,
    ) -> None:
        archive, cap = chosen
        listed = {True: MODALITIES, False: MODALITIES[:2]}
        entries = tuple(further(listed[one], exhaustive=one) for one in then)
        roots = [
            window(DAYS[at], DAYS[at + step - 1], f"0.{number}")
            for number, at in enumerate(range(0, len(DAYS), step))
        ]
        plan = planned(roots, cap, splitting(floor=floor, then=entries))
        run = Simulation(plan, archive).run(turn)
        verdicts = run.verdicts()
        for root in roots:
            verdict = verdicts[root.id]
            assert run.found(root) <= run.truth(root)
            if verdict.verdict is Verdict.COMPLETE:
                assert run.found(root) == run.truth(root)
                assert verdict.cause is None
            else:
                assert verdict.cause is not None
                assert verdict.cause.message
                assert verdict.cause.hint or not verdict.pieces
            members = run.forest().members(root)
            assert verdict.responses == len(run.found(root))
            assert verdict.attempts == sum(len(run.tries[one.id]) for one in members)


@st.composite
def crowds(draw: st.DrawFn) -> CappedArchive:
    """Enough studies to meet caps of 50 and more; their order is that of nothing."""
    seed, count = draw(st.integers(0, 10_000)), draw(st.integers(60, 400))
    random = Random(seed)  # noqa: S311 - no secrets
    studies = [
        Study(
            uid=f"1.2.{number}",
            date=random.choice(DAYS),
            time=time_of(random.randrange(86400), random.choice(FORMS)),
            modality=random.choice(MODALITIES),
        )
        for number in range(count)
    ]
    return CappedArchive(studies=studies, empty=draw(st.sampled_from(Empty)))


class TestAPeerWithoutOneCap:
    """It says success, and stops now here and now there."""

    def check(self, run: Simulation) -> None:
        verdicts = run.verdicts()
        for root in run.plan.requests:
            if verdicts[root.id].verdict is Verdict.COMPLETE:
                assert run.found(root) == run.truth(root)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        crowds(),
        st.integers(90, 300),
        st.sampled_from((-3, -1, 1, 7)),
        st.sampled_from((1, 900)),
    )
    def test_from_answer_to_answer(
        self, archive: CappedArchive, cap: int, more: int, floor: int
    ) -> None:
        plan = planned([window(DAYS[0], DAYS[3])], None, splitting(floor=floor))

        def limit(asked: int, _: dict[int, str]) -> tuple[int | None, Style]:
            return max(50, cap + more * asked), Style.SILENT

        self.check(Simulation(plan, archive, limit=limit).run())

    def test_is_suspect_when_it_stops_later_by_night(self) -> None:
        studies = [
            Study(f"1.2.{number}", DAYS[number % 4], time_of(number * 80, FORMS[0]))
            for number in range(1000)
        ]
        plan = planned([window(DAYS[0], DAYS[3])], None, splitting())

        def limit(asked: int, _: dict[int, str]) -> tuple[int | None, Style]:
            return 211 if asked < 1 else 137, Style.SILENT

        run = Simulation(plan, CappedArchive(studies=studies), limit=limit).run()
        verdict = run.verdicts()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        assert verdict.cause is not None
        assert "different counts (211, 137)" in verdict.cause.message

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(crowds(), st.integers(50, 70), st.integers(71, 300))
    def test_from_query_to_query(
        self, archive: CappedArchive, low: int, high: int
    ) -> None:
        caps = {"": low, "CT": high, "MR": low + 3, "US": 400}
        roots = [
            window(DAYS[0], DAYS[3], f"0.{number}", modality=modality)
            for number, modality in enumerate(caps)
        ]
        plan = planned(roots, None, splitting(unset=Unset.ASSUME_NONE))

        def limit(_: int, keys: dict[int, str]) -> tuple[int | None, Style]:
            return caps[keys[MODALITIES_IN_STUDY]], Style.SILENT

        self.check(Simulation(plan, archive, limit=limit).run())

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(crowds(), st.integers(3, 90), st.integers(0, 5), st.booleans())
    def test_from_try_to_try(
        self, archive: CappedArchive, cap: int, fewer: int, split: bool
    ) -> None:
        """It breaks off, and says success to the same question for fewer rows."""
        plan = planned(
            [window(day, day, f"0.{at}") for at, day in enumerate(DAYS)],
            None,
            splitting() if split else None,
        )
        seen: set[str] = set()

        def limit(_: int, keys: dict[int, str]) -> tuple[int | None, Style]:
            if (question := str(keys)) not in seen:
                seen.add(question)
                return cap, Style.ABORT
            return max(0, cap - fewer - 1), Style.SILENT

        self.check(Simulation(plan, archive, limit=limit).run())


def tame(cap: int, seed: int) -> list[Study]:
    """Studies on two days, a second apart at least; one a day has no time."""
    step = 86400 // (3 * cap)
    return [
        Study(
            uid=f"1.2.{day}.{number}",
            date=day,
            time=time_of((number * step + seed) % 86400, FORMS[0]) if number else "",
        )
        for day in DAYS[:2]
        for number in range(3 * cap)
    ]


class TestWhatAPeerThatFindsEmptyTimesCaps:
    """With a floor that is low enough, all of it comes, and is complete."""

    @settings(max_examples=20, deadline=None)
    @given(
        st.sampled_from((Empty.EVERY, Empty.LOWER_OPEN)),
        st.sampled_from(Order),
        st.sampled_from(Style),
        st.integers(0, 86399),
        st.lists(st.integers(0, 1000), max_size=7),
        st.booleans(),
    )
    def test_is_complete(
        self,
        empty: Empty,
        order: Order,
        style: Style,
        seed: int,
        turn: list[int],
        declared: bool,
    ) -> None:
        cap = 51 if style is Style.SILENT and not declared else 7
        limits = ResponseCap(declared={"": cap} if declared else {})
        archive = CappedArchive(
            studies=tame(cap, seed), cap=cap, style=style, empty=empty, order=order
        )
        root = window(DAYS[0], DAYS[1])
        run = Simulation(planned([root], limits, splitting()), archive).run(turn)
        verdict = run.verdicts()[root.id]
        assert verdict.verdict is Verdict.COMPLETE, verdict.cause
        assert (
            run.found(root) == run.truth(root) == {one.uid for one in archive.studies}
        )
        assert not verdict.assumptions


@pytest.mark.parametrize("style", Style)
class TestWhatAPeerThatDoesNotFindEmptyTimesCaps:
    def run(self, style: Style, studies: list[Study], **changes: Any) -> Simulation:
        archive = CappedArchive(studies=studies, cap=7, style=style, empty=Empty.NONE)
        cap = ResponseCap(declared={"STUDY": 7})
        root = window(DAYS[0], DAYS[1])
        return Simulation(planned([root], cap, splitting(**changes)), archive).run()

    def test_is_suspect_and_names_the_days(self, style: Style) -> None:
        verdict = self.run(style, tame(7, 0)).verdicts()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        assert verdict.cause is not None
        assert verdict.cause.code == "unset-time-unproven"
        assert "days 20260101 and 20260102" in verdict.cause.message
        assert "window.unset: assume-none" in verdict.cause.hint
        assert "negotiation.empty_value" in verdict.cause.hint

    def test_is_complete_where_there_are_none_and_the_job_says_so(
        self, style: Style
    ) -> None:
        timed = [one for one in tame(7, 0) if one.time]
        run = self.run(style, timed, unset=Unset.ASSUME_NONE)
        verdict = run.verdicts()["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        assert run.found(run.plan.requests[0]) == {one.uid for one in timed}
        (assumption,) = verdict.assumptions
        assert "assume-none" in assumption

    def test_is_suspect_where_there_are_some_though_the_job_says_none(
        self, style: Style
    ) -> None:
        run = self.run(style, tame(7, 0), unset=Unset.ASSUME_NONE)
        verdict = run.verdicts()["0.0"]
        assert verdict.verdict is Verdict.SUSPECT
        assert verdict.cause is not None
        assert "though one is known" in verdict.cause.message
        assert not verdict.assumptions


class TestOneInstantOverTheCap:
    @pytest.mark.parametrize(
        ("style", "verdict", "code"),
        [
            (Style.SILENT, Verdict.SUSPECT, "capped"),
            (Style.OUT_OF_RESOURCES, Verdict.PARTIAL, "status-a700"),
            (Style.CANCELLED, Verdict.PARTIAL, "status-fe00"),
            (Style.ABORT, Verdict.PARTIAL, "abort-at-n"),
        ],
    )
    def test_cannot_be_cut(self, style: Style, verdict: Verdict, code: str) -> None:
        studies = [Study("1.3", DAYS[0], "")]
        studies += [Study(f"1.2.{n}", DAYS[0], "120000") for n in range(60)]
        archive = CappedArchive(studies=studies, cap=52, style=style)
        root = window(DAYS[0], DAYS[0])
        run = Simulation(planned([root], None, splitting()), archive).run()
        judged = run.verdicts()[root.id]
        assert judged.verdict is verdict
        assert judged.cause is not None
        assert judged.cause.code == code
        assert f"of {DAYS[0]}" in judged.cause.message
        assert judged.pieces == ("0.0.0", "0.0.1", "0.0.2")
