r"""Values of (0008,0005) as a job writes them, and which of them are legal.

`\ISO 2022 IR 87` is one value of two terms: the default repertoire, and kanji by
escape sequences. A job may write the terms as a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from batchfind.dicom.charset import WHOLE_CODES
from batchfind.dicom.lint import Finding, FindingLevel

_CLAUSE: Final = "PS3.3 C.12.1.1.2"
_PREFIX: Final = "ISO 2022 "
_DEFAULT: Final = "ISO 2022 IR 6"
_NEVER_FIRST: Final = frozenset(
    f"ISO 2022 IR {number}" for number in (58, 87, 149, 159)
)
"""Multi-byte sets with code extensions, PS3.3 Table C.12-4."""


def extends(term: str) -> bool:
    """Whether a term is about code extensions."""
    return term.startswith(_PREFIX)


def values_of(terms: Sequence[str]) -> tuple[str, ...]:
    r"""The values of (0008,0005) that a list of terms offers, in order.

    Args:
        terms: as written; one that holds backslashes is a whole value.

    Returns:
        With terms of ISO 2022 one value of all terms, before which a multi-byte set
        that stands alone gets the empty first term it needs. Otherwise, and when a
        term is a whole value, each one as a value of its own.

    Source: PS3.3 Section C.12.1.1.2.
    """
    if any("\\" in term for term in terms) or not any(map(extends, terms)):
        return tuple(map(_with_first, terms))
    return (_with_first("\\".join(terms)),)


def check_character_set(value: str) -> list[Finding]:
    """What the standard forbids about a value of (0008,0005) with several terms.

    Args:
        value: known terms joined by backslashes.

    Source: PS3.3 Section C.12.1.1.2, Tables C.12-3 to C.12-5.
    """
    first, *others = value.split("\\")
    if not others:
        return []
    return [
        Finding(FindingLevel.FORBIDDEN, _CLAUSE, f"the character set {message}")
        for message in _faults(first, others)
    ]


def _with_first(value: str) -> str:
    return f"\\{value}" if value in _NEVER_FIRST else value


def _faults(first: str, others: list[str]) -> Iterator[str]:
    for term in (first, *others):
        if term in WHOLE_CODES:
            yield f"{term} stands alone, without further terms"
        elif term and not extends(term):
            extended = term.replace("ISO_IR", "ISO 2022 IR")
            yield f"{term} knows no escape sequences; write {extended}"
    if first in _NEVER_FIRST:
        yield f"{first} cannot be the first term; leave the first one empty"
    if "" in others:
        yield "has an empty term that is not the first; remove it"
    terms = [term or _DEFAULT for term in (first, *filter(None, others))]
    for term in dict.fromkeys(terms):
        if terms.count(term) > 1:
            yield f"{term} stands twice; keep one of them"
