"""The words a job uses about columns: provenance, types, components, partitions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from batchfind.dicom import vrs

PROVENANCE: Final = (
    "bf_query",
    "bf_peer",
    "bf_request",
    "bf_response",
    "bf_item",
    "bf_status",
    "bf_verdict",
    "bf_defect",
    "bf_invalid",
    "bf_empty",
    "bf_mismatch",
    "bf_extra",
)
"""Columns of `provenance: true`, in the order they stand."""

ON_REQUEST: Final = ("bf_run_id", "bf_asked_at")
"""Columns that differ from run to run, so only there when a job names them."""

REQUEST_COLUMNS: Final = (
    ("bf_query", "bf_peer", "bf_request", "bf_source_row"),
    (
        *("bf_verdict", "bf_responses", "bf_attempts"),
        *("bf_cause", "bf_message", "bf_seconds"),
    ),
)
"""Columns of a requests table before and after its matrix and row columns."""

NAME_COMPONENTS: Final = (
    *("family", "given", "middle", "prefix", "suffix"),
    *("ideographic", "phonetic"),
)
"""Suffixes of the columns that `names: components` adds to a PN column.

The first five are components of the alphabetic group, the last two whole groups.
Source: PS3.5 Section 6.2.1.
"""

EVERY_VR: Final = vrs.SHORT_FORM | vrs.LONG_FORM
_INTEGERS: Final = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})

COLUMN_TYPES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "text": EVERY_VR,
        "typed": EVERY_VR,
        "date32": frozenset({"DA"}),
        "float64": frozenset({"DS", "FD", "FL", "IS"}),
        "int64": _INTEGERS,
        "time64": frozenset({"TM"}),
        "timestamp": frozenset({"DT"}),
        "timestamp_utc": frozenset({"DT"}),
    }
)
"""What `types` can make of a column, with the VRs whose values survive it.

An identifier stays text whatever a job says: as a number, 00123 would become 123.
"""

PERIODS: Final = ("year", "month", "day")
"""What a date can be partitioned by, from the coarsest to the finest."""
