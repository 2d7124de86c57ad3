"""One association as a requestor: `receive` stores, `next_event` parses, `send` asks.

    out = association.send(Associate())        # write it
    association.receive(chunk)                 # whatever was read, b"" at the end
    while (event := association.next_event()) is not None:
        ...

Nothing here opens, reads, writes or waits. The caller keeps the deadlines, ARTIM
included, and closes the connection as soon as `ended` is true.
"""

from __future__ import annotations

from typing import assert_never

from batchfind.errors import BadAccept, LocalProtocolError, PduError
from batchfind.ul.acceptance import accept
from batchfind.ul.association_request import associate_rq
from batchfind.ul.decode import decode_abort, decode_associate_ac, decode_associate_rj
from batchfind.ul.events import (
    Abort,
    Aborted,
    Accepted,
    Associate,
    Closed,
    Command,
    Data,
    Event,
    Rejected,
    Release,
    Released,
    ReleaseRequested,
    ReleaseResponse,
    Tolerated,
)
from batchfind.ul.framing import HEADER_LENGTH, encode_message, frame
from batchfind.ul.header import (
    INVALID_PARAMETER,
    SHORT_BODY,
    Refusal,
    announced_length,
    read_header,
)
from batchfind.ul.pdu import AbortPDU, ReleaseRP, ReleaseRQ
from batchfind.ul.proposal import Proposal
from batchfind.ul.states import AR_8, DT_2, TABLE, Action, Effect, State, Trigger

#: Some peers overshoot what we offer a little; none has a reason for more.
_OVERSHOOT = 4
_LONGEST_DATA = 16 << 20


