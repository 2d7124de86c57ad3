"""The names of files that hold one response each."""

from __future__ import annotations

from collections.abc import Iterator

from batchfind.plan.filenames import safe_value
from batchfind.tables.slabs import Slab


def file_names(template: str, slab: Slab) -> Iterator[str]:
    """The names of the responses' files, in order.

    Args:
        template: one that `check_name_template` finds no fault with.
        slab: gives the values; each is made safe, so none can add a folder.

    Yields:
        Paths relative to the output, folders separated by `/`.
    """
    for part in slab.parts:
        origin = part.origin
        values = {
            "request": safe_value(origin.request),
            "query": safe_value(origin.query),
            "peer": safe_value(origin.peer),
        }
        for index in range(part.first, part.first + len(part.ends)):
            yield template.format(response=index, **values)
