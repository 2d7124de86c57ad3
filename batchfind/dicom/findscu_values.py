r"""Values of findscu's `-k`, read as findscu reads them.

Text goes out as typed. Numbers are read as C reads them: what stands before the
first character that fits is used, what is too large wraps around. Bytes are
hexadecimal numbers between backslashes, each cut to a byte (OB, UN) or word (OW).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

from batchfind.dicom.vrs import STRING_VRS

_WHOLE: Final = re.compile(r"\s*([+-]?[0-9]+)")
_REAL: Final = re.compile(
    r"\s*([+-]?(?:inf(?:inity)?|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?))",
    re.IGNORECASE,
)
_HEX: Final = re.compile(r"\s*([+-]?)(?:0x)?([0-9a-f]+)", re.IGNORECASE)
_TAG: Final = re.compile(r"\(\s*([0-9a-f]+),\s*([0-9a-f]+)", re.IGNORECASE)

_SIGNED_BITS: Final = {"SS": 16, "SL": 32, "SV": 64}
_UNSIGNED_BITS: Final = {"US": 16, "UL": 32, "UV": 64}
_HEX_FORMATS: Final = {"OB": "<B", "UN": "<B", "OW": "<H"}
_UNSIGNED_WORDS: Final = {"OL": ("<I", 32), "OV": ("<Q", 64)}
_REAL_WORDS: Final = {"OF": "<f", "OD": "<d"}
_LONGEST_LONG: Final = 64
_LARGEST_FLOAT: Final = 3.4028235677973366e38


def findscu_value(vr: str, text: str) -> str | bytes:
    r"""The value that findscu makes of the text behind `=`.

    Args:
        vr: of the attribute; not SQ.
        text: with a backslash between values.

    Returns:
        Text for strings, numbers (in decimal) and AT (as `GGGGEEEE`); bytes in
        little endian for OB, OW, OF, OD, OL, OV and UN; "" without any text.

    Raises:
        ValueError: when a number, tag or byte cannot be read at all.
    """
    if not text or vr in STRING_VRS:
        return text
    parts = text.split("\\")
    if vr in _HEX_FORMATS or vr in _UNSIGNED_WORDS or vr in _REAL_WORDS:
        return b"".join(_packed(vr, part) for part in parts)
    return "\\".join(_number_reader(vr)(part) for part in parts)


def _number_reader(vr: str) -> Callable[[str], str]:
    if vr == "AT":
        return _tag
    if vr in _SIGNED_BITS:
        return lambda part: str(_signed(part, _SIGNED_BITS[vr]))
    if vr in _UNSIGNED_BITS:
        return lambda part: str(_unsigned(part, _UNSIGNED_BITS[vr]))
    return lambda part: repr(_real(part, single=vr == "FL"))


def _packed(vr: str, part: str) -> bytes:
    if vr in _HEX_FORMATS:
        form = _HEX_FORMATS[vr]
        sign, digits = _read(_HEX, part).groups()
        number = int(digits, 16) * (-1 if sign == "-" else 1)
        return struct.pack(form, number % (1 << 8 * struct.calcsize(form)))
    if vr in _UNSIGNED_WORDS:
        form, bits = _UNSIGNED_WORDS[vr]
        return struct.pack(form, _unsigned(part, bits))
    return struct.pack(_REAL_WORDS[vr], _real(part, single=vr == "OF"))


def _tag(part: str) -> str:
    group, element = _read(_TAG, part).groups()
    return f"{int(group, 16) & 0xFFFF:04X}{int(element, 16) & 0xFFFF:04X}"


def _unsigned(part: str, bits: int) -> int:
    """C's strtoul: saturates at 64 bits, then keeps the lower ones."""
    number = int(_read(_WHOLE, part)[1][:_LONGEST_LONG])
    largest = (1 << 64) - 1
    number = largest if abs(number) > largest else number
    return number % (1 << bits)


def _signed(part: str, bits: int) -> int:
    """C's strtol: saturates at 64 bits, then keeps the lower ones."""
    number = int(_read(_WHOLE, part)[1][:_LONGEST_LONG])
    number = max(-(1 << 63), min((1 << 63) - 1, number)) % (1 << bits)
    return number - (1 << bits) if number >> (bits - 1) else number


def _real(part: str, *, single: bool) -> float:
    number = float(_read(_REAL, part)[1])
    if single and abs(number) >= _LARGEST_FLOAT:
        return float("inf") if number > 0 else float("-inf")
    return number


def _read(form: re.Pattern[str], part: str) -> re.Match[str]:
    found = form.match(part)
    if found is None:
        raise ValueError(part)
    return found
