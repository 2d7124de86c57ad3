"""The fast path and the assembler see the same answers in the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dimse.gathering import Gathering
from batchfind.dimse.messages import Matches
from batchfind.dimse.templates import Template
from batchfind.errors import DimseError
from batchfind.ul.framing import Burst, frame
from tests.dimse.peer import (
    PENDING,
    PENDING_WARNING,
    Peer,
    burst,
    bursts,
    final,
    match,
    message,
    pdata,
    pdv,
    response,
)

ROW = st.binary(max_size=6)
#: Anything a peer may put between two ordinary matches, faults included.
PART = st.one_of(
    st.tuples(st.integers(1, 5), ROW).map(lambda part: match(1, part[1]) * part[0]),
    ROW.map(lambda row: match(2, row)),
    ROW.map(lambda row: match(1, row, PENDING_WARNING)),
    ROW.map(lambda row: message(response(3), row, context=3)),
    ROW.map(lambda row: pdata(pdv(1, 3, response(1)), pdv(1, 2, row))),
    ROW.map(
        lambda row: pdata(
            pdv(1, 1, response(1)), pdv(1, 3, b""), pdv(1, 0, row), pdv(1, 2, row)
        )
    ),
    ROW.map(lambda row: pdata(pdv(1, 3, response(1)), pdv(3, 2, row))),
    st.sampled_from(
        [
            final(1),
            final(2),
            message(response(1)),
            message(response(1), b"ROW!", context=3),
            pdata(pdv(1, 2, b"STRAY.")),
            pdata(pdv(1, 3, response(1)), pdv(3, 2, b"ROW!")),
            pdata(pdv(3, 3, response(3)), pdv(1, 3, response(1)), pdv(1, 2, b"ROW!")),
        ]
    ),
)


#: As many matches as a refrain is looked for in, and a stretch of them cut off at will.
LONG = st.tuples(
    st.integers(40, 60), st.lists(ROW, min_size=1, max_size=4), st.integers(0, 120)
).map(lambda part: _many(*part))


def _many(count: int, rows: list[bytes], cut: int) -> bytes:
    stream = b"".join(match(1, rows[at % len(rows)]) for at in range(count))
    return stream if cut > 60 else stream + message(response(1), b"R" * cut)


def single(stream: bytes) -> Iterator[Burst]:
    """The PDVs of a stream, one burst each: too little for the fast path."""
    for one in map(Burst.spelled_out, bursts(stream)):
        for index in range(len(one)):
            at = slice(index, index + 1)
            yield Burst(
                one.data,
                one.begin[at],
                one.end[at],
                one.contexts[at],
                one.controls[at],
            )


def heard(bursts: Iterable[Burst]) -> tuple[dict[int, list[object]], list[object]]:
    """Matches of each request, then everything else in order, the error last."""
    peer = Peer()
    peer.find(1)
    peer.find(1)
    peer.find(3)
    found: dict[int, list[object]] = {}
    others: list[object] = []
    try:
        for event in chain.from_iterable(map(peer.operations.receive, bursts)):
            if isinstance(event, Matches):
                starts = [0, *event.ends]
                found.setdefault(event.message_id, []).extend(
                    (event.payload[start:end], status)
                    for start, end, status in zip(
                        starts, event.ends, event.statuses, strict=False
                    )
                )
            else:
                others.append(event)
    except DimseError as error:
        others.append(str(error))
    return found, others


class TestSameAnswers:
    @settings(deadline=None, max_examples=300)
    @given(st.lists(PART, min_size=1, max_size=12))
    def test_with_and_without_the_fast_path(self, parts: list[bytes]) -> None:
        stream = b"".join(parts)
        slow = heard(single(stream))
        assert heard([burst(stream)]) == slow
        assert heard(map(burst, parts)) == slow

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.one_of(PART, LONG), min_size=1, max_size=6), st.data())
    def test_with_and_without_refrains(
        self, parts: list[bytes], data: st.DataObject
    ) -> None:
        stream = b"".join(parts)
        slow = heard(single(stream))
        assert heard(bursts(stream)) == slow
        cut = data.draw(st.integers(0, len(stream)))
        assert heard(cut_at(cut, stream)) == slow


def cut_at(cut: int, stream: bytes) -> Iterator[Burst]:
    """The bursts of a stream that arrives in two pieces."""
    buffer = bytearray()
    for piece in (stream[:cut], stream[cut:]):
        buffer += piece
        while (framed := frame(buffer, 1 << 25)) is not None:
            del buffer[: len(framed.data)]
            yield framed


class TestFastPath:
    TEMPLATE = Template(response(1), 1, 1, PENDING)

    def taken(self, *stream: bytes, first: int = 0) -> int:
        return Gathering().add_alike(
            burst(b"".join(stream)).spelled_out(), first, self.TEMPLATE
        )

    def test_takes_all_that_is_alike(self) -> None:
        assert self.taken(match(1, b"ROW!") * 700) == 1024
        assert self.taken(match(1, b"ROW!") * 700, first=1024) == 376

    def test_stops_at_another_command(self) -> None:
        assert self.taken(match(1, b"ROW!") * 3, match(2, b"ROW!")) == 6
        assert self.taken(match(1, b"ROW!", PENDING_WARNING)) == 0

    def test_stops_at_another_context(self) -> None:
        other = message(response(1), b"ROW!", context=3)
        assert self.taken(match(1, b"ROW!"), other) == 2
        split = pdata(pdv(1, 3, response(1)), pdv(3, 2, b"ROW!"))
        assert self.taken(match(1, b"ROW!"), split) == 2

    def test_leaves_fragments_alone(self) -> None:
        assert self.taken(pdata(pdv(1, 1, response(1)))) == 0
        cut = pdata(pdv(1, 3, response(1)), pdv(1, 0, b"RO"), pdv(1, 2, b"W!"))
        assert self.taken(match(1, b"ROW!"), cut) == 2
        assert self.taken(match(1, b"ROW!"), message(response(1))) == 2
