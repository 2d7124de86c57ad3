"""Whatever a peer sends: documents parse, and hold what the Identifier holds."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchfind.dicom import scalar, values, vrs
from batchfind.dicom.charset import CharacterSets, resolve
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, EXPLICIT_LE
from batchfind.outputs.markup import escaped
from batchfind.tables.reading import Reading
from tests.outputs.documents import CHARSET, dicom, jsonl, parsed, xml
from tests.tables.material import element, origin, sequence

PRIVATE = 0x00191000
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
TERMS = [
    "ISO_IR 100",
    "ISO_IR 192",
    "ISO_IR 13",
    "GB18030",
    "GBK",
    "\\ISO 2022 IR 87",
    "ISO 2022 IR 13\\ISO 2022 IR 87",
    "\\ISO 2022 IR 149",
    "ISO_IR 999",
    "",
    "\x01",
]
ODD = [
    b"\\",
    b"\\\\",
    b"  ",
    b"\0",
    b"\x1b$B",
    b"\x1b$)C",
    b"^=",
    b"==",
    b"<&>\"'",
    b"]]>",
    b"-->",
    b"\r\n",
    b"\x0c",
    b"\xff\xfe",
    b"\xc3",
    b"\xef\xbf\xbf",
    b"1",
    b"1.50",
    b"-0",
    b"1e400",
    "é田".encode(),
    "田中".encode("iso2022_jp"),
]

VALUES = st.one_of(
    st.lists(st.sampled_from(ODD), max_size=4).map(b"".join), st.binary(max_size=24)
)
Leaf = tuple[str, bytes]


@st.composite
def data_sets(draw: st.DrawFn, order: str, depth: int = 2) -> bytes:
    """A data set of random VRs and bytes, sometimes with items."""
    parts = []
    if draw(st.booleans()):
        terms = draw(st.sampled_from(TERMS))
        parts.append(element(CHARSET, terms, order=order))
    if draw(st.booleans()):
        parts.append(element("PatientName", draw(VALUES), order=order))
    parts.append(element(0x00190010, draw(VALUES), "LO", order=order))
    kinds = sorted(vrs.STRING_VRS | vrs.NUMBER_FORMATS.keys() | vrs.WORD_SIZES.keys())
    leaves = st.tuples(st.sampled_from([*kinds, "AT"]), VALUES)
    for at, (vr, raw) in enumerate(draw(st.lists(leaves, max_size=8))):
        parts.append(element(PRIVATE + at, raw, vr, order=order))
    if depth and draw(st.booleans()):
        items = draw(st.lists(data_sets(order, depth - 1), max_size=2))
        parts.append(sequence(PRIVATE + 0x20, *items, order=order))
    return b"".join(parts)


def expected(
    elements: Sequence[RawElement], reading: Reading, inherited: CharacterSets
) -> Iterator[tuple[Any, ...]]:
    """Tag, VR and values of each attribute; (0008,0005) says nothing of values."""
    sets = reading.sets_of(elements, inherited)
    for tag, vr, value in elements:
        if tag == CHARSET:
            continue
        if not isinstance(value, bytes):
            items = [list(expected(item, reading, sets)) for item in value]
            yield tag, "SQ", items
        elif vr in vrs.STRING_VRS:
            yield tag, vr, list(values.text_values(value, vr, sets).values)
        elif vr in vrs.WORD_SIZES:
            swapped = values.swapped_words(value, vr) if reading.big_endian else value
            yield tag, vr, swapped
        else:
            yield tag, *_numbers(value, vr, big_endian=reading.big_endian)


def _numbers(raw: bytes, vr: str, *, big_endian: bool) -> tuple[str, Any]:
    try:
        if vr == "AT":
            return vr, list(values.tag_values(raw, big_endian=big_endian))
        numbers = values.number_values(vr, raw, big_endian=big_endian)
    except ValueError:
        return "UN", raw
    return vr, [_bits(number, vr) for number in numbers]


def _bits(number: float | str, vr: str) -> Any:
    """A number so that two can be compared: nan too, FL as it is stored."""
    if vr in {"FL", "FD"}:
        stored = struct.pack("<f" if vr == "FL" else "<d", float(number))
        return "nan" if float(number) != float(number) else stored
    return int(number)


def mapped(found: Any, change: Callable[[str, str], str]) -> list[Any]:
    """The same attributes with every text changed."""
    result: list[Any] = []
    for tag, vr, value in found:
        if vr == "SQ":
            result.append((tag, vr, [mapped(item, change) for item in value]))
        elif vr in vrs.STRING_VRS:
            result.append((tag, vr, [change(text, vr) for text in value]))
        else:
            result.append((tag, vr, value))
    return result


def xml_safe(text: str) -> str:
    return "".join(c if escaped(c) != "\ufffd" else "\ufffd" for c in text)


def plain_name(text: str) -> str:
    """A person name without what its end adds nothing to."""
    groups = [group.rstrip("^") for group in text.split("=", 2)]
    return "=".join(groups).rstrip("=")


def from_json(data_set: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name, attribute in data_set.items():
        tag, vr = int(name, 16), attribute["vr"]
        assert attribute.get("Value") != []
        found = attribute.get("Value", [])
        if tag == CHARSET:
            continue
        if vr == "SQ":
            yield tag, vr, [list(from_json(item)) for item in found]
        elif vr in vrs.WORD_SIZES:
            yield tag, vr, base64.b64decode(attribute.get("InlineBinary", ""))
        elif vr == "PN":
            names = [{} if name is None else name for name in found]
            texts = ["=".join(n.get(group, "") for group in GROUPS) for n in names]
            yield tag, vr, texts
        elif vr in vrs.STRING_VRS:
            yield tag, vr, ["" if text is None else str(text) for text in found]
        elif vr == "AT":
            yield tag, vr, found
        else:
            yield tag, vr, [_bits(number, vr) for number in found]


def from_native(model: ET.Element) -> Iterator[tuple[Any, ...]]:
    owners: dict[str, int] = {}
    for at in model.iterfind(f"{NATIVE}DicomAttribute"):
        tag, vr = int(at.attrib["tag"], 16), at.attrib["vr"]
        if "privateCreator" in at.attrib:
            tag |= owners["block"] << 8
        if tag == CHARSET:
            continue
        if tag == 0x00190010:
            owners["block"] = 0x10
        if vr == "SQ":
            yield tag, vr, [list(from_native(i)) for i in at.iterfind(f"{NATIVE}Item")]
        elif vr in vrs.WORD_SIZES:
            yield tag, vr, base64.b64decode(at.findtext(f"{NATIVE}InlineBinary", ""))
        elif vr == "PN":
            yield tag, vr, [_name(n) for n in at.iterfind(f"{NATIVE}PersonName")]
        else:
            texts = [value.text or "" for value in at.iterfind(f"{NATIVE}Value")]
            numbers = vr in vrs.NUMBER_FORMATS
            yield tag, vr, [_bits(t, vr) for t in texts] if numbers else texts


def _name(name: ET.Element) -> str:
    groups = []
    for group in GROUPS:
        found = name.find(f"{NATIVE}{group}")
        parts = (
            []
            if found is None
            else [found.findtext(NATIVE + c, "") for c in COMPONENTS]
        )
        groups.append("^".join(parts).rstrip("^"))
    return "=".join(groups)


def from_dcmtk(data_set: ET.Element) -> Iterator[tuple[Any, ...]]:
    for at in data_set:
        tag, vr, text = int(at.attrib["tag"].replace(",", ""), 16), at.attrib["vr"], ""
        text = at.text or ""
        if tag == CHARSET:
            continue
        if at.tag == "sequence":
            assert int(at.attrib["card"]) == len(at)
            assert all(int(item.attrib["card"]) == len(item) for item in at)
            yield tag, vr, [list(from_dcmtk(item)) for item in at]
        elif "binary" in at.attrib:
            raw = base64.b64decode(text)
            yield tag, vr, values.swapped_words(raw, vr) if vr == "OW" else raw
        elif vr in vrs.STRING_VRS:
            yield tag, vr, text.strip(" ")
        elif vr in {"OF", "OD", "OL", "OV"}:
            yield tag, vr, _packed(text, vr)
        elif vr == "AT":
            tags = text.upper().split("\\") if text else []
            yield tag, vr, [one.strip("()").replace(",", "") for one in tags]
        else:
            texts = text.split("\\") if text else []
            assert int(at.attrib["vm"]) == len(texts)
            yield tag, vr, [_bits(one, vr) for one in texts]


def _packed(text: str, vr: str) -> bytes:
    code = {"OF": "f", "OD": "d", "OL": "I", "OV": "Q"}[vr]
    convert = float if code in "fd" else int
    numbers = [convert(one) for one in text.split("\\")] if text else []
    return struct.pack(f"<{len(numbers)}{code}", *numbers)


def as_dcmtk(found: Any) -> list[Any]:
    """What DCMTK's XML can tell: text as a whole, without the padding at its ends."""
    result: list[Any] = []
    for tag, vr, value in found:
        if vr == "SQ":
            result.append((tag, vr, [as_dcmtk(item) for item in value]))
        elif vr in {"OF", "OD", "OL", "OV"} and len(value) % vrs.WORD_SIZES[vr]:
            result.append((tag, "UN", value))
        elif vr in {"AS", "DS", "UI"}:
            result.append((tag, vr, None))
        elif vr in vrs.STRING_VRS:
            joined = "\\".join(map(xml_safe, value))
            result.append((tag, vr, joined.strip(" ")))
        else:
            result.append((tag, vr, value))
    return result


