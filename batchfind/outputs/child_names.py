"""Names of files below a directory output, safe whatever they are made of."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

_FORBIDDEN: Final = frozenset('<>:"\\|?*')
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9-][A-Za-z0-9._=-]{0,200}(?<!\.)")
_LONGEST: Final = 230
"""Bytes of one part: a number and a run id must still find room below 255."""


def safe_child(name: str) -> str:
    """A relative path made safe, part by part.

    What could lead out of the directory, what Windows forbids and what readers of
    directories overlook is percent-encoded; parts that are too long are cut and end
    in a digest. A path that is safe stays as it is.

    Args:
        name: folders separated by `/`; may hold anything a peer sent.
    """
    parts = [_safe_part(part) for part in name.split("/") if part]
    return "/".join(parts) or "%empty"


class ChildNames:
    """The names given out below one directory.

    Two names that a file system might take for one, since it ignores case or
    composes accents, are kept apart by a number.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def claim(self, name: str, mark: str = "") -> str:
        """A free relative path like `name`.

        Args:
            name: as for `safe_child`.
            mark: goes before the suffix of the file's name, such as a run id.
        """
        if not mark and self._is_free(name):
            self._files.add(name.casefold())
            return name
        *folders, last = safe_child(name).split("/")
        above = ""
        for folder in folders:
            above = self._free(above + folder, self._files) + "/"
            self._folders.add(_folded(above[:-1]))
        if mark:
            last = _before_suffix(last, f"-{mark}")
        found = self._free(above + last, self._files, self._folders)
        self._files.add(_folded(found))
        return found

    def _is_free(self, name: str) -> bool:
        """Whether a name, as nearly all are, needs no second look."""
        folded = name.casefold()
        return (
            _PLAIN.fullmatch(name) is not None
            and folded not in self._files
            and folded not in self._folders
            and folded.partition(".")[0] not in _DEVICES
        )

    def _free(self, name: str, *taken: set[str]) -> str:
        candidate, number = name, 1
        while any(_folded(candidate) in names for names in taken):
            number += 1
            candidate = _before_suffix(name, f"-{number}")
        return candidate


def _safe_part(part: str) -> str:
    inner = part
    if not _PLAIN.fullmatch(part):  # most names are plain, and there are many
        text = unicodedata.normalize("NFC", part)
        inner = "".join(_encoded(char) if _is_unsafe(char) else char for char in text)
    if inner[0] in "._ ":
        inner = _encoded(inner[0]) + inner[1:]
    if inner[-1] in ". ":
        inner = inner[:-1] + _encoded(inner[-1])
    if inner.partition(".")[0].rstrip(" ").casefold() in _DEVICES:
        inner = _encoded(inner[0]) + inner[1:]
    return _shortened(inner, part)


def _is_unsafe(char: str) -> bool:
    return char in _FORBIDDEN or not (char.isprintable() or char == " ")


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _shortened(inner: str, text: str) -> str:
    if len(inner.encode()) <= _LONGEST:
        return inner
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    stem, dot, suffix = inner.rpartition(".")
    end = f"-{digest}{dot}{suffix}" if stem and len(suffix) <= 8 else f"-{digest}"
    room = _LONGEST - len(end.encode())
    return inner.encode()[:room].decode("utf-8", "ignore") + end


def _before_suffix(name: str, addition: str) -> str:
    folder, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    changed = f"{stem}{addition}{dot}{suffix}" if stem else last + addition
    return folder + slash + changed


def _folded(name: str) -> str:
    return (
        name.casefold()
        if name.isascii()
        else unicodedata.normalize("NFC", name.casefold())
    )
