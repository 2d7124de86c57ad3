"""Answers to several requests in one stream, however it is mixed and cut."""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dimse.assembler import LONGEST_DATA_SET
from batchfind.dimse.command_set import Priority
from batchfind.dimse.messages import Final, Irregularity, Matches
from batchfind.dimse.operations import Operations
from batchfind.dimse.templates import Template, Templates
from batchfind.errors import DimseError, LimitReached, PeerError
from batchfind.ul.association import Association
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.events import Accepted, Associate
from batchfind.ul.framing import Burst
from batchfind.ul.proposal import Proposal
from tests.dimse.peer import (
    IMPLICIT,
    PENDING_WARNING,
    STUDY_ROOT,
    Peer,
    final,
    match,
    pdata,
    pdv,
    response,
)

#: Message IDs 1 and 2 are sent on context 1, 3 on context 3.
CONTEXTS = {1: 1, 2: 1, 3: 3}


def whole(message_id: int, row: bytes) -> bytes:
    context = CONTEXTS[message_id]
    return pdata(pdv(context, 3, response(message_id))) + pdata(pdv(context, 2, row))


def last(message_id: int) -> bytes:
    command = response(message_id, 0, data_set=0x0101)
    return pdata(pdv(CONTEXTS[message_id], 3, command))


#: By PDU, by PDV, and with the fragments of two contexts inside one another.
STREAMS = {
    "by turns": b"".join(whole(n, b"R%d" % n) for _ in range(5) for n in (1, 2, 3)),
    "in one PDU": pdata(
        *(
            part
            for n in (1, 2, 3, 2, 1)
            for part in (
                pdv(CONTEXTS[n], 3, response(n)),
                pdv(CONTEXTS[n], 2, b"R%d" % n),
            )
        )
    ),
    "inside one another": pdata(
        pdv(1, 1, response(2)[:20]),
        pdv(3, 3, response(3)),
        pdv(1, 3, response(2)[20:]),
        pdv(3, 0, b"R3"),
        pdv(1, 0, b"R"),
        pdv(3, 2, b"R3"),
        pdv(1, 2, b"2"),
    ),
    "in blocks": b"".join(whole(n, b"R%d" % n) * 40 for n in (2, 1, 3, 1)),
}
ENDED = b"".join(map(last, (2, 3, 1)))


def accepted() -> tuple[Association, Operations]:
    """An association on which message IDs 1, 2 and 3 are in flight."""
    contexts = [ProposedContext(n, STUDY_ROOT, (IMPLICIT,)) for n in (1, 3)]
    association = Association(
        calling_ae="SCU",
        called_ae="SCP",
        proposal=Proposal(contexts=contexts, operations=3),
    )
    association.send(Associate())
    association.receive(_accept())
    event = association.next_event()
    assert isinstance(event, Accepted)
    assert event.operations == 3
    operations = Operations(event.contexts, association.send)
    for context in CONTEXTS.values():
        operations.find(context, STUDY_ROOT, Priority.MEDIUM, b"KEYS")
    assert operations.in_flight == 3
    return association, operations


def _accept() -> bytes:
    def item(kind: int, value: bytes) -> bytes:
        return pack(">BxH", kind, len(value)) + value

    contexts = b"".join(
        item(0x21, bytes((n, 0, 0, 0)) + item(0x40, IMPLICIT.encode())) for n in (1, 3)
    )
    window = item(0x53, pack(">HH", 3, 1))
    user = item(0x50, item(0x51, pack(">L", 16_384)) + window)
    application = item(0x10, b"1.2.840.10008.3.1.1.1")
    fixed = pack(">Hxx16s16s32x", 1, b"SCP".ljust(16), b"SCU".ljust(16))
    body = fixed + application + contexts + user
    return pack(">BxL", 2, len(body)) + body


def told(stream: bytes, cuts: Iterable[int]) -> dict[int, list[object]]:
    """What each request got, in order; what was tolerated is left out."""
    association, operations = accepted()
    news: dict[int, list[object]] = {}
    position = 0
    for cut in sorted({*cuts, len(stream)} - {0}):
        association.receive(stream[position:cut])
        position = cut
        while (event := association.next_event()) is not None:
            assert isinstance(event, Burst)
            for each in operations.receive(event):
                if isinstance(each, Irregularity):
                    assert each.text == "fragments of odd length"
                    continue
                mine = news.setdefault(each.message_id, [])
                mine.extend(_rows(each) if isinstance(each, Matches) else [each])
    assert operations.drained
    return news


