"""PS3.8 Table 9-10 as data: states, events, actions.

House rules. All knowledge about state lives here; nothing here sends, reads or
waits. A cell says which actions are to be performed and where that leads; who
performs them is not its business. A blank cell is an event that cannot happen in
that state: whoever causes it has a bug.

The table is whole, acceptor included, so that it can be laid beside the standard.
We are a requestor: `REQUESTOR` names the states our engine can be in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class State(Enum):
    """Where an association stands (PS3.8 Section 9.2.1)."""

    # Members are single: hashing their names, as Enum does, only takes time.
    __hash__ = object.__hash__

    IDLE = "Sta1"
    AWAITING_ASSOCIATE_RQ = "Sta2"
    AWAITING_LOCAL_ASSOCIATE_RESPONSE = "Sta3"
    AWAITING_TRANSPORT = "Sta4"
    AWAITING_ASSOCIATE_ANSWER = "Sta5"
    DATA_TRANSFER = "Sta6"
    AWAITING_RELEASE_RP = "Sta7"
    AWAITING_LOCAL_RELEASE_RESPONSE = "Sta8"
    COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE = "Sta9"
    COLLISION_ACCEPTOR_AWAITING_RELEASE_RP = "Sta10"
    COLLISION_REQUESTOR_AWAITING_RELEASE_RP = "Sta11"
    COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE = "Sta12"
    AWAITING_CLOSE = "Sta13"


class Trigger(Enum):
    """What can happen to an association: the events of PS3.8 Section 9.2.2."""

    __hash__ = object.__hash__

    LOCAL_ASSOCIATE_REQUEST = "Evt1"
    TRANSPORT_OPENED = "Evt2"
    ASSOCIATE_AC = "Evt3"
    ASSOCIATE_RJ = "Evt4"
    TRANSPORT_INDICATED = "Evt5"
    ASSOCIATE_RQ = "Evt6"
    LOCAL_ASSOCIATE_ACCEPT = "Evt7"
    LOCAL_ASSOCIATE_REJECT = "Evt8"
    LOCAL_DATA = "Evt9"
    DATA_TF = "Evt10"
    LOCAL_RELEASE_REQUEST = "Evt11"
    RELEASE_RQ = "Evt12"
    RELEASE_RP = "Evt13"
    LOCAL_RELEASE_RESPONSE = "Evt14"
    LOCAL_ABORT = "Evt15"
    ABORT = "Evt16"
    TRANSPORT_CLOSED = "Evt17"
    ARTIM_EXPIRED = "Evt18"
    INVALID_PDU = "Evt19"


class Effect(Enum):
    """One thing an action asks for."""

    OPEN_TRANSPORT = "issue a transport connect request"
    ACCEPT_TRANSPORT = "issue a transport connect response"
    CLOSE_TRANSPORT = "close the transport connection"
    START_ARTIM = "start the ARTIM timer, or restart it"
    STOP_ARTIM = "stop the ARTIM timer"
    SEND_ASSOCIATE_RQ = "send A-ASSOCIATE-RQ"
    SEND_ASSOCIATE_AC = "send A-ASSOCIATE-AC"
    SEND_ASSOCIATE_RJ = "send A-ASSOCIATE-RJ"
    SEND_DATA_TF = "send P-DATA-TF"
    SEND_RELEASE_RQ = "send A-RELEASE-RQ"
    SEND_RELEASE_RP = "send A-RELEASE-RP"
    SEND_USER_ABORT = "send A-ABORT with the service user as source"
    SEND_PROVIDER_ABORT = "send A-ABORT with the service provider as source"
    CONFIRM_ACCEPT = "issue A-ASSOCIATE confirmation (accept)"
    CONFIRM_REJECT = "issue A-ASSOCIATE confirmation (reject)"
    CONFIRM_RELEASE = "issue A-RELEASE confirmation"
    INDICATE_ASSOCIATE = "issue A-ASSOCIATE indication, or reject"
    INDICATE_DATA = "issue P-DATA indication"
    INDICATE_RELEASE = "issue A-RELEASE indication"
    INDICATE_ABORT = "issue A-ABORT or A-P-ABORT indication, by its source"
    INDICATE_PROVIDER_ABORT = "issue A-P-ABORT indication"
    IGNORE = "ignore the PDU"


@dataclass(frozen=True, slots=True)
class Action:
    """What a cell of the table asks for.

    Attributes:
        label: name in PS3.8 Tables 9-6 to 9-9.
        effects: in the order of the standard.
        next: the state that follows.
        otherwise: the other state where the standard has an "if": AE-6 when the
            request is not acceptable, AR-8 when we are the acceptor.
    """

    label: str
    effects: tuple[Effect, ...]
    next: State
    otherwise: State | None = None


def _ends(label: str, *effects: Effect) -> Action:
    return Action(label, effects, State.IDLE)


def _waits(label: str, *effects: Effect) -> Action:
    return Action(label, effects, State.AWAITING_CLOSE)


_S, _T, _E = State, Trigger, Effect

# Table 9-6, association establishment.
AE_1 = Action("AE-1", (_E.OPEN_TRANSPORT,), _S.AWAITING_TRANSPORT)
AE_2 = Action("AE-2", (_E.SEND_ASSOCIATE_RQ,), _S.AWAITING_ASSOCIATE_ANSWER)
AE_3 = Action("AE-3", (_E.CONFIRM_ACCEPT,), _S.DATA_TRANSFER)
AE_4 = _ends("AE-4", _E.CONFIRM_REJECT, _E.CLOSE_TRANSPORT)
AE_5 = Action("AE-5", (_E.ACCEPT_TRANSPORT, _E.START_ARTIM), _S.AWAITING_ASSOCIATE_RQ)
AE_6 = Action(
    "AE-6",
    (_E.STOP_ARTIM, _E.INDICATE_ASSOCIATE),
    _S.AWAITING_LOCAL_ASSOCIATE_RESPONSE,
    otherwise=_S.AWAITING_CLOSE,
)
AE_7 = Action("AE-7", (_E.SEND_ASSOCIATE_AC,), _S.DATA_TRANSFER)
AE_8 = _waits("AE-8", _E.SEND_ASSOCIATE_RJ, _E.START_ARTIM)
# Table 9-7, data transfer.
DT_1 = Action("DT-1", (_E.SEND_DATA_TF,), _S.DATA_TRANSFER)
DT_2 = Action("DT-2", (_E.INDICATE_DATA,), _S.DATA_TRANSFER)
# Table 9-8, association release.
AR_1 = Action("AR-1", (_E.SEND_RELEASE_RQ,), _S.AWAITING_RELEASE_RP)
AR_2 = Action("AR-2", (_E.INDICATE_RELEASE,), _S.AWAITING_LOCAL_RELEASE_RESPONSE)
AR_3 = _ends("AR-3", _E.CONFIRM_RELEASE, _E.CLOSE_TRANSPORT)
AR_4 = _waits("AR-4", _E.SEND_RELEASE_RP, _E.START_ARTIM)
AR_5 = _ends("AR-5", _E.STOP_ARTIM)
AR_6 = Action("AR-6", (_E.INDICATE_DATA,), _S.AWAITING_RELEASE_RP)
AR_7 = Action("AR-7", (_E.SEND_DATA_TF,), _S.AWAITING_LOCAL_RELEASE_RESPONSE)
AR_8 = Action(
    "AR-8",
    (_E.INDICATE_RELEASE,),
    _S.COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE,
    otherwise=_S.COLLISION_ACCEPTOR_AWAITING_RELEASE_RP,
)
AR_9 = Action("AR-9", (_E.SEND_RELEASE_RP,), _S.COLLISION_REQUESTOR_AWAITING_RELEASE_RP)
AR_10 = Action(
    "AR-10", (_E.CONFIRM_RELEASE,), _S.COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE
)
# Table 9-9, association abort.
AA_1 = _waits("AA-1", _E.SEND_USER_ABORT, _E.START_ARTIM)
AA_2 = _ends("AA-2", _E.STOP_ARTIM, _E.CLOSE_TRANSPORT)
AA_3 = _ends("AA-3", _E.INDICATE_ABORT, _E.CLOSE_TRANSPORT)
AA_4 = _ends("AA-4", _E.INDICATE_PROVIDER_ABORT)
AA_5 = _ends("AA-5", _E.STOP_ARTIM)
AA_6 = _waits("AA-6", _E.IGNORE)
AA_7 = _waits("AA-7", _E.SEND_PROVIDER_ABORT)
AA_8 = _waits(
    "AA-8", _E.SEND_PROVIDER_ABORT, _E.INDICATE_PROVIDER_ABORT, _E.START_ARTIM
)

#: There is an association, or the wish for one, and it has not ended.
_ESTABLISHED: tuple[State, ...] = (
    _S.AWAITING_LOCAL_ASSOCIATE_RESPONSE,
    _S.AWAITING_ASSOCIATE_ANSWER,
    _S.DATA_TRANSFER,
    _S.AWAITING_RELEASE_RP,
    _S.AWAITING_LOCAL_RELEASE_RESPONSE,
    _S.COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE,
    _S.COLLISION_ACCEPTOR_AWAITING_RELEASE_RP,
    _S.COLLISION_REQUESTOR_AWAITING_RELEASE_RP,
    _S.COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE,
)
_RECEIVED = (
    _T.ASSOCIATE_AC,
    _T.ASSOCIATE_RJ,
    _T.ASSOCIATE_RQ,
    _T.DATA_TF,
    _T.RELEASE_RQ,
    _T.RELEASE_RP,
    _T.INVALID_PDU,
)


def _general_cells() -> dict[tuple[State, Trigger], Action]:
    """The columns and rows that follow one rule; single cells come on top."""
    cells: dict[tuple[State, Trigger], Action] = {
        (state, pdu): AA_8 for state in _ESTABLISHED for pdu in _RECEIVED
    }
    for state in _ESTABLISHED:
        cells[state, _T.LOCAL_ABORT] = AA_1
        cells[state, _T.ABORT] = AA_3
        cells[state, _T.TRANSPORT_CLOSED] = AA_4
    for pdu in _RECEIVED:
        cells[_S.AWAITING_ASSOCIATE_RQ, pdu] = AA_1
        cells[_S.AWAITING_CLOSE, pdu] = AA_6
    for state in (_S.AWAITING_ASSOCIATE_RQ, _S.AWAITING_CLOSE):
        cells[state, _T.ABORT] = AA_2
        cells[state, _T.ARTIM_EXPIRED] = AA_2
    return cells


#: Every filled cell; `(state, trigger) not in TABLE` is a blank one.
TABLE: Mapping[tuple[State, Trigger], Action] = MappingProxyType(
    _general_cells()
    | {
        (_S.IDLE, _T.LOCAL_ASSOCIATE_REQUEST): AE_1,
        (_S.IDLE, _T.TRANSPORT_INDICATED): AE_5,
        (_S.AWAITING_ASSOCIATE_RQ, _T.ASSOCIATE_RQ): AE_6,
        (_S.AWAITING_ASSOCIATE_RQ, _T.TRANSPORT_CLOSED): AA_5,
        (_S.AWAITING_LOCAL_ASSOCIATE_RESPONSE, _T.LOCAL_ASSOCIATE_ACCEPT): AE_7,
        (_S.AWAITING_LOCAL_ASSOCIATE_RESPONSE, _T.LOCAL_ASSOCIATE_REJECT): AE_8,
        (_S.AWAITING_TRANSPORT, _T.TRANSPORT_OPENED): AE_2,
        (_S.AWAITING_TRANSPORT, _T.LOCAL_ABORT): AA_2,
        (_S.AWAITING_TRANSPORT, _T.TRANSPORT_CLOSED): AA_4,
        (_S.AWAITING_ASSOCIATE_ANSWER, _T.ASSOCIATE_AC): AE_3,
        (_S.AWAITING_ASSOCIATE_ANSWER, _T.ASSOCIATE_RJ): AE_4,
        (_S.DATA_TRANSFER, _T.LOCAL_DATA): DT_1,
        (_S.DATA_TRANSFER, _T.DATA_TF): DT_2,
        (_S.DATA_TRANSFER, _T.LOCAL_RELEASE_REQUEST): AR_1,
        (_S.DATA_TRANSFER, _T.RELEASE_RQ): AR_2,
        (_S.AWAITING_RELEASE_RP, _T.DATA_TF): AR_6,
        (_S.AWAITING_RELEASE_RP, _T.RELEASE_RQ): AR_8,
        (_S.AWAITING_RELEASE_RP, _T.RELEASE_RP): AR_3,
        (_S.AWAITING_LOCAL_RELEASE_RESPONSE, _T.LOCAL_DATA): AR_7,
        (_S.AWAITING_LOCAL_RELEASE_RESPONSE, _T.LOCAL_RELEASE_RESPONSE): AR_4,
        (
            _S.COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE,
            _T.LOCAL_RELEASE_RESPONSE,
        ): AR_9,
        (_S.COLLISION_ACCEPTOR_AWAITING_RELEASE_RP, _T.RELEASE_RP): AR_10,
        (_S.COLLISION_REQUESTOR_AWAITING_RELEASE_RP, _T.RELEASE_RP): AR_3,
        (
            _S.COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE,
            _T.LOCAL_RELEASE_RESPONSE,
        ): AR_4,
        (_S.AWAITING_CLOSE, _T.ASSOCIATE_RQ): AA_7,
        (_S.AWAITING_CLOSE, _T.INVALID_PDU): AA_7,
        (_S.AWAITING_CLOSE, _T.TRANSPORT_CLOSED): AR_5,
    }
)

#: The states a requestor can reach.
REQUESTOR = frozenset(
    {
        _S.IDLE,
        _S.AWAITING_TRANSPORT,
        _S.AWAITING_ASSOCIATE_ANSWER,
        _S.DATA_TRANSFER,
        _S.AWAITING_RELEASE_RP,
        _S.AWAITING_LOCAL_RELEASE_RESPONSE,
        _S.COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE,
        _S.COLLISION_REQUESTOR_AWAITING_RELEASE_RP,
        _S.AWAITING_CLOSE,
    }
)
