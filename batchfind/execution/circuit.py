"""Whether an SCP that cannot be reached is asked on, tried now and then, or left."""

from __future__ import annotations

from enum import Enum
from typing import Final

#: So many failures in a row to open an association, and the SCP is in trouble.
_TROUBLE: Final = 5


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

    def probe(self) -> None:
        """One request is tried now."""
        self._state = _State.PROBING

    def reached(self) -> None:
        """An association stands."""
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
