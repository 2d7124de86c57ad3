"""PS3.8 Section 9.2: one association from request to close, fed in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.errors import LocalProtocolError
from batchfind.ul.association import Association
from batchfind.ul.contexts import NegotiatedContext, RefusedContext
from batchfind.ul.events import (
    Abort,
    Aborted,
    Accepted,
    Closed,
    Data,
    Event,
    Rejected,
    Released,
    ReleaseRequested,
    ReleaseResponse,
    Tolerated,
)
from batchfind.ul.framing import Burst
from batchfind.ul.states import State
from tests.ul.acceptor import (
    ABORT_BY_USER,
    EXPLICIT,
    GOLDEN_AC,
    MATCH,
    REJECT_CALLED_AE,
    RELEASE_RP,
    RELEASE_RQ,
    STUDY_ROOT,
    VERIFICATION,
    after,
    drain,
    established,
    pdata,
    pdv,
    releasing,
    requested,
)

ACCEPTED = Accepted(
    contexts=(NegotiatedContext(1, STUDY_ROOT, EXPLICIT),),
    refused=(RefusedContext(3, VERIFICATION, 3),),
    max_pdu=32_768,
    implementation_uid="1.2.3.45",
    implementation_version="GOLDEN_SCP___001",
    warnings=(),
)
SEVERAL = pdata(pdv(1, 1, b"CC"), pdv(1, 3, b"C"), pdv(1, 0, b""), pdv(1, 2, b"DDDD"))

Story = tuple[Callable[[], Association], bytes]
#: Everything a well-behaved peer may say, and how its story ends.
STORIES: dict[str, Story] = {
    "accepted": (requested, GOLDEN_AC),
    "rejected": (requested, REJECT_CALLED_AE),
    "aborted before the answer": (requested, ABORT_BY_USER),
    "matches": (established, MATCH * 3),
    "several PDVs a PDU": (established, SEVERAL + MATCH + SEVERAL),
    "matches, then abort": (established, MATCH * 2 + ABORT_BY_USER),
    "matches, then release": (established, MATCH + RELEASE_RQ),
    "released": (releasing, RELEASE_RP),
    "matches while releasing": (releasing, MATCH * 2 + SEVERAL + RELEASE_RP),
    "release collision": (releasing, RELEASE_RQ),
    "association and matches at once": (requested, GOLDEN_AC + MATCH * 2),
}


def plain(events: Iterable[Event]) -> list[object]:
    """Events with bursts taken apart: how TCP cut the stream is not to be seen."""
    flat: list[object] = []
    for event in events:
        if isinstance(event, Burst):
            vectors = zip(
                event.begin, event.end, event.contexts, event.controls, strict=True
            )
            flat += [(event.data[b:e], ctx, ctl) for b, e, ctx, ctl in vectors]
        else:
            flat.append(event)
    return flat


def told(story: Story, cuts: Iterable[int]) -> tuple[list[object], State]:
    begin, stream = story
    association = begin()
    events: list[Event] = []
    position = 0
    for cut in sorted({*cuts, len(stream)}):
        if cut > position:
            events += after(association, stream[position:cut])
            position = cut
    return plain(events), association.state


class TestAnyCutOfTheStream:
    @pytest.mark.parametrize("name", STORIES)
    def test_byte_by_byte_gives_the_same_events(self, name: str) -> None:
        story = STORIES[name]
        assert told(story, range(len(story[1]))) == told(story, [])

    @settings(deadline=None)
    @given(st.sampled_from(sorted(STORIES)), st.data())
    def test_random_cuts_give_the_same_events(
        self, name: str, data: st.DataObject
    ) -> None:
        story = STORIES[name]
        cuts = data.draw(st.lists(st.integers(0, len(story[1]))))
        assert told(story, cuts) == told(story, [])

    @pytest.mark.parametrize(
        "stream",
        [GOLDEN_AC, REJECT_CALLED_AE, ABORT_BY_USER],
        ids=["AC", "RJ", "ABORT"],
    )
    def test_no_prefix_of_a_pdu_is_an_event(self, stream: bytes) -> None:
        association = requested()
        for byte in stream[:-1]:
            assert after(association, bytes([byte])) == []
        assert len(after(association, stream[-1:])) == 1


class TestAssociationEstablishment:
    def test_accept(self) -> None:
        association = requested()
        assert after(association, GOLDEN_AC) == [ACCEPTED]
        assert association.state is State.DATA_TRANSFER
        assert not association.ended

    def test_reject_in_words_and_numbers(self) -> None:
        association = requested()
        (event,) = after(association, REJECT_CALLED_AE)
        assert event == Rejected(1, 1, 7)
        assert isinstance(event, Rejected)
        assert event.words == "called AE title not recognized (1/1/7)"
        assert not event.transient
        assert association.ended

    def test_transient_rejection_can_be_tried_again(self) -> None:
        assert Rejected(2, 3, 2).transient

    def test_end_of_connection_without_an_answer(self) -> None:
        association = requested()
        assert after(association, GOLDEN_AC[:40]) == []
        (event,) = after(association, b"")
        assert event == Closed(State.AWAITING_ASSOCIATE_ANSWER, 40, len(GOLDEN_AC))
        assert isinstance(event, Closed)
        assert event.words.endswith(f"40 of {len(GOLDEN_AC)} bytes of a PDU")
        assert after(association, b"") == []


class TestDataTransfer:
    def test_burst_holds_every_complete_pdu_at_the_head(self) -> None:
        association = established()
        (burst,) = after(association, MATCH * 2 + MATCH[:12])
        assert isinstance(burst, Burst)
        assert burst.data == MATCH * 2
        assert len(burst) == 4
        assert burst.contexts == bytes([1, 1, 1, 1])
        assert burst.controls == bytes([3, 2, 3, 2])

    def test_message_goes_out_in_one_write(self) -> None:
        assert established().send(Data(1, b"CCCC", b"DD")) == MATCH

    def test_message_is_cut_to_the_length_the_peer_receives(self) -> None:
        sent = established().send(Data(1, b"CC", bytes(40_000)))
        lengths = []
        while sent:
            length = int.from_bytes(sent[2:6], "big")
            lengths.append(length)
            sent = sent[6 + length :]
        assert lengths == [8, 32_768, 40_000 - 32_762 + 6]

    def test_context_must_have_been_negotiated(self) -> None:
        association = established()
        with pytest.raises(LocalProtocolError, match="context 3"):
            association.send(Data(3, b"CC"))
        assert association.state is State.DATA_TRANSFER

    def test_abort_in_the_buffer_comes_before_the_end(self) -> None:
        association = established()
        association.receive(MATCH + ABORT_BY_USER)
        association.receive(b"")
        burst, aborted = drain(association)
        assert isinstance(burst, Burst)
        assert aborted == Aborted(0, 0)

    def test_nothing_follows_the_end(self) -> None:
        association = established()
        association.receive(b"")
        with pytest.raises(LocalProtocolError, match="after the end"):
            association.receive(MATCH)


class TestRelease:
    def test_reply_ends_it(self) -> None:
        association = releasing()
        assert after(association, RELEASE_RP) == [Released()]
        assert association.ended

    def test_peer_may_keep_the_connection_open(self) -> None:
        """release_noclose: after the reply the requestor closes."""
        association = releasing()
        assert after(association, RELEASE_RP + MATCH) == [Released()]
        assert after(association, b"") == []

    def test_data_is_discarded_with_one_warning(self) -> None:
        """release_pdata, rsp_after_final while waiting for the reply."""
        association = releasing()
        first, *rest = after(association, MATCH)
        assert isinstance(first, Tolerated)
        assert rest == []
        assert after(association, MATCH + RELEASE_RP) == [Released()]

    @pytest.mark.parametrize("received", [0, 3, 8])
    def test_close_instead_of_the_reply(self, received: int) -> None:
        """release_fin, fin_after_final."""
        association = releasing()
        association.receive(RELEASE_RP[:received]) if received else None
        (event,) = after(association, b"")
        assert isinstance(event, Closed)
        assert event.state is State.AWAITING_RELEASE_RP
        assert event.received == received
        assert association.ended

    def test_abort_instead_of_the_reply(self) -> None:
        """release_abort."""
        association = releasing()
        assert after(association, ABORT_BY_USER) == [Aborted(0, 0)]

    def test_silence_is_answered_by_abort(self) -> None:
        """release_silent: the caller's deadline, our A-ABORT."""
        association = releasing()
        assert association.send(Abort()) == ABORT_BY_USER
        assert association.state is State.AWAITING_CLOSE

    def test_peer_may_ask_for_it(self) -> None:
        """release_rq_mid."""
        association = established()
        burst, asked = after(association, MATCH + RELEASE_RQ)
        assert isinstance(burst, Burst)
        assert asked == ReleaseRequested(collision=False)

    def test_collision(self) -> None:
        """release_collision: Sta7, Sta9, Sta11, Sta1."""
        association = releasing()
        assert after(association, RELEASE_RQ) == [ReleaseRequested(collision=True)]
        assert association.send(ReleaseResponse()) == RELEASE_RP
        assert after(association, RELEASE_RP) == [Released()]
        assert association.state is State.IDLE


