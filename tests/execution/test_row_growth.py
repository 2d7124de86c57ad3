"""Requests for the rows of others, by for_each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.execution import row_growth
from batchfind.job.model import Dedupe
from batchfind.plan.model import Origin
from tests.execution.born import (
    IMAGES,
    SERIES,
    chain,
    each_once,
    hierarchy,
)
from tests.execution.growing_run import (
    run,
)
from tests.execution.plans import peer
from tests.peers import steps
from tests.peers.plugin import StartPeer


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
        assert found.grown == ("series", "images")

    def test_counts_rows_that_cannot_be_asked_for(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        found = run(chain(tmp_path, scripted.port), tmp_path / "run.db")
        assert found.noted("no-key") == [
            {"request": "0.0", "query": "series", "rows": 1}
        ]

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

    def test_alternatives_have_a_row_in_common(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port)
        root = given.requests[0]
        other = replace(root, id="0.1", family="0.0", key="ab" * 32)
        given = replace(given, requests=(replace(root, family="0.0"), other))
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES | IMAGES

    @pytest.mark.parametrize("dedupe", [Dedupe.QUERY, Dedupe.FAMILY])
    def test_rows_of_other_requests_count_where_the_job_says_so(
        self, tmp_path: Path, scripted_peer: StartPeer, dedupe: Dedupe
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port)
        root = given.requests[0]
        studies = replace(given.queries["studies"], dedupe=dedupe)
        given = replace(
            given,
            requests=(root, replace(root, id="0.1", key="ab" * 32)),
            queries={**given.queries, "studies": studies},
        )
        found = run(given, tmp_path / "run.db")
        series = {one for one in found.requests if one.startswith("1.")}
        if dedupe is Dedupe.QUERY:
            assert series == SERIES
        else:
            assert series == SERIES | {f"1.0.0.1.{n}" for n in range(3)}

    def test_a_peer_is_asked_for_its_own_rows_only(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        first, second = scripted_peer(script=hierarchy), scripted_peer(script=hierarchy)
        given = chain(tmp_path, first.port)
        root = given.requests[0]
        series = given.queries["series"]
        assert series.growing is not None
        (pattern,) = series.growing.patterns
        patterns = pattern, replace(pattern, id="1.1", peer="ris")
        series = replace(series, growing=replace(series.growing, patterns=patterns))
        given = replace(
            given,
            peers={**given.peers, "ris": peer("ris", second.port)},
            requests=(root, replace(root, id="0.1", peer="ris", key="ab" * 32)),
            queries={"studies": given.queries["studies"], "series": series},
        )
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES | {f"1.1.0.1.{n}" for n in range(3)}
        assert len(first.seen.requests) == len(second.seen.requests) == 4

    def test_goes_on_though_a_parent_cannot_be_reached(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=hierarchy)
        given = chain(tmp_path, scripted.port)
        root = given.requests[0]
        gone = [
            replace(root, id=f"0.{n}", peer="gone", key=f"{n:064}") for n in range(1, 9)
        ]
        given = replace(
            given,
            peers={**given.peers, "gone": peer("gone", 1)},
            requests=(root, *gone),
        )
        found = run(given, tmp_path / "run.db")
        assert set(found.requests) == SERIES | IMAGES
        skipped = [
            one for one in found.verdicts.values() if one.verdict is Verdict.SKIPPED
        ]
        assert skipped

    def test_makes_none_where_not_all_rows_could_be_looked_at(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(row_growth, "_SPARE", 0)
        scripted = scripted_peer(script=hierarchy)
        found = run(chain(tmp_path, scripted.port, limit=3), tmp_path / "run.db")
        assert not found.requests
        (refusal,) = found.noted("growth-refused")
        assert "for_each.max" in refusal["message"]

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
