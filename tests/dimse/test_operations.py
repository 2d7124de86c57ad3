"""PS3.7 Section 9.1: C-FIND, C-ECHO and C-CANCEL of one association."""

from __future__ import annotations

import pytest

from batchfind.dimse.command_set import CommandField, Priority
from batchfind.dimse.ledger import Ledger, Operation
from batchfind.dimse.messages import Echoed, Final, Irregularity, Matches
from batchfind.dimse.operations import Operations
from batchfind.errors import DimseError, LocalProtocolError
from batchfind.ul.events import Data
from tests.dimse.peer import (
    ECHO_RSP,
    PENDING,
    PENDING_WARNING,
    STUDY_ROOT,
    VERIFICATION,
    WITHOUT_DATA_SET,
    Peer,
    burst,
    element,
    final,
    match,
    message,
    pdata,
    pdv,
    response,
    set_of,
    us,
)

_FIND = CommandField.C_FIND_RSP


class TestFind:
    """PS3.7 Section 9.1.2."""

    def test_request_goes_out_whole(self) -> None:
        peer = Peer()
        message_id, output = peer.operations.find(1, STUDY_ROOT, Priority.HIGH, b"KEYS")
        (sent,) = peer.sent
        assert message_id == 1
        assert (sent.context_id, sent.data_set) == (1, b"KEYS")
        assert burst(output).controls == bytes([3, 2])
        assert not peer.operations.drained

    def test_matches_of_a_burst_are_one_set(self) -> None:
        peer = Peer()
        peer.find()
        events = peer.answers(*(match(1, bytes(2 * n)) for n in (1, 0, 3)), final(1))
        assert events == [
            set_of(1, bytes(8), [2, 2, 8], [PENDING] * 3),
            Final(1, 0),
        ]
        assert peer.operations.drained

    def test_ff01_warnings(self) -> None:
        """64."""
        peer = Peer()
        peer.find()
        statuses = [PENDING, PENDING_WARNING, PENDING_WARNING, PENDING]
        events = peer.answers(*(match(1, b"ROW!", status) for status in statuses))
        assert events == [set_of(1, b"ROW!" * 4, [4, 8, 12, 16], statuses)]

    @pytest.mark.parametrize(
        "status",
        [
            0x0000, 0x0001, 0x0122, 0x0124, 0x0211, 0xA700, 0xA900, 0xB000,
            0xB001, 0xC000, 0xC311, 0xDEAD, 0xFE00, 0xFEFF, 0xFF02, 0xFFFF,
        ],
    )  # fmt: skip
    def test_any_other_status_is_final(self, status: int) -> None:
        """61 status_a700 to _0211, 63 status_unknown, status_fe00_unasked."""
        peer = Peer()
        peer.find()
        details = (
            element(0x0901, bytes.fromhex("0800 5200")),
            element(0x0902, b"out of memory "),
            us(0x0903, 12),
        )
        events = peer.answers(match(1, b"ROW!"), final(1, status, *details))
        assert events[1:] == [
            Final(1, status, "out of memory", (0x00080052,), 12, None)
        ]
        assert len(peer.operations._ledger) == 0

    def test_requests_are_told_apart_by_message_id(self) -> None:
        peer = Peer()
        assert (peer.find(), peer.find()) == (1, 2)
        events = peer.answers(
            match(2, b"B1"), match(1, b"A1"), match(2, b"B2"), final(2), match(1, b"A2")
        )
        assert events == [
            set_of(2, b"B1B2", [2, 4], [PENDING] * 2),
            set_of(1, b"A1A2", [2, 4], [PENDING] * 2),
            Final(2, 0),
        ]
        assert not peer.operations.drained

    def test_refused_by_the_association_begins_nothing(self) -> None:
        def refuse(data: Data) -> bytes:
            raise LocalProtocolError(str(data.context_id))

        operations = Operations([], refuse)
        with pytest.raises(LocalProtocolError):
            operations.find(1, STUDY_ROOT, Priority.MEDIUM, b"")
        with pytest.raises(LocalProtocolError):
            operations.echo(1)
        assert operations.drained