orders = st.sampled_from("<>")
either = orders.flatmap(lambda order: st.tuples(st.just(order), data_sets(order)))
roomy = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)


def truth(payload: bytes, order: str, assume: str | None = None) -> list[Any]:
    syntax = EXPLICIT_LE if order == "<" else EXPLICIT_BE
    reading = Reading(origin(transfer_syntax=syntax, assume=assume))
    elements = scalar.decode(payload, syntax)
    return list(expected(elements, reading, reading.default))


def syntax_of(order: str) -> str:
    return EXPLICIT_LE if order == "<" else EXPLICIT_BE


class TestAnyDataSet:
    @roomy
    @given(either)
    def test_reads_back_from_json(self, sent: tuple[str, bytes]) -> None:
        order, payload = sent
        (line,) = jsonl(payload, transfer_syntax=syntax_of(order))
        data_set = json.loads(line, parse_float=str, parse_int=str)
        assert list(data_set) == sorted(data_set)

        def plain(text: str, vr: str) -> str:
            return plain_name(text) if vr == "PN" else text

        found = mapped(from_json(data_set), plain)
        assert found == mapped(truth(payload, order), plain)

    @roomy
    @given(either)
    def test_reads_back_from_native_xml(self, sent: tuple[str, bytes]) -> None:
        order, payload = sent
        content = xml(payload, dialect="native", transfer_syntax=syntax_of(order))
        (model,) = parsed(content)

        def plain(text: str, vr: str) -> str:
            return xml_safe(plain_name(text) if vr == "PN" else text)

        found = mapped(from_native(model), plain)
        assert found == mapped(truth(payload, order), plain)

    @roomy
    @given(either)
    def test_reads_back_from_dcmtks_xml(self, sent: tuple[str, bytes]) -> None:
        order, payload = sent
        content = xml(payload, binary="base64", transfer_syntax=syntax_of(order))
        (data_set,) = parsed(content)
        assert _comparable(list(from_dcmtk(data_set))) == _comparable(
            as_dcmtk(truth(payload, order))
        )

    @roomy
    @given(either, st.sampled_from([None, *TERMS[:5]]))
    def test_says_unicode_where_it_is(
        self, sent: tuple[str, bytes], assume: str | None
    ) -> None:
        order, payload = sent
        facts: dict[str, Any] = {"transfer_syntax": syntax_of(order), "assume": assume}
        for text in (*jsonl(payload, **facts), xml(payload, **facts).decode()):
            assert text.isascii() or "ISO_IR 192" in text


