"""Seats at a group of peers, which all runs on this host take and leave.

An association needs a seat from before it is opened until it has ended. Seat 0 to
`most` - 1 of a group are locks; one more lock is the place of who is first in line.
Seats change hands by turns: who has sat for a while makes way when somebody stands
in line, and takes no other seat before that one has got one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Final

from batchfind.execution.byte_locks import ByteLocks

#: Seconds that seats are kept although others wait: an association is expensive.
TURN: Final = 1.0
#: Seconds after its turn that a run leaves the line to those who wait longer: each of
#: them looks several times meanwhile.
_MODESTY: Final = 0.6
#: Seconds that a free seat is left to who is first in line, and seconds that who did
#: not take it is taken for absent: its process may be stopped.
_COURTESY: Final = 2.0
_ABSENCE: Final = 30.0
_NUMBER_BITS: Final = 12
_FIRST_IN_LINE: Final = (1 << _NUMBER_BITS) - 1
_NAME_BYTES: Final = 6


class Seats:
    """The seats one run has at one group of peers; pure bookkeeping on locks."""

    def __init__(
        self, locks: ByteLocks, group: str, most: int, now: Callable[[], float]
    ) -> None:
        """Has none.

        Args:
            locks: of this host.
            group: name of the peers that bear the associations together.
            most: how many seats there are for this run, 1 or more.
            now: seconds on a clock that never goes back.
        """
        name = hashlib.sha256(group.encode()).digest()[:_NAME_BYTES]
        self._base = int.from_bytes(name) << _NUMBER_BITS
        self._locks = locks
        self._most = min(most, _FIRST_IN_LINE)
        self._now = now
        self._mine: set[int] = set()
        self._first = False
        self._owes = False
        self._turn_ends = now()
        self._free_since = self._deaf_until = self._modest_until = math.nan

    @property
    def count(self) -> int:
        """How many this run has."""
        return len(self._mine)

    def take(self) -> bool:
        """Takes one more if one is free, and nobody is to have it before."""
        if self._must_wait():
            return False
        for seat in self._not_mine():
            if self._locks.hold(self._base | seat):
                if self._first or self._now() >= self._turn_ends:
                    self._turn_ends = self._now() + TURN
                self._mine.add(seat)
                self.leave_line()
                return True
        return False

    def give_back(self) -> None:
        """An association has ended.

        The lowest goes: runs that are allowed fewer know no higher ones.
        """
        seat = min(self._mine)
        self._mine.discard(seat)
        self._locks.free(self._base | seat)

    def yields(self) -> bool:
        """Whether to end an association for the sake of others; once in a turn."""
        if not self._mine or self._first or self._now() < self._turn_ends:
            return False
        self._turn_ends = self._now() + TURN
        self._owes = self._others_wait()
        if self._owes:
            self._modest_until = self._now() + _MODESTY
        return self._owes

    def line_up(self) -> None:
        """Stands first in line, unless another run does, or this one has its half."""
        if self._first or self._now() < self._modest_until:
            return
        if 2 * len(self._mine) < self._most:
            self._first = self._locks.hold(self._base | _FIRST_IN_LINE)

    def leave_line(self) -> None:
        """Lets others be first."""
        self._free_since = math.nan
        if self._first:
            self._first = False
            self._locks.free(self._base | _FIRST_IN_LINE)

    def _must_wait(self) -> bool:
        """Whether who is first in line comes before this run."""
        if self._first or (not self._owes and self._now() < self._turn_ends):
            return False
        self._owes = self._others_wait() and not self._left_lying()
        return self._owes

    def _left_lying(self) -> bool:
        """Whether who is first in line has not taken a free seat for a while."""
        now = self._now()
        if all(self._locks.taken(self._base | seat) for seat in self._not_mine()):
            self._free_since = math.nan
            return False
        if math.isnan(self._free_since):
            self._free_since = now
        if now - self._free_since < _COURTESY:
            return False
        self._deaf_until = now + _ABSENCE
        return True

    def _not_mine(self) -> list[int]:
        return [seat for seat in range(self._most) if seat not in self._mine]

    def _others_wait(self) -> bool:
        if self._now() < self._deaf_until:
            return False
        return self._locks.taken(self._base | _FIRST_IN_LINE)
