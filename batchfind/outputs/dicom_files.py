"""DICOM files, one a response, in a directory or in one zip file.

Entries of the zip file are stored and dated 1980-01-01, the earliest date zip knows,
so that equal responses give equal bytes. Without responses the directory or the zip
file is empty.
"""

from __future__ import annotations

from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from batchfind.outputs.child_names import ChildNames
from batchfind.outputs.destination import Destination
from batchfind.outputs.documents import FirstOfEach, Response, responses
from batchfind.outputs.part10 import part10
from batchfind.outputs.response_names import file_names
from batchfind.outputs.writing import Piece, Writer
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_MADE_ON_UNIX: Final = 3
_READABLE: Final = 0o644 << 16


def dicom_writer(
    destination: Destination,
    output: PlannedOutput,
    query: PlannedQuery,
    _schema: TableSchema | None,
) -> Writer:
    """The writer of the layout that was chosen."""
    kind = _ZipWriter if output.options.dicom.layout == "zip" else _FilesWriter
    return kind(destination, output, query)


class _FilesWriter:
    """Writes each response as a file of its own."""

    def __init__(
        self, destination: Destination, output: PlannedOutput, query: PlannedQuery
    ) -> None:
        self._destination = destination
        self._template = output.options.dicom.name
        self._limit = FirstOfEach(output.options.limit)
        self._sop_class = query.sop_class

    def write(self, piece: Piece) -> int:
        slab = self._limit.of(piece.slab)
        names = file_names(self._template, slab)
        for name, response in zip(names, responses(slab), strict=True):
            self._put(name, response)
        return len(slab)

    def close(self) -> None:
        """Every file is whole as soon as it is written."""

    def _put(self, name: str, response: Response) -> None:
        self._destination.put(name, part10(response, self._sop_class))


class _ZipWriter(_FilesWriter):
    """Writes each response as an entry of one zip file."""

    def __init__(
        self, destination: Destination, output: PlannedOutput, query: PlannedQuery
    ) -> None:
        super().__init__(destination, output, query)
        self._zip = _Archive(destination.file(), "w", ZIP_STORED)
        self._names = ChildNames()

    def close(self) -> None:
        """The table of entries."""
        self._zip.close()

    def _put(self, name: str, response: Response) -> None:
        entry = ZipInfo(self._names.claim(name), _EARLIEST)
        entry.create_system, entry.external_attr = _MADE_ON_UNIX, _READABLE
        self._zip.writestr(entry, part10(response, self._sop_class))


class _Archive(ZipFile):
    """A zip file that is finished by `close` alone.

    ZipFile also ends itself when it is forgotten, but then its file may be gone.
    """

    def __del__(self) -> None:
        pass
