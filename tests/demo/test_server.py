"""Both SCPs as they are served, asked by pynetdicom."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import datetime
from itertools import repeat
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from batchfind.demo.announcement import Announcement, Served
from batchfind.demo.finding import PENDING, Findings
from batchfind.demo.server import (
    MODALITY_WORKLIST,
    PATIENT_STUDY_ONLY,
    STUDY_ROOT,
    VERIFICATION,
    scp,
    serve,
)
from batchfind.dicom.identifier import Identifier

NOW = datetime.fromisoformat("2026-03-30T23:30:00+02:00")


@pytest.fixture(scope="module")
def told() -> Iterator[Announcement]:
    announced: queue.Queue[dict[str, Any]] = queue.Queue()
    stop = threading.Event()
    serving = threading.Thread(target=serve, args=(0, 0, NOW, announced.put, stop))
    serving.start()
    ports = announced.get(timeout=30)
    yield Announcement(Served(**ports["pacs"]), Served(**ports["worklist"]))
    stop.set()
    serving.join()


def ask(
    port: int, sop_class: str, keys: Dataset, syntax: str = "1.2.840.10008.1.2.1"
) -> list[tuple[Dataset, Dataset | None]]:
    entity = AE()
    entity.add_requested_context(sop_class, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="ANYBODY")
    assert association.is_established
    answers = list(association.send_c_find(keys, sop_class))
    association.release()
    return answers


def step_keys(day: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepStartDate = day
    keys = Dataset()
    keys.PatientName = ""
    keys.ScheduledProcedureStepSequence = [item]
    return keys


class TestService:
    @pytest.mark.parametrize("room", ["pacs", "worklist"])
    def test_c_echo(self, room: str, told: Announcement) -> None:
        entity = AE()
        entity.add_requested_context(VERIFICATION)
        port = getattr(told, room).port
        association = entity.associate("127.0.0.1", port, ae_title="WHOEVER")
        assert association.send_c_echo().Status == 0
        association.release()

    @pytest.mark.parametrize(
        "syntax",
        [
            "1.2.840.10008.1.2",
            "1.2.840.10008.1.2.1",
            "1.2.840.10008.1.2.1.99",
            "1.2.840.10008.1.2.2",
        ],
    )
    def test_every_transfer_syntax_gives_the_same_names(
        self, syntax: str, told: Announcement
    ) -> None:
        keys = step_keys("20260331")
        answers = ask(told.worklist.port, MODALITY_WORKLIST, keys, syntax)
        names = [str(match.PatientName) for _, match in answers if match]
        assert len(names) == 9
        assert "Yukimura^Takeshi=雪村^武=ゆきむら^たけし" in names
        assert answers[-1][0].Status == 0

    def test_the_clock_given_counts_where_it_was_told(self, told: Announcement) -> None:
        answers = ask(told.worklist.port, MODALITY_WORKLIST, step_keys("20260330"))
        assert len(answers) == 8

    def test_patient_study_only_is_served(self, told: Announcement) -> None:
        keys = Dataset()
        keys.QueryRetrieveLevel = "PATIENT"
        keys.PatientID = "99000"
        answers = ask(told.pacs.port, PATIENT_STUDY_ONLY, keys)
        assert [status.Status for status, _ in answers] == [0xFF00, 0]

    def test_a_refusal_says_why(self, told: Announcement) -> None:
        keys = Dataset()
        keys.QueryRetrieveLevel = "IMAGE"
        keys.StudyInstanceUID = "1.2.3"
        ((status, _),) = ask(told.pacs.port, STUDY_ROOT, keys)
        assert status.Status == 0xA900
        assert status.ErrorComment == "SeriesInstanceUID must be a single value"
        assert status.OffendingElement == 0x0020000E


class Endless:
    """A model in which everything matches for ever."""

    def find(self, keys: Identifier) -> Findings:
        assert keys
        match = Dataset()
        match.PatientID = "AGAIN"
        return Findings(PENDING, repeat(match))


class TestCancel:
    """PS3.4 Section C.4.1.2.2 and C.4.1.3: matching ends with status FE00."""

    def test_a_cancel_ends_an_endless_answer(self) -> None:
        keys = Dataset()
        keys.QueryRetrieveLevel = "STUDY"
        entity = AE()
        entity.add_requested_context(STUDY_ROOT)
        with scp(0, {STUDY_ROOT: Endless()}) as port:
            association = entity.associate("127.0.0.1", port)
            answers = association.send_c_find(keys, STUDY_ROOT, msg_id=4)
            first, _ = next(answers)
            association.send_c_cancel(4, query_model=STUDY_ROOT)
            *_, (last, match) = answers
            association.release()
        assert first.Status == PENDING
        assert last.Status == 0xFE00
        assert match is None
