from __future__ import annotations

import pytest

from batchfind.demo.entity import stored, tag_named


class TestStored:
    def test_empty_and_several_values_and_items(self) -> None:
        got = stored(
            {
                "PatientID": "",
                "ImageType": ["ORIGINAL", "PRIMARY"],
                "RequestedProcedureCodeSequence": [{"CodeValue": "X"}],
            }
        )
        assert got == {
            0x00100020: [],
            0x00080008: ["ORIGINAL", "PRIMARY"],
            0x00321064: [{0x00080100: ["X"]}],
        }

    def test_an_unknown_keyword_is_an_error(self) -> None:
        with pytest.raises(KeyError, match="PatientIdentity"):
            tag_named("PatientIdentity")
