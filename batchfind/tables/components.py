"""The parts of a person's name as columns of their own."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from batchfind.job.column_words import NAME_COMPONENTS

_OF_ALPHABETIC = NAME_COMPONENTS[:5]
_GROUPS = ("alphabetic", *NAME_COMPONENTS[5:])


def component_array(text: pa.Array, name: str, *, multiple: bool) -> pa.Array:
    """One part of every name of a column.

    Args:
        text: pyarrow string array of names; several values joined by a backslash.
        name: one of `NAME_COMPONENTS`.
        multiple: give a list of parts, one a name; else several are joined by a
            backslash.

    Returns:
        Null where the name is absent, an empty text where only this part is.

    Source: PS3.5 Section 6.2.1.
    """
    encoded = text.dictionary_encode()
    part = _part(name)
    found = [[part(value) for value in _names(one)] for one in _texts(encoded)]
    if multiple:
        return pa.array(found, pa.list_(pa.string())).take(encoded.indices)
    joined = ["\\".join(values) for values in found]
    return pa.array(joined, pa.string()).take(encoded.indices)


def _texts(encoded: pa.DictionaryArray) -> list[str]:
    texts: list[str] = encoded.dictionary.to_pylist()
    return texts


def _names(text: str) -> list[str]:
    return text.split("\\") if text else []


def _part(name: str) -> Callable[[str], str]:
    if name in _OF_ALPHABETIC:
        at = _OF_ALPHABETIC.index(name)
        return lambda text: _piece(_piece(text, "=", 0, 3), "^", at, 5)
    group = _GROUPS.index(name)
    return lambda text: _piece(text, "=", group, 3)


def _piece(text: str, separator: str, at: int, pieces: int) -> str:
    """A piece without the spaces around it; the last holds whatever follows it."""
    found = text.split(separator, pieces - 1)
    return found[at].strip(" ") if at < len(found) else ""
