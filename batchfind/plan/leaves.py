"""The rendered keys of each request of a query.

Most keys of a query are equal in all of its requests: they are rendered and checked
once a peer. Only those that read a row, an axis of the matrix or the window are
done for each request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from batchfind.errors import Mark, Problem, Severity
from batchfind.plan.cases import Case
from batchfind.plan.keys import Key, Leaf, is_universal, render_keys
from batchfind.plan.lint import lint_leaves
from batchfind.plan.nothing import check_for_nothing
from batchfind.plan.prepare import Prepared
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Templates


class Leaves:
    """Renders the keys of one query.

    Attributes:
        varying: positions of the keys that may differ from request to request.
        skipped: rows that cannot be sent, where the job says to leave them out.
    """

    def __init__(
        self, prepared: Prepared, templates: Templates, problems: Problems
    ) -> None:
        """Tells the keys that vary from those that do not."""
        self.skipped: dict[Problem, None] = dict.fromkeys(prepared.skipped)
        self._prepared = prepared
        self._templates = templates
        self._problems = problems
        moving = prepared.row_names.union(prepared.bindings)
        keys = list(enumerate(prepared.keys))
        self.varying = tuple(i for i, key in keys if key.names & moving)
        self._equal = tuple(i for i, key in keys if not key.names & moving)
        self._at_peer: _AtPeer | None = None

    def of(self, case: Case, options: Collection[str]) -> list[Leaf] | None:
        """The keys of a request in the order written, then those of `any_of`.

        Args:
            case: the request.
            options: of extended negotiation, that its peer is asked for.

        Returns:
            None when there is a problem, which is noted.
        """
        equal = self._equal_at(case)
        leaves = list(equal.leaves)
        for number, leaf in zip(
            self.varying, self._rendered(case, self.varying), strict=True
        ):
            leaves[number] = leaf
        found = [leaf for leaf in leaves if leaf is not None]
        whole = len(found) == len(leaves)
        group = case.group
        if whole and group is not None and not self._row_is_safe(group.mark, found):
            return None
        if not equal.checked:
            equal.checked = True
            self._check(case, self._equal, leaves, options)
        self._check(case, self.varying, leaves, options)
        query = self._prepared.query
        if case.alternative and not query.raw:
            lint_leaves(query, case.alternative, self._problems, options)
        return [*found, *case.alternative] if whole else None

    def _equal_at(self, case: Case) -> _AtPeer:
        """What is equal for all requests of a peer; all of them come in a row."""
        if self._at_peer is None or self._at_peer.peer != case.peer.name:
            leaves: list[Leaf | None] = [None] * len(self._prepared.keys)
            for number, leaf in zip(
                self._equal, self._rendered(case, self._equal), strict=True
            ):
                leaves[number] = leaf
            self._at_peer = _AtPeer(case.peer.name, leaves)
        return self._at_peer

    def _rendered(self, case: Case, numbers: Iterable[int]) -> list[Leaf | None]:
        return render_keys(
            [self._prepared.keys[number] for number in numbers],
            self._templates,
            case.scope,
            self._prepared.row_names,
            case.group.mark if case.group else None,
        )

    def _check(
        self,
        case: Case,
        numbers: Iterable[int],
        leaves: list[Leaf | None],
        options: Collection[str],
    ) -> None:
        """Checks some keys for emptiness no row is responsible for, and values."""
        query = self._prepared.query
        for number in numbers:
            key, leaf = self._prepared.keys[number], leaves[number]
            if leaf is None:
                continue
            if not key.names & self._prepared.row_names:
                check_for_nothing(
                    query, key, leaf, case.scope, self._templates, self._problems
                )
            if not query.raw:
                lint_leaves(query, (leaf,), self._problems, options)

    def _row_is_safe(self, mark: Mark, leaves: list[Leaf]) -> bool:
        """Whether no key that reads a row rendered as 'everything'."""
        policy = self._prepared.query.rows
        literal = policy is not None and policy.literal
        for number in self.varying:
            key, leaf = self._prepared.keys[number], leaves[number]
            if not self._is_fed(key) or not (
                is_universal(leaf.text) if literal else not leaf.text
            ):
                continue
            if policy is not None and policy.skip_empty:
                message = f"skipped: {leaf.path} would be empty"
                where = f"queries.{self._prepared.query.name}.rows"
                self.skipped[Problem(mark, where, message, Severity.WARNING)] = None
            else:
                message = (
                    f"this row makes {leaf.path} ask for everything; fill its cells"
                    " in, or set on_empty: skip"
                )
                self._problems.error(mark, leaf.where, message)
            return False
        return True

    def _is_fed(self, key: Key) -> bool:
        return bool(key.names & self._prepared.row_names)


@dataclass(slots=True)
class _AtPeer:
    """The keys that are equal for all requests of one peer.

    Attributes:
        leaves: one a key; None for one that varies or could not be rendered.
        checked: its values have been looked at.
    """

    peer: str
    leaves: list[Leaf | None]
    checked: bool = False
