"""Calling and called AE title of a request: the query's, else the peer's."""

from __future__ import annotations

from collections.abc import Iterator

from batchfind.job.model import Peer, Query, Scalar
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Scope, Templates


class AeTitles:
    """The AE titles of one query's requests; equal ones are rendered once."""

    def __init__(self, query: Query, templates: Templates, problems: Problems) -> None:
        """Notes what is wrong with them in `problems`."""
        self._query = query
        self._templates = templates
        self._problems = problems
        self._known: dict[tuple[object, ...], tuple[str, str] | None] = {}
        self._reads: dict[str, tuple[str, ...]] = {}

    def of(self, peer: Peer, scope: Scope) -> tuple[str, str] | None:
        """Calling and called AE title, or None when a problem was noted."""
        if peer.name not in self._reads:
            scalars = (scalar for scalar, _ in self._written(peer))
            self._reads[peer.name] = tuple(sorted(self._templates.reads(scalars)))
        reads = self._reads[peer.name]
        key = peer.name, *(scope.values.get(name) for name in reads)
        if key not in self._known:
            self._known[key] = self._rendered(peer, scope)
        return self._known[key]

    def _written(self, peer: Peer) -> Iterator[tuple[Scalar, str]]:
        """Template and place of each."""
        for name, own, default in (
            ("calling_ae", self._query.calling_ae, peer.calling_ae),
            ("called_ae", self._query.called_ae, peer.called_ae),
        ):
            owner = f"queries.{self._query.name}" if own else f"peers.{peer.name}"
            yield own or default, f"{owner}.{name}"

    def _rendered(self, peer: Peer, scope: Scope) -> tuple[str, str] | None:
        titles = []
        for scalar, where in self._written(peer):
            text = self._templates.render(scalar, where, scope)
            if text is None:
                continue
            # Leading and trailing spaces mean nothing in an AE (PS3.5 Section 6.2).
            title = text.strip(" ")
            if fault := ae_title_fault(title):
                self._problems.error(scalar.mark, where, f"{title!r} {fault}")
            else:
                titles.append(title)
        return (titles[0], titles[1]) if len(titles) == 2 else None


def ae_title_fault(text: str) -> str | None:
    """Why a text is no AE title, or None.

    Source: PS3.5 Section 6.2, VR AE.
    """
    if not 1 <= len(text) <= 16 or not text.isascii() or not text.isprintable():
        return "is no AE title: 1 to 16 printable ASCII characters, not only spaces"
    return "is no AE title: it holds no backslash" if "\\" in text else None
