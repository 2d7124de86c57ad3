"""What data correction takes from values; measured with `findscu +dc -X`."""

from __future__ import annotations

import pytest

from batchfind.dicom import transfer_syntaxes as ts
from batchfind.dicom.correction import corrected, corrected_data_set
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element
from batchfind.dicom.scalar import decode


@pytest.mark.parametrize(
    ("vr", "received", "value"),
    [
        ("CS", b" CT \\ MR  ", b" CT \\ MR"),
        ("PN", b"  Doe^John ^  ", b"  Doe^John ^"),
        ("LT", b"  lt\r\n  ", b"  lt\r\n"),
        ("DA", b"        ", b""),
        ("LO", b"123\0\0\0", b"123\0\0\0"),
        ("UI", b" 1.2.3 .4\0\0\0", b"1.2.3.4"),
        ("UI", b"1.2.3 \\ 1.2.4 ", b"1.2.3\\1.2.4"),
        ("OB", b"\x20\x20", b"\x20\x20"),
        ("US", b"\x20\x20", b"\x20\x20"),
    ],
)
def test_spaces_that_do_not_belong_there_are_removed(
    vr: str, received: bytes, value: bytes
) -> None:
    assert corrected(vr, received) == value


@pytest.mark.parametrize("syntax", ts.TITLES)
def test_a_data_set_is_corrected_at_every_depth(syntax: str) -> None:
    def data_set(uid: bytes, text: bytes) -> bytes:
        return encode(
            (
                Element(0x00080018, "UI", uid),
                Element(0x00280010, "US", "12"),
                Element(0x00400100, "SQ", ((Element(0x00400007, "LO", text),), ())),
                Element(0x7FE00010, "OW", b"\x01\x02"),
            ),
            syntax,
            (),
        )

    mended = corrected_data_set(data_set(b" 1.2 ", b"x   "), syntax)
    assert decode(mended, syntax) == decode(data_set(b"1.2", b"x "), syntax)


def test_what_cannot_be_decoded_stays_as_it_is() -> None:
    assert corrected_data_set(b"\x08\0", ts.EXPLICIT_LE) == b"\x08\0"
