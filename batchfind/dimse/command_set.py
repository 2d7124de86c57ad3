"""Command sets: those we send, encoded; responses, decoded strictly.

Always Implicit VR Little Endian (PS3.7 Section 6.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct, pack, unpack

from batchfind.errors import DimseError

VERIFICATION = "1.2.840.10008.1.1"


class Priority(IntEnum):
    """(0000,0700) of a request; most peers ignore it.

    Source: PS3.7 Section 9.3.2.1.
    """

    MEDIUM = 0
    HIGH = 1
    LOW = 2


class CommandField(IntEnum):
    """(0000,0100) of the messages we know by name.

    Source: PS3.7 Annex E.
    """

    C_STORE_RQ = 0x0001
    C_GET_RQ = 0x0010
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    C_CANCEL_RQ = 0x0FFF
    C_FIND_RSP = 0x8020
    C_ECHO_RSP = 0x8030


_GROUP_LENGTH = 0x0000
_SOP_CLASS = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_RESPONDED_TO = 0x0120
_PRIORITY = 0x0700
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_OFFENDING_ELEMENT = 0x0901
_ERROR_COMMENT = 0x0902
_ERROR_ID = 0x0903

_DATA_SET, _NO_DATA_SET = 0x0001, 0x0101
_RESPONSE_BIT = 0x8000
_ELEMENT = Struct("<HHL")
#: Tag, length and value of (0000,0000), which counts what follows it.
_GROUP_LENGTH_SIZE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The command set of a response.

    Attributes:
        command_field: (0000,0100), bit 15 set.
        message_id: (0000,0120), the request it answers.
        status: (0000,0900).
        has_data_set: whether (0000,0800) announces one.
        sop_class: (0000,0002), empty if absent.
        comment: (0000,0902), decoded, unsanitised; None if absent.
        offending: tags of (0000,0901).
        error_id: (0000,0903); None if absent.
        warnings: what was tolerated, one sentence each.

    Source: PS3.7 Sections 9.3.2.2 and 9.3.5.2.
    """

    command_field: int
    message_id: int
    status: int
    has_data_set: bool
    sop_class: str = ""
    comment: str | None = None
    offending: tuple[int, ...] = ()
    error_id: int | None = None
    warnings: tuple[str, ...] = ()


def encode_find_rq(message_id: int, sop_class: str, priority: Priority) -> bytes:
    """The command set of a C-FIND-RQ; a data set is to follow.

    Args:
        message_id: 1 to 65535.
        sop_class: UID of the information model.
        priority: as the job says.

    Source: PS3.7 Section 9.3.2.1.
    """
    return _encode(
        _uid(_SOP_CLASS, sop_class),
        _us(_COMMAND_FIELD, CommandField.C_FIND_RQ),
        _us(_MESSAGE_ID, message_id),
        _us(_PRIORITY, priority),
        _us(_DATA_SET_TYPE, _DATA_SET),
    )


def encode_echo_rq(message_id: int) -> bytes:
    """The command set of a C-ECHO-RQ, message ID 1 to 65535.

    Source: PS3.7 Section 9.3.5.1.
    """
    return _encode(
        _uid(_SOP_CLASS, VERIFICATION),
        _us(_COMMAND_FIELD, CommandField.C_ECHO_RQ),
        _us(_MESSAGE_ID, message_id),
        _us(_DATA_SET_TYPE, _NO_DATA_SET),
    )


def encode_cancel_rq(message_id: int) -> bytes:
    """The command set of a C-CANCEL-RQ for the request with that message ID.

    Source: PS3.7 Section 9.3.2.3.
    """
    return _encode(
        _us(_COMMAND_FIELD, CommandField.C_CANCEL_RQ),
        _us(_RESPONDED_TO, message_id),
        _us(_DATA_SET_TYPE, _NO_DATA_SET),
    )


