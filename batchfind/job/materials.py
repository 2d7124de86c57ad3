"""Whether the files that connections need are there, before anything is asked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from batchfind.errors import Problem
from batchfind.job.transport_model import Material


def missing_materials(materials: Iterable[Material]) -> list[Problem]:
    """A problem for each file or folder that is not there or cannot be read."""
    judged = ((one, _fault(one.path, folder=one.folder)) for one in materials)
    return [Problem(one.mark, one.place, fault) for one, fault in judged if fault]


def _fault(path: Path, *, folder: bool) -> str:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no usable path"
        return f"cannot read {path}: {reason.lower()}"
    if folder != path.is_dir():
        return f"{path} is {'no folder' if folder else 'a folder; name a file'}"
    if not os.access(path, os.R_OK):
        return f"cannot read {path}: permission denied"
    return ""
