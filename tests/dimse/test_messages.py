"""PS3.8 Annex E: messages however they are cut; and those that are none."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dimse.assembler import LONGEST_COMMAND, LONGEST_DATA_SET
from batchfind.dimse.messages import Final, Irregularity, Matches
from batchfind.dimse.operations import Event
from batchfind.errors import DimseError, LimitReached
from tests.dimse.peer import (
    WITHOUT_DATA_SET,
    Peer,
    final,
    match,
    message,
    pdata,
    pdv,
    response,
    set_of,
)

ROWS = [b"ROW ONE!", b"", b"ROW 3!"]
PENDING_1 = response(1)
FINAL_1 = response(1, 0, data_set=WITHOUT_DATA_SET)


def found(events: list[Event]) -> tuple[list[bytes], list[int]]:
    """Identifiers and statuses of every match."""
    identifiers: list[bytes] = []
    statuses: list[int] = []
    for event in events:
        if isinstance(event, Matches):
            assert list(event.ends) == sorted(event.ends)
            starts = [0, *event.ends]
            identifiers += [
                event.payload[start:end]
                for start, end in zip(starts, event.ends, strict=False)
            ]
            statuses += event.statuses
    return identifiers, statuses


def fragments(value: bytes, size: int, kind: int) -> list[tuple[int, bytes]]:
    cut = [value[at : at + size] for at in range(0, len(value), size)] or [b""]
    controls = [kind] * (len(cut) - 1) + [kind | 2]
    return list(zip(controls, cut, strict=True))


def conversation(size: int) -> list[tuple[int, bytes]]:
    """Three matches and a final response in fragments of one size."""
    pdvs: list[tuple[int, bytes]] = []
    for row in ROWS:
        pdvs += fragments(PENDING_1, size, 1) + fragments(row, size, 0)
    return pdvs + fragments(FINAL_1, size, 1)


def outcome(stream: list[bytes]) -> tuple[object, ...]:
    peer = Peer()
    peer.find()
    events = [event for part in stream for event in peer.answers(part)]
    finals = [event for event in events if isinstance(event, Final)]
    assert peer.operations.drained
    return (*found(events), finals)


EXPECTED = (ROWS, [0xFF00] * 3, [Final(1, 0)])


class TestFragments:
    """44, 45."""

    @pytest.mark.parametrize("size", [2, 8, 64, 1 << 20])
    def test_all_fragmented_even(self, size: int) -> None:
        pdus = [pdata(pdv(1, *part)) for part in conversation(size)]
        assert outcome(pdus) == EXPECTED
        assert outcome([b"".join(pdus)]) == EXPECTED

    @pytest.mark.parametrize("size", [2, 64, 1 << 20])
    def test_many_messages_one_pdu(self, size: int) -> None:
        assert outcome([pdata(*(pdv(1, *part) for part in conversation(size)))]) == (
            EXPECTED
        )

    def test_cmd_ds_same_pdu(self) -> None:
        stream = [pdata(pdv(1, 3, PENDING_1), pdv(1, 2, row)) for row in ROWS]
        assert outcome([*stream, final(1)]) == EXPECTED

    def test_empty_last_fragment(self) -> None:
        stream = [
            pdata(pdv(1, 1, PENDING_1), pdv(1, 3, b""), pdv(1, 0, row), pdv(1, 2, b""))
            for row in ROWS
        ]
        assert outcome([*stream, final(1)]) == EXPECTED

    @pytest.mark.parametrize("size", [1, 3])
    def test_odd_fragments_are_tolerated_with_one_warning(self, size: int) -> None:
        """cmd_fragmented, ds_fragmented, all_fragmented_one_pdu."""
        peer = Peer()
        peer.find()
        pdvs = [pdv(1, *part) for part in conversation(size)]
        events = peer.answers(pdata(*pdvs))
        assert found(events) == (ROWS, [0xFF00] * 3)
        irregular = [event for event in events if isinstance(event, Irregularity)]
        assert irregular == [Irregularity(1, "fragments of odd length")]

    def test_pdv_no_data(self) -> None:
        noop = pdata(pdv(1, 1, b""))
        assert outcome(
            [noop * 3, *(match(1, row) for row in ROWS), noop, final(1)]
        ) == (EXPECTED)

    @settings(deadline=None)
    @given(st.data())
    def test_random_cuts(self, data: st.DataObject) -> None:
        size = data.draw(st.sampled_from([1, 2, 5, 30, 1 << 20]))
        parts = conversation(size)
        stream: list[bytes] = []
        while parts:
            count = data.draw(st.integers(1, len(parts)))
            stream.append(pdata(*(pdv(1, *part) for part in parts[:count])))
            parts = parts[count:]
        if data.draw(st.booleans()):
            stream = [b"".join(stream)]
        assert outcome(stream) == EXPECTED

    def test_contexts_are_assembled_on_their_own(self) -> None:
        peer = Peer()
        peer.find(1)
        peer.find(3)
        one, two = response(1), response(2)
        events = peer.answers(
            pdata(pdv(1, 1, one[:20]), pdv(3, 3, two), pdv(1, 3, one[20:])),
            pdata(pdv(3, 0, b"TW"), pdv(1, 2, b"ONE."), pdv(3, 2, b"O.")),
        )
        assert events == [
            set_of(1, b"ONE.", [4], [0xFF00]),
            set_of(2, b"TWO.", [4], [0xFF00]),
        ]


class TestSequence:
    """47, 48."""

    @pytest.mark.parametrize(
        ("stream", "words"),
        [
            (message(PENDING_1, None) + pdata(pdv(3, 2, b"ROW!")), "no command"),
            (message(PENDING_1, b"ROW!", context=0xC7), "context 199, not negotiated"),
            (pdata(pdv(1, 2, b"ROW!")), "no command announced"),
            (pdata(pdv(1, 1, PENDING_1), pdv(1, 2, b"ROW!")), "no command announced"),
            (message(PENDING_1) * 2 + pdata(pdv(1, 2, b"ROW!")), "was due"),
            (message(PENDING_1) + match(1, b"ROW!"), "was due"),
            (final(1) + pdata(pdv(1, 2, b"ROW!")), "no command announced"),
        ],
        ids=[
            "ctx_interleaved", "ctx_unknown", "ds_before_cmd", "ds_inside_cmd",
            "cmd_cmd_ds", "pending_ds_missing", "ds_not_announced",
        ],
    )  # fmt: skip
    def test_is_kept(self, stream: bytes, words: str) -> None:
        peer = Peer()
        peer.find()
        with pytest.raises(DimseError, match=words):
            peer.answers(stream)

    def test_matches_before_the_fault_come_first(self) -> None:
        peer = Peer()
        peer.find()
        events = peer.stream(match(1, b"ROW!") * 3, pdata(pdv(1, 2, b"STRAY.")))
        assert next(events) == set_of(1, b"ROW!" * 3, [4, 8, 12], [0xFF00] * 3)
        with pytest.raises(DimseError):
            next(events)


class TestLimits:
    """49 cmd_never_last, ds_never_last."""

    def test_cmd_never_last(self) -> None:
        peer = Peer()
        peer.find()
        endless = pdata(*[pdv(1, 1, bytes(4096))] * 16)
        assert peer.answers(endless) == []
        with pytest.raises(LimitReached, match=f"{LONGEST_COMMAND} bytes"):
            peer.answers(pdata(pdv(1, 1, b"\0\0")))

    def test_ds_never_last(self) -> None:
        peer = Peer()
        peer.find()
        stretch = pdata(pdv(1, 0, bytes(1 << 20)))
        assert peer.answers(message(PENDING_1)) == []
        for _ in range(16):
            assert peer.answers(stretch) == []
        with pytest.raises(LimitReached, match=f"{LONGEST_DATA_SET} bytes"):
            peer.answers(pdata(pdv(1, 0, b"\0\0")))

    def test_limit_counts_all_contexts_together(self) -> None:
        peer = Peer()
        peer.find(1)
        peer.find(3)
        peer.answers(message(response(1)), message(response(2), context=3))
        half = bytes(LONGEST_DATA_SET // 2)
        assert peer.answers(pdata(pdv(1, 0, half)), pdata(pdv(3, 0, half))) == []
        with pytest.raises(LimitReached):
            peer.answers(pdata(pdv(3, 2, b"\0\0")))

    def test_whole_data_sets_do_not_add_up(self) -> None:
        peer = Peer()
        peer.find()
        half = bytes(LONGEST_DATA_SET // 2)
        for _ in range(3):
            parts = [pdata(pdv(1, 0, half)), pdata(pdv(1, 2, b""))]
            (matches,) = peer.answers(message(PENDING_1), *parts)
            assert isinstance(matches, Matches)
            assert len(matches.payload) == len(half)

    def test_empty_fragments_hold_no_memory(self) -> None:
        """trickle_noop."""
        peer = Peer()
        peer.find()
        peer.answers(message(PENDING_1))
        noop = pdata(*[pdv(1, 0, b"")] * 1000)
        peer.answers(noop)
        tracemalloc.start()
        try:
            for _ in range(50):
                assert peer.answers(noop) == []
            left, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert left < 100_000
