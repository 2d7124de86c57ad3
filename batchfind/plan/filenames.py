"""Makes values safe inside a path and refuses paths no file can have."""

from __future__ import annotations

import hashlib
from typing import Final

_FORBIDDEN: Final = frozenset('<>:"/\\|?*%')
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³"]
)
_LONGEST_VALUE: Final = 120
_LONGEST_NAME: Final = 255


def safe_value(text: str) -> str:
    """A value as part of a file name on every platform.

    Separators, control characters and what Windows forbids are percent-encoded, so
    different values stay different; a value of more than 120 bytes is cut and ends
    in a digest of the whole.

    Args:
        text: any text, also from a row or a variable.

    Returns:
        Text without separators, never empty, never `.` or `..`.
    """
    if not text:
        return "%empty"  # no encoded value can look so
    inner = "".join(_encoded(char) if _is_unsafe(char) else char for char in text)
    # What begins with a dot or underscore is hidden from readers of directories,
    # and Windows drops blanks and dots at the end.
    if inner[0] in "._ ":
        inner = _encoded(inner[0]) + inner[1:]
    if inner[-1] in ". ":
        inner = inner[:-1] + _encoded(inner[-1])
    if _is_device(inner):
        inner = _encoded(inner[0]) + inner[1:]
    return _shortened(inner, text)


def _is_unsafe(char: str) -> bool:
    return char in _FORBIDDEN or not (char.isprintable() or char == " ")


def _encoded(char: str) -> str:
    raw = char.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)


def _shortened(inner: str, text: str) -> str:
    raw = inner.encode()
    if len(raw) <= _LONGEST_VALUE:
        return inner
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return raw[: _LONGEST_VALUE - 17].decode("utf-8", "ignore") + "-" + digest


def path_fault(path: str, *, template: str = "") -> str | None:
    """Why a rendered path cannot name an output file, or None.

    Args:
        path: with slashes of either kind between folders.
        template: what it was rendered from. The folders with which an absolute one
            begins are the user's own; all else is named by the job.
    """
    *folders, name = _parts(path)
    if not name or name in {".", ".."}:
        return "the path ends in a folder; end it in a file name"
    for part in (*folders[_own_folders(template) :], name):
        if part[:1] in {".", "_"} and part not in {".", ".."}:
            return (
                f"{part} begins with {part[0]}, which makes it invisible to readers of"
                " folders; begin it with another character"
            )
    for part in (*folders, name):
        if any(not char.isprintable() for char in part):
            return "the path holds control characters"
        if len(part.encode()) > _LONGEST_NAME:
            return f"a part of the path is longer than {_LONGEST_NAME} bytes"
        if _is_device(part):
            return f"{part} is the name of a device on Windows; choose another"
    return None


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").split("/")


def _own_folders(template: str) -> int:
    """How many folders of an absolute path stand before its first template."""
    literal = template.partition("{")[0]
    absolute = literal[:1] in {"/", "\\"} or literal[1:2] == ":"
    return len(_parts(literal)) - 1 if absolute else 0


def _is_device(name: str) -> bool:
    return name.partition(".")[0].rstrip(" ").casefold() in _DEVICES
