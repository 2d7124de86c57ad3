"""The files findscu writes responses to: `rspNNNN.dcm`, `rspNNNN.xml`, or one XML.

Names and numbers are findscu's: the number of a response counts every response of
the association, final ones too, so that numbers have holes; what is there already is
replaced. XML is UTF-8 and well-formed whatever a peer sends, and holds every response.

A file that cannot be written does not end the query, as in findscu, but what it
should hold is lost: the call fails then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Final, Protocol

from batchfind.capture.records import Verdict
from batchfind.dicom import scalar
from batchfind.dicom.correction import correct_elements
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.rewriting import rewritten
from batchfind.errors import IdentifierDefect
from batchfind.findscu.call import Call, Extract
from batchfind.findscu.logs import Log
from batchfind.findscu.messages import LIMIT_REACHED
from batchfind.outputs.documents import Response
from batchfind.outputs.markup import HEADER
from batchfind.outputs.part10 import part10
from batchfind.outputs.xml_dcmtk import DcmtkXml
from batchfind.tables.slabs import Origin

_GENERIC_FILE: Final = "1.2.276.0.7230010.3.1.0.1"
"""The storage class that DCMTK gives to a data set without one of its own."""

_BEGIN: Final = f'{HEADER}<responses type="C-FIND">\n'
_END: Final = "</responses>\n"


class ResponseFiles(Protocol):
    """Where the responses of one association are written.

    Attributes:
        complete: everything could be written so far.
    """

    complete: bool

    def write(self, number: int, payload: bytes) -> None:
        """Writes one response."""

    def close(self) -> None:
        """Completes what is written."""


def open_files(
    call: Call, transfer_syntax: str, log: Log, dictionary: Dictionary = STANDARD
) -> ResponseFiles:
    """The files that a command line asks for, once the association stands.

    Args:
        call: the command line.
        transfer_syntax: UID the responses are encoded in.
        log: told about every file.
        dictionary: knows private attributes.
    """
    match call.extract:
        case Extract.NOTHING:
            return _Nowhere()
        case Extract.DICOM:
            return _DicomFiles(call, transfer_syntax, log, dictionary)
        case Extract.XML:
            return _XmlFiles(call, transfer_syntax, log, dictionary)
        case Extract.SINGLE_XML:
            return _SingleXml(call, transfer_syntax, log, dictionary)


class _Files(ABC):
    """What all of them do: `-Xlo`, and telling what cannot be written."""

    def __init__(
        self, call: Call, transfer_syntax: str, log: Log, dictionary: Dictionary
    ) -> None:
        self.complete = True
        self._call = call
        self._log = log
        self._told = False
        self._origin = Origin(
            request="findscu",
            query="findscu",
            peer=call.peer,
            verdict=Verdict.COMPLETE,
            transfer_syntax=transfer_syntax,
            dictionary=dictionary,
            correction=call.correction,
        )

    def write(self, number: int, payload: bytes) -> None:
        limit = self._call.limit
        if limit is None or number <= limit:
            self._put(number, Response(self._origin, number, payload))
        elif not self._told:
            self._told = True
            self._log.info(LIMIT_REACHED)

    @abstractmethod
    def close(self) -> None:
        """Completes what is written."""

    @abstractmethod
    def _put(self, number: int, response: Response) -> None:
        """Writes one response."""

    def _failed(self, path: Path, error: OSError) -> None:
        self.complete = False
        self._log.error(f"Writing file: {path}: {error.strerror or error}")


class _Nowhere:
    """Without `-X`, `-Xx` or `-Xs`."""

    complete = True

    def write(self, number: int, payload: bytes) -> None:
        """Responses are shown, not written."""

    def close(self) -> None:
        """Nothing was begun."""


class _NumberedFiles(_Files):
    """One file a response."""

    suffix: str

    def _put(self, number: int, response: Response) -> None:
        path = self._call.directory / f"rsp{number:04}.{self.suffix}"
        self._log.info(f"Writing response dataset to file: {path}")
        try:
            path.write_bytes(self._content(response))
        except OSError as error:
            self._failed(path, error)

    def close(self) -> None:
        """Every file is complete on its own."""

    @abstractmethod
    def _content(self, response: Response) -> bytes:
        """What the file of a response holds."""


class _DicomFiles(_NumberedFiles):
    """DICOM files in the transfer syntax of the association."""

    suffix = "dcm"

    def _content(self, response: Response) -> bytes:
        origin = response.origin
        syntax = origin.transfer_syntax
        try:
            elements = scalar.decode(
                response.payload, syntax, known=origin.dictionary, verbatim=True
            )
        except IdentifierDefect:  # then every byte of it is worth keeping
            return part10(response, _GENERIC_FILE)
        if origin.correction:
            correct_elements(elements)
        data = rewritten(elements, syntax, deflate_level=self._call.deflate_level)
        done = replace(origin, correction=False)
        return part10(Response(done, response.index, data), _GENERIC_FILE)


class _XmlFiles(_NumberedFiles):
    """Documents with one data set each."""

    suffix = "xml"

    def __init__(
        self, call: Call, transfer_syntax: str, log: Log, dictionary: Dictionary
    ) -> None:
        super().__init__(call, transfer_syntax, log, dictionary)
        self._model = DcmtkXml(bytes_too=False)

    def _content(self, response: Response) -> bytes:
        return (HEADER + self._model.data_set(response)).encode()


class _SingleXml(_Files):
    """One document for all data sets."""

    def __init__(
        self, call: Call, transfer_syntax: str, log: Log, dictionary: Dictionary
    ) -> None:
        super().__init__(call, transfer_syntax, log, dictionary)
        self._model = DcmtkXml(bytes_too=False)
        # An absolute path is taken alone, as by findscu.
        self._path = call.directory / (call.single or Path())
        self._file: IO[bytes] | None = None
        log.info(f"Writing all response datasets to file: {self._path}")
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            self._failed(self._path, error)
        self._append(_BEGIN)

    def _put(self, number: int, response: Response) -> None:  # noqa: ARG002 (unnumbered)
        self._append(self._model.data_set(response))

    def close(self) -> None:
        self._append(_END)
        if self._file is not None:
            self._file.close()

    def _append(self, text: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(text.encode())
            self._file.flush()
        except OSError as error:
            self._failed(self._path, error)
            with suppress(OSError):  # what could not be written is tried again
                self._file.close()
            self._file = None