class TestEventsSpeak:
    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (Rejected(9, 9, 99), "unknown reason (9/9/99)"),
            (Aborted(0, 0), "the peer's application aborted (0/0)"),
            (Aborted(2, 6), "invalid PDU parameter value (2/6)"),
            (Aborted(2, 77), "unknown reason (2/77)"),
            (Aborted(9, 250), "unknown source (9/250)"),
            (Aborted(None, None), "A-ABORT of a wrong length"),
            (Closed(State.DATA_TRANSFER), "the connection was closed"),
            (
                Closed(State.DATA_TRANSFER, 3),
                "the connection was closed after 3 bytes of a PDU",
            ),
        ],
        ids=str,
    )
    def test_words(self, event: Rejected | Aborted | Closed, words: str) -> None:
        assert event.words == words

    def test_refusals_have_reasons(self) -> None:
        reasons = [
            RefusedContext(1, STUDY_ROOT, result).reason
            for result in (None, 1, 2, 3, 4, 77)
        ]
        assert reasons == [
            "the peer did not answer it",
            "user rejection",
            "no reason (provider rejection)",
            "abstract syntax not supported",
            "transfer syntaxes not supported",
            "unknown result 77",
        ]

    def test_events_are_values(self) -> None:
        assert astuple(Aborted(2, 1)) == (2, 1)
        assert Rejected(1, 1, 1) == Rejected(1, 1, 1)
