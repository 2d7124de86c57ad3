"""Every request of a run that may give rise to others, while the run goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from batchfind.capture.records import StoredAttempt
from batchfind.execution.contribution import contributing
from batchfind.execution.forest import Forest
from batchfind.plan.model import Origin, Request

Counted: TypeAlias = tuple[Request, StoredAttempt]
"""A request with the attempt whose responses count."""


class Census:
    """Who was born, who is still open, and what came of the others.

    A request is open from when it is put into line until all that its answer gives
    rise to is known.

    Attributes:
        count: requests of the run, those that were born among them.
    """

    def __init__(
        self, forest: Forest, attempts: Mapping[str, Sequence[StoredAttempt]]
    ) -> None:
        """With the requests known so far and every try at them, oldest first."""
        self.count = 0
        self._by_id: dict[str, Request] = {}
        self._of_query: dict[str, list[Request]] = {}
        self._families: dict[str, dict[str, list[Request]]] = {}
        self._pieces: dict[str, list[Request]] = {}
        self._children: dict[tuple[str, str], list[Request]] = {}
        self._open: dict[str, set[str]] = {}
        self._attempts = {one: tuple(tries) for one, tries in attempts.items()}
        self._add(forest.requests)

    def __getitem__(self, identity: str) -> Request:
        return self._by_id[identity]

    def born(self, requests: Sequence[Request]) -> None:
        """Takes in new requests, which are open."""
        self._add(requests)
        self.open(requests)

    def open(self, requests: Iterable[Request]) -> None:
        """They are in line to be asked."""
        for request in requests:
            self._open.setdefault(request.query, set()).add(request.id)

    def close(self, request: Request) -> None:
        """All that it gives rise to is known."""
        self._open.get(request.query, set()).discard(request.id)

    def is_open(self, request: Request) -> bool:
        """Whether it is in line, or being settled."""
        return request.id in self._open.get(request.query, ())

    def at_rest(self, query: str) -> bool:
        """Whether no request of a query is open."""
        return not self._open.get(query)

    def note(self, request: Request, tries: Sequence[StoredAttempt]) -> None:
        """Keeps further tries at a request."""
        self._attempts[request.id] = self.attempts(request, tries)

    def attempts(
        self, request: Request, tries: Sequence[StoredAttempt] = ()
    ) -> tuple[StoredAttempt, ...]:
        """Every try at a request that is known, and further ones, oldest first."""
        known = self._attempts.get(request.id, ())
        numbers = {one.number for one in known}
        return (*known, *(one for one in tries if one.number not in numbers))

    def counting(self, requests: Iterable[Request]) -> tuple[Counted, ...]:
        """Those of some requests that have responses, with the attempt that counts."""
        found = []
        for request in requests:
            tries = self._attempts.get(request.id, ())
            attempt = contributing(tries, cut=request.id in self._pieces)
            if attempt is not None and attempt.ending and attempt.ending.responses:
                found.append((request, attempt))
        return tuple(found)

    def of_query(self, name: str) -> Sequence[Request]:
        """All requests of a query, in the order they became known."""
        return self._of_query.get(name, ())

    def pieces(self, request: Request) -> Sequence[Request]:
        """What a request was cut into directly."""
        return self._pieces.get(request.id, ())

    def children(self, query: str, parent: str) -> Sequence[Request]:
        """Requests of a query that were made for rows of a parent."""
        return self._children.get((query, parent), ())

    def families(self, query: str) -> Iterator[tuple[Request, list[Request]]]:
        """Requests whose rows are merged, the first one before all, in plan order."""
        families = [
            sorted(members, key=lambda one: one.order)
            for members in self._families.get(query, {}).values()
        ]
        for members in sorted(families, key=lambda family: family[0].order):
            yield members[0], members

    def _add(self, requests: Iterable[Request]) -> None:
        for request in requests:
            self.count += 1
            self._by_id[request.id] = request
            self._of_query.setdefault(request.query, []).append(request)
            families = self._families.setdefault(request.query, {})
            families.setdefault(request.family or request.id, []).append(request)
            if request.parent is None:
                continue
            if request.origin is Origin.SPLIT:
                self._pieces.setdefault(request.parent, []).append(request)
            else:
                place = request.query, request.parent
                self._children.setdefault(place, []).append(request)
