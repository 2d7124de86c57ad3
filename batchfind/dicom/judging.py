"""Whether a value that came back can belong to the key it was asked by.

Matching says which entities a key finds; judging looks at what was returned, often
without all that the peer looked at. What nobody can tell from there is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Final, TypeAlias
from unicodedata import normalize

from batchfind.dicom.matching import TEMPORAL_VRS, WILDCARD_VRS, match_value
from batchfind.dicom.temporal import Interval, range_of, value_of
from batchfind.dicom.vrs import SINGLE_VALUED_VRS

Judge: TypeAlias = Callable[[str], bool | None]
"""True: the text matches; False: it does not; None: nobody can tell."""

EMPTY_VALUE: Final = '""'
"""Key for values of no length, where that was negotiated.

Source: PS3.4 Section C.2.2.2.7.
"""

_EXACT_VRS: Final = frozenset({"AS", "AT", "UI"})
_NUMBER_VRS: Final = frozenset(
    ["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"]
)
_UNDECODABLE: Final = "\ufffd"


@lru_cache(maxsize=4096)
def judge_of(vr: str, key_text: str, negotiated: tuple[str, ...] = ()) -> Judge | None:
    r"""What tells the values that a key finds from those it does not.

    Args:
        vr: of the key; not SQ.
        key_text: as in the request, values joined by a backslash.
        negotiated: options of extended negotiation in force.

    Returns:
        It takes the text of an attribute as received, values joined by a backslash;
        the same object for equal arguments, as long as it is remembered.
        None when no text at all says anything: of a universal key, of person names,
        which peers compare in ways of their own, of dates and times when the peer
        moves them to another time zone, and of keys that the standard gives no
        meaning.

    Source: PS3.4 Sections C.2.2.2 and C.5.
    """
    key = key_text.strip(" \0")
    if not key or (vr in WILDCARD_VRS and not key.strip("*")):
        return None
    if key == EMPTY_VALUE:
        return _only_empty if "empty_value" in negotiated else None
    keys = [key] if vr in SINGLE_VALUED_VRS else key.split("\\")
    if len(keys) > 1 and vr != "UI" and "multiple_value" not in negotiated:
        return None
    if vr in TEMPORAL_VRS:
        return None if "timezone" in negotiated else _judge_of_moments(vr, keys)
    if vr in _NUMBER_VRS:
        return _judge_of_numbers(keys)
    has_wildcard = "*" in key or "?" in key
    if vr in _EXACT_VRS and not has_wildcard:
        alike = str.upper if vr == "AT" else str
        return partial(_is_listed, frozenset(map(alike, keys)), alike)
    if vr in WILDCARD_VRS and vr != "PN":
        return partial(_is_text, vr, key, has_wildcard)
    return None


def _only_empty(text: str) -> bool | None:
    return None if not text else False


def _is_listed(
    keys: frozenset[str], alike: Callable[[str], str], text: str
) -> bool | None:
    if not text or _UNDECODABLE in text:
        return None
    return any(alike(value.strip(" \0")) in keys for value in text.split("\\"))


def _is_text(vr: str, key: str, has_wildcard: bool, text: str) -> bool | None:
    if not text or _UNDECODABLE in text:
        return None
    if not text.isascii() or not key.isascii():
        if has_wildcard:
            return None
        text, key = normalize("NFC", text), normalize("NFC", key)
    if match_value(vr, key, _values(vr, text)):
        return True
    # Many peers match text whatever its case, though the standard does not say so.
    loosely = match_value(vr, key.casefold(), _values(vr, text.casefold()))
    return None if loosely else False


def _values(vr: str, text: str) -> Sequence[str]:
    return [text] if vr in SINGLE_VALUED_VRS else text.split("\\")


def _judge_of_moments(vr: str, keys: Sequence[str]) -> Judge | None:
    wanted = [range_of(vr, key) or value_of(vr, key) for key in keys]
    known = [each for each in wanted if each is not None]
    return partial(_is_moment, vr, known) if len(known) == len(keys) else None


def _is_moment(vr: str, wanted: Sequence[Interval], text: str) -> bool | None:
    """A value of low precision matches when all it may mean does."""
    verdicts = {
        _is_within(one, value_of(vr, value.strip(" \0")))
        for value in text.split("\\")
        for one in wanted
    }
    return _any_of(verdicts)


def _is_within(wanted: Interval, held: Interval | None) -> bool | None:
    if held is None:
        return None
    if wanted.contains(held):
        return True
    if (wanted.written is None) != (held.written is None):
        return None
    return None if wanted.meets(held) else False


def _judge_of_numbers(keys: Sequence[str]) -> Judge | None:
    wanted = [_number(key) for key in keys]
    known = frozenset(each for each in wanted if each is not None)
    return partial(_is_number, known) if None not in wanted else None


def _is_number(wanted: frozenset[Decimal], text: str) -> bool | None:
    held = [_number(value) for value in text.split("\\")]
    return _any_of({None if one is None else one in wanted for one in held})


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip(" \0"))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _any_of(verdicts: Collection[bool | None]) -> bool | None:
    """Whether any of several values matches."""
    if True in verdicts:
        return True
    return None if None in verdicts or not verdicts else False
