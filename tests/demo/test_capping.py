"""Demo peers that give no more than so many responses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from batchfind.demo.capping import Cap, CapStyle
from batchfind.demo.finding import PENDING, Findings
from batchfind.demo.server import STUDY_ROOT, scp
from batchfind.dicom.identifier import Identifier


class Matches:
    """A model in which so many matches are found for every question."""

    def __init__(self, count: int) -> None:
        self.count = count

    def find(self, keys: Identifier) -> Findings:
        assert keys
        match = Dataset()
        match.PatientID = "ONE"
        return Findings(PENDING, repeat(match, self.count))


def answers(count: int, cap: Cap) -> Iterator[int | None]:
    """The status of every response; None stands for an association that ended."""
    entity = AE()
    entity.add_requested_context(STUDY_ROOT)
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    with scp(0, {STUDY_ROOT: Matches(count)}, cap) as port:
        association = entity.associate("127.0.0.1", port)
        for status, _ in association.send_c_find(keys, STUDY_ROOT):
            yield status.get("Status")
        association.release()


@pytest.mark.parametrize("style", CapStyle)
class TestAnAnswer:
    @pytest.mark.parametrize("count", [0, 2, 3])
    def test_up_to_the_cap_is_whole(self, count: int, style: CapStyle) -> None:
        assert list(answers(count, Cap(3, style))) == [PENDING] * count + [0]

    def test_beyond_the_cap_ends_in_the_style_asked_for(self, style: CapStyle) -> None:
        ends = {
            CapStyle.SILENT: 0x0000,
            CapStyle.A700: 0xA700,
            CapStyle.FE00: 0xFE00,
            CapStyle.ABORT: None,
        }
        assert list(answers(4, Cap(3, style))) == [PENDING] * 3 + [ends[style]]
