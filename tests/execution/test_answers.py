"""What counts of a capture, also of one whose run died."""

from __future__ import annotations

import asyncio
from pathlib import Path

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import (
    AttemptFacts,
    Ending,
    Outcome,
    RequestVerdict,
    Verdict,
)
from batchfind.dimse.messages import Matches
from batchfind.execution.answers import Answers
from batchfind.execution.finishing import Finishing
from batchfind.execution.remaining import unanswered
from batchfind.plan.model import Plan
from tests.execution.plans import output, peer, plan, request

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
