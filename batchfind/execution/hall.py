"""What a run shares with others on this host: the seats of the peers it asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from batchfind.execution.byte_locks import ByteLocks, byte_locks
from batchfind.execution.executor import Order
from batchfind.execution.lock_place import VARIABLE, LockPlace, NoPlaceError
from batchfind.execution.seating import FreeSeating, Seating, SharedSeating
from batchfind.execution.seats import Seats

_WORTH_TELLING: Final = 10.0
_ALONE: Final = "limits.associations is kept within this run only"


class Hall:
    """The seats of every group a run asks; open it before the first association."""

    def __init__(
        self,
        environment: Mapping[str, str],
        shared: Collection[str],
        tell: Callable[[str], None],
    ) -> None:
        """Finds the place for locks; without one the run goes on alone.

        Args:
            environment: of the process.
            shared: groups of peers that other runs may ask, too.
            tell: is called with the name of a peer whose associations all wait.
        """
        self._shared = shared
        self._tell = tell
        self._seatings: dict[str, SharedSeating] = {}
        self._place: LockPlace | None = None
        self._locks: _Locks | None = None
        self._problem = ""
        try:
            self._place = LockPlace.find(environment)
            self._locks = _Locks(byte_locks(self._place), self._give_up)
        except NoPlaceError as error:
            self._problem = f"{_ALONE}: {error}"
        except OSError as error:
            self._give_up(error)

    @property
    def problems(self) -> tuple[str, ...]:
        """What the result of the run should say, one sentence each."""
        waited = (
            f"{peer}: waited {seating.waited:.0f} s in all for places that other "
            "batchfind processes on this host had"
            for peer, seating in self._seatings.items()
            if seating.waited >= _WORTH_TELLING
        )
        return (*([self._problem] if self._problem else ()), *waited)

    def seating(
        self, order: Order, wanted: Callable[[], bool], changed: Callable[[], None]
    ) -> Seating:
        """Seats for the pool of an order's group; one is made for each.

        Args:
            order: the first of the group.
            wanted: as for `SharedSeating`.
            changed: as for `SharedSeating`.
        """
        if self._locks is None or order.group not in self._shared:
            return FreeSeating()
        seats = Seats(self._locks, order.group, order.associations, time.monotonic)
        peer = order.peer
        seating = SharedSeating(seats, wanted, changed, lambda: self._tell(peer))
        self._seatings[peer] = seating
        return seating

    def close(self) -> None:
        """Leaves every seat; all associations have ended."""
        if self._locks is not None:
            self._locks.close()
        if self._place is not None:
            self._place.close()

    def _give_up(self, error: OSError) -> None:
        where = self._place.path if self._place else "its directory"
        self._problem = (
            f"{_ALONE}: files in {where} cannot be locked "
            f"({error.strerror or error}): set {VARIABLE} to a local directory "
            "that you may write to"
        )


class _Locks:
    """Locks that grant everything once they failed: a run shall not end for them."""

    def __init__(self, locks: ByteLocks, give_up: Callable[[OSError], None]) -> None:
        self._locks = locks
        self._give_up = give_up
        self._failed = False

    def hold(self, at: int) -> bool:
        if not self._failed:
            try:
                return self._locks.hold(at)
            except OSError as error:
                self._fail(error)
        return True

    def free(self, at: int) -> None:
        if not self._failed:
            try:
                self._locks.free(at)
            except OSError as error:
                self._fail(error)

    def taken(self, at: int) -> bool:
        if not self._failed:
            try:
                return self._locks.taken(at)
            except OSError as error:
                self._fail(error)
        return False

    def close(self) -> None:
        self._locks.close()

    def _fail(self, error: OSError) -> None:
        self._failed = True
        self._give_up(error)