def _rows(matches: Matches) -> list[object]:
    starts = [0, *matches.ends]
    pairs = zip(starts, matches.ends, strict=False)
    return [matches.payload[start:end] for start, end in pairs]


class TestAnyCutOfTheStream:
    @pytest.mark.parametrize("name", STREAMS)
    def test_every_answer_reaches_its_request(self, name: str) -> None:
        stream = STREAMS[name] + ENDED
        news = told(stream, [])
        for message_id, rows in news.items():
            assert rows[-1] == Final(message_id, 0)
            text = b"".join(row for row in rows[:-1] if isinstance(row, bytes))
            assert set(text) <= {ord("R"), ord(str(message_id))}
        assert told(stream, range(len(stream))) == news

    @settings(deadline=None, max_examples=50)
    @given(
        st.lists(st.sampled_from(sorted(STREAMS)), min_size=1, max_size=4), st.data()
    )
    def test_random_cuts_give_the_same_answers(
        self, names: list[str], data: st.DataObject
    ) -> None:
        stream = b"".join(STREAMS[name] for name in names) + ENDED
        cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=40))
        assert told(stream, cuts) == told(stream, [])


class TestWhoBrokeTheRules:
    """A fault names the request whose answer it is, where that is known."""

    def fault(self, *stream: bytes) -> PeerError:
        peer = Peer()
        for context in CONTEXTS.values():
            peer.find(context)
        with pytest.raises((DimseError, LimitReached)) as caught:
            peer.answers(match(1, b"R1"), *stream)
        return caught.value

    def test_answer_on_another_context(self) -> None:
        wrong = pdata(pdv(1, 3, response(3, 0, data_set=0x0101)))
        assert self.fault(wrong).message_id == 3

    def test_answer_of_another_kind(self) -> None:
        wrong = response(2, 0, data_set=0x0101, field=0x8030)
        assert self.fault(pdata(pdv(1, 3, wrong))).message_id == 2

    def test_command_where_a_data_set_was_due(self) -> None:
        wrong = pdata(pdv(1, 3, response(2)), pdv(1, 3, response(2)))
        assert self.fault(wrong).message_id == 2

    def test_data_set_without_end(self) -> None:
        part = pdata(pdv(3, 0, bytes(LONGEST_DATA_SET // 4)))
        wrong = pdata(pdv(3, 3, response(3))) + part * 4 + pdata(pdv(3, 0, b"x"))
        assert self.fault(wrong).message_id == 3

    def test_nobody_else_is_named(self) -> None:
        assert self.fault(final(9)).message_id is None


class TestTemplates:
    """Commands that come again are told by their bytes alone."""

    ONE = Template(response(1), 1, 1, 0xFF00)
    ONE_WARNS = Template(response(1, PENDING_WARNING), 1, 1, PENDING_WARNING)
    TWO = Template(response(2), 1, 2, 0xFF00)

    def known(self) -> Templates:
        templates = Templates()
        for each in (self.ONE, self.ONE_WARNS, self.TWO):
            templates.learn(each)
        return templates

    def test_the_last_one_is_expected_first(self) -> None:
        templates = self.known()
        assert templates.current == self.TWO
        assert templates.recall(self.ONE.command) == self.ONE
        assert templates.current == self.ONE

    def test_an_unknown_one_changes_nothing(self) -> None:
        templates = self.known()
        assert templates.recall(response(3)) is None
        assert templates.current == self.TWO

    def test_those_of_an_ended_request_are_dropped(self) -> None:
        templates = self.known()
        templates.forget(1)
        assert len(templates) == 1
        assert templates.recall(self.ONE.command) is None
        templates.forget(2)
        assert templates.current is None

    def test_they_do_not_grow_without_end(self) -> None:
        templates = Templates()
        for number in range(10_000):
            templates.learn(Template(pack("<H", number), 1, 1, 0xFF00))
        assert len(templates) <= 64
