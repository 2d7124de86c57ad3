"""Identifiers and DIMSE messages as bytes, with nothing but the standard library."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import TypeAlias

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

#: (tag, VR, text) or (tag, "SQ", items).
Element: TypeAlias = "tuple[int, str, str | Sequence[Sequence[Element]]]"

_COMMAND_LAST = 3
_DATA_LAST = 2
_WITH_DATA = 0x0001
_WITHOUT_DATA = 0x0101


def identifier(elements: Iterable[Element], transfer_syntax: str) -> bytes:
    """A data set with defined lengths; elements come in ascending tag order."""
    explicit = transfer_syntax == EXPLICIT_LE
    return b"".join(_element(one, explicit=explicit) for one in elements)


def _element(element: Element, *, explicit: bool) -> bytes:
    tag, vr, content = element
    if isinstance(content, str):
        value = content.encode("latin-1")
        value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    else:
        value = b"".join(_item(item, explicit=explicit) for item in content)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<L", len(value)) + value
    if vr == "SQ":
        return head + b"SQ\0\0" + struct.pack("<L", len(value)) + value
    return head + vr.encode() + struct.pack("<H", len(value)) + value


def _item(elements: Iterable[Element], *, explicit: bool) -> bytes:
    content = b"".join(_element(one, explicit=explicit) for one in elements)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def pending(context: int, sop_class: str, message_id: int, data_set: bytes) -> bytes:
    """A pending C-FIND-RSP: its command and its Identifier, a PDU each."""
    command = _find_rsp(sop_class, message_id, 0xFF00, _WITH_DATA)
    return _p_data(context, _COMMAND_LAST, command) + _p_data(
        context, _DATA_LAST, data_set
    )


def final(context: int, sop_class: str, message_id: int) -> bytes:
    """The C-FIND-RSP of success."""
    command = _find_rsp(sop_class, message_id, 0x0000, _WITHOUT_DATA)
    return _p_data(context, _COMMAND_LAST, command)


def _find_rsp(sop_class: str, message_id: int, status: int, data_set: int) -> bytes:
    uid = sop_class.encode() + b"\0" * (len(sop_class) % 2)
    body = b"".join(
        (
            _command_element(0x0002, uid),
            _command_element(0x0100, struct.pack("<H", 0x8020)),
            _command_element(0x0120, struct.pack("<H", message_id)),
            _command_element(0x0800, struct.pack("<H", data_set)),
            _command_element(0x0900, struct.pack("<H", status)),
        )
    )
    return _command_element(0x0000, struct.pack("<L", len(body))) + body


def _command_element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, element, len(value)) + value


def _p_data(context: int, control: int, value: bytes) -> bytes:
    length = len(value)
    return (
        struct.pack(">BBLLBB", 4, 0, length + 6, length + 2, context, control) + value
    )
