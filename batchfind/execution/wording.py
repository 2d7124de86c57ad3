"""Sentences about peers: what happened, where, and nothing a terminal obeys."""

from __future__ import annotations

from batchfind.capture.records import Cause
from batchfind.errors import BatchfindError
from batchfind.net.settings import Endpoint

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


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "�"
