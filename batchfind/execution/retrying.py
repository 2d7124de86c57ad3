"""Whether a request is asked again, and after how long: by the causes of its tries."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from batchfind.capture.records import Ending, Outcome
from batchfind.errors import Retry
from batchfind.job.model import RetryPolicy

#: Tries needed to see an end a second time, whatever `attempts` says.
_TWICE: Final = 2
_LONGEST_PROBE_PAUSE: Final = 30.0
_PROBES: Final = 2
_STORE: Final = 100.0
_REFILL: Final = 0.2


class Retrying:
    """What the job's `run.retry` means for one request after another."""

    def __init__(
        self, policy: RetryPolicy, chance: Callable[[], float] = random.random
    ) -> None:
        """With a source of numbers from 0 up to 1.

        Args:
            policy: of the run.
            chance: the share of the longest pause that is really waited, so that
                requests that failed together do not come back together.
        """
        self._policy = policy
        self._chance = chance

    def pause(
        self, endings: Sequence[Ending], *, splits: bool = False, unsure: bool = False
    ) -> float | None:
        """Seconds until a request is asked again; None when that is its end.

        Args:
            endings: of all its tries that count, oldest first.
            splits: answers that were cut short are cut into pieces instead.
            unsure: such an answer has to be seen a second time before.
        """
        last = endings[-1]
        if splits and (last.responses or last.outcome is Outcome.CAPPED):
            again = unsure and len(endings) < max(_TWICE, self._policy.attempts)
        else:
            again = len(endings) < self._policy.attempts and _can_help(endings)
        if not again:
            return None
        policy = self._policy
        longest = policy.backoff * 2.0 ** min(len(endings) - 1, 64)
        return self._chance() * min(policy.max_backoff, longest)

    @property
    def probes(self) -> int:
        """How often a peer in trouble is tried by one request on behalf of all."""
        return 0 if self._policy.attempts == 1 else _PROBES

    @property
    def probe_pause(self) -> float:
        """Seconds that a peer in trouble is left alone before."""
        return min(_LONGEST_PROBE_PAUSE, self._policy.max_backoff)


class Reserve:
    """Further tries at all requests of one peer together.

    Without it, a peer that fails every request would be asked for each of them again
    and again, just when it has enough to do.
    """

    def __init__(self) -> None:
        """Full."""
        self._left = _STORE

    def take(self) -> bool:
        """Takes one further try out; False when there is none left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def refill(self) -> None:
        """A request had its answer."""
        self._left = min(_STORE, self._left + _REFILL)


def _can_help(endings: Sequence[Ending]) -> bool:
    last = endings[-1]
    match last.retry:
        case Retry.NEVER:
            return False
        case Retry.ONCE:
            return sum(one.retry is Retry.ONCE for one in endings) == 1
        case Retry.BACKOFF:
            # Twice the same count is no accident: the peer breaks off there.
            before = endings[-2].responses if len(endings) > 1 else 0
            return not last.responses or last.responses != before
