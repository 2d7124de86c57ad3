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
from batchfind.dicom.raw import Items
from batchfind.errors import IdentifierDefect
from batchfind.outputs.documents import Context, DataSetText, Response
from batchfind.outputs.markup import attribute, comment, escaped
from batchfind.tables.text import number_text

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

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

    def data_set(self, response: Response) -> str:
        """A response; one that cannot be decoded is empty, with a comment why."""
        try:
            inner = "".join(self.parts(response))
        except IdentifierDefect as defect:
            inner = comment(str(defect)) + "\n"
        return (
            f'<NativeDicomModel xml:space="preserve" xmlns="{NAMESPACE}">\n'
            f"{inner}</NativeDicomModel>\n"
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
        return self._dicom_attribute(tag, vr, owner, inner)

    def sequence(
        self,
        tag: int,
        items: Items,  # noqa: ARG002 - nothing is said of how they were encoded
        parts: Sequence[Sequence[str]],
        owner: str,
    ) -> str:
        """A sequence with its items."""
        inner = _numbered("Item", ["\n" + "".join(part) for part in parts])
        return self._dicom_attribute(tag, "SQ", owner, inner)

    def _dicom_attribute(self, tag: int, vr: str, owner: str, inner: str) -> str:
        """A DicomAttribute; the tag of an owned private one is without its block.

        Source: PS3.19 Table A.1.5-2.
        """
        shown, named = tag, ""
        keyword = self.dictionary.keyword_of(tag, owner or None)
        if keyword is not None:
            named = f' keyword="{keyword}"'
        if owner:
            shown = tag & 0xFFFF00FF
            named += f' privateCreator="{attribute(owner)}"'
        return (
            f'<DicomAttribute tag="{shown:08X}" vr="{vr}"{named}>\n{inner}'
            "</DicomAttribute>\n"
        )


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
