"""SOP Class Extended Negotiation of queries: seven options as bytes.

Each application information is a row of bytes, one an option, 1 for asked or
supported. The standard lets either side send fewer; what is missing is not
supported. Two layouts exist: that of Query/Retrieve, which has all seven, and that
of worklists, which has fuzzy matching and timezone adjustment only.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from batchfind.dicom.models import MODELS

OPTIONS: Final = (
    "relational",
    "date_time",
    "fuzzy",
    "timezone",
    "enhanced_multi_frame",
    "empty_value",
    "multiple_value",
)
"""Options in the order of their bytes. Source: PS3.4 Table C.5-1 and K.5-1."""

_RESERVED: Final = None
#: Bytes 1 and 2 of a worklist are reserved; both sides send 1 (PS3.4 Section K.5.1).
_WORKLIST: Final = (_RESERVED, _RESERVED, "fuzzy", "timezone")
_SHORTEST_WORKLIST: Final = 3
#: Part of the Query/Retrieve Service Class although it has no levels (PS3.4 C.6.4).
_REPOSITORY: Final = "repository"
#: The queries of these service classes are defined by reference to those of Basic
#: Worklist Management, and so is their negotiation (PS3.4 K, Q, U, X, BB, CC, ...).
_LIKE_WORKLIST: Final = frozenset(
    model.uid
    for model in MODELS.values()
    if not model.levels and model.name != _REPOSITORY
)


def offered_by(sop_class: str) -> tuple[str, ...]:
    """The options a SOP Class has, in the order of their bytes.

    Args:
        sop_class: UID of the information model. A UID outside the table of models
            has all seven: a specialised class shares the layout of Query/Retrieve.

    Source: PS3.4 Sections C.5.1.1 and K.5.1.
    """
    return tuple(name for name in _layout(sop_class) if name is not _RESERVED)


def encode_options(sop_class: str, options: Collection[str]) -> bytes:
    """Application information that asks for these options, as short as can be.

    Args:
        sop_class: UID of the information model.
        options: names of `OPTIONS` that the SOP Class has.

    Returns:
        1 to 7 bytes that end with the last option asked, at least 3 for worklists;
        empty when nothing is asked, since then nothing is to be negotiated.

    Raises:
        ValueError: an option that is unknown or that the SOP Class does not have.

    Source: PS3.4 Sections C.5.1.1.1 and K.5.1.
    """
    layout = _layout(sop_class)
    strange = sorted(set(options) - set(offered_by(sop_class)))
    if strange:
        raise ValueError(f"SOP Class {sop_class} has no option {', '.join(strange)}")
    if not options:
        return b""
    last = max(layout.index(option) for option in options)
    shortest = _SHORTEST_WORKLIST if _RESERVED in layout else 1
    asked = layout[: max(last + 1, shortest)]
    return bytes(name is _RESERVED or name in options for name in asked)


def decode_options(sop_class: str, data: bytes) -> frozenset[str]:
    """The options a peer supports according to its application information.

    Args:
        sop_class: UID of the information model.
        data: as received, of any length. A byte that is missing, or neither 0 nor 1,
            means not supported; bytes beyond the layout are ignored.

    Source: PS3.4 Sections C.5.1.1.2 and K.5.1.
    """
    return frozenset(
        name
        for name, value in zip(_layout(sop_class), data, strict=False)
        if value == 1 and name is not _RESERVED
    )


def _layout(sop_class: str) -> tuple[str | None, ...]:
    return _WORKLIST if sop_class in _LIKE_WORKLIST else OPTIONS
