"""Requests of one query made from the rows of another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.paths import KeyPath
from batchfind.dicom.temporal import value_of
from batchfind.plan.model import Bind, Growing, Origin, PlannedPeer, Request
from batchfind.plan.negotiated import EMPTY_VALUE
from batchfind.plan.rewriting import Rewriter

_MEANINGFUL: Final = re.compile(r"[*?\\\x00-\x1f\x7f]")
"""What makes a key match more than one value, or change its character set.

Source: PS3.4 Sections C.2.2.2.4 and C.2.2.2.8, PS3.5 Section 6.1.2.
"""
_DIGITS_AND_DOTS: Final = frozenset("0123456789.\\")
_TEMPORAL: Final = frozenset({"DA", "TM", "DT"})


@dataclass(frozen=True, slots=True)
class Grown:
    """What the rows of a request gave.

    Attributes:
        requests: one a row, in the order of the rows.
        unusable: positions of rows that cannot be asked for.
    """

    requests: tuple[Request, ...]
    unusable: tuple[int, ...]


def children_of(
    pattern: Request,
    growing: Growing,
    parent: Request,
    rows: Sequence[Mapping[KeyPath, str]],
    peer: PlannedPeer,
    *,
    first: int = 0,
    known: Dictionary = STANDARD,
) -> Grown:
    """The requests of one pattern for the rows of a parent request.

    Args:
        pattern: one of `growing.patterns`, for the peer the rows came from.
        growing: which keys and columns are taken from a row.
        parent: the request the rows belong to; the first of its family, if cut.
        rows: distinct rows in plan order, each with its values by key path; one that
            is missing counts as empty.
        peer: the peer they came from, which is asked.
        first: number of the first row, where a run goes on. Patterns of one query
            are to be given the same number for the same row.
        known: VRs of private elements given by number.

    Returns:
        A child's id is the pattern's, the parent's and the number of its row joined by
        dots, so that it depends on nothing but the order of the rows. A row is
        unusable when a value is empty, when it would match other values than itself
        (wildcards, ranges, several values), or when it cannot be encoded.

    Source: PS3.4 Section C.2.2.2.
    """
    children = _Children(pattern, growing, parent, peer, known)
    requests: list[Request] = []
    unusable: list[int] = []
    for index, row in enumerate(rows):
        request = children.of(row, first + index)
        if request is None:
            unusable.append(index)
        else:
            requests.append(request)
    return Grown(tuple(requests), tuple(unusable))


class _Children:
    """The children of one pattern and one parent."""

    def __init__(
        self,
        pattern: Request,
        growing: Growing,
        parent: Request,
        peer: PlannedPeer,
        known: Dictionary,
    ) -> None:
        paths = [bind.child for bind in growing.binds]
        self._rewriter = Rewriter(pattern, paths, peer, known)
        self._pattern = pattern
        self._growing = growing
        self._parent = parent.id

    def of(self, row: Mapping[KeyPath, str], number: int) -> Request | None:
        """The child for a row; None when it is unusable."""
        pattern, growing = self._pattern, self._growing
        texts = [_value(row, bind) for bind in growing.binds]
        if not _all_usable(growing.binds, texts):
            return None
        try:
            return self._rewriter.request(
                texts,
                id=self._id(pattern.id, number),
                origin=Origin.FOR_EACH,
                parent=self._parent,
                family=self._id(pattern.family, number) if pattern.family else "",
                bindings={
                    **pattern.bindings,
                    **{
                        name: _text(row, path) for name, path in growing.columns.items()
                    },
                },
            )
        except ValueError:
            return None  # the peer's character sets cannot say it

    def _id(self, pattern: str, number: int) -> str:
        return f"{pattern}.{self._parent}.{number}"


def _value(row: Mapping[KeyPath, str], bind: Bind) -> str:
    return _text(row, bind.parent)


def _text(row: Mapping[KeyPath, str], path: KeyPath) -> str:
    """A value without its padding. Source: PS3.5 Section 6.2."""
    return row.get(path, "").strip(" \0")


def _all_usable(binds: Iterable[Bind], texts: Iterable[str]) -> bool:
    return all(
        _is_usable(bind.child.vr, text) for bind, text in zip(binds, texts, strict=True)
    )


def _is_usable(vr: str, text: str) -> bool:
    """Whether a key with this text asks for this value and no other."""
    if not text or text == EMPTY_VALUE:
        return False
    if vr == "UI":
        return _DIGITS_AND_DOTS.issuperset(text)
    if _MEANINGFUL.search(text):
        return False
    # A hyphen is part of few moments, and else makes a range of a value.
    return vr not in _TEMPORAL or "-" not in text or value_of(vr, text) is not None
