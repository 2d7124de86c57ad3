"""What a result tells beyond single verdicts: pieces, assumptions, merged rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from batchfind.cli.text import clean, count
from batchfind.execution.results import RequestReport, RunResult
from batchfind.plan.model import Origin

_ASSUMPTIONS = 10
_TREES = 20
_LEAVES = 5


def family_notes(result: RunResult) -> tuple[str, ...]:
    """What it took to get whole answers, and what they rest on; one sentence each."""
    return (*_overhead(result), *_merging(result), *_assumptions(result))


def unmet_lines(result: RunResult) -> tuple[str, ...]:
    """One line for each expectation that did not come true."""
    return tuple(
        f"expected {one.name} of {clean(one.query)}: {clean(one.message or one.found)}"
        for one in result.expectations
        if not one.met
    )


def tree_lines(result: RunResult) -> tuple[str, ...]:
    """One line for each request that was cut, its troubled pieces below it."""
    pieces = _descendants(result)
    cut = [root for root in result.roots if root.pieces]
    lines: list[str] = []
    for root in cut[:_TREES]:
        lines.extend(_tree(root, pieces[root.id]))
    if len(cut) > _TREES:
        lines.append(f"and {count(len(cut) - _TREES, 'other request')} cut; see --json")
    return tuple(lines)


def _overhead(result: RunResult) -> Iterator[str]:
    """How many requests it took, compared with those that were planned."""
    origins = Counter(one.origin for one in result.requests)
    planned, pieces = origins[Origin.PLAN], origins[Origin.SPLIT]
    if len(result.requests) == planned:
        return
    reasons = []
    if pieces:
        cut = sum(bool(root.pieces) for root in result.roots)
        whole = count(cut, "request")
        reasons.append(f"{count(pieces, 'piece')} of {whole} that looked capped")
    if grown := origins[Origin.FOR_EACH]:
        reasons.append(f"{grown:,} for rows of other queries")
    total = count(len(result.requests), "request")
    told = " and ".join(reasons)
    yield f"{total} asked for {planned:,} planned: {told}"


def _merging(result: RunResult) -> Iterator[str]:
    merged = sum(root.merged for root in result.roots)
    if merged:
        responses = count(merged, "response")
        yield f"{responses} merged: rows that came more than once stand once"
    conflicts = sum(root.conflicts for root in result.roots)
    if conflicts:
        rows = count(conflicts, "row")
        yield f"{rows} came again with other content: the later one stands"


def _assumptions(result: RunResult) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for root in result.roots:
        for assumption in root.assumptions:
            found.setdefault(clean(assumption), []).append(root.id)
    for assumption, ids in list(found.items())[:_ASSUMPTIONS]:
        yield f"assumed: {assumption} [{count(len(ids), 'request')}: {_some(ids)}]"
    if len(found) > _ASSUMPTIONS:
        more = count(len(found) - _ASSUMPTIONS, "other assumption")
        yield f"and {more}; see --json"


def _descendants(result: RunResult) -> dict[str, list[RequestReport]]:
    """All pieces of each root, in plan order."""
    roots = {root.id: root.id for root in result.roots}
    found: dict[str, list[RequestReport]] = {identity: [] for identity in roots}
    for one in result.requests:  # a piece comes after what it was cut from
        if one.origin is Origin.SPLIT and one.parent in roots:
            roots[one.id] = roots[one.parent]
            found[roots[one.id]].append(one)
    return found


def _tree(root: RequestReport, pieces: list[RequestReport]) -> Iterator[str]:
    again = sum(bool(piece.pieces) for piece in pieces)
    deep = max((piece.id.count(".") for piece in pieces), default=0)
    levels = count(deep - root.id.count("."), "level")
    told = f", {again:,} of them cut again, {levels}" if again else ""
    where = f"{clean(root.query)} @ {clean(root.peer)}"
    cut = count(len(pieces), "piece")
    yield f"{root.id}  {where}: {root.verdict} in {cut}{told}"
    bad: dict[str, list[str]] = {}
    for piece in pieces:
        if not piece.pieces and piece.cause is not None:
            told = f"{piece.verdict}, {clean(piece.cause.code)}"
            bad.setdefault(told, []).append(piece.id)
    for told, ids in bad.items():
        yield f"  {told}: {_some(ids)}"


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:_LEAVES]) + (", ..." if len(ids) > _LEAVES else "")
