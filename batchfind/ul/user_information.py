"""The optional answers in an A-ASSOCIATE-AC's user information.

None of them is worth an association: one that cannot be read counts as one that was
not given, and a sentence says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct

Warn = Callable[[str], None]

_WINDOW = Struct(">HH")
_LENGTH = Struct(">H")


def read_operations(values: Sequence[bytes], warn: Warn) -> int | None:
    """How many operations we may invoke at once; 0 for without limit.

    Args:
        values: of every sub-item 53H, in the order received; the first one counts.
        warn: is told what was tolerated, as the rest of a sentence.

    Returns:
        None if there is none that can be read.

    Source: PS3.7 Table D.3-8.
    """
    if len(values) > 1:
        warn("gives its asynchronous operations window more than once")
    for value in values[:1]:
        if len(value) == _WINDOW.size:
            return int(_WINDOW.unpack(value)[0])
        warn(f"gives its asynchronous operations window in {len(value)} bytes, not 4")
    return None


def read_extended(values: Sequence[bytes], warn: Warn) -> tuple[tuple[str, bytes], ...]:
    """SOP Class UIDs with their service class application information.

    Args:
        values: of every sub-item 56H, in the order received; the first one of a SOP
            class counts.
        warn: is told what was tolerated, as the rest of a sentence.

    Source: PS3.7 Table D.3-12.
    """
    found: dict[str, bytes] = {}
    for value in values:
        parts = _cut(value)
        if parts is None or not parts[0]:
            warn("answers an extended negotiation in a way that cannot be read")
            continue
        uid = parts[0].rstrip(b"\0 ").decode("ascii", "backslashreplace")
        if uid in found:
            warn("answers an extended negotiation more than once")
        found.setdefault(uid, parts[1])
    return tuple(found.items())


def read_identity_response(values: Sequence[bytes], warn: Warn) -> bytes | None:
    """The server response to the user identity; empty for names and passcodes.

    Args:
        values: of every sub-item 59H, in the order received; the first one counts.
        warn: is told what was tolerated, as the rest of a sentence.

    Returns:
        None if there is none that can be read: nobody shall take it for a yes.

    Source: PS3.7 Table D.3-15.
    """
    if len(values) > 1:
        warn("confirms the user identity more than once")
    for value in values[:1]:
        parts = _cut(value)
        if parts is not None and not parts[1]:
            return parts[0]
        warn("confirms the user identity in a way that cannot be read")
    return None


def _cut(value: bytes) -> tuple[bytes, bytes] | None:
    """A field behind its length of two bytes, and what follows it."""
    if len(value) < _LENGTH.size:
        return None
    stop = _LENGTH.size + int(_LENGTH.unpack_from(value)[0])
    if stop > len(value):
        return None
    return value[_LENGTH.size : stop], value[stop:]
