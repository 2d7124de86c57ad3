"""Canonical JSON and SHA-256, the base of every digest batchfind reports."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring
from typing import Any


def canonical_json(value: Any) -> bytes:
    """The RFC 8785 form of a value made of strings, integers, booleans and null.

    Args:
        value: dicts with string keys, lists or tuples, str, int, bool, None.

    Returns:
        UTF-8 bytes: keys sorted by UTF-16 code units, no white space.

    Raises:
        TypeError: for a float or any other type, whose text form would not be
            portable.

    Source: RFC 8785.
    """
    return _render(value).encode("utf-8")


def sha256_of(value: Any) -> str:
    """Lower-case hexadecimal SHA-256 (64 characters) of the canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _render(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_render, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(_member(key, value[key]) for key in _sorted(value)) + "}"
    raise TypeError(f"no canonical JSON form for {type(value).__name__}")


def _sorted(value: dict[Any, Any]) -> list[str]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"a JSON key must be text, not {type(key).__name__}")
    if all(map(str.isascii, value)):
        return sorted(value)
    return sorted(value, key=lambda key: key.encode("utf-16-be"))


def _member(key: str, value: Any) -> str:
    return f"{encode_basestring(key)}:{_render(value)}"
