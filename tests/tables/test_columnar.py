"""Whole slabs at once give the tables that one response at a time gives."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import fields
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom import dictionary, scalar
from batchfind.dicom.columnar import run
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from batchfind.plan.model import PlannedQuery
from batchfind.tables import decode, decoded, memory
from batchfind.tables.columnar import ColumnarDecoder
from batchfind.tables.render import Rendered, render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import Slab, join
from tests.dicom.data_sets import Maker, Wire
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    origin,
    query,
    sequence,
    slabs,
)

CODES = "ScheduledProtocolCodeSequence"
STUDIES = "ReferencedStudySequence"
ALWAYS, NEVER = 1, 1 << 30

QUERIES = (
    query(
        [
            *("PatientID", "PatientName", "StudyDate", "ModalitiesInStudy"),
            *("NumberOfStudyRelatedInstances", "PatientWeight", "PatientComments"),
            *("SpecificCharacterSet", "OtherPatientNames"),
        ],
        carry=["site"],
    ),
    query(
        [
            *("PatientID", "Rows", "FrameIncrementPointer", "ICCProfile"),
            *(f"{STEPS}.Modality", f"{STEPS}.ScheduledProcedureStepStartDate"),
            *(f"{STEPS}.{CODES}.CodeValue", f"{STUDIES}.ReferencedSOPInstanceUID"),
        ],
        explode=STEPS,
    ),
    query(
        ["PatientName", f"{STEPS}.Modality", f"{STEPS}.{CODES}.CodeMeaning"],
        explode=f"{STEPS}.{CODES}",
    ),
    query([f"{STEPS}.ScheduledProcedureStepStartDate", f"{STEPS}.{CODES}.CodeValue"]),
    query(["PatientID", STEPS, CODES, STUDIES], explode=STEPS),
    query(['0029,"ACME",10', "0029,1011", f'{STEPS}.0029,"ACME",10', "PatientID"]),
    query([]),
)

TEXTS = (
    *(
        b"",
        b" ",
        b"\0",
        b"CT",
        b"MR\\SR",
        b"A \\ B",
        b"Doe^Jane=x",
        b" lead",
        b"trail   ",
    ),
    *(b"nul\0\0", b"A\\\\B", b"\\", b"M\xfcller", "Müller".encode(), b"\xff\xfe"),
    *(b"\x1b$B;3\x1b(B^A", b"\xd4\xcf~\\", b"\x85\\5c", b"tab\there"),
)
DATES = (b"20260101", b"20240229", b"20230229", b"2026.01.01", b"soon", b"", b"  ")
NUMBERS = (b"12", b" 7 ", b"1.5", b"-3", b"1e5", b"1\\2", b"007", b"x", b"", b"9" * 20)
WORDS = (b"\1\0", b"\2\0\3\0", b"", b"\1\2\3")
SETS = (b"ISO_IR 100", b"ISO_IR 192 ", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"what", b"")

BY_KEYWORD = {
    "SpecificCharacterSet": SETS,
    "QueryRetrieveLevel": (b"STUDY ",),
    "StudyDate": DATES,
    "ModalitiesInStudy": TEXTS,
    "RetrieveAETitle": TEXTS,
    "PatientName": TEXTS,
    "PatientID": TEXTS,
    "OtherPatientNames": TEXTS,
    "PatientWeight": NUMBERS,
    "PatientComments": TEXTS,
    "Modality": TEXTS,
    "CodeValue": TEXTS,
    "CodeMeaning": TEXTS,
    "ReferencedSOPInstanceUID": (b"1.2.840\0",),
    "NumberOfStudyRelatedInstances": NUMBERS,
    "FrameIncrementPointer": (*WORDS, b"\0\0\0\1"),
    "Rows": WORDS,
    "ICCProfile": WORDS,
    "ScheduledProcedureStepStartDate": DATES,
}


def tag(keyword: str) -> int:
    found = dictionary.tag_of(keyword)
    assert found is not None
    return found


VALUES = {tag(keyword): raws for keyword, raws in BY_KEYWORD.items()} | {
    0x00290010: (b"ACME", b"OTHER "),
    0x00291010: TEXTS,
    0x00291011: TEXTS,
}
SEQUENCES = (tag(STEPS), tag(CODES), tag(STUDIES), tag("ProcedureCodeSequence"))
STRANGE_VRS = ("SH", "LO", "UN", "UT", "US", "CS", "ZZ")


def pieces(
    asked: PlannedQuery,
    given_slabs: Sequence[Slab],
    fewest: int,
    watch: Sequence[str] = (),
) -> list[Rendered]:
    """Everything rendered, with slabs of so many responses swept."""
    schemas = [
        table_schema(asked, typed=True, provenance=True),
        table_schema(asked, typed=False, provenance=True),
        table_schema(asked, typed=True, provenance=False, nested=False),
    ]
    paths = [path for path in asked.columns if path.dotted in watch]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "FEWEST_ROWS", fewest)
        return list(render(asked, given_slabs, schemas, paths))


def check(
    asked: PlannedQuery, given_slabs: Sequence[Slab], watch: Sequence[str] = ()
) -> list[Rendered]:
    """What is rendered, which must be the same however it is decoded."""
    swept = pieces(asked, given_slabs, ALWAYS, watch)
    single = pieces(asked, given_slabs, NEVER, watch)
    assert len(swept) == len(single)
    for one, other in zip(swept, single, strict=True):
        for field in fields(Rendered):
            mine, its = getattr(one, field.name), getattr(other, field.name)
            if field.name == "batches":
                for batch, oracle in zip(mine, its, strict=True):
                    batch.validate(full=True)
                    assert batch.to_pylist() == oracle.to_pylist()
                    assert batch.equals(oracle, check_metadata=True)
            else:
                assert mine == its, field.name
    return swept


def rows(asked: PlannedQuery, *payloads: bytes, **facts: Any) -> list[dict[str, Any]]:
    """Typed rows of one piece."""
    (piece,) = check(asked, slabs(*payloads, **facts))
    found: list[dict[str, Any]] = piece.batches[0].to_pylist()
    return found


def deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


class TestTables:
    @settings(deadline=None, max_examples=25)
    @given(st.sampled_from(QUERIES), st.integers(0, 2**32), st.booleans())
    def test_are_the_same(
        self, asked: PlannedQuery, seed: int, well_formed: bool
    ) -> None:
        random = Random(seed)  # noqa: S311 - test data
        syntax = random.choice([EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE])
        wire = Wire(EXPLICIT_LE if syntax == DEFLATED_LE else syntax)
        vrs = STRANGE_VRS if random.random() < 0.3 else ()
        make = Maker(random, wire, VALUES, SEQUENCES, vrs)
        parts = []
        for at in range(random.choice([1, 3])):
            payloads = [
                make.data_set() if well_formed else make.damaged() for _ in range(6)
            ]
            if syntax == DEFLATED_LE:
                payloads = [deflated(payload) for payload in payloads]
            source = origin(
                str(at),
                transfer_syntax=syntax,
                assume=random.choice([None, "ISO_IR 100", "nonsense"]),
                override=random.choice([None, None, "ISO_IR 192"]),
                bindings={"site": "north"} if at else {},
            )
            parts.append((source, matches(payloads, first=random.choice([0, 7]))))
        check(asked, list(join(parts)), ["PatientID"])

    def test_are_the_same_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decoded, "EXPLODED_BYTES", 3000)
        asked = query(["PatientID", f"{STEPS}.Modality"], explode=STEPS)
        step = element("Modality", "CT")
        few = identifier(PatientID="1") + sequence(STEPS, step, step)
        many = identifier(PatientID="2" * 60) + sequence(STEPS, *[step] * 70)
        given_slabs = slabs(*[few] * 40, many, *[few] * 40)
        found = check(asked, given_slabs)
        assert len(found) > 2
        assert sum(len(piece.slab) for piece in found) == 81
        assert [defect.kind for piece in found for defect in piece.defects] == ["limit"]
        packed = slabs(*map(deflated, [few, many, few]), transfer_syntax=DEFLATED_LE)
        check(asked, packed)


class TestOddResponses:
    good = identifier(PatientID="1", PatientName="Doe^Jane")
    asked = query(["PatientID", "PatientName"])

    def test_alone_are_decoded_one_at_a_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backwards = element("PatientID", "2") + element("PatientName", "Roe")
        broken = identifier(PatientID="3")[:-1]
        given_slabs = slabs(self.good, backwards, self.good, broken, b"", self.good)
        decoded_alone: list[bytes] = []
        scalar_decode = scalar.decode

        def counting(
            payload: bytes, transfer_syntax: str, **options: Any
        ) -> list[scalar.RawElement]:
            decoded_alone.append(payload)
            return scalar_decode(payload, transfer_syntax, **options)

        monkeypatch.setattr(scalar, "decode", counting)
        (piece,) = pieces(self.asked, given_slabs, ALWAYS)
        assert decoded_alone == [backwards, broken]
        assert [row["PatientID"] for row in piece.batches[0].to_pylist()] == [
            *("1", "2", "1", None, None, "1")
        ]
        assert [defect.response for defect in piece.defects] == [3, 4]

    def test_may_be_all_of_them(self) -> None:
        check(self.asked, slabs(b"", b"\1", self.good[:-1]))

    def test_of_great_variety_are_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "MOST_STEPS", 3)
        check(query(["PatientID", "StudyDate"]), slabs(*[self.good] * 3, b"\1"))

    def test_that_inflate_beyond_what_is_held_are_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "_INFLATED_BYTES", 2 * len(self.good))
        packed = [deflated(self.good)] * 4 + [b"\xff\xff", deflated(b"")]
        check(self.asked, slabs(*packed, transfer_syntax=DEFLATED_LE))


class TestWhatIsReadOneAtATime:
    """Where a response is not shown as received, or read like its neighbours."""

    payload = identifier(PatientID="1 ", PatientName="Doe ")

    def test_are_responses_with_corrected_values(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ColumnarDecoder, "decode", None)
        given_slabs = slabs(self.payload, correction=True)
        (piece,) = pieces(query(["PatientID"]), given_slabs, ALWAYS)
        assert piece.batches[0]["PatientID"].to_pylist() == ["1"]

    def test_are_responses_read_by_several_dictionaries(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ColumnarDecoder, "decode", None)
        both = [origin("0"), origin("1", dictionary=Dictionary(STANDARD.entries))]
        given_slabs = list(join([(one, matches([self.payload])) for one in both]))
        (piece,) = pieces(query(["PatientID"]), given_slabs, ALWAYS)
        assert piece.batches[0]["PatientID"].to_pylist() == ["1", "1"]


class TestExtras:
    def test_of_the_data_set_stand_in_every_row(self) -> None:
        asked = query([f"{STEPS}.Modality"], explode=STEPS)
        two = sequence(STEPS, element("Modality", "CT"), element("Modality", "MR"))
        with_extra = identifier(PatientID="7", PatientName="Doe") + two
        found = rows(asked, with_extra, two, identifier(PatientID="8"))
        extras = [row["bf_extra"] and json.loads(row["bf_extra"]) for row in found]
        named = {
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe"}]},
            "00100020": {"vr": "LO", "Value": ["7"]},
        }
        other = {"00100020": {"vr": "LO", "Value": ["8"]}}
        assert extras == [named, named, None, None, other]

    def test_hold_text_of_each_character_set(self) -> None:
        latin = identifier(SpecificCharacterSet="ISO_IR 100", PatientName=b"M\xfc")
        plain = identifier(PatientName=b"M\xfc")
        found = rows(query([]), latin, plain, latin)
        names = [
            json.loads(row["bf_extra"])["00100010"]["Value"][0]["Alphabetic"]
            for row in found
        ]
        assert names == ["Mü", "M\ufffd", "Mü"]

    def test_may_be_sequences(self) -> None:
        step = element("Modality", "CT")
        found = rows(query([]), sequence(STEPS, step), sequence(STEPS, step, step))
        assert found[1]["bf_extra"].count("CT") == 2

    def test_in_implicit_vr_take_the_vr_of_their_private_creator(self) -> None:
        wire = Wire(IMPLICIT_LE)
        creator = wire.element(0x00190010, b"SIEMENS MR HEADER ")
        payload = creator + wire.element(0x0019100C, b"1000")
        found = rows(query([]), payload, payload, transfer_syntax=IMPLICIT_LE)
        assert json.loads(found[0]["bf_extra"])["0019100C"] == {
            "vr": "IS",
            "Value": [1000],
        }


class TestAnotherVr:
    def test_may_be_a_sequence_where_a_value_belongs(self) -> None:
        payload = identifier(PatientName="Doe") + sequence("PatientID", b"")
        found = rows(query(["PatientID"]), payload, identifier(PatientID="1"))
        assert found[0]["bf_invalid"] == '{"PatientID":"a sequence of 1 items"}'

    def test_leaves_its_neighbours_alone(self) -> None:
        asked = query(["Rows", "ICCProfile"])
        payloads = [
            element("Rows", "512", "IS") + element("ICCProfile", "x", "LO"),
            element("Rows", b"\1\0") + element("ICCProfile", b"\1"),
        ]
        found = rows(asked, *payloads)
        assert [(row["Rows"], row["ICCProfile"]) for row in found] == [
            (512, b"x "),
            (1, b"\1"),
        ]


class TestWithoutTables:
    def test_defects_and_replacements_are_found(self) -> None:
        payloads = [identifier(PatientName=b"\xff", PatientID="1"), b"\1"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decode, "FEWEST_ROWS", ALWAYS)
            (piece,) = render(query(["PatientName"]), slabs(*payloads))
        assert piece.replaced == {"0": 1}
        assert [defect.kind for defect in piece.defects] == ["malformed"]


class TestSlabs:
    def test_hold_responses_of_several_requests(self) -> None:
        asked = query(["PatientID"])
        payloads = [identifier(PatientID=str(at)) for at in range(9)]
        cuts = [(0, 2), (2, 3), (3, 9)]
        given_slabs = list(
            join(
                (origin(str(at)), matches(payloads[start:stop], first=start))
                for at, (start, stop) in enumerate(cuts)
            )
        )
        (piece,) = check(asked, given_slabs)
        assert piece.batches[0]["PatientID"].to_pylist() == list("012345678")

    def test_may_be_cut_out_of_a_set(self) -> None:
        asked = query(["PatientID"])
        payloads = [identifier(PatientID=str(at)) for at in range(9)]
        (slab,) = slabs(*payloads)
        (piece,) = check(asked, [slab.cut(4, 7)])
        assert piece.batches[0]["PatientID"].to_pylist() == list("456")
