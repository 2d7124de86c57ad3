"""XML documents: UTF-8, well-formed whatever a peer sends.

`layout: single` is one document `<responses type="C-FIND">` that holds every data
set, in both dialects: PS3.19 knows only models that stand alone, so several of them
are put where findscu puts its data sets. `layout: files` is one document a response,
named by request and response.
"""

from __future__ import annotations

import pyarrow as pa

from batchfind.outputs.destination import Destination
from batchfind.outputs.documents import FirstOfEach
from batchfind.outputs.markup import HEADER
from batchfind.outputs.pieces import pieces
from batchfind.outputs.response_names import file_names
from batchfind.outputs.swept_documents import documents
from batchfind.outputs.text_parts import utf8
from batchfind.outputs.writing import Piece
from batchfind.outputs.xml_dcmtk import DcmtkXml
from batchfind.outputs.xml_native import NativeXml
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema
from batchfind.tables.slabs import Slab

_NAME = "{request}-{response:06}.xml"


class XmlWriter:
    """Writes responses in the dialect and layout that were chosen."""

    def __init__(
        self,
        destination: Destination,
        output: PlannedOutput,
        _query: PlannedQuery,
        _schema: TableSchema | None,
    ) -> None:
        """Begins the document, where there is one for all responses."""
        options = output.options.xml
        self._destination = destination
        self._limit = FirstOfEach(output.options.limit)
        self._model = _model(options.dialect, options.binary)
        self._single = options.layout == "single"
        if self._single:
            begin = f'{HEADER}<responses type="C-FIND">\n'
            destination.file().write(begin.encode())

    def write(self, piece: Piece) -> int:
        """Every response as a data set; how many they are."""
        slab = self._limit.of(piece.slab)
        if not slab.parts:
            return 0
        for part in pieces(slab):
            texts = documents(self._model, part)
            if self._single:
                self._destination.file().write(utf8(texts))
            else:
                self._files(part, texts)
        return len(slab)

    def _files(self, slab: Slab, texts: pa.Array) -> None:
        for name, text in zip(file_names(_NAME, slab), texts.to_pylist(), strict=True):
            self._destination.put(name, (HEADER + text).encode())

    def close(self) -> None:
        """Ends the document, where there is one for all responses."""
        if self._single:
            self._destination.file().write(b"</responses>\n")


def _model(dialect: str, binary: str) -> DcmtkXml | NativeXml:
    if dialect == "native":
        return NativeXml()
    return DcmtkXml(bytes_too=binary == "base64")
