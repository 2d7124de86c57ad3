"""Whole runs against an archive that caps: all of it comes, or the run says so."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import batchfind
from batchfind import ExitCode, RunResult, Verdict
from batchfind.dicom.extended import encode_options
from batchfind.execution.results import RequestReport
from tests.execution.two_months import BUSY, UID_ROOT, two_months, write_job
from tests.peers.capped import CappedArchive, Empty, Order, Study, Style
from tests.peers.pdu import extended
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request, Step
from tests.peers.steps import accept, final, matches

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
CAPS = (200, 37)
FINDING = (Empty.EVERY, Empty.LOWER_OPEN)
TELLING = (Style.OUT_OF_RESOURCES, Style.CANCELLED, Style.ABORT)
SOME = two_months(600, busy=240)
TIMED = two_months(600, busy=240, untimed=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a run ended, and what it wrote.

    Attributes:
        uids: of the rows of its output, in their order.
        archive: that it asked.
    """

    result: RunResult
    uids: list[str]
    archive: CappedArchive

    @property
    def root(self) -> RequestReport:
        (only,) = self.result.roots
        return only

    @property
    def truth(self) -> set[str]:
        return {study.uid for study in self.archive.studies}


Ask: TypeAlias = Callable[..., Asked]


@pytest.fixture
def ask(tmp_path: Path, scripted_peer: StartPeer) -> Ask:
    """Runs the job of two months; arguments as of the archive and `write_job`."""

    def run(
        studies: Sequence[Study],
        cap: int,
        style: Style,
        empty: Empty = Empty.EVERY,
        order: Order = Order.NUMERIC,
        **job: Any,
    ) -> Asked:
        archive = CappedArchive(
            studies=studies, cap=cap, style=style, empty=empty, order=order
        )
        peer = scripted_peer(script=archive.answer)
        # What nobody tells and is below 50 has to be declared.
        declared = {"response_cap": cap} if style is Style.SILENT and cap < 50 else {}
        path = write_job(tmp_path, peer.port, **({"limits": declared} | job))
        result = batchfind.run(path)
        return Asked(result, uids_of(result), archive)

    return run


def uids_of(result: RunResult) -> list[str]:
    """Of the only output's rows, whether published or withheld."""
    assert not result.error
    with Path(result.outputs[0].written).open(encoding="utf-8") as file:
        return [row["StudyInstanceUID"] for row in csv.DictReader(file)]


def assert_complete(asked: Asked) -> None:
    """The union is the truth, each study once, and the verdict says so."""
    assert asked.root.verdict is Verdict.COMPLETE, asked.root.cause
    assert len(asked.uids) == len(asked.truth)
    assert set(asked.uids) == asked.truth
    assert asked.result.exit_code is ExitCode.OK
    assert asked.result.outputs[0].published


def assert_unproven(asked: Asked, lost: set[str]) -> None:
    """It is suspect for studies without a time, and no other is missing."""
    cause = asked.root.cause
    assert asked.root.verdict is Verdict.SUSPECT
    assert cause is not None
    assert cause.code == "unset-time-unproven"
    assert BUSY in cause.message
    assert cause.hint
    assert asked.truth - set(asked.uids) <= lost
    assert len(asked.uids) == len(set(asked.uids))
    assert asked.result.exit_code is ExitCode.SUSPECT
    assert not asked.result.outputs[0].published


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("style", Style)
class TestSixHundredStudies:
    @pytest.mark.parametrize("empty", FINDING)
    def test_are_found_where_empty_times_are(
        self, cap: int, style: Style, empty: Empty, ask: Ask
    ) -> None:
        asked = ask(SOME, cap, style, empty)
        assert_complete(asked)
        assert not asked.root.assumptions

    def test_are_doubted_where_empty_times_are_not(
        self, cap: int, style: Style, ask: Ask
    ) -> None:
        untimed = {study.uid for study in SOME if study.date == BUSY and not study.time}
        assert_unproven(ask(SOME, cap, style, Empty.NONE), untimed)

    def test_are_found_where_the_job_says_that_none_is_without_a_time(
        self, cap: int, style: Style, ask: Ask
    ) -> None:
        window = {"unset": "assume-none"}
        asked = ask(TIMED, cap, style, Empty.NONE, window=window)
        assert_complete(asked)
        (assumption,) = asked.root.assumptions
        assert "assume-none" in assumption


class TestRowsThatDoNotMatch:
    """An archive that compares text has `12:20:00` between 125900 and 130000."""

    def test_are_left_out_by_the_question_and_not_by_the_bounds_of_a_piece(
        self, ask: Ask
    ) -> None:
        studies = [Study(f"{UID_ROOT}.{n}", BUSY, f"12{n:02}30") for n in range(60)]
        studies += [
            Study(f"{UID_ROOT}.60", BUSY, ""),
            Study(f"{UID_ROOT}.61", BUSY, "12:20:00"),
        ]
        asked = ask(
            *(studies, 9, Style.CANCELLED),
            order=Order.LEXICOGRAPHIC,
            window={"from": "2026-01-14", "to": "2026-01-14"},
            verify_matches="drop",
        )
        assert_complete(asked)
        assert not asked.root.dropped


