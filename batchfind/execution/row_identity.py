"""What tells the rows of a query apart, and what they say about its cuts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Final

from batchfind.dicom.paths import KeyPath
from batchfind.plan.model import Piecing, Request, Splitting
from batchfind.tables.keys import DIGEST_BYTES, KeyRows, Texts

_IDENTITY: Final = b"identity"
_UNDECODABLE: Final = "\ufffd"


def axis_of(splitting: Splitting | None, pieces: Sequence[Request]) -> KeyPath | None:
    """The key whose values a request's pieces share out among them.

    Args:
        splitting: of the query, or None.
        pieces: what the request was cut into directly.

    Returns:
        None when it was not cut, and when the pieces leave out values: what is not
        listed in `then` was not asked for, so is no loss.
    """
    for piece in pieces:
        match piece.extent and piece.extent.by:
            case Piecing.DATE if splitting is not None:
                return splitting.date
            case Piecing.TIME if splitting is not None:
                return splitting.time
            case Piecing.THEN if splitting is not None and piece.extent is not None:
                then = splitting.then[piece.extent.then - 1]
                return then.key if then.exhaustive else None
    return None


def identities(rows: KeyRows, identity: Sequence[KeyPath]) -> Sequence[bytes | None]:
    """A digest of the identity of each response.

    Args:
        rows: with the values of all keys of the identity.
        identity: keys of the data set, and of items of sequences; a response with
            several items is told by those of all of them, in their order.

    Returns:
        One digest a response; None where any part of the identity is empty, or could
        not be decoded.
    """
    if not identity:
        return [None] * len(rows)
    columns = [rows.values[path] for path in identity]
    return [_identity(parts) for parts in zip(*columns, strict=True)]


def item_identities(
    rows: KeyRows, identity: Sequence[KeyPath]
) -> Iterator[tuple[int, list[bytes]]]:
    """What `identities` would give for each item, were it the only one.

    Args:
        rows: with the values of all keys of the identity.
        identity: keys of the data set, and of items of one sequence.

    Yields:
        Position of each response with several items, and one digest an item; not of
        responses in which any of them has none.
    """
    columns = [rows.values[path] for path in identity]
    for at, parts in enumerate(zip(*columns, strict=True)):
        count = max(map(len, parts), default=0)
        if count < 2:
            continue
        items = [
            _identity(
                [texts[item : item + 1] if len(texts) > 1 else texts for texts in parts]
            )
            for item in range(count)
        ]
        known = [item for item in items if item is not None]
        if len(known) == count:
            yield at, known


def _identity(parts: Sequence[Texts]) -> bytes | None:
    told = blake2b(digest_size=DIGEST_BYTES, person=_IDENTITY)
    for texts in parts:
        told.update(f"{len(texts)};".encode())
        for text in texts:
            # What could not be decoded may stand for different bytes.
            if not text or _UNDECODABLE in text:
                return None
            raw = text.encode()
            told.update(f"{len(raw)}:".encode() + raw)
        if not texts:
            return None
    return told.digest()


def unset(rows: KeyRows, splitting: Splitting | None, run: Sequence[int]) -> int:
    """How many of some responses have a date, and no time with it.

    Args:
        rows: with the values of both keys.
        splitting: names them; None, or one without a time, gives 0.
        run: positions of the responses.
    """
    if splitting is None or splitting.time is None:
        return 0
    dates, times = rows.values[splitting.date], rows.values[splitting.time]
    return sum(
        any(date and not time for date, time in zip(dates[at], times[at], strict=False))
        for at in run
    )