class TestEcho:
    """PS3.7 Section 9.1.5."""

    def test_request_and_response(self) -> None:
        peer = Peer()
        assert peer.echo() == 1
        assert peer.sent[0].data_set is None
        rsp = response(
            1, 0, field=ECHO_RSP, data_set=WITHOUT_DATA_SET, sop_class=VERIFICATION
        )
        assert peer.answers(message(rsp, context=5)) == [Echoed(1, 0)]
        assert peer.operations.drained

    def test_data_set_is_tolerated(self) -> None:
        peer = Peer()
        peer.echo()
        rsp = response(1, 0, field=ECHO_RSP, sop_class=VERIFICATION)
        irregular, echoed = peer.answers(message(rsp, b"DATA", context=5))
        assert irregular == Irregularity(1, "C-ECHO-RSP with a data set")
        assert echoed == Echoed(1, 0)


class TestCancel:
    """PS3.7 Section 9.3.2.3."""

    def test_goes_out_once_on_the_context_of_its_request(self) -> None:
        peer = Peer()
        message_id = peer.find(3)
        assert peer.operations.cancel(message_id)
        assert peer.operations.cancel(message_id) == b""
        assert [sent.context_id for sent in peer.sent] == [3, 3]
        assert peer.sent[1].data_set is None
        assert not peer.operations.drained

    @pytest.mark.parametrize("status", [0xFE00, 0x0000])
    def test_cancel_then_more(self, status: int) -> None:
        """66 cancel_then_more, cancel_success: what still comes counts."""
        peer = Peer()
        peer.operations.cancel(peer.find())
        matches, ended = peer.answers(match(1, b"ROW!") * 20, final(1, status))
        assert isinstance(matches, Matches)
        assert len(matches) == 20
        assert ended == Final(1, status)

    def test_too_late_is_no_fault(self) -> None:
        peer = Peer()
        message_id = peer.find()
        peer.answers(final(message_id))
        assert peer.operations.cancel(message_id) == b""

    def test_refused_by_the_association_may_be_tried_again(self) -> None:
        peer = Peer()
        message_id = peer.find()
        peer.operations._send = _refuse
        with pytest.raises(LocalProtocolError, match="refused"):
            peer.operations.cancel(message_id)
        peer.operations._send = peer._send
        assert peer.operations.cancel(message_id)

    def test_of_a_request_never_sent_is_our_bug(self) -> None:
        with pytest.raises(LocalProtocolError, match="message ID 9"):
            Peer().operations.cancel(9)

    def test_of_an_echo_is_our_bug(self) -> None:
        peer = Peer()
        with pytest.raises(LocalProtocolError, match="no C-FIND"):
            peer.operations.cancel(peer.echo())


def _refuse(data: Data) -> bytes:
    raise LocalProtocolError(f"refused on {data.context_id}")


class TestMessageIds:
    """PS3.7 Section 9.1.2.1.1."""

    def test_are_fresh(self) -> None:
        peer = Peer()
        issued = []
        for _ in range(3):
            issued.append(peer.find())
            peer.answers(final(issued[-1]))
        assert issued == [1, 2, 3]

    def test_go_round_past_those_in_use(self) -> None:
        ledger = Ledger()
        peer_operation = Operation(1, STUDY_ROOT, _FIND)
        for message_id in (1, 2, 65_535):
            ledger.begin(message_id, peer_operation)
        assert ledger.fresh_id() == 3

    def test_reused_one_is_open_again(self) -> None:
        ledger = Ledger()
        for _ in range(2):
            ledger.begin(65_535, Operation(1, STUDY_ROOT, _FIND))
            assert not ledger.has_ended(65_535)
            ledger.end(65_535)
            assert ledger.has_ended(65_535)

    def test_run_out(self) -> None:
        ledger = Ledger()
        for message_id in range(1, 65_536):
            ledger.begin(message_id, Operation(1, STUDY_ROOT, _FIND))
        with pytest.raises(LocalProtocolError, match="65535 message IDs"):
            ledger.fresh_id()


