"""Requests born of answers: pieces, probes, and requests for rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.records import Verdict
from batchfind.dicom.paths import parse_path
from batchfind.execution.progress import RequestEnded, RequestSplit
from batchfind.job.model import ResponseCap, Unset
from batchfind.plan.model import Extent, Origin, Piecing, Plan, Request
from tests.execution.growing_run import (
    Outcome,
    child_query,
    pattern,
    run,
    splitting_plan,
)
from tests.execution.plans import peer, plan
from tests.execution.simulation import splitting, window
from tests.peers import pdu, steps
from tests.peers.capped import CappedArchive, Empty, Study, Style
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Asked
from tests.peers.scripted import Step

FOREVER = ResponseCap(auto=True)


def archive_of(seed: int, size: int, days: int = 9, **knobs: Any) -> CappedArchive:
    """Studies of January 2024, some without a time, half of them on one day."""
    chance = random.Random(seed)  # noqa: S311 - made-up data
    found = []
    for number in range(size):
        day = 1 if chance.random() < 0.5 else chance.randint(1, days)
        clock = f"{chance.randint(0, 86399):05d}"
        seconds = int(clock)
        time = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        time = "" if number % 40 == 0 else time
        found.append(Study(f"1.2.{seed}.{number + 1}", f"202401{day:02d}", time))
    return CappedArchive(studies=found, **knobs)


def uids(archive: CappedArchive) -> set[str]:
    return {study.uid for study in archive.studies}


def each_once(found: Outcome) -> None:
    """Every request that was born was asked to its end, and once."""
    assert {found.tries[one] for one in found.requests} <= {1}
    keys = Counter(one.key for one in found.requests.values())
    assert set(keys.values()) <= {1}


class TestSplit:
    @pytest.mark.parametrize("style", list(Style))
    def test_pieces_bring_what_the_cap_cut_off(
        self, tmp_path: Path, scripted_peer: StartPeer, style: Style
    ) -> None:
        archive = archive_of(1, 900, cap=100, style=style, empty=Empty.LOWER_OPEN)
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root], cap=FOREVER)
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
        given = splitting_plan(
            tmp_path, scripted.port, roots, cap=FOREVER, associations=1
        )
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


class TestUnset:
    def _asked(
        self, folder: Path, start: StartPeer, empty: Empty, **split: Any
    ) -> tuple[Outcome, CappedArchive]:
        times = [f"{n // 60:02d}{n % 60:02d}00" for n in range(0, 1440, 20)]
        found = [
            Study(f"1.2.{day}.{n}", f"2024010{day}", time)
            for day in (1, 2)
            for n, time in enumerate([*times, ""])
        ]
        # What has no time comes first, so that it is known before anything is cut.
        found.sort(key=lambda study: study.time)
        archive = CappedArchive(
            studies=found, cap=37, style=Style.OUT_OF_RESOURCES, empty=empty
        )
        scripted = start(script=archive.answer)
        roots = [
            window("20240101", "20240101"),
            window("20240102", "20240102", "0.1"),
        ]
        given = splitting_plan(folder, scripted.port, roots, split=splitting(**split))
        return run(given, folder / "run.db"), archive

    def _probes(self, found: Outcome) -> list[Request]:
        return [
            one
            for one in found.requests.values()
            if one.extent and one.extent.by is Piecing.UNSET
        ]

    def test_is_probed_on_days_where_a_row_without_time_is_known(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        found, _ = self._asked(tmp_path, scripted_peer, Empty.NONE)
        assert [one.id for one in self._probes(found)] == ["0.0.2", "0.1.2"]
        each_once(found)

    @pytest.mark.parametrize("empty", [Empty.EVERY, Empty.LOWER_OPEN])
    def test_is_not_probed_where_a_peer_returns_one_for_an_open_range(
        self, tmp_path: Path, scripted_peer: StartPeer, empty: Empty
    ) -> None:
        found, archive = self._asked(tmp_path, scripted_peer, empty)
        assert self._probes(found) == []
        assert found.uids == uids(archive)

    def test_is_not_probed_where_the_job_says_that_there_are_none(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        found, _ = self._asked(
            tmp_path, scripted_peer, Empty.NONE, unset=Unset.ASSUME_NONE
        )
        assert self._probes(found) == []

    def test_is_not_probed_again_by_another_execution(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        found, archive = self._asked(tmp_path, scripted_peer, Empty.NONE)
        scripted = scripted_peer(script=archive.answer)
        roots = [
            window("20240101", "20240101"),
            window("20240102", "20240102", "0.1"),
        ]
        given = splitting_plan(tmp_path, scripted.port, roots)
        again = run(given, tmp_path / "run.db")
        assert again.requests == found.requests
        assert scripted.seen.requests == []


_LEVEL, _STUDY, _SERIES, _IMAGE = 0x00080052, 0x0020000D, 0x0020000E, 0x00080018
_UNIQUE = {"STUDY": _STUDY, "SERIES": _SERIES, "IMAGE": _IMAGE}


def hierarchy(asked: Asked) -> Sequence[Step]:
    """Three studies of two series of two images, and a study without a UID."""
    keys = {one.tag: one.value.decode().strip(" \0") for one in asked.elements}
    level = keys.pop(_LEVEL)
    names = ["1.1", "1.2", "1.3", ""] if level == "STUDY" else [".7", ".8"]
    above = {"STUDY": "", "SERIES": keys[_STUDY], "IMAGE": keys.get(_SERIES, "")}
    found = [above[level] + name for name in names]

    def build(_: Asked, number: int) -> bytes:
        values = {**keys, _UNIQUE[level]: found[number]}
        elements = [pdu.DataElement(_LEVEL, b"CS", pdu.text(level))]
        for tag in sorted(values.keys() & set(_UNIQUE.values())):
            value = pdu.text(values[tag], b"\0")
            elements.append(pdu.DataElement(tag, b"UI", value))
        return pdu.data_set(sorted(elements, key=lambda one: one.tag))

    return [steps.matches(len(found), build=build), steps.final()]


def chain(folder: Path, port: int, limit: int = 1000, most: int = 10_000) -> Plan:
    """Studies, the series of each, the images of each of those."""
    root = pattern("0.0", "studies", "pacs", "STUDY", StudyInstanceUID="")
    made = plan(folder, [peer("pacs", port)], [root], policy={"max_requests": most})
    series = pattern(
        "1.0", "series", "pacs", "SERIES", StudyInstanceUID="", SeriesInstanceUID=""
    )
    images = pattern(
        "2.0",
        "images",
        "pacs",
        "IMAGE",
        StudyInstanceUID="",
        SeriesInstanceUID="",
        SOPInstanceUID="",
    )
    both = {
        "StudyInstanceUID": "StudyInstanceUID",
        "SeriesInstanceUID": "SeriesInstanceUID",
    }
    uid = parse_path("StudyInstanceUID")
    return replace(
        made,
        queries={
            # A child may stand before its parent in a job.
            "images": child_query("images", "series", both, [images]),
            "studies": made.queries["studies"],
            "series": child_query(
                "series",
                "studies",
                {"StudyInstanceUID": "StudyInstanceUID"},
                [series],
                columns={"study": uid},
                limit=limit,
            ),
        },
    )


SERIES = {f"1.0.0.0.{n}" for n in range(3)}
IMAGES = {f"2.0.1.0.0.0.{n}.{m}" for n in range(3) for m in range(2)}


class TestForEach:
    def test_asks_for_every_row_down_to_the_images(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        found = run(chain(tmp_path, scripted.port), tmp_path / "run.db")
        assert set(found.requests) == SERIES | IMAGES
        each_once(found)
        assert all(one.verdict is Verdict.COMPLETE for one in found.judged.values())
        child = found.requests["1.0.0.0.1"]
        assert child.origin is Origin.FOR_EACH
        assert child.parent == "0.0"
        assert child.bindings == {"study": "1.2"}
        assert len(scripted.seen.requests) == 10

    def test_counts_rows_that_cannot_be_asked_for(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        found = run(chain(tmp_path, scripted.port), tmp_path / "run.db")
        assert found.noted("no-key") == [{"request": "0.0", "rows": 1}]

    def test_makes_none_beyond_its_limit(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port, limit=2)
        for _ in range(2):
            found = run(given, tmp_path / "run.db")
            assert not found.requests
            (refusal,) = found.noted("growth-refused")
            assert refusal["request"] == "0.0"
            assert "for_each.max" in refusal["message"]
            assert found.judged["0.0"].verdict is Verdict.PARTIAL

    def test_goes_on_with_rows_that_came_later(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        first = scripted_peer(
            script=lambda asked: (
                [hierarchy(asked)[0], steps.abort()]
                if b"STUDY" in asked.identifier
                else hierarchy(asked)
            )
        )
        given = chain(tmp_path, first.port)
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES | IMAGES
        second = scripted_peer(script=hierarchy)
        again = run(chain(tmp_path, second.port), tmp_path / "run.db")
        assert again.requests == found.requests
        assert len(second.seen.requests) == 1


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
