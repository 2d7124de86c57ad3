"""DIMSE: responses that break PS3.7, mean something else, or never end."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import Any

from batchfind import ExitCode, Verdict
from tests.dimse.peer import (
    ECHO_RSP,
    STUDY_ROOT,
    WITHOUT_DATA_SET,
    command_set,
    element,
    final,
    match,
    message,
    pdata,
    pdv,
    response,
    us,
)
from tests.interop.hostile.behaviour import (
    GOOD,
    MATCHES,
    Behaviour,
    Stated,
    complete,
    failed,
    partial,
    suspect,
)
from tests.interop.hostile.framing import BEFORE, SHORT, one_match
from tests.peers import steps
from tests.peers.scripted import Conversation, Request, Step
from tests.peers.steps import (
    abort,
    accept,
    delay,
    echo_keys,
    matches,
    raw,
    say,
    silence,
    until_cancelled,
)
from tests.ul.acceptor import RELEASE_RQ, pdu

LONG_COMMENT = b"\x1b[31mworse\r\n\0" * 5_000
RESPONSES = 300
"""What `run.per_request.responses` of these runs allows."""


def mid(name: str, cause: str, words: str, *more: Step) -> Behaviour:
    """A fault after some whole responses."""
    return Behaviour(name, partial(BEFORE, cause, words), [matches(BEFORE), *more])


def commanded(name: str, words: str, build: Callable[[int], bytes]) -> Behaviour:
    """A command set that cannot be understood, made of the message ID."""
    step = say(lambda one: message(build(one.message_id)))
    return mid(name, "protocol-dimse", words, step, delay(20))


def tolerated(name: str, warning: str, build: Callable[[int], bytes]) -> Behaviour:
    """A command set that is odd, for one more response."""
    step = say(lambda one: message(build(one.message_id), echo_keys(one, MATCHES)))
    answer = [matches(MATCHES), step, steps.final()]
    return Behaviour(name, complete(MATCHES + 1, warning), answer)


def ended(
    name: str, stated: Stated, status: int, comment: str | None = None
) -> Behaviour:
    answer = [matches(stated.responses or 0), steps.final(status, comment)]
    return Behaviour(name, stated, answer)


def elements(message_id: int, *without: int, **changed: bytes) -> bytes:
    """A pending response's command set without some elements, or with others."""
    found = {
        0x0002: STUDY_ROOT.encode() + b"\0",
        0x0100: pack("<H", 0x8020),
        0x0120: pack("<H", message_id),
        0x0800: pack("<H", 1),
        0x0900: pack("<H", 0xFF00),
    }
    found |= {int(name[1:], 16): value for name, value in changed.items()}
    kept = sorted(number for number in found if number not in without)
    return command_set(*(element(number, found[number]) for number in kept))


def headless(message_id: int, length: int | None) -> bytes:
    """A pending response's command set with another group length, or with none."""
    body = response(message_id)[12:]
    return body if length is None else element(0, pack("<L", length)) + body


def explicit(message_id: int) -> bytes:
    return b"\0\0\x20\x01US\2\0" + pack("<H", message_id)


def requested(field: int) -> Callable[[int], bytes]:
    """A request of the peer, as if we served it."""
    return lambda number: command_set(
        us(0x0100, field), us(0x0110, number), us(0x0800, WITHOUT_DATA_SET)
    )


def again(count: int, number: int | None = None) -> Step:
    """Responses that repeat one match, or each twice."""

    def build(request: Request) -> bytes:
        found = []
        for index in range(count):
            one = index // 2 if number is None else number
            found.append(one_match(request, one))
        return b"".join(found)

    return say(build)


def cancelling(name: str, stated: Stated, *after: Step, **timeouts: str) -> Behaviour:
    """A query that cancels after three responses, and what the peer makes of it."""
    return Behaviour(
        name,
        stated,
        [matches(BEFORE), until_cancelled(), *after],
        query={"cancel": {"after_responses": BEFORE}},
        peer={"timeouts": timeouts} if timeouts else {},
    )


def limited(warning: str = "") -> Stated:
    return Stated(
        verdict=Verdict.LIMITED,
        responses=BEFORE,
        exit_code=ExitCode.OK,
        warning=warning,
    )


def beyond(name: str, *answer: Step, **peer: Any) -> Behaviour:
    """More responses than `run.per_request` allows."""
    stated = Stated(
        verdict=Verdict.PARTIAL,
        cause="limit",
        words="a limit of run.per_request ended the request",
        responses=None,
        phase="cancel",
    )
    return Behaviour(name, stated, answer, peer=peer)


