"""Folders of a partitioned table, named as Hive names them: `bf_peer=ris`."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final
from urllib.parse import unquote

DEFAULT_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"
"""Stands for null, and for empty text, as in Hive and Spark."""

_LONGEST: Final = 200
_SAFE: Final = re.compile(r"[A-Za-z0-9._~-]")
_DAY: Final = re.compile(r"(\d{4})[-.]?(\d{2})[-.]?(\d{2})")
_PERIOD: Final = {"year": 4, "month": 7, "day": 10}


def folder_name(key: str, value: str | None) -> str:
    """The folder of one value.

    Args:
        key: name of the partition.
        value: as text; null and empty share a folder.

    Returns:
        `key=value`, percent-encoded where a file system, a URL or a reader could
        misread it; letters of other scripts stay. Longer than 200 bytes, it is cut
        and ends in a digest: `is_cut` tells.
    """
    name = f"{_encoded(key)}={_encoded(value) if value else DEFAULT_PARTITION}"
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    short = name.encode()[: _LONGEST - 17].decode("utf-8", "ignore")
    return f"{re.sub('%.?$', '', short)}-{digest}"


def is_cut(key: str, value: str | None) -> bool:
    """Whether the folder of a value does not tell all of it."""
    return bool(value) and len(f"{_encoded(key)}={_encoded(value or '')}".encode()) > (
        _LONGEST
    )


def period_of(text: str | None, by: str) -> str | None:
    """The year, month or day of a date as text, or None when it is no date.

    Args:
        text: `YYYYMMDD`, with or without a time behind it, or ISO 8601.
        by: `year`, `month` or `day`.
    """
    found = _DAY.match(text or "")
    if found is None or not _is_day(*map(int, found.groups())):
        return None
    return "-".join(found.groups())[: _PERIOD[by]]


def values_of(folder: str) -> tuple[str | None, ...]:
    """The values that a path of partition folders stands for."""
    texts = [part.partition("=")[2] for part in folder.split("/") if part]
    return tuple(None if text == DEFAULT_PARTITION else unquote(text) for text in texts)


def layout_of(folder: str) -> tuple[str, ...]:
    """The names of the partitions in a path of folders."""
    return tuple(part.partition("=")[0] for part in folder.split("/") if part)


def _is_day(year: int, month: int, day: int) -> bool:
    return year > 0 and 1 <= month <= 12 and 1 <= day <= 31


def _encoded(text: str) -> str:
    # Some file systems compose accents; a value that is not composed stays apart
    # from the composed one only as ASCII. So does text that looks like null.
    composed = unicodedata.is_normalized("NFC", text)
    inner = "".join(_plain(char, letters=composed) for char in text)
    if text == DEFAULT_PARTITION:
        inner = "%5F" + inner[1:]
    # Windows drops a dot at the end of a name.
    return inner[:-1] + "%2E" if inner.endswith(".") else inner


def _plain(char: str, *, letters: bool) -> str:
    if _SAFE.match(char) or (letters and ord(char) > 0x7F and char.isprintable()):
        return char
    raw = char.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)
