from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import Cause, Ending, Outcome, RequestVerdict, Verdict
from batchfind.errors import LocalProtocolError, StateError
from tests.capture.material import (
    FACTS,
    matches,
    plan,
    stored_identifiers,
    success,
)

Journalled = Callable[[Callable[[Journal], Awaitable[None]]], None]


class TestThePlan:
    def test_is_stored_whole_before_the_first_attempt(self, database: Path) -> None:
        async def create() -> None:
            journal = await Journal.create(database, {"run": "x"}, plan("1", "0"))
            with open_capture(database) as capture:
                first, second = capture.requests()
                assert capture.meta["plan_digest"] == "ab" * 32
                assert capture.meta["run"] == "x"
            assert (first.id, first.parent, first.origin) == ("0", None, "plan")
            assert (second.query, second.peer) == ("studies", "archive")
            assert second.spec["identifier"][0]["value"] == "Muster^Ä*"
            await journal.close()

        asyncio.run(create(), debug=True)

    def test_meta_may_hold_the_name_of_any_file(self, database: Path) -> None:
        async def create() -> None:
            await (await Journal.create(database, {"p": "a\udcff"}, plan())).close()

        asyncio.run(create())
        with open_capture(database) as capture:
            assert capture.meta["p"] == "a\\udcff"

    def test_never_overwrites_a_capture(self, finished: Path) -> None:
        before = finished.read_bytes()

        async def create() -> None:
            with pytest.raises(StateError, match="resume"):
                await Journal.create(finished, {}, plan("0"))

        asyncio.run(create(), debug=True)
        assert finished.read_bytes() == before


class TestResponses:
    @settings(
        deadline=None,
        max_examples=25,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        puts=st.lists(
            st.tuples(
                st.integers(0, 2),
                st.lists(st.binary(max_size=400), max_size=12),
                st.sampled_from([0xFF00, 0xFF01]),
            ),
            max_size=12,
        ),
    )
    def test_any_sequence_of_puts_reads_back_identical(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        puts: list[tuple[int, list[bytes], int]],
    ) -> None:
        path = tmp_path_factory.mktemp("journal") / "run.db"

        async def write() -> list[int]:
            journal = await Journal.create(path, {}, plan("0", "1", "2"))
            numbers = [journal.begin(str(name), FACTS) for name in range(3)]
            for which, texts, status in puts:
                await journal.put(numbers[which], matches(*texts, status=status))
            for number in numbers:
                journal.end(number, success())
            await journal.close()
            return numbers

        numbers = asyncio.run(write())
        for which, number in enumerate(numbers):
            sent = [(texts, status) for name, texts, status in puts if name == which]
            assert stored_identifiers(path, number) == [
                text for texts, _ in sent for text in texts
            ]
            with open_capture(path) as capture:
                statuses = [
                    s for part in capture.matches(number) for s in part.statuses
                ]
            assert statuses == [s for texts, s in sent for _ in texts]
        with open_capture(path) as capture:
            assert capture.verify() == []

    def test_are_read_while_the_run_goes_on(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(journal: Journal) -> None:
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(b"one"))
            await journal.barrier()
            assert stored_identifiers(database, attempt) == [b"one"]
            await journal.put(attempt, matches(b"two"))
            await journal.barrier()
            assert stored_identifiers(database, attempt) == [b"one", b"two"]
            with open_capture(database) as capture:
                (stored,) = capture.attempts("0")
                assert stored.ending is None
                assert len(stored.chain) == 64

        journalled(body)

    def test_an_empty_set_is_no_set(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(journal: Journal) -> None:
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches())
            await journal.end(attempt, success())

        journalled(body)
        with open_capture(database) as capture:
            assert list(capture.matches(1)) == []


class TestAttempts:
    def test_are_numbered_and_counted_for_each_request(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(journal: Journal) -> None:
            for name in ("0", "1", "0"):
                journal.end(journal.begin(name, None), success())

        journalled(body)
        with open_capture(database) as capture:
            found = [(a.number, a.ordinal) for a in capture.attempts("0")]
            assert found == [(1, 1), (3, 2)]
            assert [a.number for a in capture.attempts("1")] == [2]

    def test_keep_facts_and_ending(
        self, journalled: Journalled, database: Path
    ) -> None:
        ending = Ending(
            outcome=Outcome.CAPPED,
            status=0xA700,
            comment="out of \0 resources \udcff",
            cause=Cause(code="status-a700", message="m", hint="h"),
            responses=500,
            kept=499,
            bytes=12345,
            seconds=0.1 + 0.2,
            warnings=("a", "b"),
        )

        async def body(journal: Journal) -> None:
            await journal.end(journal.begin("0", FACTS), ending)

        journalled(body)
        with open_capture(database) as capture:
            (attempt,) = capture.attempts("0")
        assert attempt.facts == FACTS
        assert attempt.ending == ending

    def test_people_find_outcomes_with_plain_sql(self, finished: Path) -> None:
        connection = sqlite3.connect(finished)
        rows = connection.execute(
            "SELECT request, outcome, status, responses, started FROM attempt"
        ).fetchall()
        connection.close()
        assert rows[0] == ("0", "success", 0, 40, FACTS.started)
        assert rows[1] == ("1", "success", 0, 0, None)

    def test_what_is_not_open_takes_nothing(self, journalled: Journalled) -> None:
        async def body(journal: Journal) -> None:
            attempt = journal.begin("0", FACTS)
            await journal.end(attempt, success())
            with pytest.raises(LocalProtocolError):
                await journal.put(attempt, matches(b"late"))
            with pytest.raises(LocalProtocolError):
                journal.end(attempt, success())
            with pytest.raises(LocalProtocolError):
                journal.begin("no such request", FACTS)
            await journal.close()
            with pytest.raises(LocalProtocolError):
                journal.begin("0", FACTS)
            with pytest.raises(LocalProtocolError):
                await journal.barrier()

        journalled(body)


class TestEventsAndVerdicts:
    def test_events_keep_their_order(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(journal: Journal) -> None:
            journal.event("first", {"n": 1})
            journal.event("second", {})

        journalled(body)
        with open_capture(database) as capture:
            kinds = [event.kind for event in capture.events()]
            assert capture.events()[1].data == {"n": 1}
        assert kinds == ["journal-created", "first", "second", "journal-closed"]

    def test_later_verdicts_replace_earlier_ones(
        self, journalled: Journalled, database: Path
    ) -> None:
        first = RequestVerdict(request="0", verdict=Verdict.COMPLETE)
        second = RequestVerdict(
            request="0", verdict=Verdict.SUSPECT, defects={"malformed": 2}
        )
        other = RequestVerdict(request="1", verdict=Verdict.SKIPPED)

        async def body(journal: Journal) -> None:
            await journal.verdicts([first, other])
            await journal.verdicts([second])

        journalled(body)
        with open_capture(database) as capture:
            assert capture.verdicts() == {"0": second, "1": other}
