"""Base Identifiers in the DICOM JSON Model."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from batchfind.dicom.identifier import Element, Identifier
from batchfind.sources.elements import (
    DEEPEST,
    FormatError,
    Found,
    Parsed,
    charset_of,
    data_set,
    holds_bytes,
    tag_of,
    text_element,
    vr_of,
)

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def read_json(raw: bytes) -> Parsed:
    """The data set of a JSON text.

    Args:
        raw: UTF-8; one object, or an array that holds one.

    Returns:
        The Identifier; its character set is the one it names, its text is Unicode
        whatever that is.

    Raises:
        FormatError: with the line when it is no JSON, with the tag when it is no
            DICOM JSON.

    Source: PS3.18 Section F.2.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_int=str,
            parse_float=str,
            parse_constant=_no_constant,
            object_pairs_hook=_each_once,
        )
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FormatError("is not UTF-8, as JSON must be", line) from None
    except json.JSONDecodeError as error:
        raise FormatError(f"is no JSON: {error.msg}", error.lineno) from None
    except RecursionError:
        raise FormatError("is nested too deeply") from None
    if isinstance(value, list):
        if len(value) != 1:
            message = f"holds {len(value)} data sets; a base Identifier is one"
            raise FormatError(message)
        value = value[0]
    found = list(_elements(value, 0))
    return Parsed(data_set(found), charset_of(found))


def _no_constant(name: str) -> NoReturn:
    raise FormatError(f"{name} is no number of JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"'{twice[:64]}' stands twice; keep one of them")
    return found


def _elements(value: Any, depth: int) -> Iterator[Found]:
    if not isinstance(value, dict):
        raise FormatError("is no DICOM JSON: a data set is an object")
    if depth > DEEPEST:
        raise FormatError(f"nested deeper than {DEEPEST} sequences")
    for name, attribute in value.items():
        tag = tag_of(name)
        if not isinstance(attribute, dict):
            raise FormatError(f"{name} must be an object with vr and Value")
        yield Found(_element(tag, name, attribute, depth))


def _element(tag: int, name: str, attribute: dict[str, Any], depth: int) -> Element:
    written = attribute.get("vr")
    vr = vr_of(tag, written if isinstance(written, str) else None)
    if "BulkDataURI" in attribute:
        raise FormatError(f"{name} is bulk data elsewhere; write its value here")
    values = attribute.get("Value", [])
    if not isinstance(values, list):
        raise FormatError(f"{name}: Value must be an array")
    if vr == "SQ":
        return Element(tag, vr, tuple(_item(value, depth) for value in values))
    if holds_bytes(vr):
        return Element(tag, vr, _inline(name, attribute.get("InlineBinary", "")))
    return text_element(tag, vr, [_text(name, vr, value) for value in values])


def _item(value: Any, depth: int) -> Identifier:
    return data_set(_elements({} if value is None else value, depth + 1))


def _inline(name: str, value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise FormatError(f"{name}: InlineBinary is not base64") from None


def _text(name: str, vr: str, value: Any) -> str:
    """One value; a person name's groups are joined as in a data set."""
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, dict):
        groups = [value.get(group, "") for group in _GROUPS]
        if all(isinstance(group, str) for group in groups):
            return "=".join(groups).rstrip("=")
    elif isinstance(value, str):
        return value
    raise FormatError(f"{name}: a value of {vr} is text or a number")
