"""Values as peers should have sent them: what DCMTK calls data correction.

Spaces at the end of a value field are taken away, which leaves nothing of a value
that is nothing else; in UI all spaces are. Spaces between several values, NUL in text
and everything in front stay.
"""

from __future__ import annotations

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.raw import RawElement
from batchfind.dicom.rewriting import rewritten
from batchfind.dicom.scalar import decode
from batchfind.dicom.vrs import STRING_VRS
from batchfind.errors import IdentifierDefect


def corrected(vr: str, raw: bytes) -> bytes:
    """A value field without the spaces that do not belong there.

    Args:
        vr: as received; fields of bytes and numbers stay as they are.
        raw: the value field.

    Returns:
        The field, not padded.

    Source: PS3.5 Section 6.2.
    """
    if vr == "UI":
        return raw.rstrip(b"\0 ").replace(b" ", b"")
    return raw.rstrip(b" ") if vr in STRING_VRS else raw


def correct_elements(elements: list[RawElement]) -> None:
    """Corrects the values of a data set where they stand, at any depth."""
    for at, (tag, vr, value) in enumerate(elements):
        if isinstance(value, bytes):
            elements[at] = RawElement(tag, vr, corrected(vr, value))
        else:
            for item in value:
                correct_elements(item)


def corrected_data_set(
    payload: bytes, transfer_syntax: str, known: Dictionary = STANDARD
) -> bytes:
    """A data set with corrected values, in the same transfer syntax.

    Args:
        payload: as received.
        transfer_syntax: UID it is encoded in.
        known: VRs of what was sent without one.

    Returns:
        Sequences and items have undefined lengths; what cannot be decoded stays as
        it is.
    """
    try:
        elements = decode(payload, transfer_syntax, known=known, verbatim=True)
    except IdentifierDefect:
        return payload
    correct_elements(elements)
    return rewritten(elements, transfer_syntax)
