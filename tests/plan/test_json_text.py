"""Records as JSON text, those that are alike for the most part included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.plan.json_text import COMPACT, JsonText


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    keys: tuple[str, ...]
    options: Mapping[str, int]
    number: int | None


@dataclass(frozen=True, slots=True)
class Single:
    keys: tuple[str, ...]


#: The same objects again and again, and equal ones that are others.
shared = st.builds(
    Record,
    st.sampled_from(["a", "b", "Ü"]),
    st.sampled_from([("x",), (), ("x", "y")]),
    st.sampled_from([{}, {"x": 1}, {"y": 2}]),
    st.sampled_from([None, 0, 1, 1 << 40]),
)


class TestRecords:
    @settings(deadline=None)
    @given(st.lists(shared))
    def test_that_are_alike_are_written_as_each_alone(
        self, records: list[Record]
    ) -> None:
        together = JsonText(COMPACT, alike=(Record,))
        for record in records:
            text = together.of(record)
            assert text == JsonText(COMPACT).of(record)
            assert json.loads(text) == json.loads(json.dumps(asdict(record)))

    def test_of_one_field_are_objects(self) -> None:
        assert JsonText(COMPACT).of(Single(("x", "y"))) == '{"keys":["x","y"]}'
