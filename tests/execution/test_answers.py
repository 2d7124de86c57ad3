"""What counts of a capture, also of one whose run died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import (
    AttemptFacts,
    Ending,
    Outcome,
    RequestVerdict,
    StoredEvent,
    Verdict,
)
from batchfind.dimse.messages import Matches
from batchfind.execution.answers import Answers
from batchfind.execution.finishing import Finishing
from batchfind.execution.history import growth_of
from batchfind.execution.remaining import left_of, unanswered
from batchfind.execution.verdicts import skipped
from batchfind.plan.model import Extent, Origin, Piecing, Plan, Request
from tests.execution.plans import output, peer, plan, request
from tests.execution.simulation import ending, planned, splitting, window

Read = TypeVar("Read")

FACTS = AttemptFacts(
    transfer_syntax="1.2.840.10008.1.2.1",
    peer_implementation="",
    peer_max_pdu=0,
    address="127.0.0.1:104",
    association=1,
    started="2026-01-31T03:15:00.000000+00:00",
)
#: PatientID (0010,0020) LO "P1", Explicit VR Little Endian.
IDENTIFIER = bytes.fromhex("10002000 4c4f 0200 5031")


def died(folder: Path) -> tuple[Plan, Path]:
    """A capture with five responses of an attempt that never ended."""
    requests = [request("0.0", "pacs"), request("0.1", "pacs")]
    given = plan(
        folder,
        [peer("pacs", 104)],
        requests,
        [output(folder / "s.csv", requests)],
    )
    path = folder / "run.db"

    async def write() -> None:
        journal = await Journal.create(path, {}, given)
        attempt = journal.begin("0.0", FACTS)
        ends = [len(IDENTIFIER) * count for count in range(1, 6)]
        await journal.put(attempt, Matches(1, IDENTIFIER * 5, ends, [0xFF00] * 5))
        await journal.barrier()
        await journal.close()

    asyncio.run(write())
    return given, path


class TestAnAttemptThatDiedWithItsRun:
    def test_is_partial_with_what_the_capture_holds(self, tmp_path: Path) -> None:
        given, path = died(tmp_path)
        with open_capture(path) as capture:
            verdicts = Answers(given, capture).verdicts()
        assert verdicts["0.0"].verdict is Verdict.PARTIAL
        assert verdicts["0.0"].responses == 5
        cause = verdicts["0.0"].cause
        assert cause is not None
        assert (cause.code, "5 responses" in cause.message) == ("interrupted", True)
        assert verdicts["0.1"].verdict is Verdict.SKIPPED

    def test_is_asked_again_by_resume(self, tmp_path: Path) -> None:
        given, path = died(tmp_path)
        with open_capture(path) as capture:
            asked = unanswered(Answers(given, capture))
        assert [each.id for each in asked] == ["0.0", "0.1"]

    def test_gives_its_rows_to_an_export(self, tmp_path: Path) -> None:
        given, path = died(tmp_path)
        with open_capture(path) as capture:
            verdicts = Answers(given, capture).verdicts()
            finishing = Finishing(Answers(given, capture), "run", lambda _: None)
            finishing.render(verdicts)
            (prepared,) = finishing.prepared
            assert prepared.staged is not None
            assert prepared.staged.close().rows == 5
            finishing.discard()


class TestStoppedRendering:
    def test_stages_nothing_and_keeps_the_verdicts(self, tmp_path: Path) -> None:
        given, path = died(tmp_path)
        with open_capture(path) as capture:
            answers = Answers(given, capture)
            before: dict[str, RequestVerdict] = answers.verdicts()
            finishing = Finishing(answers, "run", lambda _: None, stopped=lambda: True)
            after = finishing.render(before)
        assert after == before
        assert finishing.prepared == ()
        assert sorted(each.name for each in tmp_path.iterdir()) == ["run.db"]


class TestSmallAnswers:
    def test_are_read_together_and_large_ones_alone(self, tmp_path: Path) -> None:
        sizes = [1, 1, 40_000, 1, 70_000, 70_000, *[1] * 300]
        requests = [request(f"0.{number}", "pacs") for number in range(len(sizes))]
        given = plan(tmp_path, [peer("pacs", 104)], requests, [])
        path = tmp_path / "run.db"

        async def write() -> None:
            journal = await Journal.create(path, {}, given)
            for each, size in zip(requests, sizes, strict=True):
                attempt = journal.begin(each.id, FACTS)
                payload = IDENTIFIER * size
                length = len(IDENTIFIER)
                ends = list(range(length, len(payload) + 1, length))
                await journal.put(attempt, Matches(1, payload, ends, [0xFF00] * size))
                journal.end(
                    attempt,
                    Ending(
                        outcome=Outcome.SUCCESS,
                        status=0,
                        responses=size,
                        kept=size,
                        bytes=len(payload),
                    ),
                )
            await journal.close()

        asyncio.run(write())
        with open_capture(path) as capture:
            answers = Answers(given, capture)
            found = [
                (origin.request, len(matches.ends))
                for origin, matches in answers.sets(requests, answers.verdicts())
            ]
        asked = [each.id for each in requests]
        assert found == list(zip(asked, sizes, strict=True))


def piece(identity: str, first: str, last: str) -> Request:
    parent = identity.rpartition(".")[0]
    born = {"origin": Origin.SPLIT, "parent": parent, "family": "0.0"}
    extent = Extent(first=first, last=last, by=Piecing.DATE)
    return window(first, last, identity, **(born | {"extent": extent}))


#: Two days that were cut into one each, and a request that was not.
ROOT, OTHER = window("20240101", "20240102"), window("20240103", "20240103", "0.1")
PIECES = (
    piece("0.0.0", "20240101", "20240101"),
    piece("0.0.1", "20240102", "20240102"),
)


class Written:
    """A capture whose attempts are written by hand, and read after each step."""

    def __init__(self, folder: Path) -> None:
        self.plan = planned([ROOT, OTHER], split=splitting())
        self.path = folder / "run.db"
        self._write(lambda journal: journal.grow(PIECES), create=True)

    def _write(self, act: Callable[[Journal], object], *, create: bool = False) -> None:
        async def write() -> None:
            if create:
                journal = await Journal.create(self.path, {}, self.plan)
            else:
                journal = await Journal.reopen(self.path)
            act(journal)
            await journal.barrier()
            await journal.close()

        asyncio.run(write())

    def end(self, request: str, outcome: Outcome, count: int = 0) -> None:
        facts = FACTS if count else None
        each = ending(outcome, count)
        self._write(lambda journal: journal.end(journal.begin(request, facts), each))

    def note(self, kind: str, **data: object) -> None:
        self._write(lambda journal: journal.event(kind, data))

    def store(self, verdicts: Mapping[str, RequestVerdict]) -> None:
        async def write() -> None:
            journal = await Journal.reopen(self.path)
            await journal.verdicts(verdicts.values())
            await journal.close()

        asyncio.run(write())

    def read(self, read: Callable[[Answers], Read]) -> Read:
        with open_capture(self.path) as capture:
            return read(Answers(self.plan, capture))

    def verdicts(self) -> dict[str, Verdict]:
        found = self.read(lambda answers: answers.verdicts())
        return {one: verdict.verdict for one, verdict in found.items()}


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The root is capped, one of its pieces failed, the other is whole."""
    made = Written(tmp_path)
    made.end("0.0", Outcome.CAPPED, 100)
    made.end("0.0.0", Outcome.SUCCESS, 30)
    made.end("0.0.1", Outcome.FAILED)
    made.end("0.1", Outcome.SUCCESS, 3)
    return made


