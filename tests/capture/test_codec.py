from __future__ import annotations

import random
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.capture.codec import MAX_RAW_BYTES, PLAIN, ZSTD, Packed, pack, unpack
from batchfind.dimse.messages import Matches
from batchfind.errors import LocalProtocolError, StorageError
from tests.capture.material import matches


class TestRoundTrip:
    @settings(deadline=None)
    @given(
        identifiers=st.lists(st.binary(max_size=300), max_size=40),
        statuses=st.lists(st.sampled_from([0xFF00, 0xFF01]), min_size=40),
        first=st.integers(0, 1 << 31),
    )
    def test_any_set_of_matches_comes_back_as_it_was(
        self, identifiers: list[bytes], statuses: list[int], first: int
    ) -> None:
        ends = list(accumulate(map(len, identifiers)))
        given_set = Matches(1, b"".join(identifiers), ends, statuses[: len(ends)])
        stored = unpack(pack(given_set), first)
        assert stored.first == first
        assert stored.payload == given_set.payload
        assert list(stored.ends) == ends
        assert list(stored.statuses) == given_set.statuses

    def test_responses_that_resemble_each_other_are_compressed(self) -> None:
        packed = pack(matches(*[b"PatientID 1234 " * 10] * 100))
        assert packed.codec == ZSTD
        assert len(packed.payload) * 20 < packed.raw_bytes

    def test_a_small_set_is_stored_as_it_is(self) -> None:
        assert pack(matches(b"abc")).codec == PLAIN

    def test_what_compression_would_lengthen_is_stored_as_it_is(self) -> None:
        noise = random.Random(1).randbytes(4000)  # noqa: S311
        assert pack(matches(noise)).codec == PLAIN

    def test_empty_identifiers_keep_their_place(self) -> None:
        stored = unpack(pack(matches(b"", b"a", b"", b"")), 0)
        assert list(stored.ends) == [0, 1, 1, 1]


class TestDamage:
    packed = pack(matches(*[b"PatientID 1234 " * 10] * 10))

    @pytest.mark.parametrize(
        "change",
        [
            {"codec": "lzma"},
            {"codec": PLAIN},
            {"count": 11},
            {"count": 9},
            {"count": 0},
            {"count": 1 << 30},
            {"raw_bytes": packed.raw_bytes + 1},
            {"raw_bytes": packed.raw_bytes - 1},
            {"raw_bytes": MAX_RAW_BYTES + 1},
            {"raw_bytes": 0},
            {"payload": b""},
            {"payload": packed.payload[:-1]},
            {"payload": packed.payload[:-1] + b"\0\0"},
        ],
    )
    def test_a_contradiction_is_an_error_never_other_bytes(
        self, change: dict[str, str | int | bytes]
    ) -> None:
        with pytest.raises(StorageError):
            unpack(replace(self.packed, **change), 0)  # type: ignore[arg-type]

    @settings(deadline=None)
    @given(payload=st.binary(max_size=600), raw_bytes=st.integers(0, 1 << 20))
    def test_random_bytes_give_an_error_or_a_consistent_set(
        self, payload: bytes, raw_bytes: int
    ) -> None:
        for codec in (PLAIN, ZSTD):
            try:
                stored = unpack(Packed(codec, 3, raw_bytes, payload), 0)
            except StorageError:
                continue
            assert stored.ends[-1] == len(stored.payload)

    def test_an_announced_gigabyte_is_never_made(self) -> None:
        with pytest.raises(StorageError, match="contradict"):
            unpack(replace(self.packed, raw_bytes=1 << 30), 0)


class TestOurOwnMistakes:
    @pytest.mark.parametrize(
        "wrong",
        [
            Matches(1, b"abc", [4], [0xFF00]),
            Matches(1, b"abc", [2], [0xFF00]),
            Matches(1, b"abc", [3], []),
            Matches(1, b"abc", [2, 1, 3], [0xFF00] * 3),
            Matches(1, b"abc", [], []),
        ],
    )
    def test_a_set_that_contradicts_itself_is_refused(self, wrong: Matches) -> None:
        with pytest.raises(LocalProtocolError):
            pack(wrong)

    def test_a_set_beyond_the_bound_is_refused(self) -> None:
        with pytest.raises(LocalProtocolError, match="64 MiB"):
            pack(matches(bytes(MAX_RAW_BYTES)))
