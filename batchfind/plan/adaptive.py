"""How the windows of a plan are split: `then` rendered, extents of first pieces."""

from __future__ import annotations

from collections.abc import Iterator

from batchfind.dicom.identifier import Identifier
from batchfind.dicom.lint import normalise_value
from batchfind.job.model import Query, Then
from batchfind.plan.dates import Day, as_da
from batchfind.plan.day_times import times_of_key
from batchfind.plan.keys import Leaf, is_universal
from batchfind.plan.lint import lint_leaves
from batchfind.plan.model import Extent, PlannedThen, Splitting
from batchfind.plan.problems import Problems
from batchfind.plan.rewriting import text_at
from batchfind.plan.scopes import Surroundings
from batchfind.plan.windows import Piece


def splitting_of(
    query: Query, surroundings: Surroundings, problems: Problems
) -> Splitting | None:
    """How the requests of a query are cut where a peer caps, or None."""
    window = query.window
    if window is None or window.split is None or window.key is None:
        return None
    if window.key.vr == "DA" and window.time_key is None:
        message = (
            f"the standard pairs no time with {window.key}, so a day is not cut by"
            " time; name one under time_key"
        )
        mark = query.marks.get("window.split", window.mark)
        problems.warn(mark, f"queries.{query.name}.window.split", message)
    return Splitting(
        date=window.key,
        time=window.time_key if window.key.vr == "DA" else None,
        floor=window.split.floor,
        unset=window.split.unset,
        then=tuple(
            _then(query, number, one, surroundings, problems)
            for number, one in enumerate(window.split.then)
        ),
    )


def _then(
    query: Query, number: int, one: Then, surroundings: Surroundings, problems: Problems
) -> PlannedThen:
    where = f"queries.{query.name}.window.then[{number}].values"
    leaves = {
        leaf.text: leaf for leaf in _values(query, one, where, surroundings, problems)
    }
    if not query.raw:
        lint_leaves(query, leaves.values(), problems)
    return PlannedThen(one.key, tuple(leaves), one.exhaustive)


def _values(
    query: Query, one: Then, where: str, surroundings: Surroundings, problems: Problems
) -> Iterator[Leaf]:
    scope = surroundings.query_scope(query.name)
    seen = set()
    for scalar in one.values:
        text = surroundings.templates.render(scalar, where, scope)
        if text is None:
            continue
        text = text if query.raw else normalise_value(one.key.vr, text)
        if is_universal(text):
            message = f"this value of {one.key} matches everything, and cuts nothing"
            problems.error(scalar.mark, where, f"{message}; remove it")
        elif text in seen:
            message = "this value stands there twice; it is asked once"
            problems.warn(scalar.mark, where, message)
        seen.add(text)
        yield Leaf(one.key, text, scalar.mark, where)


def extent_of(piece: Piece, splitting: Splitting, identifier: Identifier) -> Extent:
    """What part of time a planned request asks for.

    Args:
        piece: of the window.
        splitting: knows the time key, whose own range counts.
        identifier: of the request.
    """
    start, end = piece.days.start, piece.days.end
    text = "" if splitting.time is None else text_at(identifier, splitting.time)
    times = times_of_key(text)
    low, high = ("", "") if times is None else times.clocks
    return Extent(
        first=as_da(Day(start)) if start else "",
        last=as_da(Day(end)) if end else "",
        low=low,
        high=high,
    )


def warn_of_fixed_time(
    query: Query, splitting: Splitting, identifier: Identifier, problems: Problems
) -> None:
    """Notes a time key whose value is no range: nothing can be cut by it."""
    time = splitting.time
    text = "" if time is None else text_at(identifier, time)
    if time is None or is_universal(text) or times_of_key(text) is not None:
        return
    entries = {entry.path: entry for entry in query.keys}
    mark = entries[time].mark if time in entries else query.mark
    message = (
        f"{text!r} is no range of times, so a day is not cut by time; write one such"
        " as 080000-120000, or leave the key empty"
    )
    problems.warn(mark, f"queries.{query.name}.keys.{time}", message)