class TestWrongResponses:
    """52, 57."""

    def test_wrong_msgid(self) -> None:
        peer = Peer()
        peer.find()
        with pytest.raises(DimseError, match="message ID 8, never sent"):
            peer.answers(match(8, b"ROW!"))

    def test_rsp_before_request(self) -> None:
        with pytest.raises(DimseError, match="never sent"):
            Peer().answers(match(1, b"ROW!"))

    @pytest.mark.parametrize("stream", [match(1, b"OLD!") * 3, final(1)])
    def test_stale_previous_query(self, stream: bytes) -> None:
        """52 stale_previous_query, 60 rsp_after_final: dropped, told once."""
        peer = Peer()
        peer.find()
        peer.answers(match(1, b"OLD!"), final(1))
        peer.find()
        events = peer.answers(stream, match(2, b"NEW!"), stream)
        assert events == [
            set_of(2, b"NEW!", [4], [PENDING]),
            Irregularity(1, "response after the final one was dropped"),
        ]

    def test_rsp_after_final_in_the_same_burst(self) -> None:
        peer = Peer()
        peer.find()
        events = peer.answers(match(1, b"ROW!"), final(1), match(1, b"ROW!"), final(1))
        assert [type(event) for event in events] == [Matches, Final, Irregularity]

    def test_cmd_echo_rsp(self) -> None:
        peer = Peer()
        peer.find()
        with pytest.raises(
            DimseError, match=r"message ID 1 is 8030H where 8020H is due"
        ):
            peer.answers(message(response(1, field=ECHO_RSP), b"ROW!"))

    @pytest.mark.parametrize("field", [0x0001, 0x0020])
    def test_cmd_store_rq_cmd_find_rq(self, field: int) -> None:
        peer = Peer()
        peer.find()
        with pytest.raises(DimseError, match="we serve no requests"):
            peer.answers(message(response(1, field=field), b"ROW!"))

    def test_other_context_than_its_request(self) -> None:
        peer = Peer()
        peer.find(1)
        with pytest.raises(DimseError, match="on context 3 instead of 1"):
            peer.answers(message(response(1), b"ROW!", context=3))

    @pytest.mark.parametrize("stray", [pdata(pdv(1, 3, b"")), pdata(pdv(1, 3, b"?"))])
    def test_broken_command_set(self, stray: bytes) -> None:
        peer = Peer()
        peer.find()
        with pytest.raises(DimseError, match="command set"):
            peer.answers(stray)


class TestTolerated:
    """55, 58, 59."""

    def test_pending_no_ds(self) -> None:
        peer = Peer()
        peer.find()
        empty = message(response(1, data_set=WITHOUT_DATA_SET))
        events = peer.answers(match(1, b"ROW!"), empty, empty, match(1, b"ROW!"))
        assert events == [
            set_of(1, b"ROW!ROW!", [4, 4, 4, 8], [PENDING] * 4),
            Irregularity(
                1, "pending response without an Identifier; counted as an empty one"
            ),
        ]

    @pytest.mark.parametrize("status", [0x0000, 0xA900])
    def test_final_with_ds(self, status: int) -> None:
        peer = Peer()
        peer.find()
        events = peer.answers(message(response(1, status), b"DATA"))
        assert events == [
            Irregularity(1, "final response with a data set"),
            Final(1, status, identifier=b"DATA"),
        ]

    def test_wrong_sop_class(self) -> None:
        peer = Peer()
        peer.find()
        odd = message(response(1, sop_class=VERIFICATION), b"ROW!")
        assert peer.answers(odd * 3) == [
            set_of(1, b"ROW!" * 3, [4, 8, 12], [PENDING] * 3),
            Irregularity(1, "response names another SOP class than its request"),
        ]

    def test_missing_sop_class_is_told_once_a_request(self) -> None:
        peer = Peer()
        peer.find()
        bare = response(1)
        bare = bare[:12] + bare[12 + 36 :]
        events = peer.answers(message(bare, b"ROW!") * 2, match(1, b"ROW!"))
        assert [event for event in events if isinstance(event, Irregularity)] == [
            Irregularity(1, "(0000,0000) of a response does not count the command set"),
            Irregularity(1, "(0000,0002) of a response is absent"),
        ]
