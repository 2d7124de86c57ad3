"""One PDU again and again, with another between: PS3.8 Section 9.3.5 in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchfind.errors import PduError
from batchfind.ul.framing import Burst, frame
from batchfind.ul.refrain import find_refrain
from tests.ul.acceptor import pdata, pdv

_LONGEST = 1 << 20
COMMAND = pdata(pdv(1, 3, b"COMMAND."))


def data(size: int, control: int = 2, context: int = 1) -> bytes:
    return pdata(pdv(context, control, b"D" * size))


def framed(stream: bytes) -> Iterator[Burst]:
    buffer = bytearray(stream)
    while (burst := frame(buffer, _LONGEST)) is not None:
        del buffer[: len(burst.data)]
        yield burst


def plain(stream: bytes) -> list[tuple[bytes, int, int]]:
    """Every PDV: fragment, context and control."""
    return [
        (burst.data[begin:end], context, control)
        for burst in map(Burst.spelled_out, framed(stream))
        for begin, end, context, control in zip(
            burst.begin, burst.end, burst.contexts, burst.controls, strict=True
        )
    ]


def found(stream: bytes, first: int = 0) -> list[int] | None:
    refrain = find_refrain(bytearray(stream), first, _LONGEST)
    return None if refrain is None else refrain.ends


class TestRefrain:
    PAIR = COMMAND + data(10)

    def test_is_found_in_pairs(self) -> None:
        size = len(self.PAIR)
        assert found(self.PAIR * 3) == [size, 2 * size, 3 * size]

    def test_begins_anywhere(self) -> None:
        refrain = find_refrain(bytearray(data(4) + self.PAIR * 2), 16, _LONGEST)
        assert refrain is not None
        assert (refrain.first, refrain.lead, refrain.gap) == (16, 20, 32)
        assert refrain.ends == [58, 100]

    def test_tells_contexts_and_controls_of_both(self) -> None:
        stream = (COMMAND + data(10, 0xF2, 3)) * 3
        refrain = find_refrain(bytearray(stream), 0, _LONGEST)
        assert refrain is not None
        assert refrain.contexts == bytes([1, 3])
        assert refrain.controls == bytes([3, 2])
        assert refrain.repeated(stream) == b"COMMAND."

    @pytest.mark.parametrize("missing", [1, 9, 10, 15, 21, 22])
    def test_ends_before_a_pair_that_is_not_complete(self, missing: int) -> None:
        stream = self.PAIR * 4
        size = len(self.PAIR)
        assert found(stream[:-missing]) == [size, 2 * size, 3 * size]

    @pytest.mark.parametrize(
        "other",
        [
            pdata(pdv(1, 3, b"COMMAND!")) + data(10),
            COMMAND + data(10, control=0),
            COMMAND + data(10, context=3),
            COMMAND + pdata(pdv(1, 2, b"D"), pdv(1, 2, b"D")),
            COMMAND + b"\x04\x00" + pack(">LL", 5, 1) + b"\x01",
            COMMAND + b"\x04\x00" + pack(">LL", _LONGEST + 1, _LONGEST - 3),
            COMMAND + b"\x04\x01" + data(10)[2:],
            COMMAND + b"\x05\x00" + data(10)[2:],
        ],
    )
    def test_ends_before_whatever_is_different(self, other: bytes) -> None:
        size = len(self.PAIR)
        ends = found(self.PAIR * 2 + other + self.PAIR)
        assert ends == [size, 2 * size]

    @pytest.mark.parametrize(
        "stream",
        [
            b"",
            COMMAND,
            PAIR,
            PAIR + COMMAND[:-1],
            PAIR + pdata(pdv(1, 3, b"ANOTHER.")) + data(10),
            pdata(pdv(1, 3, b"C" * 5_000), pdv(1, 2, b"D")) * 4,
            (pdata(pdv(1, 3, b"C" * 5_000)) + data(1)) * 4,
            (COMMAND + pdata(pdv(1, 2, b"D"), pdv(1, 2, b"D"))) * 4,
        ],
    )
    def test_there_is_none(self, stream: bytes) -> None:
        assert found(stream) is None

    def test_there_is_none_without_a_whole_pair(self) -> None:
        assert found(self.PAIR[:-1] + b"!" + COMMAND[:-1] + b"?") is None


class TestBursts:
    def test_a_refrain_begins_with_a_command(self) -> None:
        stream = (data(10) + COMMAND) * 200
        first, last = framed(stream)
        assert len(first) == 1
        assert first.refrain is not None
        assert len(first.refrain.ends) == 199
        assert last.data == COMMAND

    def test_short_streams_have_none(self) -> None:
        (burst,) = framed((COMMAND + data(10)) * 20)
        assert burst.refrain is None
        assert burst.spelled_out() is burst

    def test_is_looked_for_again_after_a_while(self) -> None:
        others = b"".join(pdata(pdv(1, 3, b"%8d" % at)) + data(4) for at in range(256))
        first, second = framed(others + (COMMAND + data(10)) * 200)
        assert (len(first), first.refrain) == (512, None)
        assert second.refrain is not None
        assert len(second.refrain.ends) == 200

    def test_a_fault_behind_a_refrain_is_told_when_it_is_the_first(self) -> None:
        bursts = framed((COMMAND + data(10)) * 200 + pdata() + COMMAND)
        assert next(bursts).refrain is not None
        with pytest.raises(PduError):
            next(bursts)


PDU = st.one_of(
    st.just(COMMAND),
    st.builds(data, st.integers(0, 300)),
    st.builds(data, st.integers(0, 3), st.integers(0, 255), st.sampled_from([1, 3])),
    st.just(pdata(pdv(1, 3, b"CC"), pdv(1, 2, b"DD"))),
    st.just(pdata(pdv(1, 3, b"OTHER"))),
)


class TestAgreement:
    @settings(deadline=None)
    @example([(150, [COMMAND, data(2)]), (1, [data(7)]), (80, [data(9), data(9)])])
    @given(
        st.lists(
            st.tuples(st.integers(1, 120), st.lists(PDU, min_size=1, max_size=4)),
            min_size=1,
            max_size=4,
        )
    )
    def test_with_pdvs_read_one_by_one(
        self, parts: list[tuple[int, list[bytes]]]
    ) -> None:
        pdus = [pdu for count, pattern in parts for pdu in pattern * count]
        alone = [pdv for pdu in pdus for pdv in plain(pdu)]
        assert plain(b"".join(pdus)) == alone
