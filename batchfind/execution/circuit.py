"""Whether an SCP that cannot be reached is asked on, tried now and then, or left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from enum import Enum
from typing import Final

from batchfind.capture.records import Ending
from batchfind.errors import (
    DescriptorsExhausted,
    IdentityUnconfirmed,
    NoContext,
    RejectedPermanent,
    Retry,
)

#: So many failures in a row to open an association, and the SCP is in trouble.
_TROUBLE: Final = 5
#: What is found out from an association that was accepted: the SCP is there, and may
#: well serve what other requests need.
_SEATED: Final = frozenset((NoContext.cause, IdentityUnconfirmed.cause))
#: What says nothing about the SCP, since it was never spoken to.
_OURS: Final = frozenset((DescriptorsExhausted.cause,))


class _State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    GIVEN_UP = "given up"


class Circuit:
    """Counts how associations with one SCP fare, and decides what to make of it.

    Attributes:
        failures: associations in a row that could not be opened.
        opened: when requests began to wait, or were tried last, on the loop's clock.
    """

    def __init__(self, probes: int) -> None:
        """Closed: all requests are asked.

        Args:
            probes: how often one request is tried on behalf of all, 0 or more.
        """
        self.failures = 0
        self.opened = 0.0
        self._probes = self._left = probes
        self._state = _State.CLOSED
        self._refused: Counter[Hashable] = Counter()

    @property
    def waits(self) -> bool:
        """Whether requests wait for one that gets through."""
        return self._state in (_State.OPEN, _State.PROBING)

    @property
    def probing(self) -> bool:
        """Whether that one is under way."""
        return self._state is _State.PROBING

    @property
    def given_up(self) -> bool:
        """Whether the SCP is not asked any more."""
        return self._state is _State.GIVEN_UP

    def refusals(self, asker: Hashable) -> int:
        """How often in a row it refused whoever asks; 0 while that may be chance."""
        times = self._refused[asker]
        return times if times >= _TROUBLE else 0

    def probe(self) -> None:
        """One request is tried now."""
        self._state = _State.PROBING

    def reached(self) -> None:
        """An association stands."""
        self._answered()
        self._refused.clear()

    def ended(
        self, ending: Ending, now: float, *, probe: bool, asker: Hashable
    ) -> None:
        """A request got no association that it could use.

        Args:
            ending: of its attempt.
            now: on the loop's clock.
            probe: for the one request that was tried on behalf of all.
            asker: what a rejection may be due to: the peer's name and AE titles.
        """
        cause = "" if ending.cause is None else ending.cause.code
        if cause in _SEATED:
            self.reached()
        elif cause == RejectedPermanent.cause:
            self._answered()
            self._refused[asker] += 1
        elif cause not in _OURS:
            self.failed(now, probe=probe, hopeless=ending.retry is Retry.NEVER)
        elif probe:
            self.opened, self._state = now, _State.OPEN

    def _answered(self) -> None:
        self._state, self.failures, self._left = _State.CLOSED, 0, self._probes

    def failed(self, now: float, *, probe: bool, hopeless: bool) -> None:
        """An association could not be opened.

        Args:
            now: on the loop's clock.
            probe: for the one request that was tried on behalf of all.
            hopeless: and asking again never helps.
        """
        self.failures += 1
        if probe:
            self._left -= 1
        elif self._state is not _State.CLOSED or self.failures < _TROUBLE:
            return
        self.opened = now
        over = hopeless or self._left <= 0
        self._state = _State.GIVEN_UP if over else _State.OPEN
