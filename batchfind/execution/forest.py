"""Every request of a run as trees: planned ones, and those born while it ran."""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.plan.model import Origin, Plan, PlannedOutput, Request


class Forest:
    """The requests of a run; a root is what was planned, or made for a row.

    Pieces that a root was cut into are its descendants. A root's verdict speaks for
    all of them.

    Attributes:
        plan: of the run.
        requests: all of them in plan order, the numeric order of their ids.
        roots: those that were not cut from another, in plan order.
    """

    def __init__(self, plan: Plan, born: Iterable[Request] = ()) -> None:
        """With the requests that were born, in any order."""
        self.plan = plan
        everyone = sorted((*plan.requests, *born), key=lambda one: one.order)
        self.requests: tuple[Request, ...] = tuple(everyone)
        self._by_id = {request.id: request for request in self.requests}
        self._pieces: dict[str, list[Request]] = {}
        for request in self.requests:
            if request.origin is Origin.SPLIT and request.parent is not None:
                self._pieces.setdefault(request.parent, []).append(request)
        self.roots = tuple(
            one for one in self.requests if one.origin is not Origin.SPLIT
        )

    def __contains__(self, identity: str) -> bool:
        return identity in self._by_id

    def __getitem__(self, identity: str) -> Request:
        return self._by_id[identity]

    @property
    def born(self) -> tuple[Request, ...]:
        """Requests that the plan does not list, in plan order."""
        return tuple(one for one in self.requests if one.origin is not Origin.PLAN)

    def root_of(self, request: Request) -> Request:
        """The request that one was cut from first of all; itself for a root."""
        while request.origin is Origin.SPLIT and request.parent is not None:
            request = self._by_id[request.parent]
        return request

    def pieces(self, identity: str) -> tuple[Request, ...]:
        """What a request was cut into directly; () when it was not."""
        return tuple(self._pieces.get(identity, ()))

    def members(self, root: Request) -> tuple[Request, ...]:
        """A root and everything cut from it, in plan order."""
        if root.id not in self._pieces:
            return (root,)
        found = [root]
        for one in found:
            found.extend(self._pieces.get(one.id, ()))
        return tuple(sorted(found, key=lambda one: one.order))

    def of_query(self, name: str) -> tuple[Request, ...]:
        """All requests of a query, pieces among them, in plan order."""
        return tuple(one for one in self.requests if one.query == name)

    def family_of(self, request: Request) -> str:
        """What requests have in common whose rows are merged.

        Equal for a root, its pieces, and the other alternatives of its `any_of`.
        """
        root = self.root_of(request)
        return root.family or root.id

    def ancestors(self, query: str) -> tuple[str, ...]:
        """Names of the queries whose rows a query was asked for, nearest first."""
        found: list[str] = []
        growing = self.plan.queries[query].growing
        while growing is not None:
            found.append(growing.query)
            growing = self.plan.queries[growing.query].growing
        return tuple(found)

    def behind(self, output: PlannedOutput) -> tuple[Request, ...]:
        """The roots whose rows an output holds, in plan order."""
        growing = self.plan.queries[output.query].growing
        if growing is None:
            return tuple(self._by_id[one] for one in output.requests)
        patterns = frozenset(output.requests)
        return tuple(
            one
            for one in self.roots
            if one.query == output.query and pattern_of(one) in patterns
        )

    def supporting(self, output: PlannedOutput) -> tuple[Request, ...]:
        """The roots of ancestors, without which an output is not whole."""
        names = frozenset(self.ancestors(output.query))
        return tuple(one for one in self.roots if one.query in names)


def pattern_of(child: Request) -> str:
    """Id of the pattern that a child of `for_each` was made of."""
    query, number, *_ = child.id.split(".")
    return f"{query}.{number}"
