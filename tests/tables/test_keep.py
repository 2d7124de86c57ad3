"""Tables of some responses, and checks of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom.columnar.model import BoolVec
from batchfind.dicom.paths import parse_path
from batchfind.tables.collect import collect
from batchfind.tables.decode import FEWEST_ROWS
from batchfind.tables.render import Rendered, render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import Slab, join
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    origin,
    query,
    sequence,
    slabs,
)

STUDY = parse_path("StudyInstanceUID")
TRUNCATED = element("PatientID", "P1")[:-1]


def odd_ones(slab: Slab) -> BoolVec:
    """Every second response, from the second."""
    odd: BoolVec = np.arange(len(slab)) % 2 == 1
    return odd


def rendered(
    columns: Sequence[str], *payloads: bytes, explode: str | None = None
) -> Rendered:
    asked = query([*columns], explode=explode)
    schema = table_schema(asked, typed=True, provenance=True)
    (piece,) = render(asked, slabs(*payloads), [schema], (STUDY,), keep=odd_ones)
    return piece


def rows(*args: Any, **kwargs: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rendered(*args, **kwargs).batches[0].to_pylist()
    return found


def step(identity: str) -> bytes:
    return element("ScheduledProcedureStepID", identity)


class TestASlab:
    @given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
    @settings(deadline=None, max_examples=60)
    def test_holds_the_responses_of_a_mask_without_copying(
        self, counts: list[int], data: st.DataObject
    ) -> None:
        sets = [
            (origin(str(at)), matches([f"{at}{n}".encode() for n in range(count)]))
            for at, count in enumerate(counts)
        ]
        (slab,) = join(sets)
        kept = data.draw(
            st.lists(st.booleans(), min_size=len(slab), max_size=len(slab))
        )

        def named(some: Slab) -> list[tuple[str, int, bytes]]:
            return [
                (part.origin.request, index, payload)
                for part in some.parts
                for index, payload in enumerate(part.identifiers(), part.first)
            ]

        found = slab.where(np.array(kept, np.bool_))
        every = named(slab)
        assert named(found) == [
            one for one, keep in zip(every, kept, strict=True) if keep
        ]
        assert len(found) == sum(kept)
        payloads = {id(part.payload) for part in slab.parts}
        assert all(id(part.payload) in payloads for part in found.parts)


class TestATable:
    @pytest.mark.parametrize("count", [4, FEWEST_ROWS + 4])
    def test_has_rows_of_the_responses_that_are_kept(self, count: int) -> None:
        payloads = [identifier(PatientID=f"P{at}") for at in range(count)]
        found = rows(["PatientID"], *payloads)
        expected = [(f"P{at}", at) for at in range(1, count, 2)]
        assert [(row["PatientID"], row["bf_response"]) for row in found] == expected

    def test_has_all_items_of_an_exploded_response_or_none(self) -> None:
        payloads = [
            sequence(STEPS, step("A"), step("B")),
            sequence(STEPS, step("C"), step("D")),
            sequence(STEPS),
            identifier(PatientID="P"),
        ]
        columns = ["PatientID", f"{STEPS}.ScheduledProcedureStepID"]
        found = rows(columns, *payloads, explode=STEPS)
        shown = [(row["ScheduledProcedureStepID"], row["bf_item"]) for row in found]
        assert shown == [("C", 0), ("D", 1), (None, None)]

    def test_shows_what_was_not_asked_beside_its_own_row(self) -> None:
        extra = identifier(PatientID="P", PatientSex="F")
        found = rows(["PatientID"], extra, identifier(PatientID="P"), extra, extra)
        assert ["00100040" in (row["bf_extra"] or "") for row in found] == [False, True]

    def test_counts_values_that_do_not_fit_in_its_rows_only(self) -> None:
        unfit = identifier(StudyDate="yesterday")
        piece = rendered(["StudyDate"], unfit, unfit, unfit)
        assert piece.invalid == (1,)
        (row,) = piece.batches[0].to_pylist()
        assert row["bf_invalid"] == '{"StudyDate":"yesterday"}'

    def test_in_memory_leaves_out_what_is_not_kept(self) -> None:
        payloads = [identifier(PatientID=f"P{at}") for at in range(4)]
        found = collect(query(["PatientID"]), slabs(*payloads), keep=odd_ones)
        assert found.column("PatientID").to_pylist() == ["P1", "P3"]

    def test_may_have_no_rows(self) -> None:
        piece = rendered(["PatientID"], identifier(PatientID="P"))
        assert (piece.batches[0].num_rows, piece.slab.parts) == (0, ())


class TestChecks:
    def test_see_every_response(self) -> None:
        uid = identifier(StudyInstanceUID="1.2")
        piece = rendered(["PatientID"], TRUNCATED, uid, uid)
        assert [defect.response for defect in piece.defects] == [0]
        assert piece.seen == {STUDY: {"0": {"1.2": 2}}}
        assert piece.standing == {STUDY: {"0": {"1.2": 1}}}
