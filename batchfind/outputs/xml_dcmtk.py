"""Responses in DCMTK's XML, as `findscu -Xs` and `-Xx` write it.

The same elements, attributes, order and text as findscu 3.6.7, except where that is
not well-formed or not right:

- text is UTF-8 for every character set, items included, and characters XML cannot
  hold are U+FFFD; a response is never dropped
- group lengths are left out, for they are no longer true
- public attributes sent as UN have the VR of the dictionary
- binary numbers whose length is no multiple of their size are UN, whole
- FD has the shortest digits that read back as the same number, OF nine digits
- private attributes are all named `Unknown Tag & Data`
- `binary: base64` writes OB, OW and UN, as `dcm2xml +Wb +Eb` does: OW in big endian

`len` of text is its length in UTF-8, with padding and made even; of all else, of
sequences and items too, it is the length received.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from batchfind.dicom import dcmtk_names, values, vrs
from batchfind.dicom.charset import CharacterSets, decode_text
from batchfind.errors import IdentifierDefect
from batchfind.outputs.documents import Context, DataSetText, Frame
from batchfind.outputs.markup import STRANGE_IN_XML, comment, escaped
from batchfind.outputs.plain_text import (
    PlainColumn,
    backslashes,
    entries_with,
    plain_texts,
)
from batchfind.outputs.text_parts import spelled
from batchfind.tables.cells import Span
from batchfind.tables.slabs import Origin
from batchfind.tables.text import special_entries

_UNTRIMMED: Final = frozenset({"AS", "DS", "UI"})
"""VRs whose spaces findscu shows as they were sent."""

_UNCONVERTED: Final = frozenset({"ISO_IR 6", "ISO_IR 192"})
"""Character sets whose text findscu writes as it is."""

_NUMBERS: Final = {"OD": "FD", "OF": "FL", "OL": "UL", "OV": "UV"}
"""VRs of words that DCMTK writes as numbers, and the VR of such a number."""


class _Value(NamedTuple):
    """What an element says of its value."""

    vr: str
    multiplicity: int
    length: int
    binary: str
    text: str


class DcmtkXml(DataSetText):
    """Renders responses as `data-set` elements."""

    def __init__(self, *, bytes_too: bool) -> None:
        """Chooses whether bytes are written, in base64, or left out as findscu does."""
        super().__init__()
        self._bytes_too = bytes_too

    def data_set_frame(self, origin: Origin) -> Frame:
        """Tells the transfer syntax."""
        uid = origin.transfer_syntax
        name = dcmtk_names.SYNTAX_TITLES[uid]
        return f'<data-set xfer="{uid}" name="{name}">\n', "</data-set>\n"

    def sequence_frame(
        self, tag: int, count: int, length: int | None, owner: str
    ) -> Frame:
        """Begin and end on lines of their own."""
        head = (
            f'<sequence tag="{_tag(tag)}" vr="SQ" card="{count}"{_length(length)}'
            f' name="{self._name(tag, owner)}">\n'
        )
        return head, "</sequence>\n"

    def item_frame(
        self,
        number: int,  # noqa: ARG002 - its place says it
        count: int,
        length: int | None,
    ) -> Frame:
        """Begin and end on lines of their own."""
        return f'<item card="{count}"{_length(length)}>\n', "</item>\n"

    def apology(self, defect: IdentifierDefect) -> str:
        """A comment that says why."""
        return comment(str(defect)) + "\n"

    def column(self, tag: int, vr: str, span: Span) -> PlainColumn | None:
        """Texts without references; their multiplicity and length differ."""
        texts = span.without_nul() if vr in _UNTRIMMED else plain_texts(span, vr)
        unusual = entries_with(texts, STRANGE_IN_XML)
        counts = (span.length > 0).astype(np.int64)
        separators = backslashes(texts)
        if len(separators):
            unusual = np.union1d(unusual, special_entries(texts, vr))
            np.add.at(counts, separators, 1)
        name = self._name(tag, "")

        def head(multiplicity: int, length: int) -> str:
            return (
                f'<element tag="{_tag(tag)}" vr="{vr}" vm="{multiplicity}"'
                f' len="{length}" name="{name}">'
            )

        heads = spelled(head, counts, span.length + span.length % 2)
        foreign = not name.isascii()
        return PlainColumn((heads, texts, "</element>\n"), unusual, foreign)

    def leaf(
        self,
        tag: int,
        vr: str,
        raw: bytes,
        owner: str,
        context: Context,
    ) -> str:
        """An attribute as one line."""
        if vr in vrs.STRING_VRS:
            value = _strings(raw, vr, context.sets)
            if (mended := self.mended(vr, raw)) != raw:
                shown = _strings(mended, vr, context.sets)
                kept = shown.text.isascii() or context.sets.terms[0] in _UNCONVERTED
                # findscu goes on telling the length that was sent, or converted.
                value = shown._replace(length=value.length) if kept else shown
        else:
            value = self._binary(raw, vr, big_endian=context.big_endian)
        return (
            f'<element tag="{_tag(tag)}" vr="{value.vr}" vm="{value.multiplicity}"'
            f' len="{value.length}" name="{self._name(tag, owner)}"{value.binary}>'
            f"{value.text}</element>\n"
        )

    def _name(self, tag: int, owner: str) -> str:
        """DCMTK's name of an attribute, or that of a dictionary file."""
        entry = self.dictionary.entry_of(tag, owner or None)
        return _name(tag) if entry is None else escaped(entry.name)

    def _binary(self, raw: bytes, vr: str, *, big_endian: bool) -> _Value:
        size = len(raw)
        try:
            if vr == "AT":
                tags = values.tag_values(raw, big_endian=big_endian)
                texts = [f"({tag[:4]},{tag[4:]})".lower() for tag in tags]
                return _Value(vr, len(tags), size, "", "\\".join(texts))
            kind = _NUMBERS.get(vr, vr)
            if kind in vrs.NUMBER_FORMATS:
                numbers = values.number_values(kind, raw, big_endian=big_endian)
                text = "\\".join(
                    [values.number_text(kind, number) for number in numbers]
                )
                count = 1 if vr in _NUMBERS else len(numbers)
                return _Value(vr, count, size, "", text)
        except ValueError:
            vr = "UN"
        if not self._bytes_too:
            return _Value(vr, 1, size, ' binary="hidden"', "")
        # DCMTK writes words as numbers are read, so xml2dcm expects them so.
        words = raw if big_endian or vr != "OW" else values.swapped_words(raw, vr)
        text = base64.b64encode(words).decode("ascii")
        return _Value(vr, 1, size, ' binary="base64"', text)


def _strings(raw: bytes, vr: str, sets: CharacterSets) -> _Value:
    sent = decode_text(raw, vr, sets)
    if vr in _UNTRIMMED:
        shown = tuple([_without_nul(value) for value in sent.values])
    else:
        shown = values.text_values(raw, vr, sets).values
    size = len(sent.text.encode())
    return _Value(vr, len(sent.values), size + size % 2, "", escaped("\\".join(shown)))


def _without_nul(value: str) -> str:
    """A value whose padding keeps its spaces only."""
    size = len(value.rstrip(" \0"))
    return value[:size] + value[size:].replace("\0", "")


def _length(announced: int | None) -> str:
    """The `len` of a sequence or item, which one of undefined length lacks."""
    return "" if announced is None else f' len="{announced}"'


def _tag(tag: int) -> str:
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


@lru_cache(maxsize=8192)
def _name(tag: int) -> str:
    return escaped(dcmtk_names.attribute_name(tag))
