"""Transport and association: peers one never gets to ask, or only just."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack

from tests.interop.hostile.behaviour import (
    Behaviour,
    Served,
    Stated,
    complete,
    failed,
    unanswered,
)
from tests.peers import pdu as peer_pdu
from tests.peers.scripted import LOOPBACK, Step
from tests.peers.steps import (
    abort,
    accept,
    accept_as,
    close,
    delay,
    drip,
    hear,
    raw,
    reject,
    reset,
    silence,
)
from tests.ul.acceptor import (
    APPLICATION,
    BIG_ENDIAN,
    EXPLICIT,
    GOLDEN_AC,
    JPEG,
    MATCH,
    RELEASE_RP,
    RELEASE_RQ,
    associate_ac,
    context,
    item,
    pdu,
    user,
)

SHORT = "300ms"
OK = context(1, 0, EXPLICIT)
ACCEPTED = associate_ac(APPLICATION, OK, user())


@contextmanager
def nobody() -> Iterator[Served]:
    """A port where nothing listens."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        yield Served(bound.getsockname()[1])


@contextmanager
def full() -> Iterator[Served]:
    """A port that answers no SYN any more, since its backlog is full."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        waiting = []
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        try:
            yield Served(listener.getsockname()[1])
        finally:
            for each in waiting:
                each.close()


@contextmanager
def never_accepting() -> Iterator[Served]:
    """A port whose connections are established by the system and read by nobody."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield Served(listener.getsockname()[1])


def sends(data: bytes, *more: Step) -> tuple[Step, ...]:
    """Reads the A-ASSOCIATE-RQ and answers with these bytes."""
    return (hear(), raw(data), *(more or (delay(20),)))


def on_connect(name: str, stated: Stated, *steps: Step, **timeouts: str) -> Behaviour:
    peer = {"timeouts": timeouts} if timeouts else {}
    return Behaviour(name, stated, on_connect=steps, peer=peer)


def accepting(name: str, stated: Stated, data: bytes) -> Behaviour:
    """A peer that answers with this A-ASSOCIATE-AC, and well if it is asked then."""
    return Behaviour(name, stated, on_connect=[accept_as(lambda _: data)])


def rejecting(
    name: str, cause: str, words: str, result: int, source: int, reason: int
) -> Behaviour:
    return on_connect(
        f"reject_{name}",
        unanswered(cause, words),
        reject(result, source, reason),
    )


CONNECTING = [
    # 2, 3
    Behaviour("refused", unanswered("refused", phase="connect"), serve=nobody),
    Behaviour(
        "never_answer_syn",
        unanswered("connect-timeout", "within 0.3 s", "connect"),
        serve=full,
        peer={"timeouts": {"connect": SHORT}},
    ),
    Behaviour(
        "never_accept",
        unanswered("associate-timeout", "within 0.3 s"),
        serve=never_accepting,
        peer={"timeouts": {"acse": SHORT}},
    ),
    # 5
    on_connect("rst_on_connect", unanswered("peer-reset"), reset()),
    on_connect("rst_before_accept", unanswered("peer-reset"), hear(), reset()),
    # 6
    on_connect("fin_on_connect", unanswered("peer-closed"), close()),
    on_connect("fin_before_accept", unanswered("peer-closed"), hear(), close()),
    on_connect(
        "ac_half_then_fin",
        unanswered("peer-closed", "40 of 182 bytes"),
        *sends(GOLDEN_AC[:40], close()),
    ),
    # 7, 8
    on_connect(
        "silent_on_connect", unanswered("associate-timeout"), silence(), acse=SHORT
    ),
    on_connect(
        "silent_before_accept",
        unanswered("associate-timeout"),
        hear(),
        silence(),
        acse=SHORT,
    ),
    on_connect(
        "ac_half_then_silence",
        unanswered("associate-timeout"),
        *sends(GOLDEN_AC[:40], silence()),
        acse=SHORT,
    ),
    on_connect(
        "drip_accept",
        unanswered("associate-timeout"),
        hear(),
        drip(GOLDEN_AC, 0.05),
        acse=SHORT,
    ),
    # 9, 10
    rejecting("none", "rejected-permanent", "no reason given", 1, 1, 1),
    rejecting("app_context", "rejected-permanent", "application context", 1, 1, 2),
    rejecting("calling_ae", "rejected-permanent", "calling AE title", 1, 1, 3),
    rejecting("called_ae", "rejected-permanent", "called AE title", 1, 1, 7),
    rejecting("acse_none", "rejected-permanent", "ACSE", 1, 2, 1),
    rejecting("protocol_version", "rejected-permanent", "version", 1, 2, 2),
    rejecting("congestion", "rejected-transient", "congestion", 2, 3, 1),
    rejecting("local_limit", "rejected-transient", "limit", 2, 3, 2),
    rejecting("garbage_codes", "rejected-permanent", "99", 9, 9, 99),
    on_connect(
        "rj_length_0",
        unanswered("protocol-pdu", "0 bytes instead of 4"),
        *sends(pdu(3, b"")),
    ),
    # 22, 23
    on_connect(
        "http_peer",
        unanswered("not-dicom", "an HTTP server answers there"),
        *sends(b"HTTP/1.1 400 Bad Request\r\n\x1b[2J\r\n"),
    ),
    on_connect(
        "ssh_peer",
        unanswered("not-dicom", "SSH answers there"),
        raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        delay(20),
    ),
    on_connect(
        "tls_alert_peer",
        unanswered("not-dicom", "the port speaks TLS"),
        *sends(bytes.fromhex("15 03 01 0002 02 28"), close()),
    ),
    # 29, 30
    on_connect("abort_before_accept", unanswered("peer-abort"), hear(), abort(2, 0)),
    on_connect(
        "pdata_before_accept",
        unanswered("protocol-pdu", "P-DATA-TF is not expected"),
        *sends(MATCH),
    ),
    on_connect(
        "release_before_accept",
        unanswered("protocol-pdu", "A-RELEASE-RQ is not expected"),
        *sends(RELEASE_RQ),
    ),
    on_connect(
        "release_rp_before_accept",
        unanswered("protocol-pdu", "A-RELEASE-RP is not expected"),
        *sends(RELEASE_RP),
    ),
    on_connect(
        "unknown_pdu_before_accept",
        unanswered("protocol-pdu", "unrecognized PDU type 42H"),
        *sends(pdu(0x42, bytes(4))),
    ),
    on_connect(
        "parrot",
        unanswered("protocol-pdu", "A-ASSOCIATE-RQ is not expected"),
        accept_as(lambda request: peer_pdu.pdu(1, request.raw)),
        delay(20),
    ),
]

