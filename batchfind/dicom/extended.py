"""SOP Class Extended Negotiation of queries: seven options as bytes.

Each application information is a row of bytes, one an option, 1 for asked or
supported. The standard lets either side send fewer; what is missing is not
supported.
"""

from __future__ import annotations

from typing import Final

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
