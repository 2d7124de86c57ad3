from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.capture.records import StoredMatches
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.judging import judge_of
from batchfind.dicom.models import model_of
from batchfind.dicom.paths import parse_path
from batchfind.job.model import Cancel, Priority
from batchfind.plan.model import Request
from batchfind.tables import decode
from batchfind.tables.asked import KeyReader, Question
from batchfind.tables.render import Rendered, render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import Slab, join
from batchfind.tables.verify import Verified, verify_slabs
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    origin,
    query,
    sequence,
)


def keys(**texts: str | Sequence[Mapping[str, str]]) -> Identifier:
    """Keys by keyword, sequences as lists of items."""
    found = []
    for name, value in texts.items():
        leaf = parse_path(name).leaf
        held: Any = value
        if not isinstance(value, str):
            held = tuple(keys(**item) for item in value)
        found.append(Element(leaf.tag, leaf.vr, held))
    return tuple(sorted(found, key=lambda one: one.tag))


def request(asked: Identifier, identity: str = "0") -> Request:
    return Request(
        id=identity,
        query="q",
        peer="pacs",
        sop_class="1.2.840.10008.5.1.4.1.2.2.1",
        level="STUDY",
        calling_ae="A",
        called_ae="B",
        transfer_syntaxes=(),
        priority=Priority.MEDIUM,
        identifier=asked,
        charset=(),
        cancel=Cancel(),
        key="",
    )


class Asking:
    """Questions of some requests."""

    def __init__(
        self,
        *asked: Identifier,
        model: str = "study",
        negotiated: tuple[str, ...] = (),
        judged: bool = True,
    ) -> None:
        reader = KeyReader(model_of(model))
        self._questions = {
            str(at): Question(reader.keys(request(each, str(at)), negotiated), judged)
            for at, each in enumerate(asked)
        }

    @property
    def paths(self) -> tuple[Any, ...]:
        every = [key.path for one in self._questions.values() for key in one.keys]
        return tuple(dict.fromkeys(every))

    def of(self, identity: str) -> Question:
        return self._questions[identity]


def slabs_of(*answers: Sequence[bytes]) -> list[Slab]:
    """The responses of requests 0, 1, …."""
    return list(
        join((origin(str(at)), matches(each)) for at, each in enumerate(answers))
    )


def verified(asking: Asking, *answers: Sequence[bytes]) -> Verified:
    ((_, found),) = verify_slabs(query(["PatientID"]), slabs_of(*answers), asking)
    return found


def names(asking: Asking, *answers: Sequence[bytes]) -> list[str | None]:
    found = verified(asking, *answers)
    if found.names is None:
        return [None] * sum(map(len, answers))
    texts: list[str | None] = found.names.to_pylist()
    assert [text is not None for text in texts] == found.mismatched.tolist()
    return texts


