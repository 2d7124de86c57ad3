"""Peers that do not speak PS3.8, or speak it badly; named after the catalogue."""

from __future__ import annotations

import tracemalloc
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.errors import BadAccept, NotDicom, PduError
from batchfind.ul.association import Association
from batchfind.ul.association_request import associate_rq
from batchfind.ul.events import Abort, Aborted, Accepted, Closed, Rejected
from batchfind.ul.framing import Burst
from batchfind.ul.proposal import Proposal
from batchfind.ul.states import State
from tests.ul.acceptor import (
    ABORT_BY_USER,
    GOLDEN_AC,
    MATCH,
    PROPOSED,
    RELEASE_RP,
    RELEASE_RQ,
    after,
    drain,
    established,
    pdata,
    pdu,
    pdv,
    releasing,
    requested,
)

UNRECOGNIZED = bytes.fromhex("07 00 00000004 0000 02 01")
UNEXPECTED = bytes.fromhex("07 00 00000004 0000 02 02")
INVALID = bytes.fromhex("07 00 00000004 0000 02 06")


def fault(association: Association, data: bytes, abort: bytes) -> str:
    """The sentence of the PduError these bytes cause."""
    with pytest.raises(PduError) as caught:
        after(association, data)
    assert association.ended
    assert association.pending_output() == abort
    assert association.pending_output() == b""
    return str(caught.value)


