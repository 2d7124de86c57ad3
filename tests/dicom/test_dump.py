"""Identifiers in lines, as findscu's log shows them."""

from __future__ import annotations

import os
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom.dcmtk_names import attribute_name, uid_name, uid_named
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.dictionary_entries import Entry, Numbers
from batchfind.dicom.dump import DumpStyle, dump_lines
from batchfind.errors import IdentifierDefect
from tests.peers import pdu, steps
from tests.peers.processes import LOOPBACK, require
from tests.peers.scripted import Conversation, ScriptedPeer, Step

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
FINDSCU = "/usr/bin/findscu"
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
VERBATIM = DumpStyle(verbatim=True)


def element(tag: int, vr: str, value: bytes = b"", *, order: str = "<") -> bytes:
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in LONG:
        return head + struct.pack(f"{order}HL", 0, len(value)) + value
    return head + struct.pack(f"{order}H", len(value)) + value


def implicit(tag: int, value: bytes = b"") -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def item(data: bytes, *, undefined: bool = False) -> bytes:
    if not undefined:
        return implicit(0xFFFEE000, data)
    end = implicit(0xFFFEE00D)
    return struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + data + end


def sequence(tag: int, *items: bytes, undefined: bool = False) -> bytes:
    if not undefined:
        return element(tag, "SQ", b"".join(items))
    head = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    return head + b"".join(items) + implicit(0xFFFEE0DD)


def lines(
    data: bytes, syntax: str = EXPLICIT_LE, style: DumpStyle = VERBATIM
) -> list[str]:
    return list(dump_lines(data, syntax, style))[2:]


def only_line(
    data: bytes, syntax: str = EXPLICIT_LE, style: DumpStyle = VERBATIM
) -> str:
    (line,) = lines(data, syntax, style)
    return line


def shown(vr: str, value: bytes, style: DumpStyle = VERBATIM) -> str:
    """What stands between VR and comment for a value of (0014,2002)."""
    return only_line(element(0x00142002, vr, value), style=style)[15:].split(" # ")[0]


class TestALine:
    def test_has_tag_vr_value_length_multiplicity_and_name(self) -> None:
        assert only_line(element(0x00080052, "CS", b"STUDY ")) == (
            "(0008,0052) CS [STUDY ]                                 #"
            "   6, 1 QueryRetrieveLevel"
        )

    def test_stands_under_the_name_of_the_transfer_syntax(self) -> None:
        assert list(dump_lines(b"", EXPLICIT_BE)) == [
            "# Dicom-Data-Set",
            "# Used TransferSyntax: Big Endian Explicit",
        ]

    def test_is_as_long_as_its_value(self) -> None:
        text = only_line(element(0x00081030, "LO", b"x" * 200))
        assert f"[{'x' * 200}] # 200, 1 StudyDescription" in text

    @pytest.mark.parametrize(
        ("vr", "value", "text"),
        [
            ("CS", b"", "(no value available)"),
            ("CS", b"CT\\MR ", "[CT\\MR ]"),
            ("UI", b"1.2.3\0", "[1.2.3\0]"),
            ("UI", b"1.2.840.10008.5.1.4.1.1.2\0", "=CTImageStorage"),
            ("US", b"\1\0\2\0", "1\\2"),
            ("US", b"\1", "(invalid value)"),
            ("SS", b"\xff\xff", "-1"),
            ("SV", b"\xff" * 8, "-1"),
            ("FD", struct.pack("<2d", 0.1, 1e300), "0.1\\1e+300"),
            ("FL", struct.pack("<f", 0.1), "0.100000001"),
            ("AT", b"\x10\0\x20\0\x18\0\x63\x10", "(0010,0020)\\(0018,1063)"),
            ("AT", b"\1\0", "(no value available)"),
            ("OB", b"\0\xff", "00\\ff"),
            ("OW", b"\1\0\xcd\xab", "0001\\abcd"),
            ("OF", struct.pack("<2f", 1, 2), "1\\2"),
            ("OV", b"\1" + bytes(7), "1"),
            ("UN", b"CT", "43\\54"),
        ],
    )
    def test_shows_each_vr_in_its_way(self, vr: str, value: bytes, text: str) -> None:
        assert shown(vr, value).rstrip(" ") == text

    def test_keeps_group_lengths(self) -> None:
        text = only_line(element(0x00080000, "UL", b"\x0a\0\0\0"))
        assert text.endswith("GenericGroupLength")

    def test_names_private_attributes_by_the_dictionary(self) -> None:
        entry = Entry(
            groups=Numbers(9, 9),
            elements=Numbers(2, 2),
            creator="ACME",
            vr="LO",
            name="TubeAge",
            multiplicity="1",
            line="",
        )
        known = DumpStyle(dictionary=Dictionary((entry,)))
        data = element(0x00090010, "LO", b"ACME") + element(0x00091002, "LO", b"7 ")
        assert lines(data)[1].endswith("Unknown Tag & Data")
        creator, age = lines(data, style=known)
        assert creator.endswith("PrivateCreator")
        assert age.endswith("TubeAge")


