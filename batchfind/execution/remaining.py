"""What is left to do in a run: requests to ask again, or still to be made."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.execution.answers import Answers
from batchfind.execution.forest import Forest
from batchfind.job.model import Dedupe
from batchfind.plan.model import Growing, Request

_ANSWERED = (Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT)


def unanswered(answers: Answers) -> tuple[Request, ...]:
    """Requests to ask again, in plan order.

    Those are the roots that are failed, partial, skipped or were never asked; of a
    root that was cut its pieces that are, but never what was cut.
    """
    forest, verdicts = answers.forest, answers.verdicts()
    return tuple(
        one
        for root in forest.roots
        if _is_open(root, verdicts)
        for one in forest.members(root)
        if not forest.pieces(one.id) and _is_open(one, verdicts)
    )


def within_reach(answers: Answers) -> tuple[Request, ...]:
    """Requests whose peers a resumed run may ask: they need their credentials.

    Besides `unanswered` those are requests that were doubted and not cut yet, and the
    patterns of requests that are still to be made for rows of others.
    """
    forest, verdicts = answers.forest, answers.verdicts()
    queries = answers.plan.queries
    found = list(unanswered(answers))
    doubted = [
        root
        for root in forest.roots
        if queries[root.query].splitting is not None
        and verdicts[root.id].verdict is Verdict.SUSPECT
    ]
    moving = {request.query for request in (*found, *doubted)}
    for name, query in queries.items():
        if query.growing is None:
            continue
        stands = moving.isdisjoint(forest.ancestors(name))
        if not stands or not is_grown(name, forest, verdicts, answers.growth.keyless):
            found.extend(query.growing.patterns)
            moving.add(name)
    return (*found, *doubted)


def is_grown(
    query: str,
    forest: Forest,
    verdicts: Mapping[str, RequestVerdict],
    keyless: Mapping[str, int],
) -> bool:
    """Whether a `for_each` query was asked for the rows that its parents brought.

    A run that ends at the wrong moment leaves rows for which nothing was asked; its
    tables look empty then, but are not whole.

    Args:
        query: its name; other queries are grown as they are.
        forest: all requests of the run.
        verdicts: of all of them.
        keyless: by id of a root, how many of its rows nothing can be asked for.
    """
    growing = forest.plan.queries[query].growing
    if growing is None:
        return True
    parents = {one.parent for one in forest.of_query(query)} | keyless.keys()
    served = {
        _scope(forest, forest.root_of(forest[identity]))
        for identity in parents
        if identity is not None and identity in forest
    }
    return all(
        _scope(forest, root) in served for root in _bearing(growing, forest, verdicts)
    )


def _bearing(
    growing: Growing, forest: Forest, verdicts: Mapping[str, RequestVerdict]
) -> Iterator[Request]:
    """Roots of the parent query with rows that have to have children."""
    peers = {pattern.peer for pattern in growing.patterns}
    for root in forest.roots:
        if root.query == growing.query and root.peer in peers:
            found = verdicts[root.id]
            if found.responses > found.dropped + sum(found.defects.values()):
                yield root


def _scope(forest: Forest, root: Request) -> Hashable:
    """What has its rows in common with others: equal ones have the same children."""
    if forest.plan.queries[root.query].dedupe is Dedupe.QUERY:
        return root.query, root.peer
    return root.peer, forest.family_of(root)


def _is_open(request: Request, verdicts: Mapping[str, RequestVerdict]) -> bool:
    return verdicts[request.id].verdict not in _ANSWERED
