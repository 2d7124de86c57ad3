"""Pending responses of one burst, packed into one set of matches a request."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from itertools import accumulate

from batchfind.dimse.messages import Matches
from batchfind.dimse.templates import Template
from batchfind.ul.framing import Burst
from batchfind.ul.refrain import Refrain

#: Whole messages of two fragments: a command (3), then its data set (2).
_WHOLE_MESSAGES = re.compile(rb"(?:\x03\x02)+")
#: PDVs looked at in one go: twice as many as the last time brought, so that a change
#: of command costs little, also when requests are answered by turns.
_SHORTEST_STRETCH, _LONGEST_STRETCH = 16, 1_024


def _no_statuses() -> array[int]:
    return array("H")


@dataclass(slots=True)
class _Set:
    identifiers: list[bytes] = field(default_factory=list)
    statuses: array[int] = field(default_factory=_no_statuses)


class Gathering:
    """What one burst brings to each request."""

    def __init__(self) -> None:
        """Begins empty."""
        self._stretch = _LONGEST_STRETCH
        self._sets: dict[int, _Set] = {}

    def add(self, message_id: int, status: int, identifier: bytes) -> None:
        """Takes one pending response."""
        gathered = self._sets.setdefault(message_id, _Set())
        gathered.identifiers.append(identifier)
        gathered.statuses.append(status)

    def add_alike(self, burst: Burst, first: int, template: Template) -> int:
        """Takes the responses from a PDV on that repeat the template's command.

        A peer repeats one command for every match, so comparing bytes replaces
        decoding them. Anything else than an unfragmented command and an unfragmented
        data set on the template's context is left to the caller.

        Args:
            burst: PDVs; no message is unfinished before `first`.
            first: index of the PDV to begin with.
            template: the response that came before.

        Returns:
            How many PDVs were taken: two for each response, 0 for none.
        """
        data, begin, end = burst.data, burst.begin, burst.end
        command = template.command
        if data[begin[first] : end[first]] != command:
            return 0
        whole = _WHOLE_MESSAGES.match(burst.controls, first, first + self._stretch)
        if whole is None:
            return 0
        stretch = burst.contexts[first : whole.end()]
        stop = whole.end() - len(stretch.lstrip(bytes([template.context_id])))
        identifiers = []
        for index in range(first, stop - 1, 2):
            if data[begin[index] : end[index]] != command:
                break
            identifiers.append(data[begin[index + 1] : end[index + 1]])
        if identifiers:
            self._add_all(identifiers, template)
        taken = 2 * len(identifiers)
        self._stretch = min(max(2 * taken, _SHORTEST_STRETCH), _LONGEST_STRETCH)
        return taken

    def add_refrain(self, data: bytes, refrain: Refrain, template: Template) -> None:
        """Takes the responses of a refrain whose first PDUs are a template's command.

        This is the fast path of the whole program: once a response, it cuts an
        Identifier out of the burst.
        """
        gap, begin = refrain.gap, refrain.first
        identifiers: list[bytes] = []
        add = identifiers.append
        for end in refrain.ends:
            add(data[begin + gap : end])
            begin = end
        self._add_all(identifiers, template)

    def matches(self) -> list[Matches]:
        """One set for each request that got pending responses, in their order."""
        return [
            Matches(
                message_id,
                b"".join(gathered.identifiers),
                array("q", accumulate(map(len, gathered.identifiers))),
                gathered.statuses,
            )
            for message_id, gathered in self._sets.items()
        ]

    def _add_all(self, identifiers: list[bytes], template: Template) -> None:
        gathered = self._sets.setdefault(template.message_id, _Set())
        gathered.identifiers += identifiers
        gathered.statuses += array("H", [template.status]) * len(identifiers)