class TestEmptyValueMatching:
    def test_finds_studies_without_a_time_that_no_range_finds(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = CappedArchive(
            studies=SOME, cap=37, style=Style.CANCELLED, empty=Empty.NONE
        )
        agreed = extended(STUDY_ROOT, encode_options(STUDY_ROOT, ["empty_value"]))
        peer = scripted_peer(script=archive.answer, on_connect=[accept(user=agreed)])
        path = write_job(
            tmp_path, peer.port, peer={"negotiation": {"empty_value": "prefer"}}
        )
        result = batchfind.run(path)
        asked = Asked(result, uids_of(result), archive)
        assert_complete(asked)
        assert not asked.root.assumptions


class TestFiveThousandStudies:
    """Nine hundred of them on one day, in each way that an archive caps."""

    @pytest.mark.parametrize(
        ("cap", "style", "empty", "order"),
        [
            (200, Style.ABORT, Empty.EVERY, Order.NUMERIC),
            (200, Style.SILENT, Empty.LOWER_OPEN, Order.NUMERIC),
            (90, Style.OUT_OF_RESOURCES, Empty.LOWER_OPEN, Order.NUMERIC),
        ],
    )
    def test_are_found(
        self, cap: int, style: Style, empty: Empty, order: Order, ask: Ask
    ) -> None:
        studies = two_months(5000, busy=900)
        assert_complete(ask(studies, cap, style, empty, order))

    def test_a_day_at_a_time_only_the_busy_day_is_doubted(self, ask: Ask) -> None:
        studies = two_months(5000, busy=900)
        asked = ask(studies, 200, Style.CANCELLED, Empty.NONE, window={"step": "1d"})
        doubted = [
            one for one in asked.result.roots if one.verdict is not Verdict.COMPLETE
        ]
        assert [one.verdict for one in doubted] == [Verdict.SUSPECT]
        assert doubted[0].cause is not None
        assert BUSY in doubted[0].cause.message
        untimed = {one.uid for one in studies if one.date == BUSY and not one.time}
        assert asked.truth - set(asked.uids) == untimed
        assert asked.result.exit_code is ExitCode.SUSPECT


class TestOneInstantOverTheCap:
    """Sixty studies of the same second behind a cap of fifty-five."""

    STUDIES = (
        *SOME[:100],
        *(Study(f"{UID_ROOT}.7.{n}", BUSY, "120000") for n in range(60)),
    )

    @pytest.mark.parametrize("style", Style)
    def test_is_never_complete(self, style: Style, ask: Ask) -> None:
        asked = ask(self.STUDIES, 55, style)
        silent = style is Style.SILENT
        assert asked.root.verdict is (Verdict.SUSPECT if silent else Verdict.PARTIAL)
        expected = ExitCode.SUSPECT if silent else ExitCode.INCOMPLETE
        assert asked.result.exit_code is expected
        assert asked.root.cause is not None
        assert BUSY in asked.root.cause.message
        assert asked.root.cause.hint
        assert not asked.result.outputs[0].published

    def test_a_further_key_that_is_declared_exhaustive_helps(self, ask: Ask) -> None:
        then = [
            {
                "key": "ModalitiesInStudy",
                "values": ["CT", "MR", "US"],
                "exhaustive": True,
            }
        ]
        modalities = ("CT", "MR", "US")
        studies = [
            Study(f"{UID_ROOT}.7.{n}", BUSY, "120000", modalities[n % 3])
            for n in range(60)
        ]
        studies.append(Study(f"{UID_ROOT}.8", BUSY, ""))
        style = Style.OUT_OF_RESOURCES
        asked = ask(studies, 55, style, window={"then": then})
        assert_complete(asked)
        assert asked.root.assumptions


class TestTwentyNightsOfASmallWorklist:
    """Equal and round counts below fifty are what small hospitals have."""

    COUNTS = (
        20,
        20,
        30,
        40,
        49,
        40,
        10,
        10,
        25,
        25,
        30,
        20,
        49,
        48,
        0,
        5,
        5,
        40,
        49,
        1,
    )
    STEP = "ScheduledProcedureStepSequence"

    @pytest.mark.parametrize("split", ["off", "adaptive"])
    def test_are_not_doubted(
        self, split: str, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        def script(request: Request) -> Sequence[Step]:
            night = re.search(rb"202601(\d\d)", request.identifier)
            assert night is not None
            return [matches(self.COUNTS[int(night[1]) - 1]), final()]

        peer = scripted_peer(script=script)
        steps = {
            "model": "worklist",
            "keys": {"PatientID": "", self.STEP: {"Modality": ""}},
            "window": {
                "key": f"{self.STEP}.ScheduledProcedureStepStartDate",
                "from": "2026-01-01",
                "to": "2026-01-20",
                "step": "1d",
                "split": split,
            },
            "return": ["StudyInstanceUID"],
        }
        job = {
            "version": 1,
            "name": "nights",
            "timezone": "Europe/Berlin",
            "peers": {"ris": {"host": "127.0.0.1", "port": peer.port}},
            "queries": {"steps": steps},
            "outputs": [{"format": "csv", "path": "steps.csv"}],
        }
        path = tmp_path / "job.yaml"
        path.write_text(json.dumps(job), "utf-8")
        result = batchfind.run(path)
        assert {one.verdict for one in result.requests} == {Verdict.COMPLETE}
        assert len(result.requests) == len(peer.seen.requests) == 20
        assert result.exit_code is ExitCode.OK
        assert len(uids_of(result)) == sum(self.COUNTS)
