"""Seats at a peer: locks that die with their owner, in a place nobody can spoil."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.execution.byte_locks import (
    ByteLocks,
    FileLocks,
    RangeLocks,
    byte_locks,
)
from batchfind.execution.hall import Hall
from batchfind.execution.lock_place import VARIABLE, LockPlace, NoPlaceError
from batchfind.execution.seating import SharedSeating
from batchfind.execution.seats import TURN, Seats
from batchfind.execution.wiring import Wiring
from tests.execution.plans import peer, plan, request

ROOT = Path(__file__).resolve().parents[2]
GROUP = "ris:104"
HOLDER = """
import os, sys
from batchfind.execution import byte_locks
from batchfind.execution.lock_place import LockPlace

locks = getattr(byte_locks, sys.argv[1])(LockPlace.find(os.environ))
print("held" if locks.hold(7) else "not held", flush=True)
sys.stdin.read()
"""
NewLocks: TypeAlias = Callable[[], ByteLocks]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_turn(self) -> None:
        self.now += TURN


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[RangeLocks, FileLocks])
def new_locks(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NewLocks]:
    """Locks as one more run on this host has them, of either kind."""
    with ExitStack() as opened:

        def new() -> ByteLocks:
            place = LockPlace.find({VARIABLE: str(tmp_path)})
            opened.callback(place.close)
            locks: ByteLocks = request.param(place)
            opened.callback(locks.close)
            return locks

        yield new


@pytest.fixture
def run(new_locks: NewLocks, clock: Clock) -> Callable[..., Seats]:
    """The seats of one more run."""

    def new(most: int = 2, group: str = GROUP) -> Seats:
        return Seats(new_locks(), group, most, clock)

    return new


class TestLocks:
    def test_exclude_each_other_within_a_process(self, new_locks: NewLocks) -> None:
        one, other = new_locks(), new_locks()
        assert one.hold(7)
        assert not other.hold(7)
        assert other.hold(8)

    def test_are_seen_by_others_only(self, new_locks: NewLocks) -> None:
        one, other = new_locks(), new_locks()
        one.hold(7)
        assert other.taken(7)
        assert not other.taken(8)
        one.free(7)
        assert not other.taken(7)

    def test_reach_as_far_as_numbers_do(self, new_locks: NewLocks) -> None:
        one, other = new_locks(), new_locks()
        last = (1 << 60) - 1
        assert one.hold(last)
        assert other.taken(last)

    def test_are_free_when_their_owner_is_killed(
        self, new_locks: NewLocks, tmp_path: Path
    ) -> None:
        locks = new_locks()
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, type(locks).__name__],
            env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            assert not locks.hold(7)
            holder.kill()
        assert locks.hold(7)

    def test_are_bytes_of_one_file_on_linux(self, tmp_path: Path) -> None:
        place = LockPlace.find({VARIABLE: str(tmp_path)})
        locks = byte_locks(place)
        assert all(locks.hold(at) for at in range(100))
        (file,) = tmp_path.iterdir()
        assert file.stat().st_size == 0
        locks.close()
        place.close()


class TestSeats:
    def test_are_as_many_as_the_job_says(self, run: Callable[..., Seats]) -> None:
        one, other = run(), run()
        assert one.take()
        assert other.take()
        assert not one.take()
        assert not other.take()

    def test_are_free_again_after_the_association(
        self, run: Callable[..., Seats]
    ) -> None:
        one, other = run(1), run(1)
        one.take()
        one.give_back()
        assert other.take()
        assert (one.count, other.count) == (0, 1)

    def test_of_other_groups_are_others(self, run: Callable[..., Seats]) -> None:
        assert run(1).take()
        assert run(1, "pacs:104").take()

    def test_a_run_that_is_allowed_more_takes_higher_ones(
        self, run: Callable[..., Seats]
    ) -> None:
        few, many = run(1), run(3)
        few.take()
        assert [many.take() for _ in range(3)] == [True, True, False]

    def test_the_one_that_others_know_is_left_first(
        self, run: Callable[..., Seats]
    ) -> None:
        many, few = run(3), run(1)
        for _ in range(3):
            many.take()
        many.give_back()
        assert few.take()


class TestTurns:
    def test_last_while_nobody_waits(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one = run(1)
        one.take()
        for _ in range(3):
            clock.pass_turn()
            assert not one.yields()

    def test_end_when_somebody_waits(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, other = run(1), run(1)
        one.take()
        other.take()
        other.line_up()
        assert not one.yields()
        clock.pass_turn()
        assert one.yields()

    def test_the_one_that_waited_comes_next(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, other = run(1), run(1)
        one.take()
        other.line_up()
        clock.pass_turn()
        one.yields()
        one.give_back()
        assert not one.take()
        assert other.take()
        clock.pass_turn()
        one.line_up()
        assert other.yields()
        other.give_back()
        assert one.take()

    def test_who_has_waited_longer_lines_up_first(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, other, third = run(1), run(1), run(1)
        one.take()
        other.line_up()
        clock.pass_turn()
        one.yields()
        one.give_back()
        other.take()
        one.line_up()
        third.line_up()
        clock.pass_turn()
        other.yields()
        other.give_back()
        assert not one.take()
        assert third.take()

    def test_one_seat_changes_hands_in_a_turn(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, other = run(4), run(4)
        for _ in range(4):
            one.take()
        other.line_up()
        clock.pass_turn()
        assert [one.yields() for _ in range(4)] == [True, False, False, False]
        one.give_back()
        assert other.take()
        assert (one.count, other.count) == (3, 1)

    def test_who_has_half_of_them_stands_in_no_line(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, other = run(2), run(2)
        one.take()
        other.take()
        other.line_up()
        clock.pass_turn()
        assert not one.yields()

    def test_a_new_association_within_a_turn_needs_no_new_place_in_line(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        """So that one query an association does not mean one query a turn."""
        one, other = run(1), run(1)
        one.take()
        other.line_up()
        one.give_back()
        assert one.take()
        clock.pass_turn()
        one.give_back()
        assert not one.take()
        assert other.take()

    def test_somebody_who_gave_up_waiting_stops_nobody(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, other = run(1), run(1)
        one.take()
        other.line_up()
        clock.pass_turn()
        one.yields()
        one.give_back()
        other.leave_line()
        assert one.take()

    def test_a_stopped_process_that_is_first_in_line_stops_nobody(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        one, stopped = run(1), run(1)
        one.take()
        stopped.line_up()
        clock.pass_turn()
        assert one.yields()
        one.give_back()
        assert not one.take()
        clock.now += 1.9
        assert not one.take()
        clock.now += 0.2
        assert one.take()
        clock.pass_turn()
        assert not one.yields()
        clock.now += 30
        assert one.yields()

    def test_a_seat_that_is_taken_is_left_lying_by_nobody(
        self, run: Callable[..., Seats], clock: Clock
    ) -> None:
        holder, first, one = run(1), run(1), run(1)
        holder.take()
        first.line_up()
        clock.pass_turn()
        for _ in range(10):
            assert not one.take()
            clock.pass_turn()
        holder.give_back()
        assert not one.take()
        assert first.take()


class TestPlace:
    def test_is_a_directory_of_the_user_alone(self, tmp_path: Path) -> None:
        LockPlace.find({}, [tmp_path]).close()
        found = tmp_path / f"batchfind-{os.geteuid()}"
        assert stat.S_IMODE(found.stat().st_mode) == 0o700
        LockPlace.find({}, [tmp_path]).close()

    def test_does_not_depend_on_the_environment(self, tmp_path: Path) -> None:
        strange = {"TMPDIR": "/nowhere", "XDG_RUNTIME_DIR": "/nowhere", "HOME": "/"}
        one, other = (LockPlace.find(each, [tmp_path]) for each in ({}, strange))
        assert one.path == other.path
        one.close()
        other.close()

    def test_is_below_the_first_directory_there_is(self, tmp_path: Path) -> None:
        place = LockPlace.find({}, [tmp_path / "missing", tmp_path])
        assert place.path.parent == tmp_path
        place.close()

    def test_a_link_in_its_place_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "victim").mkdir()
        (tmp_path / f"batchfind-{os.geteuid()}").symlink_to(tmp_path / "victim")
        with pytest.raises(NoPlaceError, match="cannot be opened as a directory"):
            LockPlace.find({}, [tmp_path])
        assert not list((tmp_path / "victim").iterdir())

    def test_a_file_in_its_place_is_not_used(self, tmp_path: Path) -> None:
        (tmp_path / f"batchfind-{os.geteuid()}").touch()
        with pytest.raises(NoPlaceError, match="remove it, or set BATCHFIND_LOCKS"):
            LockPlace.find({}, [tmp_path])

    def test_another_user_cannot_prepare_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "batchfind-4711").mkdir(mode=0o700)
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        with pytest.raises(NoPlaceError, match="belongs to another user"):
            LockPlace.find({}, [tmp_path])

    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
    def test_others_may_not_write_to_it(self, tmp_path: Path, mode: int) -> None:
        found = tmp_path / f"batchfind-{os.geteuid()}"
        found.mkdir()
        found.chmod(mode)
        with pytest.raises(NoPlaceError, match="written to by other users"):
            LockPlace.find({}, [tmp_path])

    def test_is_nowhere_when_nothing_can_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(
            NoPlaceError, match="can be written to: set BATCHFIND_LOCKS"
        ):
            LockPlace.find({}, [tmp_path / "missing"])

    def test_files_in_it_are_of_the_user_alone(self, tmp_path: Path) -> None:
        place = LockPlace.find({}, [tmp_path])
        os.close(place.open("seats"))
        mode = (place.path / "seats").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        place.close()

    def test_a_link_in_the_place_of_a_file_is_not_followed(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "victim").write_text("mine")
        (tmp_path / "seats").symlink_to(tmp_path / "victim")
        place = LockPlace.find({VARIABLE: str(tmp_path)})
        with pytest.raises(OSError, match="symbolic links"):
            place.open("seats")
        place.close()

    def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(
        self, tmp_path: Path
    ) -> None:
        os.mkfifo(tmp_path / "seats")
        place = LockPlace.find({VARIABLE: str(tmp_path)})
        with pytest.raises(OSError, match="no ordinary file"):
            place.open("seats")
        place.close()


class TestNamedPlace:
    """`BATCHFIND_LOCKS`: several users share what a peer bears."""

    @pytest.mark.parametrize(("mode", "file"), [(0o2770, 0o660), (0o1777, 0o666)])
    def test_who_may_write_to_it_may_lock(
        self, tmp_path: Path, mode: int, file: int
    ) -> None:
        tmp_path.chmod(mode)
        place = LockPlace.find({VARIABLE: str(tmp_path)})
        os.close(place.open("seats"))
        assert stat.S_IMODE((tmp_path / "seats").stat().st_mode) == file
        place.close()

    def test_is_an_absolute_path(self) -> None:
        with pytest.raises(NoPlaceError, match="relative path"):
            LockPlace.find({VARIABLE: "locks"})

    def test_exists(self, tmp_path: Path) -> None:
        with pytest.raises(NoPlaceError, match=r"cannot be opened \(No such file"):
            LockPlace.find({VARIABLE: str(tmp_path / "missing")})


class TestHall:
    """What a run makes of a place it cannot use: it warns once, and goes on."""

    @staticmethod
    def hall(tmp_path: Path, where: Path) -> tuple[Hall, list[bool]]:
        told: list[str] = []
        environment = {VARIABLE: str(where)}
        hall = Hall(environment, {"127.0.0.1:104"}, told.append)
        given = plan(tmp_path, [peer("ris", 104)], [request("0.0", "ris")])
        order = Wiring(given, {}).order(given.requests[0])
        seats = hall.seating(order, lambda: False, lambda: None)
        return hall, [seats.take(), seats.take(), seats.yields()]

    def test_without_a_directory(self, tmp_path: Path) -> None:
        hall, got = self.hall(tmp_path, tmp_path / "missing")
        assert got == [True, True, False]
        (problem,) = hall.problems
        assert problem.startswith("limits.associations is kept within this run only:")
        hall.close()

    def test_where_no_file_can_be_made(self, tmp_path: Path) -> None:
        hall, got = self.hall(tmp_path, Path("/proc"))
        assert got == [True, True, False]
        assert "files in /proc cannot be locked" in hall.problems[0]
        hall.close()

    def test_where_files_cannot_be_locked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> bool:
            raise OSError(37, "No locks available")

        for name in ("hold", "taken", "free"):
            monkeypatch.setattr(RangeLocks, name, fail)
        hall, got = self.hall(tmp_path, tmp_path)
        assert got == [True, True, False]
        (problem,) = hall.problems
        assert "No locks available" in problem
        hall.close()

    def test_groups_that_nobody_else_can_reach_have_free_seats(
        self, tmp_path: Path
    ) -> None:
        hall = Hall({VARIABLE: str(tmp_path)}, (), lambda _: None)
        given = plan(tmp_path, [peer("ris", 104)], [request("0.0", "ris")])
        order = Wiring(given, {}).order(given.requests[0])
        seats = hall.seating(order, lambda: False, lambda: None)
        assert [seats.take() for _ in range(5)] == [True] * 5
        hall.close()


class TestWaiting:
    def test_is_told_once_and_ends_when_nobody_wants_a_seat(
        self, run: Callable[..., Seats], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder, waiter = run(1), run(1)
        monkeypatch.setattr("batchfind.execution.seating._PATIENCE", 0.05)
        told: list[bool] = []
        wanted = True

        async def wait() -> float:
            nonlocal wanted
            changed = asyncio.Event()
            seating = SharedSeating(
                waiter, lambda: wanted, changed.set, lambda: told.append(True)
            )
            holder.take()
            assert not seating.take()
            assert not seating.open
            await asyncio.sleep(0.4)
            assert not changed.is_set()
            holder.give_back()
            async with asyncio.timeout(60):
                await changed.wait()
            assert seating.take()
            seating.give_back()
            wanted = False
            await asyncio.sleep(1.0)
            assert seating.open
            return seating.waited

        assert asyncio.run(wait()) > 0.05
        assert told == [True]
        assert holder.take()

    def test_a_seat_that_nobody_came_for_is_left_again(
        self, run: Callable[..., Seats]
    ) -> None:
        holder, waiter = run(1), run(1)

        async def wait() -> None:
            changed = asyncio.Event()
            seating = SharedSeating(
                waiter, lambda: not changed.is_set(), changed.set, lambda: None
            )
            holder.take()
            seating.take()
            holder.give_back()
            async with asyncio.timeout(60):
                await changed.wait()
            await asyncio.sleep(0.01)
            await seating.rest()

        asyncio.run(wait())
        assert waiter.count == 0
        assert holder.take()
