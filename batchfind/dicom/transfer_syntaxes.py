"""The transfer syntaxes an Identifier can have, and the proposals made of them."""

from __future__ import annotations

from typing import Final

IMPLICIT_LE: Final = "1.2.840.10008.1.2"
EXPLICIT_LE: Final = "1.2.840.10008.1.2.1"
DEFLATED_LE: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE: Final = "1.2.840.10008.1.2.2"

TITLES: Final = {
    IMPLICIT_LE: "Implicit VR Little Endian",
    EXPLICIT_LE: "Explicit VR Little Endian",
    DEFLATED_LE: "Deflated Explicit VR Little Endian",
    EXPLICIT_BE: "Explicit VR Big Endian",
}
"""Every transfer syntax batchfind can encode and decode, with its title in PS3.6."""

PRESETS: Final = {
    "standard": (EXPLICIT_LE, IMPLICIT_LE),
    "local": (EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE),
    "little": (EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE),
    "big": (EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE),
    "deflated": (DEFLATED_LE, EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE),
    "implicit": (IMPLICIT_LE,),
}
"""Proposals by name, in the order offered; all but `standard` are findscu's.

`local` is the byte order of the machine in findscu. Here it always means little
endian, so that one job asks the same on every machine.
"""


def proposal_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The transfer syntaxes that preset names or UIDs stand for, each one once.

    Args:
        names: one preset name, or UIDs and preset names in order of preference.

    Returns:
        UIDs in the order offered to the peer, at least one.

    Raises:
        ValueError: for a name that is neither, or for no name at all.

    Source: PS3.5 Annex A.
    """
    uids: dict[str, None] = {}
    for name in names:
        known = PRESETS.get(name) or ((name,) if name in TITLES else ())
        if not known:
            choices = ", ".join([*PRESETS, *TITLES])
            raise ValueError(f"unknown transfer syntax {name!r}; use one of {choices}")
        uids.update(dict.fromkeys(known))
    if not uids:
        raise ValueError("at least one transfer syntax must be proposed")
    return tuple(uids)
