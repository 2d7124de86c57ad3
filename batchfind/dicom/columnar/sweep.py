"""The minimum-tag sweep: one attribute of many Identifiers at a time.

Every Identifier has a cursor on its next element. Elements ascend (PS3.5 Section
7.1), so at each step the cursors with the smallest tag advance together while the
others wait; an attribute absent somewhere costs a mask. A sequence is read item by
item, and its items are swept in the same way.

Whatever is not plain makes its Identifier *odd*: a broken rule, an element out of
order or sent twice, a VR nobody knows, UN of undefined length, zero bytes at the end,
great size or depth. `scalar.decode` then says whether it is a defect. Each length is
checked against the end of its data set, item or sequence before a byte is used.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from batchfind.dicom.columnar.cursors import sweep_level
from batchfind.dicom.columnar.draft import arranged
from batchfind.dicom.columnar.headers import Headers
from batchfind.dicom.columnar.items import Extents
from batchfind.dicom.columnar.model import IntVec, Level, Shape, Swept
from batchfind.dicom.columnar.run import Run
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, IMPLICIT_LE

LARGEST_IDENTIFIER: Final = 1 << 16
"""Bytes of an Identifier that is worth sweeping; also keeps it within `DecodeLimits`,
since an element takes 8 bytes or more."""


def sweep(
    payload: bytes,
    begin: IntVec,
    end: IntVec,
    transfer_syntax: str,
    shape: Shape,
    *,
    known: Dictionary = STANDARD,
    largest: int = LARGEST_IDENTIFIER,
) -> Swept:
    """Many Identifiers taken apart, or called odd.

    Args:
        payload: holds all of them, not deflated.
        begin: offset of each one's first byte, ascending.
        end: offset after each one's last byte, at most where the next one begins.
        transfer_syntax: UID of all of them; the deflated one after inflating.
        shape: the attributes wanted of each.
        known: VRs of elements that were sent without one.
        largest: bytes of an Identifier above which it is odd in any case, up to
            `LARGEST_IDENTIFIER`.

    Returns:
        What `scalar.decode` finds in each Identifier that is not odd. VRs of private
        elements in Implicit VR are those of an unknown creator.

    Source: PS3.5 Sections 7.1 to 7.5.
    """
    size = end - begin
    odd = (size < 8) | (size > largest)
    big_endian = transfer_syntax == EXPLICIT_BE
    headers = Headers(
        payload, big_endian=big_endian, implicit=transfer_syntax == IMPLICIT_LE
    )
    run = Run(headers, known, odd, big_endian=big_endian)
    good = np.flatnonzero(~odd)
    extents = Extents(begin[good], end[good], np.zeros(len(good), np.bool_), good)
    _, found = sweep_level(run, extents, shape)
    root = found or Level(good, begin[good], {}, {}, ())
    if odd[good].any():
        root = arranged([root], np.flatnonzero(~odd[root.owners]))
    return Swept(root, odd)
