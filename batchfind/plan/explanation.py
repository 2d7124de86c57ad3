"""What a plan promises beyond its requests, in plain sentences.

Windows that are cut further, alternatives whose rows are merged, requests made for
rows of another query, caps and expectations: all of it becomes requests and verdicts
only while a job runs, so a plan has to say it beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath
from batchfind.job.model import Cancel, Dedupe, Expect, Unset, Verify
from batchfind.plan.model import (
    Growing,
    Plan,
    PlannedPeer,
    PlannedQuery,
    PlannedThen,
    Request,
    Splitting,
)
from batchfind.plan.worst_case import requests_at_most

Line: TypeAlias = tuple[str, str]
"""A label of at most nine characters, and a sentence."""

_UNITS: Final = ((3600, "hour"), (60, "minute"), (1, "second"))


def explain(plan: Plan, query: PlannedQuery) -> Iterator[Line]:
    """What becomes of a query's requests and rows while the job runs.

    Args:
        plan: the plan.
        query: one of its queries.

    Returns:
        Lines in the order they are of use; none for a query of plain requests.
    """
    requests = [one for one in plan.requests if one.query == query.name]
    if query.growing is not None:
        yield from _growing(query, query.growing)
        requests = list(query.growing.patterns)
    yield from _alternatives(requests)
    if query.splitting is not None:
        yield from _splitting(query, query.splitting)
        yield from _asked_otherwise(requests)
        yield from _worst_case(plan, query, requests)
    yield from _merging(query, requests)
    peers = {one.peer: plan.peers[one.peer] for one in requests}
    for peer in peers.values():
        yield from _cap(peer, query)
    yield from _checks(query.verify_matches)
    if query.expect is not None:
        yield from _expectation(query.expect)


def _growing(query: PlannedQuery, growing: Growing) -> Iterator[Line]:
    binds = _listed(
        bind.child.dotted
        if bind.child == bind.parent
        else f"{bind.child.dotted} from {bind.parent.dotted}"
        for bind in growing.binds
    )
    yield "for each", f"row of {growing.query}, at the peer it came from: {binds}"
    limit = f"where that makes more than {growing.limit} requests, none is"
    yield "", f"asked once all of {growing.query} has ended; {limit}"
    carried = [name for name in growing.columns if name in query.carry]
    if carried:
        columns = (f"{name} from {growing.columns[name].dotted}" for name in carried)
        yield "carries", f"of the row, to every row found for it: {_listed(columns)}"


def _alternatives(requests: Sequence[Request]) -> Iterator[Line]:
    families = _families(requests)
    if len(families) == len(requests):
        if any(one.family for one in requests):
            text = "each key has one value, so nothing is merged; keys would do as well"
            yield "any of", text
        return
    each = len(requests) // len(families)
    if len(families) == 1:
        text = f"{each} requests ask one question in parts"
    else:
        text = f"{len(families)} questions are asked in {each} requests each"
    yield "any of", f"{text}; their rows are merged, each request has its own verdict"


def _families(requests: Iterable[Request]) -> set[str]:
    return {one.family or one.id for one in requests}


def _splitting(query: PlannedQuery, splitting: Splitting) -> Iterator[Line]:
    pairs = {pair.date for pair in model_of(query.sop_class).window_pairs}
    steps = [f"by {splitting.date.dotted} down to {_shortest(splitting)}"]
    if splitting.time is not None:
        floor = _duration(splitting.floor)
        steps.append(f"by {splitting.time.dotted} within a day down to {floor}")
    steps += [_further(then) for then in splitting.then]
    yield "splits", f"where a peer caps: {', then '.join(steps)}"
    if splitting.date.dotted not in pairs:
        name = splitting.date.leaf.name
        yield "", f"an entry without {name} is in no window, whatever is cut"
    if splitting.time is not None:
        yield "", _without_time(splitting.time, splitting.unset)
    for then in splitting.then:
        if not then.exhaustive:
            yield "", f"values of {then.key.dotted} find more, but prove nothing"


def _asked_otherwise(requests: Sequence[Request]) -> Iterator[Line]:
    """What `cancel` and `repeat` mean for requests that are cut."""
    if any(one.cancel != Cancel() for one in requests):
        text = "an answer that is cancelled as asked is limited, and is never cut"
        yield "", f"{text}; a piece that is cancelled leaves the whole partial"
    if any(one.repetition for one in requests):
        yield "", "each repetition is cut on its own, where its own answer is capped"


def _shortest(splitting: Splitting) -> str:
    if splitting.date.vr == "DT":
        return _duration(splitting.floor)
    return "one day"


def _further(then: PlannedThen) -> str:
    values = f"{len(then.values)} value{'' if len(then.values) == 1 else 's'}"
    declared = ", declared exhaustive" if then.exhaustive else ""
    return f"by {then.key.dotted} ({values}{declared})"


def _without_time(time: KeyPath, unset: Unset) -> str:
    name = time.leaf.name
    if unset is Unset.ASSUME_NONE:
        return f"entries without {name}: assumed not to exist; verdicts say so"
    return (
        f"entries without {name}: a day cut by time is suspect until the peer is seen"
        " to return them"
    )


def _worst_case(
    plan: Plan, query: PlannedQuery, requests: Sequence[Request]
) -> Iterator[Line]:
    counts = [requests_at_most(one, query) for one in requests]
    known = [count for count in counts if count is not None]
    for_each = " for each row" if query.growing is not None else ""
    if len(known) < len(counts):
        yield "at most", f"nobody can tell how many requests{for_each}: days are open"
        return
    total = sum(known)
    if total <= len(requests):
        yield "at most", f"as many requests as planned{for_each}: none can be cut"
        return
    text = f"{total} requests{for_each}, if the peer caps every piece"
    if total > plan.policy.max_requests:
        text += f"; run.max_requests ends it at {plan.policy.max_requests}"
    yield "at most", text


def _merging(query: PlannedQuery, requests: Sequence[Request]) -> Iterator[Line]:
    among = []
    if query.splitting is not None:
        among.append("the pieces of one request")
    if len(_families(requests)) < len(requests):
        among.append("the requests of one any_of question")
    if query.dedupe is Dedupe.QUERY:
        among = ["all requests of the query"]
    if query.dedupe is Dedupe.OFF and among:
        yield "merges", "nothing: rows that come twice stay twice (dedupe: off)"
    elif query.merges and among and not query.identity:
        text = "nothing tells rows of this model apart; name keys that do under unique"
        yield "merges", f"only rows that are equal byte for byte: {text}"
    elif query.merges and among:
        names = _listed(path.dotted for path in query.identity)
        yield "merges", f"rows with equal {names}, among {' and '.join(among)}"


def _cap(peer: PlannedPeer, query: PlannedQuery) -> Iterator[Line]:
    cap = peer.limits.response_cap
    declared = cap.at(query.level)
    if declared is not None:
        text = f"an answer of {declared} responses is taken for capped, as declared"
    elif not cap.auto:
        text = "declared to have none: no count is doubted"
    elif query.splitting is not None:
        text = "counts of 50 and more are tested; declare a silent cap below that"
    else:
        return
    yield "cap", f"{peer.name}: {text}"


def _checks(verify: Verify) -> Iterator[Line]:
    if verify is Verify.DROP:
        yield "verifies", "rows that contradict a key are left out of outputs, counted"
    elif verify is Verify.OFF:
        yield "verifies", "nothing: rows that contradict a key are not marked"


def _expectation(expect: Expect) -> Iterator[Line]:
    parts = ["every answer complete"] if expect.complete else []
    if expect.min_rows is not None:
        parts.append(f"{expect.min_rows} rows or more")
    if expect.max_rows is not None:
        parts.append(f"{expect.max_rows} rows or fewer")
    if expect.unique:
        parts.append(f"no two rows with equal {', '.join(expect.unique)}")
    if expect.not_null:
        parts.append(f"a value in every row of {', '.join(expect.not_null)}")
    if parts:
        yield "expects", "; ".join(parts)


def _duration(seconds: int) -> str:
    """A length in the largest unit that divides it."""
    size, name = next(unit for unit in _UNITS if seconds % unit[0] == 0)
    count = seconds // size
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)
