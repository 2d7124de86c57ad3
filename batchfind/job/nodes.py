"""A YAML document as a tree: scalars as written, every node with its place."""

from __future__ import annotations

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

    entries: tuple[Entry, ...]
    mark: Mark

    def get(self, name: str) -> Node | None:
        """The value of a key, or None when it is absent."""
        entry = self.entry(name)
        return None if entry is None else entry.value

    def entry(self, name: str) -> Entry | None:
        """The entry of a key, or None when it is absent."""
        return next((one for one in self.entries if one.key.text == name), None)


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode
