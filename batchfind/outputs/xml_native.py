"""Responses in the Native DICOM Model.

Bytes are always InlineBinary, in little endian. A person name's sixth component and
all that follows stay with its suffix, a fourth group with the phonetic one; empty
components at an end have no place. Values that are empty among others are empty
elements, so that their numbers hold.

Source: PS3.19 Section A.1.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Final

from batchfind.dicom import values, vrs
from batchfind.errors import IdentifierDefect
from batchfind.outputs.documents import Context, DataSetText, Frame
from batchfind.outputs.markup import STRANGE_IN_XML, attribute, comment, escaped
from batchfind.outputs.plain_text import (
    PlainColumn,
    entries_with,
    plain_texts,
    strange_bytes,
    wrapped,
)
from batchfind.tables.cells import Span
from batchfind.tables.slabs import Origin
from batchfind.tables.text import number_text

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

_END: Final = "</DicomAttribute>\n"
_STRANGE: Final = STRANGE_IN_XML | strange_bytes("\\")

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS: Final = (
    "FamilyName",
    "GivenName",
    "MiddleName",
    "NamePrefix",
    "NameSuffix",
)


class NativeXml(DataSetText):
    """Renders responses as `NativeDicomModel` elements."""

    def data_set_frame(self, origin: Origin) -> Frame:  # noqa: ARG002 - a model says nothing of it
        """A model that stands alone."""
        begin = f'<NativeDicomModel xml:space="preserve" xmlns="{NAMESPACE}">\n'
        return begin, "</NativeDicomModel>\n"

    def sequence_frame(
        self,
        tag: int,
        count: int,  # noqa: ARG002 - the items say it
        length: int | None,  # noqa: ARG002 - nothing is said of how it was encoded
        owner: str,
    ) -> Frame:
        """A DicomAttribute of items."""
        return self._head(tag, "SQ", owner), _END

    def item_frame(
        self,
        number: int,
        count: int,  # noqa: ARG002 - as in `sequence_frame`
        length: int | None,  # noqa: ARG002 - as in `sequence_frame`
    ) -> Frame:
        """Begin and end on lines of their own."""
        return f'<Item number="{number}">\n', "</Item>\n"

    def apology(self, defect: IdentifierDefect) -> str:
        """A comment that says why."""
        return comment(str(defect)) + "\n"

    def column(self, tag: int, vr: str, span: Span) -> PlainColumn | None:
        """Single texts without references; a name has parts of its own."""
        if vr == "PN":
            return None
        texts = plain_texts(span, vr)
        head = self._head(tag, vr, "")
        full = f'{head}<Value number="1">', f"</Value>\n{_END}"
        return PlainColumn(
            wrapped(texts, full, head + _END),
            entries_with(texts, _STRANGE),
            not head.isascii(),
        )

    def leaf(self, tag: int, vr: str, raw: bytes, owner: str, context: Context) -> str:
        """An attribute with its values, one a line."""
        sets, big_endian = context
        raw = self.mended(vr, raw)
        if vr == "PN":
            names = values.text_values(raw, vr, sets).values
            inner = _numbered("PersonName", map(_person_name, names))
        elif vr in vrs.STRING_VRS:
            texts = values.text_values(raw, vr, sets).values
            inner = _numbered("Value", map(escaped, texts))
        elif vr in vrs.WORD_SIZES:
            inner = _inline(values.swapped_words(raw, vr) if big_endian else raw)
        else:
            try:
                inner = _numbered("Value", _numbers(raw, vr, big_endian=big_endian))
            except ValueError:
                vr, inner = "UN", _inline(raw)
        return self._head(tag, vr, owner) + inner + _END

    def _head(self, tag: int, vr: str, owner: str) -> str:
        """A DicomAttribute's begin; the tag of an owned private one lacks its block.

        Source: PS3.19 Table A.1.5-2.
        """
        shown, named = tag, ""
        keyword = self.dictionary.keyword_of(tag, owner or None)
        if keyword is not None:
            named = f' keyword="{keyword}"'
        if owner:
            shown = tag & 0xFFFF00FF
            named += f' privateCreator="{attribute(owner)}"'
        return f'<DicomAttribute tag="{shown:08X}" vr="{vr}"{named}>\n'


def _numbered(name: str, contents: Iterable[str]) -> str:
    return "".join(
        [
            f'<{name} number="{number}">{content}</{name}>\n'
            for number, content in enumerate(contents, 1)
        ]
    )


def _numbers(raw: bytes, vr: str, *, big_endian: bool) -> Sequence[str]:
    if vr == "AT":
        return values.tag_values(raw, big_endian=big_endian)
    numbers = values.number_values(vr, raw, big_endian=big_endian)
    return [number_text(number, vr) for number in numbers]


def _inline(raw: bytes) -> str:
    if not raw:
        return ""
    return f"<InlineBinary>{base64.b64encode(raw).decode('ascii')}</InlineBinary>\n"


def _person_name(value: str) -> str:
    groups = zip(_GROUPS, value.split("=", 2), strict=False)
    return "\n" + "".join(
        [
            f"<{name}>\n{_components(group)}</{name}>\n"
            for name, group in groups
            if group
        ]
    )


def _components(group: str) -> str:
    parts = zip(_COMPONENTS, group.split("^", 4), strict=False)
    return "".join(
        [f"<{name}>{escaped(part)}</{name}>\n" for name, part in parts if part]
    )
