"""PS3.7 Section 6.3.1 and Annex E: command sets, ours and the peer's."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_FIND_RSP
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import decode, encode

from batchfind.dimse.command_set import (
    Priority,
    Response,
    decode_response,
    encode_cancel_rq,
    encode_echo_rq,
    encode_find_rq,
)
from batchfind.errors import DimseError
from tests.dimse.peer import (
    GOLDEN_PENDING,
    STUDY_ROOT,
    VERIFICATION,
    WITHOUT_DATA_SET,
    command_set,
    element,
    response,
    us,
)

US = st.integers(0, 0xFFFF)


def without(number: int) -> bytes:
    elements = {
        0x0002: element(0x0002, b"1.2"),
        0x0100: us(0x0100, 0x8020),
        0x0120: us(0x0120, 1),
        0x0800: us(0x0800, 1),
        0x0900: us(0x0900, 0),
    }
    return command_set(*(value for key, value in elements.items() if key != number))


def fault(command: bytes) -> str:
    with pytest.raises(DimseError) as caught:
        decode_response(command)
    return str(caught.value)


class TestRequests:
    """As pynetdicom reads them."""

    @pytest.mark.parametrize("priority", Priority)
    def test_find(self, priority: Priority) -> None:
        read = decode(BytesIO(encode_find_rq(513, STUDY_ROOT, priority)), True, True)
        assert read.AffectedSOPClassUID == STUDY_ROOT
        assert (read.CommandField, read.MessageID) == (0x0020, 513)
        assert read.Priority == priority
        assert read.CommandDataSetType != WITHOUT_DATA_SET

    def test_echo(self) -> None:
        read = decode(BytesIO(encode_echo_rq(65_535)), True, True)
        assert read.AffectedSOPClassUID == VERIFICATION
        assert (read.CommandField, read.MessageID) == (0x0030, 65_535)
        assert read.CommandDataSetType == WITHOUT_DATA_SET

    def test_cancel_spelled_out(self) -> None:
        assert encode_cancel_rq(258) == bytes.fromhex(
            "0000 0000 04000000 1E000000"
            "0000 0001 02000000 FF0F"
            "0000 2001 02000000 0201"
            "0000 0008 02000000 0101"
        )

    def test_group_length_counts_the_rest_and_all_is_even(self) -> None:
        for command in (
            encode_find_rq(1, STUDY_ROOT, Priority.MEDIUM),
            encode_echo_rq(1),
            encode_cancel_rq(1),
        ):
            assert int.from_bytes(command[8:12], "little") == len(command) - 12
            assert len(command) % 2 == 0


class TestResponses:
    def test_golden(self) -> None:
        assert decode_response(GOLDEN_PENDING) == Response(
            command_field=0x8020,
            message_id=7,
            status=0xFF00,
            has_data_set=True,
            sop_class=STUDY_ROOT,
        )

    def test_golden_is_what_the_peer_of_these_tests_sends(self) -> None:
        assert response(7) == GOLDEN_PENDING

    def test_from_pynetdicom(self) -> None:
        primitive = C_FIND()
        primitive.AffectedSOPClassUID = STUDY_ROOT
        primitive.MessageIDBeingRespondedTo = 9
        primitive.Status = 0xA900
        details = {"ErrorComment": "Level missing", "OffendingElement": 0x00080052}
        for name, value in details.items():
            setattr(primitive, name, value)
        sent = C_FIND_RSP()
        sent.primitive_to_message(primitive)
        command = encode(sent.command_set, True, True)
        assert command is not None
        read = decode_response(command)
        assert (read.message_id, read.status) == (9, 0xA900)
        assert read.comment == "Level missing"
        assert read.offending == (0x00080052,)
        assert not read.has_data_set

    @given(US, US, US, US.filter(lambda value: value != WITHOUT_DATA_SET))
    def test_comes_back(
        self, message_id: int, status: int, error_id: int, data_set: int
    ) -> None:
        command = response(message_id, status, us(0x0903, error_id), data_set=data_set)
        read = decode_response(command)
        assert (read.message_id, read.status) == (message_id, status)
        assert (read.error_id, read.has_data_set) == (error_id, True)

    def test_status_details(self) -> None:
        """61 status_a700 to status_0211."""
        details = (
            element(0x0901, bytes.fromhex("0800 5200 1000 2000")),
            element(0x0902, "Zu viele Treffer für C-FIND ".encode()),
            us(0x0903, 4711),
        )
        read = decode_response(response(1, 0xA700, *details))
        assert read.offending == (0x00080052, 0x00100020)
        assert read.comment == "Zu viele Treffer für C-FIND"
        assert read.error_id == 4711
        assert read.warnings == ()

    def test_status_comment_hostile(self) -> None:
        """62: decoded as it is; whoever shows it escapes and cuts it."""
        comment = b"\x1b[2J\r\n\0" * 8_000 + b"\xff"
        read = decode_response(response(1, 0xC000, element(0x0902, comment)))
        assert read.comment == comment.decode("latin-1")


class TestTolerated:
    """53 cmd_status_us4; 55."""

    def test_cmd_status_us4(self) -> None:
        command = without(0x0900)[12:] + element(0x0900, b"\0\xff\0\0")
        read = decode_response(command_set(command))
        assert read.status == 0xFF00
        assert read.warnings == ("(0000,0900) of a response has 4 bytes instead of 2",)

    def test_missing_sop_class(self) -> None:
        read = decode_response(without(0x0002))
        assert read.sop_class == ""
        assert read.warnings == ("(0000,0002) of a response is absent",)

    def test_cmd_no_group_length(self) -> None:
        read = decode_response(without(0)[12:])
        assert read.warnings == ("(0000,0000) of a response is absent",)

    @pytest.mark.parametrize("value", [b"\x0f\x27\0\0", b"", b"\0"])
    def test_cmd_wrong_group_length(self, value: bytes) -> None:
        read = decode_response(element(0, value) + without(0)[12:])
        assert "does not count" in read.warnings[0]

    @pytest.mark.parametrize("value", [b"\x08\0", b"\x08\0\x52\0\x10\0"])
    def test_offending_element_that_is_no_list(self, value: bytes) -> None:
        read = decode_response(response(1, 0xA900, element(0x0901, value)))
        assert read.offending == ()
        assert "not a list of tags" in read.warnings[0]

    def test_error_id_of_a_wrong_size(self) -> None:
        read = decode_response(response(1, 0xA900, element(0x0903, b"\1")))
        assert read.error_id is None
        assert "1 bytes instead of 2" in read.warnings[0]

    def test_unknown_elements_and_any_order(self) -> None:
        command = command_set(us(0x0900, 0), us(0x5110, 3), without(0x0900)[12:])
        assert decode_response(command).status == 0


class TestRefused:
    """53, 54, 56, 57: a DimseError that names the tag or the byte."""

    @pytest.mark.parametrize(
        ("number", "tag"),
        [
            (0x0100, "(0000,0100)"),
            (0x0120, "(0000,0120)"),
            (0x0800, "(0000,0800)"),
            (0x0900, "(0000,0900)"),
        ],
        ids=["command_field", "msgid", "dataset_type", "status"],
    )
    def test_missing(self, number: int, tag: str) -> None:
        assert fault(without(number)) == f"command set lacks {tag}"

    @pytest.mark.parametrize("number", [0x0100, 0x0120, 0x0800, 0x0900])
    @pytest.mark.parametrize("value", [b"", b"\0", b"\0\0\0\1", b"\0" * 6])
    def test_wrong_size(self, number: int, value: bytes) -> None:
        """cmd_status_empty and its kin."""
        command = without(number)[12:] + element(number, value)
        words = f"{len(value)} bytes instead of 2"
        assert words in fault(command_set(command))

    def test_cmd_empty(self) -> None:
        assert fault(b"") == "command set lacks (0000,0100)"

    @pytest.mark.parametrize("size", [9, 40, 83, 87])
    def test_cmd_truncated(self, size: int) -> None:
        fault(GOLDEN_PENDING[:size])

    def test_cmd_explicit_vr(self) -> None:
        explicit = bytes.fromhex("0000 0000 554C 0400 4C000000")
        assert "announces" in fault(explicit + GOLDEN_PENDING[12:])

    def test_cmd_length_4g(self) -> None:
        command = command_set(bytes.fromhex("0000 0001 FFFFFFFF 2080"))
        assert "announces 4294967295 bytes where 2 are left" in fault(command)

    def test_element_of_another_group(self) -> None:
        command = command_set(bytes.fromhex("0800 5200 00000000"))
        assert fault(command) == "command set holds (0008,0052)"

    def test_element_twice(self) -> None:
        command = response(1) + us(0x0900, 0)
        assert fault(command) == "command set holds (0000,0900) twice"

    @pytest.mark.parametrize(
        ("field", "name"),
        [
            (0x0001, "C-STORE-RQ"),
            (0x0020, "C-FIND-RQ"),
            (0x0030, "C-ECHO-RQ"),
            (0x0FFF, "C-CANCEL-RQ"),
            (0x1234, "command 1234H"),
        ],
    )
    def test_requests_are_never_served(self, field: int, name: str) -> None:
        """cmd_store_rq, cmd_find_rq."""
        assert fault(response(1, field=field)) == (
            f"the peer sent {name}; we serve no requests"
        )

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=80))
    def test_cmd_garbage(self, command: bytes) -> None:
        try:
            decode_response(command)
        except DimseError:
            return

    @settings(deadline=None, max_examples=500)
    @given(st.data())
    def test_mutations_give_a_response_or_an_error(self, data: st.DataObject) -> None:
        command = bytearray(data.draw(st.sampled_from([GOLDEN_PENDING, response(1)])))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(command) - 1))
            command[at] = data.draw(st.integers(0, 255))
        try:
            decode_response(bytes(command))
        except DimseError:
            return