class TestRequestsThatWereBorn:
    def test_are_among_the_answers(self, written: Written) -> None:
        ids = written.read(lambda answers: [one.id for one in answers.forest.requests])
        assert ids == ["0.0", "0.0.0", "0.0.1", "0.1"]
        assert written.verdicts() == {
            "0.0": Verdict.PARTIAL,
            "0.0.0": Verdict.COMPLETE,
            "0.0.1": Verdict.FAILED,
            "0.1": Verdict.COMPLETE,
        }

    def test_are_asked_again_instead_of_what_was_cut(self, written: Written) -> None:
        asked = written.read(unanswered)
        assert [one.id for one in asked] == ["0.0.1"]
        assert asked[0] == PIECES[1]

    def test_are_left_alone_once_the_whole_is_answered(self, written: Written) -> None:
        stored = written.read(lambda answers: answers.verdicts())
        doubted = replace(stored["0.0"], verdict=Verdict.SUSPECT)
        written.store({**stored, "0.0": doubted})
        assert written.verdicts()["0.0"] is Verdict.SUSPECT
        assert written.read(unanswered) == ()


class TestStoredVerdicts:
    def test_stand_while_nothing_is_newer(self, written: Written) -> None:
        stored = written.read(lambda answers: answers.verdicts())
        marked = {
            one: replace(verdict, warnings=("as stored",))
            for one, verdict in stored.items()
        }
        written.store(marked)
        assert written.read(lambda answers: answers.verdicts()) == marked

    def test_of_a_tree_fall_with_one_newer_attempt(self, written: Written) -> None:
        stored = written.read(lambda answers: answers.verdicts())
        marked = {
            one: replace(verdict, warnings=("as stored",))
            for one, verdict in stored.items()
        }
        written.store(marked)
        written.end("0.0.1", Outcome.FAILED)
        found = written.read(lambda answers: answers.verdicts())
        assert {one for one in found if found[one].warnings} == {"0.1"}
        assert found["0.1"] == marked["0.1"]

    def test_fall_with_a_newer_answer_that_contradicts_them(
        self, tmp_path: Path
    ) -> None:
        made = Written(tmp_path)
        made.end("0.0.0", Outcome.SUCCESS, 30)
        made.end("0.1", Outcome.SUCCESS, 20)
        made.store(made.read(lambda answers: answers.verdicts()))
        assert made.verdicts()["0.1"] is Verdict.COMPLETE
        made.end("0.0.1", Outcome.CAPPED, 20)  # and the run died
        assert made.verdicts()["0.1"] is Verdict.SUSPECT

    def test_stand_where_only_rows_told_of_a_doubt(self, written: Written) -> None:
        stored = written.read(lambda answers: answers.verdicts())
        doubted = replace(stored["0.1"], verdict=Verdict.SUSPECT)
        written.store({**stored, "0.1": doubted})
        written.end("0.0.1", Outcome.FAILED)
        assert written.verdicts()["0.1"] is Verdict.SUSPECT

    def test_give_way_to_what_is_known_of_a_skipped_request(
        self, tmp_path: Path
    ) -> None:
        made = Written(tmp_path)
        old = skipped(OTHER, "circuit", "pacs: three failures", "mend it")
        made.store({"0.1": old})
        assert made.read(lambda answers: answers.verdicts())["0.1"] == old
        new = skipped(OTHER, "stopped", "pacs: the run ended", "resume")
        found = made.read(lambda answers: answers.verdicts({"0.1": new}))
        assert found["0.1"] == new


