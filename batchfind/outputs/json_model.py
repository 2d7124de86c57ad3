"""Responses in the DICOM JSON model.

Source: PS3.18 Annex F.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.dicom import vrs
from batchfind.dicom.raw import Items
from batchfind.errors import IdentifierDefect
from batchfind.outputs.documents import Context, DataSetText, Response
from batchfind.tables.json_values import binary_value, text_value


class JsonModel(DataSetText):
    """Renders responses as DICOM JSON; `tables/json_values.py` says how values look."""

    def object(self, response: Response) -> str:
        """A response as one line without its end.

        Returns:
            An object with ascending tags; `{}` when the Identifier cannot be decoded.
        """
        try:
            return "{" + ",".join(self.parts(response)) + "}"
        except IdentifierDefect:
            return "{}"

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

    def sequence(
        self,
        tag: int,
        items: Items,
        parts: Sequence[Sequence[str]],
        owner: str,  # noqa: ARG002 - as in `leaf`
    ) -> str:
        """A sequence with its items as objects."""
        objects = ",".join(["{" + ",".join(part) + "}" for part in parts])
        body = f',"Value":[{objects}]' if items else ""
        return f'"{tag:08X}":{{"vr":"SQ"{body}}}'
