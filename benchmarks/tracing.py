"""Where a process spends its time: phases one after another, steps within threads.

Functions are replaced by timed ones from outside, so that the program itself knows
nothing of being measured. A step's time is CPU time of its thread without that of the
steps it calls; waiting costs nothing.
"""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Phase:
    """A part of the run that follows another.

    Attributes:
        wall, cpu: seconds; CPU of all threads.
    """

    name: str
    wall: float
    cpu: float


@dataclass(slots=True)
class Step:
    """Something done many times in one thread.

    Attributes:
        cpu: seconds of that thread, without the steps within.
    """

    thread: str
    name: str
    calls: int = 0
    cpu: float = 0.0


class _Stack(threading.local):
    """CPU seconds of the steps within each step under way in this thread."""

    def __init__(self) -> None:
        self.within: list[float] = []


class Tracer:
    """Phases and steps of this process.

    Attributes:
        phases: in order; the last one ends with `stop`.
        steps: in order of their first call.
    """

    def __init__(self) -> None:
        """The first phase begins with the process."""
        self.phases: list[Phase] = []
        self._steps: dict[tuple[str, str], Step] = {}
        self._stack = _Stack()
        self._name = "interpreter"
        self._since = time.perf_counter(), 0.0

    @property
    def steps(self) -> list[Step]:
        """All that were called."""
        return list(self._steps.values())

    def phase(self, name: str) -> None:
        """Ends the phase under way; another begins."""
        wall, cpu = time.perf_counter(), time.process_time()
        started, used = self._since
        self.phases.append(Phase(self._name, wall - started, cpu - used))
        self._name, self._since = name, (wall, cpu)

    def begins(self, owner: Any, attribute: str, name: str) -> None:
        """Every call of a function begins a phase."""
        inner = inspect.getattr_static(owner, attribute)
        bound = isinstance(inner, classmethod)
        called = inner.__func__ if isinstance(inner, classmethod) else inner

        @functools.wraps(called)
        def outer(*given: Any, **named: Any) -> Any:
            self.phase(name)
            return called(*given, **named)

        setattr(owner, attribute, classmethod(outer) if bound else outer)

    def times(self, owner: Any, attribute: str, name: str) -> None:
        """Every call of a function, or step of a generator, is timed."""
        inner = inspect.getattr_static(owner, attribute)
        timed = self._generator if inspect.isgeneratorfunction(inner) else self._call
        setattr(owner, attribute, timed(inner, name))

    def _call(self, inner: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(inner)
        def outer(*given: Any, **named: Any) -> Any:
            began = self._enter()
            try:
                return inner(*given, **named)
            finally:
                self._leave(name, began)

        return outer

    def _generator(self, inner: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(inner)
        def outer(*given: Any, **named: Any) -> Iterator[Any]:
            source = inner(*given, **named)
            while True:
                began = self._enter()
                try:
                    item = next(source)
                except StopIteration:
                    return
                finally:
                    self._leave(name, began)
                yield item

        return outer

    def _enter(self) -> float:
        self._stack.within.append(0.0)
        return time.thread_time()

    def _leave(self, name: str, began: float) -> None:
        spent = time.thread_time() - began
        within = self._stack.within.pop()
        if self._stack.within:
            self._stack.within[-1] += spent
        thread = threading.current_thread().name
        step = self._steps.setdefault((thread, name), Step(thread, name))
        step.calls += 1
        step.cpu += spent - within
