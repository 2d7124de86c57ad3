"""How value representations are laid out in a data set."""

from __future__ import annotations

from typing import Final

LONG_FORM: Final = frozenset(
    ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]
)
"""VRs with two reserved bytes and a length of 32 bits in explicit VR.

Source: PS3.5 Table 7.1-1.
"""

SHORT_FORM: Final = frozenset(
    [
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "SL",
        "SS",
        "ST",
        "TM",
        "UI",
        "UL",
        "US",
    ]
)
"""VRs with a length of 16 bits in explicit VR.

Source: PS3.5 Table 7.1-2.
"""

NEW_VRS: Final = frozenset(["OD", "OF", "OL", "OV", "SV", "UC", "UN", "UR", "UT", "UV"])
"""VRs that came after 1993, which findscu's `-u` writes as OB."""

NUMBER_FORMATS: Final = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
"""Codes of the struct module for the binary numbers.

Source: PS3.5 Table 6.2-1.
"""

WORD_SIZES: Final = {"OB": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "UN": 1}
"""VRs that are bytes for us, by the size of the word whose order may be swapped.

Source: PS3.5 Section 7.3.
"""

VALUE_SIZES: Final = {
    "AT": 4,
    "FD": 8,
    "FL": 4,
    "SL": 4,
    "SS": 2,
    "SV": 8,
    "UL": 4,
    "US": 2,
    "UV": 8,
}
"""Bytes of one value of the binary VRs whose values are counted."""

TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs that (0008,0005) rules; all other strings hold the default repertoire.

Source: PS3.5 Section 6.1.2.3.
"""

SINGLE_VALUED_VRS: Final = frozenset({"LT", "ST", "UT", "UR"})
"""VRs in which a backslash is a character like any other.

Source: PS3.5 Section 6.2.
"""

STRING_VRS: Final = TEXT_VRS | frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"]
)
"""VRs whose values are text."""

SPLIT_VRS: Final = STRING_VRS - SINGLE_VALUED_VRS
"""String VRs whose values are separated by backslashes.

Source: PS3.5 Section 6.4.
"""
