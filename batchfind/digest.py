"""Canonical JSON and SHA-256, the base of every digest batchfind reports."""

from __future__ import annotations

import hashlib
import json
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
    if value is None or isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, list | tuple):
        return "[" + ",".join(_render(item) for item in value) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: str(key).encode("utf-16-be"))
        return "{" + ",".join(_member(key, value[key]) for key in keys) + "}"
    raise TypeError(f"no canonical JSON form for {type(value).__name__}")


def _member(key: Any, value: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON key must be text, not {type(key).__name__}")
    return f"{json.dumps(key, ensure_ascii=False)}:{_render(value)}"