class TestNotDicom:
    """22 http_peer, ssh_peer; 23 tls_alert_peer."""

    @pytest.mark.parametrize(
        ("start", "words"),
        [
            (b"HTTP/1.1 400 Bad Request\r\n", "an HTTP server answers there"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH answers there"),
            (bytes.fromhex("15 03 01 0002 02 28"), "the port speaks TLS"),
            (bytes.fromhex("16 03 03 0050 02"), "the port speaks TLS"),
            (b"220 mail.example ESMTP\r\n", "something answers in text"),
        ],
        ids=["HTTP", "SSH", "TLS alert", "TLS handshake", "SMTP"],
    )
    def test_first_bytes_tell(self, start: bytes, words: str) -> None:
        association = requested()
        with pytest.raises(NotDicom) as caught:
            after(association, start)
        assert str(caught.value) == f"{words}: {ascii(start[:32])[1:]}"
        assert association.pending_output() == UNRECOGNIZED

    def test_bytes_are_quoted_escaped_and_cut(self) -> None:
        with pytest.raises(NotDicom) as caught:
            after(requested(), b"HTTP/1.1 \x1b[31m" + b"x" * 100)
        text = str(caught.value)
        assert "\x1b" not in text
        assert text.count("x") == 1 + 18  # of \x1b, and of the 32 bytes quoted

    def test_six_bytes_are_enough(self) -> None:
        association = requested()
        assert after(association, b"SSH-2") == []
        with pytest.raises(NotDicom):
            after(association, b".")

    def test_fewer_are_judged_at_the_end(self) -> None:
        association = requested()
        assert after(association, b"Hi\r\n") == []
        with pytest.raises(NotDicom, match="something answers in text: 'Hi"):
            after(association, b"")

    def test_text_in_the_middle_is_a_broken_pdu(self) -> None:
        text = fault(established(), b"HTTP/1.1 200 OK", UNRECOGNIZED)
        assert text == "unrecognized PDU type 48H: 'HTTP/1.1 200 OK'"


class TestWrongAnswers:
    """10 reject_garbage_codes, rj_length_0; 29, 30."""

    def test_reject_garbage_codes(self) -> None:
        (event,) = after(requested(), bytes.fromhex("03 00 00000004 00 09 09 63"))
        assert event == Rejected(9, 9, 99)
        assert isinstance(event, Rejected)
        assert not event.transient

    @pytest.mark.parametrize("length", [0, 3, 5, 0xFFFFFFFF])
    def test_rj_length_0(self, length: int) -> None:
        text = fault(requested(), pack(">BxL", 3, length), INVALID)
        assert text == f"A-ASSOCIATE-RJ announces {length} bytes instead of 4"

    def test_abort_before_accept(self) -> None:
        abort = bytes.fromhex("07 00 00000004 0000 02 00")
        assert after(requested(), abort) == [Aborted(2, 0)]

    @pytest.mark.parametrize(
        "stream", [MATCH, RELEASE_RQ, RELEASE_RP], ids=["P-DATA", "RQ", "RP"]
    )
    def test_pdata_or_release_before_accept(self, stream: bytes) -> None:
        assert "is not expected here" in fault(requested(), stream, UNEXPECTED)

    def test_unknown_pdu_before_accept(self) -> None:
        text = fault(requested(), pdu(0x42, bytes(4)), UNRECOGNIZED)
        assert text.startswith("unrecognized PDU type 42H")

    def test_parrot(self) -> None:
        ours = associate_rq(
            calling_ae="SCU", called_ae="SCP", proposal=Proposal(contexts=PROPOSED)
        )
        text = fault(requested(), ours, UNEXPECTED)
        assert text.startswith("A-ASSOCIATE-RQ is not expected")

    def test_ac_twice(self) -> None:
        association = requested()
        association.receive(GOLDEN_AC * 2)
        assert isinstance(association.next_event(), Accepted)
        with pytest.raises(PduError, match="A-ASSOCIATE-AC is not expected"):
            association.next_event()
        assert association.pending_output() == UNEXPECTED


class TestEndsInTheMiddle:
    """34, 35: what came before is kept, how it ended is told."""

    def test_fin_mid_pdu(self) -> None:
        association = established()
        association.receive(MATCH + MATCH[:20])
        association.receive(b"")
        burst, closed = drain(association)
        assert isinstance(burst, Burst)
        assert closed == Closed(State.DATA_TRANSFER, 20 - 16, None)

    def test_fin_mid_data(self) -> None:
        association = established()
        association.receive(MATCH[:12])
        (closed,) = after(association, b"")
        assert closed == Closed(State.DATA_TRANSFER, 12, 16)

    def test_fin_mid_header(self) -> None:
        association = established()
        association.receive(MATCH[:3])
        (closed,) = after(association, b"")
        assert closed == Closed(State.DATA_TRANSFER, 3, None)

    def test_fin_mid_find(self) -> None:
        association = established()
        association.receive(MATCH)
        association.receive(b"")
        _, closed = drain(association)
        assert closed == Closed(State.DATA_TRANSFER)


class TestWrongPduInTheMiddle:
    """36, 37, 67, 68."""

    def test_unknown_pdu_mid(self) -> None:
        fault(established(), pdu(0x0A, bytes(4)), UNRECOGNIZED)

    def test_garbage_mid_is_one_error(self) -> None:
        association = established()
        fault(association, b"\xa5" * 65_536, UNRECOGNIZED)
        assert after(association, b"\xa5" * 65_536) == []

    @pytest.mark.parametrize("pdu_type", [1, 2, 3, 6])
    def test_ac_rq_rj_release_rp_mid(self, pdu_type: int) -> None:
        fault(established(), pdu(pdu_type, bytes(4)), UNEXPECTED)

    def test_good_pdus_before_the_fault_are_kept(self) -> None:
        association = established()
        association.receive(MATCH * 2 + pdu(0x0A, b""))
        burst = association.next_event()
        assert isinstance(burst, Burst)
        assert len(burst) == 4
        with pytest.raises(PduError):
            association.next_event()

    @pytest.mark.parametrize(("source", "reason"), [(0, 0), (2, 6), (9, 250)])
    def test_abort_mid(self, source: int, reason: int) -> None:
        association = established()
        stream = pack(">BxLxxBB", 7, 4, source, reason)
        assert after(association, stream) == [Aborted(source, reason)]
        assert association.pending_output() == b""

    @pytest.mark.parametrize("length", [0, 3, 5, 0xFFFFFFFF])
    def test_abort_length_0(self, length: int) -> None:
        association = established()
        assert after(association, pack(">BxL", 7, length)) == [Aborted(None, None)]
        assert association.ended

    @pytest.mark.parametrize("pdu_type", [5, 6])
    def test_release_of_a_wrong_length(self, pdu_type: int) -> None:
        assert "instead of 4" in fault(releasing(), pdu(pdu_type, b""), INVALID)


class TestPduLength:
    """38 to 40: decided on the header, before a byte behind it is stored."""

    @pytest.mark.parametrize("length", [0, 3, 5])
    def test_pdu_len_0(self, length: int) -> None:
        text = fault(established(), pdu(4, bytes(length)), INVALID)
        assert text == f"P-DATA-TF of {length} bytes holds no PDV"

    @pytest.mark.parametrize("length", [0, 3])
    def test_pdu_len_0_behind_good_ones(self, length: int) -> None:
        association = established()
        association.receive(MATCH + pdu(4, bytes(length)) + MATCH)
        burst = association.next_event()
        assert isinstance(burst, Burst)
        assert burst.data == MATCH
        with pytest.raises(PduError, match="holds no PDV"):
            association.next_event()

    @pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF])
    def test_pdu_len_4g_is_refused_on_the_header(self, length: int) -> None:
        association = established()
        tracemalloc.start()
        try:
            fault(association, pack(">BxL", 4, length), INVALID)
            for _ in range(64):
                assert after(association, bytes(65_536)) == []
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1 << 20

    def test_pdu_over_max(self) -> None:
        text = fault(established(16_384), pack(">BxL", 4, 65_537), INVALID)
        assert text == "P-DATA-TF announces 65537 bytes where 65536 are accepted"

    def test_four_times_our_maximum_is_tolerated(self) -> None:
        association = established(16_384)
        stream = pdata(pdv(1, 2, bytes(65_530)))
        assert len(after(association, stream)) == 1

    def test_pdu_over_max_behind_good_ones(self) -> None:
        association = established(4096)
        association.receive(MATCH + pdata(pdv(1, 2, bytes(16_380))))
        assert isinstance(association.next_event(), Burst)
        with pytest.raises(PduError, match="16386 bytes where 16384"):
            association.next_event()

    def test_never_more_than_16_mib(self) -> None:
        header = pack(">BxL", 4, (16 << 20) + 1)
        fault(established(16 << 20), header, INVALID)


