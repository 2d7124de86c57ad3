"""Multiplies a query: peers, files, matrix, rows, window pieces, alternatives.

In this order. Repetitions come last and differ in nothing, so a case stands for all
of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from batchfind.dicom.identifier import Identifier
from batchfind.job.model import Peer
from batchfind.plan.alternatives import Alternatives, count_alternatives
from batchfind.plan.dates import Style
from batchfind.plan.intervals import interval_of
from batchfind.plan.keys import Leaf
from batchfind.plan.matrix import Matrix, multiply, warn_of_idle_excludes
from batchfind.plan.prepare import Prepared
from batchfind.plan.problems import Problems
from batchfind.plan.rows import RowGroup
from batchfind.plan.scopes import Surroundings
from batchfind.plan.templates import Scope
from batchfind.plan.windows import Interval, Piece, WindowValue, count, cut

_MULTIPLIERS = (
    *("files", "different rows", "pieces of the window"),
    *("alternatives", "repetitions"),
)
_WRITES_ITSELF = "the window writes its key itself; remove this name, or window.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One combination that becomes a request.

    Attributes:
        base: the Identifier its keys are merged into, or empty.
        combination: matrix axis to text.
        scope: what names mean in its keys and AE titles.
        alternative: keys of `any_of` with one value each.
        is_first: it begins a family; cases whose rows are merged with its own follow.
    """

    peer: Peer
    base: Identifier
    combination: Mapping[str, str]
    group: RowGroup | None
    piece: Piece | None
    scope: Scope
    alternative: tuple[Leaf, ...] = ()
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Size:
    """How many requests a query is, and what multiplies.

    Attributes:
        factors: what multiplies, such as `2 peers`; ones are left out.
    """

    requests: int
    factors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Multiplied:
    """A query with its matrix rendered for each of its peers.

    Attributes:
        scopes, matrices: by peer name.
    """

    prepared: Prepared
    surroundings: Surroundings
    scopes: Mapping[str, Scope]
    matrices: Mapping[str, Matrix]

    def combined(
        self, peer: Peer
    ) -> Iterator[tuple[Identifier, Mapping[str, str], RowGroup | None, Scope]]:
        """Files, combinations and rows at one peer, with what names mean in each."""
        scope = self.scopes[peer.name].without(self.prepared.absent)
        for base, combination, group in itertools.product(
            self.prepared.bases,
            self.matrices[peer.name].combinations,
            self.prepared.groups,
        ):
            names = {**combination, **(group.cells if group else {})}
            identifier = base.identifier if base else ()
            yield identifier, combination, group, scope.with_values(names)


def multiply_query(
    prepared: Prepared, surroundings: Surroundings, problems: Problems
) -> Multiplied:
    """Renders the matrix of a query for each of its peers."""
    query, templates = prepared.query, surroundings.templates
    scopes = {
        peer.name: surroundings.key_scope(query.name, peer) for peer in prepared.peers
    }
    matrices = {
        name: multiply(query, templates, scope, problems)
        for name, scope in scopes.items()
    }
    excluded: frozenset[int] = frozenset()
    excluded = excluded.union(*(matrix.excluded for matrix in matrices.values()))
    warn_of_idle_excludes(query, excluded, problems)
    return Multiplied(prepared, surroundings, scopes, matrices)


def size_of(multiplied: Multiplied, problems: Problems) -> Size:
    """How many requests there will be, before any of them is made."""
    prepared = multiplied.prepared
    query = prepared.query
    combinations = sum(matrix.size for matrix in multiplied.matrices.values())
    numbers = {
        "peers": len(prepared.peers),
        "files": len(prepared.bases),
        **{f"values of {axis}": len(values) for axis, values in query.matrix.items()},
        "different rows": len(prepared.groups),
        "pieces of the window": _pieces_of_first(multiplied, problems),
        "alternatives": count_alternatives(query),
        "repetitions": query.repeat.times,
    }
    requests = combinations
    for what in _MULTIPLIERS:
        requests *= numbers[what]
    factors = tuple(f"{n} {what}" for what, n in numbers.items() if n > 1)
    return Size(requests, factors)


def _pieces_of_first(multiplied: Multiplied, problems: Problems) -> int:
    """Window pieces of the first case; those of others seldom differ."""
    query = multiplied.prepared.query
    templates = multiplied.surroundings.templates
    if query.window is None:
        return 1
    scopes = (
        scope
        for peer in multiplied.prepared.peers
        for *_, scope in multiplied.combined(peer)
    )
    first = next(scopes, None)
    if first is None:
        return 0
    interval = interval_of(query, query.window, templates, first, problems)
    return count(interval, query.window.step) if interval else 0


def cases(multiplied: Multiplied, problems: Problems) -> Iterator[Case]:
    """Every combination of a query in plan order."""
    intervals = _Intervals(multiplied, problems)
    alternatives = Alternatives(
        multiplied.prepared.query, multiplied.surroundings.templates, problems
    )
    for peer in multiplied.prepared.peers:
        for base, combination, group, scope in multiplied.combined(peer):
            for piece in intervals.pieces(peer, scope):
                inner = _with_window(multiplied.prepared, scope, piece)
                for number, leaves in enumerate(alternatives.of(peer, inner, group)):
                    yield Case(
                        peer=peer,
                        base=base,
                        combination=combination,
                        group=group,
                        piece=piece,
                        scope=inner,
                        alternative=leaves,
                        is_first=number == 0,
                    )


class _Intervals:
    """The window in each scope; where `from` and `to` read the same it is read once."""

    def __init__(self, multiplied: Multiplied, problems: Problems) -> None:
        self._query = multiplied.prepared.query
        self._templates = multiplied.surroundings.templates
        self._problems = problems
        self._known: dict[tuple[object, ...], Interval | None] = {}
        window = self._query.window
        bounds = (window.start, window.end) if window else ()
        self._reads = sorted(
            self._templates.reads(bound for bound in bounds if bound is not None)
        )

    def pieces(self, peer: Peer, scope: Scope) -> Iterator[Piece | None]:
        window = self._query.window
        if window is None:
            yield None
            return
        key = (peer.name, *(scope.values.get(name) for name in self._reads))
        if key not in self._known:
            self._known[key] = interval_of(
                self._query, window, self._templates, scope, self._problems
            )
        interval = self._known[key]
        if interval is not None:
            yield from cut(interval, window.step)


def _with_window(prepared: Prepared, scope: Scope, piece: Piece | None) -> Scope:
    if piece is None:
        return scope
    if prepared.window.date is not None:
        return scope.without({"window": _WRITES_ITSELF})
    return scope.with_values({"window": WindowValue(piece, Style.KEY)})
