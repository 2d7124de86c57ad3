"""Work done behind the back of the thread that gives it."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from batchfind.execution.behind import Behind


def _note(done: list[tuple[int, int]], number: int) -> None:
    done.append((number, threading.get_ident()))


class TestBehind:
    def test_is_done_in_order_in_a_thread_of_its_own(self) -> None:
        done: list[tuple[int, int]] = []
        with Behind(2) as behind:
            for number in range(100):
                behind.do(partial(_note, done, number))
            behind.wait()
        (thread,) = {thread for _, thread in done}
        assert thread != threading.get_ident()
        assert [number for number, _ in done] == list(range(100))

    def test_giver_waits_while_too_much_waits(self) -> None:
        go, begun = threading.Event(), threading.Event()
        given: list[int] = []

        def work() -> None:
            begun.set()
            go.wait()

        def give(behind: Behind) -> None:
            for number in range(5):
                behind.do(work)
                given.append(number)

        with Behind(2) as behind:
            giver = threading.Thread(target=give, args=(behind,))
            giver.start()
            assert begun.wait(10)
            giver.join(0.05)
            assert len(given) <= 3  # one under way, two that wait
            go.set()
            giver.join()
            behind.wait()
        assert len(given) == 5

    def test_what_it_raised_is_raised_where_it_was_given(self) -> None:
        done: list[str] = []

        def fail() -> None:
            raise OSError("disk full")

        with Behind(4) as behind:
            behind.do(fail)
            behind.do(lambda: done.append("after"))
            with pytest.raises(OSError, match="disk full"):
                behind.wait()
            with pytest.raises(OSError, match="disk full"):
                behind.do(lambda: done.append("later"))
        assert done == []

    def test_leaving_early_drops_what_was_not_begun(self) -> None:
        begun = threading.Event()
        done: list[tuple[int, int]] = []

        def first(behind: Behind) -> None:
            begun.set()
            while behind._queue.qsize() > 1:  # until they are dropped
                time.sleep(0.001)
            _note(done, 0)

        def leave() -> None:
            with Behind(8) as behind:
                behind.do(partial(first, behind))
                for number in range(1, 5):
                    behind.do(partial(_note, done, number))
                assert begun.wait(10)
                raise KeyError

        with pytest.raises(KeyError):
            leave()
        assert [number for number, _ in done] == [0]

    def test_nothing_to_do(self) -> None:
        with Behind(1) as behind:
            behind.wait()
