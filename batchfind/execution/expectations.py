"""What a job expects of its answers, and whether it came true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchfind.execution.wording import plural
from batchfind.plan.model import PlannedQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """What was found out about all rows of a query.

    Attributes:
        rows: how many there are.
        empty: rows without a value, by column.
        repeated: rows whose values in the columns of `unique` an earlier row has.
    """

    rows: int = 0
    empty: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation of a query.

    Attributes:
        name: its field in the job, such as `min_rows`.
        expected: what the job says, as text.
        found: what came, as text.
        met: whether that is as expected.
        message: one sentence when it is not, else empty.
    """

    query: str
    name: str
    expected: str
    found: str
    met: bool
    message: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Expectation:
        """What `to_json` made."""
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The object under `expectations` of `run --json`."""
        return {
            "query": self.query,
            "name": self.name,
            "expected": self.expected,
            "found": self.found,
            "met": self.met,
            "message": self.message,
        }


def check(
    query: PlannedQuery, facts: RowFacts, shortage: str
) -> tuple[Expectation, ...]:
    """Whether what a job expects of a query came true.

    Args:
        query: with the expectations.
        facts: of all its rows in the run, after merging and dropping.
        shortage: what its answers lack to be complete, or limited as asked; empty
            when nothing.

    Returns:
        One a field that the job sets, in the order of the schema.
    """
    return tuple(_checked(query, facts, shortage))


def _checked(
    query: PlannedQuery, facts: RowFacts, shortage: str
) -> Iterator[Expectation]:
    expect, rows = query.expect, plural(facts.rows, "row")
    if expect is None:
        return
    if expect.complete:
        remedy = "see the causes of its requests; batchfind resume asks again"
        yield _expectation(
            query, "complete", "true", shortage or "complete", not shortage, remedy
        )
    if expect.min_rows is not None:
        met = facts.rows >= expect.min_rows
        remedy = "see whether its keys ask for what was meant, or expect fewer"
        yield _expectation(query, "min_rows", str(expect.min_rows), rows, met, remedy)
    if expect.max_rows is not None:
        met = facts.rows <= expect.max_rows
        remedy = "see whether the peer matches all keys, or expect more"
        yield _expectation(query, "max_rows", str(expect.max_rows), rows, met, remedy)
    if expect.unique:
        found = f"{plural(facts.repeated, 'row')} with values of an earlier one"
        remedy = "add columns that tell rows apart, or merge rows with dedupe: query"
        names = ", ".join(expect.unique)
        yield _expectation(query, "unique", names, found, not facts.repeated, remedy)
    if expect.not_null:
        empty = {name: count for name, count in facts.empty.items() if count}
        counts = (f"{name} in {plural(count, 'row')}" for name, count in empty.items())
        found = f"no value of {', '.join(counts)}" if empty else "values in every row"
        remedy = "see whether the peer returns these keys at all, or expect fewer"
        names = ", ".join(expect.not_null)
        yield _expectation(query, "not_null", names, found, not empty, remedy)


def _expectation(
    query: PlannedQuery, name: str, expected: str, found: str, met: bool, remedy: str
) -> Expectation:
    message = f"query {query.name}: expect.{name}: {expected}, found {found}; {remedy}"
    return Expectation(
        query=query.name,
        name=name,
        expected=expected,
        found=found,
        met=met,
        message="" if met else message,
    )
