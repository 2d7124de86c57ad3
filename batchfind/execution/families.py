"""The verdict of a request that was cut: that of all its pieces together.

The pieces have to be whole, and they have to cover what was cut. Proofs that they do
are the bounds they share, the rows of what was cut, and rows without a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from batchfind.capture.records import (
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    Verdict,
)
from batchfind.execution.doubts import (
    contradicted_key,
    fewer_than_before,
    growth_refused,
    ignored_key,
    malformed,
    nothing_matched,
    short_list,
    warnings_of,
)
from batchfind.execution.findings import Findings
from batchfind.execution.record import Record, axes
from batchfind.execution.unset_times import UnsetTimes
from batchfind.execution.wording import plural, whom
from batchfind.plan.model import Piecing, PlannedThen, Request

_SEVERITY = (
    Verdict.COMPLETE,
    Verdict.LIMITED,
    Verdict.SUSPECT,
    Verdict.PARTIAL,
    Verdict.FAILED,
    Verdict.SKIPPED,
)


def judge_family(
    root: Request, record: Record, alone: Mapping[str, RequestVerdict]
) -> RequestVerdict:
    """The verdict of a root that was cut.

    Args:
        root: has pieces.
        record: all facts of the run.
        alone: verdicts of the root and its pieces, each without what it was cut into.
    """
    family = _Family(root, record, alone)
    verdict, cause = family.worst()
    assumptions = (*family.declared_exhaustive(), *family.unset.assumptions)
    return replace(
        family.sums(),
        verdict=verdict,
        cause=cause,
        assumptions=assumptions if verdict is Verdict.COMPLETE else (),
    )


class _Family:
    """A root that was cut, and all it was cut into."""

    def __init__(
        self, root: Request, record: Record, alone: Mapping[str, RequestVerdict]
    ) -> None:
        self.root = root
        self.record = record
        self.alone = alone
        self.members = record.forest.members(root)
        self.unset = UnsetTimes(root, record, self.members)

    def worst(self) -> tuple[Verdict, Cause | None]:
        """The first of the gravest things to say; complete when there are none."""
        said = [*self._of_leaves(), *self._of_cuts(), *self._of_the_whole()]
        verdict, cause = max(
            said, key=lambda one: _SEVERITY.index(one[0]), default=_NOTHING
        )
        if verdict not in (Verdict.FAILED, Verdict.SKIPPED):
            return verdict, cause
        # What came of the other pieces is there all the same.
        any_rows = any(self.alone[one.id].responses for one in self.members)
        return (Verdict.PARTIAL if any_rows else Verdict.FAILED), cause

    def declared_exhaustive(self) -> Iterator[str]:
        """What the author of the job vouches for, one sentence each."""
        keys = dict.fromkeys(
            further.key.dotted
            for _, further in self._cut_by_further_key()
            if further.exhaustive
        )
        for key in keys:
            yield f"every row has one of the values of {key} that window.then lists"

    def sums(self) -> RequestVerdict:
        """The root's verdict with what the whole family brought."""
        each = [self.alone[one.id] for one in self.members]
        found, peer = self._found, self.record.peer(self.root)
        merged = sum(one.merged for one in each)
        return replace(
            self.alone[self.root.id],
            responses=sum(one.responses for one in each) - merged,
            attempts=sum(one.attempts for one in each),
            seconds=sum(one.seconds for one in each),
            defects=dict(found.defects),
            replaced=found.replaced,
            warnings=tuple(warnings_of(self.root, peer, self._endings(), found)),
            merged=merged,
            conflicts=sum(one.conflicts for one in each),
            mismatches=found.mismatches,
            dropped=found.dropped,
        )

    @cached_property
    def _found(self) -> Findings:
        """What the rows of all its members show together."""
        each = [self.record.findings(one) for one in self.members]
        absent = [set(one.absent) for one in each if one.read]
        return Findings(
            defects=sum((Counter(one.defects) for one in each), Counter()),
            replaced=sum(one.replaced for one in each),
            warnings=tuple(
                dict.fromkeys(text for one in each for text in one.warnings)
            ),
            returned=frozenset().union(*(one.returned for one in each)),
            read=sum(one.read for one in each),
            conflicts=sum(one.conflicts for one in each),
            absent=tuple(sorted(set.intersection(*absent))) if absent else (),
            reserved=sum(one.reserved for one in each),
            mismatches=sum(one.mismatches for one in each),
            dropped=sum(one.dropped for one in each),
        )

    def _endings(self) -> list[Ending]:
        """How the attempts ended that count."""
        counting = map(self.record.counting, self.members)
        return [one.ending for one in counting if one and one.ending]

    def _leaves(self) -> Iterator[Request]:
        """The pieces that together have to be everything: probes are more than that."""
        for one in self.members:
            probe = one.extent is not None and one.extent.by is Piecing.UNSET
            if not probe and not self.record.forest.pieces(one.id):
                yield one

    def _of_leaves(self) -> Iterator[tuple[Verdict, Cause | None]]:
        found: dict[tuple[Verdict, str], list[Request]] = {}
        for leaf in self._leaves():
            own = self.alone[leaf.id]
            if own.verdict is not Verdict.COMPLETE:
                key = own.verdict, own.cause.code if own.cause else ""
                found.setdefault(key, []).append(leaf)
        for (verdict, _), leaves in found.items():
            if verdict is Verdict.LIMITED:
                # That was asked of the whole, whose first responses these are not.
                yield Verdict.PARTIAL, _placed(self._limited(leaves[0]), leaves)
            else:
                yield verdict, _placed(self.alone[leaves[0].id].cause, leaves)

    def _of_cuts(self) -> Iterator[tuple[Verdict, Cause | None]]:
        for node, further in self._cut_by_further_key():
            doubt = None if further.exhaustive else self.record.cap(node)
            if doubt is not None:
                verdict = Verdict.SUSPECT if doubt.silent else Verdict.PARTIAL
                yield verdict, _placed(doubt.cause, [node])
        for node in self.members:
            if self.record.forest.pieces(node.id):
                yield from self._of_cut(node)

    def _of_cut(self, node: Request) -> Iterator[tuple[Verdict, Cause | None]]:
        splitting = self.record.splitting(node)
        extent = self.record.forest.pieces(node.id)[0].extent
        if splitting is None or extent is None or extent.by is None:
            return
        findings, peer = self.record.findings(node), self.record.peer(node)
        relied_on = axes(splitting, extent.by)
        divided_by = self.record.divided_by(node)
        doubts = [
            ignored_key(node, peer, findings, relied_on),
            contradicted_key(node, peer, findings, divided_by),
            self._lost(node, findings.lost) if findings.lost else None,
            self._in_vain(node),
            fewer_than_before(node, peer, self.record.attempts(node)),
        ]
        for doubt in doubts:
            if doubt is not None:
                yield Verdict.SUSPECT, _placed(doubt, [node])

    def _of_the_whole(self) -> Iterator[tuple[Verdict, Cause | None]]:
        root, peer = self.root, self.record.peer(self.root)
        found = self._found
        doubts = [
            malformed(root, peer, found),
            nothing_matched(root, peer, found),
            short_list(root, peer, found if self.record.rows_read else None),
            self._without_identity(),
            self.unset.doubt,
            self._varying(),
        ]
        for doubt in doubts:
            if doubt is not None:
                yield Verdict.SUSPECT, doubt
        if refused := self.record.refused(root):
            yield Verdict.PARTIAL, growth_refused(refused)

    def _cut_by_further_key(self) -> Iterator[tuple[Request, PlannedThen]]:
        """What was cut by an entry of `then`, with that entry."""
        splitting = self.record.splitting(self.root)
        for node in self.members:
            pieces = self.record.forest.pieces(node.id)
            extent = pieces[0].extent if pieces else None
            if splitting and extent is not None and extent.by is Piecing.THEN:
                yield node, splitting.then[extent.then - 1]

    def _lost(self, node: Request, count: int) -> Cause:
        return Cause(
            code="split-lossy",
            message=(
                f"{whom(node, self.record.peer(node))}: {plural(count, 'response')} to "
                f"request {node.id} came back in none of the pieces it was cut into"
            ),
            hint=(
                "the peer matches ranges in a way of its own, or its data changed: "
                "run again, or use steps so short that nothing is cut"
            ),
        )

    def _in_vain(self, node: Request) -> Cause | None:
        """The peer said that there is more, and the pieces brought nothing more."""
        attempt = self.record.counting(node)
        ending = attempt.ending if attempt is not None else None
        if ending is None or ending.outcome is not Outcome.CAPPED:
            return None
        if not self.record.rows_read or self.record.findings(node).added:
            return None
        return Cause(
            code="split-lossy",
            message=(
                f"{whom(node, self.record.peer(node))}: request {node.id} was refused "
                f"after {plural(ending.responses, 'response')}, and the pieces it was "
                "cut into brought no others"
            ),
            hint=(
                "the peer matches ranges in a way of its own, or caps by something "
                "else than responses: use steps so short that nothing is cut"
            ),
        )

    def _varying(self) -> Cause | None:
        """Its peer stops at different counts, so that nothing is proven by any."""
        own = self.alone[self.root.id].responses
        doubt = self.record.varying(self.root, own)
        return None if doubt is None else doubt.cause

    def _limited(self, leaf: Request) -> Cause:
        """The query's own `cancel` ended a piece."""
        return Cause(
            code="limit",
            message=(
                f"{whom(leaf, self.record.peer(leaf))}: the query's own cancel ended "
                "a piece of what was to be whole"
            ),
            hint="leave out cancel, or have the window not cut",
        )

    def _without_identity(self) -> Cause | None:
        """Pieces that overlap bring rows twice, and nothing tells which are."""
        by = {one.extent.by for one in self.members if one.extent is not None}
        query = self.record.forest.plan.queries[self.root.query]
        splitting = query.splitting
        overlapping = by - {None, Piecing.DATE}
        if splitting is not None and splitting.date.vr == "DT":
            overlapping = by - {None}
        if query.identity or not overlapping:
            return None
        return Cause(
            code="no-identity",
            message=(
                f"{whom(self.root, self.record.peer(self.root))}: the pieces overlap, "
                "and no key tells which rows came twice"
            ),
            hint=f"name the keys that tell rows of query {query.name} apart in unique",
        )


_NOTHING: tuple[Verdict, Cause | None] = (Verdict.COMPLETE, None)


def _placed(cause: Cause | None, requests: list[Request]) -> Cause | None:
    """A cause with the piece it concerns, and on which day that is."""
    if cause is None:
        return None
    first = requests[0]
    more = f" and {len(requests) - 1:,} more" if len(requests) > 1 else ""
    days = _days(first)
    of = f" of {days}" if days else ""
    return replace(cause, message=f"{cause.message} (request {first.id}{of}{more})")


def _days(request: Request) -> str:
    extent = request.extent
    if extent is None or not (extent.first or extent.last):
        return ""
    if extent.first == extent.last:
        return extent.first
    return f"{extent.first}-{extent.last}"