def decode_response(command: bytes) -> Response:
    """The response in a command set.

    Group length, SOP class and the elements that explain a status may be absent or
    wrong: they are tolerated with a warning, since nothing depends on them.

    Args:
        command: all fragments of the command set, joined.

    Raises:
        DimseError: not a command set; a request, which we never serve; or one of
            (0000,0100), (0000,0120), (0000,0800), (0000,0900) absent or of a wrong
            size. The message names the tag or the byte.

    Source: PS3.7 Sections 6.3.1, 9.3.2.2 and 9.3.5.2.
    """
    elements = _elements(command)
    command_field = _required_us(elements, _COMMAND_FIELD)
    if not command_field & _RESPONSE_BIT:
        raise DimseError(f"the peer sent {_name(command_field)}; we serve no requests")
    explained = _Explanation(elements, len(command))
    return Response(
        command_field=command_field,
        message_id=_required_us(elements, _RESPONDED_TO),
        status=_status(elements, explained),
        has_data_set=_required_us(elements, _DATA_SET_TYPE) != _NO_DATA_SET,
        sop_class=explained.sop_class(),
        comment=explained.comment(),
        offending=explained.offending(),
        error_id=explained.error_id(),
        warnings=tuple(explained.warnings),
    )


class _Explanation:
    """The elements of a response that may be wrong without harm."""

    def __init__(self, elements: dict[int, bytes], size: int) -> None:
        self._elements = elements
        self.warnings: list[str] = []
        announced = elements.get(_GROUP_LENGTH)
        if announced is None:
            self.warn(_GROUP_LENGTH, "is absent")
        elif announced != pack("<L", size - _GROUP_LENGTH_SIZE):
            self.warn(_GROUP_LENGTH, "does not count the command set")

    def warn(self, element: int, what: str) -> None:
        self.warnings.append(f"{_tag(element)} of a response {what}")

    def sop_class(self) -> str:
        value = self._elements.get(_SOP_CLASS)
        if value is None:
            self.warn(_SOP_CLASS, "is absent")
            return ""
        return value.rstrip(b"\0 ").decode("ascii", "backslashreplace")

    def comment(self) -> str | None:
        value = self._elements.get(_ERROR_COMMENT)
        if value is None:
            return None
        stripped = value.rstrip(b"\0 ")
        # Only ISO 646 is allowed, but peers explain themselves in their own tongue.
        try:
            return stripped.decode("utf-8")
        except UnicodeDecodeError:
            return stripped.decode("latin-1")

    def offending(self) -> tuple[int, ...]:
        value = self._elements.get(_OFFENDING_ELEMENT, b"")
        if len(value) % 4:
            self.warn(_OFFENDING_ELEMENT, "is not a list of tags")
            return ()
        words = unpack(f"<{len(value) // 2}H", value)
        return tuple(
            group << 16 | element
            for group, element in zip(words[::2], words[1::2], strict=True)
        )

    def error_id(self) -> int | None:
        value = self._elements.get(_ERROR_ID)
        if value is None:
            return None
        if len(value) != 2:
            self.warn(_ERROR_ID, f"has {len(value)} bytes instead of 2")
            return None
        return int.from_bytes(value, "little")


def _status(elements: dict[int, bytes], explained: _Explanation) -> int:
    value = elements.get(_STATUS, b"")
    if len(value) == 4 and value[2:] == b"\0\0":
        explained.warn(_STATUS, "has 4 bytes instead of 2")
        return int.from_bytes(value, "little")
    return _required_us(elements, _STATUS)


def _elements(command: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    position = 0
    while position < len(command):
        if len(command) - position < _ELEMENT.size:
            raise DimseError(f"command set is cut off at byte {position}")
        group, element, length = _ELEMENT.unpack_from(command, position)
        start, stop = position + _ELEMENT.size, position + _ELEMENT.size + length
        if group:
            raise DimseError(f"command set holds ({group:04X},{element:04X})")
        if stop > len(command):
            raise DimseError(
                f"command set: {_tag(element)} announces {length} bytes where"
                f" {len(command) - start} are left"
            )
        if element in elements:
            raise DimseError(f"command set holds {_tag(element)} twice")
        elements[element] = command[start:stop]
        position = stop
    return elements


def _required_us(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element)
    if value is None:
        raise DimseError(f"command set lacks {_tag(element)}")
    if len(value) != 2:
        raise DimseError(
            f"command set: {_tag(element)} has {len(value)} bytes instead of 2"
        )
    return int.from_bytes(value, "little")


def _encode(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return _ELEMENT.pack(0, _GROUP_LENGTH, 4) + pack("<L", len(body)) + body


def _us(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0, element, 2) + pack("<H", value)


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return _ELEMENT.pack(0, element, len(value)) + value


def _tag(element: int) -> str:
    return f"(0000,{element:04X})"


def _name(command_field: int) -> str:
    try:
        return CommandField(command_field).name.replace("_", "-")
    except ValueError:
        return f"command {command_field:04X}H"
