from __future__ import annotations

import pyarrow as pa
import pytest

from batchfind.job.column_words import ON_REQUEST, PROVENANCE
from batchfind.tables.schema import PROVENANCE_TYPES, table_schema
from tests.tables.material import STEPS, query


def names(*columns: str, **facts: object) -> tuple[str, ...]:
    asked = query(columns, **facts)  # type: ignore[arg-type]
    return table_schema(asked, typed=True, provenance=False).names


def kind(column: str, *, typed: bool = True, nested: bool = True) -> pa.DataType:
    schema = table_schema(query([column]), typed=typed, provenance=False, nested=nested)
    return schema.arrow.field(0).type


class TestNames:
    def test_stand_in_the_order_written(self) -> None:
        assert names("PatientName", "PatientID") == ("PatientName", "PatientID")

    def test_of_the_exploded_sequence_lose_its_prefix(self) -> None:
        assert names(f"{STEPS}.Modality", explode=STEPS) == ("Modality",)

    def test_keep_the_prefix_where_two_columns_would_be_equal(self) -> None:
        columns = ("StudyInstanceUID", f"{STEPS}.StudyInstanceUID")
        assert names(*columns, explode=STEPS) == (
            "StudyInstanceUID",
            f"{STEPS}_StudyInstanceUID",
        )

    def test_of_one_sequence_are_one_column_where_its_first_leaf_stands(self) -> None:
        coded = "RequestedProcedureCodeSequence"
        columns = (f"{coded}.CodeValue", "PatientID", f"{coded}.CodeMeaning")
        assert names(*columns) == (coded, "PatientID")

    def test_item_numbers_of_the_request_make_no_columns(self) -> None:
        columns = (f"{STEPS}[0].Modality", f"{STEPS}[1].Modality")
        assert names(*columns, explode=STEPS) == ("Modality",)

    def test_sequences_within_the_exploded_one_are_columns(self) -> None:
        columns = (f"{STEPS}.ScheduledProtocolCodeSequence.CodeValue",)
        assert names(*columns, explode=STEPS) == ("ScheduledProtocolCodeSequence",)

    def test_private_elements_name_group_creator_and_element(self) -> None:
        assert names('0029,"ACME 1.0",10') == ("private_0029_ACME_1_0_10",)

    @pytest.mark.parametrize("carried", ["PatientID", "patientid"])
    def test_a_carried_name_like_a_column_is_told_apart(self, carried: str) -> None:
        found = names("PatientID", carry=[carried])
        assert found == ("PatientID", f"carry_{carried}")

    def test_a_carried_name_is_told_apart_from_another(self) -> None:
        found = names("PatientID", carry=["PatientID", "carry_PatientID", "patientid"])
        assert found == (
            "PatientID",
            "carry_PatientID",
            "carry_carry_PatientID",
            "carry_patientid_2",
        )

    def test_no_column_begins_like_a_hidden_file(self) -> None:
        assert names(carry=["_site", ".x"]) == ("carry_site", "carry.x")

    def test_no_column_takes_a_name_of_provenance(self) -> None:
        asked = query(["PatientID"], carry=["bf_peer"])
        found = table_schema(asked, typed=True, provenance=True).names
        assert found[1] == "carry_bf_peer"
        assert len(set(found)) == len(found)

    def test_are_unique_where_private_creators_look_alike(self) -> None:
        found = names('0029,"ACME-1",10', '0029,"ACME 1",10')
        assert found == ("private_0029_ACME_1_10", "private_0029_ACME_1_10_2")


class TestTypes:
    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            ("StudyDate", pa.date32()),
            ("StudyTime", pa.string()),
            ("AcquisitionDateTime", pa.string()),
            ("PatientID", pa.string()),
            ("PatientWeight", pa.float64()),
            ("NumberOfStudyRelatedInstances", pa.int64()),
            ("Rows", pa.uint16()),
            ("TagAngleSecondAxis", pa.int16()),
            ("SimpleFrameList", pa.list_(pa.uint32())),
            ("ReferencePixelX0", pa.int32()),
            ("ModalitiesInStudy", pa.list_(pa.string())),
            ("ImagePositionPatient", pa.list_(pa.float64())),
            ("RecommendedDisplayFrameRateInFloat", pa.float32()),
            ("EventElapsedTimes", pa.list_(pa.float64())),
            ("FrameIncrementPointer", pa.list_(pa.string())),
            ("ICCProfile", pa.binary()),
            ("PatientComments", pa.string()),
            ("ExtendedOffsetTable", pa.binary()),
        ],
    )
    def test_follow_vr_and_multiplicity(
        self, column: str, expected: pa.DataType
    ) -> None:
        assert kind(column) == expected

    def test_of_a_text_table_are_all_text(self) -> None:
        asked = query(["StudyDate", "Rows", "ICCProfile", f"{STEPS}.Modality"])
        schema = table_schema(asked, typed=False, provenance=False)
        assert set(schema.arrow.types) == {pa.string()}

    def test_of_a_sequence_are_structs_of_its_leaves(self) -> None:
        asked = query([f"{STEPS}.Modality", f"{STEPS}.ScheduledStationAETitle"])
        (found,) = table_schema(asked, typed=True, provenance=False).arrow.types
        fields = {"Modality": pa.string(), "ScheduledStationAETitle": None}
        fields["ScheduledStationAETitle"] = pa.list_(pa.string())
        assert found == pa.list_(pa.struct(list(fields.items())))

    def test_of_a_sequence_without_leaves_are_text(self) -> None:
        assert kind(STEPS) == pa.string()

    def test_of_a_sequence_are_text_where_the_format_nests_nothing(self) -> None:
        assert kind(f"{STEPS}.Modality", nested=False) == pa.string()


class TestProvenance:
    def test_has_an_item_only_when_exploded_and_empties_only_when_typed(self) -> None:
        plain = table_schema(query([]), typed=False, provenance=True)
        assert set(PROVENANCE) - set(plain.names) == {"bf_item", "bf_empty"}
        asked = query([f"{STEPS}.Modality"], explode=STEPS)
        full = table_schema(asked, typed=True, provenance=True)
        assert full.names[1:] == PROVENANCE

    def test_has_a_type_for_every_column(self) -> None:
        assert set(PROVENANCE_TYPES) == {*PROVENANCE, *ON_REQUEST}


class TestMetadata:
    def test_says_path_tag_vr_and_keyword(self) -> None:
        asked = query([f"{STEPS}.Modality"], explode=STEPS)
        field = table_schema(asked, typed=True, provenance=False).arrow.field(0)
        assert field.metadata == {
            b"dicom.path": f"{STEPS}.Modality".encode(),
            b"dicom.tag": b"00080060",
            b"dicom.vr": b"CS",
            b"dicom.keyword": b"Modality",
        }
