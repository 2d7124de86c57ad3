"""The responses of one association: counted, shown, written, cancelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchfind.dicom import scalar
from batchfind.dicom.dump import DumpStyle
from batchfind.dicom.raw import RawElement
from batchfind.dicom.status import StatusCategory, meaning
from batchfind.dimse.messages import Final, Matches
from batchfind.errors import IdentifierDefect
from batchfind.findscu import messages
from batchfind.findscu.call import Call, Extract, Level
from batchfind.findscu.logs import Log, visible
from batchfind.findscu.responses import ResponseFiles
from batchfind.net.find import Find


class Answers:
    """What comes back on one association.

    Attributes:
        whole: every answer so far came in full and could be read.
    """

    def __init__(
        self,
        call: Call,
        log: Log,
        files: ResponseFiles,
        *,
        sop_class: str,
        transfer_syntax: str,
        style: DumpStyle,
    ) -> None:
        """Begins before the first response.

        Args:
            call: the command line.
            log: told about every response.
            files: where responses are written.
            sop_class: UID of the information model.
            transfer_syntax: UID the responses are encoded in.
            style: how responses are shown.
        """
        self.whole = True
        self._call = call
        self._log = log
        self._files = files
        self._sop_class = sop_class
        self._transfer_syntax = transfer_syntax
        self._style = style
        # Every response counts, final ones too, and requests share one count.
        self._count = 0

    @property
    def until_cancel(self) -> int | None:
        """Responses still to come before C-CANCEL is due; None if it never is."""
        cancel = self._call.cancel
        if cancel is None or cancel <= self._count:
            return None
        return cancel - self._count

    def take(self, matches: Matches, find: Find) -> None:
        """Shows and writes responses in the order received."""
        for status, payload in zip(matches.statuses, _payloads(matches), strict=True):
            self._count += 1
            self._show(find.message_id, status, payload)
            self._files.write(self._count, payload)
            if self._count == self._call.cancel:
                self._cancel(find)

    def finish(self, final: Final) -> None:
        """Shows a final response, and judges the answer it ends."""
        self._count += 1
        words = messages.status_words(final.status)
        if self._log.enabled(Level.DEBUG):
            self._log.info("Received Final Find Response")
            text = messages.response_text(
                final.message_id,
                self._sop_class,
                final.status,
                data_set=final.identifier is not None,
            )
            self._log.debug(text)
            self._tell_details(final)
        else:
            self._log.info(f"Received Final Find Response ({words})")
        category = meaning(final.status).category
        # A cancel is asked for, or the peer's own idea: then something is missing.
        asked_for = category is StatusCategory.CANCEL and self._call.cancel is not None
        if category is not StatusCategory.SUCCESS and not asked_for:
            self.whole = False
            self._say_why(final, words)

    def _say_why(self, final: Final, words: str) -> None:
        """The reason of exit code 1, which findscu does not have: at any level."""
        if not self._log.enabled(Level.INFO):
            comment = f": {visible(final.comment)}" if final.comment else ""
            self._log.error(
                f"The answer is not complete: final status {final.status:04X} "
                f"({words}){comment}"
            )

    def _tell_details(self, final: Final) -> None:
        details = messages.status_detail(final)
        if details:
            self._log.debug("Status Detail:")
            self._log.debug(details)

    def _cancel(self, find: Find) -> None:
        if find.final is None:
            self._log.info(
                f"Sending Cancel Request (MsgID {find.message_id}, PresID 1)"
            )
            find.cancel()

    def _show(self, message_id: int, status: int, payload: bytes) -> None:
        log, number = self._log, self._count
        elements = self._decoded(payload)
        if log.enabled(Level.DEBUG):
            log.info(f"Received Find Response {number}")
            log.debug(
                messages.response_text(
                    message_id, self._sop_class, status, data_set=True
                )
            )
            if log.shows_responses:
                log.debug("Response Identifiers:")
                log.debug(self._text(elements))
        elif log.shows_responses:
            log.response(messages.RULE)
            words = messages.status_words(status)
            log.response(f"Find Response: {number} ({words})")
            log.response(self._text(elements))
        else:
            words = messages.status_words(status)
            log.info(f"Received Find Response {number} ({words})")

    def _decoded(self, payload: bytes) -> Sequence[RawElement]:
        """Its elements if they are needed; a response nobody can read is told of."""
        if not self._log.shows_responses and self._call.extract is Extract.NOTHING:
            return ()
        try:
            return scalar.decode(
                payload,
                self._transfer_syntax,
                known=self._style.dictionary,
                verbatim=True,
            )
        except IdentifierDefect as defect:
            self.whole = False
            self._log.error(f"Find Response {self._count} is {defect}")
            return ()

    def _text(self, elements: Sequence[RawElement]) -> str:
        return messages.identifier_text(elements, self._transfer_syntax, self._style)


def _payloads(matches: Matches) -> Iterator[bytes]:
    begin = 0
    for end in matches.ends:
        yield matches.payload[begin:end]
        begin = end
