"""Reads CSV files into tables of stripped text with line numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from batchfind.errors import JobError, Mark, Problem
from batchfind.sources.cells import cell_text
from batchfind.sources.files import input_problem, read_bytes, sha256
from batchfind.sources.model import Row, Table

DELIMITERS: Final = (",", ";", "\t", "|")
"""Tried in this order when a job names none."""
LARGEST: Final = 64 << 20
"""Bytes of a file of rows."""
MOST_PROBLEMS: Final = 20
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""What the files of Excel begin with: a ZIP archive, formerly an OLE container."""
_SNIFFED: Final = 20


def read_csv(
    path: Path, *, delimiter: str | None = None, encoding: str = "utf-8"
) -> Table:
    """A CSV file with a header.

    Blank lines are left out. Cells and headers are stripped of white space; one of
    invisible characters alone is empty.

    Args:
        path: the file.
        delimiter: one character; None to find it among `DELIMITERS`.
        encoding: of the text; a byte order mark is dropped.

    Returns:
        Rows with the line on which each begins.

    Raises:
        JobError: for a file that cannot be read or decoded, for quotes that do not
            end, and for headers or rows that do not fit, with file and line.

    Source: RFC 4180.
    """
    raw = read_bytes(path, LARGEST)
    if raw.startswith(_WORKBOOKS):
        raise input_problem(path, "is an Excel workbook; save it as CSV UTF-8")
    text = _decode(path, raw, encoding)
    records = _records(path, text, delimiter or _sniff(text))
    first = next(records, None)
    if first is None:
        raise input_problem(path, "has no header line")
    header = tuple(cell_text(cell) for cell in first[1])
    check_header(path, header, first[0])
    rows, problems = [], []
    for line, cells in records:
        if len(cells) != len(header):
            problems.append(_ragged(path, line, len(cells), len(header)))
            if len(problems) == MOST_PROBLEMS:
                break
        texts = (cell_text(cell) for cell in cells)
        rows.append(Row(line, dict(zip(header, texts, strict=False))))
    if problems:
        raise JobError(problems)
    return Table(str(path), header, tuple(rows), sha256(raw), line=first[0])


def check_header(path: Path, header: tuple[str, ...], line: int) -> None:
    """Refuses a header with an empty or a repeated name.

    Raises:
        JobError: naming the header and its line.
    """
    seen = set()
    for number, name in enumerate(header, start=1):
        if not name:
            raise input_problem(path, f"column {number} has no header", line)
        if name in seen:
            message = f"the header '{name[:64]}' stands twice; rename one of them"
            raise input_problem(path, message, line)
        seen.add(name)


def _decode(path: Path, raw: bytes, encoding: str) -> str:
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") == "utf-8" else encoding
    try:
        text = raw.decode(codec)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = raw[:start].count(b"\n") + 1
        message = f"is not {encoding}; name its encoding under rows.encoding"
        raise input_problem(path, message, line) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        message = "holds a NUL character, so it is no CSV in this encoding"
        raise input_problem(path, message, line)
    return text.removeprefix("\ufeff")


def _sniff(text: str) -> str:
    """The delimiter that gives every one of the first records the most cells."""
    best, most = DELIMITERS[0], 1
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            widths = [len(cells) for cells in islice(reader, _SNIFFED) if cells]
        except csv.Error:
            continue
        # A ragged file is reported under the delimiter of its header.
        width = widths[0] if widths else 0
        if len(set(widths)) > 1:
            width = min(width, 2)
        if width > most:
            best, most = delimiter, width
    return best


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the line on which each begins; blank lines are left out."""
    # newline="" keeps line breaks within quotes as they are.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            message = f"is not CSV: {error}; check its quotes"
            raise input_problem(path, message, line) from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _ragged(path: Path, line: int, cells: int, headers: int) -> Problem:
    message = f"has {cells} cells, but the header has {headers}"
    return Problem(Mark(str(path), line), "", message)