@pytest.fixture(params=[1, 10_000], ids=["swept", "one by one"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of decoding say the same."""
    monkeypatch.setattr(decode, "FEWEST_ROWS", request.param)


class TestMismatch:
    def test_is_a_value_that_the_key_does_not_find(self) -> None:
        asking = Asking(keys(PatientID="1", StudyDate="20260101-20260131"))
        answers = [
            identifier(PatientID="1", StudyDate="20260115"),
            identifier(PatientID="2", StudyDate="2026.01.31"),
            identifier(PatientID="2", StudyDate="20260201"),
        ]
        assert names(asking, answers) == [None, "PatientID", "StudyDate\\PatientID"]

    def test_is_counted_by_request(self) -> None:
        asking = Asking(keys(PatientID="1"), keys(PatientID="2"), keys(PatientID="3"))
        one, two = identifier(PatientID="1"), identifier(PatientID="2")
        found = verified(asking, [one, two, two], [one, two], [])
        assert found.mismatches == {"0": 2, "1": 1}
        assert found.read == {"0": 3, "1": 2}

    @pytest.mark.parametrize(
        "answer",
        [
            identifier(),
            identifier(PatientID="", ModalitiesInStudy=""),
            identifier(ModalitiesInStudy="CT\\MR"),
            element("PatientID", "\xff", "LO"),
            element("PatientID", b"", "SQ"),
            identifier(PatientID="1") + b"\x20\0\x10\0SH\xff\xff",
        ],
    )
    def test_is_nothing_that_cannot_be_told(self, answer: bytes) -> None:
        asking = Asking(keys(PatientID="1", ModalitiesInStudy="MR"))
        assert names(asking, [answer]) == [None]

    def test_is_not_looked_for_when_the_job_says_so(self) -> None:
        asking = Asking(keys(PatientID="1", AccessionNumber="7"), judged=False)
        found = verified(asking, [identifier(PatientID="2")])
        assert found.names is None
        assert found.absent == {"0": {"AccessionNumber"}}

    def test_is_told_by_keys_of_private_elements_too(self) -> None:
        asked = (
            Element(0x00190010, "LO", "ACME"),
            Element(0x0019100C, "LO", "7"),
        )
        head = element(0x00190011, "ACME", "LO")
        seven, eight = (element(0x0019110C, one, "LO") for one in "78")
        assert names(Asking(asked), [head + seven, head + eight]) == [
            None,
            '0019,"ACME",0c',
        ]


class TestSequences:
    """PS3.4 C.2.2.2.6: one item has to match all keys of the key's item."""

    ASKED = keys(
        ScheduledProcedureStepSequence=[
            {"Modality": "MR", "ScheduledStationAETitle": "MR1"}
        ]
    )

    def test_one_item_that_may_match_is_enough(self) -> None:
        other = identifier(Modality="CT", ScheduledStationAETitle="MR1")
        same = identifier(Modality="MR", ScheduledStationAETitle="MR1")
        open_ = identifier(Modality="MR")
        answers = [
            sequence(STEPS, other, same),
            sequence(STEPS, other, open_),
            sequence(STEPS),
            b"",
        ]
        assert names(Asking(self.ASKED), answers) == [None] * 4

    def test_keys_are_not_shared_out_among_items(self) -> None:
        items = (
            identifier(Modality="CT", ScheduledStationAETitle="MR1"),
            identifier(Modality="MR", ScheduledStationAETitle="MR2"),
        )
        (told,) = names(Asking(self.ASKED), [sequence(STEPS, *items)])
        # In the order of tags: the station stands before its modality.
        assert told == f"{STEPS}.Modality\\{STEPS}.ScheduledStationAETitle"

    def test_sequences_within_items_are_looked_into(self) -> None:
        asked = keys(
            ScheduledProcedureStepSequence=[
                {"ScheduledProtocolCodeSequence": [{"CodeValue": "A"}]}  # type: ignore[dict-item]
            ]
        )
        a, b = identifier(CodeValue="A"), identifier(CodeValue="B")
        codes = "ScheduledProtocolCodeSequence"
        answers = [
            sequence(STEPS, sequence(codes, b, a)),
            sequence(STEPS, sequence(codes, b), sequence(codes, a)),
            sequence(STEPS, sequence(codes, b), sequence(codes, b)),
            sequence(STEPS, sequence(codes)),
        ]
        told = f"{STEPS}.{codes}.CodeValue"
        assert names(Asking(asked), answers) == [None, None, told, None]

    def test_a_key_in_several_items_is_not_judged(self) -> None:
        asked = keys(ScheduledProcedureStepSequence=[{"Modality": "MR"}] * 2)
        answer = sequence(STEPS, identifier(Modality="CT"))
        assert names(Asking(asked), [answer]) == [None]


class TestPeriods:
    """PS3.4 K.6.1.2.2: date and time of a worklist are one continuous range."""

    def asked(self, date: str) -> Identifier:
        step = {
            "ScheduledProcedureStepStartDate": date,
            "ScheduledProcedureStepStartTime": "2000-0600",
        }
        return keys(ScheduledProcedureStepSequence=[step])

    ANSWER = sequence(
        STEPS,
        identifier(
            ScheduledProcedureStepStartDate="20260102",
            ScheduledProcedureStepStartTime="120000",
        ),
    )

    def test_the_hours_between_are_part_of_it(self) -> None:
        asking = Asking(self.asked("20260101-20260103"), model="worklist")
        assert names(asking, [self.ANSWER]) == [None]

    def test_a_single_day_has_none(self) -> None:
        asked = self.asked("20260102")
        asking = Asking(asked, model="worklist")
        told = f"{STEPS}.ScheduledProcedureStepStartTime"
        assert names(asking, [self.ANSWER]) == [told]


class TestAbsentKeys:
    def test_are_those_that_no_response_of_a_request_holds(self) -> None:
        asked = keys(PatientID="1", ModalitiesInStudy="MR", StudyID="")
        bare = identifier(StudyID="1")
        held = identifier(PatientID="1", ModalitiesInStudy="")
        asking = Asking(asked, asked, asked, keys())
        found = verified(asking, [bare, held], [bare, bare], [], [bare])
        assert found.absent == {"1": {"PatientID", "ModalitiesInStudy"}}
        assert found.read == {"0": 2, "1": 2, "3": 1}

    def test_are_not_told_by_responses_that_cannot_be_decoded(self) -> None:
        asking = Asking(keys(PatientID="1"))
        found = verified(asking, [b"\x20\0\x10\0SH\xff\xff"])
        assert not found.absent
        assert not found.read

    def test_stand_in_sequences_too(self) -> None:
        asking = Asking(TestSequences.ASKED)
        answers = [sequence(STEPS, identifier(Modality="MR")), sequence(STEPS)]
        found = verified(asking, answers)
        assert found.absent == {"0": {f"{STEPS}.ScheduledStationAETitle"}}

    def test_include_person_names_but_nothing_that_steers(self) -> None:
        asked = (
            *keys(SpecificCharacterSet="ISO_IR 100", PatientName="Doe^*"),
            Element(0x00080052, "CS", "STUDY"),
        )
        found = verified(Asking(asked), [identifier(StudyID="1")])
        assert found.absent == {"0": {"PatientName"}}

    def test_values_of_another_vr_are_values(self) -> None:
        asking = Asking(keys(PatientID="1"))
        found = verified(asking, [element("PatientID", b"", "SQ")])
        assert not found.absent


class TestReserved:
    def test_counts_what_the_peer_says_by_its_status(self) -> None:
        sets = matches([b"", b"", b""])
        statuses = [0xFF01, 0xFF00, 0xFF01]
        mixed = StoredMatches(0, sets.payload, sets.ends, statuses)
        given = join([(origin("0"), mixed), (origin("1"), matches([b""]))])
        asking = Asking(keys(), keys())
        ((_, found),) = verify_slabs(query([]), given, asking)
        assert found.reserved == {"0": 2}


class TestColumn:
    def shown(self, asking: Asking, *answers: bytes) -> Rendered:
        asked = query(["PatientID"])
        schema = table_schema(asked, typed=True, provenance=True)
        (piece,) = render(asked, slabs_of(answers), [schema], asked=asking)
        return piece

    def test_names_the_keys_in_each_row(self) -> None:
        answers = [identifier(PatientID="1"), identifier(PatientID="2")]
        piece = self.shown(Asking(keys(PatientID="1")), *answers)
        assert piece.batches[0]["bf_mismatch"].to_pylist() == [None, "PatientID"]
        assert piece.verified.mismatches == {"0": 1}

    def test_is_null_when_all_match(self) -> None:
        piece = self.shown(Asking(keys(PatientID="1")), identifier(PatientID="1"))
        assert piece.batches[0]["bf_mismatch"].to_pylist() == [None]

    def test_marks_all_rows_of_a_response(self) -> None:
        asked = query([f"{STEPS}.Modality"], explode=STEPS)
        asking = Asking(keys(ScheduledProcedureStepSequence=[{"Modality": "MR"}]))
        answer = sequence(STEPS, *[identifier(Modality=one) for one in ("CT", "US")])
        schema = table_schema(asked, typed=True, provenance=True)
        (piece,) = render(asked, slabs_of([answer]), [schema], asked=asking)
        told = piece.batches[0]["bf_mismatch"].to_pylist()
        assert told == [f"{STEPS}.Modality"] * 2


_IDS = st.sampled_from(["", "1", "2", "A1", "a1"])
_DAYS = st.sampled_from(["", "20260101", "2026.01.02", "20260103", "2026", "x"])
_WANTED = st.sampled_from(["", "20260101", "20260101-20260102", "-20260102", "x"])
_MODALITIES = st.sampled_from(["", "CT", "CT\\MR", "MR"])


@given(
    st.lists(
        st.tuples(
            st.tuples(_IDS, _WANTED, st.sampled_from(["", "MR", "C*"])),
            st.lists(st.tuples(_IDS, _DAYS, _MODALITIES), max_size=4),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_columns_say_what_each_value_says(
    asked: list[tuple[tuple[str, str, str], list[tuple[str, str, str]]]],
) -> None:
    fields = ("PatientID", "StudyDate", "ModalitiesInStudy")
    wanted = [keys(**dict(zip(fields, texts, strict=True))) for texts, _ in asked]
    answers = [
        [identifier(**dict(zip(fields, texts, strict=True))) for texts in rows]
        for _, rows in asked
    ]
    told: list[str | None] = []
    in_order = ("StudyDate", "ModalitiesInStudy", "PatientID")
    for texts, rows in asked:
        for row in rows:
            held = dict(zip(fields, zip(texts, row, strict=True), strict=True))
            bad = [name for name in in_order if _differs(name, *held[name])]
            told.append("\\".join(bad) or None)
    if told:
        assert names(Asking(*wanted), *answers) == told


def _differs(name: str, key: str, text: str) -> bool:
    judge = judge_of(parse_path(name).vr, key)
    return judge is not None and judge(text) is False
