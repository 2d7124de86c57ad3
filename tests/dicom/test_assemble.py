from __future__ import annotations

import pytest

from batchfind.dicom.assemble import assemble
from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import parse_path

SPS = "ScheduledProcedureStepSequence"
CREATOR = "SIEMENS CM VA0  ACQU"


class TestAssemble:
    def test_sorts_by_tag(self) -> None:
        made = assemble(
            [(parse_path("PatientID"), "7"), (parse_path("StudyDate"), "20260131")]
        )
        assert made == (
            Element(0x00080020, "DA", "20260131"),
            Element(0x00100020, "LO", "7"),
        )

    def test_gathers_keys_of_one_item(self) -> None:
        made = assemble(
            [
                (parse_path(f"{SPS}.ScheduledProcedureStepStartDate"), ""),
                (parse_path(f"{SPS}.Modality"), "CT"),
            ]
        )
        item = (Element(0x00080060, "CS", "CT"), Element(0x00400002, "DA", ""))
        assert made == (Element(0x00400100, "SQ", (item,)),)

    def test_an_empty_sequence_key_is_one_empty_item(self) -> None:
        assert assemble([(parse_path(SPS), "")]) == (Element(0x00400100, "SQ", ((),)),)

    def test_items_before_the_named_one_are_empty(self) -> None:
        (sequence,) = assemble([(parse_path(f"{SPS}[2].Modality"), "CT")])
        assert isinstance(sequence.value, tuple)
        assert [len(item) for item in sequence.value] == [0, 0, 1]

    def test_the_last_value_of_a_path_counts(self) -> None:
        path = parse_path("PatientID")
        (element,) = assemble([(path, "1"), (path, "2")])
        assert element.value == "2"

    def test_keys_replace_and_extend_a_base(self) -> None:
        base = assemble(
            [
                (parse_path("PatientID"), "1"),
                (parse_path("StudyDate"), "20260131"),
                (parse_path(f"{SPS}.Modality"), "CT"),
            ]
        )
        made = assemble(
            [
                (parse_path("PatientID"), "2"),
                (parse_path(f"{SPS}.ScheduledProcedureStepID"), "S"),
            ],
            base,
        )
        assert [element.value for element in made[:2]] == ["20260131", "2"]
        assert isinstance(made[2].value, tuple)
        assert [element.value for element in made[2].value[0]] == ["CT", "S"]

    def test_a_sequence_replaces_a_value(self) -> None:
        base = (Element(0x00400100, "SQ", ""),)
        (element,) = assemble([(parse_path(f"{SPS}.Modality"), "")], base)
        assert isinstance(element.value, tuple)

    def test_a_sequence_takes_no_text(self) -> None:
        with pytest.raises(ValueError, match="is a sequence; give keys inside it"):
            assemble([(parse_path(SPS), "CT")])


class TestPrivateBlocks:
    def test_a_creator_gets_the_first_free_block(self) -> None:
        made = assemble([(parse_path(f'0019,"{CREATOR}",10'), "x")])
        assert made == (
            Element(0x00190010, "LO", CREATOR),
            Element(0x00191010, "LO", "x"),
        )

    def test_two_creators_get_two_blocks(self) -> None:
        made = assemble(
            [(parse_path(f'0019,"{name}",10'), "") for name in ("ONE", "TWO", "ONE")]
        )
        assert [element.tag for element in made] == [
            *(0x00190010, 0x00190011, 0x00191010, 0x00191110),
        ]

    def test_numbers_keep_their_block(self) -> None:
        made = assemble(
            [(parse_path('0019,"ONE",10'), ""), (parse_path("0019,1001"), b"")]
        )
        assert [element.tag for element in made] == [
            *(0x00190011, 0x00191001, 0x00191110),
        ]

    def test_a_number_beside_its_creator_takes_the_known_vr(self) -> None:
        made = assemble(
            [(parse_path("0019,1010"), "x"), (parse_path("0019,0010"), CREATOR)]
        )
        assert made[1] == Element(0x00191010, "LO", "x")

    def test_a_creator_reserves_inside_its_own_item(self) -> None:
        made = assemble([(parse_path(f'{SPS}.0019,"{CREATOR}",10'), "x")])
        assert isinstance(made[0].value, tuple)
        assert [element.tag for element in made[0].value[0]] == [
            0x00190010,
            0x00191010,
        ]

    def test_a_private_sequence_is_entered(self) -> None:
        made = assemble([(parse_path('0019,"FICTIONAL",10[0].PatientID'), "7")])
        assert [element.tag for element in made] == [0x00190010, 0x00191010]

    def test_a_full_group_is_refused(self) -> None:
        every = [(parse_path(f'0019,"C{n}",10'), "") for n in range(0xF1)]
        with pytest.raises(ValueError, match="no private block is free"):
            assemble(every)
