"""Chooses the character set of a request: the least that holds its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batchfind.dicom.charset import TEXT_VRS, encode_text, least_sufficient
from batchfind.dicom.identifier import Identifier
from batchfind.job.model import CharsetPolicy

SPECIFIC_CHARACTER_SET = 0x00080005


def declared_charset(identifier: Identifier) -> tuple[str, ...]:
    """Terms of the (0008,0005) that an Identifier holds itself."""
    for element in identifier:
        if element.tag == SPECIFIC_CHARACTER_SET and isinstance(element.value, str):
            return tuple(element.value.split("\\")) if element.value else ()
    return ()


def texts_of(identifier: Identifier) -> Iterator[str]:
    """Every text whose bytes depend on the character set, at any depth.

    Source: PS3.5 Section 6.1.2.3.
    """
    for element in identifier:
        if isinstance(element.value, tuple):
            for item in element.value:
                yield from texts_of(item)
        elif element.vr in TEXT_VRS and isinstance(element.value, str):
            yield element.value


def choose_charset(
    texts: Iterable[str], declared: tuple[str, ...], policy: CharsetPolicy
) -> tuple[str, ...]:
    """The terms of (0008,0005) to send; () when the default repertoire will do.

    Args:
        texts: every text of the Identifier that the character set concerns.
        declared: what a key says itself; it is sent whatever the text.
        policy: `policy.request` is tried in its order; empty means the least of
            none, ISO_IR 100 and ISO_IR 192.

    Raises:
        ValueError: when no set allowed holds all texts.

    Source: PS3.3 Section C.12.1.1.2.
    """
    beyond = [text for text in texts if not text.isascii()]
    if declared:
        for text in beyond:
            encode_text(text, declared)
        return declared
    if not beyond:
        return ()
    if not policy.request:
        return least_sufficient(beyond)
    return _first_sufficient(beyond, policy.request)


def _first_sufficient(texts: list[str], offered: Iterable[str]) -> tuple[str, ...]:
    why = ""
    for term in offered:
        terms = tuple(term.split("\\"))
        try:
            for text in texts:
                encode_text(text, terms)
        except ValueError as error:
            why = str(error)
        else:
            return terms
    raise ValueError(why)
