r"""CSV as RFC 4180 has it: a header, CRLF, quotes doubled; UTF-8 unless told otherwise.

Nothing between two delimiters is an absent attribute, `""` one that is present and
empty. Several values of a list are joined by a backslash, which separates values in
DICOM; dates and times are ISO 8601, bytes are base64.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.errors import StorageError
from batchfind.job.output_model import CsvOptions
from batchfind.tables.cells import contents

LINE_END: Final = "\r\n"

# RFC 4180 asks for quotes around delimiters, quotes and line ends. Edge spaces,
# control characters and Unicode's line ends are quoted as well: some readers trim or
# split at them.
_NEEDS_QUOTES: Final = r'^$|^ | $|["\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]'
_SUSPICIOUS: Final = bytes(range(0x20)) + b'"\x7f\xc2\xe2'
"""Bytes of UTF-8 without which, but for edges, there are none of these characters."""

_SPACE: Final = 0x20

# What a spreadsheet takes for the beginning of a formula, in full width as well. A
# number is none, whatever its sign.
_FORMULA: Final = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_NUMBER: Final = r"^[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+\-]?[0-9]+)?$"
_GUARD: Final = "'"
_BYTE_ORDER_MARK: Final = "\ufeff"


class CsvWriter:
    """Writes a table as CSV."""

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, options: CsvOptions | None = None
    ) -> None:
        """Writes the header, if there is to be one.

        Args:
            file: open for writing bytes; stays the caller's.
            schema: of every batch that follows.
            options: how to write; RFC 4180 in UTF-8 without them.

        Raises:
            StorageError: a column's name has no place in the encoding.
        """
        self._file = file
        self._options = options or CsvOptions()
        self._lone = len(schema) == 1
        self._rows = 0
        delimiter = re.escape(self._options.delimiter)
        self._quotes = f"{_NEEDS_QUOTES}|{delimiter}"
        self._suspicious = _SUSPICIOUS + self._options.delimiter.encode()
        self._utf8 = codecs.lookup(self._options.encoding).name == "utf-8"
        self._encode = codecs.getincrementalencoder(self._options.encoding)().encode
        if self._options.dialect == "excel" and self._utf8:
            file.write(_BYTE_ORDER_MARK.encode())
        if self._options.header:
            self._put([pa.array([name]) for name in schema.names], schema.names)

    def write(self, batch: pa.RecordBatch) -> None:
        """One line a row.

        Raises:
            StorageError: a value has no place in the encoding; the file must not be
                used.
        """
        if batch.num_rows:
            columns = [self._shown(column) for column in batch.columns]
            self._put(columns, batch.schema.names)
            self._rows += batch.num_rows

    def close(self) -> None:
        """What an encoding with shifts must end in."""
        self._file.write(self._encode("", final=True))

    def _shown(self, column: pa.Array) -> pa.Array:
        """A column as text; only free text can hold a formula."""
        texts = text_of(column)
        if self._options.dialect != "excel" or not pa.types.is_string(column.type):
            return texts
        return _guarded(texts)

    def _put(self, columns: list[pa.Array], names: list[str]) -> None:
        fields = [self._field(column) for column in columns]
        if self._lone:
            # An empty line is no record for most readers; the row matters more.
            fields = [pc.fill_null(fields[0], '""')]
        fields[-1] = _joined([fields[-1], pa.scalar("")], LINE_END)
        raw = _bytes_of(_joined(fields, self._options.delimiter))
        try:
            self._file.write(raw if self._utf8 else self._encode(raw.decode()))
        except UnicodeEncodeError as error:
            raise self._unencodable(columns, names) from error

    def _field(self, texts: pa.Array) -> pa.Array:
        """Fields as they stand in the file."""
        token = self._options.null_token
        if token is None and self._are_plain(texts):
            return texts
        needing = pc.match_substring_regex(texts, self._quotes)
        if token is not None:
            # A value that looks like the token is told apart by its quotes.
            needing = pc.or_(needing, pc.equal(texts, token))
        if pc.any(needing).as_py():
            doubled = pc.replace_substring(texts, '"', '""')
            quoted = _joined([pa.scalar('"'), doubled, pa.scalar('"')], "")
            texts = pc.if_else(needing, quoted, texts)
        return texts if token is None else pc.fill_null(texts, token)

    def _are_plain(self, texts: pa.Array) -> bool:
        """Whether no field needs quotes; the look at bytes may say no too often."""
        offsets, memory = contents(texts)
        if not len(memory):
            return bool(texts.null_count == len(texts))
        # Where a text is empty these are bytes of its neighbours: no harm is done.
        first = memory.take(offsets[:-1], mode="clip")
        last = memory.take(offsets[1:] - 1, mode="clip")
        edges = bool(((first == _SPACE) | (last == _SPACE)).any())
        if edges or pc.any(pc.equal(pc.binary_length(texts), 0)).as_py():
            return False
        return len(memory.tobytes().translate(None, self._suspicious)) == len(memory)

    def _unencodable(self, columns: list[pa.Array], names: list[str]) -> StorageError:
        """Says which character of which column has no place; not whose it is."""
        encoding = self._options.encoding
        name, code = next(
            (name, ord(character))
            for name, column in zip(names, columns, strict=True)
            for text in column.drop_null().to_pylist()
            for character in _foreign(text, encoding)
        )
        return StorageError(
            f"column {name}: the character U+{code:04X} has no place in {encoding}, and"
            " none is ever dropped; write encoding: utf-8, and run the job again"
        )


def _bytes_of(texts: pa.Array) -> bytes:
    """All texts one after another in UTF-8, as Arrow keeps them."""
    _, offsets, data = texts.buffers()
    end = np.frombuffer(offsets, np.int32)[len(texts)]
    return bytes(memoryview(data)[:end])


def _foreign(text: str, encoding: str) -> Iterator[str]:
    for character in text:
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            yield character


def _guarded(texts: pa.Array) -> pa.Array:
    """Texts that a spreadsheet shows instead of calculating them."""
    formula = pc.match_substring_regex(texts, _FORMULA)
    number = pc.match_substring_regex(texts, _NUMBER)
    dangerous = pc.and_not(formula, number)
    if not pc.any(dangerous).as_py():
        return texts
    return pc.if_else(dangerous, _joined([pa.scalar(_GUARD), texts], ""), texts)


def text_of(array: pa.Array) -> pa.Array:
    """A column as text, null staying null.

    Returns:
        A pyarrow string array: dates and times in ISO 8601, numbers in the shortest
        form that reads back, bytes in base64, lists joined by a backslash.
    """
    kind = array.type
    for fits, convert in _CONVERSIONS:
        if fits(kind):
            return convert(array)
    return array.cast(pa.string())


def _list_text(array: pa.Array) -> pa.Array:
    """A list's values joined; a null value leaves nothing between two backslashes."""
    flat = pc.fill_null(text_of(array.flatten()), "")
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    ends = np.cumsum(lengths.to_numpy(zero_copy_only=False))
    offsets = pa.array(np.append(0, ends), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, flat, mask=pc.is_null(array))
    return pc.binary_join(lists, "\\")


def _moment_text(array: pa.Array) -> pa.Array:
    # Arrow puts a blank between date and time, as SQL does.
    return pc.replace_substring(array.cast(pa.string()), " ", "T")


def _base64(array: pa.Array) -> pa.Array:
    texts = [
        None if value is None else base64.b64encode(value).decode("ascii")
        for value in array.to_pylist()
    ]
    return pa.array(texts, pa.string())


_CONVERSIONS: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...
] = (
    (pa.types.is_string, lambda array: array),
    (pa.types.is_list, _list_text),
    (pa.types.is_binary, _base64),
    (pa.types.is_timestamp, _moment_text),
)
"""Types whose text is not what Arrow's cast gives."""


def _joined(parts: list[pa.Array], separator: str) -> pa.Array:
    return pc.binary_join_element_wise(
        *parts, separator, null_handling="replace", null_replacement=""
    )
