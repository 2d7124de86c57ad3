"""One association as an async client, against scripted peers on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dimse.messages import Final, Matches
from batchfind.errors import (
    AssociateTimeout,
    BatchfindError,
    ConnectTimeout,
    DimseError,
    DnsNotFound,
    DnsTemporary,
    NoContext,
    NotDicom,
    PduError,
    PeerAborted,
    PeerClosed,
    PeerReset,
    Refused,
    RejectedPermanent,
    RejectedTransient,
    ResponseTimeout,
    Retry,
)
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, Step

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
#: No good answer is ever so late, however busy the machine.
PATIENT_SCU = Timeouts(
    connect=60.0, acse=60.0, response=60.0, cancel=60.0, release=60.0
)
#: For peers that stay silent; what they do say before comes well within.
IMPATIENT_SCU = Timeouts(connect=60.0, acse=1.5, response=1.5, cancel=1.5, release=1.5)
PATIENT: Identifier = (
    Element(0x0008_0052, "CS", "STUDY"),
    Element(0x0010_0020, "LO", "P1"),
)

Outcome = tuple[list[Matches], Final | None, BatchfindError | None]


async def connected(
    port: int, *syntaxes: str, timeouts: Timeouts = PATIENT_SCU
) -> Client:
    with Resolver() as resolver:
        return await Client.connect(
            Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
            Offer(syntaxes or (STUDY_ROOT,), (EXPLICIT_LE, IMPLICIT_LE)),
            timeouts,
            resolver,
        )


def encoded(transfer_syntax: str) -> bytes:
    return encode(PATIENT, transfer_syntax, ())


async def ask(client: Client, *, cancel_after: int | None = None) -> Outcome:
    """Every set of matches, the final response, and the error instead of it."""
    sets: list[Matches] = []
    find = client.find(STUDY_ROOT, encoded, flush_responses=cancel_after)
    try:
        async with find:
            async for matches in find.matches():
                sets.append(matches)
                if cancel_after is not None:
                    find.cancel()
    except BatchfindError as error:
        return sets, find.final, error
    return sets, find.final, None


def count(sets: list[Matches]) -> int:
    return sum(len(each) for each in sets)


def with_client(
    port: int,
    use: Callable[[Client], Awaitable[Outcome]],
    timeouts: Timeouts = PATIENT_SCU,
) -> tuple[Outcome, str | None]:
    """Connects, uses, releases; also what the release complained about."""

    async def run() -> tuple[Outcome, str | None]:
        client = await connected(port, timeouts=timeouts)
        try:
            return await use(client), await client.release()
        finally:
            await client.abort()

    return asyncio.run(run(), debug=True)


def connect_error(
    port: int, host: str = "127.0.0.1", timeouts: Timeouts = PATIENT_SCU
) -> BatchfindError:
    async def run() -> None:
        with Resolver() as resolver:
            await Client.connect(
                Endpoint(host, port, "PEER", "BATCHFIND"),
                Offer((STUDY_ROOT,), (EXPLICIT_LE,)),
                timeouts,
                resolver,
            )

    with pytest.raises(BatchfindError) as raised:
        asyncio.run(run(), debug=True)
    return raised.value


class TestCFind:
    def test_ends_with_the_final_response(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(steps.matches(3), steps.final())
        (sets, final, error), complaint = with_client(peer.port, ask)
        assert error is None
        assert count(sets) == 3
        assert final is not None
        assert final.status == 0
        assert complaint is None
        assert peer.seen.releases == 1

    def test_responses_in_one_burst_are_one_set(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(steps.matches(500), steps.final())
        (sets, _, _), _ = with_client(peer.port, ask)
        assert count(sets) == 500
        assert len(sets) < 10

    def test_a_slow_response_is_handed_on_before_the_next_one(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(
            steps.matches(1), steps.delay(2.0), steps.matches(1), steps.final()
        )
        (sets, _, error), _ = with_client(peer.port, ask)
        assert error is None
        assert [len(each) for each in sets] == [1, 1]

    def test_an_association_serves_many_in_turn(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(steps.matches(2), steps.final())

        async def thrice(client: Client) -> Outcome:
            for _ in range(2):
                sets, _, error = await ask(client)
                assert (count(sets), error) == (2, None)
                assert client.reusable
            return await ask(client)

        (sets, _, _), _ = with_client(peer.port, thrice)
        assert count(sets) == 2
        assert len(peer.seen.associations) == 1
        assert len({request.message_id for request in peer.seen.requests}) == 3

    def test_leaving_it_early_aborts_the_association(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(steps.matches(50), steps.until_cancelled())

        async def leave(client: Client) -> Outcome:
            find = client.find(STUDY_ROOT, encoded, flush_responses=1)
            async with find:
                async for _ in find.matches():
                    break
            assert not client.reusable
            return [], find.final, None

        (_, final, _), _ = with_client(peer.port, leave)
        assert final is None


class TestTooEarly:
    def test_a_response_before_the_request_is_not_its_answer(
        self, scripted_peer: StartPeer
    ) -> None:
        command = pdu.response_command(
            pdu.FIND_RQ, STUDY_ROOT, 1, 0x0000, data_set=False
        )
        early = pdu.pdu(pdu.P_DATA, pdu.pdv(1, 3, command))

        async def accept_and_answer(talk: Conversation) -> None:
            request = await talk.read_association()
            assert request is not None
            talk.established()
            accepted = pdu.associate_ac(request, result=0, max_pdu=16384)
            await talk.send(accepted + early)

        peer = scripted_peer(steps.final(), on_connect=[accept_and_answer])
        (sets, final, error), _ = with_client(peer.port, ask)
        assert (sets, final) == ([], None)
        assert isinstance(error, DimseError)


class TestCancel:
    def test_is_sent_once_and_the_answer_drained(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(
            steps.matches(5),
            steps.until_cancelled(),
            steps.matches(4),
            steps.final(0xFE00),
        )

        async def cancelled(client: Client) -> Outcome:
            outcome = await ask(client, cancel_after=5)
            assert client.reusable
            return outcome

        (sets, final, error), _ = with_client(peer.port, cancelled)
        assert error is None
        assert count(sets) == 9
        assert final is not None
        assert final.status == 0xFE00
        assert len(peer.seen.cancels) == 1

    def test_that_is_ignored_ends_at_its_deadline(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(steps.matches(5), steps.silence())

        async def cancelled(client: Client) -> Outcome:
            return await ask(client, cancel_after=5)

        (sets, final, error), _ = with_client(peer.port, cancelled, IMPATIENT_SCU)
        assert count(sets) == 5
        assert final is None
        assert isinstance(error, ResponseTimeout)
        assert "C-CANCEL" in str(error)


class TestBrokenAnswers:
    """What came before the fault is handed on first."""

    @pytest.mark.parametrize(
        ("ending", "expected"),
        [
            (steps.abort(2, 6), PeerAborted),
            (steps.close(), PeerClosed),
            (steps.reset(), PeerReset),
            (steps.silence(), ResponseTimeout),
            (steps.raw(b"\x0a\x00\x00\x00\x00\x04abcd"), PduError),
            (steps.matches(1, wrong_ids=True), DimseError),
            (
                steps.drip(bytes.fromhex("040000000050") + bytes(70), 0.05),
                ResponseTimeout,
            ),
        ],
        ids=["abort", "fin", "rst", "silence", "unknown-pdu", "wrong-id", "drip"],
    )
    def test_keep_what_came(
        self,
        scripted_peer: StartPeer,
        ending: Step,
        expected: type[BatchfindError],
    ) -> None:
        peer = scripted_peer(steps.matches(20), steps.delay(0.1), ending)
        (sets, final, error), _ = with_client(peer.port, ask, IMPATIENT_SCU)
        assert type(error) is expected
        assert final is None
        assert count(sets) == 20


class TestAssociation:
    def test_nobody_listens(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            error = connect_error(taken.getsockname()[1])
        assert isinstance(error, Refused)
        assert error.retry is Retry.BACKOFF

    def test_the_name_does_not_exist(self) -> None:
        # Without any resolver the same question is a temporary failure.
        error = connect_error(104, "no-such-host.invalid")
        assert isinstance(error, DnsNotFound | DnsTemporary)
        assert "no-such-host.invalid" in str(error)

    def test_a_peer_that_never_answers(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.silence()])
        assert isinstance(
            connect_error(peer.port, timeouts=IMPATIENT_SCU), AssociateTimeout
        )

    def test_permanent_rejection(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.reject(1, 1, 7)])
        error = connect_error(peer.port)
        assert type(error) is RejectedPermanent
        assert "called AE title not recognized" in str(error)
        assert error.retry is Retry.NEVER

    def test_transient_rejection(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.reject(2, 3, 2)])
        error = connect_error(peer.port)
        assert isinstance(error, RejectedTransient)
        assert "local limit exceeded" in str(error)

    def test_no_accepted_context(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.accept(result=3)])
        error = connect_error(peer.port)
        assert isinstance(error, NoContext)
        assert "abstract syntax not supported" in str(error)

    def test_a_web_server(self, scripted_peer: StartPeer) -> None:
        reply = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        peer = scripted_peer(on_connect=[steps.raw(reply), steps.silence()])
        assert isinstance(connect_error(peer.port), NotDicom)

    def test_a_reset_instead_of_an_answer(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.reset()])
        assert isinstance(connect_error(peer.port), PeerReset | PeerClosed)

    def test_c_echo(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer()

        async def run() -> int:
            client = await connected(peer.port, STUDY_ROOT, VERIFICATION)
            try:
                return await client.echo(VERIFICATION)
            finally:
                await client.release()

        assert asyncio.run(run(), debug=True) == 0

    def test_a_full_backlog_is_a_connect_timeout(self) -> None:
        impatient = Timeouts(connect=0.3)
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            fillers = []
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            try:
                with pytest.raises((ConnectTimeout, AssociateTimeout)):
                    asyncio.run(connected(port, timeouts=impatient))
            finally:
                for filler in fillers:
                    filler.close()


class TestRelease:
    """A problem after the final response is a warning, never a failure."""

    @pytest.mark.parametrize(
        ("on_release", "complaint"),
        [
            ([steps.close()], "closed"),
            ([steps.abort()], "aborted"),
            ([steps.silence()], "did not answer"),
            ([steps.raw(b"\x0a\x00\x00\x00\x00\x00")], "not release properly"),
        ],
        ids=["fin", "abort", "silence", "garbage"],
    )
    def test_answered_badly(
        self, scripted_peer: StartPeer, on_release: list[Step], complaint: str
    ) -> None:
        peer = scripted_peer(steps.final(), on_release=on_release)
        (_, final, error), complained = with_client(peer.port, ask, IMPATIENT_SCU)
        assert error is None
        assert final is not None
        assert complained is not None
        assert complaint in complained

    def test_an_idle_association_the_peer_ended_is_not_reusable(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(steps.final(), steps.close())

        async def wait_for_close(client: Client) -> Outcome:
            outcome = await ask(client)
            async with asyncio.timeout(60):
                while client.reusable:  # noqa: ASYNC110 - the peer's doing
                    await asyncio.sleep(0.01)
            return outcome

        (_, final, _), _ = with_client(peer.port, wait_for_close)
        assert final is not None
