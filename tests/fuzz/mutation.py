"""Damage done to valid material, the same for the same seed on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

_BYTES: Final = (0, 1, 2, 4, 7, 8, 0x20, 0x5C, 0x7F, 0x80, 0xE0, 0xFE, 0xFF)
"""Lengths that matter, delimiters, and what begins an item."""
_NUMBERS: Final = (0, 1, 7, 8, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 1 << 24, 0xFFFFFFFF)
_LONGEST: Final = 1 << 16
"""Bytes of a case: what is longer takes time and finds nothing more."""


class Mutator:
    """Makes cases of seeds; one random number generator decides everything."""

    def __init__(self, random: Random, tokens: Sequence[bytes] = ()) -> None:
        """With words of the format, which are put in where blind damage never would."""
        self._random = random
        self._tokens = tokens
        self._ways: list[Callable[[bytearray], None]] = [
            self._overwrite, self._overwrite, self._flip, self._cut_out, self._repeat,
            self._move, self._number, self._shorten,
        ]  # fmt: skip
        if tokens:
            self._ways += [self._put_token] * 3

    def case(self, seeds: Sequence[bytes]) -> bytes:
        """A seed damaged in one to six places, sometimes joined with another."""
        data = bytearray(self._random.choice(seeds))
        if self._random.random() < 0.1:
            other = self._random.choice(seeds)
            data[self._place(data) :] = other[self._place(other) :]
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 6))):
            if data:
                self._random.choice(self._ways)(data)
        return bytes(data[:_LONGEST])

    def _place(self, data: bytes | bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def _span(self, data: bytearray) -> slice:
        """A piece of it: mostly short, at times as long as it gets."""
        begin = self._random.randrange(len(data))
        most = self._random.choice((1, 2, 4, 8, 32, len(data)))
        return slice(begin, begin + self._random.randint(1, most))

    def _overwrite(self, data: bytearray) -> None:
        data[self._random.randrange(len(data))] = self._random.choice(_BYTES)

    def _flip(self, data: bytearray) -> None:
        data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _cut_out(self, data: bytearray) -> None:
        del data[self._span(data)]

    def _shorten(self, data: bytearray) -> None:
        del data[self._place(data) :]

    def _repeat(self, data: bytearray) -> None:
        piece = data[self._span(data)]
        at = self._place(data)
        data[at:at] = piece * self._random.choice((1, 1, 2, 3, 20))

    def _move(self, data: bytearray) -> None:
        span = self._span(data)
        piece = data[span]
        del data[span]
        at = self._place(data)
        data[at:at] = piece

    def _number(self, data: bytearray) -> None:
        """A length or a count of two or four bytes, in either byte order."""
        size = self._random.choice((2, 4))
        number = self._random.choice(_NUMBERS) + self._random.choice((-1, 0, 0, 1))
        order = self._random.choice(("big", "little"))
        octets = (number % (1 << 8 * size)).to_bytes(
            size, "big" if order == "big" else "little"
        )
        at = self._place(data)
        data[at : at + size] = octets

    def _put_token(self, data: bytearray) -> None:
        at = self._place(data)
        replaced = self._random.choice((0, 0, 1, 4))
        data[at : at + replaced] = self._random.choice(self._tokens)