class TestImplicitVR:
    @pytest.mark.parametrize(
        ("tag", "vr"),
        [
            (0x00280106, "xs"),
            (0x00283006, "lt"),
            (0x00143050, "ox"),
            (0x60003000, "OW"),
            (0x50003000, "OB"),
            (0x7FE00010, "OW"),
            (0x00091001, "??"),
            (0x00089ABC, "??"),
            (0x00280010, "US"),
            (0x00280000, "UL"),
        ],
    )
    def test_shows_what_the_dictionary_leaves_open(self, tag: int, vr: str) -> None:
        text = only_line(implicit(tag, b"\1\0\2\0"), IMPLICIT_LE)
        assert text[12:14] == vr

    def test_takes_the_vrs_of_private_attributes_from_the_dictionary(self) -> None:
        data = implicit(0x00190010, b"SIEMENS CT VA0  COAD")
        data += implicit(0x001910B0, b"\1\0") + implicit(0x00191010, b"12")
        creator, *known = lines(data, IMPLICIT_LE)
        assert creator[12:14] == "LO"
        assert {line[12:14] for line in known} <= {"DS", "IS", "US", "SS"}


class TestSequences:
    def test_have_lines_for_items_and_ends(self) -> None:
        modality = element(0x00080060, "CS", b"CT")
        data = sequence(0x00400100, item(modality), item(b"", undefined=True))
        texts = [line.split("#", 1)[0].rstrip() for line in lines(data)]
        assert texts == [
            "(0040,0100) SQ (Sequence with explicit length",
            "  (fffe,e000) na (Item with explicit length",
            "    (0008,0060) CS [CT]",
            "  (fffe,e00d) na (ItemDelimitationItem for re-encoding)",
            "  (fffe,e000) na (Item with undefined length",
            "  (fffe,e00d) na (ItemDelimitationItem)",
            "(fffe,e0dd) na (SequenceDelimitationItem for re-encod.)",
        ]

    def test_of_undefined_length_say_so(self) -> None:
        first, last = lines(sequence(0x00400100, undefined=True))
        assert first == (
            "(0040,0100) SQ (Sequence with undefined length #=0)     # u/l,"
            " 1 ScheduledProcedureStepSequence"
        )
        assert "(SequenceDelimitationItem) " in last


class TestReadableStyle:
    STYLE = DumpStyle()

    def test_shows_unicode(self) -> None:
        data = element(0x00080005, "CS", b"ISO_IR 100")
        data += sequence(0x00400100, item(element(0x00100010, "PN", b"M\xfcller")))
        assert "[Müller]" in lines(data, style=self.STYLE)[3]

    def test_shows_control_characters_as_escapes(self) -> None:
        assert shown("LT", b"a\r\n\x1b[2J", self.STYLE).strip() == "[a\\r\\n\\x1b[2J]"

    def test_leaves_out_the_padding_of_uids(self) -> None:
        assert shown("UI", b"1.2.3\0", self.STYLE).strip() == "[1.2.3]"

    def test_assumes_and_overrides_character_sets(self) -> None:
        latin = DumpStyle(assume="ISO_IR 100")
        assert shown("LO", b"\xfc ", latin).strip() == "[ü ]"
        data = element(0x00080005, "CS", b"ISO_IR 192")
        data += element(0x00081030, "LO", b"\xfc ")
        assert "[ü ]" in lines(data, style=DumpStyle(override="ISO_IR 100"))[1]


