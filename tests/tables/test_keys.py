"""A few values of each response, read without making a table."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom.paths import parse_path
from batchfind.tables import decoded
from batchfind.tables.decode import FEWEST_ROWS
from batchfind.tables.keys import KeyRows, Texts, digest_of, read_keys
from batchfind.tables.slabs import join
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    one,
    origin,
    query,
    sequence,
    slabs,
)

STUDY = parse_path("StudyInstanceUID")
DATE = parse_path("StudyDate")
STEP_ID = parse_path(f"{STEPS}.ScheduledProcedureStepID")
TRUNCATED = element("PatientID", "P1")[:-1]


def read(*payloads: bytes, paths: Sequence[str], **facts: Any) -> KeyRows:
    """The only piece, of a query whose columns are others than the paths."""
    asked = query(["PatientName"])
    found = list(
        read_keys(asked, slabs(*payloads, **facts), [parse_path(p) for p in paths])
    )
    (piece,) = found
    return piece


def texts(*payloads: bytes, path: str, **facts: Any) -> list[Texts]:
    return read(*payloads, paths=[path], **facts).values[parse_path(path)]


def step(identity: str) -> bytes:
    return element("ScheduledProcedureStepID", identity)


class TestAKeyOfTheDataSet:
    def test_is_one_text_a_response_without_padding(self) -> None:
        found = texts(
            identifier(StudyInstanceUID="1.2.3"),
            identifier(StudyInstanceUID="1.2.34\0\0"),
            path="StudyInstanceUID",
        )
        assert found == [("1.2.3",), ("1.2.34",)]

    def test_tells_absent_from_empty(self) -> None:
        found = texts(
            identifier(PatientID="P1"), identifier(StudyDate=""), path="StudyDate"
        )
        assert found == [(None,), ("",)]

    def test_joins_several_values_by_a_backslash(self) -> None:
        payload = identifier(ModalitiesInStudy="CT\\MR")
        assert texts(payload, path="ModalitiesInStudy") == [("CT\\MR",)]

    def test_is_decoded_in_the_character_set_of_its_response(self) -> None:
        payload = identifier(SpecificCharacterSet="ISO_IR 100", PatientID="J\xfcrgen")
        assert texts(payload, path="PatientID") == [("Jürgen",)]

    def test_need_not_be_a_column_of_the_query(self) -> None:
        assert texts(identifier(PatientSex="F"), path="PatientSex") == [("F",)]


class TestAKeyInASequence:
    def test_is_one_text_an_item(self) -> None:
        found = texts(
            sequence(STEPS, step("A"), step("B")),
            sequence(STEPS, step("C")),
            path=STEP_ID.dotted,
        )
        assert found == [("A", "B"), ("C",)]

    def test_is_none_where_an_item_lacks_it(self) -> None:
        found = texts(
            sequence(STEPS, element("Modality", "CT"), step("B")), path=STEP_ID.dotted
        )
        assert found == [(None, "B")]

    def test_is_nothing_where_there_are_no_items(self) -> None:
        found = texts(sequence(STEPS), identifier(PatientID="P1"), path=STEP_ID.dotted)
        assert found == [(), ()]

    def test_belongs_to_its_response_however_deep_it_stands(self) -> None:
        deep = f"{STEPS}.ScheduledProtocolCodeSequence.CodeValue"
        codes = [
            sequence("ScheduledProtocolCodeSequence", element("CodeValue", code))
            for code in "ABC"
        ]
        found = texts(
            sequence(STEPS, codes[0], codes[1]), sequence(STEPS, codes[2]), path=deep
        )
        assert found == [("A", "B"), ("C",)]

    def test_cannot_be_the_sequence_itself(self) -> None:
        with pytest.raises(ValueError, match="has no text"):
            read(identifier(PatientID="P1"), paths=[STEPS])


class TestAResponse:
    def test_is_known_by_its_request_and_index(self) -> None:
        payloads = [identifier(PatientID=str(number)) for number in range(3)]
        sets = [
            (origin("0"), matches(payloads, first=4)),
            (origin("1"), matches(payloads[:1])),
        ]
        (found,) = read_keys(query(["PatientID"]), join(sets), [])
        assert found.requests == ["0", "0", "0", "1"]
        assert found.responses == [4, 5, 6, 0]
        assert len(found) == 4

    def test_has_a_digest_of_its_bytes(self) -> None:
        payload = identifier(PatientID="P1")
        found = read(payload, payload, identifier(PatientID="P2"), paths=[])
        assert found.digests[0] == blake2b(payload, digest_size=16).digest()
        assert found.digests[0] == found.digests[1] == digest_of(payload)
        assert found.digests[0] != found.digests[2]

    def test_that_cannot_be_decoded_holds_nothing_and_says_so(self) -> None:
        payloads = [TRUNCATED, identifier(StudyDate="20260131")]
        found = read(*payloads, paths=["StudyDate", STEP_ID.dotted])
        assert found.values == {DATE: [(None,), ("20260131",)], STEP_ID: [(), ()]}
        assert found.undecodable == {0}
        assert found.digests[0] == digest_of(TRUNCATED)

    def test_comes_once_though_its_slab_explodes_into_pieces(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decoded, "EXPLODED_BYTES", 400)
        asked = query(["PatientID", STEP_ID.dotted], explode=STEPS)
        payloads = [sequence(STEPS, step("A"), step(str(at))) for at in range(40)]
        pieces = list(read_keys(asked, slabs(*payloads), [STEP_ID]))
        assert len(pieces) > 1
        assert [at for piece in pieces for at in piece.responses] == list(range(40))
        found = [each for piece in pieces for each in piece.values[STEP_ID]]
        assert found == [("A", str(at)) for at in range(40)]


ITEMS = st.lists(st.sampled_from(["", "A", "B "]), max_size=3)


class TestColumnarAndScalarDecoding:
    @given(st.lists(st.tuples(st.sampled_from(["", "1.2", "1.2.3"]), ITEMS)))
    @settings(deadline=None, max_examples=50)
    def test_agree(self, drawn: list[tuple[str, list[str]]]) -> None:
        payloads = [
            element("StudyInstanceUID", uid) + sequence(STEPS, *map(step, items))
            for uid, items in drawn
        ]
        asked = query(["PatientID"])
        alone = [
            piece
            for payload in payloads
            for piece in read_keys(asked, slabs(payload), [STUDY, STEP_ID])
        ]
        padded = [*payloads, *[identifier(PatientID="P")] * FEWEST_ROWS]
        (together,) = read_keys(asked, slabs(*padded), [STUDY, STEP_ID])
        for path in (STUDY, STEP_ID):
            expected = [each for piece in alone for each in piece.values[path]]
            assert together.values[path][: len(payloads)] == expected

    def test_give_the_text_that_tables_show(self) -> None:
        payload = identifier(StudyDate=" 20260131", PatientID="  P1 ")
        asked = query(["StudyDate", "PatientID"])
        (row,) = one(asked, payload).batches[1].to_pylist()
        for path in ("StudyDate", "PatientID"):
            assert texts(payload, path=path) == [(row[path],)]
