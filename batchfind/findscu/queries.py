"""The queries of a call: its files one after another, each with all of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.encode import encode
from batchfind.dicom.findscu_keys import KeyRefused, apply_key
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from batchfind.findscu.call import Call
from batchfind.sources.dataset import (
    file_meta,
    guess_transfer_syntax,
    read_part10,
    read_raw,
)
from batchfind.sources.elements import FormatError

_MAGIC: Final = slice(128, 132)
_END_OF_STREAM: Final = "0001:0005 End of stream"
_PREMATURE: Final = "0001:000a I/O suspension or premature end of stream"
_UNREADABLE: Final = "0000:0005 Cannot read file"


class QueryRefused(ValueError):
    """A file or a key that no query can be made of.

    Attributes:
        complaint: what is wrong, and with which of them.
        condition: findscu's number and sentence.
    """

    def __init__(self, complaint: str, condition: str) -> None:
        self.complaint = complaint
        self.condition = condition
        super().__init__(complaint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One Identifier as it will be sent.

    Attributes:
        file: it was made from, or None for keys alone.
        transfer_syntax: UID of the file's; findscu shows it so before it is sent.
        deflate_level: 0 to 9.
        new_vr: UN, UT and later VRs are sent as such.
    """

    file: Path | None
    transfer_syntax: str
    identifier: Identifier
    deflate_level: int
    new_vr: bool

    def encode(self, transfer_syntax: str) -> bytes:
        """Its bytes in a transfer syntax UID; ValueError for a value that has none."""
        return encode(
            self.identifier,
            transfer_syntax,
            (),
            deflate_level=self.deflate_level,
            new_vr_as_ob=not self.new_vr,
        )

    def shown(self, transfer_syntax: str) -> bytes:
        """The same with every VR it has."""
        return encode(self.identifier, transfer_syntax, ())


def query_of(call: Call, file: Path | None, dictionary: Dictionary = STANDARD) -> Query:
    """The query that one file and all keys make; or the keys alone.

    Raises:
        QueryRefused: the file cannot be read or decoded, or a key is no key.
    """
    identifier: Identifier = ()
    transfer_syntax = EXPLICIT_LE
    if file is not None:
        identifier, transfer_syntax = _read(file, dictionary)
    for key in call.keys:
        try:
            identifier = apply_key(identifier, key, dictionary)
        except KeyRefused as refused:
            complaint = f"Bad override key/path: {key}"
            condition = f"{refused.code} {refused.message}"
            raise QueryRefused(complaint, condition) from None

    return Query(
        file=file,
        transfer_syntax=transfer_syntax,
        identifier=identifier,
        deflate_level=call.deflate_level,
        new_vr=call.new_vr,
    )


def _read(file: Path, dictionary: Dictionary) -> tuple[Identifier, str]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueryRefused(f"Bad DICOM file: {file}: {reason}", _UNREADABLE) from None
    if not raw:
        raise QueryRefused(f"Bad DICOM file: {file}: End of stream", _END_OF_STREAM)
    try:
        if raw[_MAGIC] == b"DICM":
            parsed = read_part10(raw, dictionary, as_written=True)
            return parsed.identifier, file_meta(raw)[0]
        parsed = read_raw(raw, dictionary, as_written=True)
    except FormatError as error:
        raise QueryRefused(f"Bad DICOM file: {file}: {error}", _PREMATURE) from None
    return parsed.identifier, guess_transfer_syntax(raw)
