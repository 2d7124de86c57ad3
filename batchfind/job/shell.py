"""Paths written for a shell, which never sees a job."""

from __future__ import annotations

import re
from typing import Final

from batchfind.job.embedded import without_templates

_EXPANDED: Final = re.compile(
    r"^~(?:[\w.-]*(?=[/\\])|$)|\$\{\w+\}|\$[A-Z_][A-Z0-9_]*\b|%[A-Z][A-Z_()0-9]{2,}%"
)


def shell_fault(path: str) -> str:
    """Why a path cannot be meant as it is written, or nothing.

    >>> shell_fault("~/worklist.csv")
    'no shell expands ~ here; write an absolute path'
    >>> shell_fault("exports/$DAY.csv")
    'no shell expands $DAY here; write an absolute path'
    >>> shell_fault("exports/~old/a$b.csv")
    ''
    """
    found = _EXPANDED.search(without_templates(path))
    if found is None:
        return ""
    return f"no shell expands {found[0][:40]} here; write an absolute path"
