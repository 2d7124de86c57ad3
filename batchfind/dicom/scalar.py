"""The scalar decoder: one Identifier's bytes to elements, strict and bounded.

Strict: a length beyond the end of its data set, item or sequence is a defect; a
shortened value is never returned. Tolerated, because peers do it and nothing is
lost: odd lengths, elements out of order, group lengths (dropped), zero bytes after
the last element, unknown VRs of two capital letters (UN), UN of undefined length
(items in Implicit VR). Of elements with one tag the first counts, as in DCMTK.

Public attributes sent as UN take the dictionary's VR, since their bytes are those of
Implicit VR (PS3.5 Section 6.2.2 Note 3); private ones stay UN in explicit VR, and in
Implicit VR take the VR their creator is known for.

`walk` does the work with a stack of its own, so nesting costs no recursion.
"""

from __future__ import annotations

import zlib
from typing import Final

from batchfind.dicom import transfer_syntaxes
from batchfind.dicom.containers import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.raw import DecodeLimits, Items, RawElement
from batchfind.dicom.walk import Walk
from batchfind.errors import IdentifierDefect

__all__ = ["DEFAULT_LIMITS", "DecodeLimits", "Items", "RawElement", "decode", "inflate"]

_ENCODINGS: Final = {
    transfer_syntaxes.IMPLICIT_LE: IMPLICIT_LITTLE,
    transfer_syntaxes.EXPLICIT_LE: EXPLICIT_LITTLE,
    transfer_syntaxes.DEFLATED_LE: EXPLICIT_LITTLE,
    transfer_syntaxes.EXPLICIT_BE: EXPLICIT_BIG,
}

DEFAULT_LIMITS: Final = DecodeLimits()


def decode(
    payload: bytes,
    transfer_syntax: str,
    limits: DecodeLimits = DEFAULT_LIMITS,
    *,
    known: Dictionary = STANDARD,
    verbatim: bool = False,
) -> list[RawElement]:
    """The elements of a data set.

    Args:
        payload: the data set as received, without preamble or file meta.
        transfer_syntax: UID of one of the four in `transfer_syntaxes.TITLES`.
        limits: what is refused; the defaults hold a thousand usual Identifiers.
        known: VRs of elements that were sent without one.
        verbatim: group lengths are kept, and public attributes sent as UN stay UN.

    Returns:
        Elements in ascending tag order, each tag once. Values keep their byte
        order and padding.

    Raises:
        IdentifierDefect: `malformed`, `depth`, `limit` or `inflate`, with the
            offset in the data set (after inflating) where decoding stopped.
        ValueError: for a transfer syntax outside the table: a bug of ours.

    Source: PS3.5 Sections 7.1 to 7.5 and Annex A.
    """
    encoding = _ENCODINGS.get(transfer_syntax)
    if encoding is None:
        raise ValueError(f"no decoder for transfer syntax {transfer_syntax}")
    if len(payload) > limits.data_set_bytes:
        raise IdentifierDefect(
            "limit", limits.data_set_bytes, f"data set of {len(payload)} bytes"
        )
    if transfer_syntax == transfer_syntaxes.DEFLATED_LE:
        payload = inflate(payload, limits.data_set_bytes)
    return Walk(payload, limits, encoding, known=known, verbatim=verbatim).run()


def inflate(payload: bytes, limit: int) -> bytes:
    """A deflated data set, inflated to at most `limit` bytes.

    Raises:
        IdentifierDefect: `inflate` when the stream is broken, cut off or followed
            by anything but zero bytes; `limit` when it inflates beyond the limit.

    Source: PS3.5 Section A.5, RFC 1951.
    """
    if not payload:
        return b""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = stream.decompress(payload, limit + 1)
    except zlib.error as error:
        raise IdentifierDefect(
            "inflate", 0, f"not a deflated stream: {error}"
        ) from None
    if len(data) > limit:
        raise IdentifierDefect("limit", limit, f"inflates to more than {limit} bytes")
    if not stream.eof:
        raise IdentifierDefect("inflate", len(data), "the deflated stream is cut off")
    if stream.unused_data.strip(b"\0"):
        raise IdentifierDefect("inflate", len(data), "data follow the deflated stream")
    return data
