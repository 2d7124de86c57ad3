"""Requests in line for each SCP: what may be asked next, and what no longer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from batchfind.plan.model import Request

#: So many failures in a row to open an association, and the peer is left alone.
_TROUBLE = 5

Chain = tuple[Request, ...]


@dataclass(slots=True)
class Line:
    """The requests for one host and port.

    Attributes:
        associations: how many it bears at once.
        operations: requests in flight on each, as far as is known.
        workers: how many of its chains are worked on.
        chains: repetitions of a request stay together, in order.
        failures: associations in a row that could not be opened.
    """

    host: str
    port: int
    associations: int
    operations: int = 1
    workers: int = 0
    chains: deque[Chain] = field(default_factory=deque)
    failures: int = 0

    @property
    def open(self) -> bool:
        """Whether the circuit is open: the peer cannot be reached at present."""
        return self.failures >= _TROUBLE

    @property
    def wanted(self) -> int:
        """How many more workers find work, and room at the SCP."""
        room = self.associations * self.operations - self.workers
        return max(0, min(room, len(self.chains)))

    def note(self, *, reached: bool) -> None:
        """Counts how the last request fared at opening an association."""
        self.failures = 0 if reached else self.failures + 1


def chains(requests: Iterable[Request]) -> Iterator[Chain]:
    """Requests in plan order, a request with all its repetitions in one tuple."""
    chain: list[Request] = []
    for request in requests:
        if chain and request.repetition == 0:
            yield tuple(chain)
            chain = []
        chain.append(request)
    if chain:
        yield tuple(chain)