def _comparable(found: list[Any]) -> list[Any]:
    """Without the text of VRs whose padding is shown, and nan as one value."""
    result: list[Any] = []
    for tag, vr, value in found:
        if vr == "SQ":
            result.append((tag, vr, [_comparable(item) for item in value]))
        elif vr in {"AS", "DS", "UI"}:
            result.append((tag, vr, None))
        elif vr in {"OF", "OD"}:
            code = {"OF": "f", "OD": "d"}[vr]
            count = len(value) // struct.calcsize(code)
            numbers = struct.unpack(f"<{count}{code}", value)
            result.append((tag, vr, [repr(number) for number in numbers]))
        else:
            result.append((tag, vr, value))
    return result


class TestAnyBytes:
    @roomy
    @given(st.lists(st.binary(max_size=60), max_size=4), st.sampled_from(TERMS))
    def test_give_documents_that_parse(self, sent: list[bytes], term: str) -> None:
        facts: dict[str, Any] = {"assume": term or None}
        for line in jsonl(*sent, **facts):
            json.loads(line)
        for dialect in ("dcmtk", "native"):
            root = parsed(xml(*sent, dialect=dialect, **facts))
            assert len(root) == len(sent)
        assert len(dicom(*sent, **facts).files) == len(sent)


class TestTextOfUntrimmedValues:
    @roomy
    @given(st.sampled_from(["AS", "DS", "UI"]), VALUES)
    def test_differs_from_the_value_by_spaces_only(self, vr: str, raw: bytes) -> None:
        (data_set,) = parsed(xml(element("PatientID", raw, vr)))
        decoded = values.text_values(raw, vr, resolve(None)).values
        text = data_set[-1].text or ""
        found = text.split("\\")
        stripped = [one.rstrip(" ") if vr != "DS" else one.strip(" ") for one in found]
        assert stripped == [xml_safe(one) for one in decoded or ("",)]
