"""What all levels of one sweep share."""

from __future__ import annotations

from typing import Final

from batchfind.dicom.columnar.headers import Headers
from batchfind.dicom.columnar.model import BoolVec
from batchfind.dicom.dictionary import Dictionary, is_private
from batchfind.dicom.vrs import STRING_VRS

MOST_STEPS: Final = 2_000
"""Steps of one sweep: some fifty times what a worklist takes. Identifiers not done by
then have too little in common to be swept."""


class Run:
    """One sweep over a payload.

    Attributes:
        headers: of the payload.
        odd: Identifiers that have to be decoded on their own, by position.
    """

    __slots__ = ("_big_endian", "_known", "_steps", "headers", "odd")

    def __init__(
        self, headers: Headers, known: Dictionary, odd: BoolVec, *, big_endian: bool
    ) -> None:
        self.headers = headers
        self.odd = odd
        self._known = known
        self._big_endian = big_endian
        self._steps = 0

    def spend(self) -> bool:
        """Count a step; False when there have been too many."""
        self._steps += 1
        return self._steps <= MOST_STEPS

    def vr_of(self, tag: int, code: int) -> str | None:
        """The VR that a key tells, or the dictionary; None where that is in doubt."""
        if not self.headers.implicit:
            return self.headers.vrs.get(code)
        vr = self._known.vr_of(tag)
        # Only its creator can tell whether a private element is a sequence.
        return None if vr == "SQ" and is_private(tag) else vr

    def vr_of_unknown(self, tag: int) -> str:
        """What an element sent as UN is, as in `scalar.decode`."""
        vr = self._known.vr_of(tag)
        doubtful = self._big_endian and vr not in STRING_VRS
        return "UN" if vr == "SQ" or doubtful else vr
