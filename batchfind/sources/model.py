"""What inputs become once read: values that carry their place and digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchfind.dicom.dictionary_entries import Entry
from batchfind.dicom.identifier import Identifier


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        line: line in the file, from 1 (a Parquet file counts rows from 1).
        cells: column header to stripped text; an absent or null cell is "".
    """

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a CSV or Parquet file.

    Attributes:
        path: as the job names it, resolved to an absolute path.
        header: column headers in file order.
        sha256: of the file's bytes, 64 hexadecimal digits.
        line: on which the header stands, from 1; 0 in a file without lines.
        unusable: header of each column without cells, with why: the end of a
            sentence that begins with the column.
    """

    path: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    sha256: str
    line: int = 1
    unusable: Mapping[str, str] = field(default_factory=dict)

    def why_unusable(self, header: str) -> str:
        """Why a column has no cells, as a sentence."""
        return f"the column '{header[:64]}' {self.unusable[header]}"


@dataclass(frozen=True, slots=True)
class BaseIdentifier:
    """A base Identifier read from a file.

    Attributes:
        path: absolute.
        identifier: its elements without groups 0000 and 0002, group lengths and
            (0008,0005); text is decoded. Read as written, group lengths and
            (0008,0005) are among them, and text keeps its padding and, beyond ASCII,
            its bytes.
        charset: terms of its (0008,0005), or empty.
        sha256: of the file's bytes, 64 hexadecimal digits.
    """

    path: str
    identifier: Identifier
    charset: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class DictionaryFile:
    """A DICOM dictionary in DCMTK's format.

    Attributes:
        path: absolute.
        entries: in file order.
        sha256: of the file's bytes, 64 hexadecimal digits.
    """

    path: str
    entries: tuple[Entry, ...]
    sha256: str
