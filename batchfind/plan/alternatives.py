"""The values of `any_of`: each combination of them is a request."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from batchfind.dicom.lint import normalise_value
from batchfind.job.model import AnyOf, Peer, Query
from batchfind.plan.keys import Leaf, is_universal
from batchfind.plan.problems import Problems
from batchfind.plan.rows import RowGroup
from batchfind.plan.templates import Scope, Templates


def count_alternatives(query: Query) -> int:
    """How many requests one without `any_of` becomes, 1 or more."""
    return math.prod(len(one.values) for one in query.any_of)


class Alternatives:
    """The combinations of a query; those that read the same are rendered once."""

    def __init__(self, query: Query, templates: Templates, problems: Problems) -> None:
        """Notes what cannot be asked for in `problems`."""
        self._query = query
        self._templates = templates
        self._problems = problems
        self._known: dict[tuple[object, ...], tuple[tuple[Leaf, ...], ...]] = {}
        values = (value for one in query.any_of for value in one.values)
        self._reads = sorted(templates.reads(values))

    def of(
        self, peer: Peer, scope: Scope, row: RowGroup | None = None
    ) -> tuple[tuple[Leaf, ...], ...]:
        """The combinations at a peer, the last key changing fastest.

        Args:
            peer: that is asked.
            scope: what names mean.
            row: where a cell comes from that makes a value match everything.

        Returns:
            One empty combination where the query has no `any_of`.
        """
        read = (str(scope.values.get(name)) for name in self._reads)
        key = (peer.name, *read)
        if key not in self._known:
            each = [tuple(self._leaves(one, scope, row)) for one in self._query.any_of]
            self._known[key] = tuple(itertools.product(*each))
        return self._known[key]

    def _leaves(self, one: AnyOf, scope: Scope, row: RowGroup | None) -> Iterable[Leaf]:
        where = f"queries.{self._query.name}.any_of.{one.key}"
        seen: dict[str, Leaf] = {}
        for scalar in one.values:
            text = self._templates.render(scalar, where, scope)
            if text is None:
                continue
            if not self._query.raw:
                text = normalise_value(one.key.vr, text)
            if is_universal(text):
                message = (
                    f"this value of {one.key} matches everything, and then the others"
                    " find nothing more; remove it, or the key from any_of"
                )
                read = self._templates.facts(scalar).names
                fed = row is not None and not read.isdisjoint(row.cells)
                mark = row.mark if row is not None and fed else scalar.mark
                self._problems.error(mark, where, message)
                continue
            if text in seen:
                message = "this value stands there twice; it is asked once"
                self._problems.warn(scalar.mark, where, message)
            seen.setdefault(text, Leaf(one.key, text, scalar.mark, where))
        return seen.values()
