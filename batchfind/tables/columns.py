"""The columns of one level, each rendered at most once whatever asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom import vrs
from batchfind.tables.components import component_array
from batchfind.tables.entries import Entries
from batchfind.tables.layout import Attribute, Node
from batchfind.tables.text import TextColumn, text_column
from batchfind.tables.typed import (
    TypedColumn,
    arrow_type,
    typed_column,
    value_type_of,
)


class Form(Enum):
    """How an attribute is shown in a table.

    TYPED is what its VR asks for; the others with a type are what a job asks for.
    """

    TEXT = "text"
    TYPED = "typed"
    DATE32 = "date32"
    FLOAT64 = "float64"
    INT64 = "int64"
    TIME64 = "time64"
    TIMESTAMP = "timestamp"
    TIMESTAMP_UTC = "timestamp_utc"
    NESTED = "nested"
    JSON = "json"

    @property
    def is_typed(self) -> bool:
        """Whether values have a type, and one that does not fit is null."""
        return self not in (Form.TEXT, Form.NESTED, Form.JSON)


BoolVec: TypeAlias = npt.NDArray[np.bool_]
Notes = dict[int, dict[str, str]]
"""By entry: where in the attribute (empty for all of it), and the text there."""


def form_of(
    attribute: Attribute, *, typed: bool, nested: bool, override: str | None = None
) -> Form:
    """The form an attribute takes in a table.

    Args:
        attribute: as asked.
        typed: the table's columns have types.
        nested: the file format has a place for lists of structs.
        override: name of the type this column has instead, or None.
    """
    wanted = override or ("typed" if typed else "text")
    if attribute.vr != "SQ":
        return Form(wanted)
    named = attribute.node is not None and attribute.node.attributes
    return Form.NESTED if nested and named and wanted == "typed" else Form.JSON


def type_of(attribute: Attribute, form: Form) -> pa.DataType:
    """The Arrow type of an attribute in a form."""
    if form.is_typed:
        return arrow_type(attribute.vr, form.value, multiple=attribute.multiple)
    if form is Form.NESTED and attribute.node is not None:
        return pa.list_(pa.struct(_fields(attribute.node)))
    return pa.string()


def _fields(node: Node) -> list[pa.Field]:
    """Fields of a struct, one an asked attribute of the items."""
    return [
        pa.field(attribute.name, type_of(attribute, _form_below(attribute)))
        for attribute in node.attributes
    ]


def _form_below(attribute: Attribute) -> Form:
    return form_of(attribute, typed=True, nested=True)


class LevelColumns:
    """Columns of one level, rendered when first asked for."""

    def __init__(self, level: Entries, *, big_endian: bool) -> None:
        self._level = level
        self._big_endian = big_endian
        self._texts: dict[int, TextColumn] = {}
        self._arrays: dict[tuple[int, Form], pa.Array] = {}
        self._typed: dict[tuple[int, Form], TypedColumn] = {}
        self.children: Mapping[int, LevelColumns] = {
            slot: LevelColumns(child, big_endian=big_endian)
            for slot, child in level.children.items()
        }

    def array(self, slot: int, form: Form) -> pa.Array:
        """The Arrow array of an attribute, one element an entry."""
        if (slot, form) not in self._arrays:
            self._arrays[slot, form] = self._array(slot, form)
        return self._arrays[slot, form]

    def component(self, slot: int, form: Form, name: str) -> pa.Array:
        """One component of a person's name, in the form the name itself has."""
        multiple = form.is_typed and self._level.node.attributes[slot].multiple
        return component_array(self.text(slot).array, name, multiple=multiple)

    def _array(self, slot: int, form: Form) -> pa.Array:
        if form is Form.NESTED:
            return self._nested(slot)
        if form is Form.JSON:
            return self._level.json[slot]
        if form is Form.TEXT:
            return self.text(slot).array
        return self.typed(slot, form).array

    def text(self, slot: int) -> TextColumn:
        """The text of an attribute that is no sequence."""
        if slot not in self._texts:
            self._texts[slot] = text_column(
                self._level.cells[slot],
                self._level.node.attributes[slot].vr,
                self._level.sets,
                self._level.odd.get(slot, {}),
                big_endian=self._big_endian,
            )
        return self._texts[slot]

    def typed(self, slot: int, form: Form) -> TypedColumn:
        """The values of an attribute that is no sequence, in a form with a type."""
        if (slot, form) not in self._typed:
            attribute = self._level.node.attributes[slot]
            if attribute.vr in vrs.WORD_SIZES:
                column = TypedColumn(self._bytes(slot))
            else:
                column = typed_column(
                    self.text(slot).array,
                    value_type_of(attribute.vr, form.value),
                    multiple=attribute.multiple,
                )
            self._typed[slot, form] = column
        return self._typed[slot, form]

    def replaced(self) -> Counter[int]:
        """U+FFFD put in, by position of the response, here and below.

        Every text attribute counts, whether or not a table shows it.
        """
        total = self._level.replaced.copy()
        for slot, attribute in enumerate(self._level.node.attributes):
            if attribute.vr in vrs.STRING_VRS:
                for entry, count in self.text(slot).replaced.items():
                    total[int(self._level.owners[entry])] += count
        for child in self.children.values():
            total += child.replaced()
        return total

    def unfit(self, slot: int, form: Form) -> Notes:
        """Values that the form has no place for: their text, or bytes in hex."""
        if form is Form.NESTED:
            return self._from_below(slot, LevelColumns.unfit) | self._misplaced(slot)
        if form is Form.JSON:
            return self._misplaced(slot)
        notes = {}
        if self._level.node.attributes[slot].vr not in vrs.WORD_SIZES:
            text = self.text(slot)
            notes = {entry: {"": raw} for entry, raw in text.broken.items()}
            if form.is_typed:
                for entry in self.typed(slot, form).unfit:
                    notes[entry] = {"": text.array[entry].as_py()}
        return notes

    def empty(self, slot: int, form: Form) -> BoolVec | None:
        """The entries where null stands for an attribute present, but empty.

        None when there are none. In a column of lists of structs see `empty_below`.
        """
        attribute = self._level.node.attributes[slot]
        scalar = form.is_typed and not attribute.multiple
        if not scalar or attribute.vr in vrs.WORD_SIZES:
            return None
        if self.array(slot, form).type == pa.string():
            return None
        mask = pc.equal(self.text(slot).array, "").fill_null(False)
        found = mask.to_numpy(zero_copy_only=False)
        return found if found.any() else None

    def empty_below(self, slot: int, form: Form) -> Notes:
        """In a column of lists of structs, what `empty` is in other columns."""
        if form is not Form.NESTED:
            return {}
        return self._from_below(slot, LevelColumns._empty_notes)

    def _empty_notes(self, slot: int, form: Form) -> Notes:
        mask = self.empty(slot, form)
        entries = [] if mask is None else np.flatnonzero(mask).tolist()
        return self.empty_below(slot, form) | {entry: {"": ""} for entry in entries}

    def _bytes(self, slot: int) -> pa.Array:
        array = self._level.cells[slot].binary()
        odd = self._level.odd.get(slot, {})
        if not odd:
            return array
        cells = array.to_pylist()
        for entry, element in odd.items():
            if isinstance(element.value, bytes):
                cells[entry] = element.value
        return pa.array(cells, pa.binary())

    def _misplaced(self, slot: int) -> Notes:
        """Bytes that came where a sequence was asked."""
        return {
            entry: {"": element.value.hex()}
            for entry, element in self._level.odd.get(slot, {}).items()
            if isinstance(element.value, bytes)
        }

    def _from_below(
        self, slot: int, find: Callable[[LevelColumns, int, Form], Notes]
    ) -> Notes:
        """Notes of the items of a sequence, told by item number and name."""
        child, starts = self.children[slot], self._level.starts[slot]
        notes: Notes = {}
        for below, attribute in enumerate(child._level.node.attributes):  # noqa: SLF001 - its own kind
            for inner, found in find(child, below, _form_below(attribute)).items():
                entry = int(starts.searchsorted(inner, side="right")) - 1
                prefix = f"[{inner - starts[entry]}].{attribute.name}"
                texts = notes.setdefault(entry, {})
                texts.update({prefix + at: text for at, text in found.items()})
        return notes

    def _nested(self, slot: int) -> pa.Array:
        attribute = self._level.node.attributes[slot]
        child = self.children[slot]
        below = attribute.node.attributes if attribute.node else ()
        arrays = [child.array(at, _form_below(field)) for at, field in enumerate(below)]
        fields = _fields(attribute.node) if attribute.node else []
        structs = pa.StructArray.from_arrays(arrays, fields=fields)
        starts = np.append(self._level.starts[slot], len(structs))
        absent = pc.is_null(self._level.json[slot])
        return pa.ListArray.from_arrays(
            pa.array(starts, pa.int32()), structs, mask=absent
        )


def columns_of(
    root: Entries, chain: Sequence[int], *, big_endian: bool
) -> tuple[LevelColumns, ...]:
    """The levels rows are made of: root, then each exploded one.

    Args:
        root: one entry a response.
        chain: slots of the exploded sequences from the outside in.
        big_endian: byte order of binary numbers.
    """
    levels = [LevelColumns(root, big_endian=big_endian)]
    for slot in chain:
        levels.append(levels[-1].children[slot])
    return tuple(levels)
