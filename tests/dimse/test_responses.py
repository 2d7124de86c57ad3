"""Responses that were decoded before are what decoding them again would give."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dimse.command_set import Response, decode_response
from batchfind.dimse.responses import Responses
from batchfind.errors import DimseError
from tests.peers import pdu

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"


def response(
    message_id: int, status: int = 0xFF00, comment: str | None = None
) -> bytes:
    return pdu.response_command(
        pdu.FIND_RQ,
        STUDY_ROOT,
        message_id,
        status,
        data_set=status == 0xFF00,
        comment=comment,
    )


def outcome(decode: object, command: bytes) -> Response | str:
    assert callable(decode)
    try:
        decoded = decode(command)
    except DimseError as error:
        return str(error)
    assert isinstance(decoded, Response)
    return decoded


@given(
    st.lists(
        st.tuples(
            st.integers(1, 65_535),
            st.sampled_from((0, 0xFF00, 0xFF01, 0xA700)),
            st.sampled_from((None, "", "full", "\x00\x00\x20\x01\x02\x00\x00\x00ab")),
        ),
        max_size=30,
    )
)
def test_of_every_message_id(told: list[tuple[int, int, str | None]]) -> None:
    responses = Responses()
    for message_id, status, comment in told:
        command = response(message_id, status, comment)
        assert responses.decode(command) == decode_response(command)


@pytest.mark.parametrize("seed", range(20))
def test_broken_ones_are_told_as_ever(seed: int) -> None:
    chance, responses = random.Random(seed), Responses()  # noqa: S311
    for _ in range(200):
        command = bytearray(response(chance.choice((1, 2, 0x0120, 513))))
        for _ in range(chance.randint(0, 2)):
            command[chance.randrange(len(command))] = chance.choice((0, 1, 2, 0x20))
        cut = bytes(command[: chance.choice((len(command), len(command) - 1, 46))])
        expected = outcome(decode_response, cut)
        assert outcome(responses.decode, cut) == expected


def test_a_message_id_within_another_value_is_none() -> None:
    """Before the element stands a SOP class that holds its very bytes."""

    def command(trap: bytes, message_id: int) -> bytes:
        return pdu.command(
            {
                0x0002: b"1.2\0\0\x20\1\2\0\0\0" + trap + b"3",
                0x0100: pdu.us(0x8020),
                0x0120: pdu.us(message_id),
                0x0800: pdu.us(0x0101),
                0x0900: pdu.us(0),
            }
        )

    responses = Responses()
    for trap, message_id in ((b"ab", 7), (b"cd", 7), (b"cd", 8), (b"\7\0", 7)):
        for _ in range(2):
            given_command = command(trap, message_id)
            assert responses.decode(given_command) == decode_response(given_command)
