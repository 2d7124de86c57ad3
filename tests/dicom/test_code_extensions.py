"""Values of (0008,0005) with code extensions. PS3.3 Section C.12.1.1.2."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pydicom
import pytest

from batchfind.dicom.code_extensions import check_character_set, values_of
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from tests.peers.processes import require


class TestAListOfTerms:
    @pytest.mark.parametrize(
        ("terms", "values"),
        [
            ((), ()),
            (("ISO_IR 100",), ("ISO_IR 100",)),
            (("ISO_IR 100", "ISO_IR 192"), ("ISO_IR 100", "ISO_IR 192")),
            (("GBK", "GB18030"), ("GBK", "GB18030")),
        ],
    )
    def test_without_code_extensions_holds_alternatives(
        self, terms: tuple[str, ...], values: tuple[str, ...]
    ) -> None:
        assert values_of(terms) == values

    @pytest.mark.parametrize(
        ("terms", "value"),
        [
            (("", "ISO 2022 IR 87"), r"\ISO 2022 IR 87"),
            (("ISO 2022 IR 6", "ISO 2022 IR 87"), r"ISO 2022 IR 6\ISO 2022 IR 87"),
            (("ISO 2022 IR 13", "ISO 2022 IR 87"), r"ISO 2022 IR 13\ISO 2022 IR 87"),
            (("ISO_IR 100", "ISO 2022 IR 149"), r"ISO_IR 100\ISO 2022 IR 149"),
            (("ISO 2022 IR 100",), "ISO 2022 IR 100"),
        ],
    )
    def test_with_code_extensions_is_one_value(
        self, terms: tuple[str, ...], value: str
    ) -> None:
        assert values_of(terms) == (value,)

    @pytest.mark.parametrize("number", [58, 87, 149, 159])
    def test_a_lone_multi_byte_set_gets_an_empty_first_term(self, number: int) -> None:
        term = f"ISO 2022 IR {number}"
        assert values_of((term,)) == (rf"\{term}",)

    def test_whole_values_are_alternatives(self) -> None:
        terms = (r"\ISO 2022 IR 87", "ISO 2022 IR 149", "ISO_IR 192")
        values = (r"\ISO 2022 IR 87", r"\ISO 2022 IR 149", "ISO_IR 192")
        assert values_of(terms) == values


class TestLegality:
    @pytest.mark.parametrize(
        "value",
        [
            "",
            "ISO_IR 100",
            "GB18030",
            "ISO 2022 IR 100",
            r"\ISO 2022 IR 87",
            r"ISO 2022 IR 13\ISO 2022 IR 87\ISO 2022 IR 159",
        ],
    )
    def test_of_what_the_tables_allow(self, value: str) -> None:
        assert check_character_set(value) == []

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (r"ISO_IR 100\ISO 2022 IR 149", "ISO_IR 100 knows no escape sequences"),
            (r"ISO 2022 IR 87\ISO 2022 IR 13", "cannot be the first term"),
            (r"\ISO_IR 192", "ISO_IR 192 stands alone"),
            (r"GBK\ISO 2022 IR 87", "GBK stands alone"),
            (r"ISO 2022 IR 6\\ISO 2022 IR 87", "has an empty term"),
            (r"\ISO 2022 IR 87\ISO 2022 IR 87", "ISO 2022 IR 87 stands twice"),
            (r"\ISO 2022 IR 6", "ISO 2022 IR 6 stands twice"),
        ],
    )
    def test_of_what_they_forbid(self, value: str, why: str) -> None:
        (finding,) = check_character_set(value)
        assert finding.clause == "PS3.3 C.12.1.1.2"
        assert why in finding.message


NAMES = {
    ("", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ("ISO 2022 IR 6", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎",
    ("ISO 2022 IR 13", "ISO 2022 IR 87"): "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ("ISO 2022 IR 87",): "山田*",
    ("ISO 2022 IR 149",): "Hong^Gildong=洪^吉洞=홍^길동",
    ("ISO 2022 IR 58",): "Wang^XiaoDong=王^小东",
    ("ISO 2022 IR 100", "ISO 2022 IR 144"): "Müller^Иван",
}


class TestWhatIsSent:
    """Others read the text of a key in the character set that goes with it."""

    @pytest.mark.parametrize(
        ("terms", "name"),
        # pydicom leaves the escape sequence of ISO 2022 IR 58 in the text.
        [one for one in NAMES.items() if "ISO 2022 IR 58" not in one[0]],
    )
    def test_is_read_by_pydicom(self, terms: tuple[str, ...], name: str) -> None:
        data = pydicom.dcmread(io.BytesIO(_sent(terms, name)), force=True)
        data.decode()
        assert str(data.PatientName) == name

    @pytest.mark.interop
    @pytest.mark.parametrize(
        ("terms", "name"),
        # DCMTK knows no ISO 2022 IR 87 where it is built with the C library's iconv.
        [one for one in NAMES.items() if "ISO 2022 IR 87" not in one[0]],
    )
    def test_is_read_by_dcmtk(
        self, tmp_path: Path, terms: tuple[str, ...], name: str
    ) -> None:
        raw, converted = tmp_path / "raw", tmp_path / "utf8"
        raw.write_bytes(_sent(terms, name))
        _dcmtk("dcmconv", "-f", "-te", "+U8", raw, converted)
        assert f"[{name}]" in _dcmtk("dcmdump", "+P", "0010,0010", converted)


def _sent(terms: tuple[str, ...], name: str) -> bytes:
    (value,) = values_of(terms)
    identifier = (
        Element(0x00080005, "CS", value),
        Element(0x00100010, "PN", name),
        Element(0x0020000D, "UI", "1.2"),
    )
    return encode(identifier, EXPLICIT_LE, tuple(value.split("\\")))


def _dcmtk(tool: str, *arguments: str | Path) -> str:
    path = f"/usr/bin/{tool}"
    require(path)
    done = subprocess.run([path, *arguments], check=True, capture_output=True)
    return done.stdout.decode()
