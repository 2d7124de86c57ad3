"""A YAML document as a tree: scalars as written, every node with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from batchfind.errors import Mark


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """Text as written; `plain` when it stands without quotes."""

    text: str
    mark: Mark
    plain: bool = False


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value."""

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MappingNode:
    """Entries in file order, each key once, `<<` already merged."""

    by_name: dict[str, Entry]
    mark: Mark

    @property
    def entries(self) -> Iterable[Entry]:
        """Every entry in file order."""
        return self.by_name.values()

    def get(self, name: str) -> Node | None:
        """The value of a key, or None when it is absent."""
        entry = self.by_name.get(name)
        return None if entry is None else entry.value

    def entry(self, name: str) -> Entry | None:
        """The entry of a key, or None when it is absent."""
        return self.by_name.get(name)


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode
