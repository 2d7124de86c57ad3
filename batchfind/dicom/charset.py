"""Text of an Identifier as Unicode, and back.

(0008,0005) is resolved once into `CharacterSets`; `decode_text` and `encode_text`
apply it. Tolerated, since peers do it and it leaves no doubt: terms written with
other punctuation (`ISO-IR 100`, `ISO_2022_IR 87`, `UTF-8`), `ISO_IR 100` where
code extensions need `ISO 2022 IR 100`. A term nobody knows is ignored, which leaves
what `assume` says, else the default repertoire. Whatever is repaired is a problem
in `CharacterSets.problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from batchfind.dicom import iso2022
from batchfind.dicom.repertoire import (
    ASCII,
    BY_NUMBER,
    REPLACEMENT,
    ROMAJI,
    Repertoire,
)
from batchfind.dicom.vrs import SINGLE_VALUED_VRS, TEXT_VRS

__all__ = [
    "TEXT_VRS",
    "CharacterSets",
    "DecodedText",
    "decode_text",
    "encode_text",
    "least_sufficient",
    "resolve",
]

WHOLE_CODES: Final = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
"""Terms that stand alone, by Python codec; they know no code extensions.

Source: PS3.3 Table C.12-5.
"""

_LONGEST: Final = 512
_ESCAPE: Final = 0x1B


@dataclass(frozen=True, slots=True)
class CharacterSets:
    """What one (0008,0005) says; built by `resolve`.

    Attributes:
        terms: defined terms in the standard's spelling, the first one never
            empty; with code extensions all of them are `ISO 2022 IR n`.
        codec: Python codec for text without escape sequences; None for ISO_IR 13,
            whose bytes below 0x80 are not all ASCII.
        initial: sets of G0 and G1 before any escape sequence; empty for a term
            that stands alone.
        declared: repertoires that escape sequences may bring in; empty without
            code extensions.
        problems: what was wrong with (0008,0005), one sentence each.
    """

    terms: tuple[str, ...]
    codec: str | None
    initial: tuple[Repertoire, ...] = ()
    declared: frozenset[Repertoire] = frozenset()
    problems: tuple[str, ...] = ()


class DecodedText(NamedTuple):
    """The text of one element; a tuple, because it is made by the million.

    Attributes:
        values: the values in order; () for an element of zero length, and always
            one for LT, ST, UT and UR.
        replaced: how many U+FFFD stand for bytes that could not be decoded.
    """

    values: tuple[str, ...]
    replaced: int = 0

    @property
    def text(self) -> str:
        """The values joined by a backslash."""
        return "\\".join(self.values)


def resolve(
    terms: str | bytes | None,
    *,
    assume: str | None = None,
    override: str | None = None,
) -> CharacterSets:
    r"""The character sets that a value of (0008,0005) declares.

    Args:
        terms: the value, terms separated by backslashes; None when absent.
        assume: used when `terms` is absent, empty or holds no known term.
        override: used instead of `terms`, whatever they say.

    Returns:
        The same object for equal arguments, so that it can be compared cheaply.

    Source: PS3.3 Section C.12.1.1.2.
    """
    if isinstance(terms, bytes):
        terms = terms.decode("ascii", "replace")
    given = (terms or "").strip("\0 ")
    # Longer than every defined term together: noise, not worth remembering.
    given = given if len(given) <= _LONGEST else given[:_LONGEST]
    return _resolve(given, assume or "", override or "")


def decode_text(raw: bytes, vr: str, sets: CharacterSets) -> DecodedText:
    """Unicode of one element's bytes, split into values, nothing stripped.

    Control characters stay. Undecodable bytes become U+FFFD and are counted; so
    does an escape sequence that is unknown or not declared. No lone surrogate
    ever appears. A trail byte 5C of GB18030, GBK, or of a two-byte set in G0 does
    not end a value.

    Args:
        raw: the value field.
        vr: one of the string VRs; outside `TEXT_VRS` bytes from 0x80 are
            undecodable whatever `sets` say.
        sets: what (0008,0005) of the same data set says.

    Returns:
        The values and the number of replacements.

    Source: PS3.5 Sections 6.1.2.3 to 6.1.2.5 and 6.2.
    """
    if not raw:
        return DecodedText(())
    text, replaced = _decode(raw, vr, sets)
    if vr in SINGLE_VALUED_VRS:
        return DecodedText((text,), replaced)
    return DecodedText(tuple(text.split("\\")), replaced)


def encode_text(text: str, terms: tuple[str, ...]) -> bytes:
    """Text in the given character sets.

    With code extensions the first set that has a character is used; the initial
    sets are in force again before a control character, `^`, `=` and a backslash.

    Args:
        text: with a backslash between values, without padding.
        terms: terms of (0008,0005) in order; () is the default repertoire.

    Returns:
        The value field, not padded.

    Raises:
        ValueError: when a term is unknown or the sets lack a character.

    Source: PS3.5 Section 6.1.2.5.
    """
    if not terms and text.isascii():
        return text.encode("ascii")
    sets = resolve("\\".join(terms))
    unknown = [term for term in terms if term and _canonical(term) is None]
    if unknown:
        raise ValueError(f"unknown character set {unknown[0]!r}")
    choices = [chars for term in sets.terms for chars in _repertoires(term)]
    try:
        if not sets.initial:
            return text.encode(sets.codec or "ascii")
        declared = tuple(choices) if sets.declared else ()
        return iso2022.encode(text, sets.initial, declared)
    except UnicodeEncodeError as error:
        lacking = text[error.start]
        name = " and ".join(sets.terms)
        raise ValueError(
            f"the character {lacking!r} (U+{ord(lacking):04X}) is not in {name}"
        ) from None


def least_sufficient(texts: Iterable[str]) -> tuple[str, ...]:
    """The smallest character set that holds all texts.

    Returns:
        () for ASCII, ("ISO_IR 100",) for Latin-1, else ("ISO_IR 192",).

    Source: PS3.3 Section C.12.1.1.2.
    """
    beyond = {char for text in texts for char in text if char >= "\x80"}
    if not beyond:
        return ()
    latin = all("\xa0" <= char <= "\xff" for char in beyond)
    return ("ISO_IR 100",) if latin else ("ISO_IR 192",)


def _decode(raw: bytes, vr: str, sets: CharacterSets) -> tuple[str, int]:
    """Text and replacements of a whole value field."""
    if vr not in TEXT_VRS:
        return _with_codec(raw, "ascii")
    if sets.codec is not None and (not sets.initial or _ESCAPE not in raw):
        return _with_codec(raw, sets.codec)
    delimiters = b"" if vr in SINGLE_VALUED_VRS else b"\\^=" if vr == "PN" else b"\\"
    return iso2022.decode(raw, sets.initial, sets.declared, delimiters)


def _with_codec(raw: bytes, codec: str) -> tuple[str, int]:
    try:
        return raw.decode(codec), 0
    except UnicodeDecodeError:
        text = raw.decode(codec, "replace")
        # A U+FFFD that the peer itself sent is no replacement of ours.
        own = raw.count(REPLACEMENT.encode()) if codec == "utf-8" else 0
        return text, text.count(REPLACEMENT) - own


@lru_cache(maxsize=1024)
def _resolve(terms: str, assume: str, override: str) -> CharacterSets:
    names = [name.strip() for name in (override or terms).split("\\")]
    known = [_canonical(name) for name in names]
    problems = [
        f"unknown character set {name!r} was ignored"
        for name, term in zip(names, known, strict=True)
        if term is None
    ]
    problems += [
        f"character set {name!r} was read as {term!r}"
        for name, term in zip(names, known, strict=True)
        if term and term != name
    ]
    if not any(known) and assume and not override:
        assumed = _resolve(assume, "", "")
        return replace(assumed, problems=(*problems, *assumed.problems))
    terms_in_order = _settle(known, problems)
    return _build(terms_in_order, tuple(problems))


def _settle(known: list[str | None], problems: list[str]) -> tuple[str, ...]:
    """The terms that can hold together, the first one never empty."""
    first, *others = known
    used = [term for term in known if term]
    if used and used[0] in WHOLE_CODES and (first or len(used) == 1):
        if len(known) > 1:
            problems.append(f"{used[0]} stands alone; what stands beside it is ignored")
        return (used[0],)
    problems.extend(
        f"{term} stands alone; it is ignored beside others"
        for term in filter(WHOLE_CODES.__contains__, others)
    )
    extending = [term for term in others if term and term not in WHOLE_CODES]
    if not extending:
        return (first or "ISO_IR 6",)
    return tuple(_extended(term, problems) for term in (first or _NONE, *extending))


def _extended(term: str, problems: list[str]) -> str:
    """The term as code extensions spell it."""
    if term.startswith("ISO 2022"):
        return term
    extended = term.replace("ISO_IR", "ISO 2022 IR")
    problems.append(f"{term} beside others was read as {extended}")
    return extended


def _build(terms: tuple[str, ...], problems: tuple[str, ...]) -> CharacterSets:
    if terms[0] in WHOLE_CODES:
        return CharacterSets(terms, WHOLE_CODES[terms[0]], problems=problems)
    left, *right = _repertoires(terms[0])
    # A two-byte set of G0 is never in force unasked: every value begins in ASCII.
    right = [chars for chars in right if chars.right]
    declared = {chars for term in terms for chars in _repertoires(term)}
    # The return to ASCII or romaji needs no declaration: peers do not give it.
    declared |= {ASCII, ROMAJI}
    extensions = terms[0].startswith("ISO 2022")
    codec = None if left is ROMAJI else right[0].codec if right else "ascii"
    return CharacterSets(
        terms,
        codec,
        (left, *right),
        frozenset(declared if extensions else ()),
        problems,
    )


def _repertoires(term: str) -> tuple[Repertoire, ...]:
    return BY_NUMBER.get(term.rpartition(" ")[2], ())


def _canonical(name: str) -> str | None:
    """A defined term however it is punctuated; "" for "", None when unknown."""
    return _TERMS.get(re.sub("[^A-Z0-9]", "", name.upper()))


def _squeezed(term: str) -> str:
    return re.sub("[^A-Z0-9]", "", term)


_NONE: Final = "ISO 2022 IR 6"
_MULTI_BYTE: Final = frozenset({"58", "87", "149", "159"})
_TERMS: Final = (
    {"": "", "UTF8": "ISO_IR 192", "ISO88591": "ISO_IR 100", "ISO2022GBK": "GBK"}
    | {_squeezed(term): term for term in WHOLE_CODES}
    | {f"ISO2022IR{number}": f"ISO 2022 IR {number}" for number in BY_NUMBER}
    | {
        f"ISOIR{number}": f"ISO_IR {number}"
        for number in BY_NUMBER.keys() - _MULTI_BYTE
    }
)
"""Defined terms by their letters and digits."""
