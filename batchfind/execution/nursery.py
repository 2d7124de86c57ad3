"""From what answers give rise to, to requests in line: journalled, told, enqueued."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from batchfind.capture.journal import Journal
from batchfind.capture.records import StoredAttempt
from batchfind.execution.births import Birth
from batchfind.execution.growing import Grower
from batchfind.execution.progress import Event, RequestSplit
from batchfind.plan.model import Request


class Nursery:
    """Brings up what a grower decides on, unless the run is being stopped."""

    def __init__(
        self,
        grower: Grower,
        journal: Journal,
        tell: Callable[[Event], None],
        enqueue: Callable[[Sequence[Request]], None],
        stopped: Callable[[], bool],
    ) -> None:
        """With those who are concerned.

        Args:
            grower: decides.
            journal: keeps requests before they are asked.
            tell: observers.
            enqueue: puts new requests into line.
            stopped: whether nothing is to be asked any more.
        """
        self._grower = grower
        self._journal = journal
        self._tell = tell
        self._enqueue = enqueue
        self._stopped = stopped

    def watches(self, request: Request) -> bool:
        """Whether `ended` or `skipped` is to be called for a request."""
        return self._grower.watches(request)

    def again(self, request: Request, tries: Sequence[StoredAttempt]) -> bool:
        """Whether a request is to be tried once more before anything is decided."""
        return not self._stopped() and self._grower.again(request, tries)

    def expect(self, requests: Iterable[Request]) -> tuple[Request, ...]:
        """Those of some requests that are to be asked at once.

        The others are cut by `catch_up` instead: an earlier execution ended before
        it did.
        """
        overdue = frozenset(one.id for one in self._grower.overdue())
        asked = tuple(one for one in requests if one.id not in overdue)
        self._grower.expect(asked)
        return asked

    async def catch_up(self, requests: Iterable[Request]) -> tuple[RequestSplit, ...]:
        """Does what an earlier execution left undone; says which requests were cut.

        Args:
            requests: all that are to be asked; those of them that turn out not to be
                cut are put into line.

        Raises:
            StorageError: the capture cannot be read or written.
        """
        asked = {request.id: request for request in requests}
        overdue = self._grower.overdue()
        self._grower.expect(overdue)
        births: list[Birth] = []
        for request in overdue:
            own = await self._grower.catch_up(request)
            if not own and request.id in asked:
                self._grower.expect([request])
                self._enqueue([request])
            births += own
        splits = await self._bear(births)
        await self.follow()
        return splits

    async def ended(
        self, request: Request, tries: Sequence[StoredAttempt]
    ) -> tuple[RequestSplit, ...]:
        """The ending of a request is durable; says which requests were cut for it.

        Raises:
            StorageError: the capture cannot be read or written.
        """
        if self._stopped():
            return ()
        return await self._bear(await self._grower.ended(request, tries))

    def skipped(self, request: Request) -> None:
        """A request is not asked after all."""
        self._grower.skipped(request)

    async def follow(self) -> None:
        """Brings up what had to wait for several requests.

        Raises:
            StorageError: the capture cannot be read or written.
        """
        while not self._stopped() and (births := await self._grower.follow()):
            await self._bear(births)

    async def _bear(self, births: Sequence[Birth]) -> tuple[RequestSplit, ...]:
        if self._stopped():
            if births:
                self._grower.abandon()
            return ()
        durable = [
            self._journal.grow(birth.requests) for birth in births if birth.requests
        ]
        for birth in births:
            for kind, data in birth.notes:
                self._journal.event(kind, data)
        for each in durable:
            await each
        splits = []
        for birth in births:
            if birth.event is not None:
                self._tell(birth.event)
            if isinstance(birth.event, RequestSplit):
                splits.append(birth.event)
            self._enqueue(birth.requests)
        return tuple(splits)
