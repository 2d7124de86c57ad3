"""Response commands decoded before: peers send the same few again and again."""

from __future__ import annotations

from batchfind.dimse.command_set import Response, decode_response

#: (0000,0120) with its length: what begins before the message ID responded to.
_RESPONDED_TO = b"\x00\x00\x20\x01\x02\x00\x00\x00"
#: What is longer explains an error, and the next one will differ.
_LONGEST = 256
_MOST = 64


class Responses:
    """Decodes command sets; those that differ in their message ID alone only once."""

    def __init__(self) -> None:
        """Begins without any."""
        self._known: dict[tuple[bytes, bytes], Response] = {}

    def decode(self, command: bytes) -> Response:
        """As `decode_response`."""
        before, found, behind = command.partition(_RESPONDED_TO)
        if not found or len(behind) < 2 or len(command) > _LONGEST:
            return decode_response(command)
        message_id = int.from_bytes(behind[:2], "little")
        key = before, behind[2:]
        known = self._known.get(key)
        if known is None:
            known = decode_response(command)
            if known.message_id == message_id and _stands(before):
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = known
            return known
        return Response(
            command_field=known.command_field,
            message_id=message_id,
            status=known.status,
            has_data_set=known.has_data_set,
            sop_class=known.sop_class,
            comment=known.comment,
            offending=known.offending,
            error_id=known.error_id,
            warnings=known.warnings,
        )


def _stands(before: bytes) -> bool:
    """Whether an element begins behind these bytes, not amid the value of one."""
    position = 0
    while position + 8 <= len(before):
        position += 8 + int.from_bytes(before[position + 4 : position + 8], "little")
    return position == len(before)
