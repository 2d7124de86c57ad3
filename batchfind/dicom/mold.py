"""Identifiers that differ in a few values, put together once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from batchfind.dicom.assemble import assemble
from batchfind.dicom.dictionary import STANDARD, Dictionary, is_private
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.paths import KeyPath


class Mold:
    """An Identifier in which the texts of some keys are left open.

    The elements between them are the same objects in every Identifier it gives.
    """

    def __init__(
        self,
        keys: Sequence[tuple[KeyPath, str | None]],
        base: Identifier = (),
        known: Dictionary = STANDARD,
    ) -> None:
        """As `assemble`.

        Args:
            keys: None stands for the text of an open key, which `can_be_open`.
            base: an Identifier to start from.
            known: VRs of private elements given by number.

        Raises:
            ValueError: as `assemble`.
        """
        given = [
            (path, _Open(number) if value is None else value)
            for number, (path, value) in enumerate(keys)
        ]
        self._root = _Part(assemble(given, base, known))

    def fill(self, texts: Sequence[str]) -> Identifier:
        """The Identifier with the texts of its open keys.

        Args:
            texts: one a key; those that are not open are not read.
        """
        return self._root.fill(texts)


class _Open(str):
    """Stands for the text of a key; it survives being put into an Identifier."""

    __slots__ = ("number",)

    number: int

    def __new__(cls, number: int) -> Self:
        made = super().__new__(cls, "?")
        made.number = number
        return made


class _Part:
    """A data set with what is open in it."""

    __slots__ = ("_elements", "_open", "_sequences")

    def __init__(self, elements: Identifier) -> None:
        self._elements = elements
        self._open: list[tuple[int, int, str, int]] = []
        self._sequences: list[tuple[int, int, tuple[_Part, ...]]] = []
        for index, element in enumerate(elements):
            value = element.value
            if isinstance(value, _Open):
                self._open.append((index, element.tag, element.vr, value.number))
            elif isinstance(value, tuple):
                items = tuple(map(_Part, value))
                if any(item.is_open for item in items):
                    self._sequences.append((index, element.tag, items))

    @property
    def is_open(self) -> bool:
        return bool(self._open or self._sequences)

    def fill(self, texts: Sequence[str]) -> Identifier:
        if not self.is_open:
            return self._elements
        elements = list(self._elements)
        for index, tag, vr, number in self._open:
            elements[index] = Element(tag, vr, texts[number])
        for index, tag, items in self._sequences:
            filled = tuple(item.fill(texts) for item in items)
            elements[index] = Element(tag, "SQ", filled)
        return tuple(elements)


def can_be_open(path: KeyPath) -> bool:
    """Whether the text of a key decides about nothing but its own element."""
    return path.vr != "SQ" and not any(is_private(step.tag) for step in path.steps)
