"""One call of findscu: one association, its queries one after another."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from typing import Final

from batchfind.dicom.dump import DumpStyle
from batchfind.dicom.models import model_of
from batchfind.dicom.transfer_syntaxes import proposal_of
from batchfind.errors import PeerError
from batchfind.findscu.answers import Answers
from batchfind.findscu.call import Call
from batchfind.findscu.dictionaries import known_dictionary
from batchfind.findscu.failures import Ending, query_failure
from batchfind.findscu.logs import Log
from batchfind.findscu.queries import Query, QueryRefused, query_of
from batchfind.findscu.responses import open_files
from batchfind.findscu.securing import ask_terminal, prepare_tls, write_seed
from batchfind.findscu.telling import Telling
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts
from batchfind.net.tls import TlsClient

WHOLE: Final = 0
NOT_WHOLE: Final = 1
"""An answer failed or is partial; findscu ends with 0 then."""

NO_ASSOCIATION: Final = 2
"""It did not come about, or did not end as it should."""

INTERRUPTED: Final = 130

_LONGEST_AE_TITLE: Final = 16
_NOT_SENT: Final = "0006:020e DIMSE Failed to send message"


def ask(call: Call, log: Log) -> int:
    """Asks what a command line asks; blocks until it is done.

    Args:
        call: the command line.
        log: findscu's messages.

    Returns:
        The exit code: 0; 1 when an answer failed, is partial, or could not be read
        or written whole; 2 when the association failed; 130 after Ctrl-C.

    Raises:
        InputError: TLS material or an AE title cannot be used; nothing was sent.
    """
    tls = None
    try:
        if call.tls is not None:
            tls = prepare_tls(call.tls, log, ask_terminal)
        return asyncio.run(run(call, log, tls))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if call.tls is not None and tls is not None:
            write_seed(call.tls, log)


async def run(call: Call, log: Log, tls: TlsClient | None = None) -> int:
    """As `ask`, with TLS prepared, on a loop that runs already.

    A cancelled task aborts the association; files written so far stay.
    """
    return await _Session(call, log).run(tls)


class _Session:
    """The association of one call."""

    def __init__(self, call: Call, log: Log) -> None:
        self._call = call
        self._log = log
        self._style = DumpStyle(
            verbatim=_takes_any_bytes(call),
            correction=call.correction,
            dictionary=known_dictionary(os.environ, log.warn),
        )
        self._sop_class = model_of(call.model).uid
        self._endpoint = Endpoint(
            call.peer,
            call.port,
            called_ae=call.called_ae[:_LONGEST_AE_TITLE],
            calling_ae=call.calling_ae[:_LONGEST_AE_TITLE],
            ip_version=call.ip_version,
        )
        self._offer = Offer(
            (self._sop_class,), proposal_of((call.proposal,)), max_pdu=call.max_pdu
        )
        self._tell = Telling(log, self._style, self._endpoint, self._offer)

    async def run(self, tls: TlsClient | None) -> int:
        self._tell.associating()
        client = await self._connect(tls)
        if client is None:
            return NO_ASSOCIATION
        try:
            return await self._use(client)
        finally:
            await client.abort()  # after a release there is nothing left to abort

    async def _connect(self, tls: TlsClient | None) -> Client | None:
        endpoint = self._endpoint
        titles = {"Called": endpoint.called_ae, "Calling": endpoint.calling_ae}
        for role, title in titles.items():
            if not title.strip(" "):
                self._tell.no_title(role)
                return None
        timeouts = _timeouts(self._call)
        try:
            with Resolver() as resolver:
                return await Client.connect(
                    endpoint, self._offer, timeouts, resolver, tls=tls
                )
        except PeerError as error:
            self._tell.no_association(error)
            return None

    async def _use(self, client: Client) -> int:
        self._tell.accepted(client.accepted)
        syntax = client.negotiated[self._sop_class].transfer_syntax
        files = open_files(self._call, syntax, self._log, self._style.dictionary)
        answers = Answers(
            self._call,
            self._log,
            files,
            sop_class=self._sop_class,
            transfer_syntax=syntax,
            style=self._style,
        )
        try:
            ending = await self._ask_all(client, answers, syntax)
        finally:
            files.close()
        if not await self._leave(client, ending):
            return NO_ASSOCIATION
        kept = files.complete and not self._log.lost_responses
        whole = ending is None and answers.whole and kept
        return WHOLE if whole else NOT_WHOLE

    async def _ask_all(
        self, client: Client, answers: Answers, syntax: str
    ) -> Ending | None:
        """Asks every query; how the first that failed did so, or None."""
        numbers = count(1)
        try:
            # As findscu does, a file is looked at when its turn comes.
            for file in self._call.files or (None,):
                query = query_of(self._call, file, self._style.dictionary)
                for time in range(self._call.repeat):
                    self._tell.asking(next(numbers), query, syntax, again=time > 0)
                    ending = await self._ask(client, answers, query, syntax)
                    if ending is not None:
                        self._tell.failed(ending, query, syntax)
                        return ending
        except QueryRefused as refused:
            self._log.error(refused.complaint)
            return Ending(refused.condition)
        return None

    async def _ask(
        self, client: Client, answers: Answers, query: Query, syntax: str
    ) -> Ending | None:
        """Asks one query; how it failed, or None."""
        problem = _unsendable(query, syntax)
        if problem:
            self._tell.warnings([f"sendMessage: {problem}"])
            return Ending(_NOT_SENT)
        find = client.find(
            self._sop_class, query.encode, flush_responses=answers.until_cancel
        )
        try:
            async with find:
                async for matches in find.matches():
                    answers.take(matches, find)
        except PeerError as error:
            return query_failure(error, patient=self._call.dimse_timeout is None)
        self._tell.warnings(find.warnings)
        if find.final is not None:
            answers.finish(find.final)
        return None

    async def _leave(self, client: Client, ending: Ending | None) -> bool:
        """Ends the association; whether that went as it should."""
        if ending is not None:
            self._tell.giving_up(ending)
            await client.abort()
        elif self._call.abort:
            self._log.info("Aborting Association")
            await client.abort()
        else:
            self._log.info("Releasing Association")
            complaint = await client.release()
            if complaint is not None:
                self._log.error(f"Association Release Failed: {complaint}")
                return False
        return True


def _takes_any_bytes(call: Call) -> bool:
    """Whether the log passes bytes on; terminals and Python's loggers want text."""
    return call.log.config is None and not sys.stderr.isatty()


def _timeouts(call: Call) -> Timeouts:
    """Deadlines as findscu has them.

    Without `-td` it blocks on the socket, so that `-ts` limits every silence; with
    `-td` that one does.
    """
    silence = call.dimse_timeout
    if silence is None:
        silence = call.socket_timeout
    return Timeouts(
        connect=call.connect_timeout,
        acse=call.acse_timeout,
        response=silence,
        cancel=silence,
        release=call.acse_timeout,
        idle=None,
    )


def _unsendable(query: Query, syntax: str) -> str:
    """Why a query cannot be sent, or empty."""
    if not query.identifier:
        return "dataset is empty"
    try:
        query.encode(syntax)
    except ValueError as reason:
        return str(reason)
    return ""
