"""The rendered keys of each request of a query.

Most keys of a query are equal in all of its requests: they are rendered and checked
once a peer. Only those that read a row, an axis of the matrix or the window are
done for each request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from batchfind.errors import Mark, Problem, Severity
from batchfind.job.model import Peer
from batchfind.plan.cases import Case
from batchfind.plan.keys import Key, Leaf, is_universal, render_keys
from batchfind.plan.lint import lint_leaves
from batchfind.plan.negotiated import options_of
from batchfind.plan.nothing import check_for_nothing
from batchfind.plan.prepare import Prepared
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Scope, Templates


@dataclass(slots=True)
class Leaves:
    """Renders the keys of one query; rows that cannot be sent go to `skipped`.

    Attributes:
        varying: which keys differ from request to request, by position.
    """

    prepared: Prepared
    templates: Templates
    problems: Problems
    skipped: dict[Problem, None]
    varying: tuple[int, ...] = field(init=False)
    _equal: tuple[int, ...] = field(init=False)
    _of_peer: dict[str, _OfPeer] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Tells the keys that vary from those that do not."""
        moving = self.prepared.row_names.union(self.prepared.bindings)
        keys = enumerate(self.prepared.keys)
        self.varying = tuple(i for i, key in keys if key.names & moving)
        every = range(len(self.prepared.keys))
        self._equal = tuple(sorted(set(every).difference(self.varying)))

    def of(self, case: Case) -> list[Leaf] | None:
        """The keys of a request in the order written; None when there is a problem."""
        equal = self._equal_at(case.peer, case.scope)
        leaves = list(equal.leaves)
        rendered = self._render(self.varying, case.scope, case.group and case.group.mark)
        for number, leaf in zip(self.varying, rendered, strict=True):
            leaves[number] = leaf
        found = [leaf for leaf in leaves if leaf is not None]
        whole = len(found) == len(leaves)
        if whole and case.group is not None:
            if not self._row_is_safe(case.group.mark, found):
                return None
        self._check(self._equal if equal.unchecked else (), case, leaves)
        equal.unchecked = False
        self._check(self.varying, case, leaves)
        return found if whole else None