class TestAMalformedIdentifier:
    def test_is_told_before_the_first_line(self) -> None:
        with pytest.raises(IdentifierDefect):
            dump_lines(element(0x00080052, "CS", b"STUDY ")[:-1], EXPLICIT_LE)


class TestNames:
    @pytest.mark.parametrize(
        ("uid", "name"),
        [
            ("1.2.840.10008.1.1", "VerificationSOPClass"),
            ("1.2.840.10008.1.2.1", "LittleEndianExplicit"),
            ("1.2.840.10008.1.2.4.80", "JPEGLSLossless"),
            ("1.2.840.10008.1.4.1.1", "TalairachBrainAtlasFrameOfReference"),
            ("1.2.840.10008.1.20.1.1", "StorageCommitmentPushModelSOPInstance"),
            ("1.2.840.10008.15.0.3.1", "LDAP_dicomDeviceName"),
            ("1.2.840.10008.4.2", "StorageServiceClass"),
            ("1.2.840.10008.5.1.4.1.1.3.1", "UltrasoundMultiframeImageStorage"),
            ("1.2.840.10008.5.1.4.1.1.501.1", "DICOS_CTImageStorage"),
            ("1.2.840.10008.5.1.4.1.1.5", "RETIRED_NuclearMedicineImageStorage"),
            ("1.2.840.10008.5.1.4.1.1.9.1", "DRAFT_WaveformStorage"),
            ("1.2.840.10008.5.1.4.31", "FINDModalityWorklistInformationModel"),
            ("1.2.840.10008.5.1.4.39.2", "FINDColorPaletteInformationModel"),
            ("1.2.3", None),
        ],
    )
    def test_of_uids_are_dcmtks(self, uid: str, name: str | None) -> None:
        assert uid_name(uid) == name
        assert name is None or uid_named(name) == uid

    def test_of_uids_are_known_by_keyword_too(self) -> None:
        assert uid_named("ExplicitVRLittleEndian") == "1.2.840.10008.1.2.1"
        assert uid_named("") is None

    def test_of_attributes_are_keywords(self) -> None:
        assert attribute_name(0x00080001) == "RETIRED_LengthToEnd"
        assert attribute_name(0x00089ABC) == "Unknown Tag & Data"


TEXT_TAGS = (0x00142002, 0x00142004, 0x00142006)
TEXT = st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"n"))
NUMBERS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "AT": 4, "UV": 8, "SV": 8, "OL": 4}
# Eighths below a thousand: findscu rounds halves of the ninth digit up.
SINGLES = st.integers(0, 7999).map(lambda eighths: struct.pack("<f", eighths / 8))


