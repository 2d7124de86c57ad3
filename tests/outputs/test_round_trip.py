"""What a peer sent is what a reader of the files finds."""

from __future__ import annotations

import csv
import io
import struct

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom import charset, values, vrs
from batchfind.dicom.paths import parse_path
from batchfind.dicom.transfer_syntaxes import (
    EXPLICIT_BE,
    EXPLICIT_LE,
)
from batchfind.job.model import OutputFormat, Publish
from batchfind.job.output_model import Overwrite
from batchfind.outputs.formats import FORMATS, Piece, schema_of
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.render import render
from batchfind.tables.text import number_text
from tests.outputs.documents import Memory
from tests.tables.material import STEPS, element, query, sequence, slabs

COLUMNS = {
    "AccessionNumber": "SH",
    "ModalitiesInStudy": "CS",
    "PatientName": "PN",
    "PatientID": "LO",
    "PatientBirthDate": "DA",
    "PatientWeight": "DS",
    "PatientComments": "LT",
    "StudyInstanceUID": "UI",
    "NumberOfStudyRelatedInstances": "IS",
    "Rows": "US",
    "ReferencePixelX0": "SL",
}
NUMBERS = {"US": ("H", st.integers(0, 65535)), "SL": ("i", st.integers(-9, 9))}
TERMS = ["", "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 13", "\\ISO 2022 IR 87"]


ONE_OF_EACH_VR = (
    "RetrieveAETitle PatientAge FrameIncrementPointer Modality StudyDate PatientWeight"
    " AcquisitionDateTime EventElapsedTimes RealWorldValueSlope InstanceNumber"
    " AdditionalPatientHistory ICCProfile ExtendedOffsetTable PatientName PatientID"
    " ReferencePixelX0 TagAngleSecondAxis InstitutionAddress StudyTime StudyID"
    " LongCodeValue StudyInstanceUID SimpleFrameList RetrieveURL Rows TextValue"
    " FileOffsetInContainer"
)
EVERY_VR = {key: parse_path(key).vr for key in ONE_OF_EACH_VR.split()}
ODD_ELEMENTS = st.tuples(
    st.sampled_from(sorted(EVERY_VR)),
    st.sampled_from(sorted({*EVERY_VR.values(), "UN", "SV", "OW"})),
    st.binary(max_size=17),
)


def asked(explode: str | None) -> PlannedQuery:
    leaves = [*COLUMNS, f"{STEPS}.Modality", f"{STEPS}.ScheduledProcedureStepID"]
    return query(leaves, explode=explode)


@st.composite
def identifiers(draw: st.DrawFn, order: str) -> tuple[bytes, dict[str, str | None]]:
    """An Identifier with odd bytes, and the text each of its columns must show."""
    terms = draw(st.sampled_from(TERMS))
    sets = charset.resolve(terms)
    payload = element("SpecificCharacterSet", terms, order=order)
    expected: dict[str, str | None] = {}
    for key, vr in COLUMNS.items():
        expected[key] = None
        if not draw(st.booleans()):
            continue
        if vr in vrs.STRING_VRS:
            raw = draw(
                st.binary(max_size=9)
                | st.text("\\^= 012.AZ", max_size=9).map(str.encode)
            )
            expected[key] = "\\".join(values.text_values(raw, vr, sets).values)
        else:
            code, numbers = NUMBERS[vr]
            found = draw(st.lists(numbers, max_size=3))
            raw = struct.pack(f"{order}{len(found)}{code}", *found)
            expected[key] = "\\".join(number_text(number, vr) for number in found)
        payload += element(key, raw, order=order)
    items = draw(st.integers(0, 3))
    codes = [draw(st.sampled_from(["CT", "MR", ""])) for _ in range(items)]
    steps = [element("Modality", code, order=order) for code in codes]
    expected["Modality"] = " ".join(codes)
    return payload + sequence(STEPS, *steps, order=order), expected


def written(
    form: OutputFormat,
    planned_query: PlannedQuery,
    payloads: list[bytes],
    syntax: str,
    *,
    typed: bool = False,
) -> bytes:
    planned = PlannedOutput(
        path="/x",
        format=form,
        query="q",
        requests=(),
        typed=typed,
        provenance=True,
        publish=Publish.ALWAYS,
        overwrite=Overwrite.REPLACE,
    )
    schema = schema_of(planned, planned_query)
    memory = Memory()
    writer = FORMATS[form].writer(memory, planned, planned_query, schema)
    for piece in render(
        planned_query, slabs(*payloads, transfer_syntax=syntax), [schema]
    ):
        for batch in piece.batches:
            batch.validate(full=True)
            assert writer.write(Piece(piece.slab, batch)) == batch.num_rows
    writer.close()
    return memory.content


class TestRandomIdentifiers:
    @settings(deadline=None, max_examples=30)
    @given(st.data())
    def test_come_back_from_csv_and_parquet(self, data: st.DataObject) -> None:
        big = data.draw(st.booleans())
        syntax, order = (EXPLICIT_BE, ">") if big else (EXPLICIT_LE, "<")
        drawn = data.draw(st.lists(identifiers(order), max_size=4))
        payloads = [payload for payload, _ in drawn]
        exploded = asked(STEPS)
        expected = [
            {**shown, "Modality": code}
            for _, shown in drawn
            for code in (
                str(shown["Modality"]).split(" ")
                if shown["Modality"] is not None
                else []
            )
        ]
        raw = written(OutputFormat.PARQUET, exploded, payloads, syntax)
        names = [*COLUMNS, "Modality"]
        found = pq.read_table(io.BytesIO(raw)).select(names).to_pylist()
        for row in found:
            row["Modality"] = row["Modality"] or ""
        assert found == expected
        text = io.StringIO(
            written(OutputFormat.CSV, exploded, payloads, syntax).decode(), newline=""
        )
        lines = [{name: line[name] for name in names} for line in csv.DictReader(text)]
        assert lines == [{name: row[name] or "" for name in names} for row in expected]

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.binary(max_size=60), max_size=4), st.booleans())
    def test_that_are_noise_have_a_row_each(
        self, payloads: list[bytes], explode: bool
    ) -> None:
        planned = asked(STEPS if explode else None)
        raw = written(OutputFormat.PARQUET, planned, payloads, EXPLICIT_LE)
        assert pq.read_table(io.BytesIO(raw)).num_rows >= len(payloads)

    @settings(deadline=None, max_examples=50)
    @given(st.lists(ODD_ELEMENTS, min_size=1, max_size=4), st.booleans())
    def test_of_any_vr_spoil_no_other_value(
        self, odd: list[tuple[str, str, bytes]], typed: bool
    ) -> None:
        planned = query([*EVERY_VR, "PatientComments"])
        good = element("PatientComments", "good", "LT")
        # Out of order on purpose: that is tolerated, and each is one response.
        payloads = [good + element(key, raw, vr) for key, vr, raw in odd]
        for form in (OutputFormat.CSV, OutputFormat.PARQUET):
            raw = written(form, planned, payloads, EXPLICIT_LE, typed=typed)
            if form is OutputFormat.PARQUET:
                table = pq.read_table(io.BytesIO(raw))
                assert table["PatientComments"].to_pylist() == ["good"] * len(odd)
            else:
                text = io.StringIO(raw.decode(), newline="")
                shown = [line["PatientComments"] for line in csv.DictReader(text)]
                assert shown == ["good"] * len(odd)
