"""How many associations an SCP bears, as far as it lets us know."""

from __future__ import annotations

from typing import Final

_SHORTEST: Final = 30.0
_LONGEST: Final = 300.0


class Allowance:
    """Fewer associations for a while after a rejection for want of resources.

    Times are seconds on the loop's clock.
    """

    def __init__(self) -> None:
        """As many as the job says."""
        self._most = 0
        self._since = self._until = float("-inf")
        self._span = _SHORTEST

    def at(self, now: float, most: int) -> int:
        """How many there may be at once.

        Args:
            now: the time.
            most: as the job says.
        """
        return min(most, self._most) if now < self._until else most

    def lower(self, now: float, *, began: float, standing: int) -> None:
        """The SCP rejected one more.

        Args:
            now: the time.
            began: when that one was asked for. If an earlier rejection was not known
                then, it only shows what the SCP bore all the same.
            standing: associations that it bears just now.
        """
        bears = max(1, standing)
        if began <= self._since:
            self._most = max(self._most, bears)
            return
        repeated = now < self._until + self._span
        self._span = min(_LONGEST, 2 * self._span) if repeated else _SHORTEST
        self._most, self._since, self._until = bears, now, now + self._span
