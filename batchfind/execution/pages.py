"""Repository queries come in pages: where the next one begins.

A peer that reached its response limit ends a C-FIND with B001. The same query with
the last Record Key as Prior Record Key then brings the responses that follow.
"""

from __future__ import annotations

from typing import Final

from batchfind.dicom import scalar
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.models import MODELS
from batchfind.dimse.messages import Final as FinalResponse
from batchfind.dimse.messages import Matches
from batchfind.errors import IdentifierDefect

_REPOSITORY: Final = MODELS["repository"].uid
_MORE_TO_COME: Final = 0xB001
_RECORD_KEY: Final = 0x0008_041B
_PRIOR_RECORD_KEY: Final = 0x0008_041C


class Pages:
    """The pages of one attempt.

    Attributes:
        count: pages asked for so far, from 1.
        problem: why the next page cannot be asked for, or empty.
        hint: what to do about it.

    Source: PS3.4 Section C.6.4.5.3.
    """

    def __init__(self, sop_class: str, transfer_syntax: str) -> None:
        self.count = 1
        self.problem = ""
        self.hint = ""
        self._paged = sop_class == _REPOSITORY
        self._transfer_syntax = transfer_syntax
        self._last = b""
        self._seen: set[bytes] = set()

    def note(self, matches: Matches) -> None:
        """Keeps the latest response, which holds the key of the next page."""
        if self._paged and len(matches):
            begin = matches.ends[-2] if len(matches) > 1 else 0
            self._last = matches.payload[begin : matches.ends[-1]]

    def more(self, final: FinalResponse | None) -> bool:
        """Whether the peer says that this page is not the last."""
        return self._paged and final is not None and final.status == _MORE_TO_COME

    def following(self, identifier: Identifier) -> Identifier | None:
        """The Identifier that asks for the next page; None leaves a `problem`."""
        key = self._record_key()
        if key is None:
            return None
        if key in self._seen:
            self.problem = "the peer ended two pages with the same Record Key"
            self.hint = "report this to the peer's vendor"
            return None
        self._seen.add(key)
        self._last = b""
        self.count += 1
        others = (each for each in identifier if each.tag != _PRIOR_RECORD_KEY)
        return (*others, Element(_PRIOR_RECORD_KEY, "OB", key))

    def _record_key(self) -> bytes | None:
        if not self._last:
            self.problem = "this page held no response"
            self.hint = "report this to the peer's vendor"
            return None
        try:
            elements = scalar.decode(self._last, self._transfer_syntax)
        except IdentifierDefect:
            self.problem = "the last response cannot be decoded"
            self.hint = "report this to the peer's vendor"
            return None
        for element in elements:
            if element.tag == _RECORD_KEY and isinstance(element.value, bytes):
                if element.value:
                    return element.value
                break
        self.problem = "the last response holds no Record Key"
        self.hint = 'add RecordKey: "" to the keys of the query'
        return None
