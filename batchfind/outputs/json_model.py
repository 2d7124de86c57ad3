"""Responses in the DICOM JSON model.

Source: PS3.18 Annex F.
"""

from __future__ import annotations

from typing import Final

from batchfind.dicom import vrs
from batchfind.outputs.documents import Context, DataSetText, Frame
from batchfind.outputs.plain_text import (
    PlainColumn,
    entries_with,
    plain_texts,
    strange_bytes,
    wrapped,
)
from batchfind.tables.cells import Span
from batchfind.tables.json_values import binary_value, text_value
from batchfind.tables.slabs import Origin

_NUMERIC: Final = frozenset({"DS", "IS"})
"""VRs whose text may become a number."""

_STRANGE: Final = strange_bytes('"\\')
_STRANGE_IN_NAMES: Final = strange_bytes('"\\=')


class JsonModel(DataSetText):
    """Renders responses as DICOM JSON; `tables/json_values.py` says how values look."""

    separator = ","

    def data_set_frame(self, origin: Origin) -> Frame:  # noqa: ARG002 - JSON says nothing of it
        """An object on a line of its own, its tags ascending."""
        return "{", "}\n"

    def sequence_frame(
        self,
        tag: int,
        count: int,
        length: int | None,  # noqa: ARG002 - nothing is said of how it was encoded
        owner: str,  # noqa: ARG002 - as in `leaf`
    ) -> Frame:
        """An attribute whose value is a list of objects."""
        head = f'"{tag:08X}":{{"vr":"SQ"'
        return (head + ',"Value":[', "]}") if count else (head, "}")

    def item_frame(
        self,
        number: int,  # noqa: ARG002 - its place says it
        count: int,  # noqa: ARG002 - as the number
        length: int | None,  # noqa: ARG002 - as in `sequence_frame`
    ) -> Frame:
        """An object."""
        return "{", "}"

    def leaf(
        self,
        tag: int,
        vr: str,
        raw: bytes,
        owner: str,  # noqa: ARG002 - DICOM JSON names the creator's element only
        context: Context,
    ) -> str:
        """An attribute as `"GGGGEEEE":{"vr":"..",...}`."""
        if vr in vrs.STRING_VRS:
            body, _ = text_value(self.mended(vr, raw), vr, context.sets)
        else:
            vr, body = binary_value(raw, vr, big_endian=context.big_endian)
        return f'"{tag:08X}":{{"vr":"{vr}"{body}}}'

    def column(self, tag: int, vr: str, span: Span) -> PlainColumn | None:
        """Strings that JSON holds as they are; a name has its first group alone."""
        if vr in _NUMERIC:
            return None
        strange = _STRANGE_IN_NAMES if vr == "PN" else _STRANGE
        head = f'"{tag:08X}":{{"vr":"{vr}"'
        begin, end = ('[{"Alphabetic":"', '"}]') if vr == "PN" else ('["', '"]')
        texts = plain_texts(span, vr)
        full = f'{head},"Value":{begin}', end + "}"
        return PlainColumn(
            wrapped(texts, full, f"{head}}}"), entries_with(texts, strange)
        )
