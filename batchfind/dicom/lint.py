"""What the standard, or the variety of peers, has against a matching value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from batchfind.dicom.dictionary import label
from batchfind.dicom.matching import TEMPORAL_VRS, WILDCARD_VRS
from batchfind.dicom.moments import suggestion
from batchfind.dicom.temporal import range_of, value_of
from batchfind.dicom.vrs import SINGLE_VALUED_VRS, VALUE_SIZES, WORD_SIZES


class FindingLevel(StrEnum):
    """How bad it is: against the standard, or answered differently by peers."""

    FORBIDDEN = "forbidden"
    VARIES = "varies"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a matching value.

    Attributes:
        level: forbidden by the standard, or treated differently by peers.
        clause: of the standard, such as `PS3.4 C.2.2.2.5`.
        message: one sentence that names the attribute and what to do instead.
        option: of extended negotiation, with which there is nothing to say.
    """

    level: FindingLevel
    clause: str
    message: str
    option: str | None = None


_LONGEST: Final = {"AE": 16, "CS": 16, "LO": 64, "SH": 16, "UI": 64, "IS": 12, "DS": 16}
_LINES: Final = frozenset({"LT", "ST", "UT"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_OF_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_UID: Final = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+")
_COMMA_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?")
_DASHED: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_WHOLE: Final = (re.compile(r"[+-]?\d+"), "a whole number")
_REAL: Final = (
    re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"),
    "a number",
)
_VALUES: Final = {
    "AS": (re.compile(r"\d{3}[DWMY]"), "three digits and D, W, M or Y"),
    "AT": (re.compile(r"[0-9A-Fa-f]{8}"), "a tag such as (0018,1063)"),
    "IS": _WHOLE,
    "DS": _REAL,
    "FL": _REAL,
    "FD": _REAL,
    **dict.fromkeys(["SL", "SS", "SV", "UL", "US", "UV"], _WHOLE),
}
_FORMS: Final = {
    "DA": ("YYYYMMDD", "20260131-20260228"),
    "TM": ("HHMMSS", "0800-1159"),
    "DT": ("YYYYMMDDHHMMSS", "20260131-20260228"),
}
_OLD_SEPARATORS: Final = {"DA": ".", "TM": ":"}
"""What ACR-NEMA wrote between the parts of a date and a time."""


def check_matching_value(vr: str, tag: int, text: str) -> list[Finding]:
    """What is to be said about one matching value.

    Args:
        vr: of the attribute.
        tag: of the attribute, for the message.
        text: the value as it will be sent, values joined by a backslash.

    Returns:
        Findings in order of weight; [] for the empty value, which matches all.

    Source: PS3.4 Section C.2.2.2, PS3.5 Table 6.2-1.
    """
    if not text or vr == "SQ":
        return []
    name = label(tag)
    if findings := _check_controls(vr, name, text):
        return findings
    if text == '""':
        message = f"{name} asks for empty values, which peers know only when negotiated"
        return [_varies("PS3.4 C.2.2.2.7", message, "empty_value")]
    findings = _check_wildcards(vr, name, text)
    if findings:
        return findings
    if "\\" in text and vr not in SINGLE_VALUED_VRS | {"UI"} | WORD_SIZES.keys():
        findings.append(
            _varies(
                "PS3.4 C.2.2.2.8",
                f"{name} holds several values, which mean nothing unless multiple"
                " value matching is negotiated; ask for one value at a time",
                "multiple_value",
            )
        )
    values = [text] if vr in SINGLE_VALUED_VRS else text.split("\\")
    for value in values:
        findings += _check_one(vr, name, value)
    return findings


def normalise_value(vr: str, text: str) -> str:
    """A key as an Identifier holds it: dates without hyphens, tags as eight digits.

    DA `2026-01-31` becomes `20260131`, also at either end of a range; AT
    `(0018,1063)` and `0018,1063` become `00181063`; all else stays.

    Source: PS3.5 Table 6.2-1.
    """
    if vr == "AT":
        return _COMMA_TAG.sub(lambda found: (found[1] + found[2]).upper(), text)
    return _DASHED.sub(r"\1\2\3", text) if vr == "DA" else text


def _forbidden(clause: str, message: str) -> Finding:
    return Finding(FindingLevel.FORBIDDEN, clause, message)


def _varies(clause: str, message: str, option: str | None = None) -> Finding:
    return Finding(FindingLevel.VARIES, clause, message, option)


def _check_controls(vr: str, name: str, text: str) -> list[Finding]:
    """Escape sequences are ours to add: before that no text holds ESC."""
    pattern = _CONTROL_OF_LINES if vr in _LINES else _CONTROL
    found = pattern.search(text)
    if found is None:
        return []
    message = f"{name} holds the control character U+{ord(found[0]):04X}, which {vr}"
    return [_forbidden("PS3.5 6.2", f"{message} never holds; remove it")]


def _check_wildcards(vr: str, name: str, text: str) -> list[Finding]:
    if vr in WILDCARD_VRS or not ("*" in text or "?" in text):
        return []
    advice = "leave the value empty to match all"
    if vr in TEMPORAL_VRS:
        advice = f"use a range such as {_FORMS[vr][1]}, or {advice}"
    return [
        _forbidden(
            "PS3.4 C.2.2.2.4", f"{name} is {vr}, which knows no wildcards; {advice}"
        )
    ]


def _check_one(vr: str, name: str, value: str) -> list[Finding]:
    if vr in TEMPORAL_VRS:
        return _check_moment(vr, name, value)
    if vr == "UI":
        return _check_uid(name, value)
    if vr in _VALUES:
        pattern, form = _VALUES[vr]
        if pattern.fullmatch(value.strip(" ")):
            return _check_length(vr, name, value)
        return [
            _forbidden("PS3.4 C.2.2.2.1", f"{name} is {vr}: the value must be {form}")
        ]
    findings = _check_length(vr, name, value)
    if vr == "CS":
        findings += _check_code(name, value)
    if vr == "PN" and not set("^*?=") & set(value):
        findings.append(
            _varies(
                "PS3.4 C.2.2.2.1",
                f"{name} has neither ^ nor a wildcard: some peers look for the whole"
                " name, others for the family name; write NAME^* or NAME*",
            )
        )
    return findings


def _check_moment(vr: str, name: str, value: str) -> list[Finding]:
    form, example = _FORMS[vr]
    if value.strip() == "-":
        return [
            _forbidden(
                "PS3.4 C.2.2.2.5",
                f"{name} is a range without ends; leave the value empty to match all",
            )
        ]
    single, found = value_of(vr, value), range_of(vr, value)
    old = _OLD_SEPARATORS.get(vr, "")
    if old and old in value and (single or found):
        wanted = suggestion(vr, value) or value.replace(old, "")
        return [_forbidden("PS3.5 6.2", f"{name} has the form {form}; write {wanted}")]
    if single is not None:
        return []
    if found is None:
        meant = suggestion(vr, value)
        advice = f"; write {meant}" if meant else ""
        return [
            _forbidden(
                "PS3.4 C.2.2.2.5",
                f"{name} is neither a {vr} value ({form}) nor a range (as {example})"
                f"{advice}",
            )
        ]
    if found.first and found.last and found.first > found.last:
        return [
            _varies(
                "PS3.4 C.2.2.2.5",
                f"{name} is a range that ends before it begins: peers find nothing",
            )
        ]
    return []


def _check_uid(name: str, value: str) -> list[Finding]:
    if _UID.fullmatch(value) and len(value) <= _LONGEST["UI"]:
        return []
    return [
        _forbidden(
            "PS3.5 9.1",
            f"{name} holds a value that is no UID: at most 64 digits and dots, no part"
            " empty or with a leading zero; separate several UIDs by a backslash",
        )
    ]


def _check_code(name: str, value: str) -> list[Finding]:
    if value != value.upper():
        return [
            _varies(
                "PS3.4 C.2.2.2.1",
                f"{name} has lower case letters, which CS never holds: most peers"
                " compare case and find nothing",
            )
        ]
    if re.fullmatch(r"[A-Z0-9_ *?]*", value):
        return []
    return [
        _varies(
            "PS3.5 6.2",
            f"{name} has characters that CS never holds: it is capital letters, digits,"
            " space and underscore",
        )
    ]


def _check_length(vr: str, name: str, value: str) -> list[Finding]:
    longest = _LONGEST.get(vr)
    if longest is None or vr in VALUE_SIZES or len(value) <= longest:
        return []
    if "*" in value or "?" in value:
        # PS3.4 C.2.2.2.4: with wildcards a key may exceed what its VR holds.
        return []
    return [
        _varies(
            "PS3.5 6.2",
            f"{name} has {len(value)} characters, but {vr} holds {longest}: no stored"
            " value can be equal",
        )
    ]
