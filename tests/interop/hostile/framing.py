"""PDU and PDV framing: what comes after the C-FIND-RQ in wrong pieces, or never."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import Any

from tests.dimse.peer import final, match, message, pdata, pdv, response
from tests.interop.hostile.behaviour import (
    MATCHES,
    Behaviour,
    complete,
    partial,
)
from tests.peers import steps
from tests.peers.scripted import Conversation, Request, Step
from tests.peers.steps import (
    close,
    delay,
    drip,
    echo_keys,
    flood,
    half_close,
    matches,
    raw,
    reset,
    say,
    silence,
)
from tests.ul.acceptor import GOLDEN_AC, RELEASE_RP, pdu

SHORT = "400ms"
BEFORE = 3
"""Whole responses before the fault."""


def one_match(request: Request, number: int = 0) -> bytes:
    return match(request.message_id, echo_keys(request, number))


def command_only(request: Request) -> bytes:
    """A response that announces an Identifier, and not that Identifier."""
    return pdata(pdv(1, 3, response(request.message_id)))


def half(request: Request) -> bytes:
    """The first half of a response's P-DATA-TF."""
    whole = one_match(request, BEFORE)
    return whole[: len(whole) // 2]


def pieces(count: int, size: int) -> Callable[[bytes], list[bytes]]:
    """Cuts into so many bytes; the `count` is of empty fragments at the end."""

    def cut(data: bytes) -> list[bytes]:
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        return parts + [b""] * count

    return cut


def whole(data: bytes) -> list[bytes]:
    return [data]


def cut_up(
    command: Callable[[bytes], list[bytes]],
    identifier: Callable[[bytes], list[bytes]],
    *,
    one_pdu: bool = False,
) -> Step:
    """A good answer whose messages are cut as given."""

    def build(request: Request) -> bytes:
        pdus = b""
        for number in range(MATCHES):
            told = response(request.message_id)
            parts = _pdvs(command(told), 1) + _pdvs(
                identifier(echo_keys(request, number)), 0
            )
            pdus += pdata(*parts) if one_pdu else b"".join(map(pdata, parts))
        return pdus + final(request.message_id)

    return say(build)


def _pdvs(parts: list[bytes], kind: int) -> list[bytes]:
    last = len(parts) - 1
    return [
        pdv(1, kind | (2 if number == last else 0), part)
        for number, part in enumerate(parts)
    ]


def mid(name: str, cause: str, words: str, *more: Step, **peer: Any) -> Behaviour:
    """A fault after some whole responses."""
    return Behaviour(
        name, partial(BEFORE, cause, words), [matches(BEFORE), *more], peer=peer
    )


def broken(name: str, words: str, data: bytes) -> Behaviour:
    """Bytes that are no PS3.8 after some whole responses."""
    return mid(name, "protocol-pdu", words, raw(data), delay(20))


def late(name: str, *answer: Step) -> Behaviour:
    """A message that does not come to its end in time, after some whole ones."""
    words = "no message from the peer within 0.4 s"
    stated = partial(BEFORE, "response-timeout", words)
    return Behaviour(name, stated, answer, peer={"timeouts": {"response": SHORT}})


def good_stream(request: Request) -> bytes:
    found = [one_match(request, number) for number in range(MATCHES)]
    return b"".join(found) + final(request.message_id)


def bytewise() -> Step:
    async def step(talk: Conversation) -> None:
        for byte in good_stream(talk.request):
            await talk.send(bytes((byte,)))
            await talk.pause(0)

    return step


TABLE = [
    # 33
    Behaviour("tcp_bytewise", complete(), [bytewise()]),
    Behaviour("tcp_coalesced", complete(), [say(good_stream)]),
    # 34, 35
    mid("rst_mid_pdu", "peer-reset", "", say(half), delay(0.1), reset()),
    mid("fin_mid_pdu", "peer-closed", " bytes", say(half), close()),
    mid("fin_mid_header", "peer-closed", "", raw(b"\x04\0\0"), close()),
    mid("rst_mid_find", "peer-reset", "", delay(0.1), reset()),
    mid("fin_mid_find", "peer-closed", "", close()),
    mid("half_close_mid", "peer-closed", "", half_close()),
    # 36, 37
    broken("unknown_pdu_mid", "unrecognized PDU type 0AH", pdu(0x0A, bytes(4))),
    broken("garbage_mid", "unrecognized PDU type A5H", b"\xa5" * 65_536),
    broken("ac_mid", "A-ASSOCIATE-AC is not expected", GOLDEN_AC),
    broken("rq_mid", "A-ASSOCIATE-RQ is not expected", pdu(1, bytes(68))),
    broken("rj_mid", "A-ASSOCIATE-RJ is not expected", pdu(3, bytes(4))),
    broken("release_rp_mid", "A-RELEASE-RP is not expected", RELEASE_RP),
    # 38, 39, 40
    broken("pdu_len_0", "0 bytes holds no PDV", pdu(4, b"")),
    broken("pdu_len_3", "3 bytes holds no PDV", pdu(4, bytes(3))),
    broken("pdu_len_4g", "announces 4294967295 bytes", pack(">BxL", 4, 0xFFFFFFFF)),
    broken("pdu_len_2g", "announces 2147483647 bytes", pack(">BxL", 4, 0x7FFFFFFF)),
    mid(
        "pdu_len_4g_stream",
        "protocol-pdu",
        "announces 4294967295 bytes",
        raw(pack(">BxL", 4, 0xFFFFFFFF)),
        flood(bytes(65_536)),
    ),
    broken("pdu_over_max", "1048582 bytes", pdata(pdv(1, 2, bytes(1 << 20)))),
    # 41, 42, 43
    broken("pdv_len_0", "length 0 has no room", pdu(4, bytes(6))),
    broken("pdv_len_1", "length 1 has no room", pdu(4, b"\0\0\0\1\1\0")),
    broken("pdv_past_pdu", "length 1000 exceeds", pdu(4, pack(">LBB", 1000, 1, 2))),
    broken("pdv_len_4g", "length 4294967295", pdu(4, pack(">LBB", 0xFFFFFFFF, 1, 2))),
    broken("pdv_len_wrap", "length 2147483650", pdu(4, pack(">LBB", 0x80000002, 1, 2))),
    broken("pdv_trailing", "3 stray bytes", pdu(4, pdv(1, 1, b"") + bytes(3))),
    Behaviour(
        "pdv_no_data",
        complete(),
        [flood(pdata(pdv(1, 1, b"")), 3), matches(MATCHES), steps.final()],
    ),
    # 44
    Behaviour("cmd_fragmented_even", complete(), [cut_up(pieces(0, 2), whole)]),
    Behaviour("ds_fragmented_even", complete(), [cut_up(whole, pieces(0, 2))]),
    Behaviour("all_fragmented_even", complete(), [cut_up(pieces(0, 2), pieces(0, 2))]),
    Behaviour(
        "empty_last_fragment", complete(), [cut_up(pieces(1, 999), pieces(1, 999))]
    ),
    Behaviour(
        "cmd_fragmented", complete(warning="odd length"), [cut_up(pieces(0, 1), whole)]
    ),
    Behaviour(
        "ds_fragmented", complete(warning="odd length"), [cut_up(whole, pieces(0, 1))]
    ),
    Behaviour(
        "all_fragmented_one_pdu",
        complete(warning="odd length"),
        [cut_up(pieces(0, 1), pieces(0, 1), one_pdu=True)],
    ),
    # 45
    Behaviour("cmd_ds_same_pdu", complete(), [cut_up(whole, whole, one_pdu=True)]),
    Behaviour(
        "many_messages_one_pdu",
        complete(),
        [matches(MATCHES, per_pdu=MATCHES), steps.final()],
    ),
    # 46
    Behaviour(
        "mch_high_bits",
        complete(1),
        [
            say(
                lambda one: (
                    pdata(pdv(1, 0xFF, response(one.message_id)))
                    + pdata(pdv(1, 0xFE, echo_keys(one, 0)))
                )
            ),
            steps.final(),
        ],
    ),
    Behaviour(
        "reserved_byte_set",
        complete(1),
        [
            say(
                lambda one: b"\x04\xff" + pdata(pdv(1, 3, response(one.message_id)))[2:]
            ),
            say(lambda one: b"\x04\xff" + pdata(pdv(1, 2, echo_keys(one, 0)))[2:]),
            steps.final(),
        ],
    ),
    # 47
    mid(
        "ctx_interleaved",
        "protocol-dimse",
        "context 3, not negotiated",
        say(lambda one: command_only(one) + pdata(pdv(3, 2, echo_keys(one, 0)))),
        delay(20),
    ),
    mid(
        "ctx_unknown",
        "protocol-dimse",
        "context 199, not negotiated",
        say(
            lambda one: message(
                response(one.message_id), echo_keys(one, 0), context=0xC7
            )
        ),
        delay(20),
    ),
    # 48
    mid(
        "ds_before_cmd",
        "protocol-dimse",
        "no command announced",
        raw(pdata(pdv(1, 2, b"DD"))),
        delay(20),
    ),
    mid(
        "cmd_cmd_ds",
        "protocol-dimse",
        "where an announced data set was due",
        say(command_only),
        say(one_match),
        delay(20),
    ),
    mid(
        "pending_ds_missing",
        "protocol-dimse",
        "where an announced data set was due",
        say(command_only),
        steps.final(),
    ),
    Behaviour(
        "ds_not_announced",
        partial(BEFORE + 1, "protocol-dimse", "no command announced", defects=1),
        [
            matches(BEFORE),
            say(lambda one: final(one.message_id, 0xFF00)),
            raw(pdata(pdv(1, 2, b"DD"))),
            delay(20),
        ],
    ),
    # 49
    mid(
        "cmd_never_last",
        "limit",
        "a command set exceeds 65536 bytes",
        flood(pdata(pdv(1, 1, bytes(4096)))),
    ),
    mid(
        "ds_never_last",
        "limit",
        "a data set exceeds 16777216 bytes",
        say(command_only),
        flood(pdata(pdv(1, 0, bytes(16_384)))),
    ),
    # 50
    late("silent_mid_pdu", matches(BEFORE), say(half), silence()),
    late("silent_after_cmd", matches(BEFORE), say(command_only), silence()),
    late("drip_find", matches(BEFORE), drip(pdata(pdv(1, 3, bytes(999))), 0.05)),
    late(
        "trickle_empty_fragments",
        *(matches(BEFORE), say(command_only)),
        flood(pdata(pdv(1, 0, b"")), pause=0.05),
    ),
    late(
        "trickle_fragments",
        *(matches(BEFORE), say(command_only)),
        flood(pdata(pdv(1, 0, b"\x08\0")), pause=0.05),
    ),
    late("trickle_noop", matches(BEFORE), flood(pdata(pdv(1, 1, b"")), pause=0.05)),
]
