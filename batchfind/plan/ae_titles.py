"""Calling and called AE title of a request: the query's, else the peer's."""

from __future__ import annotations

from batchfind.job.model import Peer, Query
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Scope, Templates


def ae_titles(
    query: Query, peer: Peer, templates: Templates, scope: Scope, problems: Problems
) -> tuple[str, str] | None:
    """Calling and called AE title, or None when a problem was noted."""
    titles = []
    for name, own, default in (
        ("calling_ae", query.calling_ae, peer.calling_ae),
        ("called_ae", query.called_ae, peer.called_ae),
    ):
        owner = f"queries.{query.name}" if own else f"peers.{peer.name}"
        scalar, where = own or default, f"{owner}.{name}"
        text = templates.render(scalar, where, scope)
        if text is None:
            continue
        # Leading and trailing spaces mean nothing in an AE (PS3.5 Section 6.2).
        title = text.strip(" ")
        if fault := ae_title_fault(title):
            problems.error(scalar.mark, where, f"{title!r} {fault}")
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
