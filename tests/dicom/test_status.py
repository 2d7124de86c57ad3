from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.status import StatusCategory, meaning, status_code

WHAT = StatusCategory


class TestMeaning:
    def test_every_16_bit_value_has_one(self) -> None:
        for status in range(0x10000):
            found = meaning(status)
            assert found.text
            assert (found.category is WHAT.SUCCESS) == (status == 0)
            assert (found.category is WHAT.PENDING) == (status in {0xFF00, 0xFF01})
            assert (found.category is WHAT.CANCEL) == (status == 0xFE00)

    @pytest.mark.parametrize(
        ("status", "category", "word"),
        [
            (0x0000, WHAT.SUCCESS, "in full"),
            (0x0001, WHAT.WARNING, "not supported"),
            (0x0110, WHAT.FAILURE, "database"),
            (0x0112, WHAT.FAILURE, "no such SOP instance"),
            (0x0117, WHAT.FAILURE, "UID"),
            (0x0122, WHAT.FAILURE, "does not support"),
            (0x0124, WHAT.FAILURE, "not authorised"),
            (0x0210, WHAT.FAILURE, "message ID"),
            (0x0211, WHAT.FAILURE, "operation"),
            (0x0212, WHAT.FAILURE, "mistyped"),
            (0x0213, WHAT.FAILURE, "resource limit"),
            (0x02FF, WHAT.FAILURE, "failure"),
            (0xA700, WHAT.FAILURE, "out of resources"),
            (0xA7FF, WHAT.FAILURE, "out of resources"),
            (0xA710, WHAT.FAILURE, "record key"),
            (0xA900, WHAT.FAILURE, "does not fit"),
            (0xB001, WHAT.WARNING, "more to ask for"),
            (0xB123, WHAT.WARNING, "warning"),
            (0xC000, WHAT.FAILURE, "unable to process"),
            (0xC100, WHAT.FAILURE, "more than one"),
            (0xC200, WHAT.FAILURE, "template"),
            (0xCFFF, WHAT.FAILURE, "unable to process"),
            (0xFE00, WHAT.CANCEL, "cancelled"),
            (0xFF00, WHAT.PENDING, "all keys"),
            (0xFF01, WHAT.PENDING, "optional keys"),
            (0xFFF0, WHAT.UNKNOWN, "does not define"),
            (0x1234, WHAT.UNKNOWN, "does not define"),
        ],
    )
    def test_is_the_standard_s(
        self, status: int, category: StatusCategory, word: str
    ) -> None:
        found = meaning(status)
        assert found.category is category
        assert word in found.text

    @given(st.integers().filter(lambda status: not 0 <= status <= 0xFFFF))
    def test_more_than_16_bits_is_our_bug(self, status: int) -> None:
        with pytest.raises(ValueError, match="16 bits"):
            meaning(status)


def test_the_cause_code_is_lower_case_hexadecimal() -> None:
    assert status_code(0xA700) == "status-a700"
    assert status_code(0x0110) == "status-0110"
