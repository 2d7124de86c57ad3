"""The template of a response's file name, such as `{request}-{response:06}.dcm`."""

from __future__ import annotations

import re
from string import Formatter
from typing import Final

FIELDS: Final = ("request", "response", "query", "peer")
"""What a template may name: `response` is a number, the others are text."""

_WIDTH: Final = re.compile(r"0?[0-9]{0,2}d?")
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def check_name_template(text: str) -> str:
    """Why a template cannot name the files of responses.

    Args:
        text: a format string of Python with the fields `request`, `response`,
            `query` and `peer`; only `response` takes a width, 99 at most.

    Returns:
        Half a sentence that says what to do, or an empty string for a good one.
    """
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:
        return "its braces do not match; write {{ and }} for braces that stay"
    for _, name, width, conversion in pieces:
        if name is not None and (fault := _field_fault(name, width or "", conversion)):
            return fault
    if all(name != "response" for _, name, _, _ in pieces):
        return "it lacks {response}, so all files would have one name; add it"
    return _path_fault("".join(literal for literal, _, _, _ in pieces), text)


def _field_fault(name: str, width: str, conversion: str | None) -> str:
    """What is wrong with one field."""
    if name not in FIELDS:
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        return f"{{{name}}} is unknown; use {known}"
    if conversion:
        return f"{{{name}!{conversion}}} converts; write {{{name}}}"
    if name == "response" and not _WIDTH.fullmatch(width):
        return f"':{width}' is no width; write {{response:06}}"
    if name != "response" and width:
        return f"{{{name}}} is text and takes no format; write {{{name}}}"
    return ""


def _path_fault(literals: str, text: str) -> str:
    """What is wrong with the text around the fields."""
    if found := _FORBIDDEN.search(literals):
        return f"{found[0]!r} cannot be part of a file name everywhere; leave it out"
    if text.startswith("/") or text.endswith("/"):
        return "it begins or ends with /; write a path below the output"
    if any(not part.strip(". ") for part in text.split("/")):
        return "a part of it is empty or only dots; name every folder"
    return ""
