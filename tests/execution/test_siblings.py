"""Several queries that ask for the rows of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from batchfind.capture.reader import open_capture
from batchfind.capture.records import Verdict
from batchfind.execution.answers import Answers
from batchfind.execution.exit_codes import exit_code_of
from batchfind.execution.history import Growth
from batchfind.execution.progress import Event, RequestsGrown
from batchfind.execution.results import ExitCode
from batchfind.job.model import ResponseCap
from batchfind.plan.model import Plan, PlannedQuery
from tests.execution.born import IMAGES, SERIES, archive_of, chain, each_once, hierarchy
from tests.execution.growing_run import (
    Outcome,
    child_query,
    pattern,
    run,
    splitting_plan,
)
from tests.execution.plans import peer
from tests.execution.simulation import window
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Asked
from tests.peers.scripted import Step

OTHERS = {f"3.0.0.0.{n}" for n in range(3)}
LOWEST = {f"4.0.3.0.0.0.{n}.{m}" for n in range(3) for m in range(2)}
BOTH = {
    "StudyInstanceUID": "StudyInstanceUID",
    "SeriesInstanceUID": "SeriesInstanceUID",
}


def others(limit: int = 1000) -> PlannedQuery:
    """The series of each study, with a key more than the other query has."""
    asked = pattern(
        "3.0",
        "others",
        "pacs",
        "SERIES",
        StudyInstanceUID="",
        SeriesInstanceUID="",
        Modality="",
    )
    study = {"StudyInstanceUID": "StudyInstanceUID"}
    return child_query("others", "studies", study, [asked], limit=limit)


def lowest() -> PlannedQuery:
    """The images of each of the other series."""
    asked = pattern(
        "4.0",
        "lowest",
        "pacs",
        "IMAGE",
        StudyInstanceUID="",
        SeriesInstanceUID="",
        SOPInstanceUID="",
        InstanceNumber="",
    )
    return child_query("lowest", "others", BOTH, [asked])


def siblings(
    folder: Path, port: int, *, limit: int = 1000, most: int = 10_000, deep: bool = True
) -> Plan:
    """Studies, the series of each twice over, and the images of each of those."""
    given = chain(folder, port, limit=limit, most=most)
    queries = {**given.queries, "others": others()}
    if deep:
        queries["lowest"] = lowest()
    else:
        del queries["images"]
    return replace(given, queries=queries)


def growth_of(given: Plan, path: Path) -> Growth:
    with open_capture(path) as capture:
        return Answers(given, capture).growth


def nothing(_: Asked) -> Sequence[Step]:
    return [steps.final()]


class TestSiblings:
    @pytest.mark.parametrize("deep", [False, True])
    def test_are_all_asked_for_every_row(
        self, tmp_path: Path, scripted_peer: StartPeer, deep: bool
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        found = run(siblings(tmp_path, scripted.port, deep=deep), tmp_path / "run.db")
        lower = IMAGES | LOWEST if deep else set()
        assert set(found.requests) == SERIES | OTHERS | lower
        each_once(found)
        names = {"series", "others"} | ({"images", "lowest"} if deep else set())
        assert set(found.grown) == names

    def test_have_none_where_the_parent_has_no_rows(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=nothing)
        found = run(siblings(tmp_path, scripted.port), tmp_path / "run.db")
        assert not found.requests
        assert set(found.grown) == {"series", "others", "images", "lowest"}
        assert found.judged["0.0"].verdict is Verdict.COMPLETE

    def test_are_asked_though_another_peer_cannot_be_reached(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = siblings(tmp_path, scripted.port)
        root = given.requests[0]
        queries = dict(given.queries)
        for name in ("series", "others"):
            growing = queries[name].growing
            assert growing is not None
            (own,) = growing.patterns
            there = replace(own, id=f"{own.id[0]}.1", peer="gone")
            growing = replace(growing, patterns=(own, there))
            queries[name] = replace(queries[name], growing=growing)
        given = replace(
            given,
            peers={**given.peers, "gone": peer("gone", 1)},
            requests=(root, replace(root, id="0.1", peer="gone", key="ab" * 32)),
            queries=queries,
        )
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES | OTHERS | IMAGES | LOWEST
        assert found.judged["0.1"].verdict is Verdict.FAILED
        assert set(found.grown) == {"series", "others", "images", "lowest"}

    def test_are_asked_where_the_parent_is_cut(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(3, 60, cap=12)
        scripted = scripted_peer(script=archive.answer)
        cap = ResponseCap(declared={"": 12})
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root], cap=cap)
        binds = {"StudyInstanceUID": "StudyInstanceUID"}
        queries = dict(given.queries)
        for number, name in ((1, "one"), (2, "two")):
            keys = {"StudyInstanceUID": "", "StudyDate": "", "StudyTime": ""}
            asked = pattern(f"{number}.0", name, "pacs", "STUDY", **keys)
            queries[name] = child_query(name, "studies", binds, [asked])
        found = run(replace(given, queries=queries), tmp_path / "run.db")
        for name in ("one", "two"):
            made = [one for one in found.requests.values() if one.query == name]
            assert len(made) == len(archive.studies)
        assert set(found.grown) == {"one", "two"}


class TestRefusal:
    """What one query is refused says nothing of another."""

    def asked(self, folder: Path, port: int, **bounds: int) -> tuple[Plan, Outcome]:
        given = siblings(folder, port, deep=False, **bounds)
        return given, run(given, folder / "run.db")

    def test_by_for_each_max_stays_whatever_a_sibling_is_allowed(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given, found = self.asked(tmp_path, scripted.port, limit=2)
        assert set(found.requests) == OTHERS
        verdict = found.judged["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.cause is not None
        assert verdict.cause.code == "limit"
        assert "query series" in verdict.cause.message
        assert set(growth_of(given, tmp_path / "run.db").refusals) == {
            ("0.0", "series")
        }

    def test_by_run_max_requests_stays_too(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        _, found = self.asked(tmp_path, scripted.port, most=4)
        assert set(found.requests) == SERIES
        cause = found.judged["0.0"].cause
        assert cause is not None
        assert cause.code == "limit"
        assert "query others" in cause.message

    def test_of_both_names_both(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        scripted = scripted_peer(script=hierarchy)
        _, found = self.asked(tmp_path, scripted.port, most=3)
        assert not found.requests
        cause = found.judged["0.0"].cause
        assert cause is not None
        assert "query series" in cause.message
        assert "query others" in cause.message

    def test_is_over_once_the_parent_has_fewer_rows(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        first = scripted_peer(script=hierarchy)
        self.asked(tmp_path, first.port, limit=2)
        second = scripted_peer(script=nothing)
        given, found = self.asked(tmp_path, second.port, limit=2)
        growth = growth_of(given, tmp_path / "run.db")
        assert not growth.refusals
        assert not growth.unusable
        assert found.judged["0.0"].verdict is not Verdict.PARTIAL


class TestRowsWithoutKey:
    def test_are_those_of_the_query_that_asks_by_it(self) -> None:
        growth = Growth(unusable={("0.0", "series"): 2, ("0.1", "series"): 1})
        (root,) = (window("20240101", "20240102"),)
        assert growth.lacking({"series"}, [root]) == 2
        assert growth.lacking({"others"}, [root]) == 0


class TestInterrupted:
    @pytest.mark.parametrize("first", ["series", "others"])
    def test_amid_the_growth_of_one_asks_all_when_resumed(
        self, tmp_path: Path, scripted_peer: StartPeer, first: str
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = siblings(tmp_path, scripted.port)
        if first == "others":
            order = ("studies", "others", "lowest", "series", "images")
            given = replace(
                given, queries={name: given.queries[name] for name in order}
            )

        def first_growth(event: Event) -> bool:
            return isinstance(event, RequestsGrown)

        stopped = run(given, tmp_path / "run.db", first_growth)
        assert {one.query for one in stopped.requests.values()} == {first}
        assert stopped.grown == (first,)
        growth = growth_of(given, tmp_path / "run.db")
        verdicts = list(stopped.judged.values())
        code = exit_code_of(verdicts, ungrown=growth.ungrown(given))
        assert code is ExitCode.INCOMPLETE
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES | OTHERS | IMAGES | LOWEST
        each_once(found)

    def test_before_anything_grew_is_not_complete(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = siblings(tmp_path, scripted.port, deep=False)
        found = run(given, tmp_path / "run.db", grows=False)
        verdicts = list(found.judged.values())
        assert [one.verdict for one in verdicts] == [Verdict.COMPLETE]
        growth = growth_of(given, tmp_path / "run.db")
        assert set(growth.ungrown(given)) == {"series", "others"}
        code = exit_code_of(verdicts, ungrown=growth.ungrown(given))
        assert code is ExitCode.INCOMPLETE
