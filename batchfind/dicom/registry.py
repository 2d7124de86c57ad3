"""The tables of PS3.6, and of known private attributes, that pydicom ships.

They are read as the files they are. Importing pydicom itself would load numpy and all
its image handlers, which takes longer than to validate a job.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, cast

Row: TypeAlias = tuple[str, ...]


class Attribute(NamedTuple):
    """A row of PS3.6 Table 6-1.

    Attributes:
        vr: with its alternatives, such as `US or SS`.
        multiplicity: such as `1-n`.
        retired: empty, or what the standard says of it.
        keyword: empty where it has none.
    """

    vr: str
    multiplicity: str
    name: str
    retired: str
    keyword: str


class RegisteredUid(NamedTuple):
    """A row of PS3.6 Table A-1.

    Attributes:
        kind: such as `Transfer Syntax`.
        retired: empty, or what the standard says of it.
        keyword: empty where it has none.
    """

    name: str
    kind: str
    info: str
    retired: str
    keyword: str


def _table(module: str, name: str) -> Any:
    """A table of a module of pydicom that holds nothing else."""
    package = find_spec("pydicom")
    place = Path(package.origin or "") if package else Path()
    file = place.with_name(f"{module}.py")
    if "pydicom" in sys.modules or not file.is_file():
        return getattr(import_module(f"pydicom.{module}"), name)
    spec = spec_from_file_location(f"{__name__}.{module}", file)
    if spec is None or spec.loader is None:
        return getattr(import_module(f"pydicom.{module}"), name)
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


ATTRIBUTES: Final[Mapping[int, Row]] = _table("_dicom_dict", "DicomDictionary")
"""Tag to the fields of its `Attribute`, without repeating groups."""

_REPEATING: Final[Mapping[str, Row]] = _table("_dicom_dict", "RepeatersDictionary")


def attribute(tag: int) -> Attribute | None:
    """What PS3.6 says of a tag, repeating groups included; None when nothing.

    Source: PS3.6 Section 6, PS3.5 Section 7.6.
    """
    row = ATTRIBUTES.get(tag)
    return Attribute._make(row) if row is not None else repeating(tag)


@lru_cache(maxsize=8192)
def repeating(tag: int) -> Attribute | None:
    """What PS3.6 says of the repeating group a tag belongs to, or None.

    Source: PS3.5 Section 7.6.
    """
    if tag >> 16 & 1:
        return None
    for fixed, bits, row in _masks():
        if tag & bits == fixed:
            return Attribute._make(row)
    return None


def repeating_tag_of(keyword: str) -> int | None:
    """The first tag of a repeating group (60xx and others) by its keyword, or None.

    Source: PS3.5 Section 7.6.
    """
    masks = (mask for mask, row in _REPEATING.items() if row[4] == keyword)
    return next(map(_first, masks), None)


@cache
def tags_by_keyword() -> Mapping[str, int]:
    """Keyword to tag, without repeating groups."""
    return MappingProxyType({row[4]: tag for tag, row in ATTRIBUTES.items() if row[4]})


def private_vr(tag: int, creator: str) -> str | None:
    """The VR of a private element of a known creator, else None; the block is free."""
    known = _private().get(creator, {})
    text = f"{tag:08X}"
    for place in (text, f"{text[:4]}xx{text[6:]}", f"{text[:2]}xxxx{text[6:]}"):
        if place in known:
            return known[place][0]
    return None


@cache
def uids() -> Mapping[str, RegisteredUid]:
    """Every UID of PS3.6 Table A-1."""
    rows = cast("Mapping[str, Row]", _table("_uid_dict", "UID_dictionary"))
    return MappingProxyType(
        {uid: RegisteredUid._make(row) for uid, row in rows.items()}
    )


@cache
def _private() -> Mapping[str, Mapping[str, Row]]:
    return cast(
        "Mapping[str, Mapping[str, Row]]",
        _table("_private_dict", "private_dictionaries"),
    )


@cache
def _masks() -> tuple[tuple[int, int, Row], ...]:
    """Of each repeating group: its fixed bits, which bits are fixed, its row."""
    return tuple(
        (
            _first(mask),
            int("".join("0" if digit == "x" else "f" for digit in mask), 16),
            row,
        )
        for mask, row in _REPEATING.items()
    )


def _first(mask: str) -> int:
    return int(mask.replace("x", "0"), 16)
