"""Which attempt at a request is its answer."""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.capture.records import Ending, Outcome, StoredAttempt

_ANSWERED = (Outcome.SUCCESS, Outcome.LIMITED)


def contributing(
    attempts: Sequence[StoredAttempt], *, cut: bool = False
) -> StoredAttempt | None:
    """The attempt whose responses count.

    The last that ended as success or limited; else the one with most responses,
    the later of equals.

    Args:
        attempts: every try at a request, oldest first.
        cut: the request was cut into pieces. Without a success the last attempt with
            responses counts: they join those of the pieces.
    """
    if len(attempts) == 1:
        return attempts[0] if attempts[0].ending is not None else None
    ended = [attempt for attempt in attempts if attempt.ending is not None]
    for attempt in reversed(ended):
        if attempt.ending and attempt.ending.outcome in _ANSWERED:
            return attempt
    if cut:
        return next((one for one in reversed(ended) if _size(one)[0]), None) or (
            ended[-1] if ended else None
        )
    return max(ended, key=_size, default=None)


def answer(attempts: Sequence[StoredAttempt]) -> Ending | None:
    """How the attempt ended that answered a request; None when none did."""
    attempt = contributing(attempts)
    ending = None if attempt is None else attempt.ending
    return ending if ending is not None and ending.outcome in _ANSWERED else None


def _size(attempt: StoredAttempt) -> tuple[int, int]:
    responses = attempt.ending.responses if attempt.ending else 0
    return responses, attempt.ordinal