def _leaf() -> st.SearchStrategy[bytes]:
    texts = st.builds(
        lambda tag, vr, raw: element(tag, vr, raw + b" " * (len(raw) % 2)),
        st.sampled_from(TEXT_TAGS),
        st.sampled_from(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UT"]),
        TEXT,
    )
    numbers = st.builds(
        lambda vr, raw: element(
            0x00142008, vr, raw[: len(raw) - len(raw) % NUMBERS[vr]]
        ),
        st.sampled_from(sorted(NUMBERS)),
        st.binary(max_size=32),
    )
    singles = SINGLES.map(lambda raw: element(0x0014200A, "FL", raw))
    others = st.builds(
        lambda vr, raw: element(0x0014200C, vr, raw[: len(raw) & ~1]),
        st.sampled_from(["OB", "OW", "UN"]),
        st.binary(max_size=40),
    )
    return st.one_of(texts, numbers, singles, others)


def _data_set(leaves: list[bytes]) -> bytes:
    tags = {struct.unpack("<HH", leaf[:4]): leaf for leaf in leaves}
    return b"".join(tags[tag] for tag in sorted(tags))


def _nested(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda items, undefined: sequence(
            0x00142020,
            *(item(one, undefined=open_) for one, open_ in items),
            undefined=undefined,
        ),
        st.lists(st.tuples(inner, st.booleans()), max_size=2),
        st.booleans(),
    )


FLAT = st.lists(_leaf(), max_size=4).map(_data_set)
NESTED = st.builds(
    lambda flat, deep: flat + deep, FLAT, _nested(st.one_of(FLAT, _nested(FLAT)))
)


def accept(syntax: str) -> Step:
    """Accepts the one context in a transfer syntax of our choice."""

    async def step(talk: Conversation) -> None:
        request = await talk.read_association()
        assert request is not None
        talk.established()
        (proposal,) = request.proposals
        only = pdu.Proposal(1, proposal.abstract_syntax, (syntax,))
        chosen = pdu.AssociateRequest(
            request.called_ae, request.calling_ae, (only,), request.raw
        )
        await talk.send(pdu.associate_ac(chosen))

    return step


def by_findscu(payloads: list[bytes], syntax: str, *arguments: str) -> list[list[str]]:
    """The lines that findscu's log shows of each response."""
    require(FINDSCU)
    answer = [
        steps.matches(len(payloads), build=lambda _, index: payloads[index]),
        steps.final(),
    ]
    with ScriptedPeer(*answer, on_connect=[accept(syntax)]) as peer:
        ended = subprocess.run(
            [FINDSCU, *arguments, "-k", "PatientName", LOOPBACK, str(peer.port)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "TCP_NODELAY": "1"},
        )
    text = ended.stderr.decode("utf-8", "surrogateescape")
    told = [line[3:] for line in text.split("\n") if line.startswith("I: ")]
    dumps: list[list[str]] = []
    for line in told:
        if line.startswith("Find Response"):
            dumps.append([])
        elif not line.startswith("-----"):
            dumps[-1].append(line)
    return [dump[1:-1] for dump in dumps]


def by_us(payload: bytes, syntax: str, style: DumpStyle = VERBATIM) -> list[str]:
    return "\n".join(dump_lines(payload, syntax, style)).split("\n")


@pytest.mark.interop
class TestBesideFindscu:
    @settings(deadline=None, max_examples=40)
    @given(st.lists(NESTED, min_size=1, max_size=30))
    def test_explicit_little_endian_is_equal(self, payloads: list[bytes]) -> None:
        ours = [by_us(payload, EXPLICIT_LE) for payload in payloads]
        assert ours == by_findscu(payloads, EXPLICIT_LE)

    @settings(deadline=None, max_examples=20)
    @given(st.lists(FLAT, min_size=1, max_size=30))
    def test_corrected_data_are_equal(self, payloads: list[bytes]) -> None:
        # Spaces within a UID make findscu write a warning into the middle of a line.
        kept = [payload for payload in payloads if b"UI" not in payload] or [b""]
        style = DumpStyle(verbatim=True, correction=True)
        ours = [by_us(payload, EXPLICIT_LE, style) for payload in kept]
        assert ours == by_findscu(kept, EXPLICIT_LE, "+dc")

    def test_big_endian_is_equal(self) -> None:
        payload = b"".join(
            [
                element(0x00080052, "CS", b"STUDY ", order=">"),
                element(0x00280010, "US", b"\1\0", order=">"),
                element(0x00280106, "OW", b"\1\0\xff\xff", order=">"),
                element(0x00280107, "UN", b"\1\0\xff\xff", order=">"),
                element(0x00280108, "AT", b"\0\x10\0\x20", order=">"),
                element(0x00280109, "FD", struct.pack(">d", 0.1), order=">"),
            ]
        )
        expected = by_findscu([payload], EXPLICIT_BE, "-xb")
        assert [by_us(payload, EXPLICIT_BE)] == expected

    def test_implicit_vr_is_equal(self) -> None:
        payload = b"".join(
            [
                implicit(0x00080005, b"ISO_IR 192"),
                implicit(0x00089ABC, b"ab"),
                implicit(0x00091001, b"abcd"),
                implicit(0x00143050, b"abcd"),
                implicit(0x00189810, b"ab"),
                implicit(0x00280010, b"\1\0"),
                implicit(0x00280106, b"\1\0\xff\xff"),
                implicit(0x00282000, b"abcd"),
                implicit(0x00283006, b"\1\0\2\0"),
                implicit(0x00400100, item(implicit(0x00080060, b"CT"))),
                implicit(0x50003000, b"abcd"),
                implicit(0x54001010, b"abcd"),
                implicit(0x60003000, b"abcd"),
                implicit(0x7FE00010, b"\1\2\3\4"),
            ]
        )
        expected = by_findscu([payload], IMPLICIT_LE, "-xi")
        assert [by_us(payload, IMPLICIT_LE)] == expected
