"""Reads fields of a mapping whose shape the schema has judged.

A field of the wrong kind was reported there; here it counts as absent, so that
the rest of the job can still be checked and every problem is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from batchfind.errors import Mark
from batchfind.job.model import Scalar
from batchfind.job.nodes import MappingNode, Node, ScalarNode, SequenceNode
from batchfind.job.report import Report
from batchfind.job.shell import shell_fault
from batchfind.job.units import seconds, size
from batchfind.job.yaml_core import NULLS, core_value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of a job.

    Attributes:
        node: its entries.
        path: its dotted place, empty for the root.
        report: receives problems.
    """

    node: MappingNode
    path: str
    report: Report

    def has(self, name: str) -> bool:
        """Whether a field is written."""
        return self.node.get(name) is not None

    def place(self, name: str) -> str:
        """The dotted place of a field."""
        return f"{self.path}.{name}" if self.path else name

    def mark(self, name: str) -> Mark:
        """Where a field's value stands; the section's own place when absent."""
        node = self.node.get(name)
        return self.node.mark if node is None else node.mark

    def error(self, name: str, message: str) -> None:
        """Reports a problem of a field."""
        self.report.error(self.mark(name), self.place(name), message)

    def section(self, name: str) -> Section:
        """A nested mapping; an empty one when absent."""
        node = self.node.get(name)
        if not isinstance(node, MappingNode):
            node = MappingNode({}, self.mark(name))
        return Section(node, self.place(name), self.report)

    def entries(self) -> Iterator[tuple[ScalarNode, Node]]:
        """Keys and values in file order."""
        return ((entry.key, entry.value) for entry in self.node.entries)

    def sections(self) -> Iterator[tuple[ScalarNode, Section]]:
        """Keys and nested mappings in file order; other values are left out."""
        for key, value in self.entries():
            if isinstance(value, MappingNode):
                yield key, Section(value, self.place(key.text), self.report)

    def items(self, name: str) -> tuple[Node, ...]:
        """The items of a list; of a single value that value."""
        node = self.node.get(name)
        if isinstance(node, SequenceNode):
            return node.items
        return () if node is None else (node,)

    def scalar(self, name: str) -> Scalar | None:
        """Text that may hold a template, with its place."""
        node = self.node.get(name)
        return None if node is None else scalar_of(node, self.place(name), self.report)

    def scalars(self, name: str) -> tuple[Scalar, ...]:
        """Texts of a list, or of a single value."""
        place = self.place(name)
        found = (scalar_of(item, place, self.report) for item in self.items(name))
        return tuple(scalar for scalar in found if scalar is not None)

    def mapping(self, name: str) -> dict[str, Scalar]:
        """Names to texts."""
        return scalars_by_name(self.section(name))

    def text(self, name: str) -> str | None:
        """Text that holds no template, None when absent."""
        node = self.node.get(name)
        if not isinstance(node, ScalarNode) or core_value(node) is None:
            return None
        return node.text

    def texts(self, name: str) -> tuple[str, ...]:
        """Texts of a list, or of a single value, that hold no template."""
        items = self.items(name)
        return tuple(item.text for item in items if isinstance(item, ScalarNode))

    def paths(self, name: str) -> tuple[Path, ...]:
        """Paths, relative to the file of each; what a shell expands is reported."""
        items = [item for item in self.items(name) if isinstance(item, ScalarNode)]
        for item in items:
            if fault := shell_fault(item.text):
                self.report.error(item.mark, self.place(name), fault)
        return tuple(
            Path(item.mark.file).absolute().parent / item.text for item in items
        )

    def integers(self, *names: str) -> dict[str, int]:
        """Those of some fields that are written, as integers."""
        return self._values(names, _integer)

    def flags(self, *names: str) -> dict[str, bool]:
        """Those of some fields that are written, as booleans."""
        return self._values(names, _flag)

    def durations(self, *names: str) -> dict[str, float | None]:
        """Those of some fields that are written, in seconds; None for `none`."""
        return self._values(names, lambda node: seconds(node.text))

    def sizes(self, *names: str) -> dict[str, int]:
        """Those of some fields that are written, in bytes."""
        return self._values(names, _size)

    def _values(
        self, names: tuple[str, ...], read: Callable[[ScalarNode], T]
    ) -> dict[str, T]:
        values = {}
        for name in names:
            node = self.node.get(name)
            if isinstance(node, ScalarNode):
                # The schema has reported what is no such value.
                with suppress(ValueError, TypeError):
                    values[name] = read(node)
        return values


def _integer(node: ScalarNode) -> int:
    value = core_value(node)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(node.text)
    return value


def _flag(node: ScalarNode) -> bool:
    value = core_value(node)
    if not isinstance(value, bool):
        raise TypeError(node.text)
    return value


def _size(node: ScalarNode) -> int:
    value = core_value(node)
    return value if isinstance(value, int) else size(node.text)


def scalar_of(node: Node, path: str, report: Report) -> Scalar | None:
    """The text of a scalar as written; None for a list or a mapping.

    Nothing after the colon is the empty text. An unquoted `null` could be that or
    a name somebody bears: it is refused, since the empty text asks for everything.
    """
    if not isinstance(node, ScalarNode):
        return None
    if node.plain and node.text and node.text in NULLS:
        message = f'an unquoted {node.text} is ambiguous; write "" for nothing, or '
        report.error(node.mark, path, f'{message}"{node.text}" for the text')
    return Scalar(node.text, node.mark)


def scalars_by_name(section: Section) -> dict[str, Scalar]:
    """Every text of a mapping by its name."""
    found = {}
    for key, value in section.entries():
        scalar = scalar_of(value, section.place(key.text), section.report)
        if scalar is not None:
            found[key.text] = scalar
    return found
