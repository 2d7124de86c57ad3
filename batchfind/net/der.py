"""Just enough DER to read certificates and revocation lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


class DerError(ValueError):
    """The bytes are not DER of the kind expected."""


@dataclass(frozen=True, slots=True)
class Value:
    """One encoded value.

    Attributes:
        tag: identifier octet.
        content: without identifier and length.
        raw: all of it.
    """

    tag: int
    content: bytes
    raw: bytes

    def parts(self) -> tuple[Value, ...]:
        """What a constructed value consists of."""
        return tuple(values(self.content))

    def expect(self, tag: int) -> Value:
        """The value itself, which must be of that kind.

        Raises:
            DerError: it is of another kind.
        """
        if self.tag != tag:
            raise DerError(f"tag {self.tag:02X} where {tag:02X} belongs")
        return self

    def integer(self) -> int:
        """An INTEGER's value."""
        return int.from_bytes(self.expect(INTEGER).content, "big", signed=True)

    def oid(self) -> str:
        """An OBJECT IDENTIFIER in dotted form."""
        arcs, arc = [], 0
        for octet in self.expect(OBJECT_IDENTIFIER).content:
            arc = arc << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(arc)
                arc = 0
        if not arcs:
            raise DerError("an empty object identifier")
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def values(data: bytes) -> Iterator[Value]:
    """The values that stand one behind the other.

    Raises:
        DerError: the bytes end too early, or a length is not DER.

    Source: ITU-T X.690 Section 8.1.
    """
    at = 0
    while at < len(data):
        begin, length = _header(data, at)
        if begin + length > len(data):
            raise DerError(f"{begin + length - len(data)} bytes are missing")
        content = data[begin : begin + length]
        yield Value(data[at], content, data[at : begin + length])
        at = begin + length


def first(data: bytes) -> Value:
    """The first of the values.

    Raises:
        DerError: there is none.
    """
    for value in values(data):
        return value
    raise DerError("nothing there")


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Where the content begins, and its length."""
    if at + 2 > len(data):
        raise DerError("a value is cut off in its header")
    length = data[at + 1]
    if length < 0x80:
        return at + 2, length
    octets = length & 0x7F
    if not 1 <= octets <= 4 or at + 2 + octets > len(data):
        raise DerError("a length that is not DER")
    return at + 2 + octets, int.from_bytes(data[at + 2 : at + 2 + octets], "big")
