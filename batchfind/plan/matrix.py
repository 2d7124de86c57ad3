"""Multiplies the axes of a matrix and takes out what `exclude` names."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from batchfind.job.model import Query, Scalar
from batchfind.job.queries import RESERVED
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Scope, Templates

MOST_COMBINATIONS: Final = 1_000_000
"""A matrix with more is counted, but not multiplied: no plan can hold it."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The combinations of one query at one peer.

    Attributes:
        size: how many there are.
        combinations: axis to text, the last axis changing fastest; empty when
            there are more than `MOST_COMBINATIONS`.
        excluded: numbers of the `exclude` entries that took something out.
    """

    size: int
    combinations: tuple[Mapping[str, str], ...]
    excluded: frozenset[int]


def multiply(
    query: Query, templates: Templates, scope: Scope, problems: Problems
) -> Matrix:
    """The combinations of a query's matrix, axes in the order written.

    A matrix without axes has one, empty combination.
    """
    at = f"queries.{query.name}"
    axes = {
        axis: _distinct(
            [
                (scalar, templates.render(scalar, f"{at}.matrix.{axis}[{i}]", scope))
                for i, scalar in enumerate(scalars)
            ],
            f"{at}.matrix.{axis}",
            problems,
        )
        for axis, scalars in query.matrix.items()
    }
    size = math.prod(len(values) for values in axes.values())
    if size > MOST_COMBINATIONS:
        return Matrix(size, (), frozenset(range(len(query.exclude))))
    excludes = [
        {
            axis: templates.render(scalar, f"{at}.exclude[{number}].{axis}", scope)
            for axis, scalar in entry.items()
        }
        for number, entry in enumerate(query.exclude)
    ]
    return _without(axes, excludes)


def refuse_unread_axes(
    query: Query,
    read: Collection[str],
    row_names: Collection[str],
    problems: Problems,
) -> None:
    """Notes each axis that no template reads, and that is not carried either.

    A name nobody knows may be meant for it, and is an error of its own.
    """
    known = RESERVED.union(query.matrix, row_names)
    if query.carry_all or not known.issuperset(read):
        return
    for axis, scalars in query.matrix.items():
        if axis not in read and axis not in query.carry:
            message = (
                f"nothing reads {axis}, so the same request would be sent for each of"
                f" its values; write {{{{ {axis} }}}} in a key, or remove the axis"
            )
            mark = scalars[0].mark if scalars else query.mark
            problems.error(mark, f"queries.{query.name}.matrix.{axis}", message)


def warn_of_idle_excludes(
    query: Query, excluded: frozenset[int], problems: Problems
) -> None:
    """Notes each `exclude` that matched nothing at any peer."""
    for number, entry in enumerate(query.exclude):
        if number not in excluded:
            mark = next((scalar.mark for scalar in entry.values()), query.mark)
            problems.warn(
                mark,
                f"queries.{query.name}.exclude[{number}]",
                "this excludes nothing; check its values against the matrix",
            )


def _distinct(
    values: list[tuple[Scalar, str | None]], path: str, problems: Problems
) -> tuple[str, ...]:
    """Values without repetitions, which would only ask the same again."""
    seen: dict[str, None] = {}
    for scalar, text in values:
        if text is None:
            continue
        if text in seen:
            message = "this value stands there twice; it is asked once"
            problems.warn(scalar.mark, path, message)
        seen[text] = None
    return tuple(seen)


def _without(
    axes: Mapping[str, tuple[str, ...]], excludes: list[dict[str, str | None]]
) -> Matrix:
    kept: list[Mapping[str, str]] = []
    used: set[int] = set()
    for values in itertools.product(*axes.values()):
        combination = dict(zip(axes, values, strict=True))
        hits = [
            number
            for number, entry in enumerate(excludes)
            if entry and entry.items() <= combination.items()
        ]
        used.update(hits)
        if not hits:
            kept.append(combination)
    return Matrix(len(kept), tuple(kept), frozenset(used))