class Association:
    """A requestor's side of one association, from request to close.

    Source: PS3.8 Section 9.2.
    """

    def __init__(self, *, calling_ae: str, called_ae: str, proposal: Proposal) -> None:
        """Prepares the A-ASSOCIATE-RQ; nothing is sent yet.

        Args:
            calling_ae: our AE title, 1 to 16 characters.
            called_ae: the peer's AE title, 1 to 16 characters.
            proposal: what is to be negotiated. P-DATA-TF up to four times its
                `max_pdu` is accepted, but never more than 16 MiB.

        Raises:
            InputError: an AE title or the proposal cannot be encoded.
        """
        self._proposal = proposal
        self._request = associate_rq(
            calling_ae=calling_ae, called_ae=called_ae, proposal=proposal
        )
        self._longest = min(proposal.max_pdu * _OVERSHOOT, _LONGEST_DATA)
        self._state = State.IDLE
        self._buffer = bytearray()
        self._asked = False
        self._at_end = False
        self._pending = b""
        self._usable: frozenset[int] = frozenset()
        self._peer_max_pdu = 0
        self._told_of_discard = False

    @property
    def state(self) -> State:
        """Where the association stands in PS3.8 Table 9-10."""
        return self._state

    @property
    def ended(self) -> bool:
        """No PDU can follow: write what is pending and close the connection.

        True before the association was asked for, too.
        """
        state = self._state
        return state is State.AWAITING_CLOSE or state is State.IDLE

    @property
    def unread(self) -> bool:
        """Bytes were received that no event has told yet, or no event can follow."""
        return bool(self._buffer) or self.ended

    def send(self, command: Command) -> bytes:
        """The bytes that carry out a command, to be written as they are.

        Args:
            command: `Associate` at the beginning, once the connection is open;
                `Data` and `Release` between `Accepted` and the end;
                `ReleaseResponse` after `ReleaseRequested`; `Abort` at any time.

        Returns:
            One or more whole PDUs. Empty only for `Abort` when nothing is left to
            abort.

        Raises:
            LocalProtocolError: the command is not possible in this state, or `Data`
                names a context that was not negotiated. The state is unchanged.

        Source: PS3.8 Table 9-10.
        """
        match command:
            case Associate():
                if self._asked:
                    raise LocalProtocolError("this association was asked for before")
                self._asked = True
                self._step(Trigger.LOCAL_ASSOCIATE_REQUEST)
                self._step(Trigger.TRANSPORT_OPENED)
                return self._request
            case Data():
                return self._encode(command)
            case Release():
                self._step(Trigger.LOCAL_RELEASE_REQUEST)
                return ReleaseRQ().encode()
            case ReleaseResponse():
                self._step(Trigger.LOCAL_RELEASE_RESPONSE)
                return ReleaseRP().encode()
            case Abort():
                if self.ended:
                    return b""
                self._step(Trigger.LOCAL_ABORT)
                return AbortPDU().encode()
            case _:
                assert_never(command)

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Stores bytes read from the connection; parses nothing.

        Call `next_event` until it returns None afterwards.

        Args:
            data: what was read; empty when the peer closed the connection.

        Raises:
            LocalProtocolError: bytes follow the end of the connection.
        """
        if not len(data):
            self._at_end = True
        elif self._at_end:
            raise LocalProtocolError("bytes received after the end of the connection")
        elif not self.ended:
            # After the end PDUs are dropped unread (AA-6). The second A-ABORT of
            # AA-7 would reach nobody: the connection is about to be closed.
            self._buffer += data

    def next_event(self) -> Event | None:
        """The next event in what was received.

        Returns:
            None when more bytes are needed, or one of
            Accepted: go on with `Data`, `Release` or `Abort`.
            Rejected, Released, Aborted: over; close the connection.
            Burst: P-DATA-TF while the association stands.
            ReleaseRequested: answer with `ReleaseResponse`.
            Closed: the connection ended; once, after everything that came before.
            Tolerated: P-DATA-TF was discarded during release; once.

        Raises:
            NotDicom: the first bytes are text or TLS.
            BadAccept: the A-ASSOCIATE-AC cannot be used.
            PduError: the peer broke PS3.8. Events before the fault were returned.
            After any of them the association has ended, `pending_output` holds our
            A-ABORT, and the rest of the input is ignored.

        Source: PS3.8 Table 9-10.
        """
        if self.ended:
            return self._end()
        header = read_header(
            self._buffer, self._state, self._longest, at_end=self._at_end
        )
        if header is None:
            return self._end()
        if isinstance(header, Refusal):
            self._step(header.trigger, header.reason)
            raise header.error
        if header.trigger is Trigger.DATA_TF:
            return self._data()
        if header.trigger is Trigger.ABORT and header.length != SHORT_BODY:
            # The intention is clear; its body is not worth the wait.
            self._step(Trigger.ABORT)
            return Aborted(None, None)
        stop = HEADER_LENGTH + header.length
        if len(self._buffer) < stop:
            return self._end()
        body = bytes(self._buffer[HEADER_LENGTH:stop])
        del self._buffer[:stop]
        return self._whole(header.trigger, body)

    def pending_output(self) -> bytes:
        """Bytes owed to the peer after an error, once; empty if there are none.

        Write them if the connection still takes them, then close it.
        """
        pending, self._pending = self._pending, b""
        return pending

    def _step(self, trigger: Trigger, reason: int = 0) -> Action:
        action = TABLE.get((self._state, trigger))
        if action is None:
            raise LocalProtocolError(
                f"{trigger.name} ({trigger.value}) is not possible in"
                f" {self._state.name} ({self._state.value})"
            )
        self._state = action.next
        if Effect.SEND_PROVIDER_ABORT in action.effects:
            self._pending = AbortPDU(2, reason).encode()
        if self.ended:
            self._buffer.clear()
        return action

    def _encode(self, command: Data) -> bytes:
        self._step(Trigger.LOCAL_DATA)
        if command.context_id not in self._usable:
            raise LocalProtocolError(f"context {command.context_id} was not negotiated")
        return encode_message(
            command.context_id, command.command, command.data_set, self._peer_max_pdu
        )

    def _data(self) -> Event | None:
        try:
            burst = frame(self._buffer, self._longest)
        except PduError:
            self._step(Trigger.INVALID_PDU, INVALID_PARAMETER)
            raise
        if burst is None:
            return self._end()
        del self._buffer[: len(burst.data)]
        if self._step(Trigger.DATA_TF) is DT_2:
            return burst
        if self._told_of_discard:
            return self.next_event()
        self._told_of_discard = True
        return Tolerated("P-DATA-TF after our A-RELEASE-RQ was discarded")

    def _whole(self, trigger: Trigger, body: bytes) -> Event:
        if trigger is Trigger.ASSOCIATE_AC:
            return self._accept(body)
        action = self._step(trigger)
        if trigger is Trigger.ASSOCIATE_RJ:
            refusal = decode_associate_rj(body)
            return Rejected(refusal.result, refusal.source, refusal.reason)
        if trigger is Trigger.ABORT:
            abort = decode_abort(body)
            return Aborted(abort.source, abort.reason)
        if trigger is Trigger.RELEASE_RP:
            return Released()
        return ReleaseRequested(collision=action is AR_8)

    def _accept(self, body: bytes) -> Accepted:
        try:
            accepted = accept(self._proposal, decode_associate_ac(body))
        except BadAccept:
            self._step(Trigger.INVALID_PDU, INVALID_PARAMETER)
            raise
        self._step(Trigger.ASSOCIATE_AC)
        self._usable = frozenset(context.id for context in accepted.contexts)
        self._peer_max_pdu = accepted.max_pdu
        return accepted

    def _end(self) -> Closed | None:
        """The end of the connection, once, if it has been reached."""
        if not self._at_end or self._state is State.IDLE:
            return None
        announced = announced_length(self._buffer)
        closed = Closed(self._state, len(self._buffer), announced)
        self._step(Trigger.TRANSPORT_CLOSED)
        return closed
