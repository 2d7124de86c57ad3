"""What a session tells its log, from the association's beginning to its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from batchfind.dicom import scalar
from batchfind.dicom.dump import DumpStyle
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.raw import RawElement, Sized
from batchfind.dicom.vrs import STRING_VRS
from batchfind.errors import PeerError
from batchfind.findscu import messages
from batchfind.findscu.call import Level
from batchfind.findscu.failures import Ending, association_failure
from batchfind.findscu.logs import Log
from batchfind.findscu.queries import Query
from batchfind.net.settings import Endpoint, Offer
from batchfind.ul.events import Accepted


class Telling:
    """The messages of one association, but for those about responses."""

    def __init__(
        self, log: Log, style: DumpStyle, endpoint: Endpoint, offer: Offer
    ) -> None:
        """Takes what all messages have in common.

        Args:
            log: they go to.
            style: how Identifiers are shown.
            endpoint: the peer.
            offer: what is proposed to it, with one information model.
        """
        self._log = log
        self._style = style
        self._endpoint = endpoint
        self._offer = offer

    def associating(self) -> None:
        """The association is about to be asked for."""
        if self._log.enabled(Level.DEBUG):
            self._log.debug("Request Parameters:")
            self._log.debug(messages.proposal_text(self._endpoint, self._offer))
        self._log.info("Requesting Association")

    def no_title(self, role: str) -> None:
        """An AE title is empty."""
        text = f"Illegal service parameter: {role} AP Title"
        self._log.error(text)
        self._log.error(f"Association Request Failed: 0006:030c {text}")

    def no_association(self, error: PeerError) -> None:
        """The association did not come about."""
        self._log.error(association_failure(error, self._endpoint.host))

    def accepted(self, accepted: Accepted) -> None:
        """The association stands."""
        if self._log.enabled(Level.DEBUG):
            self._log.debug("Association Parameters Negotiated:")
            text = messages.negotiated_text(self._endpoint, self._offer, accepted)
            self._log.debug(text)
        self._log.info(messages.accepted_text(accepted))

    def asking(
        self, message_id: int, query: Query, syntax: str, *, again: bool
    ) -> None:
        """A query is about to be sent.

        Args:
            message_id: of the C-FIND-RQ.
            query: it.
            syntax: UID of the transfer syntax it is sent in.
            again: it was sent before.
        """
        log = self._log
        if not log.enabled(Level.INFO):
            return
        if log.enabled(Level.DEBUG):
            log.info("Sending Find Request")
            sop_class = self._offer.abstract_syntaxes[0]
            log.debug(messages.request_text(message_id, sop_class))
        else:
            log.info(f"Sending Find Request (MsgID {message_id})")
        log.info("Request Identifiers:")
        shown_in = syntax if again else query.transfer_syntax
        log.info(self._text(query, shown_in, encoded=again))

    def failed(self, ending: Ending, query: Query, syntax: str) -> None:
        """A query failed; arguments as for `asking`."""
        if query.file is None:
            self._log.error("Find Failed, query keys:")
            self._log.error(messages.file_text(self._text(query, syntax)))
        else:
            self._log.error(f"Find Failed, file: {query.file}:")
        self._log.error(ending.condition)

    def warnings(self, texts: Iterable[str]) -> None:
        """What the peer did against the standard, or we will not do."""
        titles = f"({self._endpoint.calling_ae},{self._endpoint.called_ae})"
        for text in texts:
            self._log.warn(f"DIMSE Warning: {titles}: {text}")

    def giving_up(self, ending: Ending) -> None:
        """The association is about to be aborted, because a query failed."""
        if ending.repeated:
            self._log.error(f"Find SCU Failed: {ending.condition}")
        if ending.complaint:
            self._log.error(ending.complaint)
        self._log.info(ending.farewell)

    def _text(self, query: Query, syntax: str, *, encoded: bool = True) -> str:
        """The Identifier, at first as it stands before it is encoded for the peer."""
        style = self._style
        try:
            elements = scalar.decode(
                query.shown(syntax), syntax, known=style.dictionary, verbatim=True
            )
        except ValueError:  # it will not be sent, either
            return messages.identifier_text((), syntax, style)
        if query.file is None:
            _forget_unknown(elements)
        if not encoded:
            style = replace(style, unpadded=True)
            _forget_padding(elements, query.identifier)
            if query.file is None:
                _forget_lengths(elements)
        return messages.identifier_text(elements, syntax, style)


def _forget_unknown(elements: list[RawElement]) -> None:
    """An attribute that no dictionary knows has no VR before it is sent."""
    for at, (tag, vr, value) in enumerate(elements):
        if vr == "UN":
            elements[at] = RawElement(tag, "??", value)
        elif isinstance(value, list):
            for item in value:
                _forget_unknown(item)


def _forget_padding(elements: list[RawElement], identifier: Identifier) -> None:
    """Text is padded only when it is sent."""
    for at, ((tag, vr, raw), given) in enumerate(
        zip(elements, identifier, strict=True)
    ):
        if isinstance(raw, list):
            items = given.value if isinstance(given.value, tuple) else ()
            for item, inner in zip(raw, items, strict=True):
                _forget_padding(item, inner)
        elif vr in STRING_VRS:
            elements[at] = RawElement(tag, vr, raw[: len(given.value)])


def _forget_lengths(elements: Sequence[RawElement]) -> None:
    """Sequences made of keys are measured only when they are sent."""
    for element in elements:
        if isinstance(element.value, Sized):
            element.value.length = 0
            for item in element.value:
                if isinstance(item, Sized):
                    item.length = 0
                _forget_lengths(item)
