"""Real peers that cap: what is theirs is found, and what they do not show is told."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import batchfind
from batchfind import ExitCode, RunResult, Verdict
from tests.interop import one_day
from tests.interop.one_day import DAY, TIMED, TIMES, uids
from tests.peers import real
from tests.peers.plugin import StartPeer
from tests.peers.real import RealPeer
from tests.peers.relay import CappingRelay

pytestmark = pytest.mark.interop

CAP = 5
STEP = "ScheduledProcedureStepSequence"
STUDIES = {
    "model": "study",
    "level": "STUDY",
    "keys": {"PatientID": "", "StudyTime": ""},
    "window": {"key": "StudyDate", "from": DAY, "to": DAY},
}
STEPS = {
    "model": "worklist",
    "keys": {"PatientID": "", STEP: {"Modality": ""}},
    "window": {
        "key": f"{STEP}.ScheduledProcedureStepStartDate",
        "from": DAY,
        "to": DAY,
    },
}
CUT = {"split": "adaptive", "floor": "1s"}
ASSUMED = {"unset": "assume-none"}


@pytest.fixture(scope="module")
def capping_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPeer]:
    folder = tmp_path_factory.mktemp("capping")
    files = one_day.studies(folder / "files")
    with real.orthanc(folder, {"LimitFindResults": CAP}, files) as peer:
        yield peer


@pytest.fixture(scope="module", params=[TIMES, TIMED], ids=["untimed", "timed"])
def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealPeer]:
    """dcmqrscp with studies of all times, or of all but the empty one."""
    folder = tmp_path_factory.mktemp("archive")
    files = one_day.studies(folder / "files", request.param)
    with real.dcmqrscp(folder, files) as peer:
        yield peer


@pytest.fixture(scope="module", params=[TIMES, TIMED], ids=["untimed", "timed"])
def worklist(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealPeer]:
    """wlmscpfs with steps of all times, or of all but the empty one."""
    folder = tmp_path_factory.mktemp("worklist")
    dumps = one_day.worklist(folder / "dumps", request.param)
    with real.wlmscpfs(folder, "-dfr", dumps=dumps) as peer:
        yield peer


def run_of_a_day(
    folder: Path,
    port: int,
    called_ae: str,
    query: Mapping[str, Any],
    limits: Mapping[str, Any] | None = None,
    *,
    cut: Mapping[str, Any] = CUT,
    **window: Any,
) -> RunResult:
    """Asks for one day, which is cut down to seconds."""
    peer = {"host": "127.0.0.1", "port": port, "called_ae": called_ae}
    job = {
        "version": 1,
        "name": "one-day",
        "timezone": "Europe/Berlin",
        "peers": {"peer": {**peer, "limits": limits or {}}},
        "queries": {"q": {**query, "window": {**query["window"], **cut, **window}}},
        "outputs": [{"format": "csv", "path": "rows.csv"}],
    }
    path = folder / "job.yaml"
    path.write_text(json.dumps(job), "utf-8")
    return batchfind.run(path)


def uids_of(result: RunResult) -> list[str]:
    with Path(result.outputs[0].written).open(encoding="utf-8") as file:
        return sorted(row["StudyInstanceUID"] for row in csv.DictReader(file))


class TestOrthancWithLimitFindResults:
    """It ends with FE00, and compares times as text: `1200` is before `120000`."""

    def test_shows_every_study_of_a_day(
        self, capping_orthanc: RealPeer, tmp_path: Path
    ) -> None:
        peer = capping_orthanc
        result = run_of_a_day(tmp_path, peer.port, peer.called_ae, STUDIES)
        (root,) = result.roots
        assert root.verdict is Verdict.COMPLETE, root.cause
        assert uids_of(result) == sorted(uids())
        assert not root.assumptions
        assert result.exit_code is ExitCode.OK

    def test_is_partial_where_nothing_is_cut(
        self, capping_orthanc: RealPeer, tmp_path: Path
    ) -> None:
        peer = capping_orthanc
        result = run_of_a_day(tmp_path, peer.port, peer.called_ae, STUDIES, cut={})
        (root,) = result.roots
        assert root.verdict is Verdict.PARTIAL
        assert root.responses == CAP
        assert root.cause is not None
        assert root.cause.code == "status-fe00"
        assert result.exit_code is ExitCode.INCOMPLETE
        assert not result.outputs[0].published


@pytest.mark.parametrize("status", [0, 0xA700])
class TestDcmqrscpBehindACap:
    """It returns no study without a time for any range of times."""

    def test_is_suspect_whether_or_not_a_study_is_without_a_time(
        self, status: int, archive: RealPeer, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        result = behind_a_cap(archive, scripted_peer, status, tmp_path, STUDIES)
        assert_unproven(result)
        assert set(uids_of(result)) >= uids(TIMED)

    def test_is_complete_if_the_job_says_truly_that_none_is(
        self, status: int, archive: RealPeer, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        result = behind_a_cap(
            archive, scripted_peer, status, tmp_path, STUDIES, **ASSUMED
        )
        (root,) = result.roots
        if uids_of(result) == sorted(uids(TIMED)):
            assert root.verdict is Verdict.COMPLETE, root.cause
            assert root.assumptions
        else:  # the answer that was cut had the one without a time in it
            assert_unproven(result)
            assert uids_of(result) == sorted(uids())


@pytest.mark.parametrize("status", [0, 0xA700])
class TestWlmscpfsBehindACap:
    """To it a step without a time is one at midnight."""

    def test_is_complete_where_it_shows_that_it_finds_a_step_without_a_time(
        self, status: int, worklist: RealPeer, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        result = behind_a_cap(worklist, scripted_peer, status, tmp_path, STEPS)
        (root,) = result.roots
        if uids_of(result) == sorted(uids()):
            assert root.verdict is Verdict.COMPLETE, root.cause
            assert not root.assumptions
        else:  # there is none that could show it
            assert_unproven(result)
            assert uids_of(result) == sorted(uids(TIMED))

    def test_is_complete_if_the_job_says_that_there_is_none(
        self, status: int, worklist: RealPeer, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        result = behind_a_cap(
            worklist, scripted_peer, status, tmp_path, STEPS, **ASSUMED
        )
        (root,) = result.roots
        assert root.verdict is Verdict.COMPLETE, root.cause
        whole = uids_of(result) == sorted(uids())
        assert bool(root.assumptions) is not whole
        assert set(uids_of(result)) >= uids(TIMED)


def behind_a_cap(
    peer: RealPeer,
    scripted_peer: StartPeer,
    status: int,
    folder: Path,
    query: Mapping[str, Any],
    **window: Any,
) -> RunResult:
    """A peer that shows no more than five; what nobody tells is declared."""
    relay = scripted_peer(script=CappingRelay(peer, CAP, status).answer)
    limits = {} if status else {"response_cap": CAP}
    return run_of_a_day(folder, relay.port, peer.called_ae, query, limits, **window)


def assert_unproven(result: RunResult) -> None:
    (root,) = result.roots
    assert root.verdict is Verdict.SUSPECT
    assert root.cause is not None
    assert root.cause.code == "unset-time-unproven"
    assert DAY in root.cause.message
    assert result.exit_code is ExitCode.SUSPECT
