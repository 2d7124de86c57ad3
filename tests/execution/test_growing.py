"""Requests born of answers: pieces of what was cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.errors import StorageError
from batchfind.execution.progress import RequestEnded, RequestSplit
from batchfind.job.model import ResponseCap, RetryPolicy
from batchfind.plan.model import Extent, Piecing
from tests.execution.born import (
    AUTO,
    IMAGES,
    SERIES,
    archive_of,
    chain,
    each_once,
    hierarchy,
    uids,
)
from tests.execution.growing_run import (
    run,
    splitting_plan,
)
from tests.execution.simulation import further, splitting, window
from tests.peers import steps
from tests.peers.capped import CappedArchive, Empty, Study, Style
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Asked
from tests.peers.scripted import Step


class TestSplit:
    @pytest.mark.parametrize("style", list(Style))
    def test_pieces_bring_what_the_cap_cut_off(
        self, tmp_path: Path, scripted_peer: StartPeer, style: Style
    ) -> None:
        archive = archive_of(1, 900, cap=100, style=style, empty=Empty.LOWER_OPEN)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root], cap=AUTO)
        found = run(given, tmp_path / "run.db")
        assert found.uids == uids(archive)
        assert {one.extent.by for one in found.requests.values() if one.extent} >= {
            Piecing.DATE,
            Piecing.TIME,
        }
        assert found.judged["0.0"].verdict is Verdict.COMPLETE
        assert found.judged["0.0"].pieces == ("0.0.0", "0.0.1")
        assert found.verdicts["0.0"].verdict is Verdict.SPLIT
        keys = Counter(one.key for one in found.requests.values())
        assert set(keys.values()) == {1}
        again = Style.ABORT is style
        assert again or {found.tries[one] for one in found.requests} == {1}

    def test_has_nothing_to_wait_for_when_its_peer_is_given_up(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(on_connect=[steps.reject()])
        roots = [window("20240101", "20240109", f"0.{n}") for n in range(9)]
        given = splitting_plan(tmp_path, scripted.port, roots, associations=1)
        found = run(given, tmp_path / "run.db")
        verdicts = [found.verdicts[one.id].verdict for one in roots]
        assert verdicts == [Verdict.FAILED] * 5 + [Verdict.SKIPPED] * 4

    def test_is_told_in_place_of_the_end(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(2, 60, cap=37, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root])
        found = run(given, tmp_path / "run.db")
        cut = [one for one in found.events if isinstance(one, RequestSplit)]
        assert cut[0].request == "0.0"
        assert cut[0].pieces == ("0.0.0", "0.0.1")
        assert "A700" in cut[0].why
        ended = {
            one.verdict.request for one in found.events if isinstance(one, RequestEnded)
        }
        assert ended.isdisjoint(one.request for one in cut)
        assert ended | {one.request for one in cut} == {"0.0", *found.requests}

    def test_an_open_end_is_cut_where_its_rows_are(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(3, 300, cap=80, style=Style.CANCELLED)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "", "0.0")
        date, *rest = root.identifier
        root = replace(
            root,
            identifier=(replace(date, value="20240101-"), *rest),
            extent=Extent(first="20240101", last=""),
        )
        given = splitting_plan(tmp_path, scripted.port, [root])
        found = run(given, tmp_path / "run.db")
        assert found.uids == uids(archive)
        each_once(found)

    def test_an_earlier_request_is_cut_once_a_cap_is_known(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        few = [Study(f"1.2.3.{n}", "20240102", f"{n:02d}0000") for n in range(20)]
        many = [Study(f"1.2.4.{n}", "20240105", f"12{n:02d}00") for n in range(30)]
        silent = CappedArchive(studies=few, cap=20)
        loud = CappedArchive(studies=many, cap=20, style=Style.OUT_OF_RESOURCES)

        def script(asked: Asked) -> Sequence[Step]:
            early = b"20240101" in asked.identifier or b"20240102" in asked.identifier
            return (silent if early else loud).answer(asked)

        scripted = scripted_peer(script=script)
        roots = [
            window("20240101", "20240102"),
            window("20240105", "20240105", "0.1"),
        ]
        given = splitting_plan(tmp_path, scripted.port, roots, cap=AUTO, associations=1)
        found = run(given, tmp_path / "run.db")
        assert found.judged["0.0"].pieces == ("0.0.0", "0.0.1")
        assert found.judged["0.1"].pieces
        each_once(found)

    def test_children_of_one_association_share_it(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(4, 100, cap=37, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root], associations=1)
        found = run(given, tmp_path / "run.db")
        assert len(found.requests) >= 4
        assert scripted.seen.connections == 1

    def test_on_failure_stop_does_not_mean_a_request_that_is_cut(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(5, 90, cap=37, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        policy = {"stop_on_failure": True}
        given = splitting_plan(tmp_path, scripted.port, [root], policy=policy)
        found = run(given, tmp_path / "run.db")
        assert found.uids == uids(archive)

    def test_by_too_many_values_makes_no_pieces(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        many = [Study(f"1.2.{n}", "20240101", "120000") for n in range(60)]
        archive = CappedArchive(studies=many, cap=50, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240101")
        values = [f"M{n}" for n in range(257)]
        split = splitting(floor=86_400, then=(further(values, exhaustive=True),))
        given = splitting_plan(tmp_path, scripted.port, [root], split=split)
        found = run(given, tmp_path / "run.db")
        assert not found.requests
        (refusal,) = found.noted("growth-refused")
        assert "256" in refusal["message"]
        assert found.judged["0.0"].verdict is Verdict.PARTIAL

    def test_a_capture_that_is_gone_ends_the_run(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(2, 60, cap=37, style=Style.OUT_OF_RESOURCES)
        path = tmp_path / "run.db"

        def script(asked: Asked) -> Sequence[Step]:
            path.rename(tmp_path / "elsewhere")
            return archive.answer(asked)

        scripted = scripted_peer(script=script)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root])
        with pytest.raises(StorageError, match="moved or deleted"):
            run(given, path)


class TestBreakingOff:
    def test_has_to_be_seen_twice_unless_the_count_is_round(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(6, 60, cap=37, style=Style.ABORT)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root])
        found = run(given, tmp_path / "run.db")
        assert found.tries["0.0"] == 2
        assert found.uids == uids(archive)
        assert found.judged["0.0"].verdict is Verdict.COMPLETE

    @pytest.mark.parametrize("style", list(Style))
    def test_is_one_of_the_attempts_that_other_faults_use_up(
        self, tmp_path: Path, scripted_peer: StartPeer, style: Style
    ) -> None:
        """Whatever is asked is lost once before it is answered."""
        archive = archive_of(6, 90, cap=37, style=style)
        met: Counter[bytes] = Counter()

        def script(asked: Asked) -> Sequence[Step]:
            met[asked.identifier] += 1
            lost = met[asked.identifier] == 1
            return [steps.abort()] if lost else archive.answer(asked)

        scripted = scripted_peer(script=script)
        given = splitting_plan(
            tmp_path,
            scripted.port,
            [window("20240101", "20240109")],
            cap=ResponseCap(declared={"": 37}),
            policy={"retry": RetryPolicy(attempts=3, backoff=0.01)},
        )
        found = run(given, tmp_path / "run.db")
        assert found.uids == uids(archive)
        assert found.judged["0.0"].verdict is Verdict.COMPLETE
        assert max(found.tries.values()) <= 3
        assert min(found.tries.values()) == 2

    def test_is_not_tried_again_without_split(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(6, 60, cap=37, style=Style.ABORT)
        scripted = scripted_peer(script=archive.answer)
        given = splitting_plan(
            tmp_path, scripted.port, [window("20240101", "20240109")]
        )
        query = replace(given.queries["studies"], splitting=None)
        found = run(replace(given, queries={"studies": query}), tmp_path / "run.db")
        assert found.tries["0.0"] == 1
        assert not found.requests


class TestMaxRequests:
    def test_bounds_pieces(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        archive = archive_of(7, 200, cap=37, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        policy = {"max_requests": 6}
        given = splitting_plan(tmp_path, scripted.port, [root], policy=policy)
        found = run(given, tmp_path / "run.db")
        assert len(found.requests) == 4
        messages = [each["message"] for each in found.noted("growth-refused")]
        assert messages
        assert all("run.max_requests" in message for message in messages)
        assert found.judged["0.0"].verdict is Verdict.PARTIAL

    def test_bounds_requests_for_rows(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port, most=8)
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES
        refused = {each["request"] for each in found.noted("growth-refused")}
        assert refused == SERIES


class TestInterrupted:
    def test_nothing_is_born_any_more_and_all_of_it_later(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(8, 400, cap=50, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root])
        for number in count(1):
            seen = 0

            def after_a_few(event: object, most: int = 3 * number) -> bool:
                nonlocal seen
                seen += isinstance(event, RequestSplit | RequestEnded)
                return seen >= most

            found = run(given, tmp_path / "run.db", after_a_few)
            if all(verdict.attempts for verdict in found.judged.values()):
                break
            assert number < 50
        final = run(given, tmp_path / "run.db")
        assert final.uids == uids(archive)
        assert final.judged["0.0"].verdict is Verdict.COMPLETE
        keys = Counter(one.key for one in final.requests.values())
        assert set(keys.values()) == {1}

    @pytest.mark.parametrize("query", ["studies", "series"])
    def test_rows_have_no_requests_until_another_execution(
        self, tmp_path: Path, scripted_peer: StartPeer, query: str
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port)

        def ended(event: object) -> bool:
            return isinstance(event, RequestEnded) and event.query == query

        found = run(given, tmp_path / "run.db", ended)
        assert not IMAGES & set(found.requests)
        assert "images" not in found.grown
        again = run(given, tmp_path / "run.db")
        assert set(again.requests) == SERIES | IMAGES
        assert again.grown == ("series", "images")
        complete = [one.verdict is Verdict.COMPLETE for one in again.judged.values()]
        assert all(complete)


class TestCatchingUp:
    """An earlier execution ended before anything was born of its answers."""

    @pytest.mark.parametrize("style", [Style.SILENT, Style.OUT_OF_RESOURCES])
    def test_what_was_to_be_cut_is_cut_and_not_asked_again(
        self, tmp_path: Path, scripted_peer: StartPeer, style: Style
    ) -> None:
        archive = archive_of(9, 300, cap=50, style=style)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root])
        before = run(given, tmp_path / "run.db", grows=False)
        assert not before.requests
        after = run(given, tmp_path / "run.db")
        assert after.tries["0.0"] == 1
        assert after.uids == uids(archive)
        assert after.judged["0.0"].verdict is Verdict.COMPLETE
        each_once(after)

    def test_what_cannot_be_cut_is_asked_again(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        many = [Study(f"1.2.{n}", "20240101", "120000") for n in range(60)]
        archive = CappedArchive(studies=many, cap=50, style=Style.OUT_OF_RESOURCES)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240101")
        day = splitting(floor=86_400)
        given = splitting_plan(tmp_path, scripted.port, [root], split=day)
        for times in (1, 2):
            found = run(given, tmp_path / "run.db")
            assert found.tries["0.0"] == times
            assert not found.requests
            assert found.judged["0.0"].verdict is Verdict.PARTIAL

    def test_rows_have_their_requests_though_nothing_is_left_to_ask(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port)
        before = run(given, tmp_path / "run.db", grows=False)
        assert before.judged["0.0"].verdict is Verdict.COMPLETE
        assert not before.requests
        after = run(given, tmp_path / "run.db")
        assert after.tries["0.0"] == 1
        assert set(after.requests) == SERIES | IMAGES
        each_once(after)
