"""Requests in line for each SCP: what may be asked next, and what no longer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from batchfind.execution.wiring import Wiring
from batchfind.plan.model import Origin, Plan, PlannedPeer, Request

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
        awaited: endings that may give rise to more requests for it.
        failures: associations in a row that could not be opened.
    """

    host: str
    port: int
    associations: int
    operations: int = 1
    workers: int = 0
    chains: deque[Chain] = field(default_factory=deque)
    failures: int = 0
    awaited: int = 0

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
    """Requests in plan order, a request with all its repetitions in one tuple.

    Pieces of a repetition are not repetitions of each other.
    """
    chain: list[Request] = []
    for request in requests:
        alone = request.repetition == 0 or request.origin is Origin.SPLIT
        if chain and alone:
            yield tuple(chain)
            chain = []
        chain.append(request)
    if chain:
        yield tuple(chain)


class Lines:
    """A line for each SCP that is asked anything."""

    def __init__(self, plan: Plan, wiring: Wiring) -> None:
        """Without any; `wiring` knows where peers are."""
        self._plan = plan
        self._wiring = wiring
        self._known: dict[tuple[str, int], Line] = {}

    def put(self, requests: Iterable[Request]) -> list[Line]:
        """Puts requests into line behind others; says which lines got any."""
        found: dict[int, Line] = {}
        for chain in chains(requests):
            line = self._line(self._plan.peers[chain[0].peer])
            line.chains.append(chain)
            found[id(line)] = line
        return list(found.values())

    def _line(self, peer: PlannedPeer) -> Line:
        host, port = self._wiring.address(peer)
        line = self._known.setdefault(
            (host, port), Line(host, port, peer.limits.associations)
        )
        # Two aliases of one SCP share its line; the stricter promise counts.
        line.associations = min(line.associations, peer.limits.associations)
        return line
