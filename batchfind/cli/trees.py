"""Which requests belong together on a screen: a root and what it was cut into."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchfind.capture.records import Verdict
from batchfind.execution.progress import RunStarted
from batchfind.plan.model import Origin

_WORSE = tuple(Verdict)


@dataclass(slots=True)
class Tree:
    """A root and everything cut from it, as far as it has to be asked now.

    Attributes:
        root: id of the root.
        query, peer: of all its requests.
        waiting: ids of requests without a verdict.
        ended: verdicts by request id; not of those that were cut.
        settled: the verdict it was last counted with, or None.
    """

    root: str
    query: str
    peer: str
    waiting: set[str] = field(default_factory=set)
    ended: dict[str, Verdict] = field(default_factory=dict)
    settled: Verdict | None = None

    @property
    def verdict(self) -> Verdict | None:
        """The worst of its requests; None while one of them is awaited."""
        if self.waiting:
            return None
        return max(self.ended.values(), key=_WORSE.index, default=None)


class Trees:
    """Every tree of a run, found by the id of any request in it."""

    def __init__(self) -> None:
        """Before anything is known."""
        self._trees: dict[str, Tree] = {}
        self._peers: dict[str, str] = {}

    def start(self, event: RunStarted) -> tuple[Tree, ...]:
        """Takes in what is asked first; gives its trees in plan order."""
        asked = frozenset(event.requests)
        cut = {one.id: one.parent for one in event.born if one.origin is Origin.SPLIT}
        everyone = (*event.plan.requests, *event.born)
        self._peers = {one.id: one.peer for one in everyone}
        found: dict[str, Tree] = {}
        for one in everyone:
            if one.id not in asked:
                continue
            root = one.id
            while (parent := cut.get(root)) is not None:
                root = parent
            tree = found.setdefault(root, Tree(root, one.query, one.peer))
            tree.waiting.add(one.id)
            self._trees[one.id] = tree
        return tuple(found.values())

    def is_root(self, request: str) -> bool:
        """Whether a known request is no piece of another."""
        tree = self._trees.get(request)
        return tree is not None and tree.root == request

    def get(self, request: str) -> Tree | None:
        """The tree of a request; None when nothing is known of it."""
        return self._trees.get(request)

    def add(self, request: str, query: str, peer: str = "") -> Tree:
        """Takes in a new request: a piece of one that is known, or else a root.

        Args:
            request: its id; that of a piece continues the id of what was cut.
            query: its query.
            peer: its peer; empty when only its id tells, which holds that of the
                request for whose row it was made.

        Returns:
            Its tree.
        """
        tree = self._trees.get(request) or self._trees.get(request.rpartition(".")[0])
        if tree is None:
            for_row_of = ".".join(request.split(".")[2:-1])
            peer = peer or self._peers.get(for_row_of, "")
            self._peers[request] = peer
            tree = Tree(request, query, peer)
        tree.waiting.add(request)
        self._trees[request] = tree
        return tree

    def cut(self, request: str) -> Tree | None:
        """A request was cut: its own verdict counts no more."""
        tree = self._trees.get(request)
        if tree is not None:
            tree.waiting.discard(request)
            tree.ended.pop(request, None)
        return tree
