"""Everybody who is told how a run goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from batchfind.execution.progress import Event, Observer, Received, ResponseObserver


class Audience:
    """The observers of a run; a sight of responses costs nothing if nobody wants it."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)
        self._watchers = tuple(
            each for each in observers if isinstance(each, ResponseObserver)
        )

    def tell(self, event: Event) -> None:
        """Tells everybody of an event."""
        for observer in self._observers:
            observer(event)

    @property
    def show(self) -> Callable[[Received], Awaitable[None]] | None:
        """Shows responses to those who want to see them; None when nobody does."""
        return self._show if self._watchers else None

    async def _show(self, received: Received) -> None:
        for watcher in self._watchers:
            await watcher.responses(received)
