"""Work done behind the back of the thread that gives it, in order and bounded.

Decoding and writing both spend their time in libraries that let other threads run
meanwhile, so that they overlap. Decoding in yet another thread does not pay: many
short steps cost more in taking turns than they gain.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Queue
from types import TracebackType
from typing import Final, Self, TypeAlias

_END: Final = None

MOST_BYTES: Final = 8 << 20
"""What waits, or is being done, holds no more, unless it is one piece of work."""

Work: TypeAlias = "Callable[[], object]"


class Behind:
    """Does work in a thread of its own, in the order in which it was given.

    Use it in a `with` statement: leaving that ends the thread, and drops what has not
    been begun unless `wait` was called.
    """

    def __init__(self, most: int) -> None:
        """Waits for work.

        Args:
            most: pieces of work that wait to be begun.
        """
        self._queue: Queue[tuple[Work, int] | None] = Queue(most)
        self._room = threading.Condition()
        self._weight = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name="batchfind-outputs", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the thread."""
        self._drop()
        self._queue.put(_END)
        self._thread.join()

    def do(self, work: Work, weight: int = 0) -> None:
        """Gives work; waits while too much waits.

        Args:
            work: to be done.
            weight: bytes that it holds.

        Raises:
            BaseException: what earlier work raised; nothing is done after it.
        """
        self._raise()
        with self._room:
            # What is heavier than all that may wait goes alone.
            self._room.wait_for(
                lambda: not self._weight or self._weight + weight <= MOST_BYTES
            )
            self._weight += weight
        self._queue.put((work, weight))

    def wait(self) -> None:
        """Returns when all work is done.

        Raises:
            BaseException: what it raised.
        """
        self._queue.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _drop(self) -> None:
        """Empties the queue."""
        try:
            while True:
                self._queue.get_nowait()
                self._queue.task_done()  # nobody gives work any more: no room is made
        except Empty:
            return

    def _run(self) -> None:
        while (given := self._queue.get()) is not _END:
            work, weight = given
            try:
                if self._error is None:
                    work()
            except BaseException as error:  # noqa: BLE001 - raised where it was given
                self._error = error
            finally:
                self._queue.task_done()
            # Not held while waiting: a piece is many megabytes at times.
            del given, work
            with self._room:
                self._weight -= weight
                self._room.notify_all()