class TestGrowth:
    def test_is_what_was_noted_last(self, written: Written) -> None:
        written.note("grown", query="series")
        written.note(
            "growth-refused", request="0.1", query="studies", message="too many"
        )
        written.note(
            "growth-refused", request="0.0.0", query="studies", message="too many"
        )
        written.note("growth-refused", request="0.0.0", query="studies", message="")
        written.note("no-key", request="0.0", query="series", rows=3)
        growth = written.read(lambda answers: answers.growth)
        assert growth.refused == {"0.1": "too many"}
        assert growth.unusable == {("0.0", "series"): 3}
        assert growth.grown == set()  # another execution began since
        assert written.verdicts()["0.1"] is Verdict.PARTIAL

    def test_is_proven_for_one_execution(self) -> None:
        def event(kind: str, **data: str) -> StoredEvent:
            return StoredEvent("", kind, data)

        events = [event("journal-created"), event("grown", query="series")]
        assert growth_of(events).grown == {"series"}
        assert growth_of([*events, event("journal-reopened")]).grown == set()


class TestWhatIsLeft:
    def test_needs_credentials_for_what_may_be_cut(self, tmp_path: Path) -> None:
        made = Written(tmp_path)
        made.end("0.0.0", Outcome.SUCCESS, 30)
        made.end("0.0.1", Outcome.CAPPED, 100)  # and the run died
        made.end("0.1", Outcome.SUCCESS, 100)
        left = made.read(left_of)
        assert {"0.0.1", "0.1"} <= {one.id for one in left.reach}
        assert left.grower is not None
