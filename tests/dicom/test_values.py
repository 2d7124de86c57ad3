from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.charset import resolve
from batchfind.dicom.values import number_values, tag_values, text_values

ASCII = resolve(None)


class TestText:
    @pytest.mark.parametrize(
        ("raw", "vr", "values"),
        [
            (b"", "LO", ()),
            (b"  ", "LO", ()),
            (b"1.2.3\0", "UI", ("1.2.3",)),
            (b"1.2\\3.4\0", "UI", ("1.2", "3.4")),
            (b" CT \\ MR", "CS", ("CT", "MR")),
            (b" note ", "LT", (" note",)),
            (b" Doe^Jane ", "PN", (" Doe^Jane",)),
            (b"a\\b ", "UT", ("a\\b",)),
            (b"a\\b", "UR", ("a\\b",)),
            (b"a\\\\b", "LO", ("a", "", "b")),
            (b"a\\", "LO", ("a", "")),
            (b"abc\0", "LO", ("abc",)),
            (b"a\0c", "LO", ("a\0c",)),
            (b" 7 ", "IS", ("7",)),
            (b"1030  ", "TM", ("1030",)),
        ],
    )
    def test_is_split_and_stripped_as_its_vr_says(
        self, raw: bytes, vr: str, values: tuple[str, ...]
    ) -> None:
        assert text_values(raw, vr, ASCII) == (values, 0)

    def test_counts_replacements(self) -> None:
        assert text_values(b"\xdc ", "LO", ASCII) == (("\ufffd",), 1)


class TestNumbers:
    @pytest.mark.parametrize(
        ("vr", "code", "low", "high"),
        [
            ("US", "H", 0, 2**16 - 1),
            ("SS", "h", -(2**15), 2**15 - 1),
            ("UL", "I", 0, 2**32 - 1),
            ("SL", "i", -(2**31), 2**31 - 1),
            ("UV", "Q", 0, 2**64 - 1),
            ("SV", "q", -(2**63), 2**63 - 1),
        ],
    )
    @given(data=st.data(), big_endian=st.booleans())
    def test_integers_of_both_byte_orders(
        self,
        vr: str,
        code: str,
        low: int,
        high: int,
        data: st.DataObject,
        big_endian: bool,
    ) -> None:
        numbers = data.draw(st.lists(st.integers(low, high), max_size=5))
        order = ">" if big_endian else "<"
        raw = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        assert number_values(vr, raw, big_endian=big_endian) == tuple(numbers)

    @given(st.floats(allow_nan=False))
    def test_doubles(self, number: float) -> None:
        assert number_values("FD", struct.pack("<d", number)) == (number,)

    def test_floats(self) -> None:
        assert number_values("FL", struct.pack(">f", 0.5), big_endian=True) == (0.5,)

    def test_three_bytes_are_no_us(self) -> None:
        with pytest.raises(ValueError, match="US of 3 bytes is no multiple of 2"):
            number_values("US", b"abc")


class TestTags:
    def test_are_eight_hexadecimal_digits(self) -> None:
        raw = b"\x10\x00\x20\x00\xe0\x7f\x10\x00"
        assert tag_values(raw) == ("00100020", "7FE00010")
        assert tag_values(b"\x00\x10\x00\x20", big_endian=True) == ("00100020",)

    def test_of_odd_size_are_refused(self) -> None:
        with pytest.raises(ValueError, match="AT of 3 bytes"):
            tag_values(b"abc")
