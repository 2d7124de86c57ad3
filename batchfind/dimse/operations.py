"""The operations of one association: C-FIND, C-ECHO and C-CANCEL as an SCU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from batchfind.dimse.assembler import Assembler, Message
from batchfind.dimse.command_set import (
    VERIFICATION,
    CommandField,
    Priority,
    encode_cancel_rq,
    encode_echo_rq,
    encode_find_rq,
)
from batchfind.dimse.gathering import Gathering
from batchfind.dimse.ledger import Ledger, Operation
from batchfind.dimse.messages import Echoed, Final, Irregularity, Matches
from batchfind.dimse.templates import Template, Templates
from batchfind.errors import DimseError, LimitReached, LocalProtocolError
from batchfind.ul.contexts import NegotiatedContext
from batchfind.ul.events import Data
from batchfind.ul.framing import Burst
from batchfind.ul.refrain import Refrain

Event: TypeAlias = Matches | Final | Echoed | Irregularity

_PENDING = frozenset({0xFF00, 0xFF01})
#: Control octets of a command in one fragment and its data set in one fragment.
_WHOLE_MESSAGE = b"\3\2"


class Operations:
    """The requests of one association and the responses that belong to them.

    Source: PS3.7 Sections 9.1.2 and 9.1.5.
    """

    def __init__(
        self, contexts: Iterable[NegotiatedContext], send: Callable[[Data], bytes]
    ) -> None:
        """Begins without any operation.

        Args:
            contexts: `Accepted.contexts` of the association.
            send: turns a DIMSE message into bytes: `Association.send`.
        """
        self._assembler = Assembler(context.id for context in contexts)
        self._send = send
        self._ledger = Ledger()
        self._templates = Templates()
        self._told: set[tuple[int, str]] = set()

    @property
    def drained(self) -> bool:
        """Every request has had its final response."""
        return not self._ledger

    @property
    def in_flight(self) -> int:
        """Requests that have not had their final response."""
        return len(self._ledger)

    def find(
        self, context_id: int, sop_class: str, priority: Priority, identifier: bytes
    ) -> tuple[int, bytes]:
        """Begins a C-FIND.

        Args:
            context_id: a negotiated context of the information model.
            sop_class: its UID.
            priority: `Priority.MEDIUM` unless the job says otherwise.
            identifier: encoded in the context's transfer syntax.

        Returns:
            The message ID, 1 to 65535 and not in use, and the bytes to be written:
            command and Identifier together, for one write.

        Raises:
            LocalProtocolError: the context was not negotiated, or the association
                does not take data now. No operation has begun.

        Source: PS3.7 Section 9.1.2.
        """
        message_id = self._ledger.fresh_id()
        command = encode_find_rq(message_id, sop_class, priority)
        output = self._send(Data(context_id, command, identifier))
        operation = Operation(context_id, sop_class, CommandField.C_FIND_RSP)
        self._ledger.begin(message_id, operation)
        return message_id, output

    def echo(self, context_id: int) -> tuple[int, bytes]:
        """Begins a C-ECHO.

        Args:
            context_id: a negotiated context of the Verification SOP Class.

        Returns:
            The message ID and the bytes to be written.

        Raises:
            LocalProtocolError: as for `find`.

        Source: PS3.7 Section 9.1.5.
        """
        message_id = self._ledger.fresh_id()
        output = self._send(Data(context_id, encode_echo_rq(message_id)))
        operation = Operation(context_id, VERIFICATION, CommandField.C_ECHO_RSP)
        self._ledger.begin(message_id, operation)
        return message_id, output

    def cancel(self, message_id: int) -> bytes:
        """Asks the peer to end a C-FIND; its final response is still to come.

        Args:
            message_id: as returned by `find`.

        Returns:
            The bytes to be written; empty if it was cancelled before or has ended.

        Raises:
            LocalProtocolError: no C-FIND was begun with this message ID, or the
                association does not take data now.

        Source: PS3.7 Section 9.3.2.3, PS3.4 Section C.4.1.3.
        """
        if self._ledger.has_ended(message_id):
            return b""
        operation = self._ledger.get(message_id)
        if operation is None or operation.answer is not CommandField.C_FIND_RSP:
            raise LocalProtocolError(
                f"no C-FIND with message ID {message_id} to cancel"
            )
        if operation.cancelled:
            return b""
        command = encode_cancel_rq(message_id)
        output = self._send(Data(operation.context_id, command))
        operation.cancelled = True
        return output

    def receive(self, burst: Burst) -> Iterator[Event]:
        """What a burst brings; it is worked through at once, whole.

        Args:
            burst: from `Association.next_event`.

        Returns:
            First one `Matches` for each request that got pending responses, then
            the other events in the order received:
            Final: the C-FIND has ended; its message ID is free.
            Echoed: the C-ECHO has ended; its message ID is free.
            Irregularity: something tolerated, once a request and text.
            The iterator ends, or raises after the last event that came before the
            fault:
            DimseError: the peer broke PS3.7; abort the association.
            LimitReached: a message without end; abort the association.

        Source: PS3.7 Sections 9.1.2 and 9.1.5.
        """
        gathering = Gathering()
        events: list[Event] = []
        error: DimseError | LimitReached | None = None
        try:
            self._work_through(burst, gathering, events)
        except (DimseError, LimitReached) as fault:
            error = fault
        return _events(gathering.matches(), events, error)

    def _work_through(
        self, burst: Burst, gathering: Gathering, events: list[Event]
    ) -> None:
        self._one_by_one(burst, 0, gathering, events)
        refrain = burst.refrain
        if refrain is None:
            return
        template = self._expected(burst.data, refrain)
        if template is None:
            self._one_by_one(burst.spelled_out(), len(burst), gathering, events)
        else:
            gathering.add_refrain(burst.data, refrain, template)

    def _expected(self, data: bytes, refrain: Refrain) -> Template | None:
        """The template whose responses a refrain brings, whole ones; None if unsure."""
        template = self._templates.recall(refrain.repeated(data))
        if template is None or not self._assembler.idle:
            return None
        alike = refrain.contexts == bytes([template.context_id]) * 2
        whole = refrain.controls == _WHOLE_MESSAGE
        return template if alike and whole else None

    def _one_by_one(
        self, burst: Burst, position: int, gathering: Gathering, events: list[Event]
    ) -> None:
        """Takes the PDVs of a burst's vectors from a position on."""
        data = burst.data
        while position < len(burst):
            template = self._templates.current
            if template is not None and self._assembler.idle:
                taken = gathering.add_alike(burst, position, template)
                taken = taken or self._add_other(burst, position, gathering)
                if taken:
                    position += taken
                    continue
            message = self._assembler.add(
                burst.contexts[position],
                burst.controls[position],
                data[burst.begin[position] : burst.end[position]],
            )
            position += 1
            if message is not None:
                self._take(message, gathering, events)

    def _add_other(self, burst: Burst, position: int, gathering: Gathering) -> int:
        """As `add_alike`, when a peer answers several requests by turns."""
        if len(self._templates) < 2:
            return 0
        command = burst.data[burst.begin[position] : burst.end[position]]
        template = self._templates.recall(command)
        return 0 if template is None else gathering.add_alike(burst, position, template)

    def _take(
        self, message: Message, gathering: Gathering, events: list[Event]
    ) -> None:
        response = message.response
        message_id = response.message_id
        operation = self._ledger.get(message_id)
        if operation is None:
            if not self._ledger.has_ended(message_id):
                raise DimseError(f"response to message ID {message_id}, never sent")
            self._tell(events, message_id, "response after the final one was dropped")
            return
        self._check(message, operation)
        self._tell_of_oddities(events, message, operation)
        if operation.answer is CommandField.C_ECHO_RSP:
            self._ledger.end(message_id)
            events.append(Echoed(message_id, response.status))
        elif response.status in _PENDING:
            self._take_match(message, gathering, events)
        else:
            self._take_final(message, events)

    def _take_match(
        self, message: Message, gathering: Gathering, events: list[Event]
    ) -> None:
        response = message.response
        if message.data_set is None:
            text = "pending response without an Identifier; counted as an empty one"
            self._tell(events, response.message_id, text)
            gathering.add(response.message_id, response.status, b"")
            return
        gathering.add(response.message_id, response.status, message.data_set)
        self._templates.learn(
            Template(
                message.command,
                message.context_id,
                response.message_id,
                response.status,
            )
        )

    def _take_final(self, message: Message, events: list[Event]) -> None:
        response = message.response
        if message.data_set is not None:
            self._tell(events, response.message_id, "final response with a data set")
        self._ledger.end(response.message_id)
        self._templates.forget(response.message_id)
        events.append(
            Final(
                response.message_id,
                response.status,
                response.comment,
                response.offending,
                response.error_id,
                message.data_set,
            )
        )

    def _check(self, message: Message, operation: Operation) -> None:
        response = message.response
        fault = ""
        if message.context_id != operation.context_id:
            fault = f"on context {message.context_id} instead of {operation.context_id}"
        elif response.command_field != operation.answer:
            fault = (
                f"is {response.command_field:04X}H where {operation.answer:04X}H is due"
            )
        if fault:
            error = DimseError(f"response to message ID {response.message_id} {fault}")
            error.message_id = response.message_id
            raise error

    def _tell_of_oddities(
        self, events: list[Event], message: Message, operation: Operation
    ) -> None:
        response = message.response
        for text in response.warnings:
            self._tell(events, response.message_id, text)
        if message.odd:
            self._tell(events, response.message_id, "fragments of odd length")
        if response.sop_class not in {"", operation.sop_class}:
            text = "response names another SOP class than its request"
            self._tell(events, response.message_id, text)
        if message.data_set is not None and response.command_field == (
            CommandField.C_ECHO_RSP
        ):
            self._tell(events, response.message_id, "C-ECHO-RSP with a data set")

    def _tell(self, events: list[Event], message_id: int, text: str) -> None:
        """Reports an irregularity unless this request has had it already."""
        if (message_id, text) not in self._told:
            self._told.add((message_id, text))
            events.append(Irregularity(message_id, text))


def _events(
    matches: list[Matches], others: list[Event], error: Exception | None
) -> Iterator[Event]:
    yield from matches
    yield from others
    if error is not None:
        raise error
