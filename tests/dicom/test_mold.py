"""A mold gives what `assemble` gives, key by key."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.assemble import assemble
from batchfind.dicom.encode import canonical_bytes
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.mold import Mold, can_be_open
from batchfind.dicom.paths import KeyPath, parse_path

SPS: Final = "ScheduledProcedureStepSequence"
PATHS: Final = tuple(
    map(
        parse_path,
        (
            *("PatientID", "PatientName", "StudyDate", "0008,9998", "0008,0099"),
            *(f"{SPS}.Modality", f"{SPS}[2].Modality", f"{SPS}.StudyDate", SPS),
            *('0019,"ACME 1.1",10', "0019,1010", "0019,0010", "0019,1110"),
            f'{SPS}.0019,"ACME 1.1",10',
        ),
    )
)
BASE: Final = assemble(
    [
        (parse_path("PatientID"), "of the file"),
        (parse_path(f"{SPS}[1].Modality"), "MR"),
        (parse_path("0019,0010"), "SIEMENS CM VA0  ACQU"),
        (parse_path("0019,1011"), "x"),
    ]
)
TEXTS: Final = st.text("AB*", max_size=3)

Keys = list[tuple[KeyPath, str]]


def texts_for(path: KeyPath) -> st.SearchStrategy[str]:
    return st.just("") if path.vr == "SQ" else TEXTS


@st.composite
def keys_twice(draw: st.DrawFn) -> tuple[Keys, Keys, set[int]]:
    """Keys with texts, again with some of the texts changed, and which may be."""
    paths = draw(st.lists(st.sampled_from(PATHS), max_size=8))
    first = [(path, draw(texts_for(path))) for path in paths]
    free = [number for number, path in enumerate(paths) if can_be_open(path)]
    changed = draw(st.sets(st.sampled_from(free))) if free else set()
    second = [
        (path, draw(TEXTS) if number in changed else text)
        for number, (path, text) in enumerate(first)
    ]
    return first, second, changed


class TestAMold:
    @given(keys_twice(), st.sampled_from([(), BASE]))
    def test_gives_what_assembling_gives(
        self, keys: tuple[Keys, Keys, set[int]], base: Identifier
    ) -> None:
        first, second, changed = keys
        mold = Mold(
            [
                (path, None if number in changed else text)
                for number, (path, text) in enumerate(first)
            ],
            base,
        )
        for each in (first, second):
            made = mold.fill([text for _, text in each])
            assert made == assemble(each, base)

    def test_shares_what_is_equal(self) -> None:
        patient, study = parse_path("PatientID"), parse_path("StudyDate")
        mold = Mold([(patient, None), (study, "20260131")])
        one, other = mold.fill(["1", ""]), mold.fill(["2", ""])
        assert one[0] is other[0]
        assert (one[1].value, other[1].value) == ("1", "2")

    def test_sequences_and_private_keys_are_never_open(self) -> None:
        assert can_be_open(parse_path(f"{SPS}.Modality"))
        assert not can_be_open(parse_path(SPS))
        assert not can_be_open(parse_path('0019,"ACME 1.1",10'))
        assert not can_be_open(parse_path("0019,0010"))


class TestSharedElements:
    @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20))
    def test_are_encoded_like_new_ones(self, texts: list[tuple[str, str]]) -> None:
        paths = [parse_path("PatientID"), parse_path(f"{SPS}.Modality")]
        mold = Mold([*((path, None) for path in paths), (parse_path("StudyDate"), "")])
        for pair in texts:
            made = mold.fill([*pair, ""])
            new = tuple(map(renewed, made))
            assert canonical_bytes(made, ()) == canonical_bytes(new, ())


def renewed(element: Element) -> Element:
    value = element.value
    if isinstance(value, tuple):
        value = tuple(tuple(map(renewed, item)) for item in value)
    return Element(element.tag, element.vr, value)
