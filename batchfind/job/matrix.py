"""The fields `matrix` and `exclude` of a query."""

from __future__ import annotations

from collections.abc import Mapping

from batchfind.job.model import Scalar
from batchfind.job.nodes import MappingNode
from batchfind.job.section import Section, scalars_by_name
from batchfind.job.suggest import did_you_mean


def read_matrix(query: Section) -> dict[str, tuple[Scalar, ...]]:
    """Values by axis."""
    matrix = query.section("matrix")
    return {key.text: matrix.scalars(key.text) for key, _ in matrix.entries()}


def read_exclude(
    query: Section, matrix: Mapping[str, tuple[Scalar, ...]]
) -> tuple[Mapping[str, Scalar], ...]:
    """The combinations that are not asked; problems are reported."""
    axes = {name: {one.text for one in values} for name, values in matrix.items()}
    found = []
    for number, item in enumerate(query.items("exclude")):
        if isinstance(item, MappingNode) and not query.report.full:
            place = f"{query.place('exclude')}[{number}]"
            found.append(_exclusion(Section(item, place, query.report), axes))
    return tuple(found)


def _exclusion(section: Section, axes: Mapping[str, set[str]]) -> dict[str, Scalar]:
    """One combination; a name or value that can never occur is a slip."""
    found = scalars_by_name(section)
    for name, scalar in found.items():
        values = axes.get(name, set())
        message = ""
        if name not in axes:
            message = f"'{name}' is no axis of the matrix{did_you_mean(name, axes)}"
        elif scalar.text not in values and not any("{" in text for text in values):
            meant = did_you_mean(scalar.text, values)
            message = f"the axis '{name}' has no such value{meant}"
        if message:
            section.report.error(scalar.mark, section.place(name), message)
    return found
