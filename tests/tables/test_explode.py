from __future__ import annotations

from typing import Any

import pytest

from batchfind.tables import decoded
from batchfind.tables.render import render
from batchfind.tables.schema import table_schema
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    one,
    query,
    sequence,
    slabs,
    typed,
)

ASKED = query(["PatientID", f"{STEPS}.Modality"], explode=STEPS)


def step(modality: str) -> bytes:
    return element("Modality", modality)


def response(patient: str, *items: bytes) -> bytes:
    return identifier(PatientID=patient) + sequence(STEPS, *items)


def shown(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


class TestExplode:
    def test_gives_one_row_an_item(self) -> None:
        rows = typed(
            ASKED, response("1", step("CT"), step("MR")), response("2", step("US"))
        )
        assert shown(rows, "PatientID", "Modality", "bf_response", "bf_item") == [
            ("1", "CT", 0, 0),
            ("1", "MR", 0, 1),
            ("2", "US", 1, 0),
        ]

    def test_gives_one_row_to_a_response_without_an_item(self) -> None:
        rows = typed(
            ASKED, response("1"), identifier(PatientID="2"), response("3", step("CT"))
        )
        assert shown(rows, "PatientID", "Modality", "bf_item") == [
            ("1", None, None),
            ("2", None, None),
            ("3", "CT", 0),
        ]

    def test_gives_no_row_to_no_response(self) -> None:
        assert list(render(ASKED, [])) == []

    def test_follows_sequences_within_the_exploded_one(self) -> None:
        inner = "ScheduledProtocolCodeSequence"
        asked = query(
            ["PatientID", f"{STEPS}.Modality", f"{STEPS}.{inner}.CodeValue"],
            explode=f"{STEPS}.{inner}",
        )
        codes = sequence(inner, element("CodeValue", "A"), element("CodeValue", "B"))
        rows = typed(
            asked,
            response("1", step("CT") + codes, step("MR")),
            response("2"),
            response("3", step("US") + sequence(inner, element("CodeValue", "C"))),
        )
        assert shown(rows, "PatientID", "Modality", "CodeValue", "bf_item") == [
            ("1", "CT", "A", 0),
            ("1", "CT", "B", 1),
            ("1", "MR", None, None),
            ("2", None, None, None),
            ("3", "US", "C", 0),
        ]

    def test_of_a_sequence_nobody_asked_into_still_counts_items(self) -> None:
        asked = query(["PatientID"], explode=STEPS)
        rows = typed(asked, response("1", step("CT"), step("MR")))
        assert shown(rows, "PatientID", "bf_item") == [("1", 0), ("1", 1)]

    def test_of_a_sequence_asked_as_a_whole_shows_it_in_every_row(self) -> None:
        asked = query(["PatientID", STEPS], explode=STEPS)
        rows = typed(asked, response("1", step("CT"), step("MR")))
        items = [
            f'{{"00080060":{{"vr":"CS","Value":["{one}"]}}}}' for one in ("CT", "MR")
        ]
        whole = "[" + ",".join(items) + "]"
        assert shown(rows, STEPS) == [(whole,), (whole,)]

    def test_puts_notes_and_extras_into_the_row_of_their_item(self) -> None:
        begin = "ScheduledProcedureStepStartDate"
        asked = query([f"{STEPS}.{begin}"], explode=STEPS)
        payload = identifier(StudyID="9") + sequence(
            STEPS, element(begin, "soon"), step("MR") + element(begin, "")
        )
        rows = typed(asked, payload)
        study = '"00200010":{"vr":"SH","Value":["9"]}'
        modality = '"00080060":{"vr":"CS","Value":["MR"]}'
        assert shown(rows, "bf_invalid", "bf_empty", "bf_extra") == [
            (f'{{"{begin}":"soon"}}', None, f"{{{study}}}"),
            (
                None,
                [begin],
                f'{{{study},"00400100":{{"vr":"SQ","Value":[{{{modality}}}]}}}}',
            ),
        ]


class TestAnAnswerThatExplodesTooFar:
    """A megabyte beside 60 000 empty items would become 60 gigabytes."""

    def test_is_a_defect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decoded, "EXPLODED_BYTES", 1000)
        piece = one(
            ASKED, response("1" * 60, *[step("CT")] * 40), response("2", step("CT"))
        )
        (defect,) = piece.defects
        assert (defect.kind, defect.response) == ("limit", 0)
        rows = piece.batches[0].to_pylist()
        assert shown(rows, "PatientID", "bf_defect") == [(None, "limit@0"), ("2", None)]

    def test_many_together_come_in_pieces(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decoded, "EXPLODED_BYTES", 600)
        given = slabs(*[response(str(at), step("CT"), step("MR")) for at in range(20)])
        schema = table_schema(ASKED, typed=True, provenance=True)
        pieces = list(render(ASKED, given, [schema]))
        assert len(pieces) > 3
        assert sum(len(piece.slab) for piece in pieces) == 20
        rows = [row for piece in pieces for row in piece.batches[0].to_pylist()]
        expected = [(str(at), item, at) for at in range(20) for item in (0, 1)]
        assert shown(rows, "PatientID", "bf_item", "bf_response") == expected
