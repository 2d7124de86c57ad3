"""Rows of a family that several of its requests brought."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom.models import MODELS
from batchfind.dicom.paths import parse_path
from batchfind.execution.forest import Forest
from batchfind.execution.merging import Kept, Merged, merge
from batchfind.job.model import Dedupe, Unset
from batchfind.plan.model import (
    Extent,
    Origin,
    Piecing,
    PlannedQuery,
    PlannedThen,
    Request,
    Splitting,
)
from batchfind.tables.slabs import Slab, join
from tests.execution.plans import peer, plan, request, studies
from tests.tables.material import element, identifier, matches, origin, sequence

STEPS = "ScheduledProcedureStepSequence"
STUDY = ("StudyInstanceUID",)
Answers: TypeAlias = Mapping[str, Sequence[bytes]]


def query(identity: Sequence[str] = STUDY, **changes: Any) -> PlannedQuery:
    facts: dict[str, Any] = {
        "merges": True,
        "identity": tuple(map(parse_path, identity)),
    }
    return replace(studies(), **(facts | changes))


def splitting(**changes: Any) -> Splitting:
    facts: dict[str, Any] = {
        "date": parse_path("StudyDate"),
        "time": parse_path("StudyTime"),
        "floor": 1,
        "unset": Unset.PROBE,
    }
    return Splitting(**(facts | changes))


def extent(by: Piecing | None = None, **changes: Any) -> Extent:
    facts: dict[str, Any] = {"first": "20260131", "last": "20260131", "by": by}
    return Extent(**(facts | changes))


def piece(
    identity: str, by: Piecing = Piecing.TIME, then: int = 0, at: str = "pacs"
) -> Request:
    parent, _, _ = identity.rpartition(".")
    return request(
        identity,
        at,
        origin=Origin.SPLIT,
        parent=parent,
        extent=extent(by, then=then),
    )


class Scene:
    """Requests with their answers."""

    def __init__(
        self,
        asked: PlannedQuery,
        answers: Answers,
        requests: Sequence[Request] | None = None,
    ) -> None:
        everyone = requests or [
            piece(each) if each.count(".") > 1 else request(each, "pacs")
            for each in answers
        ]
        planned = [each for each in everyone if each.origin is not Origin.SPLIT]
        born = [each for each in everyone if each.origin is Origin.SPLIT]
        given = plan(Path("/nowhere"), [peer("pacs", 104)], planned)
        given = replace(given, queries={"studies": asked})
        self.read_requests: list[str] = []
        self._answers = answers
        self._query = asked
        self._forest = Forest(given, born)

    def merged(self) -> Merged:
        return merge(self._query, self._forest, self._read)

    def kept(self) -> dict[str, list[int]]:
        """Which responses of each request stand."""
        standing = self.merged().kept
        found: dict[str, list[int]] = {each: [] for each in self._answers}
        for slab in self._read(self._forest.requests):
            mask = standing.of(slab)
            rows = [
                (part.origin.request, part.first + at)
                for part in slab.parts
                for at in range(len(part.ends))
            ]
            for position, (owner, index) in enumerate(rows):
                if mask is None or mask[position]:
                    found[owner].append(index)
        return found

    def told(self, what: str) -> dict[str, int]:
        """One count of each request that was compared, zeros left out."""
        tallies = self.merged().tallies
        counts = {key: getattr(tally, what) for key, tally in tallies.items()}
        return {key: count for key, count in counts.items() if count}

    def _read(self, requests: Sequence[Request]) -> Iterator[Slab]:
        self.read_requests += [each.id for each in requests]
        sets = [
            (origin(each.id), matches(self._answers[each.id]))
            for each in requests
            if self._answers.get(each.id)
        ]
        return join(sets, rows=3)


def study(uid: str, **values: str) -> bytes:
    return identifier(StudyInstanceUID=uid, **values)


def step(identity: str) -> bytes:
    return element("ScheduledProcedureStepID", identity)


def entry(uid: str, *items: str, procedure: str = "RP") -> bytes:
    return (
        study(uid)
        + sequence(STEPS, *map(step, items))
        + element("RequestedProcedureID", procedure)
    )


class TestIdentity:
    def test_equal_rows_of_two_pieces_are_one(self) -> None:
        answers = {
            "0.0": [study("1"), study("2")],
            "0.0.0": [study("1")],
            "0.0.1": [study("2"), study("3")],
        }
        scene = Scene(query(), answers)
        assert scene.kept() == {"0.0": [0, 1], "0.0.0": [], "0.0.1": [1]}
        assert scene.told("merged") == {"0.0.0": 1, "0.0.1": 1}
        assert scene.told("conflicts") == {}

    def test_padding_is_no_difference_in_it(self) -> None:
        answers = {
            "0.0": [element("StudyInstanceUID", b"1.23\0\0", "UI")],
            "0.0.0": [element("StudyInstanceUID", b"1.23", "UI")],
        }
        scene = Scene(query(), answers)
        assert scene.kept() == {"0.0": [], "0.0.0": [0]}
        assert scene.told("conflicts") == {"0.0.0": 1}

    @pytest.mark.parametrize(
        ("model", "level"),
        [
            (model, level)
            for model in MODELS.values()
            for level in (model.levels or (None,))
            if model.identity(level) and model.name != "worklist"
        ],
        ids=lambda one: getattr(one, "name", one),
    )
    def test_is_that_of_the_model_at_its_level(
        self, model: Any, level: str | None
    ) -> None:
        identity = model.identity(level)
        alike = identifier(**dict.fromkeys(identity, "1"))
        other = {
            key: identifier(**(dict.fromkeys(identity, "1") | {key: "2"}))
            for key in identity
        }
        answers = {"0.0": [alike], "0.0.0": [alike, *other.values()]}
        kept = Scene(query(identity), answers).kept()
        assert kept == {"0.0": [0], "0.0.0": list(range(1, len(identity) + 1))}

    def test_of_a_worklist_entry_is_that_of_all_its_items_in_order(self) -> None:
        identity = MODELS["worklist"].identity(None)
        answers = {
            "0.0": [entry("1", "A", "B")],
            "0.0.0": [
                entry("1", "A", "B"),
                entry("1", "A"),
                entry("1", "B", "A"),
                entry("1", "A", "B", procedure="OTHER"),
            ],
        }
        kept = Scene(query(identity), answers).kept()
        assert kept == {"0.0": [0], "0.0.0": [1, 2, 3]}

    def test_of_a_cut_worklist_entry_is_that_of_items_which_all_came_back(self) -> None:
        identity = MODELS["worklist"].identity(None)
        asked = query(identity, splitting=splitting())
        answers = {
            "0.0": [entry("1", "A", "B"), entry("2", "A", "B")],
            "0.0.0": [entry("1", "A")],
            "0.0.1": [entry("1", "B"), entry("2", "A")],
        }
        scene = Scene(asked, answers)
        assert scene.kept() == {"0.0": [1], "0.0.0": [0], "0.0.1": [0, 1]}
        assert scene.told("added") == {}

    def test_that_is_empty_in_part_merges_identical_bytes_only(self) -> None:
        identity = ("PatientID", "IssuerOfPatientID")
        whole = identifier(PatientID="P1")
        other = identifier(PatientID="P1", PatientSex="F")
        empty = identifier(PatientID="P1", IssuerOfPatientID="")
        answers = {"0.0": [whole, empty], "0.0.0": [whole, other, empty]}
        kept = Scene(query(identity), answers).kept()
        assert kept == {"0.0": [0, 1], "0.0.0": [1]}

    def test_of_an_entry_without_items_is_empty(self) -> None:
        identity = MODELS["worklist"].identity(None)
        answers = {"0.0": [entry("1")], "0.0.0": [entry("1"), entry("1", "A")]}
        assert Scene(query(identity), answers).kept() == {"0.0": [0], "0.0.0": [1]}

    def test_that_cannot_be_decoded_is_none(self) -> None:
        # Both become U+FFFD, and are different patients.
        one, other = (
            identifier(PatientID=b"J\xfcrg"),
            identifier(PatientID=b"J\xf6rg"),
        )
        answers = {"0.0": [one], "0.0.0": [other]}
        kept = Scene(query(("PatientID",)), answers).kept()
        assert kept == {"0.0": [0], "0.0.0": [0]}

    def test_of_a_response_that_cannot_be_decoded_is_its_bytes(self) -> None:
        broken = study("1.2")[:-1]
        answers = {"0.0": [broken], "0.0.0": [broken, study("1.2")]}
        assert Scene(query(), answers).kept() == {"0.0": [0], "0.0.0": [1]}

    def test_that_nobody_knows_leaves_the_bytes(self) -> None:
        answers = {
            "0.0": [study("1")],
            "0.0.0": [study("1"), study("1", PatientSex="F")],
        }
        assert Scene(query(()), answers).kept() == {"0.0": [0], "0.0.0": [1]}


class TestConflicts:
    def test_the_later_in_plan_order_stands(self) -> None:
        answers = {
            "0.0": [study("1", PatientSex="F")],
            "0.0.0": [study("1", PatientSex="M")],
            "0.0.1": [study("1", PatientSex="M")],
            "0.0.10": [study("1", PatientSex="O")],
            "0.0.2": [study("1", PatientSex="M")],
        }
        scene = Scene(query(), answers)
        expected = {"0.0": [], "0.0.0": [], "0.0.1": [], "0.0.2": [], "0.0.10": [0]}
        assert scene.kept() == expected
        assert scene.told("conflicts") == {"0.0.0": 1, "0.0.10": 1}
        assert sum(scene.told("merged").values()) == 4


class TestOneRequest:
    def test_keeps_what_it_holds_twice(self) -> None:
        twice = [study("1"), study("1"), study("1", PatientSex="F")]
        answers = {"0.0": twice, "0.0.0": []}
        assert Scene(query(), answers).kept() == {"0.0": [0, 1, 2], "0.0.0": []}

    def test_makes_an_identity_it_holds_twice_worth_nothing(self) -> None:
        old, new = study("1"), study("1", PatientSex="F")
        answers = {"0.0": [old, new], "0.0.0": [new], "0.0.1": [old, study("2")]}
        scene = Scene(query(), answers)
        assert scene.kept() == {"0.0": [0, 1], "0.0.0": [], "0.0.1": [1]}
        assert scene.told("conflicts") == {}

    def test_gives_as_many_identical_rows_as_the_fullest(self) -> None:
        blank = identifier(PatientID="P1")
        answers = {"0.0": [blank], "0.0.0": [blank] * 3, "0.0.1": [blank] * 2}
        kept = Scene(query(), answers).kept()
        assert kept == {"0.0": [0], "0.0.0": [1, 2], "0.0.1": []}


class TestScope:
    def test_is_one_family(self) -> None:
        same = [study("1")]
        answers = {"0.0": same, "0.0.0": same, "0.1": same, "0.1.0": same}
        kept = Scene(query(), answers).kept()
        assert kept == {"0.0": [0], "0.0.0": [], "0.1": [0], "0.1.0": []}

    def test_holds_the_alternatives_of_a_case(self) -> None:
        same = [study("1")]
        requests = [
            request("0.0", "pacs", family="0.0"),
            request("0.1", "pacs", family="0.0"),
            request("0.2", "pacs", family="0.2"),
        ]
        answers = {"0.0": same, "0.1": same, "0.2": same}
        kept = Scene(query(), answers, requests).kept()
        assert kept == {"0.0": [0], "0.1": [], "0.2": [0]}

    def test_is_the_query_across_peers_where_the_job_says_so(self) -> None:
        same = [study("1")]
        requests = [request("0.0", "pacs"), request("0.1", "other")]
        asked = query(dedupe=Dedupe.QUERY, merges=False)
        scene = Scene(asked, {"0.0": same, "0.1": same}, requests)
        assert scene.kept() == {"0.0": [0], "0.1": []}

    def test_is_nothing_where_nothing_overlaps(self) -> None:
        scene = Scene(query(), {"0.0": [study("1")], "0.1": [study("1")]})
        assert scene.merged().tallies == {}
        assert scene.read_requests == []

    def test_is_nothing_for_a_query_without_families(self) -> None:
        asked = query(merges=False)
        scene = Scene(asked, {"0.0": [study("1")], "0.0.0": [study("1")]})
        scene.merged()
        assert scene.read_requests == []

    def test_without_merging_is_what_was_cut_and_its_pieces(self) -> None:
        asked = query(dedupe=Dedupe.OFF, merges=False, splitting=splitting())
        answers = {
            "0.0": [study("1"), study("2"), study("4")],
            "0.0.0": [study("1"), study("2")],
            "0.0.1": [study("2"), study("3")],
        }
        scene = Scene(asked, answers)
        assert scene.kept() == {"0.0": [2], "0.0.0": [0, 1], "0.0.1": [0, 1]}
        assert scene.told("merged") == {"0.0": 2}


def dated(uid: str, time: str | None = "12", date: str = "20260131") -> bytes:
    values = {} if time is None else {"StudyTime": time}
    return study(uid, StudyDate=date, **values)


class TestRowsWithoutATime:
    def test_are_counted_where_they_have_a_date(self) -> None:
        asked = query(splitting=splitting())
        answers = {
            "0.0": [dated("1"), dated("2", ""), dated("3", None), dated("4", "", "")],
            "0.0.0": [dated("2", "")],
        }
        assert Scene(asked, answers).told("unset") == {"0.0": 2, "0.0.0": 1}

    def test_are_none_where_date_and_time_are_one_key(self) -> None:
        asked = query(
            splitting=splitting(
                date=parse_path("ScheduledProcedureStepStartDateTime"), time=None
            )
        )
        answers = {"0.0": [study("1")], "0.0.0": [study("1")]}
        assert Scene(asked, answers).told("unset") == {}


class TestLostRows:
    def test_are_those_that_come_back_in_no_piece(self) -> None:
        asked = query(splitting=splitting())
        answers = {
            "0.0": [dated("1"), dated("2"), dated("3"), dated("4", "")],
            "0.0.0": [dated("1")],
            "0.0.1": [],
            "0.0.1.0": [dated("2", "0130")],
        }
        assert Scene(asked, answers).told("lost") == {"0.0": 1}

    def test_are_told_from_those_that_pieces_added(self) -> None:
        asked = query(splitting=splitting())
        answers = {
            "0.0": [dated("1"), dated("2")],
            "0.0.0": [dated("1"), dated("3")],
            "0.0.1": [dated("4")],
            "0.0.1.0": [dated("4"), dated("5")],
            "0.0.1.1": [dated("3")],
        }
        assert Scene(asked, answers).told("added") == {"0.0": 3, "0.0.1": 2}

    def test_of_a_cut_by_date_have_a_date(self) -> None:
        asked = query(splitting=splitting())
        requests = [request("0.0", "pacs"), piece("0.0.0", Piecing.DATE)]
        answers = {
            "0.0": [dated("1", ""), dated("2", "", "")],
            "0.0.0": [],
        }
        assert Scene(asked, answers, requests).told("lost") == {"0.0": 1}

    def test_are_looked_for_below_the_request_only(self) -> None:
        asked = query(splitting=splitting())
        requests = [
            request("0.0", "pacs"),
            piece("0.0.1", Piecing.DATE),
            piece("0.0.1.0"),
            piece("0.0.2", Piecing.DATE),
        ]
        answers = {
            "0.0": [dated("1")],
            "0.0.1": [dated("1")],
            "0.0.1.0": [],
            "0.0.2": [dated("1")],
        }
        assert Scene(asked, answers, requests).told("lost") == {"0.0.1": 1}

    def test_are_found_by_their_bytes_without_an_identity(self) -> None:
        asked = query((), splitting=splitting())
        answers = {
            "0.0": [dated("1"), dated("2")],
            "0.0.0": [dated("1"), dated("2", "13")],
        }
        assert Scene(asked, answers).told("lost") == {"0.0": 1}

    def test_are_found_by_an_identity_that_tells_nothing_apart(self) -> None:
        asked = query(splitting=splitting())
        answers = {"0.0": [dated("1"), dated("1", "13")], "0.0.0": [dated("1", "14")]}
        assert Scene(asked, answers).told("lost") == {}

    @pytest.mark.parametrize(("exhaustive", "lost"), [(True, {"0.0": 1}), (False, {})])
    def test_of_a_cut_by_values_disprove_that_they_are_all(
        self, exhaustive: bool, lost: Mapping[str, int]
    ) -> None:
        key = parse_path("ModalitiesInStudy")
        then = (
            PlannedThen(parse_path("PatientSex"), ("F",), exhaustive=True),
            PlannedThen(key, ("CT", "MR"), exhaustive=exhaustive),
        )
        asked = query(splitting=splitting(then=then))
        requests = [request("0.0", "pacs"), piece("0.0.0", Piecing.THEN, then=2)]
        answers = {"0.0": [study("1", ModalitiesInStudy="US"), study("2")], "0.0.0": []}
        assert Scene(asked, answers, requests).told("lost") == lost

    def test_are_none_when_only_a_probe_was_added(self) -> None:
        asked = query(splitting=splitting())
        requests = [request("0.0", "pacs"), piece("0.0.0", Piecing.UNSET)]
        scene = Scene(asked, {"0.0": [dated("1")], "0.0.0": []}, requests)
        assert scene.told("lost") == {}


ROWS = st.lists(
    st.tuples(st.sampled_from(["", "1", "2", "3"]), st.sampled_from("FM")), max_size=6
)


class TestWhatStands:
    @given(st.lists(ROWS, min_size=2, max_size=4))
    @settings(deadline=None, max_examples=60)
    def test_holds_every_row_that_came(
        self, drawn: list[list[tuple[str, str]]]
    ) -> None:
        names = ["0.0", "0.0.0", "0.0.1", "0.0.2"]
        answers = {
            name: [study(uid, PatientSex=sex) for uid, sex in rows]
            for name, rows in zip(names, drawn, strict=False)
        }
        came = dict(zip(names, drawn, strict=False))
        scene = Scene(query(), answers)
        kept = scene.kept()
        standing = [came[name][at] for name, rows in kept.items() for at in rows]
        everything = [row for rows in drawn for row in rows]
        assert {uid for uid, _ in standing} == {uid for uid, _ in everything}
        # What one request brought is there as often, but for its content.
        for rows in drawn:
            for uid in {uid for uid, _ in rows}:
                brought = sum(row[0] == uid for row in rows)
                assert sum(row[0] == uid for row in standing) >= brought
        assert sum(scene.told("merged").values()) == len(everything) - len(standing)
        assert scene.kept() == kept


class TestMasks:
    def test_leave_out_what_any_of_them_does(self) -> None:
        merged = Kept({"0": np.array([True, False]), "1": np.array([False])})
        both = merged.without(
            {"0": np.array([False, True, False]), "2": np.array([False])}
        )
        every = [study(str(number)) for number in range(4)]
        (slab,) = join([(origin(one), matches(every)) for one in "0123"])
        mask = both.of(slab)
        assert mask is not None
        assert mask.reshape(4, 4).tolist() == [
            [False, False, False, True],
            [False, True, True, True],
            [False, True, True, True],
            [True] * 4,
        ]

    def test_that_leave_nothing_give_no_slab(self) -> None:
        kept = Kept({"0": np.array([False, False]), "1": np.array([False, True])})
        every = [study("1"), study("2")]
        given = [
            slab for one in "012" for slab in join([(origin(one), matches(every))])
        ]
        found = list(kept.responses(given))
        assert [len(slab) for slab in found] == [1, 2]
        assert found[1] is given[2]


class TestMemory:
    def test_does_not_grow_with_the_rows(self) -> None:
        count, step_size = 50_000, 1_000
        requests = [request("0.0", "pacs"), piece("0.0.0")]
        given = plan(Path("/nowhere"), [peer("pacs", 104)], requests[:1])
        forest = Forest(replace(given, queries={"studies": query()}), requests[1:])

        def read(members: Sequence[Request]) -> Iterator[Slab]:
            for each in members:
                for first in range(0, count // 2, step_size):
                    rows = [study(str(first + at)) for at in range(step_size)]
                    ends = [0]
                    for row in rows:
                        ends.append(ends[-1] + len(row))
                    stored = matches(rows[:1], first)
                    whole = replace(
                        stored,
                        payload=b"".join(rows),
                        ends=ends[1:],
                        statuses=[0xFF00] * step_size,
                    )
                    yield from join([(origin(each.id), whole)])

        tracemalloc.start()
        try:
            merged = merge(query(), forest, read)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert merged.tallies["0.0.0"].merged == count // 2
        # A mask, and one slab with its texts; the digests alone would be 5 MB.
        assert peak < 3 << 20
