"""Holds the rows of a query against what its job expects of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import MappingProxyType
from typing import Final

from batchfind.execution.expectations import Expectation
from batchfind.execution.wording import plural
from batchfind.job.model import Dedupe, Expect
from batchfind.plan.model import PlannedQuery
from batchfind.tables.row_checks import RowFacts

_TELL_APART: Final = "add columns that tell rows apart"
_REMEDIES: Final = MappingProxyType(
    {
        "complete": "see the causes of its requests",
        "min_rows": "see whether its keys ask for what was meant, or expect fewer",
        "max_rows": "see whether the peer matches all keys, or expect more",
        "unique": f"{_TELL_APART}, or merge rows by dedupe: query",
        "not_null": "see whether the peer returns these keys at all, or expect less",
    }
)
"""What to do about an expectation that is not met."""


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
    expect, rows = query.expect or Expect(), plural(facts.rows, "row")
    tell = partial(_expectation, query.name)
    if expect.complete:
        found, wanted = shortage or "complete", "complete answers"
        yield tell("complete", "true", found, wanted, met=not shortage)
    if (least := expect.min_rows) is not None:
        met = facts.rows >= least
        # Nobody is to expect fewer because a peer did not answer.
        remedy = _REMEDIES["complete"] if shortage else ""
        wanted = f"{least:,} or more"
        yield tell("min_rows", str(least), rows, wanted, met=met, remedy=remedy)
    if (most := expect.max_rows) is not None:
        met = facts.rows <= most
        yield tell("max_rows", str(most), rows, f"{most:,} or fewer", met=met)
    if expect.unique:
        names = ", ".join(expect.unique)
        found = f"{plural(facts.repeated, 'row')} with values of an earlier one"
        wanted = f"different values in {names}"
        remedy = _TELL_APART if query.dedupe is Dedupe.QUERY else ""
        met = not facts.repeated
        yield tell("unique", names, found, wanted, met=met, remedy=remedy)
    if expect.not_null:
        names = ", ".join(expect.not_null)
        found = _emptiness(facts)
        wanted = f"a value of {names} in every row"
        yield tell(
            "not_null", names, found or "values in every row", wanted, met=not found
        )


def _emptiness(facts: RowFacts) -> str:
    counts = (
        f"{name} in {plural(count, 'row')}"
        for name, count in facts.empty.items()
        if count
    )
    told = ", ".join(counts)
    return f"no value of {told}" if told else ""


def _expectation(
    query: str,
    name: str,
    expected: str,
    found: str,
    wanted: str,
    *,
    met: bool,
    remedy: str = "",
) -> Expectation:
    message = f"found {found}, expected {wanted}; {remedy or _REMEDIES[name]}"
    return Expectation(
        query=query,
        name=name,
        expected=expected,
        found=found,
        met=met,
        message="" if met else message,
    )
