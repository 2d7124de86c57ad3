"""Values of one attribute in the DICOM JSON model.

What follows `"vr":"XX"` in an attribute is called its body here: nothing for an empty
attribute, else `,"Value":[...]` or `,"InlineBinary":"..."`.

IS and DS become numbers where they are written as JSON writes numbers, digit by
digit as received; `007`, `+1` or `1.` stay strings, so that nothing is lost. SV and
UV are numbers as long as every reader of JSON holds them exactly (up to 2^53 - 1),
else strings. JSON has no number for `nan` and `inf`, so they are strings.

Source: PS3.18 Annex F.
"""

from __future__ import annotations

import base64
import json
import math
import re

from batchfind.dicom import values, vrs
from batchfind.dicom.charset import CharacterSets
from batchfind.tables.text import number_text

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
# PS3.5 Table 6.2-1 allows 16 bytes; longer ones could cost a reader dearly.
_LONGEST_NUMBER = 16
_LARGEST_EXACT = 2**53 - 1
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_ESCAPE = json.JSONEncoder(ensure_ascii=True).encode
# Longer text is escaped: with a few wide characters Python keeps all of them wide.
_LONGEST_AS_IT_IS = 1 << 16
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
# Not a line end for JSON, but for many a tool that cuts text into lines.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def text_value(raw: bytes, vr: str, sets: CharacterSets) -> tuple[str, int]:
    """The body of a string attribute, and how many U+FFFD are in it.

    Args:
        raw: the value field.
        vr: one of the string VRs.
        sets: character sets of the data set.

    Source: PS3.18 Sections F.2.2 to F.2.5.
    """
    decoded = values.text_values(raw, vr, sets)
    if not decoded.values:
        return "", decoded.replaced
    body = ",".join([_string(value, vr) for value in decoded.values])
    return f',"Value":[{body}]', decoded.replaced


def binary_value(raw: bytes, vr: str, *, big_endian: bool) -> tuple[str, str]:
    """VR and body of an attribute of numbers, tags or bytes.

    Args:
        raw: the value field.
        vr: no string VR and not SQ.
        big_endian: byte order of `raw`; bytes are written in little endian.

    Returns:
        The VR is UN where the bytes are no whole number of values.

    Source: PS3.18 Sections F.2.3 and F.2.7.
    """
    if not raw:
        return vr, ""
    if vr in vrs.WORD_SIZES:
        return vr, _inline(values.swapped_words(raw, vr) if big_endian else raw)
    try:
        if vr == "AT":
            tags = values.tag_values(raw, big_endian=big_endian)
            texts = [f'"{tag}"' for tag in tags]
        else:
            numbers = values.number_values(vr, raw, big_endian=big_endian)
            texts = [_number(number, vr) for number in numbers]
    except ValueError:
        return "UN", _inline(raw)
    return vr, f',"Value":[{",".join(texts)}]'


def json_string(text: str) -> str:
    """Text as JSON on one line, whatever a tool takes for a line end."""
    if len(text) > _LONGEST_AS_IT_IS:
        return _ESCAPE(text)
    quoted = _ENCODE(text)
    return quoted if quoted.isascii() else quoted.translate(_LINE_ENDS)


def _inline(raw: bytes) -> str:
    return f',"InlineBinary":"{base64.b64encode(raw).decode("ascii")}"'


def _string(value: str, vr: str) -> str:
    if not value:
        return "null"
    if vr == "PN":
        return _person_name(value)
    return value if vr in {"DS", "IS"} and _is_number(value) else json_string(value)


def _person_name(value: str) -> str:
    groups = zip(_PN_GROUPS, value.split("=", 2), strict=False)
    members = [f'"{name}":{json_string(group)}' for name, group in groups if group]
    return "{" + ",".join(members) + "}" if members else "null"


def _is_number(value: str) -> bool:
    if len(value) > _LONGEST_NUMBER or _NUMBER.fullmatch(value) is None:
        return False
    return math.isfinite(float(value))


def _number(value: float, vr: str) -> str:
    text = number_text(value, vr)
    exact = abs(value) <= _LARGEST_EXACT if vr in {"SV", "UV"} else math.isfinite(value)
    return text if exact else f'"{text}"'
