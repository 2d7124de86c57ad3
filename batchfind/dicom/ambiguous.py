"""VRs that PS3.6 leaves open, as DCMTK shows them where none was sent."""

from __future__ import annotations

from functools import lru_cache

from batchfind.dicom import dictionary, registry

_CURVE_DATA = 0x5000_3000
_OVERLAY_DATA = 0x6000_3000
_PIXEL_DATA = 0x7FE0_0010
_ANY_OF_REPEATING_GROUP = 0xFF00_FFFF


@lru_cache(maxsize=8192)
def shown_vr(tag: int, vr: str) -> tuple[str, str]:
    """The VR of an element in Implicit VR, as DCMTK shows it.

    Args:
        tag: 0xGGGGEEEE.
        vr: what our dictionary settled on; no string VR.

    Returns:
        The two letters to show, such as `xs` for `US or SS`, and the VR the value
        is to be shown in.
    """
    if vr == "UN":
        return "??", vr
    if dictionary.is_private(tag):
        return vr, vr
    known = registry.attribute(tag)
    choice = "" if known is None else known.vr
    if choice == "US or SS":
        return "xs", "US"
    if choice in {"US or OW", "US or SS or OW"}:
        return "lt", "OW"
    if choice == "OB or OW":
        return _bytes_or_words(tag)
    return vr, vr


def _bytes_or_words(tag: int) -> tuple[str, str]:
    if tag & _ANY_OF_REPEATING_GROUP == _CURVE_DATA:
        return "OB", "OB"
    if tag == _PIXEL_DATA or tag & _ANY_OF_REPEATING_GROUP == _OVERLAY_DATA:
        return "OW", "OW"
    return "ox", "OB"
