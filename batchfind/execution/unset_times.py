"""Rows without a time, on days that were cut by time.

A peer returns them for every range of times, for ranges that are open below, or for
none. In the last case the pieces of a day do not hold them, so it has to be shown that
this peer is none of that kind, or that they were asked for on their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from batchfind.capture.records import Cause, Outcome
from batchfind.dicom.extended import offered_by
from batchfind.execution.record import Record, asks_for_unset, is_open_below
from batchfind.execution.wording import listed, whom
from batchfind.job.model import Unset
from batchfind.plan.model import Extent, Piecing, Request, Splitting

_NAMED_DAYS = 3
_ASSUMED = "the peer's archive has no rows without a time (window.unset: assume-none)"


class UnsetTimes:
    """What a family can show about rows without a time."""

    def __init__(
        self, root: Request, record: Record, members: tuple[Request, ...]
    ) -> None:
        """Of a root and all it was cut into."""
        self._root = root
        self._record = record
        self._members = members
        self._splitting = record.splitting(root)

    @property
    def doubt(self) -> Cause | None:
        """Why they may be missing, naming the days; None when they are not."""
        if not self._unproven:
            return None
        if not self._assumed_none:
            return self._cause(self._unproven, "", f"{_ASSUME}, or {self._remedy}")
        known = tuple(day for day in self._unproven if self._seen_on(day))
        told = ", though one is known"
        refuted = f"window.unset: assume-none does not hold here: {self._remedy}"
        return self._cause(known, told, refuted) if known else None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the job takes for granted about them."""
        assumed = self._assumed_none and self._unproven and self.doubt is None
        return (_ASSUMED,) if assumed else ()

    @cached_property
    def _unproven(self) -> tuple[str, ...]:
        """Days that were cut by time, without a proof; none before rows are read."""
        splitting = self._splitting
        if splitting is None or splitting.time is None or not self._record.rows_read:
            return ()
        return tuple(
            dict.fromkeys(
                node.extent.first
                for node in self._members
                if node.extent is not None
                and self._is_cut_day(node, splitting)
                and not self._is_proven(node, splitting)
            )
        )

    @property
    def _assumed_none(self) -> bool:
        return (
            self._splitting is not None and self._splitting.unset is Unset.ASSUME_NONE
        )

    @property
    def _remedy(self) -> str:
        """How they can be asked for, or not be lost, at a peer of this SOP class."""
        if "empty_value" in offered_by(self._root.sop_class):
            return "set negotiation.empty_value: prefer to ask for them"
        return "narrow the query by another key, so that no day has to be cut by time"

    def _is_cut_day(self, node: Request, splitting: Splitting) -> bool:
        """Whether a day was first cut by time here, and asks for rows without one."""
        within = node.extent is not None and node.extent.by is Piecing.TIME
        return (
            not within
            and is_open_below(node, splitting)
            and any(_by(one) is Piecing.TIME for one in self._pieces(node))
        )

    def _is_proven(self, node: Request, splitting: Splitting) -> bool:
        if self._is_whole(node) and not self._record.findings(node).added:
            return True  # it was cut to test its count, which is cleared since
        below = [one for one in self._below(node) if _by(one) is not Piecing.UNSET]
        lowest = [one for one in below if is_open_below(one, splitting)]
        whole = bool(lowest) and all(self._is_whole(one) for one in lowest)
        if whole and self._record.finds_unset(self._root):
            return True
        return any(
            asks_for_unset(one, splitting) and self._is_whole(one)
            for one in self._pieces(node)
        )

    def _is_whole(self, leaf: Request) -> bool:
        """Whether an answer is a success that nobody takes for capped."""
        attempt = self._record.counting(leaf)
        ending = attempt.ending if attempt is not None else None
        return (
            ending is not None
            and ending.outcome is Outcome.SUCCESS
            and self._record.cap(leaf) is None
        )

    def _seen_on(self, day: str) -> bool:
        """Whether a row without a time is known that may be of a day."""
        return any(
            self._record.findings(one).unset and _includes(one.extent, day)
            for one in self._members
        )

    def _pieces(self, node: Request) -> tuple[Request, ...]:
        return self._record.forest.pieces(node.id)

    def _below(self, node: Request) -> Iterator[Request]:
        """The leaves of the tree under a request."""
        pieces = self._pieces(node)
        if not pieces:
            yield node
        for piece in pieces:
            yield from self._below(piece)

    def _cause(self, days: tuple[str, ...], told: str, hint: str) -> Cause:
        peer = self._record.peer(self._root)
        named = listed(days[:_NAMED_DAYS], len(days), "day")
        return Cause(
            code="unset-time-unproven",
            message=(
                f"{whom(self._root, peer)}: {named} cut by time may lack rows without "
                f"a time{told}: nothing shows that the peer finds those"
            ),
            hint=hint,
        )


def _by(request: Request) -> Piecing | None:
    return None if request.extent is None else request.extent.by


def _includes(extent: Extent | None, day: str) -> bool:
    return extent is not None and extent.first <= day <= (extent.last or day)


_ASSUME = "set window.unset: assume-none if the peer has no rows without a time"
