"""What reading responses finds out about their requests, gathered on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from batchfind.execution.findings import Findings
from batchfind.execution.matching import KeyTally, take
from batchfind.execution.merging import Tally
from batchfind.plan.model import Request
from batchfind.tables.render import Rendered

#: A peer may find a new fault for every response; so many are enough.
_MOST_WARNINGS = 100


@dataclass(slots=True)
class _Note:
    """What is being found out about one request."""

    defects: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    warnings: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    standing: Counter[str] = field(default_factory=Counter)

    def findings(self, keys: KeyTally, tally: Tally, dropped: int) -> Findings:
        return Findings(
            defects=dict(self.defects),
            replaced=self.replaced,
            warnings=tuple(sorted(self.warnings)),
            returned=frozenset(self.returned),
            read=keys.read,
            absent=keys.absent,
            reserved=keys.reserved,
            mismatches=keys.mismatches,
            dropped=dropped,
            merged=tally.merged,
            conflicts=tally.conflicts,
            unset=tally.unset,
            lost=tally.lost,
            added=tally.added,
            contradicted=keys.contradicted,
        )


class Notes:
    """What is being found out about the requests of a query."""

    def __init__(self, requests: Iterable[Request]) -> None:
        """Nothing yet; pieces of requests are requests too."""
        self._notes = {request.id: _Note() for request in requests}
        self._keys = {request: KeyTally() for request in self._notes}

    def take(self, rendered: Rendered) -> None:
        """Adds what was found out in some responses."""
        take(self._keys, rendered.verified)
        for defect in rendered.defects:
            self._notes[defect.request].defects[defect.kind] += 1
        for request, count in rendered.replaced.items():
            self._notes[request].replaced += count
        for request, texts in rendered.warnings.items():
            warnings = self._notes[request].warnings
            if len(warnings) < _MOST_WARNINGS:
                warnings |= texts
        for values in rendered.seen.values():
            for request, found in values.items():
                self._notes[request].returned |= found.keys()
        for values in rendered.standing.values():
            for request, found in values.items():
                self._notes[request].standing.update(found)

    def findings(
        self, tallies: Mapping[str, Tally], dropped: Callable[[str], int]
    ) -> dict[str, Findings]:
        """Everything by request id.

        Args:
            tallies: what comparing rows found out, of requests that were compared.
            dropped: how many responses of a request were left out since they do not
                match it.
        """
        return {
            request: note.findings(
                self._keys[request], tallies.get(request, Tally()), dropped(request)
            )
            for request, note in self._notes.items()
        }

    def returned(self, requests: Iterable[Request]) -> Counter[str]:
        """How many responses that enter outputs hold each watched value.

        Args:
            requests: counted together.
        """
        total: Counter[str] = Counter()
        for request in requests:
            total.update(self._notes[request.id].standing)
        return total