def flooding(step: Callable[[Request, int], bytes]) -> Step:
    """Pending responses without end, whatever we say."""

    async def play(talk: Conversation) -> None:
        number = 0
        while not (talk.gone.is_set() or talk.writer.is_closing()):
            await talk.send(step(talk.request, number))
            await talk.pause(0)
            number += 1

    return play


TABLE = [
    # 51
    Behaviour(
        "silent_after_find",
        failed("response-timeout", "no message from the peer within 0.4 s"),
        [silence()],
        peer={"timeouts": {"response": SHORT}},
    ),
    Behaviour(
        "silent_mid_find",
        partial(BEFORE, "response-timeout", "within 0.4 s"),
        [matches(BEFORE), silence()],
        peer={"timeouts": {"response": SHORT}},
    ),
    # 52
    mid(
        "wrong_msgid",
        "protocol-dimse",
        ", never sent",
        matches(1, wrong_ids=True),
        delay(20),
    ),
    Behaviour(
        "wrong_msgid_all",
        failed("protocol-dimse", ", never sent"),
        [matches(MATCHES, wrong_ids=True), steps.final()],
    ),
    Behaviour(
        "rsp_before_request",
        failed("protocol-dimse", "message ID 1, never sent"),
        on_connect=[accept(), raw(match(1, b"") + final(1))],
    ),
    # 53
    commanded("missing_status", "lacks (0000,0900)", lambda n: elements(n, 0x900)),
    commanded(
        "cmd_status_empty",
        "(0000,0900) has 0 bytes",
        lambda n: elements(n, x900=b""),
    ),
    tolerated(
        "cmd_status_us4",
        "(0000,0900) of a response has 4 bytes",
        lambda n: elements(n, x900=pack("<L", 0xFF00)),
    ),
    # 54
    commanded("missing_msgid", "lacks (0000,0120)", lambda n: elements(n, 0x120)),
    commanded(
        "missing_command_field", "lacks (0000,0100)", lambda n: elements(n, 0x100)
    ),
    commanded(
        "missing_dataset_type", "lacks (0000,0800)", lambda n: elements(n, 0x800)
    ),
    # 55
    tolerated(
        "missing_sop_class", "(0000,0002) of a response", lambda n: elements(n, 2)
    ),
    tolerated("cmd_no_group_length", "(0000,0000)", lambda n: headless(n, None)),
    tolerated("cmd_wrong_group_length", "(0000,0000)", lambda n: headless(n, 9999)),
    tolerated(
        "wrong_sop_class",
        "another SOP class",
        lambda n: response(n, sop_class="1.2.840.10008.1.1\0"),
    ),
    # 56
    commanded("cmd_garbage", "command set holds", lambda _: bytes(range(1, 61))),
    commanded("cmd_empty", "lacks (0000,0100)", lambda _: b""),
    commanded("cmd_truncated", "command set", lambda n: response(n)[:-5]),
    commanded("cmd_explicit_vr", "command set", explicit),
    commanded(
        "cmd_length_4g",
        "announces 4294967295 bytes",
        lambda _: pack("<HHL", 0, 0x100, 0xFFFFFFFF),
    ),
    # 57
    commanded("cmd_store_rq", "C-STORE-RQ; we serve no requests", requested(1)),
    commanded("cmd_find_rq", "C-FIND-RQ; we serve no requests", requested(0x20)),
    commanded(
        "cmd_echo_rsp",
        "8030H where 8020H is due",
        lambda n: response(n, 0, field=ECHO_RSP, data_set=WITHOUT_DATA_SET),
    ),
    # 58, 59, 60
    Behaviour(
        "pending_no_ds",
        suspect("malformed", "1 response", MATCHES + 1, "without an Identifier"),
        [
            matches(MATCHES),
            say(lambda one: final(one.message_id, 0xFF00)),
            steps.final(),
        ],
    ),
    Behaviour(
        "final_with_ds",
        complete(warning="final response with a data set"),
        [matches(MATCHES), steps.final(identifier=b"\x08\0\5\0CS\0\0")],
    ),
    Behaviour(
        "status_with_ds",
        failed("status-failure", "status A900"),
        [steps.final(0xA900, identifier=b"\x08\0\5\0CS\0\0")],
    ),
    Behaviour("rsp_after_final", complete(), [*GOOD, matches(3), steps.final()]),
    # 61, 62
    ended("status_a700", partial(3, "status-a700", "no memory"), 0xA700, "no memory"),
    ended("status_a900", failed("status-failure", "A900"), 0xA900),
    ended("status_c000", failed("status-c000", "C000"), 0xC000),
    ended("status_c311", partial(3, "status-c311", "C311"), 0xC311),
    ended("status_0122", failed("status-failure", "0122"), 0x0122),
    ended("status_0124", failed("status-failure", "0124"), 0x0124),
    ended("status_0211", failed("status-failure", "0211"), 0x0211),
    Behaviour(
        "status_offending",
        failed("status-failure", "offending element (0010,0020) (0008,0052)"),
        [steps.final(0xA900, "bad", offending=[0x00100020, 0x00080052])],
    ),
    Behaviour(
        "status_comment_hostile",
        failed("status-failure", "[31mworse"),
        [say(lambda one: final(one.message_id, 0xA900, element(0x902, LONG_COMMENT)))],
    ),
    # 63, 64
    ended("status_unknown", partial(3, "status-unexpected", "DEAD"), 0xDEAD),
    ended("status_0001", partial(3, "status-unexpected", "0001"), 0x0001),
    ended("status_b000", partial(3, "status-unexpected", "B000"), 0xB000),
    ended("status_b001", partial(3, "status-unexpected", "B001"), 0xB001),
    ended("status_fe00_unasked", partial(3, "status-fe00", "FE00"), 0xFE00),
    Behaviour(
        "ff01_warnings", complete(), [matches(MATCHES, status=0xFF01), steps.final()]
    ),
    # 65
    beyond(
        "infinite_pending",
        flooding(one_match),
        timeouts={"cancel": SHORT},
    ),
    beyond(
        "infinite_same",
        flooding(lambda one, _: one_match(one, 0)),
        timeouts={"cancel": SHORT},
    ),
    Behaviour("duplicate_responses", complete(10), [again(10), steps.final()]),
    # 66
    cancelling("cancel_fe00", limited(), steps.final(0xFE00)),
    cancelling("cancel_success", limited(), steps.final()),
    cancelling("cancel_then_more", limited(), matches(20), steps.final(0xFE00)),
    cancelling("cancel_abort", limited("aborted"), abort()),
    cancelling("cancel_rst", limited("reset"), steps.reset()),
    cancelling("cancel_silence", limited("after C-CANCEL"), silence(), cancel=SHORT),
    cancelling(
        "ignore_cancel", limited("after C-CANCEL"), flooding(one_match), cancel=SHORT
    ),
    # 67
    mid("abort_user_mid", "peer-abort", "aborted", abort(0, 0)),
    mid("abort_provider_mid", "peer-abort", "aborted", abort(2, 6)),
    mid("abort_garbage_mid", "peer-abort", "250", abort(9, 250)),
    mid("abort_length_0", "peer-abort", "aborted", raw(pdu(7, b"")), delay(20)),
    # 68
    mid("release_rq_mid", "peer-released", "released", raw(RELEASE_RQ), delay(20)),
    # 70
    Behaviour(
        "good_slow",
        complete(),
        [matches(3), delay(0.6), matches(2), delay(0.6), steps.final()],
    ),
    # 89 to 92
    Behaviour(
        "release_silent",
        complete(),
        on_release=[silence()],
        peer={"timeouts": {"release": SHORT}},
    ),
    Behaviour("release_fin", complete(), on_release=[steps.close()]),
    Behaviour("release_rst", complete(), on_release=[steps.reset()]),
    Behaviour("release_abort", complete(), on_release=[abort(0, 0)]),
    Behaviour("rst_after_final", complete(), [*GOOD, steps.reset()]),
    Behaviour("fin_after_final", complete(), [*GOOD, steps.close()]),
    Behaviour(
        "release_collision",
        complete(),
        on_release=[raw(RELEASE_RQ), delay(0.1), raw(pdu(6, bytes(4))), delay(1)],
    ),
    Behaviour(
        "release_pdata",
        complete(),
        on_release=[
            raw(pdata(pdv(1, 3, response(1)))),
            raw(pdu(6, bytes(4))),
        ],
    ),
    Behaviour(
        "release_noclose", complete(), on_release=[raw(pdu(6, bytes(4))), delay(20)]
    ),
    Behaviour(
        "release_garbage", complete(), on_release=[raw(b"\xa5" * 4096), delay(20)]
    ),
    Behaviour(
        "release_drip",
        complete(),
        on_release=[steps.drip(pdu(6, bytes(4)), 0.2)],
        peer={"timeouts": {"release": SHORT}},
    ),
]
