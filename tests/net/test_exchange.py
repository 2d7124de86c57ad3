"""Several C-FINDs in flight on one association, PS3.7 Section D.3.3.3."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element
from batchfind.dimse.messages import Final
from batchfind.errors import (
    BatchfindError,
    DimseError,
    Interrupted,
    LocalProtocolError,
    PduError,
    PeerAborted,
    PeerClosed,
    PeerError,
    PeerReset,
    ResponseTimeout,
)
from batchfind.net.client import Client
from batchfind.net.find import Find
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, Request, ScriptedPeer, Step

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
#: No good answer is ever so late, however busy the machine.
PATIENT_SCU = Timeouts(
    connect=60.0, acse=60.0, response=60.0, cancel=60.0, release=60.0
)
#: For peers that stay silent; what they do say before comes well within.
IMPATIENT_SCU = Timeouts(connect=60.0, acse=60.0, response=1.5, cancel=1.5, release=1.5)


@dataclass(slots=True)
class Answer:
    """What one C-FIND got.

    Attributes:
        identifiers: of every pending response.
        bystander: it ended through the fault of another.
    """

    identifiers: list[bytes] = field(default_factory=list)
    final: Final | None = None
    error: BatchfindError | None = None
    bystander: bool = False

    @property
    def complete(self) -> bool:
        return self.final is not None and self.final.status == 0


def windowed(
    start: StartPeer,
    *script: Step,
    granted: int = 4,
    together: Sequence[int] = (4,),
) -> ScriptedPeer:
    """A peer that takes several requests before it answers any."""
    accept = steps.accept(user=pdu.window(granted))
    return start(*script, on_connect=[accept], together=together)


async def connected(
    port: int, operations: int = 4, timeouts: Timeouts = PATIENT_SCU
) -> Client:
    with Resolver() as resolver:
        return await Client.connect(
            Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
            Offer((STUDY_ROOT, VERIFICATION), (EXPLICIT_LE,), operations=operations),
            timeouts,
            resolver,
        )


def prepared(client: Client, number: int, flush: int | None = None) -> Find:
    """A C-FIND whose PatientID is its number, so that answers betray it."""
    keys = (
        Element(0x0008_0052, "CS", "STUDY"),
        Element(0x0010_0020, "LO", f"R{number}"),
    )
    return client.find(
        STUDY_ROOT, lambda syntax: encode(keys, syntax, ()), flush_responses=flush
    )


async def ask(
    client: Client, number: int, *, cancel_after: int | None = None, pause: float = 0.0
) -> Answer:
    answer = Answer()
    find = prepared(client, number, cancel_after or (1 if pause else None))
    try:
        async with find:
            async for matches in find.matches():
                begin = 0
                for end in matches.ends:
                    answer.identifiers.append(matches.payload[begin:end])
                    begin = end
                await asyncio.sleep(pause)
                if cancel_after is not None:
                    find.cancel()
    except BatchfindError as error:
        answer.error = error
    answer.final, answer.bystander = find.final, find.bystander
    own = f"R{number}".encode()
    assert all(own in identifier for identifier in answer.identifiers)
    return answer


async def ask_all(client: Client, count: int) -> list[Answer]:
    """Asks so many at once; the requests reach the peer in this order."""
    return await asyncio.gather(*(ask(client, number) for number in range(count)))


def with_client(
    port: int,
    use: Callable[[Client], Awaitable[list[Answer]]],
    timeouts: Timeouts = PATIENT_SCU,
) -> list[Answer]:
    async def run() -> list[Answer]:
        client = await connected(port, timeouts=timeouts)
        try:
            answers = await use(client)
            assert await client.release() is None
        finally:
            await client.abort()
        return answers

    return asyncio.run(run(), debug=True)


def four(client: Client) -> Awaitable[list[Answer]]:
    return ask_all(client, 4)


def three(client: Client) -> Awaitable[list[Answer]]:
    return ask_all(client, 3)


def interleaved(requests: int, rounds: int) -> list[Step]:
    return [
        steps.to(index, steps.matches(1))
        for _ in range(rounds)
        for index in range(requests)
    ]


class TestWindow:
    @pytest.mark.parametrize(
        ("offered", "granted", "operations"), [(4, 4, 4), (4, 2, 2), (4, 0, 4)]
    )
    def test_is_what_both_sides_bear(
        self, scripted_peer: StartPeer, offered: int, granted: int, operations: int
    ) -> None:
        peer = windowed(scripted_peer, granted=granted)

        async def run() -> int:
            client = await connected(peer.port, offered)
            await client.release()
            return client.accepted.operations

        assert asyncio.run(run(), debug=True) == operations
        proposed = pdu.user_items(peer.seen.associations[0])
        assert proposed[0x53] == [bytes([0, offered, 0, 1])]

    def test_is_one_when_the_peer_does_not_answer(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(steps.matches(1), steps.final())

        async def run(client: Client) -> list[Answer]:
            assert client.accepted.operations == 1
            async with prepared(client, 0) as first:
                with pytest.raises(LocalProtocolError, match="1 operations"):
                    async with prepared(client, 1):
                        pass
                assert [len(each) async for each in first.matches()] == [1]
            return [await ask(client, 2)]

        (answer,) = with_client(peer.port, run)
        assert answer.complete

    def test_is_never_exceeded(self, scripted_peer: StartPeer) -> None:
        script = [steps.to(index, steps.final()) for index in range(2)]
        peer = windowed(scripted_peer, *script, granted=2, together=(2,))
        answers = with_client(peer.port, three)
        refused = [each for each in answers if each.error is not None]
        assert [type(each.error) for each in refused] == [LocalProtocolError]
        assert len(peer.seen.requests) == 2


class TestAnswers:
    def test_of_four_are_told_apart(self, scripted_peer: StartPeer) -> None:
        finals = [steps.to(index, steps.final()) for index in (2, 0, 3, 1)]
        peer = windowed(scripted_peer, *interleaved(4, 25), *finals)
        answers = with_client(peer.port, four)
        assert [len(each.identifiers) for each in answers] == [25] * 4
        assert all(each.complete for each in answers)
        assert len(peer.seen.associations) == 1

    def test_one_after_the_other(self, scripted_peer: StartPeer) -> None:
        script = [
            steps.to(index, steps.matches(300), steps.final())
            for index in reversed(range(4))
        ]
        answers = with_client(windowed(scripted_peer, *script).port, four)
        assert [len(each.identifiers) for each in answers] == [300] * 4

    def test_with_different_endings(self, scripted_peer: StartPeer) -> None:
        script = [
            *interleaved(4, 3),
            steps.to(1, steps.final(0xA700, "out of resources")),
            *(steps.to(index, steps.final()) for index in (0, 3, 2)),
        ]
        answers = with_client(windowed(scripted_peer, *script).port, four)
        assert [each.complete for each in answers] == [True, False, True, True]
        assert answers[1].final is not None
        assert answers[1].final.comment == "out of resources"

    @settings(
        deadline=None,
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.lists(st.integers(0, 3), max_size=30),
        st.permutations(range(4)),
        st.lists(st.sampled_from([0.0, 0.001, 0.02]), min_size=4, max_size=4),
    )
    def test_in_any_order_to_owners_of_any_speed(
        self,
        scripted_peer: StartPeer,
        order: list[int],
        ends: list[int],
        pauses: list[float],
    ) -> None:
        answers = [steps.to(index, steps.matches(1)) for index in order]
        finals = [steps.to(index, steps.final()) for index in ends]
        peer = windowed(scripted_peer, *answers, *finals)

        async def at_leisure(client: Client) -> list[Answer]:
            asked = (
                ask(client, number, pause=pause) for number, pause in enumerate(pauses)
            )
            return list(await asyncio.gather(*asked))

        found = with_client(peer.port, at_leisure)
        assert all(each.complete for each in found)
        assert [len(each.identifiers) for each in found] == [
            order.count(number) for number in range(4)
        ]

    def test_leave_the_association_reusable(self, scripted_peer: StartPeer) -> None:
        finals = [steps.to(index, steps.final()) for index in range(4)]
        peer = windowed(scripted_peer, *finals)

        async def twice(client: Client) -> list[Answer]:
            answers = await four(client)
            assert client.reusable
            return answers + await four(client)

        assert all(each.complete for each in with_client(peer.port, twice))
        ids = [request.message_id for request in peer.seen.requests]
        assert len(set(ids)) == 8

    def test_c_echo_in_between(self, scripted_peer: StartPeer) -> None:
        finals = [steps.to(index, steps.final()) for index in range(3)]
        peer = windowed(scripted_peer, *finals, together=(3,))

        async def echo(client: Client) -> list[Answer]:
            async with prepared(client, 0) as find:
                assert await client.echo(VERIFICATION) == 0
                rest = [asyncio.create_task(ask(client, n)) for n in (1, 2)]
                assert [len(each) async for each in find.matches()] == []
            return list(await asyncio.gather(*rest))

        assert all(each.complete for each in with_client(peer.port, echo))


class TestCancel:
    def test_of_one_leaves_the_others_alone(self, scripted_peer: StartPeer) -> None:
        script = [
            *interleaved(3, 2),
            steps.to(1, steps.until_cancelled(), steps.final(0xFE00)),
            *(steps.to(index, steps.matches(5), steps.final()) for index in (0, 2)),
        ]
        peer = windowed(scripted_peer, *script, together=(3,))

        async def cancel_one(client: Client) -> list[Answer]:
            asked = (
                ask(client, n, cancel_after=2 if n == 1 else None) for n in (0, 1, 2)
            )
            answers = list(await asyncio.gather(*asked))
            assert client.reusable
            return answers

        answers = with_client(peer.port, cancel_one)
        assert [len(each.identifiers) for each in answers] == [7, 2, 7]
        assert answers[1].final is not None
        assert answers[1].final.status == 0xFE00
        assert peer.seen.cancels == [peer.seen.requests[1].message_id]


class TestDeadlines:
    def test_of_one_that_is_not_answered_ends_it(
        self, scripted_peer: StartPeer
    ) -> None:
        script = [
            steps.to(0, steps.matches(3)),
            steps.to(1, steps.matches(2), steps.final()),
            steps.silence(),
        ]
        peer = windowed(scripted_peer, *script, together=(3,))
        answers = with_client(peer.port, three, IMPATIENT_SCU)
        assert answers[1].complete
        guilty = [each for each in answers if each.error and not each.bystander]
        assert [type(each.error) for each in guilty] == [ResponseTimeout]
        assert [each.bystander for each in answers].count(True) == 1
        assert len(answers[0].identifiers) == 3

    def test_do_not_count_messages_of_others(self, scripted_peer: StartPeer) -> None:
        """Once it was answered, an answer to another is no sign of life."""
        busy = [steps.delay(0.3), steps.to(1, steps.matches(1))] * 20
        peer = windowed(
            scripted_peer, *interleaved(2, 1), *busy, steps.silence(), together=(2,)
        )

        async def two(client: Client) -> list[Answer]:
            return await ask_all(client, 2)

        answers = with_client(peer.port, two, IMPATIENT_SCU)
        assert isinstance(answers[0].error, ResponseTimeout)
        assert [each.bystander for each in answers] == [False, True]

    def test_allow_an_scp_to_take_one_after_the_other(
        self, scripted_peer: StartPeer
    ) -> None:
        slow = [steps.matches(1), steps.delay(0.7)]
        script = [
            steps.to(0, *slow, *slow, *slow, *slow, steps.final()),
            steps.to(1, steps.matches(1), steps.final()),
        ]
        peer = windowed(scripted_peer, *script, together=(2,))

        async def two(client: Client) -> list[Answer]:
            return await ask_all(client, 2)

        answers = with_client(peer.port, two, IMPATIENT_SCU)
        assert all(each.complete for each in answers)


class TestAssociationThatDies:
    @pytest.mark.parametrize(
        ("ending", "expected"),
        [
            (steps.abort(2, 0), PeerAborted),
            (steps.close(), PeerClosed),
            (steps.reset(), PeerReset),
        ],
        ids=["abort", "fin", "rst"],
    )
    def test_ends_each_with_an_error_of_its_own(
        self, scripted_peer: StartPeer, ending: Step, expected: type[PeerError]
    ) -> None:
        peer = windowed(
            scripted_peer,
            *interleaved(3, 4),
            steps.to(1, steps.matches(1)),
            steps.delay(0.1),
            ending,
            together=(3,),
        )
        answers = with_client(peer.port, three)
        assert [type(each.error) for each in answers] == [expected] * 3
        assert len({id(each.error) for each in answers}) == 3
        assert [len(each.identifiers) for each in answers] == [4, 5, 4]
        # The SCP was busy with the request it answered last.
        assert [each.bystander for each in answers] == [True, False, True]

    def test_unanswered_blames_the_oldest(self, scripted_peer: StartPeer) -> None:
        peer = windowed(scripted_peer, steps.close(), together=(3,))
        answers = with_client(peer.port, three)
        assert [each.bystander for each in answers] == [False, True, True]
        assert "another request" in str(answers[2].error)

    def test_does_not_touch_what_was_answered(self, scripted_peer: StartPeer) -> None:
        script = [*interleaved(3, 2), steps.to(2, steps.final()), steps.abort()]
        peer = windowed(scripted_peer, *script, together=(3,))
        answers = with_client(peer.port, three)
        assert [each.complete for each in answers] == [False, False, True]
        assert [each.bystander for each in answers].count(True) == 1

    def test_blames_the_one_whose_answer_is_wrong(
        self, scripted_peer: StartPeer
    ) -> None:
        def other_context(request: Request) -> Step:
            command = pdu.response_command(
                pdu.FIND_RQ, STUDY_ROOT, request.message_id, 0, data_set=False
            )
            return steps.raw(pdu.pdu(pdu.P_DATA, pdu.pdv(3, 3, command)))

        async def first_wrong(talk: Conversation) -> None:
            await other_context(talk.requests[0])(talk)

        script = [*interleaved(3, 2), steps.to(2, steps.matches(1)), first_wrong]
        peer = windowed(scripted_peer, *script, together=(3,))
        answers = with_client(peer.port, three)
        assert isinstance(answers[0].error, DimseError)
        assert [each.bystander for each in answers] == [False, True, True]

    def test_by_our_own_hand(self, scripted_peer: StartPeer) -> None:
        """Leaving one before its end aborts the association for all."""
        script = [*interleaved(3, 2), steps.silence()]
        peer = windowed(scripted_peer, *script, together=(3,))

        async def leave(client: Client) -> list[Answer]:
            rest = [asyncio.create_task(ask(client, number)) for number in (0, 1)]
            async with prepared(client, 2, flush=1) as find:
                async for _ in find.matches():
                    break
            assert not find.bystander
            assert not client.alive
            return list(await asyncio.gather(*rest))

        answers = with_client(peer.port, leave)
        assert [type(each.error) for each in answers] == [Interrupted] * 2
        assert all(each.bystander for each in answers)

    def test_a_dropped_one_is_to_blame(self, scripted_peer: StartPeer) -> None:
        script = [*interleaved(2, 1), steps.silence()]
        peer = windowed(scripted_peer, *script, together=(2,))

        async def drop(client: Client) -> list[Answer]:
            rest = asyncio.create_task(ask(client, 0))
            async with prepared(client, 1) as find:
                asyncio.get_running_loop().call_later(0.2, find.drop)
                assert [len(each) async for each in find.matches()] == [1]
            return [await rest]

        (answer,) = with_client(peer.port, drop)
        assert answer.bystander

    def test_by_the_owner_of_the_association(self, scripted_peer: StartPeer) -> None:
        peer = windowed(scripted_peer, *interleaved(2, 1), steps.silence())

        async def abort(client: Client) -> list[Answer]:
            rest = [asyncio.create_task(ask(client, number)) for number in (0, 1)]
            await asyncio.sleep(0.1)
            await client.abort()
            return list(await asyncio.gather(*rest))

        answers = with_client(peer.port, abort)
        assert [type(each.error) for each in answers] == [Interrupted] * 2

    def test_a_latecomer_is_not_to_blame(self, scripted_peer: StartPeer) -> None:
        peer = windowed(scripted_peer, steps.abort(), together=(1,))

        async def late(client: Client) -> list[Answer]:
            first = await ask(client, 0)
            return [first, await ask(client, 1)]

        answers = with_client(peer.port, late)
        assert [each.bystander for each in answers] == [False, True]
        assert len(peer.seen.requests) == 1

    def test_cancelling_afterwards_does_nothing(self, scripted_peer: StartPeer) -> None:
        script = [*interleaved(2, 2), steps.abort()]
        peer = windowed(scripted_peer, *script, together=(2,))

        async def cancelled_too_late(client: Client) -> None:
            async with prepared(client, 1) as find:
                try:
                    async for _ in find.matches():
                        pass
                finally:
                    find.cancel()

        async def late_cancel(client: Client) -> list[Answer]:
            rest = asyncio.create_task(ask(client, 0))
            with pytest.raises(PeerAborted):
                await cancelled_too_late(client)
            return [await rest]

        with_client(peer.port, late_cancel)
        assert peer.seen.cancels == []


async def arrived(client: Client) -> None:
    """Waits until something has come that nobody has read."""
    async with asyncio.timeout(60):
        while client._link.quiet:  # noqa: ASYNC110 - the peer's doing
            await asyncio.sleep(0.01)


class TestJoining:
    """What had come before a request was sent is no answer to it."""

    def test_keeps_what_came_for_others(self, scripted_peer: StartPeer) -> None:
        def script(request: Request) -> list[Step]:
            return [steps.matches(2)] + [steps.final()] * (request.number > 0)

        accept = steps.accept(user=pdu.window(4))
        peer = scripted_peer(script=script, on_connect=[accept])

        async def run() -> list[Answer]:
            client = await connected(peer.port)
            async with prepared(client, 0, flush=1) as first:
                await arrived(client)
                answers = [await ask(client, 1)]
                assert len(await anext(first.matches())) == 2
            assert first.alone
            return answers

        (answer,) = asyncio.run(run(), debug=True)
        assert answer.complete
        assert len(answer.identifiers) == 2

    def test_learns_that_the_others_are_lost(self, scripted_peer: StartPeer) -> None:
        peer = windowed(scripted_peer, steps.abort(), together=(1,))

        async def join(client: Client) -> list[Answer]:
            first = prepared(client, 0)
            with contextlib.suppress(PeerAborted):
                async with first:
                    await arrived(client)
                    answer = await ask(client, 1)
                    await anext(first.matches())
            assert not first.bystander
            return [answer]

        (answer,) = with_client(peer.port, join)
        assert isinstance(answer.error, PeerAborted)
        assert answer.bystander
        assert len(peer.seen.requests) == 1

    def test_alone_it_bears_the_loss(self, scripted_peer: StartPeer) -> None:
        peer = windowed(scripted_peer, steps.final(), steps.close(), together=(1,))

        async def join(client: Client) -> list[Answer]:
            first = await ask(client, 0)
            await arrived(client)
            return [first, await ask(client, 1)]

        answers = with_client(peer.port, join)
        assert answers[0].complete
        assert isinstance(answers[1].error, PeerClosed)
        assert not answers[1].bystander

    def test_drops_late_answers_to_nobody(self, scripted_peer: StartPeer) -> None:
        script = steps.in_turn(
            [steps.final(), steps.delay(0.1), steps.matches(1)], [steps.final()]
        )
        accept = steps.accept(user=pdu.window(4))
        peer = scripted_peer(script=script, on_connect=[accept])

        async def twice(client: Client) -> list[Answer]:
            first = await ask(client, 0)
            await arrived(client)
            return [first, await ask(client, 1)]

        assert all(each.complete for each in with_client(peer.port, twice))

    def test_late_answers_to_others_are_a_warning(
        self, scripted_peer: StartPeer
    ) -> None:
        script = [
            steps.to(0, steps.final(), steps.delay(0.2), steps.matches(1)),
            *interleaved(1, 1),
            *(steps.to(index, steps.final()) for index in (1, 2)),
        ]
        peer = windowed(scripted_peer, *script, together=(3,))

        async def late(client: Client) -> list[Answer]:
            first = asyncio.create_task(ask(client, 0))
            await asyncio.sleep(0)
            async with prepared(client, 1) as find:
                rest = asyncio.create_task(ask(client, 2))
                assert [len(each) async for each in find.matches()] == []
                assert find.warnings == ["response after the final one was dropped"]
            return [await first, await rest]

        assert all(each.complete for each in with_client(peer.port, late))


def big(request: Request, _: int) -> bytes:
    """An Identifier of 64 KiB that names its request."""
    return request.identifier + pdu.data_set(
        [pdu.DataElement(0x0040_0400, b"LT", b"x" * 65_000)]
    )


class TestBackpressure:
    def test_one_that_is_not_asked_stops_reading_for_all(
        self, scripted_peer: StartPeer
    ) -> None:
        flood = steps.matches(1_500, build=big)
        script = [
            steps.to(0, flood, steps.final()),
            steps.to(1, steps.matches(3), steps.final()),
        ]
        peer = windowed(scripted_peer, *script, together=(2,))

        async def slow(client: Client) -> list[Answer]:
            async with prepared(client, 0) as find:
                quick = asyncio.create_task(ask(client, 1))
                exchange = client._exchange
                async with asyncio.timeout(60):
                    while not exchange._full:  # noqa: ASYNC110 - the peer's doing
                        await asyncio.sleep(0.01)
                # Longer than a peer may be silent, but it is we who do not read.
                await asyncio.sleep(2.0)
                (full,) = exchange._full
                assert full._weight < 8 << 20
                assert not quick.done()
                count = 0
                async for matches in find.matches():
                    count += len(matches)
                assert count == 1_500
            return [await quick]

        (answer,) = with_client(peer.port, slow, IMPATIENT_SCU)
        assert answer.complete

    def test_leaving_a_full_one_sets_the_others_free(
        self, scripted_peer: StartPeer
    ) -> None:
        script = [steps.to(0, steps.matches(1_500, build=big)), steps.silence()]
        peer = windowed(scripted_peer, *script, together=(2,))

        async def leave(client: Client) -> list[Answer]:
            async with prepared(client, 0):
                other = asyncio.create_task(ask(client, 1))
                async with asyncio.timeout(60):
                    while not client._exchange._full:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            return [await other]

        (answer,) = with_client(peer.port, leave)
        assert answer.bystander

    def test_the_reader_may_be_cancelled(self, scripted_peer: StartPeer) -> None:
        """Whoever waits next reads on."""
        script = [
            steps.to(0, steps.matches(1)),
            steps.delay(0.5),
            *(steps.to(index, steps.matches(1), steps.final()) for index in (1, 2)),
            steps.to(0, steps.final()),
        ]
        peer = windowed(scripted_peer, *script, together=(3,))

        async def cancel(client: Client) -> list[Answer]:
            async with prepared(client, 0, flush=1) as find:
                rest = [asyncio.create_task(ask(client, n)) for n in (1, 2)]
                reading = asyncio.create_task(anext(find.matches()))
                assert len(await reading) == 1
                waiting = asyncio.create_task(anext(find.matches()))
                await asyncio.sleep(0.1)
                waiting.cancel()
                answers = list(await asyncio.gather(*rest))
                assert [len(each) async for each in find.matches()] == []
            return answers

        assert all(each.complete for each in with_client(peer.port, cancel))


class TestFaultWhileOthersCome:
    """What breaks an association is told to all, whoever reads it and when."""

    BROKEN = b"\x77\0\0\0\0\4abcd"

    def test_one_that_begins_while_the_connection_is_being_closed(
        self, scripted_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = [steps.raw(self.BROKEN), steps.silence()]
        peer = windowed(scripted_peer, *script, together=(1,))

        async def late(client: Client) -> list[Answer]:
            link, close = client._link, client._link.close

            async def slowly() -> None:
                await asyncio.sleep(0.3)
                await close()

            monkeypatch.setattr(link, "close", slowly)
            first = asyncio.create_task(ask(client, 0))
            async with asyncio.timeout(60):
                while not link.ended:  # noqa: ASYNC110 - the peer's doing
                    await asyncio.sleep(0.01)
            second = await ask(client, 1)
            return [await first, second]

        guilty, late_one = with_client(peer.port, late)
        assert isinstance(guilty.error, PduError)
        assert not guilty.bystander
        assert isinstance(late_one.error, PduError)
        assert late_one.bystander

    def test_one_that_reads_it_before_it_is_sent(
        self, scripted_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = [steps.raw(self.BROKEN), steps.silence()]
        peer = windowed(scripted_peer, *script, together=(1,))

        async def overtaken(client: Client) -> list[Answer]:
            channel, arrived = client._link._channel, asyncio.Event()
            receive = channel.data_received

            def received(data: bytes) -> None:
                arrived.set()  # wakes the second before the first, who reads
                receive(data)

            async def second() -> Answer:
                await arrived.wait()
                return await ask(client, 1)

            monkeypatch.setattr(channel, "data_received", received)
            async with asyncio.timeout(60):
                return list(await asyncio.gather(ask(client, 0), second()))

        guilty, early = with_client(peer.port, overtaken, IMPATIENT_SCU)
        assert isinstance(guilty.error, PduError)
        assert not guilty.bystander
        assert early.bystander
