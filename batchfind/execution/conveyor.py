"""Work handed from thread to thread in order, a bounded number of pieces at a time.

Reading, decoding and writing spend much of their time in libraries that let other
threads run meanwhile. Each in a thread of its own, they overlap; a bounded queue
between them keeps the memory they take small.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from types import TracebackType
from typing import Final, Generic, Self, TypeAlias, TypeVar

_T = TypeVar("_T")
_END: Final = None

Work: TypeAlias = "Callable[[], object]"


class Ahead(Generic[_T]):
    """Takes items from a source before they are asked for, in a thread of its own.

    Use it in a `with` statement: leaving that ends the thread.
    """

    def __init__(self, source: Iterator[_T], most: int) -> None:
        """Begins to take items.

        Args:
            source: used by the thread alone from now on.
            most: items taken and not asked for yet.
        """
        self._source = source
        self._queue: Queue[tuple[_T] | None] = Queue(most)
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="batchfind-reading", daemon=True
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
        """Takes no further items."""
        self._ended.set()
        _empty(self._queue)
        self._thread.join()

    def __iter__(self) -> Iterator[_T]:
        """The items in order; what the source raised is raised behind the last."""
        while (item := self._queue.get()) is not _END:
            yield item[0]
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for item in self._source:
                self._queue.put((item,))
                if self._ended.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised where it is missed
            self._error = error
        self._queue.put(_END)


class Behind:
    """Does work in a thread of its own, in the order in which it was given.

    Use it in a `with` statement: leaving that ends the thread, and drops what has not
    been begun unless `wait` was called.
    """

    def __init__(self, most: int) -> None:
        """Waits for work.

        Args:
            most: pieces of work given and not done yet.
        """
        self._queue: Queue[Work | None] = Queue(most)
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name="batchfind-writing", daemon=True
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
        _empty(self._queue)
        self._queue.put(_END)
        self._thread.join()

    def do(self, work: Work) -> None:
        """Gives work; waits while too much is not done yet.

        Raises:
            BaseException: what earlier work raised; nothing is done after it.
        """
        self._raise()
        self._queue.put(work)

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

    def _run(self) -> None:
        while (work := self._queue.get()) is not _END:
            try:
                if self._error is None:
                    work()
            except BaseException as error:  # noqa: BLE001 - raised where it was given
                self._error = error
            finally:
                self._queue.task_done()


def _empty(queue: Queue[_T]) -> None:
    """Drops what waits in a queue."""
    try:
        while True:
            queue.get_nowait()
            queue.task_done()
    except Empty:
        return
