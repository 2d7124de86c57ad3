"""Identifiers, character sets and values that no peer should send."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from tests.dicom.data_sets import UNDEFINED, Wire
from tests.dimse.peer import final, match, pdata, pdv, response
from tests.interop.hostile.behaviour import MATCHES, Behaviour, complete, suspect
from tests.peers import steps
from tests.peers.scripted import Request, Step
from tests.peers.steps import matches, say

EXPLICIT, IMPLICIT = Wire(EXPLICIT_LE), Wire(IMPLICIT_LE)
BIG = Wire(EXPLICIT_BE)
CHARSET, NAME, ID, UID = 0x00080005, 0x00100010, 0x00100020, 0x0020000D
SEQUENCE = 0x00400100
PATIENT = EXPLICIT.element(NAME, b"Odd^One ") + EXPLICIT.element(ID, b"P1")
STUDY = EXPLICIT.element(UID, b"1.2.3.99")
WHOLE = PATIENT + STUDY
OPENED = EXPLICIT.element(SEQUENCE, b"", "SQ", UNDEFINED) + EXPLICIT.item(
    0xFFFEE000, UNDEFINED
)


_ROOM = 16_000
"""Bytes of an Identifier in one P-DATA-TF."""


def in_pieces(request: Request, identifier: bytes) -> bytes:
    """A response whose P-DATA-TF are no longer than was agreed."""
    starts = range(0, max(len(identifier), 1), _ROOM)
    pdus = [pdata(pdv(1, 3, response(request.message_id)))]
    for start in starts:
        last = start + _ROOM >= len(identifier)
        pdus.append(pdata(pdv(1, 2 * last, identifier[start : start + _ROOM])))
    return b"".join(pdus)


def one_more(identifier: bytes) -> Sequence[Step]:
    """A good answer with one more response."""
    return [
        matches(MATCHES),
        say(lambda one: in_pieces(one, identifier)),
        steps.final(),
    ]


def refused(name: str, identifier: bytes, kind: str = "malformed") -> Behaviour:
    """The response keeps its row, is counted, and makes the request suspect."""
    words = f"1 response cannot be decoded ({kind})"
    return Behaviour(
        name, suspect("malformed", words, MATCHES + 1), one_more(identifier)
    )


def taken(name: str, identifier: bytes, warning: str = "") -> Behaviour:
    """The response is decoded."""
    return Behaviour(name, complete(MATCHES + 1, warning), one_more(identifier))


def nested(depth: int) -> bytes:
    """Sequences within sequences, none of which ends."""
    return PATIENT + OPENED * depth


def closed(depth: int) -> bytes:
    """The same, each of which ends."""
    ends = EXPLICIT.item(0xFFFEE00D, 0) + EXPLICIT.item(0xFFFEE0DD, 0)
    return PATIENT + OPENED * depth + ends * depth


def defined(depth: int) -> bytes:
    """The same with lengths."""
    data = b""
    for _ in range(depth):
        data = EXPLICIT.sequence(SEQUENCE, [data])
    return PATIENT + data


def texts(charset: bytes, name: bytes) -> bytes:
    """An Identifier with a name in a character set."""
    head = EXPLICIT.element(CHARSET, charset + b" " * (len(charset) % 2))
    padded = name + b" " * (len(name) % 2)
    return head + EXPLICIT.element(NAME, padded) + EXPLICIT.element(ID, b"P1") + STUDY


def valued(value: bytes) -> bytes:
    """An Identifier whose Patient ID is this."""
    return EXPLICIT.element(NAME, b"Odd^One ") + EXPLICIT.element(ID, value) + STUDY


def uid(value: bytes) -> bytes:
    return PATIENT + EXPLICIT.element(UID, value)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def in_deflated(name: str, kind: str, identifier: bytes) -> Behaviour:
    """The same over a deflated transfer syntax, after one good response."""

    def build(request: Request) -> bytes:
        good = match(request.message_id, deflated(WHOLE))
        return good + in_pieces(request, identifier) + final(request.message_id)

    return Behaviour(
        name,
        suspect("malformed", f"1 response cannot be decoded ({kind})", 2),
        [say(build)],
        peer={"transfer_syntaxes": [DEFLATED_LE]},
    )


BOMB = deflated(bytes(20 << 20))

TABLE = [
    # 71, 72
    refused("ds_empty", b""),
    refused("ds_vr_garbage", b"\x10\0\x10\0\1\2\4\0ABCD" + STUDY),
    refused("ds_random", hashlib.shake_256(b"7").digest(4096)),
    # 73
    taken(
        "ds_odd_length",
        EXPLICIT.element(NAME, b"Odd^One") + EXPLICIT.element(ID, b"P1") + STUDY,
    ),
    taken(
        "ds_odd_pair",
        EXPLICIT.element(NAME, b"Odd^One") + EXPLICIT.element(ID, b"P") + STUDY,
    ),
    # 74
    refused(
        "ds_len_past_end",
        PATIENT + EXPLICIT.element(UID, b"1.2 ", length=1000),
    ),
    refused(
        "ds_len_4g",
        PATIENT + EXPLICIT.element(0x00081190, b"ab", "UT", 0xFFFFFFFE),
    ),
    refused("ds_truncated_header", PATIENT + STUDY[:6]),
    refused(
        "ds_pn_undefined",
        PATIENT + EXPLICIT.element(0x00081190, b"ab", "UT", UNDEFINED),
    ),
    # 75
    refused("ds_sq_unterminated", nested(1)),
    refused("ds_item_at_root", EXPLICIT.item(0xFFFEE000, 0) + WHOLE),
    refused("ds_delim_at_root", EXPLICIT.item(0xFFFEE00D, 0) + WHOLE),
    # 76
    taken("ds_nested_50", closed(50)),
    refused("ds_nested_10000", closed(10_000), "depth"),
    refused("ds_nested_10000_defined", defined(1000), "depth"),
    refused("ds_nested_100000", nested(100_000), "depth"),
    # 77
    refused(
        "ds_big_endian",
        BIG.element(NAME, b"Odd^One ") + BIG.element(ID, b"P1"),
    ),
    refused(
        "ds_implicit_as_explicit",
        IMPLICIT.element(NAME, b"Odd^One ") + IMPLICIT.element(ID, b"P1"),
    ),
    refused("ds_part10", bytes(128) + b"DICM" + WHOLE),
    taken("ds_group2", EXPLICIT.element(0x00020010, b"1.2 ", "UI") + WHOLE),
    taken("ds_group0", EXPLICIT.element(0x00000010, b"1.2 ", "UI") + WHOLE),
    # 78
    taken("ds_tags_unsorted", STUDY + PATIENT),
    taken("ds_tags_duplicate", PATIENT + PATIENT + STUDY),
    taken(
        "ds_group_lengths", EXPLICIT.element(0x00100000, b"\x18\0\0\0", "UL") + WHOLE
    ),
    taken(
        "ds_private",
        EXPLICIT.element(0x00090010, b"ACME", "LO")
        + EXPLICIT.element(0x00091001, b"secret", "UN")
        + WHOLE,
    ),
    taken(
        "ds_un_undefined",
        EXPLICIT.element(0x00091001, EXPLICIT.item(0xFFFEE0DD, 0), "UN", UNDEFINED)
        + WHOLE,
    ),
    taken("ds_trailing_zeros", WHOLE + bytes(64)),
    taken("ds_pixel_data", WHOLE + EXPLICIT.element(0x7FE00010, bytes(4096), "OW")),
    # 79
    refused(
        "ds_huge_string",
        PATIENT + EXPLICIT.element(0x00081190, b"a" * (2 << 20), "UT"),
        "limit",
    ),
    refused(
        "ds_vm_bomb",
        PATIENT + EXPLICIT.element(0x00081190, b"\\" * 900_000, "UC"),
        "limit",
    ),
    refused(
        "ds_many_elements",
        b"".join(
            EXPLICIT.element(0x00091000 + number, b"", "SH") for number in range(40_000)
        ),
        "limit",
    ),
    # 80
    in_deflated("ds_deflate_bomb", "limit", BOMB),
    in_deflated("ds_deflate_truncated", "inflate", deflated(WHOLE)[:-4]),
    in_deflated("ds_deflate_garbage", "inflate", b"\xff" * 64),
    # 81
    taken("ds_wrong_level", EXPLICIT.element(0x00080052, b"IMAGE ", "CS") + WHOLE),
    taken("ds_missing_uid", PATIENT),
    Behaviour(
        "ds_not_matching",
        complete(MATCHES + 1, "1 response did not match the keys"),
        one_more(WHOLE),
        query={"keys": {"PatientID": "P7"}, "return": ["StudyInstanceUID"]},
    ),
    taken("val_uid_empty", uid(b"")),
    taken("val_uid_duplicate", uid(b"1.2.826.0.1.3680043.10.1505.7.0\0")),
    # 82
    taken("cs_unknown", texts(b"ISO_IR 999", b"M\xfcller^Anna")),
    taken("cs_typo", texts(b"ISO-IR 100", b"M\xfcller^Anna")),
    taken("cs_absent_high", PATIENT[:8] + b"Odd^\xdcne " + PATIENT[16:] + STUDY),
    taken("cs_multi_utf8", texts(b"ISO_IR 192\\ISO 2022 IR 87", "Müller".encode())),
    # 83
    taken(
        "cs_iso2022_jp",
        texts(b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
    ),
    taken("cs_iso2022_undeclared", texts(b"ISO_IR 6", b"Yamada=\x1b$B;3ED\x1b(B")),
    taken("cs_iso2022_unterminated", texts(b"\\ISO 2022 IR 87", b"Yamada=\x1b$")),
    # 84, 85
    taken("cs_gb18030_5c", texts(b"GB18030", b"\xd5\x5c^Wei")),
    taken("cs_sjis_5c", texts(b"ISO_IR 13", b"\xd4\xcf\x5c^A")),
    taken("cs_utf8_invalid", texts(b"ISO_IR 192", b"\xff\xfe\xc3\x28\xed\xa0\x80")),
    # 86
    taken("val_nul", valued(b"P\0\x001")),
    taken("val_control", valued(b"P\x1b[31m\a\r\n1")),
    taken("val_csv_quotes", valued(b"P\"1\",'2'")),
    taken("val_csv_formula", valued(b"=HYPERLINK(A1)")),
    taken("val_xml_illegal", texts(b"ISO_IR 192", "\x01\ufffe]]>".encode())),
    # 87
    taken("val_uid_traversal", uid(b"../../../../tmp/pwned\0")),
    taken("val_uid_absolute", uid(b"/etc/cron.d/pwned\0")),
    taken("val_uid_reserved", uid(b"CON\0")),
    taken("val_uid_long", uid(b"1" * 5000)),
    # 88
    taken("val_bad_date", EXPLICIT.element(0x00080020, b"20240230", "DA") + WHOLE),
    taken("val_bad_number", WHOLE + EXPLICIT.element(0x00201208, b"1e999 ", "IS")),
    taken("val_us_odd", WHOLE + EXPLICIT.element(0x00280010, b"\1\2\3", "US")),
]
