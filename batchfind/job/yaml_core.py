"""What an unquoted scalar means by the core schema of YAML 1.2.

Only fields that are no text ask: a port, a flag. `NO`, `12:30:15`, `2026-01-01`
are texts there; 0104 is one hundred and four.
"""

from __future__ import annotations

import re
from typing import Final

from batchfind.job.nodes import MappingNode, Node, ScalarNode, SequenceNode

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INT: Final = re.compile(r"[-+]?[0-9]{1,30}")
_BASED: Final = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")

Plain = None | bool | int | float | str


def core_value(node: ScalarNode) -> Plain:
    """The value of a scalar: null, boolean, integer, float or text.

    Source: YAML 1.2.2 Section 10.3.2.
    """
    text = node.text
    if not node.plain:
        return text
    if text in NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def plain(node: Node) -> object:
    """Dicts, lists and core values: what a YAML 1.2 editor sees."""
    if isinstance(node, MappingNode):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return core_value(node)
