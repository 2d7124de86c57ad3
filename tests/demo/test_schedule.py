from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from batchfind.demo.entity import Entity, tag_named
from batchfind.demo.schedule import schedule
from batchfind.demo.wire import data_set_of
from batchfind.dicom.matching import Stored
from tests.demo.asking import identifier

TODAY = date(2026, 3, 30)


def item(step: Entity) -> Mapping[int, Stored]:
    (only,) = step.attributes[tag_named("ScheduledProcedureStepSequence")]
    assert isinstance(only, Mapping)
    return only


def texts(steps: list[Entity], keyword: str) -> list[str]:
    return [str(item(step)[tag_named(keyword)][0]) for step in steps]


class TestTheWeek:
    def test_about_forty_steps_stand_from_yesterday_to_a_week_ahead(self) -> None:
        steps = schedule(TODAY)
        days = texts(steps, "ScheduledProcedureStepStartDate")
        expected = {f"{TODAY + timedelta(days=n):%Y%m%d}" for n in range(-1, 8)}
        assert len(steps) == 40
        assert set(days) == expected
        assert days == sorted(days)

    def test_tomorrow_has_every_modality(self) -> None:
        steps = schedule(TODAY)
        tomorrow = [
            modality
            for modality, day in zip(
                texts(steps, "Modality"),
                texts(steps, "ScheduledProcedureStepStartDate"),
                strict=True,
            )
            if day == "20260331"
        ]
        assert sorted(set(tomorrow)) == ["CR", "CT", "MR", "NM", "US"]

    def test_equal_days_give_equal_schedules(self) -> None:
        assert schedule(TODAY) == schedule(TODAY)
        assert schedule(TODAY) != schedule(TODAY + timedelta(days=1))

    @pytest.mark.parametrize("keyword", ["StudyInstanceUID", "AccessionNumber"])
    def test_steps_have_identities_of_their_own(self, keyword: str) -> None:
        steps = schedule(TODAY)
        assert len({step.text(tag_named(keyword)) for step in steps}) == len(steps)


class TestNames:
    """PS3.5 Section 6.1 and Annexes H to K: names in their own scripts."""

    def test_the_scripts_of_the_world_occur(self) -> None:
        charsets = {step.charset for step in schedule(TODAY)}
        assert charsets == {
            (),
            ("ISO_IR 100",),
            ("ISO_IR 126",),
            ("ISO_IR 144",),
            ("", "ISO 2022 IR 87"),
            ("", "ISO 2022 IR 149"),
            ("GB18030",),
            ("ISO_IR 192",),
        }

    @pytest.mark.parametrize("step", schedule(TODAY)[:20])
    def test_every_name_survives_its_character_set(self, step: Entity) -> None:
        sent = data_set_of(identifier({"PatientName": "", "PatientID": ""}), step)
        name = step.text(tag_named("PatientName"))
        stream = DicomBytesIO()
        stream.is_implicit_VR, stream.is_little_endian = False, True
        write_dataset(stream, sent)
        received = dcmread(BytesIO(stream.getvalue()), force=True)
        assert str(received.PatientName) == name
