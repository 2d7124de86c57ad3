from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from batchfind.dicom import scalar
from batchfind.dicom.paths import parse_path
from batchfind.tables.collect import collect
from batchfind.tables.render import render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import join
from tests.tables.material import STEPS, identifier, matches, origin, query, slabs

ASKED = query(["PatientID", "ModalitiesInStudy"])


class TestOnePass:
    def test_decodes_each_response_once_whatever_is_asked_of_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        decoded: list[bytes] = []
        decode = scalar.decode

        def counting(
            payload: bytes, transfer_syntax: str, **options: Any
        ) -> list[scalar.RawElement]:
            decoded.append(payload)
            return decode(payload, transfer_syntax, **options)

        monkeypatch.setattr(scalar, "decode", counting)
        payloads = [identifier(PatientID=str(at)) for at in range(3)]
        schemas = [
            table_schema(ASKED, typed=typed, provenance=provenance)
            for typed in (True, False)
            for provenance in (True, False)
        ]
        (piece,) = render(ASKED, slabs(*payloads), schemas, [parse_path("PatientID")])
        assert decoded == payloads
        for batch, schema in zip(piece.batches, schemas, strict=True):
            assert batch.schema.equals(schema.arrow, check_metadata=True)
            assert batch["PatientID"].to_pylist() == ["0", "1", "2"]

    def test_sees_the_values_of_watched_keys_by_request(self) -> None:
        key = parse_path("StudyInstanceUID")
        given = join(
            [
                (origin("0"), matches([identifier(StudyInstanceUID="1.2"), b""])),
                (origin("1"), matches([identifier(StudyInstanceUID="1.3\\1.4")])),
                (origin("2"), matches([b""])),
            ]
        )
        (piece,) = render(ASKED, given, watch=[key])
        assert piece.seen == {
            key: {"0": {"1.2": 1}, "1": {"1.3": 1, "1.4": 1}},
        }

    def test_watching_changes_no_table(self) -> None:
        asked = query(["PatientID", f"{STEPS}.Modality"], explode=STEPS)
        schema = table_schema(asked, typed=True, provenance=True)
        payload = identifier(PatientID="1", StudyInstanceUID="1.2")
        (plain,) = render(asked, slabs(payload), [schema])
        key = parse_path("StudyID")
        (watched,) = render(asked, slabs(payload), [schema], [key])
        assert watched.batches == plain.batches


class TestCollect:
    def test_gives_one_table(self) -> None:
        payloads = [identifier(PatientID=str(at)) for at in range(5)]
        given = join([(origin(), matches(payloads))], rows=2)
        table = collect(ASKED, given, provenance=False)
        assert table["PatientID"].to_pylist() == list("01234")
        table.validate(full=True)

    def test_of_no_response_has_the_full_schema(self) -> None:
        table = collect(ASKED, [])
        assert table.num_rows == 0
        assert table.schema.field("ModalitiesInStudy").type == pa.list_(pa.string())
        assert "bf_extra" in table.column_names
