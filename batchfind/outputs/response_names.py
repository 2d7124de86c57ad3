"""The names of files that hold one response each."""

from __future__ import annotations

from batchfind.outputs.documents import Response
from batchfind.plan.filenames import safe_value


def file_name(template: str, response: Response) -> str:
    """The name of a response's file.

    Args:
        template: one that `check_name_template` finds no fault with.
        response: gives the values; each is made safe, so none can add a folder.

    Returns:
        A path relative to the output, folders separated by `/`.
    """
    origin = response.origin
    return template.format(
        request=safe_value(origin.request),
        response=response.index,
        query=safe_value(origin.query),
        peer=safe_value(origin.peer),
    )
