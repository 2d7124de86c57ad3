"""Which entries of each level make the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchfind.tables.entries import Entries

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a piece of a table.

    Attributes:
        entries: for the root and each exploded level, the entry that each row
            shows; -1 where it has none.
        items: number of each row's item in the innermost exploded sequence, from
            0, and -1 for none; None when nothing is exploded.
    """

    entries: tuple[Indices, ...]
    items: Indices | None

    def __len__(self) -> int:
        return len(self.entries[0])

    @property
    def responses(self) -> Indices:
        """Position of the response behind each row."""
        return self.entries[0]

    def where(self, kept: npt.NDArray[np.bool_]) -> Rows:
        """The rows of those responses of which the mask is true."""
        shown = kept[self.responses]
        return Rows(
            tuple(entries[shown] for entries in self.entries),
            None if self.items is None else self.items[shown],
        )

    def take(self, array: pa.Array, depth: int) -> pa.Array:
        """An array of a level's entries as one of rows."""
        wanted = self.entries[depth]
        if len(wanted) == len(array) and np.array_equal(wanted, np.arange(len(array))):
            return array
        return array.take(pa.array(wanted, mask=wanted < 0))


def rows_of(root: Entries, chain: Sequence[int]) -> Rows:
    """One row an entry, and one an item where sequences are exploded.

    Args:
        root: one entry a response.
        chain: slots of the exploded sequences from the outside in; an entry
            without items there still gives one row.
    """
    entries: list[Indices] = [np.arange(len(root), dtype=np.int64)]
    items: Indices | None = None
    level = root
    for slot in chain:
        child = level.children[slot]
        starts = np.append(level.starts[slot], len(child))
        outer = entries[-1]
        begin = starts[outer]
        # The last one is what -1, no entry, picks: it has no items.
        count = np.diff(starts, append=starts[-1])[outer]
        repeat = np.maximum(count, 1)
        entries = [np.repeat(entry, repeat) for entry in entries]
        ordinal = np.arange(len(entries[0])) - np.repeat(
            np.cumsum(repeat) - repeat, repeat
        )
        has_item = np.repeat(count, repeat) > 0
        entries.append(np.where(has_item, np.repeat(begin, repeat) + ordinal, -1))
        items = np.where(has_item, ordinal, -1)
        level = child
    return Rows(tuple(entries), items)
