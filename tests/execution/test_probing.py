"""Rows without a time, once a day was cut by time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.dicom.extended import encode_options
from batchfind.job.model import Unset
from batchfind.job.transport_model import Asked as Negotiate
from batchfind.plan.model import Piecing, Request
from tests.execution.born import (
    each_once,
    uids,
)
from tests.execution.growing_run import (
    Outcome,
    run,
    splitting_plan,
)
from tests.execution.plans import STUDY_ROOT
from tests.execution.simulation import splitting, window
from tests.peers import pdu, steps
from tests.peers.capped import CappedArchive, Empty, Study, Style
from tests.peers.plugin import StartPeer


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

    def test_is_probed_on_eight_days_at_most(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        found = [
            Study(f"1.2.{day}.{n}", f"202401{day:02d}", time)
            for day in range(1, 11)
            for n, time in enumerate(["", "0100", "1300"])
        ]
        archive = CappedArchive(
            studies=found, cap=2, style=Style.CANCELLED, empty=Empty.NONE
        )
        scripted = scripted_peer(script=archive.answer)
        roots = [
            window(f"202401{day:02d}", f"202401{day:02d}", f"0.{day}")
            for day in range(1, 11)
        ]
        given = splitting_plan(tmp_path, scripted.port, roots)
        probed = self._probes(run(given, tmp_path / "run.db"))
        assert [one.parent for one in probed] == [f"0.{day}" for day in range(1, 9)]

    def test_is_not_probed_where_the_run_has_no_room_for_it(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        found = [
            Study(f"1.2.{n}", "20240101", t) for n, t in enumerate(["", "0100", "13"])
        ]
        archive = CappedArchive(
            studies=found, cap=2, style=Style.CANCELLED, empty=Empty.NONE
        )
        scripted = scripted_peer(script=archive.answer)
        root = window("20240101", "20240101")
        for most, probes in ((3, 0), (4, 1)):
            policy = {"max_requests": most}
            given = splitting_plan(tmp_path, scripted.port, [root], policy=policy)
            asked = run(given, tmp_path / f"{most}.db")
            assert len(self._probes(asked)) == probes

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


class TestEmptyValue:
    """PS3.4 Section C.2.2.2.7: where it was accepted, nothing is to be proven."""

    @pytest.mark.parametrize("accepted", [True, False])
    def test_is_asked_for_on_every_day_that_is_cut_by_time(
        self, tmp_path: Path, scripted_peer: StartPeer, *, accepted: bool
    ) -> None:
        times = [f"{n // 60:02d}{n % 60:02d}00" for n in range(0, 1440, 20)]
        found = [Study(f"1.2.{n}", "20240101", time) for n, time in enumerate(times)]
        archive = CappedArchive(
            studies=found, cap=20, style=Style.OUT_OF_RESOURCES, empty=Empty.NONE
        )
        information = encode_options(STUDY_ROOT, ["empty_value"] * accepted)
        scripted = scripted_peer(
            script=lambda asked: (
                archive.answer(asked)
                if b'""' not in asked.identifier
                else [steps.final()]
            ),
            on_connect=[steps.accept(user=pdu.extended(STUDY_ROOT, information))],
        )
        root = window("20240101", "20240101")
        root = replace(root, negotiation={"empty_value": Negotiate.PREFER})
        given = splitting_plan(tmp_path, scripted.port, [root])
        asked = run(given, tmp_path / "run.db")
        probes = [
            one.id
            for one in asked.requests.values()
            if one.extent and one.extent.by is Piecing.UNSET
        ]
        assert probes == (["0.0.2"] if accepted else [])
        assert asked.uids == uids(archive)
        each_once(asked)