class TestPdvLength:
    """41 to 43, 46."""

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("00000000 0000", "length 0 has no room"),
            ("00000001 01 00", "length 1 has no room"),
            ("000003E8 01 02 0000", "length 1000 exceeds"),
            ("FFFFFFFF 01 02", "length 4294967295 exceeds"),
            ("80000002 01 02", "length 2147483650 exceeds"),
            ("00000002 01 02 AABBCC", "3 stray bytes"),
            ("00000002 01 02 00000000 01 02", "length 0 has no room"),
        ],
        ids=[
            "pdv_len_0", "pdv_len_1", "pdv_past_pdu", "pdv_len_4g", "pdv_len_wrap",
            "pdv_trailing", "second PDV",
        ],
    )  # fmt: skip
    def test_pdvs_fill_their_pdu(self, body: str, words: str) -> None:
        assert words in fault(established(), pdu(4, bytes.fromhex(body)), INVALID)

    def test_broken_pdv_behind_good_pdus(self) -> None:
        association = established()
        association.receive(MATCH + pdu(4, bytes.fromhex("00000001 01 00")))
        assert isinstance(association.next_event(), Burst)
        with pytest.raises(PduError, match="length 1"):
            association.next_event()

    def test_mch_high_bits_and_reserved_byte_set(self) -> None:
        stream = b"\x04\xff" + pdata(pdv(1, 0xFF, b"CC"), pdv(1, 0xFE, b"DD"))[2:]
        (burst,) = after(established(), stream)
        assert isinstance(burst, Burst)
        assert burst.controls == bytes([3, 2])

    def test_pdv_no_data(self) -> None:
        (burst,) = after(established(), pdata(pdv(1, 1, b"")))
        assert isinstance(burst, Burst)
        assert burst.begin == burst.end == [12]


GOLDEN = [
    GOLDEN_AC + MATCH * 3 + RELEASE_RQ,
    GOLDEN_AC + pdata(pdv(1, 3, b"CC"), pdv(1, 2, b"DD")) * 2 + ABORT_BY_USER,
]


def survives(stream: bytes, cut: int) -> None:
    association = requested()
    try:
        after(association, stream[:cut] or stream)
        after(association, stream[cut:] or b"")
        if not association.ended:
            after(association, b"")
    except (PduError, NotDicom, BadAccept):
        assert association.pending_output()
    else:
        assert association.pending_output() == b""
    assert len(association._buffer) <= len(stream)
    association.send(Abort())
    assert association.ended


class TestFuzz:
    """Whatever a peer sends, there are events or one of three errors."""

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=300), st.integers(0, 300))
    def test_random_bytes(self, stream: bytes, cut: int) -> None:
        survives(stream, cut)

    @settings(deadline=None, max_examples=500)
    @given(st.data())
    def test_mutated_streams(self, data: st.DataObject) -> None:
        stream = bytearray(data.draw(st.sampled_from(GOLDEN)))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(stream) - 1))
            stream[at] = data.draw(st.integers(0, 255))
        survives(bytes(stream), data.draw(st.integers(0, len(stream))))
