"""Whole slabs as documents, attribute by attribute instead of one by one.

The texts are those of `DataSetText.data_set`, to the byte. What the sweep calls odd
and what holds private elements, whose names depend on their creators, is rendered
one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom.columnar.headers import UNDEFINED, Headers
from batchfind.dicom.columnar.model import BoolVec, IntVec, Items, Level, Loose, Shape
from batchfind.dicom.columnar.sweep import sweep
from batchfind.dicom.dictionary import is_private
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, IMPLICIT_LE
from batchfind.dicom.vrs import STRING_VRS
from batchfind.outputs.documents import (
    UNICODE,
    DataSetText,
    Frame,
    has_value,
    responses,
)
from batchfind.outputs.text_parts import (
    Parts,
    framed,
    grouped,
    joined,
    without_first,
)
from batchfind.tables.cells import Span
from batchfind.tables.decode import is_swept
from batchfind.tables.memory import Memory, memory_of
from batchfind.tables.reading import SPECIFIC_CHARACTER_SET
from batchfind.tables.set_column import SetColumn
from batchfind.tables.slabs import Slab


class _Everywhere(Mapping[int, Shape]):
    """Every sequence is taken apart like the data set itself."""

    def __getitem__(self, tag: int) -> Shape:
        return _ANYTHING

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


_ANYTHING: Final = Shape(
    {SPECIFIC_CHARACTER_SET: "CS"},
    _Everywhere(),
    exact=frozenset({SPECIFIC_CHARACTER_SET}),
)


def documents(model: DataSetText, slab: Slab) -> pa.Array:
    """The text of every response of a slab, in order.

    Args:
        model: the format.
        slab: not empty.

    Returns:
        A pyarrow string array.
    """
    if not is_swept(slab):
        return pa.array([model.data_set(one) for one in responses(slab)], pa.string())
    memory = memory_of(slab)
    swept = sweep(
        memory.payload,
        memory.begin,
        memory.end,
        memory.transfer_syntax,
        _ANYTHING,
        known=slab.parts[0].origin.dictionary,
    )
    origin = slab.parts[0].origin
    model.read_as(origin)
    alone = swept.odd.copy()
    inner = _Documents(model, memory, alone).inner(
        swept.root, memory.default_sets(swept.root.owners), is_item=False
    )
    begin, end = model.data_set_frame(origin)
    texts = joined((begin, inner.texts, end), len(swept.root))
    if not alone.any():
        return texts
    return _with_others(model, slab, texts, swept.root.owners, alone)


def _with_others(
    model: DataSetText, slab: Slab, texts: pa.Array, owners: IntVec, alone: BoolVec
) -> pa.Array:
    """The texts of swept responses with those that are rendered alone."""
    others = [
        model.data_set(response)
        for response, by_itself in zip(responses(slab), alone.tolist(), strict=True)
        if by_itself
    ]
    places = np.zeros(len(alone), np.int64)
    places[owners] = np.arange(len(owners))
    places[alone] = len(owners) + np.arange(len(others))
    return pa.concat_arrays([texts, pa.array(others, pa.string())]).take(
        pa.array(places)
    )


@dataclass(frozen=True, slots=True)
class _Inner:
    """What stands inside data sets or items.

    Attributes:
        texts: all attributes of each.
        counts: how many these are.
        foreign: whether there is text beyond ASCII among them.
    """

    texts: pa.Array
    counts: IntVec
    foreign: BoolVec


@dataclass(frozen=True, slots=True)
class _Bodies:
    """The items of one sequence in every entry of a level.

    Attributes:
        texts: all items of each entry; empty without any.
        counts: how many these are.
    """

    texts: pa.Array
    counts: IntVec


class _Documents:
    """Renders the levels of one slab."""

    def __init__(self, model: DataSetText, memory: Memory, alone: BoolVec) -> None:
        """With a mask of responses to be rendered alone, to which some are added."""
        self._model = model
        self._memory = memory
        self._alone = alone
        self._headers = Headers(
            memory.payload,
            big_endian=memory.transfer_syntax == EXPLICIT_BE,
            implicit=memory.transfer_syntax == IMPLICIT_LE,
        )

    def inner(self, level: Level, inherited: SetColumn, *, is_item: bool) -> _Inner:
        """The attributes of data sets or items.

        Args:
            level: swept with every attribute loose but (0008,0005).
            inherited: character sets that hold where there is none.
            is_item: they are items, which inherit what the data set says.
        """
        values = level.values.get(SPECIFIC_CHARACTER_SET)
        sets = self._memory.sets(level.owners, values, inherited)
        counts = np.zeros(len(level), np.int64)
        foreign = np.zeros(len(level), np.bool_)
        bodies = {
            tag: self._bodies(items, len(level), sets, foreign)
            for tag, items in level.items.items()
        }
        before: list[pa.Array | str] = []
        after: list[pa.Array | str] = []
        for loose in level.loose:
            if is_private(loose.tag):
                self._alone[level.owners[loose.entries]] = True
                continue
            if loose.vr == "SQ":
                parts = self._sequences(loose, bodies, foreign)
            else:
                parts = self._attribute(level, loose, sets, foreign)
            parts = self._spread(parts, loose.entries, len(level))
            (after if loose.tag > SPECIFIC_CHARACTER_SET else before).extend(parts)
            counts[loose.entries] += 1
        if values is not None:
            counts += values.present
        charset = self._charset(level, sets, foreign, is_item=is_item)
        texts = joined((*before, *charset, *after), len(level))
        return _Inner(without_first(texts, len(self._model.separator)), counts, foreign)

    def _spread(self, parts: Parts, entries: IntVec, count: int) -> Parts:
        """Parts of some entries as parts of all, after a separator."""
        if self._model.separator:
            parts = (self._model.separator, *parts)
        if len(entries) == count:
            return parts
        places = np.full(count, -1, np.int64)
        places[entries] = np.arange(len(entries))
        where = pa.array(places, mask=places < 0)
        return (joined(parts, len(entries)).take(where),)

    def _charset(
        self, level: Level, sets: SetColumn, foreign: BoolVec, *, is_item: bool
    ) -> Parts:
        """(0008,0005) as it has to be beside text in Unicode."""
        tag, model = SPECIFIC_CHARACTER_SET, self._model
        values = level.values.get(tag)
        if not len(level) or (values is None and (is_item or not foreign.any())):
            return ()
        own = sets.distinct[0]  # no matter which: what is shown is ASCII
        texts = ["", model.text_of(tag, "CS", UNICODE, own)]
        which = np.zeros(len(level), np.int64)
        if not is_item:
            which[foreign] = 1
        if values is not None:
            present = np.flatnonzero(values.present)
            raws = self._memory.span(values).binary().drop_null().dictionary_encode()
            known = [
                1 if has_value(raw) else len(texts) + at
                for at, raw in enumerate(raws.dictionary.to_pylist())
            ]
            texts += [
                model.text_of(tag, "CS", raw, own)
                for raw in raws.dictionary.to_pylist()
            ]
            found = np.array(known, np.int64)[raws.indices.to_numpy()]
            which[present] = np.where(foreign[present], 1, found)
        separator = model.separator
        shown = ["", *(separator + text for text in texts[1:])]
        return (pa.array(shown, pa.string()).take(pa.array(which)),)

    def _attribute(
        self, level: Level, loose: Loose, sets: SetColumn, foreign: BoolVec
    ) -> Parts:
        """One attribute that is no sequence, of the entries that have it."""
        every = np.arange(len(loose.entries))
        span = self._memory.span(loose)
        column = None
        if loose.vr in STRING_VRS:
            column = self._model.column(loose.tag, loose.vr, span)
        if column is None:
            return (self._one_by_one(level, loose, every, sets, foreign),)
        if column.foreign:
            foreign[loose.entries] = True
        if not len(column.unusual):
            return column.parts
        texts = self._one_by_one(level, loose, column.unusual, sets, foreign)
        mask = np.zeros(len(loose.entries), np.bool_)
        mask[column.unusual] = True
        usual = joined(column.parts, len(mask)).view(pa.binary())
        # As bytes: what is being replaced need not be valid text.
        patched = pc.replace_with_mask(usual, pa.array(mask), texts.view(pa.binary()))
        return (patched.view(pa.string()),)

    def _one_by_one(
        self,
        level: Level,
        loose: Loose,
        chosen: IntVec,
        sets: SetColumn,
        foreign: BoolVec,
    ) -> pa.Array:
        """Some values of an attribute, each different one rendered once."""
        entries = loose.entries[chosen]
        span = Span(
            pa.py_buffer(self._memory.payload),
            loose.begin[chosen],
            loose.length[chosen],
            np.ones(len(chosen), np.bool_),
        )
        alike, which = self._memory.alike(
            span.binary(), level.owners[entries], sets.at(entries)
        )
        texts = [
            self._model.text_of(loose.tag, loose.vr, raw, own) for raw, own, _ in alike
        ]
        beyond = np.array([not text.isascii() for text in texts], np.bool_)
        foreign[entries[beyond[which]]] = True
        return pa.array(texts, pa.string()).take(pa.array(which))

    def _sequences(
        self, loose: Loose, bodies: Mapping[int, _Bodies], foreign: BoolVec
    ) -> Parts:
        """One sequence of the entries that have it."""
        header = 4 if self._headers.implicit else 8
        lengths = self._lengths(loose.begin + header)
        inner: pa.Array | str = ""
        counts = np.zeros(len(loose.entries), np.int64)
        if (found := bodies.get(loose.tag)) is not None:
            counts = found.counts[loose.entries]
            inner = found.texts
            if len(inner) != len(counts):
                inner = inner.take(pa.array(loose.entries))

        def frame(count: int, length: int) -> Frame:
            return self._model.sequence_frame(loose.tag, count, _announced(length), "")

        heads, tails = framed(frame, counts, lengths)
        if not self._model.sequence_frame(loose.tag, 0, None, "")[0].isascii():
            foreign[loose.entries] = True
        return heads, inner, tails

    def _bodies(
        self, items: Items, count: int, sets: SetColumn, foreign: BoolVec
    ) -> _Bodies:
        """The items of a sequence, together for each of `count` entries."""
        inner = self.inner(items.level, sets.at(items.parents), is_item=True)
        foreign[items.parents[inner.foreign]] = True
        counts = np.bincount(items.parents, minlength=count)
        first = np.cumsum(counts) - counts
        numbers = np.arange(len(items.parents)) - first[items.parents] + 1
        lengths = self._lengths(items.level.begin - 4)

        def frame(number: int, count: int, length: int) -> Frame:
            return self._model.item_frame(number, count, _announced(length))

        heads, tails = framed(frame, numbers, inner.counts, lengths)
        texts = joined((heads, inner.texts, tails), len(numbers))
        return _Bodies(grouped(texts, counts, self._model.separator), counts)

    def _lengths(self, at: IntVec) -> IntVec:
        """Lengths announced at these offsets, one more than they are; 0 is none."""
        lengths = self._headers.lengths_at(at)
        return np.where(lengths == UNDEFINED, 0, lengths + 1)


def _announced(length: int) -> int | None:
    return length - 1 if length else None