ANSWERING = [
    # 11, 12
    accepting(
        "accept_zero_contexts",
        unanswered("no-context"),
        associate_ac(APPLICATION, user()),
    ),
    *(
        accepting(
            f"accept_{name}",
            unanswered("no-context", words),
            associate_ac(APPLICATION, context(1, result, EXPLICIT), user()),
        )
        for name, result, words in [
            ("all_rejected", 3, "abstract syntax"),
            ("ts_rejected", 4, "transfer syntax"),
            ("user_rejected", 1, "user"),
            ("bad_result_code", 77, "77"),
        ]
    ),
    # 13
    accepting(
        "accept_unrequested_id",
        unanswered("no-context"),
        associate_ac(APPLICATION, context(0xFB, 0, EXPLICIT), user()),
    ),
    accepting(
        "accept_even_id",
        unanswered("no-context"),
        associate_ac(APPLICATION, context(2, 0, EXPLICIT), user()),
    ),
    accepting(
        "accept_extra_id",
        complete(),
        associate_ac(APPLICATION, OK, context(0xFB, 0, EXPLICIT), user()),
    ),
    accepting(
        "accept_duplicate_id",
        unanswered("bad-accept", "contradicts itself"),
        associate_ac(APPLICATION, OK, context(1, 3, EXPLICIT), user()),
    ),
    # 14, 15, 16
    accepting(
        "accept_wrong_ts",
        unanswered("no-context", JPEG),
        associate_ac(APPLICATION, context(1, 0, JPEG), user()),
    ),
    accepting(
        "accept_bigendian_ts",
        unanswered("no-context", BIG_ENDIAN),
        associate_ac(APPLICATION, context(1, 0, BIG_ENDIAN), user()),
    ),
    accepting(
        "accept_no_ts",
        unanswered("bad-accept", "0 transfer syntaxes"),
        associate_ac(APPLICATION, context(1, 0), user()),
    ),
    accepting(
        "accept_two_ts",
        unanswered("bad-accept", "2 transfer syntaxes"),
        associate_ac(APPLICATION, context(1, 0, EXPLICIT, EXPLICIT), user()),
    ),
    accepting(
        "accept_ts_nul_padded",
        complete(),
        associate_ac(APPLICATION, context(1, 0, EXPLICIT.encode() + b"\0"), user()),
    ),
    # 17
    accepting("accept_maxpdu_zero", complete(), associate_ac(APPLICATION, OK, user(0))),
    accepting("accept_maxpdu_tiny", complete(), associate_ac(APPLICATION, OK, user(7))),
    accepting(
        "accept_maxpdu_one",
        unanswered("bad-accept", "maximum length of 1"),
        associate_ac(APPLICATION, OK, user(1)),
    ),
    accepting(
        "accept_maxpdu_huge",
        complete(),
        associate_ac(APPLICATION, OK, user(0xFFFFFFFF)),
    ),
    # 18, 19
    accepting("accept_no_user_info", complete(), associate_ac(APPLICATION, OK)),
    accepting(
        "accept_unknown_items",
        complete(),
        associate_ac(
            APPLICATION, OK, item(0x77, b"xyzzy"), user(16384, item(0x99, b"xyzzy"))
        ),
    ),
    # 20
    accepting(
        "accept_trailing_junk",
        unanswered("bad-accept", "stray bytes"),
        associate_ac(APPLICATION, OK, user(), b"\xa5\xa5\xa5"),
    ),
    accepting(
        "accept_truncated_item",
        unanswered("bad-accept", "cut off"),
        associate_ac(APPLICATION, OK, user(), pack(">BxH", 0x50, 0xFFFF)),
    ),
    accepting(
        "accept_short_pdu", unanswered("bad-accept", "4 bytes"), pdu(2, bytes(4))
    ),
    accepting(
        "accept_many_contexts",
        unanswered("bad-accept", "more than 128"),
        associate_ac(APPLICATION, *[context(1, 0, EXPLICIT)] * 1500, user()),
    ),
    accepting(
        "accept_len_4g",
        unanswered("bad-accept", "4294967295 bytes"),
        pack(">BxL", 2, 0xFFFFFFFF),
    ),
    # 21, 31
    accepting(
        "ac_twice",
        failed("protocol-pdu", "A-ASSOCIATE-AC is not expected"),
        ACCEPTED * 2,
    ),
    Behaviour("accept_then_fin", failed("peer-closed"), on_connect=[accept(), close()]),
    Behaviour("accept_then_rst", failed("peer-reset"), on_connect=[accept(), reset()]),
    Behaviour(
        "accept_then_abort", failed("peer-abort"), on_connect=[accept(), abort(2, 1)]
    ),
    # 70
    Behaviour("slow_accept", complete(), on_connect=[hear(), delay(0.5), accept()]),
]
