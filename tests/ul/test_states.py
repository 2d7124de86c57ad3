"""PS3.8 Table 9-10, laid beside the data and beside the engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchfind.errors import LocalProtocolError, PduError
from batchfind.ul.association import Association
from batchfind.ul.events import (
    Abort,
    Associate,
    Command,
    Data,
    Release,
    ReleaseResponse,
)
from batchfind.ul.proposal import Proposal
from batchfind.ul.states import REQUESTOR, TABLE, Effect, State, Trigger
from tests.ul.acceptor import (
    ABORT_BY_USER,
    GOLDEN_AC,
    MATCH,
    PROPOSED,
    REJECT_CALLED_AE,
    RELEASE_RP,
    RELEASE_RQ,
    drain,
    established,
    pdu,
    releasing,
    requested,
)

# One line an event, one column a state Sta1 to Sta13; a point is a blank cell.
STANDARD = """
Evt1  AE-1 .    .    .    .    .    .    .    .    .     .    .    .
Evt2  .    .    .    AE-2 .    .    .    .    .    .     .    .    .
Evt3  .    AA-1 AA-8 .    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt4  .    AA-1 AA-8 .    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt5  AE-5 .    .    .    .    .    .    .    .    .     .    .    .
Evt6  .    AE-6 AA-8 .    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
Evt7  .    .    AE-7 .    .    .    .    .    .    .     .    .    .
Evt8  .    .    AE-8 .    .    .    .    .    .    .     .    .    .
Evt9  .    .    .    .    .    DT-1 .    AR-7 .    .     .    .    .
Evt10 .    AA-1 AA-8 .    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt11 .    .    .    .    .    AR-1 .    .    .    .     .    .    .
Evt12 .    AA-1 AA-8 .    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt13 .    AA-1 AA-8 .    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6
Evt14 .    .    .    .    .    .    .    AR-4 AR-9 .     .    AR-4 .
Evt15 .    .    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 .
Evt16 .    AA-2 AA-3 .    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2
Evt17 .    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5
Evt18 .    AA-2 .    .    .    .    .    .    .    .     .    .    AA-2
Evt19 .    AA-1 AA-8 .    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
"""
# Tables 9-6 to 9-9: where each action leads. AE-6 and AR-8 have an "if".
NEXT = {
    "AE-1": "Sta4", "AE-2": "Sta5", "AE-3": "Sta6", "AE-4": "Sta1", "AE-5": "Sta2",
    "AE-6": "Sta3 Sta13", "AE-7": "Sta6", "AE-8": "Sta13", "DT-1": "Sta6",
    "DT-2": "Sta6", "AR-1": "Sta7", "AR-2": "Sta8", "AR-3": "Sta1", "AR-4": "Sta13",
    "AR-5": "Sta1", "AR-6": "Sta7", "AR-7": "Sta8", "AR-8": "Sta9 Sta10",
    "AR-9": "Sta11", "AR-10": "Sta12", "AA-1": "Sta13", "AA-2": "Sta1",
    "AA-3": "Sta1", "AA-4": "Sta1", "AA-5": "Sta1", "AA-6": "Sta13",
    "AA-7": "Sta13", "AA-8": "Sta13",
}  # fmt: skip

GRID = {
    (State(f"Sta{column}"), Trigger(line.split()[0])): label
    for line in STANDARD.strip().splitlines()
    for column, label in enumerate(line.split()[1:], start=1)
}


def cell_id(cell: object) -> str:
    return str(cell.value) if isinstance(cell, State | Trigger) else ""


class TestTable910:
    @pytest.mark.parametrize(("state", "trigger"), GRID, ids=cell_id)
    def test_cell_is_that_of_the_standard(self, state: State, trigger: Trigger) -> None:
        action = TABLE.get((state, trigger))
        assert (action.label if action else ".") == GRID[state, trigger]

    def test_has_247_cells(self) -> None:
        assert len(GRID) == len(State) * len(Trigger) == 247

    def test_actions_lead_where_the_standard_says(self) -> None:
        for action in TABLE.values():
            following = [action.next] + ([action.otherwise] if action.otherwise else [])
            assert " ".join(state.value for state in following) == NEXT[action.label]

    def test_every_effect_is_used(self) -> None:
        used = {effect for action in TABLE.values() for effect in action.effects}
        assert used == set(Effect)

    def test_requestor_never_leaves_its_states(self) -> None:
        acceptors = {
            Trigger.TRANSPORT_INDICATED,
            Trigger.LOCAL_ASSOCIATE_ACCEPT,
            Trigger.LOCAL_ASSOCIATE_REJECT,
        }
        for (state, trigger), action in TABLE.items():
            if state in REQUESTOR and trigger not in acceptors:
                assert action.next in REQUESTOR


def idle() -> Association:
    return Association(
        calling_ae="SCU", called_ae="SCP", proposal=Proposal(contexts=PROPOSED)
    )


def asked_to_release() -> Association:
    association = established()
    association.receive(RELEASE_RQ)
    drain(association)
    return association


def collided() -> Association:
    association = releasing()
    association.receive(RELEASE_RQ)
    drain(association)
    return association


def collided_and_answered() -> Association:
    association = collided()
    association.send(ReleaseResponse())
    return association


def aborted() -> Association:
    association = established()
    association.send(Abort())
    return association


#: Sta4 is left as soon as it is entered: our caller has opened the connection.
REACHED: dict[State, Callable[[], Association]] = {
    State.IDLE: idle,
    State.AWAITING_ASSOCIATE_ANSWER: requested,
    State.DATA_TRANSFER: established,
    State.AWAITING_RELEASE_RP: releasing,
    State.AWAITING_LOCAL_RELEASE_RESPONSE: asked_to_release,
    State.COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE: collided,
    State.COLLISION_REQUESTOR_AWAITING_RELEASE_RP: collided_and_answered,
    State.AWAITING_CLOSE: aborted,
}
RECEIVED = {
    Trigger.ASSOCIATE_AC: GOLDEN_AC,
    Trigger.ASSOCIATE_RJ: REJECT_CALLED_AE,
    Trigger.ASSOCIATE_RQ: pdu(1, bytes(68)),
    Trigger.DATA_TF: MATCH,
    Trigger.RELEASE_RQ: RELEASE_RQ,
    Trigger.RELEASE_RP: RELEASE_RP,
    Trigger.ABORT: ABORT_BY_USER,
    Trigger.INVALID_PDU: pdu(0x42, bytes(4)),
    Trigger.TRANSPORT_CLOSED: b"",
}
PDUS = [trigger for trigger in RECEIVED if trigger is not Trigger.TRANSPORT_CLOSED]
COMMANDS: dict[Trigger, Command] = {
    Trigger.LOCAL_DATA: Data(1, b"command"),
    Trigger.LOCAL_RELEASE_REQUEST: Release(),
    Trigger.LOCAL_RELEASE_RESPONSE: ReleaseResponse(),
    Trigger.LOCAL_ABORT: Abort(),
}
LIVE = [state for state in REACHED if state not in {State.IDLE, State.AWAITING_CLOSE}]


class TestEngineFollowsTheTable:
    @pytest.mark.parametrize("trigger", RECEIVED, ids=cell_id)
    @pytest.mark.parametrize("state", LIVE, ids=cell_id)
    def test_received(self, state: State, trigger: Trigger) -> None:
        association = REACHED[state]()
        assert association.state is state
        association.receive(RECEIVED[trigger])
        action = TABLE[state, trigger]
        if action.label == "AA-8":
            with pytest.raises(PduError):
                drain(association)
            reason = 1 if trigger is Trigger.INVALID_PDU else 2
            abort = bytes([7, 0, 0, 0, 0, 4, 0, 0, 2, reason])
            assert association.pending_output() == abort
        else:
            assert drain(association)
        assert association.pending_output() == b""
        assert association.state is action.next
        assert drain(association) == []

    @pytest.mark.parametrize("trigger", COMMANDS, ids=cell_id)
    @pytest.mark.parametrize("state", LIVE, ids=cell_id)
    def test_commanded(self, state: State, trigger: Trigger) -> None:
        association = REACHED[state]()
        action = TABLE.get((state, trigger))
        if action is None:
            with pytest.raises(LocalProtocolError, match=trigger.value):
                association.send(COMMANDS[trigger])
            assert association.state is state
        else:
            assert association.send(COMMANDS[trigger])
            assert association.state is action.next

    @pytest.mark.parametrize("trigger", PDUS, ids=cell_id)
    @pytest.mark.parametrize("state", [State.IDLE, State.AWAITING_CLOSE], ids=cell_id)
    def test_nothing_received_counts_once_it_has_ended(
        self, state: State, trigger: Trigger
    ) -> None:
        association = REACHED[state]()
        association.receive(RECEIVED[trigger])
        assert drain(association) == []
        assert association.state is state
        assert association.pending_output() == b""

    @pytest.mark.parametrize("state", REACHED, ids=cell_id)
    def test_association_is_asked_for_once(self, state: State) -> None:
        association = REACHED[state]()
        if state is State.IDLE:
            association.send(Associate())
        with pytest.raises(LocalProtocolError, match="before"):
            association.send(Associate())

    @pytest.mark.parametrize("state", [State.IDLE, State.AWAITING_CLOSE], ids=cell_id)
    def test_nothing_is_left_to_abort_once_it_has_ended(self, state: State) -> None:
        association = REACHED[state]()
        assert association.send(Abort()) == b""
        assert association.state is state
