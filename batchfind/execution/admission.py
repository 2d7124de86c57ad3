"""Lets requests through when hours and rate of their peer allow it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from batchfind.execution.halt import Halt
from batchfind.execution.progress import Event, PeerWaits
from batchfind.execution.queues import Line
from batchfind.execution.refusals import refusal
from batchfind.plan.model import Request

#: The wall's clock may be set, and this machine may sleep: so often it is read again.
LONGEST_NAP: Final = 60.0


class Admission:
    """Has those wait who come too early; they hold nothing meanwhile."""

    def __init__(
        self,
        halt: Halt,
        tell: Callable[[Event], None],
        settle: Callable[[Line], Awaitable[None]],
    ) -> None:
        """With everybody who is concerned.

        Args:
            halt: ends every wait.
            tell: observers.
            settle: releases the idle associations of a line that is about to wait.
        """
        self._halt = halt
        self._tell = tell
        self._settle = settle
        self._told: dict[str, datetime] = {}

    async def wait(self, line: Line, request: Request) -> bool:
        """Until a request may be let in, or is not to be asked any more.

        Args:
            line: where it comes from.
            request: the next one of its turn.

        Returns:
            Whether that took any time.
        """
        waited = settled = False
        while (seconds := self.ahead(line, request)) > 0:
            until = line.opening.opens()
            if until is not None and not settled:
                settled = True
                self._announce(line, request.peer, until)
                await self._settle(line)
            waited = True
            await self._halt.pause(min(seconds, LONGEST_NAP))
        return waited

    def ahead(self, line: Line, request: Request) -> float:
        """Seconds until a request may be let in; 0 as well when it is to be refused."""
        now = asyncio.get_running_loop().time()
        seconds = max(line.opening.ahead(), line.pace.ahead(now))
        refused = seconds > 0 and refusal(request, line, self._halt.reason) is not None
        return 0.0 if refused else seconds

    def _announce(self, line: Line, peer: str, until: datetime) -> None:
        if self._told.get(line.group) != until:
            self._told[line.group] = until
            self._tell(PeerWaits(peer, until))
