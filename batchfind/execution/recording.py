"""One try at a request: every step goes into the journal and to observers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batchfind.capture.journal import Journal
from batchfind.capture.records import AttemptFacts, Ending, Outcome, StoredAttempt
from batchfind.dimse.messages import Matches
from batchfind.execution.executor import Disturbed, Started
from batchfind.execution.progress import Event, Received, ResponsesArrived
from batchfind.plan.model import Request

#: Observers hear of a request's progress at most so often, in seconds.
_TELL_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Recorder:
    """Where the steps of every try go.

    Attributes:
        journal: of the run.
        tell: is told how many responses came, now and then.
        show: is shown every set of responses once it is journalled, or None.
    """

    journal: Journal
    tell: Callable[[Event], None]
    show: Callable[[Received], Awaitable[None]] | None


class Recording:
    """The record of one try while it goes on.

    Attributes:
        disturbed: it ended through the fault of another request.
        unasked: it ended before anything was opened for it.
        responses: that came so far.
    """

    def __init__(self, recorder: Recorder, request: Request) -> None:
        self.disturbed = self.unasked = False
        self.responses = 0
        self._recorder = recorder
        self._request = request
        self._number = 0
        self._facts: AttemptFacts | None = None
        self._ending = Ending(outcome=Outcome.FAILED)
        self._tell_next = 0.0

    async def add(self, step: Started | Matches | Ending | Disturbed) -> None:
        """Takes one step in.

        Raises:
            StorageError: the capture cannot be written.
        """
        match step:
            case Started(facts):
                self._facts = facts
                self._number = self._recorder.journal.begin(self._request.id, facts)
            case Matches():
                await self._put(step)
            case Disturbed(ending):
                self._ending, self.disturbed = ending, True
            case Ending():
                self._ending = step

    def cut_off(self, ending: Ending) -> None:
        """Ends it in spite of what its steps said."""
        self._ending, self.disturbed = ending, False

    @property
    def begun(self) -> bool:
        """Whether the journal knows of it."""
        return bool(self._number)

    def close(self, ordinal: int) -> tuple[StoredAttempt, asyncio.Future[None]]:
        """Records the ending.

        Args:
            ordinal: of the try among those at the request, from 1.

        Returns:
            The attempt, and a future that is done once no crash can take it back.
        """
        journal = self._recorder.journal
        number = self._number or journal.begin(self._request.id, None)
        durable = journal.end(number, self._ending)
        attempt = StoredAttempt(
            number=number,
            request=self._request.id,
            ordinal=ordinal,
            facts=self._facts,
            ending=self._ending,
            chain="",
        )
        return attempt, durable

    async def _put(self, matches: Matches) -> None:
        await self._recorder.journal.put(self._number, matches)
        self.responses += len(matches)
        show = self._recorder.show
        if show is not None and self._facts is not None:
            first = self.responses - len(matches) + 1
            await show(Received(self._request, first, matches, self._facts))
        now = asyncio.get_running_loop().time()
        if now >= self._tell_next:
            self._tell_next = now + _TELL_EVERY
            request = self._request
            self._recorder.tell(
                ResponsesArrived(
                    request.id, request.query, request.peer, self.responses
                )
            )
