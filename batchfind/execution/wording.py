"""Sentences about peers: what happened, where, and nothing a terminal obeys."""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.capture.records import Cause
from batchfind.errors import BatchfindError
from batchfind.net.settings import Endpoint
from batchfind.plan.model import PlannedPeer, Request

_LONGEST_QUOTE = 200


def quoted(text: str) -> str:
    """A peer's text on one line, without control characters, at most 200 long."""
    shown = "".join(_visible(character) for character in text.strip())
    if len(shown) > _LONGEST_QUOTE:
        shown = shown[:_LONGEST_QUOTE] + "…"
    return f'"{shown}"'


def cause_of(error: BatchfindError, peer: str, endpoint: Endpoint, phase: str) -> Cause:
    """The cause of a failure at a peer, with all that identifies the peer."""
    return Cause(
        code=error.cause,
        message=f"{peer} ({endpoint}): {error}",
        hint=error.hint,
        phase=phase,
    )


def plural(count: int, noun: str) -> str:
    """`1 response`, `2 responses`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def whom(request: Request, peer: PlannedPeer) -> str:
    """The peer with AE titles and address, as the causes of attempts name it."""
    address = f"the {peer.demo} demo" if peer.demo else f"{peer.host}:{peer.port}"
    return f"{peer.name} ({request.calling_ae} -> {request.called_ae} at {address})"


def listed(ids: Sequence[str], count: int, noun: str = "request") -> str:
    """`request 0.1`, `requests 0.1 and 0.2`, `requests 0.1, 0.2 and 7 more`.

    Args:
        ids: the first of them.
        count: of all; the rest is told as a number.
        noun: what they are.
    """
    if not count:
        return ""
    shown = list(ids)
    if count > len(shown):
        shown.append(f"{count - len(shown):,} more")
    head, last = shown[:-1], shown[-1]
    told = f"{', '.join(head)} and {last}" if head else last
    return f"{noun}{'' if count == 1 else 's'} {told}"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "�"
