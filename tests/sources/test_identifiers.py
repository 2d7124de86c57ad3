"""Base Identifiers: every format gives the same elements."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.dictionary_entries import read_entry
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from batchfind.errors import JobError
from batchfind.sources.identifiers import read_identifier
from batchfind.sources.model import BaseIdentifier
from tests.peers.processes import require


class Dcmtk(Protocol):
    def __call__(self, tool: str, *arguments: object) -> bytes: ...


EXAMPLES = Path("/usr/share/doc/dcmtk/examples/wlistdb/OFFIS")
DUMP = """\
# a key file
(0002,0010) UI =LittleEndianExplicit
(0008,0000) UL 4
(0008,0005) CS [ISO_IR 100]
(0008,0018) UI =CTImageStorage
(0009,0010) LO [ACME]
(0009,1001) UN 01\\02
(0010,0010) PN [Müller^Jörg]
(0010,0020) LO
(0010,0030) DA 19500101-        # born since
(0018,9087) FD 1.5
(0020,0013) IS [3]
(0028,0009) AT (0018,1063)\\(0010,0020)
(0028,0010) US 12\\13
(0040,0100) SQ
  (fffe,e000) -
    (0008,0060) CS CT
    (0040,0002) DA []
    (0040,0008) SQ (Sequence with explicit length #=0)
    (fffe,e0dd) -
  (fffe,e00d) -
(fffe,e0dd) -
(0042,0011) OB 01\\02
"""
STEP: Identifier = (
    Element(0x00080060, "CS", "CT"),
    Element(0x00400002, "DA", ""),
    Element(0x00400008, "SQ", ()),
)
EXPECTED: Identifier = (
    Element(0x00080018, "UI", "1.2.840.10008.5.1.4.1.1.2"),
    Element(0x00090010, "LO", "ACME"),
    Element(0x00091001, "UN", b"\x01\x02"),
    Element(0x00100010, "PN", "Müller^Jörg"),
    Element(0x00100020, "LO", ""),
    Element(0x00100030, "DA", "19500101-"),
    Element(0x00189087, "FD", "1.5"),
    Element(0x00200013, "IS", "3"),
    Element(0x00280009, "AT", "00181063\\00100020"),
    Element(0x00280010, "US", "12\\13"),
    Element(0x00400100, "SQ", (STEP,)),
    Element(0x00420011, "OB", b"\x01\x02"),
)
PERSON: Identifier = (Element(0x00100010, "PN", "Müller^Jörg"),)


def read(tmp_path: Path, raw: bytes | str) -> BaseIdentifier:
    file = tmp_path / "base"
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return read_identifier(file)


def problem(tmp_path: Path, raw: bytes | str) -> str:
    with pytest.raises(JobError) as caught:
        read(tmp_path, raw)
    return str(caught.value).removeprefix(str(tmp_path / "base"))


class TestDump2dcmText:
    def test_gives_every_kind_of_element(self, tmp_path: Path) -> None:
        base = read(tmp_path, DUMP.encode("latin-1"))
        assert base.identifier == EXPECTED
        assert base.charset == ("ISO_IR 100",)
        assert base.path == str(tmp_path / "base")
        assert len(base.sha256) == 64

    def test_may_begin_with_a_byte_order_mark(self, tmp_path: Path) -> None:
        text = "\ufeff\n# x\n(0010,0010) PN [Müller^Jörg]\n(0008,0005) CS ISO_IR 192\n"
        assert read(tmp_path, text).identifier == PERSON

    def test_words_are_little_endian(self, tmp_path: Path) -> None:
        base = read(tmp_path, "(7fe0,0010) OW 0102\\0304")
        assert base.identifier[0].value == b"\x02\x01\x04\x03"

    def test_needs_no_vr(self, tmp_path: Path) -> None:
        base = read(tmp_path, "( 0010 , 0020 ) [A B]\n(0010,0040)M\n(0008,0060) CT")
        assert base.identifier == (
            Element(0x00080060, "CS", "CT"),
            Element(0x00100020, "LO", "A B"),
            Element(0x00100040, "CS", "M"),
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "(0010,0010) PN [A]\nPatientID\n",
                ":2: is no line of a dump; write (gggg,eeee) VR [value]",
            ),
            (
                "(0010,0010) PN [A]\n(0010,0010) PN [B]",
                ":2: this tag stands twice; keep one of them",
            ),
            ("(0010,0010) PN [A", ":1: its value has no closing bracket ]"),
            ("(0028,0010) US x", ":1: 'x' is no US"),
            ("(0028,0010) US 65536", ":1: '65536' is no US"),
            ("(0028,0009) AT x", ":1: 'x' is no tag; write ggggeeee"),
            ("(0042,0011) OB xy", ":1: its value is not hexadecimal"),
            (
                "(7fe0,0010) OW 01\\02",
                ":1: OW is written as 4 hexadecimal digits, backslash, and so on",
            ),
            (
                "(7fe0,0010) OW =pixels.dat",
                ":1: its value is another file; write the value here",
            ),
            (
                "(0008,0018) UI =Nonsense",
                ":1: the UID name 'Nonsense' is unknown; write [1.2…]",
            ),
            ("(0010,0010) PN (x)", ":1: its value cannot begin with ("),
            (
                "(0010,0010) PN [A]\n(fffe,e000) -",
                ":2: this delimiter ends nothing that is open",
            ),
            (
                "(0010,0010) PN [A]\n(fffe,e00d) -",
                ":2: this delimiter ends nothing that is open",
            ),
            (
                "(0040,0100) SQ\n(0008,0060) CS CT",
                (
                    ":2: stands between the items of a sequence; begin one with "
                    "(fffe,e000)"
                ),
            ),
            (
                "(0040,0100) SQ\n(fffe,e000) -",
                (
                    ":1: this sequence has no end; write (fffe,e00d) after each "
                    "item and (fffe,e0dd) last"
                ),
            ),
            (
                "(0040,0100) SQ\n(fffe,e000) -\n" * 20,
                ":33: nested deeper than 16 sequences",
            ),
        ],
    )
    def test_names_the_line(self, tmp_path: Path, text: str, message: str) -> None:
        assert problem(tmp_path, text) == message

    def test_must_keep_to_its_character_set(self, tmp_path: Path) -> None:
        assert problem(tmp_path, "(0010,0010) PN [Müller]") == (
            ": PatientName: its bytes are not ISO_IR 6; mend (0008,0005)"
        )


class TestDcmtkMakes:
    @pytest.fixture
    def dicom_file(self, tmp_path: Path, dcmtk: Dcmtk) -> Path:
        (tmp_path / "a.dump").write_bytes(DUMP.encode("latin-1"))
        dcmtk("dump2dcm", tmp_path / "a.dump", tmp_path / "a.dcm")
        return tmp_path / "a.dcm"

    def test_a_dicom_file(self, dicom_file: Path) -> None:
        base = read_identifier(dicom_file)
        assert base.identifier == EXPECTED
        assert base.charset == ("ISO_IR 100",)

    @pytest.mark.parametrize("option", ["+td", "+te", "+tb", "+ti"])
    def test_any_transfer_syntax(
        self, dicom_file: Path, tmp_path: Path, dcmtk: Dcmtk, option: str
    ) -> None:
        dcmtk("dcmconv", option, dicom_file, tmp_path / "b.dcm")
        assert read_identifier(tmp_path / "b.dcm").identifier == EXPECTED

    @pytest.mark.parametrize("option", ["+te", "+tb", "+ti"])
    def test_a_raw_data_set(
        self, dicom_file: Path, tmp_path: Path, dcmtk: Dcmtk, option: str
    ) -> None:
        dcmtk("dcmconv", "-F", option, dicom_file, tmp_path / "raw")
        assert read_identifier(tmp_path / "raw").identifier == EXPECTED

    @pytest.mark.parametrize(
        ("tool", "options"),
        [
            ("dcmdump", []),
            ("dcmdump", ["+L"]),
            ("dcm2json", []),
            ("dcm2xml", ["+Wb"]),
            ("dcm2xml", ["+Wb", "+Eb"]),
            ("dcm2xml", ["+Wb", "+Xd", "+U8"]),
            ("dcm2xml", ["-nat", "+Eb"]),
            ("dcm2xml", ["-nat", "+Eb", "+Xn", "+U8"]),
        ],
    )
    def test_text(
        self,
        dicom_file: Path,
        tmp_path: Path,
        dcmtk: Dcmtk,
        tool: str,
        options: list[str],
    ) -> None:
        base = read(tmp_path, dcmtk(tool, *options, dicom_file))
        assert base.identifier == EXPECTED

    def test_its_worklist_examples(self, tmp_path: Path, dcmtk: Dcmtk) -> None:
        require(str(EXAMPLES))
        for dump in sorted(EXAMPLES.glob("*.dump")):
            if dump.name == "wklist2.dump":
                continue
            target = tmp_path / f"{dump.stem}.dcm"
            dcmtk("dump2dcm", dump, target)
            expected = read_identifier(target).identifier
            assert read_identifier(dump).identifier == expected

    def test_one_example_that_asks_for_two_numbers(self) -> None:
        # dump2dcm keeps the first (0008,0050); a key file must not leave it to chance.
        require(str(EXAMPLES))
        with pytest.raises(JobError, match=r"dump:3: this tag stands twice"):
            read_identifier(EXAMPLES / "wklist2.dump")


class TestDicomFiles:
    def part10(self, syntax: str, payload: bytes) -> bytes:
        uid = syntax.encode() + b"\0" * (len(syntax) % 2)
        version = struct.pack("<HH2sHI2s", 2, 1, b"OB", 0, 2, b"\0\1")
        meta = version + struct.pack("<HH2sH", 2, 16, b"UI", len(uid)) + uid
        return b"\0" * 128 + b"DICM" + meta + payload

    @pytest.mark.parametrize(
        "syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE]
    )
    def test_need_no_group_length(self, tmp_path: Path, syntax: str) -> None:
        payload = encode(EXPECTED, syntax, ("ISO_IR 100",))
        charset = encode(
            (Element(0x00080005, "CS", "ISO_IR 100"), *EXPECTED),
            syntax,
            ("ISO_IR 100",),
        )
        assert payload != charset
        base = read(tmp_path, self.part10(syntax, charset))
        assert base.identifier == EXPECTED

    def test_big_endian_words_are_turned(self, tmp_path: Path) -> None:
        words: Identifier = (
            Element(0x7FE00010, "OW", b"\x01\x02\x03\x04"),
            Element(0x7FE00020, "OW", b""),
        )
        raw = encode(words, EXPLICIT_BE, ())
        assert read(tmp_path, self.part10(EXPLICIT_BE, raw)).identifier == words

    def test_floats_are_short(self, tmp_path: Path) -> None:
        values: Identifier = (Element(0x00189073, "FD", "0.1"),)
        floats: Identifier = (Element(0x00089459, "FL", "0.1\\1e+30"),)
        raw = encode(floats + values, EXPLICIT_LE, ())
        assert read(tmp_path, raw).identifier == floats + values

    def test_items_may_have_their_own_character_set(self, tmp_path: Path) -> None:
        text = (
            "(0008,0005) CS ISO_IR 100\n(0040,0100) SQ\n(fffe,e000) -\n"
            "(0008,0005) CS ISO_IR 192\n(0040,0006) PN [Müller]\n(fffe,e00d) -\n"
            "(fffe,e000) -\n(0040,0006) PN [M\xfc]\n(fffe,e00d) -\n(fffe,e0dd) -\n"
        )
        raw = text.encode("latin-1").replace(
            "Müller".encode("latin-1"), "Müller".encode()
        )
        (sequence,) = read(tmp_path, raw).identifier
        assert sequence.value == (
            (Element(0x00400006, "PN", "Müller"),),
            (Element(0x00400006, "PN", "Mü"),),
        )

    @pytest.mark.parametrize(
        ("syntax", "payload", "message"),
        [
            (
                "1.2.840.10008.1.2.4.50",
                b"",
                ": its transfer syntax 1.2.840.10008.1.2.4.50 holds no Identifier",
            ),
            (
                EXPLICIT_LE,
                b"\x10\0\x20\0LO\xff\0A",
                ": is no Explicit VR Little Endian data set: malformed at byte ",
            ),
            (
                EXPLICIT_LE,
                b"\x28\0\x10\0US\x03\0\1\2\3",
                ": Rows: US of 3 bytes is no multiple of 2",
            ),
        ],
    )
    def test_that_are_broken_say_why(
        self, tmp_path: Path, syntax: str, payload: bytes, message: str
    ) -> None:
        assert problem(tmp_path, self.part10(syntax, payload)).startswith(message)

    def test_without_transfer_syntax(self, tmp_path: Path) -> None:
        raw = b"\0" * 128 + b"DICM"
        assert problem(tmp_path, raw) == (
            ": its transfer syntax (none) holds no Identifier"
        )

    def test_cut_off_in_the_meta_information(self, tmp_path: Path) -> None:
        raw = self.part10(EXPLICIT_LE, b"")[:-4]
        assert problem(tmp_path, raw) == ": its file meta information is cut off"


class TestDicomJson:
    def test_of_an_array_with_one_data_set(self, tmp_path: Path) -> None:
        value = {
            "00100010": {
                "vr": "PN",
                "Value": [{"Alphabetic": "Müller^Jörg"}, {"Phonetic": "M"}, None],
            },
            "00201206": {"vr": "IS", "Value": [3, "4"]},
            "00180050": {"vr": "DS", "Value": [1.50]},
            "00400100": {"vr": "SQ", "Value": [None, {"00080060": {"vr": "CS"}}]},
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        }
        base = read(tmp_path, json.dumps([value], ensure_ascii=False))
        assert base.charset == ("ISO_IR 192",)
        assert base.identifier == (
            Element(0x00100010, "PN", "Müller^Jörg\\==M\\"),
            Element(0x00180050, "DS", "1.5"),
            Element(0x00201206, "IS", "3\\4"),
            Element(0x00400100, "SQ", ((), (Element(0x00080060, "CS", ""),))),
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{\n"00100010": }', ":2: is no JSON: Expecting value"),
            (b'{"a":\n"\xff"}', ":2: is not UTF-8, as JSON must be"),
            ("[]", ": holds 0 data sets; a base Identifier is one"),
            ("[1]", ": is no DICOM JSON: a data set is an object"),
            ('{"x": {}}', ": 'x' is no tag; write ggggeeee"),
            ('{"00100010": 1}', ": 00100010 must be an object with vr and Value"),
            (
                '{"00100010": {}, "00100010": {}}',
                ": '00100010' stands twice; keep one of them",
            ),
            (
                '{"00100010": {"vr": "PN"}, "0010,0010": {"vr": "PN"}}',
                ": PatientName stands twice; keep one of them",
            ),
            (
                '{"00420011": {"vr": "OB", "BulkDataURI": "x"}}',
                ": 00420011 is bulk data elsewhere; write its value here",
            ),
            (
                '{"00420011": {"vr": "OB", "InlineBinary": "x"}}',
                ": 00420011: InlineBinary is not base64",
            ),
            (
                '{"00420011": {"vr": "OB", "InlineBinary": 5}}',
                ": 00420011: InlineBinary is not base64",
            ),
            ('{"00100020": {"Value": "x"}}', ": 00100020: Value must be an array"),
            (
                '{"00100020": {"vr": "LO", "Value": [{}]}}',
                ": 00100020: a value of LO is text or a number",
            ),
            (
                '{"00100010": {"vr": "PN", "Value": [{"Alphabetic": []}]}}',
                ": 00100010: a value of PN is text or a number",
            ),
            ('{"00100020": {"Value": [NaN]}}', ": NaN is no number of JSON"),
            ('{"00280010": {"Value": [1.5]}}', ": Rows: '1.5' is no US"),
            (
                '{"00100020": {"Value": ["\\ud800"]}}',
                ": PatientID holds half of a surrogate pair",
            ),
            ("[" * 100_000, ": is nested too deeply"),
            (
                '{"00400100": {"Value": [' * 20 + "{}" + "]}}" * 20,
                ": nested deeper than 16 sequences",
            ),
        ],
    )
    def test_names_what_is_wrong(
        self, tmp_path: Path, text: str | bytes, message: str
    ) -> None:
        assert problem(tmp_path, text) == message


def native(body: str) -> str:
    return f'<NativeDicomModel xml:space="preserve">\n{body}\n</NativeDicomModel>'


def attribute(tag: str, vr: str, body: str, more: str = "") -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}"{more}>{body}</DicomAttribute>'


class TestNativeXml:
    def test_sorts_values_by_number(self, tmp_path: Path) -> None:
        body = '<Value number="2">b</Value><Value number="1">a</Value>'
        base = read(tmp_path, native(attribute("00100020", "LO", body)))
        assert base.identifier == (Element(0x00100020, "LO", "a\\b"),)

    def test_joins_the_groups_of_a_name(self, tmp_path: Path) -> None:
        body = (
            '<PersonName number="1"><Alphabetic><FamilyName>A</FamilyName>'
            "<NameSuffix>S</NameSuffix></Alphabetic><Phonetic><GivenName>g</GivenName>"
            "</Phonetic></PersonName>"
        )
        base = read(tmp_path, native(attribute("00100010", "PN", body)))
        assert base.identifier == (Element(0x00100010, "PN", "A^^^^S==^g"),)

    def test_gives_private_attributes_their_block(self, tmp_path: Path) -> None:
        body = attribute("00090010", "LO", '<Value number="1">OTHER</Value>')
        body += attribute("00090011", "LO", '<Value number="1">ACME</Value>')
        private = ' privateCreator="ACME"'
        body += attribute("00090001", "LO", '<Value number="1">x</Value>', private)
        base = read(tmp_path, native(body))
        assert base.identifier[-1] == Element(0x00091101, "LO", "x")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("<x/>", ":2: <x> is no DicomAttribute"),
            (attribute("0010", "LO", ""), ":2: '0010' is no tag; write ggggeeee"),
            (
                attribute("00100020", "LO", "<Value>a</Value>"),
                ":2: each Value needs a number",
            ),
            (
                attribute("00420011", "OB", '<BulkData uri="x"/>'),
                ":2: its value is bulk data elsewhere; write it here",
            ),
            (
                attribute("00420011", "OB", "<InlineBinary>x</InlineBinary>"),
                ":2: its InlineBinary is not base64",
            ),
            (
                attribute("00090001", "LO", "", ' privateCreator="ACME"'),
                ":2: its private creator 'ACME' has no block in this data set",
            ),
            (
                attribute("00100020", "LO", "") * 2,
                ":2: PatientID stands twice; keep one of them",
            ),
            (
                '<DicomAttribute tag="00400100" vr="SQ"><Item number="1">' * 20
                + "</Item></DicomAttribute>" * 20,
                ":2: nested deeper than 16 sequences",
            ),
        ],
    )
    def test_names_the_line(self, tmp_path: Path, body: str, message: str) -> None:
        assert problem(tmp_path, native(body)) == message


class TestDcmtkXml:
    def test_may_be_one_response(self, tmp_path: Path) -> None:
        text = (
            '<responses type="C-FIND"><data-set xfer="1.2.840.10008.1.2">'
            '<element tag="0010,0010" '
            'vr="PN">Müller^Jörg</element></data-set></responses>'
        )
        assert read(tmp_path, text).identifier == PERSON

    def test_keeps_backslashes_of_long_text(self, tmp_path: Path) -> None:
        text = '<data-set><element tag="0010,4000" vr="LT">a\\b</element></data-set>'
        assert read(tmp_path, text).identifier == (Element(0x00104000, "LT", "a\\b"),)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "<html></html>",
                ":1: <html> is neither DCMTK's XML nor a Native DICOM Model",
            ),
            (
                "<responses>\n<data-set/>\n<data-set/></responses>",
                ":3: begins a second data set; a base Identifier is one",
            ),
            (
                "<data-set><x tag='00100010'/></data-set>",
                ":1: <x> cannot be part of an Identifier",
            ),
            (
                (
                    "<data-set>\n<element tag='0042,0011' vr='OB' len='2' "
                    "binary='hidden'/></data-set>"
                ),
                ":2: its value is not in this file; write it with dcm2xml +Wb",
            ),
            (
                (
                    "<data-set><element tag='0042,0011' vr='OB' "
                    "binary='yes'>x</element></data-set>"
                ),
                ":1: its value is neither hexadecimal nor base64",
            ),
            (
                "<data-set><element tag='0028,0010' vr='US'>x</element></data-set>",
                ":1: Rows: 'x' is no US",
            ),
            (
                "<data-set>"
                + "<sequence tag='0040,0100'><item>" * 20
                + "</item></sequence>" * 20
                + "</data-set>",
                ":1: nested deeper than 16 sequences",
            ),
        ],
    )
    def test_names_the_line(self, tmp_path: Path, text: str, message: str) -> None:
        assert problem(tmp_path, text) == message

    @pytest.mark.parametrize(
        ("binary", "text"), [("yes", "0102\\0304"), ("base64", "AQIDBA==")]
    )
    def test_words_are_written_as_numbers(
        self, tmp_path: Path, binary: str, text: str
    ) -> None:
        element = f"<element tag='7fe0,0010' vr='OW' binary='{binary}'>{text}</element>"
        base = read(tmp_path, f"<data-set>{element}</data-set>")
        assert base.identifier == (Element(0x7FE00010, "OW", b"\x02\x01\x04\x03"),)

    def test_other_parts_of_a_sequence_are_not_items(self, tmp_path: Path) -> None:
        text = "<data-set><sequence tag='0040,0100'><x/></sequence></data-set>"
        assert read(tmp_path, text).identifier == (Element(0x00400100, "SQ", ()),)

    def test_empty_binary_is_empty(self, tmp_path: Path) -> None:
        text = (
            "<data-set><element tag='0042,0011' vr='OB' len='0' binary='hidden'/>"
            "</data-set>"
        )
        assert read(tmp_path, text).identifier == (Element(0x00420011, "OB", b""),)


class TestXmlIsSafe:
    def test_entities_are_refused(self, tmp_path: Path) -> None:
        text = (
            '<?xml version="1.0"?>\n<!DOCTYPE x [\n<!ENTITY a "lol">\n'
            '<!ENTITY b "&a;&a;&a;">]>\n<data-set>&b;</data-set>'
        )
        assert problem(tmp_path, text) == (
            ":3: declares an entity; write its text instead"
        )

    def test_nothing_is_loaded_from_elsewhere(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret")
        text = (
            f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{tmp_path}/secret">]>'
            "<data-set>&a;</data-set>"
        )
        assert problem(tmp_path, text) == (
            ":1: declares an entity; write its text instead"
        )

    def test_default_values_are_not_multiplied(self, tmp_path: Path) -> None:
        declared = f"<!DOCTYPE d [<!ATTLIST x a CDATA '{'y' * (1 << 20)}'>]>"
        text = f"{declared}<data-set>{'<x/>' * 200}</data-set>"
        tracemalloc.start()
        try:
            assert problem(tmp_path, text)
            assert tracemalloc.get_traced_memory()[1] < 32 << 20
        finally:
            tracemalloc.stop()

    def test_not_too_many_attributes_are_declared(self, tmp_path: Path) -> None:
        names = " ".join(f"a{number} CDATA '1'" for number in range(257))
        text = f"<!DOCTYPE d [\n<!ATTLIST x {names}>]><data-set/>"
        assert problem(tmp_path, text) == ":2: declares too many attributes"

    def test_an_embedded_document_type_does_no_harm(self, tmp_path: Path) -> None:
        """As dcm2xml +Xd writes it."""
        text = (
            "<!DOCTYPE data-set [<!ELEMENT data-set (element)*>\n"
            "<!ATTLIST element tag CDATA #REQUIRED vm CDATA '1'"
            " loaded (yes|no) 'yes' binary (yes|no|hidden) 'no'>]>"
            "<data-set><element tag='0010,0020' vr='LO'>7</element></data-set>"
        )
        assert read(tmp_path, text).identifier == (Element(0x00100020, "LO", "7"),)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("<data-set>\n<a></data-set>", ":2: is no XML: mismatched tag"),
            (
                '<?xml version="1.0" encoding="utf-99"?><x/>',
                ":1: is in an encoding XML cannot have here",
            ),
            (
                "<data-set>" + "<a>" * 100,
                ":1: holds too many or too deeply nested elements",
            ),
        ],
    )
    def test_and_bounded(self, tmp_path: Path, text: str, message: str) -> None:
        assert problem(tmp_path, text) == message


class TestDetection:
    def test_of_something_else(self, tmp_path: Path) -> None:
        assert problem(tmp_path, "PatientID=1\n").startswith(
            ": is no Implicit VR Little Endian data set: "
        )

    @pytest.mark.parametrize("lines", ["\n", " \n", "#\n", " # x\n\n"])
    def test_of_dump_text_looks_at_each_line_once(
        self, tmp_path: Path, lines: str
    ) -> None:
        """A hundred blank lines once took longer than the universe is old."""
        assert problem(tmp_path, lines * 20_000 + "x")
        text = lines * 50 + "(0010,0020) LO [7]\n"
        assert read(tmp_path, text).identifier == (Element(0x00100020, "LO", "7"),)

    @settings(deadline=None, max_examples=200)
    @given(
        st.one_of(
            st.binary(min_size=1, max_size=200),
            st.binary(max_size=80).map(lambda raw: b"{" + raw),
            st.binary(max_size=80).map(lambda raw: b"<data-set>" + raw),
            st.binary(max_size=80).map(lambda raw: b"(0010,0010) " + raw),
            st.binary(max_size=80).map(lambda raw: b"\0" * 128 + b"DICM" + raw),
            st.binary(max_size=80).map(lambda raw: b"\x08\0\x60\0CS" + raw),
        )
    )
    def test_any_bytes_are_an_identifier_or_a_problem(
        self, tmp_path_factory: pytest.TempPathFactory, raw: bytes
    ) -> None:
        file = tmp_path_factory.getbasetemp() / "any"
        file.write_bytes(raw)
        try:
            tags = [one.tag for one in read_identifier(file).identifier]
        except JobError:
            return
        assert tags == sorted(set(tags))


class TestAsWritten:
    def read(self, tmp_path: Path, raw: bytes) -> Identifier:
        (tmp_path / "base").write_bytes(raw)
        return read_identifier(tmp_path / "base", as_written=True).identifier

    @pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE])
    def test_keeps_what_is_sent(self, tmp_path: Path, syntax: str) -> None:
        written: Identifier = (
            Element(0x00080000, "UL", "12"),
            Element(0x00080005, "CS", "ISO_IR 100"),
            Element(0x00080018, "UI", "1.2\0"),
            Element(0x00100010, "PN", b"M\xfcller  "),
            Element(0x00280010, "US", "12\\13"),
            Element(0x00400100, "SQ", ((Element(0x00080060, "CS", "CT  "),), ())),
            Element(0x7FE00010, "OW", b"\x01\x02"),
        )
        raw = encode(written, syntax, ())
        assert encode(self.read(tmp_path, raw), syntax, ()) == raw

    def test_keeps_bytes_that_are_not_what_they_claim(self, tmp_path: Path) -> None:
        raw = encode((Element(0x00100010, "PN", b"\xff\xfe"),), EXPLICIT_LE, ())
        assert self.read(tmp_path, raw) == (Element(0x00100010, "PN", b"\xff\xfe"),)

    def test_keeps_un(self, tmp_path: Path) -> None:
        raw = encode((Element(0x00100020, "UN", b"x "),), EXPLICIT_LE, ())
        assert self.read(tmp_path, raw) == (Element(0x00100020, "UN", b"x "),)

    @pytest.mark.parametrize(
        "text",
        [
            (
                '{"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},'
                ' "00100020": {"vr": "LO", "Value": ["x"]}}'
            ),
            (
                '<data-set><element tag="0008,0005" vr="CS">ISO_IR 100</element>'
                '<element tag="0010,0020" vr="LO">x</element></data-set>'
            ),
            "(0008,0005) CS [ISO_IR 100]\n(0010,0020) LO [x]\n",
        ],
        ids=["json", "xml", "dump"],
    )
    def test_keeps_the_character_set_of_a_text(self, tmp_path: Path, text: str) -> None:
        assert self.read(tmp_path, text.encode()) == (
            Element(0x00080005, "CS", "ISO_IR 100"),
            Element(0x00100020, "LO", "x"),
        )

    def test_of_a_text_without_character_set_adds_none(self, tmp_path: Path) -> None:
        raw = b'{"00100020": {"vr": "LO", "Value": ["x"]}}'
        assert self.read(tmp_path, raw) == (Element(0x00100020, "LO", "x"),)


class TestADictionary:
    KNOWN = Dictionary((read_entry('(0055,"ACME",01)\tDS\tTubeAge\t1'),))

    @pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE])
    def test_tells_what_a_file_does_not(self, tmp_path: Path, syntax: str) -> None:
        written = (Element(0x00550010, "LO", "ACME"), Element(0x00551001, "UN", b"1 "))
        (tmp_path / "base").write_bytes(encode(written, syntax, ()))
        found = read_identifier(tmp_path / "base", self.KNOWN).identifier
        assert found[1] == Element(0x00551001, "DS", "1")

    def test_tells_the_vr_of_a_line_without(self, tmp_path: Path) -> None:
        known = Dictionary((read_entry("(0018,9FF0)\tFD\tNewest\t1"),))
        (tmp_path / "base").write_text("(0018,9ff0) 1.5\n", "utf-8")
        found = read_identifier(tmp_path / "base", known).identifier
        assert found == (Element(0x00189FF0, "FD", "1.5"),)
