"""Whole slabs at once give the documents that one response at a time gives."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom import dictionary
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.dictionary_entries import Entry, Numbers
from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from batchfind.outputs import documents as by_response
from batchfind.outputs.documents import DataSetText, responses
from batchfind.outputs.json_model import JsonModel
from batchfind.outputs.swept_documents import documents
from batchfind.outputs.xml_dcmtk import DcmtkXml
from batchfind.outputs.xml_native import NativeXml
from batchfind.tables import decode
from batchfind.tables.slabs import Slab, join
from tests.dicom.data_sets import Maker, Wire
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    origin,
    sequence,
    slabs,
)

TEXTS = (
    *(b"", b" ", b"\0", b"CT", b"MR\\SR", b"A \\ B", b"Doe^Jane=x", b"Doe^Jane"),
    *(b" lead", b"trail   ", b"nul\0\0", b"nul \0", b"A\\\\B", b"\\", b"\\ ", b"=x"),
    *(b"M\xfcller", "Müller".encode(), b"\xff\xfe", b"\x1b$B;3\x1b(B^A", b"~"),
    *(b"\xd4\xcf~\\", b"\x85\\5c", b"tab\there", b"line\r\n", b"\x7f", b"\x01"),
    *(b"<a & b>", b"\"'", b"]]>", b"A\\<"),
)
NUMBERS = (b"12", b" 7 ", b"1.5", b"-3", b"1e5", b"1\\2", b"007", b"x", b"", b"9" * 20)
WORDS = (b"\1\0", b"\2\0\3\0", b"", b"\1\2\3", b"\0\0\0\1")
UIDS = (b"1.2.840\0", b"1.2 \0", b"1.2\0\0", b"1.2\\1.3", b"1.2\\1.3\0", b" 1.2", b"")
SETS = (b"ISO_IR 100", b"ISO_IR 192 ", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"what", b"")

BY_KEYWORD = {
    "SpecificCharacterSet": SETS,
    "InstanceCreatorUID": UIDS,
    "StudyDate": (b"20260101", b"2026.01.01", b"soon", b"", b"20260101-20260102"),
    "ModalitiesInStudy": TEXTS,
    "RetrieveAETitle": TEXTS,
    "PatientName": TEXTS,
    "PatientID": TEXTS,
    "PatientAge": TEXTS,
    "PatientWeight": NUMBERS,
    "PatientComments": TEXTS,
    "StudyInstanceUID": UIDS,
    "NumberOfStudyRelatedInstances": NUMBERS,
    "FrameIncrementPointer": WORDS,
    "Rows": WORDS,
    "ICCProfile": WORDS,
    "RetrieveURL": TEXTS,
}


def tag(keyword: str) -> int:
    found = dictionary.tag_of(keyword)
    assert found is not None
    return found


VALUES = {tag(keyword): raws for keyword, raws in BY_KEYWORD.items()} | {
    0x00080000: (b"\4\0\0\0",),
    0x00080001: TEXTS,
}
PRIVATE = {0x00290010: (b"ACME", b"OTHER "), 0x00291010: TEXTS}
SEQUENCES = (tag(STEPS), tag("ProcedureCodeSequence"), tag("ReferencedStudySequence"))
STRANGE_VRS = ("SH", "LO", "UN", "UT", "US", "CS", "ZZ")

FORMATS = ("dcmtk", "base64", "native", "json")


def model(form: str) -> DataSetText:
    if form == "json":
        return JsonModel()
    return NativeXml() if form == "native" else DcmtkXml(bytes_too=form == "base64")


def check(given_slabs: Sequence[Slab], form: str) -> list[str]:
    """The documents, which must be the same however they are rendered."""
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "FEWEST_ROWS", 1)
        swept = model(form)
        for slab in given_slabs:
            array = documents(swept, slab)
            array.validate(full=True)
            found += array.to_pylist()
    single = model(form)
    every = [response for slab in given_slabs for response in responses(slab)]
    assert found == [single.data_set(response) for response in every]
    return found


def deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


class TestDocuments:
    @settings(deadline=None, max_examples=25)
    @given(st.sampled_from(FORMATS), st.integers(0, 2**32), st.booleans())
    def test_are_the_same(self, form: str, seed: int, well_formed: bool) -> None:
        random = Random(seed)  # noqa: S311 - test data
        syntax = random.choice([EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE])
        wire = Wire(EXPLICIT_LE if syntax == DEFLATED_LE else syntax)
        values = VALUES | (PRIVATE if random.random() < 0.3 else {})
        vrs = STRANGE_VRS if random.random() < 0.3 else ()
        make = Maker(random, wire, values, SEQUENCES, vrs)
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
            )
            parts.append((source, matches(payloads)))
        check(list(join(parts)), form)

    @pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "PatientComments"])
    def test_tell_every_text(self, form: str, keyword: str) -> None:
        latin = element("SpecificCharacterSet", "ISO_IR 100")
        texts = [element(keyword, raw) for raw in TEXTS]
        check(slabs(*texts, *(latin + text for text in texts)), form)

    def test_may_all_be_empty(self, form: str) -> None:
        lengths = element(0x00080000, b"\4\0\0\0", "UL")
        check(slabs(lengths, lengths), form)

    def test_have_sequences_with_any_number_of_items(self, form: str) -> None:
        step = element("Modality", "CT")
        foreign = element("ScheduledProcedureStepDescription", b"M\xfc")
        latin = element("SpecificCharacterSet", "ISO_IR 100") + foreign
        without = element("PatientID", "7")
        found = check(
            slabs(
                sequence(STEPS),
                sequence(STEPS, step, step + foreign),
                without,
                without + sequence(STEPS, latin, b""),
                sequence(STEPS, sequence(STEPS, step, latin), step),
            ),
            form,
        )
        assert "Mü" in found[3]

    def test_name_attributes_beyond_ascii(self, form: str) -> None:
        group = Numbers(0x0010, 0x0010)
        entries = tuple(
            Entry(
                groups=group,
                elements=Numbers(number, number),
                creator=None,
                vr=vr,
                name=name,
                multiplicity="1",
                line="",
            )
            for number, vr, name in ((0x1234, "LO", "Größe"), (0x1235, "SQ", "Maße"))
        )
        payloads = (
            element("PatientID", "7"),
            element(0x00101234, "1", "LO"),
            sequence(0x00101235, element("PatientSize", "1.8")),
        )
        found = check(slabs(*payloads, dictionary=Dictionary(entries)), form)
        if form == "dcmtk":
            assert ["ISO_IR 192" in text for text in found] == [False, True, True]


class TestRenderedOneByOne:
    """Where a response is not shown as received, or nothing would be gained."""

    payload = identifier(PatientID="1 ", PatientName="Doe ")

    def test_are_few_responses(
        self, form: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("batchfind.outputs.swept_documents.sweep", None)
        (slab,) = slabs(self.payload, self.payload)
        assert len(documents(model(form), slab)) == 2

    def test_are_responses_with_corrected_values(self, form: str) -> None:
        check(slabs(self.payload, correction=True), form)

    def test_are_responses_with_private_attributes(self, form: str) -> None:
        creator = element(0x00290010, b"ACME", "LO")
        private = creator + element(0x00291010, b"<x>", "LO")
        given_slabs = slabs(self.payload, self.payload + private, self.payload)
        with_private: list[Any] = check(given_slabs, form)
        assert with_private[0] == with_private[2] != with_private[1]


def test_nothing_of_a_document_is_remembered_beyond_its_request() -> None:
    """Each request has a reading of its own, so the same bytes may differ."""
    payload = identifier(PatientName=b"M\xfc")
    both = [origin("0", assume="ISO_IR 100"), origin("1", assume="ISO_IR 101")]
    given_slabs = list(join([(one, matches([payload])) for one in both]))
    assert by_response.UNICODE.decode() in "".join(check(given_slabs, "json"))
