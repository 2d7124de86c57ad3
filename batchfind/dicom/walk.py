"""The walk over a data set that `scalar.decode` takes."""

from __future__ import annotations

from typing import Final, NoReturn

from batchfind.dicom import dictionary
from batchfind.dicom.containers import (
    IMPLICIT_LITTLE,
    UNDEFINED,
    DataSet,
    Encoding,
    Sequence,
)
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.raw import DecodeLimits, RawElement
from batchfind.dicom.vrs import (
    LONG_FORM,
    SHORT_FORM,
    SPLIT_VRS,
    STRING_VRS,
    VALUE_SIZES,
)
from batchfind.errors import IdentifierDefect

_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_SHORT_CODES: Final = {vr.encode(): vr for vr in SHORT_FORM}

_NEW: Final = tuple.__new__
"""Makes a RawElement in half the time of its constructor."""


class Walk:
    """A position in a data set, and the containers around it. Good for one run.

    Source: PS3.5 Sections 7.1 and 7.5.
    """

    __slots__ = (
        "_big_endian", "_data", "_depth", "_known", "_large", "_limits", "_position",
        "_seen", "_stack", "_verbatim",
    )  # fmt: skip

    def __init__(
        self,
        data: bytes,
        limits: DecodeLimits,
        encoding: Encoding,
        *,
        known: Dictionary = STANDARD,
        verbatim: bool = False,
    ) -> None:
        """Begins at the first byte; `verbatim` keeps group lengths, and UN as UN."""
        self._data = data
        self._known = known
        self._verbatim = verbatim
        self._limits = limits
        self._large = min(limits.values - 1, limits.value_bytes)
        self._big_endian = encoding.big_endian
        self._position = 0
        self._seen = 0
        self._depth = 0
        root = DataSet(encoding, len(data), len(data))
        self._stack: list[DataSet | Sequence] = [root]

    def run(self) -> list[RawElement]:
        """The elements of the whole data set, or the first defect."""
        root = self._stack[0]
        while self._stack:
            container = self._stack[-1]
            if isinstance(container, Sequence):
                self._read_sequence(container)
            elif container.encoding.implicit:
                self._read_implicit(container)
            else:
                self._read_explicit(container)
        return root.elements if isinstance(root, DataSet) else []

    def _read_explicit(self, into: DataSet) -> None:
        """Elements until a sequence opens or the data set ends: the hot loop."""
        data, end, append, new = self._data, into.end, into.elements.append, _NEW
        unpack, position, large = into.encoding.header, self._position, self._large
        seen, most = self._seen, self._limits.elements
        verbatim = self._verbatim
        while end - position >= 8:
            group, element, code, length = unpack(data, position)
            vr = _SHORT_CODES.get(code)
            start, tag = position + 8, group << 16 | element
            if vr is None or group == dictionary.ITEM_GROUP:
                self._position, self._seen = position, seen
                if self._read_odd(into, tag, code):
                    return
                position, seen = self._position, self._seen
                continue
            position = start + length
            seen += 1
            if position > end or seen > most:
                self._refuse(start - 8, tag, length, seen)
            if length > large:
                self._check_values(start - 8, tag, vr, start, position)
            value = data[start:position]
            if element or verbatim:
                append(new(RawElement, (tag, vr, value)))
        self._position, self._seen = position, seen
        self._end_data_set(into)

    def _read_odd(self, into: DataSet, tag: int, code: bytes) -> bool:
        """A header without a short VR; True when another container is on top."""
        if tag >> 16 == dictionary.ITEM_GROUP:
            self._end_item(into, tag)
            return True
        if self._is_padding(into):
            self._position = into.end
            return False
        if not (code.isalpha() and code.isupper()):
            raise self._defect(f"{_name(tag)} has no VR{self._guess()}")
        if into.end - self._position < 12:
            raise self._defect(f"{_name(tag)} is cut off in its header")
        (length,) = into.encoding.length(self._data, self._position + 8)
        vr = code.decode("ascii")
        if vr not in LONG_FORM:
            vr = "UN"
        elif vr == "UN" and length != UNDEFINED and not self._verbatim:
            vr = self._vr_of_unknown(into, tag)
        return self._read_long(into, tag, vr, 12, length)

    def _read_implicit(self, into: DataSet) -> None:
        """Elements until a sequence opens or the data set ends."""
        data, unpack = self._data, into.encoding.item
        while into.end - self._position >= 8:
            group, element, length = unpack(data, self._position)
            tag = group << 16 | element
            if group == dictionary.ITEM_GROUP:
                self._end_item(into, tag)
                return
            if not tag:
                if not self._is_padding(into):
                    what = "zero bytes stand where an element must"
                    raise self._defect(what + self._guess())
                self._position = into.end
            elif self._read_long(into, tag, self._vr_of(into, tag), 8, length):
                return
        self._end_data_set(into)

    def _read_long(
        self, into: DataSet, tag: int, vr: str, header: int, length: int
    ) -> bool:
        """A value with a length of 32 bits; True when it opened a sequence."""
        start = self._position + header
        undefined = length == UNDEFINED
        self._seen += 1
        if self._seen > self._limits.elements:
            self._refuse(self._position, tag, 0, self._seen)
        if undefined and vr not in {"SQ", "UN"}:
            raise self._defect(f"{_name(tag)} is {vr} of undefined length")
        if not undefined and start + length > into.end:
            self._refuse(self._position, tag, length, 0)
        if vr == "SQ" or undefined:
            # PS3.5 6.2.2 Note 7: inside UN of undefined length is Implicit VR LE.
            encoding = into.encoding if vr == "SQ" else IMPLICIT_LITTLE
            end = into.end if undefined else start + length
            sequence = Sequence(encoding, end, length)
            self._open(into, tag, sequence)
            self._position = start
            return True
        if length > self._large:
            self._check_values(self._position, tag, vr, start, start + length)
        value = self._data[start : start + length]
        if tag & 0xFFFF or self._verbatim:
            into.elements.append(RawElement(tag, vr, value))
        if into.encoding.implicit and dictionary.is_private_creator(tag):
            into.note_creator(tag, value)
        self._position = start + length
        return False

    def _open(self, into: DataSet, tag: int, sequence: Sequence) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            most = self._limits.depth
            raise self._defect(f"sequences nest deeper than {most}", kind="depth")
        into.elements.append(RawElement(tag, "SQ", sequence.items))
        self._stack.append(sequence)

    def _read_sequence(self, sequence: Sequence) -> None:
        """Enter the next item of a sequence, or leave the sequence."""
        position = self._position
        if position == sequence.end and not sequence.undefined:
            self._end_sequence()
            return
        if sequence.end - position < 8:
            raise self._defect("a sequence is cut off")
        group, element, length = sequence.encoding.item(self._data, position)
        tag = group << 16 | element
        start = position + 8
        if tag == _SEQUENCE_END and sequence.undefined and not length:
            self._position = start
            self._end_sequence()
            return
        if tag != _ITEM:
            raise self._defect(f"{_name(tag)} stands where an item must")
        undefined = length == UNDEFINED
        self._seen += 1
        if self._seen > self._limits.elements or (
            not undefined and start + length > sequence.end
        ):
            self._refuse(position, tag, length, self._seen)
        end = sequence.end if undefined else start + length
        item = DataSet(sequence.encoding, end, length)
        sequence.items.append(item.elements)
        self._stack.append(item)
        self._position = start

    def _end_sequence(self) -> None:
        self._stack.pop()
        self._depth -= 1

    def _end_item(self, item: DataSet, tag: int) -> None:
        """A delimiter: the end of an item of undefined length, else a defect."""
        length = item.encoding.item(self._data, self._position)[2]
        if tag != _ITEM_END or not item.undefined or length:
            raise self._defect(f"stray {dictionary.tag_text(tag)}")
        self._position += 8
        item.undefined, item.end = False, self._position
        self._end_data_set(item)

    def _end_data_set(self, ended: DataSet) -> None:
        """Check that it ended where it must, and put its elements in order."""
        if ended.undefined:
            raise self._defect("an item is cut off")
        if self._position != ended.end:
            if not self._is_padding(ended):
                raise self._defect("an element is cut off in its header")
            self._position = ended.end
        elements = ended.elements
        tags = [element[0] for element in elements]
        if tags != sorted(set(tags)):
            first: dict[int, RawElement] = {}
            for element in elements:
                first.setdefault(element.tag, element)
            # In place: the enclosing sequence already holds this list.
            elements[:] = [first[tag] for tag in sorted(first)]
        self._stack.pop()

    def _vr_of(self, into: DataSet, tag: int) -> str:
        """The VR of an element in Implicit VR."""
        creator = into.creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF)
        if creator is None or not dictionary.is_private(tag):
            vr = self._known.vr_of(tag)
        else:
            vr = self._known.private_vr(creator, tag) or "UN"
            # A private dictionary may err: no item means no sequence.
            vr = "UN" if vr == "SQ" else vr
        # Inside UN all is little endian, while our caller reads big endian.
        return "UN" if self._big_endian and vr in VALUE_SIZES else vr

    def _vr_of_unknown(self, into: DataSet, tag: int) -> str:
        """What an element sent as UN is; UN where that leaves a doubt."""
        vr = self._known.vr_of(tag)
        if self._known.entries and dictionary.is_private(tag):
            vr = self._known.added_vr(tag, into.creator_of(tag)) or "UN"
        doubtful = self._big_endian and vr not in STRING_VRS
        return "UN" if vr == "SQ" or doubtful else vr

    def _is_padding(self, into: DataSet) -> bool:
        """Whether only zero bytes are left of the whole data set, after elements."""
        if len(self._stack) > 1 or not into.elements:
            return False
        # The next header first: looking at all the rest each time would be quadratic.
        near = self._data[self._position : self._position + 8]
        return not near.strip(b"\0") and not self._data[self._position :].strip(b"\0")

    def _check_values(
        self, offset: int, tag: int, vr: str, start: int, end: int
    ) -> None:
        """Refuse a value that is too long, before any copy of it is made."""
        limits = self._limits
        if end - start > limits.value_bytes:
            most = f"{limits.value_bytes} bytes"
        elif self._count(vr, start, end) > limits.values:
            most = f"{limits.values} values"
        else:
            return
        raise IdentifierDefect("limit", offset, f"{_name(tag)} has more than {most}")

    def _count(self, vr: str, start: int, end: int) -> int:
        """How many values a value field holds; an upper bound for two-byte text."""
        if vr in SPLIT_VRS:
            return self._data.count(b"\\", start, end) + 1
        return (end - start) // VALUE_SIZES[vr] if vr in VALUE_SIZES else 1

    def _refuse(self, offset: int, tag: int, length: int, seen: int) -> NoReturn:
        """Too many elements, or a length beyond the end of its container."""
        if seen > self._limits.elements:
            most = f"more than {self._limits.elements} elements and items"
            raise IdentifierDefect("limit", offset, most)
        what = f"{_name(tag)} has length {length}, beyond the end of its container"
        raise IdentifierDefect("malformed", offset, what + self._guess(offset))

    def _defect(self, message: str, *, kind: str = "malformed") -> IdentifierDefect:
        return IdentifierDefect(kind, self._position, message)

    def _guess(self, offset: int | None = None) -> str:
        """What the bytes probably are, when not even the first element fits."""
        data = self._data
        if (self._position if offset is None else offset) != 0:
            return ""
        if data[128:132] == b"DICM":
            return "; these are the bytes of a DICOM file, with its preamble"
        if data[4:6] not in _SHORT_CODES:
            return ""
        order = "Big" if data[:2] < data[1::-1] else "Little"
        return f"; the bytes look like Explicit VR {order} Endian"


def _name(tag: int) -> str:
    """A tag with its keyword."""
    keyword = dictionary.keyword_of(tag)
    return (
        f"{dictionary.tag_text(tag)} {keyword}" if keyword else dictionary.tag_text(tag)
    )
