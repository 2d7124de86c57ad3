"""What is left to do in a run: requests to ask again, or still to be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.execution.answers import Answers
from batchfind.execution.growing import Grower, can_grow
from batchfind.plan.model import Request

_ANSWERED = (Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT)


@dataclass(frozen=True, slots=True)
class Left:
    """What a resumed run has to do.

    Attributes:
        requests: to ask again.
        reach: requests whose peers may be asked, so that they need credentials:
            beyond `requests` those that are to be cut, and patterns of requests for
            rows that are still to come.
        grower: makes new requests of answers; None for a plan that has none.
    """

    requests: tuple[Request, ...]
    reach: tuple[Request, ...]
    grower: Grower | None = None


def left_of(answers: Answers) -> Left:
    """What is left to do in a run."""
    requests = unanswered(answers)
    if not can_grow(answers.plan):
        return Left(requests, requests)
    path, tries = answers.capture.path, answers.every_attempt()
    grower = Grower(answers.forest, path, tries, answers.growth)
    return Left(requests, _reach(answers, (*requests, *grower.overdue())), grower)


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


def _reach(answers: Answers, moving: tuple[Request, ...]) -> tuple[Request, ...]:
    """Requests with the patterns of queries that their answers can make grow.

    So can rows that an earlier execution did not get to.
    """
    found = list(moving)
    names = {request.query for request in moving}
    for name, query in answers.plan.queries.items():
        if query.growing is not None and (
            name not in answers.growth.grown
            or not names.isdisjoint(answers.forest.ancestors(name))
        ):
            found.extend(query.growing.patterns)
    return tuple(found)


def _is_open(request: Request, verdicts: Mapping[str, RequestVerdict]) -> bool:
    return verdicts[request.id].verdict not in _ANSWERED
