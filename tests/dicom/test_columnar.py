"""The sweep agrees with the scalar decoder and pydicom, or calls a data set odd."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset

from batchfind.dicom import dictionary, scalar
from batchfind.dicom.columnar import run
from batchfind.dicom.columnar.model import Level, Shape, Swept
from batchfind.dicom.columnar.sweep import LARGEST_IDENTIFIER, sweep
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.dictionary_entries import Entry, Numbers
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from tests.dicom.data_sets import UNCOMPRESSED, UNDEFINED, Maker, Wire

CHARACTER_SET, MODALITY, NAME = 0x00080005, 0x00080060, 0x00100010
PATIENT_ID, COMMENTS, ROWS = 0x00100020, 0x00104000, 0x00280010
REFERENCED, STEPS, CODES = 0x00081110, 0x00400100, 0x00400008

SHAPE = Shape(
    {
        CHARACTER_SET: "CS",
        NAME: "PN",
        PATIENT_ID: "LO",
        ROWS: "US",
        STEPS: "SQ",
        REFERENCED: "SQ",
    },
    {STEPS: Shape({MODALITY: "CS", CODES: "SQ"}, {CODES: Shape({PATIENT_ID: "LO"})})},
)
TAGS = (
    CHARACTER_SET, 0x00080020, 0x00080050, MODALITY, 0x00080000, NAME, PATIENT_ID,
    COMMENTS, ROWS, 0x0020000D, 0x00201208,
)  # fmt: skip
RAW = (b"", b"A", b"AB", b"\xff\xfe", b"A\\B ", b"\0\0\0\0", b"ISO_IR 100", b"x" * 40)
VALUES = dict.fromkeys(TAGS, RAW)
SEQUENCES = (REFERENCED, STEPS, CODES)
STRANGE_VRS = ("SH", "LO", "UN", "UT", "US", "OB", "ZZ", "Pn", "\0\0")
SYNTAXES = st.sampled_from(UNCOMPRESSED)
SEEDS = st.integers(0, 2**32)
LITTLE = Wire(EXPLICIT_LE)
PLAIN = LITTLE.element(NAME, b"Doe^Jane") + LITTLE.element(PATIENT_ID, b"7 ")


def swept(
    data: Sequence[bytes], syntax: str, shape: Shape = SHAPE, **options: Any
) -> Swept:
    end = np.cumsum([len(one) for one in data], dtype=np.int64)
    begin = end - np.array([len(one) for one in data], np.int64)
    return sweep(b"".join(data), begin, end, syntax, shape, **options)


def told_by_sweep(data: Sequence[bytes], level: Level, at: int, shape: Shape) -> Any:
    """One entry as nested Python values, with all bytes taken from the payload."""
    payload = b"".join(data)
    values = {
        tag: payload[found.begin[at] : found.begin[at] + found.length[at]]
        for tag, found in level.values.items()
        if found.present[at]
    }
    items: dict[int, list[Any]] = {}
    for tag in shape.below.keys() & values.keys():
        items[tag] = []
        if (below := level.items.get(tag)) is not None:
            entries: list[int] = np.flatnonzero(below.parents == at).tolist()
            items[tag] = [
                told_by_sweep(data, below.level, entry, shape.below[tag])
                for entry in entries
            ]
    loose = [
        (one.tag, one.vr, one.wanted, payload[begin : begin + length])
        for one in level.loose
        for entry, begin, length in zip(one.entries, one.begin, one.length, strict=True)
        if entry == at
    ]
    return values, items, loose


def without_sequence_bytes(told: Any) -> Any:
    """The same, with only the tag of each sequence: its items tell the rest."""
    values, items, loose = told
    return (
        {tag: None if tag in SEQUENCES else raw for tag, raw in values.items()},
        {tag: list(map(without_sequence_bytes, each)) for tag, each in items.items()},
        [(*one[:3], None if one[1] == "SQ" else one[3]) for one in loose],
    )


def told_by_scalar(elements: Sequence[RawElement], shape: Shape) -> Any:
    values: dict[int, bytes | None] = {}
    items: dict[int, list[Any]] = {}
    loose = []
    for tag, vr, value in elements:
        raw = None if isinstance(value, list) else value
        wanted = shape.vrs.get(tag)
        if wanted != vr:
            loose.append((tag, vr, wanted is not None, raw))
            continue
        values[tag] = raw
        if tag in shape.below and isinstance(value, list):
            items[tag] = [told_by_scalar(item, shape.below[tag]) for item in value]
    return values, items, loose


def check(data: Sequence[bytes], syntax: str) -> Swept:
    """Every data set that is not odd is told as the scalar decoder tells it."""
    found = swept(data, syntax)
    owners = found.root.owners.tolist()
    assert owners == np.flatnonzero(~found.odd).tolist()
    for at, owner in enumerate(owners):
        told = told_by_sweep(data, found.root, at, SHAPE)
        expected = told_by_scalar(scalar.decode(data[owner], syntax), SHAPE)
        assert without_sequence_bytes(told) == expected
        for tag, raw in told[0].items():
            if tag in SEQUENCES:
                (alone,) = scalar.decode(raw, syntax)
                assert alone in scalar.decode(data[owner], syntax)
    return found


def maker(seed: int, syntax: str, vrs: Sequence[str] = ()) -> Maker:
    random = Random(seed)  # noqa: S311 - test data
    return Maker(random, Wire(syntax), VALUES, SEQUENCES, vrs)


class TestTheScalarDecoder:
    @given(SYNTAXES, SEEDS)
    def test_says_the_same(self, syntax: str, seed: int) -> None:
        make = maker(seed, syntax)
        given_sets = [make.data_set() for _ in range(12)]
        found = check(given_sets, syntax)
        assert found.odd.tolist() == [not each for each in given_sets]

    @given(SYNTAXES, SEEDS)
    def test_says_the_same_of_other_vrs(self, syntax: str, seed: int) -> None:
        make = maker(seed, syntax, STRANGE_VRS)
        check([make.data_set(1) for _ in range(12)], syntax)

    @settings(max_examples=100)
    @given(SYNTAXES, SEEDS)
    def test_says_the_same_of_whatever_survives_damage(
        self, syntax: str, seed: int
    ) -> None:
        make = maker(seed, syntax)
        check([make.damaged() for _ in range(12)], syntax)

    @given(SYNTAXES, st.lists(st.binary(max_size=60), max_size=6))
    def test_says_the_same_of_noise(self, syntax: str, noise: list[bytes]) -> None:
        check(noise, syntax)

    @given(st.data())
    def test_says_the_same_of_many_with_attributes_absent_at_random(
        self, data: st.DataObject
    ) -> None:
        pieces = [LITTLE.element(tag, b"ab") for tag in sorted(TAGS)]
        masks = data.draw(st.lists(st.integers(1, 2 ** len(TAGS) - 1), min_size=50))
        given_sets = [
            b"".join(piece for at, piece in enumerate(pieces) if mask >> at & 1)
            for mask in masks
        ]
        assert not check(given_sets, EXPLICIT_LE).odd.any()


class TestPydicom:
    tags = (NAME, PATIENT_ID, COMMENTS, 0x0020000D, 0x00080060)
    raws = (b"", b"AB", b"Doe^Jane", b"1.2.840 ")

    @given(SYNTAXES, SEEDS)
    def test_reads_the_same_values(self, syntax: str, seed: int) -> None:
        random = Random(seed)  # noqa: S311 - test data
        values = dict.fromkeys(self.tags, self.raws)
        make = Maker(random, Wire(syntax), values, (STEPS,))
        given_sets = list(filter(None, (make.data_set(1) for _ in range(9))))
        shape = Shape(
            {tag: dictionary.vr_of(tag) for tag in (*self.tags, STEPS)},
            {STEPS: Shape({tag: dictionary.vr_of(tag) for tag in self.tags})},
        )
        found = swept(given_sets, syntax, shape)
        for at, each in enumerate(given_sets):
            read = read_dataset(
                BytesIO(each), syntax == IMPLICIT_LE, syntax != EXPLICIT_BE
            )
            values, items, _ = told_by_sweep(given_sets, found.root, at, shape)
            assert self.fields(read) == {t: v for t, v in values.items() if t != STEPS}
            sequence: Any = read.get(STEPS, [])
            inner = [self.fields(item) for item in sequence]
            assert inner == [item for item, _, _ in items.get(STEPS, [])]

    @staticmethod
    def fields(data_set: Dataset) -> dict[int, bytes]:
        return {
            int(tag): data_set.get_item(tag).value or b""
            for tag in data_set.keys()  # noqa: SIM118 - iterating would convert
            if tag != STEPS
        }


class TestOrder:
    """PS3.5 7.1: elements ascend, and each stands once."""

    def test_of_another_kind_is_odd(self) -> None:
        backwards = LITTLE.element(PATIENT_ID, b"7 ") + LITTLE.element(NAME, b"Doe ")
        twice = PLAIN + LITTLE.element(PATIENT_ID, b"8 ")
        again_as_short = PLAIN + LITTLE.element(PATIENT_ID, b"8 ", "SH")
        found = swept([PLAIN, backwards, PLAIN, twice, again_as_short], EXPLICIT_LE)
        assert found.odd.tolist() == [False, True, False, True, True]

    def test_begins_after_the_command_set(self) -> None:
        zero = LITTLE.element(0, b"\0\0\0\0", "UL")
        assert swept([zero + PLAIN], EXPLICIT_LE).odd.all()


class TestLengths:
    """Nothing is read beyond the end of what contains it."""

    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    @pytest.mark.parametrize("spare", [1, 2, 8, 1000, 0xFFF0])
    def test_beyond_the_data_set_are_odd(self, syntax: str, spare: int) -> None:
        wire = Wire(syntax)
        plain = wire.element(PATIENT_ID, b"7 ")
        long = wire.element(PATIENT_ID, b"8 ", length=2 + spare)
        assert check([plain, long, plain], syntax).odd.tolist() == [False, True, False]

    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    def test_beyond_an_item_or_sequence_are_odd(self, syntax: str) -> None:
        wire = Wire(syntax)
        after = wire.element(0x00401001, b"ID")
        modality = wire.element(MODALITY, b"CT")
        too_long = wire.element(MODALITY, b"CT", length=4)
        item = wire.item(0xFFFEE000, len(modality) + 2) + modality
        given_sets = [
            wire.sequence(STEPS, [modality]) + after,
            wire.sequence(STEPS, [too_long]) + after,
            wire.element(STEPS, item, "SQ") + after,
            wire.element(STEPS, item[:4], "SQ") + after,
        ]
        odd = check(given_sets, syntax).odd
        assert odd.tolist() == [False, True, True, True]

    def test_cut_off_in_a_header_are_odd(self) -> None:
        long_form = LITTLE.element(0x00080120, b"", "UR")
        given_sets = [PLAIN[:-at] for at in range(1, 8)] + [long_form[:-1], long_form]
        assert swept(given_sets, EXPLICIT_LE).odd.tolist() == [True] * 8 + [False]

    def test_undefined_belong_to_sequences_only(self) -> None:
        given_sets = [
            LITTLE.element(COMMENTS, b"", "UT", UNDEFINED),
            LITTLE.element(STEPS, b"", "UN", UNDEFINED),
        ]
        assert swept(given_sets, EXPLICIT_LE).odd.all()
        implicit = Wire(IMPLICIT_LE).element(COMMENTS, b"", length=UNDEFINED)
        assert swept([implicit], IMPLICIT_LE).odd.all()

    def test_of_one_value_or_identifier_have_a_limit(self) -> None:
        large = LITTLE.element(COMMENTS, b"x" * 9_999, "LT")
        larger = LITTLE.element(COMMENTS, b"x" * 10_000, "LT")
        huge = larger * (LARGEST_IDENTIFIER // len(larger) + 1)
        found = swept([large, larger, huge], EXPLICIT_LE)
        assert found.odd.tolist() == [False, True, True]

    def test_of_an_identifier_may_be_limited_further(self) -> None:
        found = swept([PLAIN, PLAIN + PLAIN], EXPLICIT_LE, largest=len(PLAIN))
        assert found.odd.tolist() == [False, True]


class TestDelimiters:
    """PS3.5 7.5.1 and 7.5.2: items and sequences of undefined length."""

    modality = LITTLE.element(MODALITY, b"CT")
    item_end, sequence_end = LITTLE.item(0xFFFEE00D, 0), LITTLE.item(0xFFFEE0DD, 0)

    def in_sequence(self, body: bytes) -> bytes:
        return LITTLE.element(STEPS, body, "SQ", UNDEFINED)

    def test_may_be_mixed_with_defined_lengths(self) -> None:
        defined = LITTLE.item(0xFFFEE000, len(self.modality)) + self.modality
        opened = LITTLE.item(0xFFFEE000, UNDEFINED) + self.modality + self.item_end
        bodies = [opened + defined + opened, defined + opened, defined, b"", opened * 3]
        given_sets = [self.in_sequence(body + self.sequence_end) for body in bodies]
        found = check(given_sets, EXPLICIT_LE)
        assert not found.odd.any()
        assert found.root.items[STEPS].parents.tolist() == [0, 0, 0, 1, 1, 2, 4, 4, 4]

    def test_that_are_stray_missing_or_not_empty_are_odd(self) -> None:
        opened = LITTLE.item(0xFFFEE000, UNDEFINED) + self.modality
        filled = LITTLE.item(0xFFFEE00D, 2) + b"xx"
        given_sets = [
            PLAIN + self.item_end,
            PLAIN + self.sequence_end,
            self.in_sequence(opened + self.sequence_end),
            self.in_sequence(opened + self.item_end),
            self.in_sequence(opened),
            self.in_sequence(opened + filled + self.sequence_end),
            self.in_sequence(self.item_end + self.sequence_end),
            self.in_sequence(LITTLE.item(0xFFFEE0DD, 2) + b"xx"),
            LITTLE.element(STEPS, self.sequence_end, "SQ"),
        ]
        assert check(given_sets, EXPLICIT_LE).odd.all()


class TestWhatIsOdd:
    def test_padding_after_the_last_element(self) -> None:
        assert swept([PLAIN + b"\0" * 8], EXPLICIT_LE).odd.all()

    def test_a_vr_nobody_knows(self) -> None:
        given_sets = [LITTLE.element(NAME, b"ab", vr) for vr in ("ZZ", "pn", "\0\0")]
        assert swept(given_sets, EXPLICIT_LE).odd.all()

    def test_deep_nesting(self) -> None:
        data = PLAIN
        for _ in range(9):
            data = LITTLE.sequence(STEPS, [data])
        nested = LITTLE.sequence(STEPS, [PLAIN])
        found = check([data, nested], EXPLICIT_LE)
        assert found.odd.tolist() == [True, False]

    def test_another_vr_than_exactly_the_one_asked(self) -> None:
        shape = Shape({NAME: "PN"}, exact=frozenset({NAME, STEPS}))
        given_sets = [
            LITTLE.element(NAME, b"Doe ", "LO"),
            PLAIN,
            LITTLE.element(NAME, b"Doe ", "UN"),
            LITTLE.sequence(STEPS, []),
        ]
        odd = swept(given_sets, EXPLICIT_LE, shape).odd
        assert odd.tolist() == [True, False, False, True]

    def test_a_group_that_needs_its_private_creators(self) -> None:
        shape = Shape({NAME: "PN"}, groups=frozenset({0x0029}))
        private = LITTLE.element(0x00290010, b"ACME", "LO")
        other = LITTLE.element(0x00310010, b"ACME", "LO")
        odd = swept([PLAIN + private, PLAIN + other], EXPLICIT_LE, shape).odd
        assert odd.tolist() == [True, False]

    def test_more_variety_than_is_worth_sweeping(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        many = [LITTLE.element(0x00210010 + at, b"ab", "LO") for at in range(40)]
        monkeypatch.setattr(run, "MOST_STEPS", 20)
        found = check([*many, LITTLE.sequence(STEPS, [b""] * 40)], EXPLICIT_LE)
        assert found.odd.tolist() == [False] * 20 + [True] * 21

    def test_a_sequence_of_more_items_than_is_worth_sweeping(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "MOST_STEPS", 20)
        found = check([LITTLE.sequence(STEPS, [b""] * 40)] * 2, EXPLICIT_LE)
        assert found.odd.all()


class TestDictionary:
    def test_may_add_attributes(self) -> None:
        # PS3.5 6.2.2: without a VR on the wire only a dictionary can tell it.
        wire = Wire(IMPLICIT_LE)
        known = dictionary_of("DS")
        given_sets = [wire.element(0x00291010, b"1.5 ")]
        found = swept(given_sets, IMPLICIT_LE, known=known)
        assert [one.vr for one in found.root.loose] == ["DS"]

    def test_cannot_make_a_private_element_a_sequence(self) -> None:
        wire = Wire(IMPLICIT_LE)
        known = dictionary_of("SQ")
        found = swept([wire.element(0x00291010, b"")], IMPLICIT_LE, known=known)
        assert found.odd.all()


def dictionary_of(vr: str) -> Dictionary:
    entry = Entry(
        groups=Numbers(0x0029, 0x0029),
        elements=Numbers(0x1010, 0x1010),
        creator=None,
        vr=vr,
        name="SiteAttribute",
        multiplicity="1",
        line="",
    )
    return Dictionary((entry,))


class TestNothing:
    def test_is_swept_in_no_time(self) -> None:
        found = swept([], EXPLICIT_LE)
        assert len(found.root) == 0
        assert found.odd.tolist() == []

    def test_in_an_identifier_is_odd(self) -> None:
        assert swept([b"", PLAIN, b""], EXPLICIT_LE).odd.tolist() == [True, False, True]
