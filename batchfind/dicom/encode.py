"""An Identifier as bytes, in any of the four transfer syntaxes."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from struct import Struct, error, pack
from typing import Final

from batchfind.dicom import dictionary, transfer_syntaxes
from batchfind.dicom.charset import encode_text
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.values import words_of_text
from batchfind.dicom.vrs import (
    LONG_FORM,
    NEW_VRS,
    NUMBER_FORMATS,
    SHORT_FORM,
    STRING_VRS,
    TEXT_VRS,
    WORD_SIZES,
)

_ITEM: Final = (0xFFFE, 0xE000)
_LONGEST_SHORT: Final = 0xFFFE
_WORTH_KNOWING: Final = 4096  # bytes; longer elements are few
_MOST_KNOWN: Final = 1024
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")


def encode(
    identifier: Identifier,
    transfer_syntax: str,
    charset: tuple[str, ...],
    *,
    deflate_level: int = 6,
    new_vr_as_ob: bool = False,
) -> bytes:
    """The bytes of an Identifier, as they go into a P-DATA-TF.

    Values go out as written, whatever they match: a wildcard in an IS key is text
    like any other. Elements are sorted by tag; sequences and items have defined
    lengths; text is padded with a space, UI and bytes with NUL. A group length, which
    only raw queries hold, is written as long as its group is.

    Args:
        identifier: the elements; (0008,0005) is among them if it is to be sent.
        transfer_syntax: UID of one of the four in `transfer_syntaxes.TITLES`.
        charset: terms of (0008,0005) that the text is encoded in.
        deflate_level: 0 (stored) to 9 (smallest); only for the deflated syntax.
        new_vr_as_ob: writes `NEW_VRS` as OB, as findscu's `-u` does: their values
            are those of little endian in every explicit transfer syntax.

    Returns:
        An even number of bytes.

    Raises:
        ValueError: naming the attribute whose value cannot be encoded.

    Source: PS3.5 Sections 6.2, 7.1 to 7.5 and Annex A.
    """
    if transfer_syntax not in transfer_syntaxes.TITLES:
        raise ValueError(f"no encoder for transfer syntax {transfer_syntax}")
    data = _writer(transfer_syntax, charset, as_ob=new_vr_as_ob).data_set(identifier)
    if transfer_syntax != transfer_syntaxes.DEFLATED_LE:
        return data
    stream = zlib.compressobj(deflate_level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _padded(stream.compress(data) + stream.flush(), b"\0")


def canonical_bytes(identifier: Identifier, charset: tuple[str, ...]) -> bytes:
    """The form that request keys are made of: equal for equal Identifiers.

    Returns:
        Explicit VR Little Endian, defined lengths, ascending tags.

    Raises:
        ValueError: as `encode`.
    """
    return encode(identifier, transfer_syntaxes.EXPLICIT_LE, charset)


@lru_cache(maxsize=64)
def _writer(transfer_syntax: str, charset: tuple[str, ...], *, as_ob: bool) -> _Writer:
    big_endian = transfer_syntax == transfer_syntaxes.EXPLICIT_BE
    return _Writer(
        _Values(charset, big_endian=big_endian),
        _Values(charset, big_endian=False) if as_ob else None,
        implicit=transfer_syntax == transfer_syntaxes.IMPLICIT_LE,
    )


class _Writer:
    """The choices that hold for a whole data set.

    Requests of one query share the elements that are equal in all of them, so the
    bytes of an element are remembered by its identity: it is immutable, and kept
    as long as they are.

    Args:
        values: encodes values in the order of the transfer syntax.
        as_ob: encodes the values of `NEW_VRS` when they are written as OB, or None.
        implicit: no VR is written.
    """

    def __init__(
        self, values: _Values, as_ob: _Values | None, *, implicit: bool
    ) -> None:
        self._values = values
        self._as_ob = as_ob
        self._implicit = implicit
        self._long_header = Struct(values.order + "HH2sHL").pack
        self._short_header = Struct(values.order + "HH2sH").pack
        self._item_header = Struct(values.order + "HHL").pack
        self._known: dict[int, tuple[Element, bytes]] = {}

    def data_set(self, identifier: Identifier) -> bytes:
        written, last = [], -1
        for element in identifier:
            if element.tag <= last or not element.tag & 0xFFFF:
                return self._out_of_order(identifier)
            last = element.tag
            known = self._known.get(id(element))
            written.append(self._element(element) if known is None else known[1])
        return b"".join(written)

    def _out_of_order(self, identifier: Identifier) -> bytes:
        """A data set that is not sorted yet, or has group lengths."""
        elements = sorted(identifier, key=lambda element: element.tag)
        for one, next_one in pairwise(elements):
            if one.tag == next_one.tag:
                raise ValueError(f"{dictionary.label(one.tag)} is given twice")
        written = [self._element(element) for element in elements]
        for at, element in enumerate(elements):
            if not element.tag & 0xFFFF:
                written[at] = self._group_length(element, elements, written)
        return b"".join(written)

    def _group_length(
        self, element: Element, elements: list[Element], written: list[bytes]
    ) -> bytes:
        """Counts what follows in its group, whatever value was given.

        Source: PS3.5 Section 7.2.
        """
        length = sum(
            len(data)
            for other, data in zip(elements, written, strict=True)
            if other.tag >> 16 == element.tag >> 16 and other.tag != element.tag
        )
        return self._element(replace(element, value=str(length)))

    def _element(self, element: Element) -> bytes:
        vr = element.vr
        if vr not in LONG_FORM and vr not in SHORT_FORM:
            raise _unfit(element, f"{vr!r} is no value representation")
        if vr == "SQ":
            value = self._items(element)
        elif self._as_ob is not None and vr in NEW_VRS:
            vr, value = "OB", self._as_ob.value(element)
        else:
            value = self._values.value(element)
        data = self._header(element, vr, len(value)) + value
        if len(data) <= _WORTH_KNOWING:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[id(element)] = element, data
        return data

    def _header(self, element: Element, vr: str, length: int) -> bytes:
        group, number = element.tag >> 16, element.tag & 0xFFFF
        if self._implicit:
            return self._item_header(group, number, length)
        code = vr.encode("ascii")
        if vr in LONG_FORM:
            return self._long_header(group, number, code, 0, length)
        if length > _LONGEST_SHORT:
            raise _unfit(
                element,
                f"{length} bytes do not fit; {vr} holds {_LONGEST_SHORT} in"
                " explicit VR (PS3.5 7.1.2)",
            )
        return self._short_header(group, number, code, length)

    def _items(self, element: Element) -> bytes:
        if isinstance(element.value, tuple):
            items = map(self.data_set, element.value)
            return b"".join(
                self._item_header(*_ITEM, len(item)) + item for item in items
            )
        if element.value:
            raise _unfit(element, "a sequence holds items, not a value")
        return b""


class _Values:
    """Value fields in one byte order and one choice of character sets."""

    def __init__(self, charset: tuple[str, ...], *, big_endian: bool) -> None:
        self.order = ">" if big_endian else "<"
        self._charset = charset

    def value(self, element: Element) -> bytes:
        """The value field of an element that is no sequence, padded."""
        value, vr = element.value, element.vr
        if isinstance(value, tuple):
            raise _unfit(element, f"{vr} holds no items")
        if vr in WORD_SIZES:
            raw = value if isinstance(value, bytes) else _from_text(element, value)
            return self._words(element, _padded(raw, b"\0"))
        if isinstance(value, bytes):
            return _padded(value, b"\0" if vr == "UI" else b" ")
        if vr in STRING_VRS:
            return self._text(element, value)
        return self._numbers(element, value)

    def _text(self, element: Element, value: str) -> bytes:
        charset = self._charset if element.vr in TEXT_VRS else ()
        try:
            raw = encode_text(value, charset)
        except ValueError as reason:
            raise _unfit(element, str(reason)) from None
        return _padded(raw, b"\0" if element.vr == "UI" else b" ")

    def _numbers(self, element: Element, value: str) -> bytes:
        parts = [part.strip() for part in value.split("\\")] if value else []
        try:
            if element.vr == "AT":
                return b"".join(map(self._tag, parts))
            convert = float if element.vr in {"FL", "FD"} else int
            code = f"{self.order}{len(parts)}{NUMBER_FORMATS[element.vr]}"
            return pack(code, *map(convert, parts))
        except (ValueError, OverflowError, error):
            raise _unfit(element, f"the value is no {element.vr}") from None

    def _tag(self, text: str) -> bytes:
        found = _TAG.fullmatch(text)
        if found is None:
            raise ValueError(text)
        return pack(self.order + "HH", int(found[1], 16), int(found[2], 16))

    def _words(self, element: Element, raw: bytes) -> bytes:
        size = WORD_SIZES[element.vr]
        if len(raw) % size:
            raise _unfit(element, f"{len(raw)} bytes are no multiple of {size}")
        if self.order == "<" or size == 1:
            return raw
        return b"".join(raw[at : at + size][::-1] for at in range(0, len(raw), size))


def _padded(raw: bytes, padding: bytes) -> bytes:
    return raw + padding if len(raw) & 1 else raw


def _from_text(element: Element, text: str) -> bytes:
    try:
        return words_of_text(element.vr, text)
    except ValueError as reason:
        raise _unfit(element, str(reason)) from None


def _unfit(element: Element, reason: str) -> ValueError:
    return ValueError(f"{dictionary.label(element.tag)}: {reason}")
