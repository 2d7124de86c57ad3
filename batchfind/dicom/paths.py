"""Key paths: the ways a job names an attribute, at any depth.

One step is a keyword, a tag or a private element; steps are joined by dots, and a
sequence may carry the number of its item, 0 when left out::

    PatientID
    (0010,0020)   0010,0020   00100020
    ScheduledProcedureStepSequence.Modality
    ScheduledProcedureStepSequence[0].Modality
    0040,0100[0].0008,0060
    0019,"SIEMENS CT VA0 COAD",10     private: group, creator, element in its block
    0019,1010                         private by number; its creator is another key

A private element with its creator stands in block 10 until `private.reserve_blocks`
gives the blocks out.
"""

from __future__ import annotations

import re
from dataclasses import replace

from batchfind.dicom import dictionary
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.key_paths import (
    FIRST_BLOCK,
    LAST_BLOCK,
    KeyPath,
    Step,
    column_name,
    step_of,
)

__all__ = [
    "FIRST_BLOCK",
    "LAST_BLOCK",
    "MAX_DEPTH",
    "MAX_ITEM",
    "KeyPath",
    "Step",
    "child",
    "column_name",
    "parse_path",
    "step_of",
]

MAX_DEPTH = 16
"""Steps of a path; ten times what any information model nests."""

MAX_ITEM = 999
"""Highest item number; a larger one is a slip, and would allocate empty items."""

_STEP = re.compile(
    r"""
    (?: \(? (?P<group>[0-9A-Fa-f]{4}) ,
            (?: (?P<element>[0-9A-Fa-f]{4})
              | \s* "(?P<creator>[^"\\]+)" \s* , \s*
                (?:[xX]{2})? (?P<offset>[0-9A-Fa-f]{2}) ) \)?
      | (?P<number>[0-9A-Fa-f]{8})
      | (?P<keyword>[A-Za-z][A-Za-z0-9]*)
    )
    (?: \[ (?P<item>[0-9]{1,9}) \] )?
    (?= \. | $ )
    """,
    re.VERBOSE,
)


def parse_path(text: str, known: Dictionary = STANDARD) -> KeyPath:
    """The key path that a text names, from the root of the Identifier.

    Args:
        text: one of the forms in the module's docstring, without white space.
        known: keywords and VRs.

    Returns:
        A path of at most `MAX_DEPTH` steps.

    Raises:
        ValueError: one sentence that says what is wrong and, where something
            near exists, what was probably meant.

    Source: PS3.5 Sections 7.1, 7.5 and 7.8.
    """
    return child(None, text, known)


def child(
    path: KeyPath | None,
    text: str,
    known: Dictionary = STANDARD,
    *,
    verbatim: bool = False,
) -> KeyPath:
    """The key path that a text names inside a sequence.

    Args:
        path: the enclosing sequence; None stands for the root.
        text: as for `parse_path`.
        known: keywords and VRs.
        verbatim: allows the tags that the standard forbids and findscu sends:
            group lengths, and the reserved elements and groups with odd numbers.

    Returns:
        The joined path.

    Raises:
        ValueError: as `parse_path`, and when `path` is no sequence.
    """
    steps = [] if path is None else [_as_sequence(path.leaf, text)]
    steps = [*path.sequences, *steps] if path else steps
    position = 0
    while True:
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(_unreadable(text, known))
        steps.append(_step(match, known, verbatim=verbatim))
        position = match.end()
        if position == len(text):
            break
        steps[-1] = _as_sequence(steps[-1], text)
        position += 1
    if len(steps) > MAX_DEPTH:
        raise ValueError(f"{text!r} nests deeper than {MAX_DEPTH} steps")
    return KeyPath(tuple(steps))


def _as_sequence(step: Step, text: str) -> Step:
    """The step as one that can be entered; unknown elements may be sequences."""
    if step.vr not in {"SQ", "UN"}:
        raise ValueError(f"{step.name} is {step.vr}, not a sequence, in {text!r}")
    return replace(step, vr="SQ")


def _step(match: re.Match[str], known: Dictionary, *, verbatim: bool) -> Step:
    tag, creator = _tag_of(match, known)
    _refuse_illegal(tag, match.group(), verbatim=verbatim)
    vr = known.vr_of(tag)
    if creator is not None:
        vr = known.private_vr(creator, tag) or "UN"
    item = int(match["item"] or 0)
    if item > MAX_ITEM:
        raise ValueError(f"item {item} in {match.group()!r} is above {MAX_ITEM}")
    if match["item"] is not None and vr not in {"SQ", "UN"}:
        raise ValueError(f"{match.group()!r} has an item, but is {vr}, not a sequence")
    return replace(step_of(tag, vr, creator, known), item=item)


def _tag_of(match: re.Match[str], known: Dictionary) -> tuple[int, str | None]:
    """Tag and private creator of one step."""
    text = match.group()
    if text.startswith("(") != text.partition("[")[0].endswith(")"):
        raise ValueError(f"unbalanced parentheses in {text!r}; write (gggg,eeee)")
    if keyword := match["keyword"]:
        tag = known.tag_of(keyword)
        if tag is not None:
            return tag, None
        entry = known.entry_named(keyword)
        if entry is None:
            raise ValueError(_unknown_keyword(keyword, known))
        return entry.tag, entry.creator
    if number := match["number"]:
        return int(number, 16), None
    group = int(match["group"], 16)
    if match["creator"] is None:
        return group << 16 | int(match["element"], 16), None
    return _private(group, match["creator"], int(match["offset"], 16))


def _private(group: int, creator: str, offset: int) -> tuple[int, str]:
    if not group & 1:
        raise ValueError(
            f"group {group:04x} is even, so it has no private creator {creator!r};"
            " private groups are odd (PS3.5 7.8)"
        )
    if len(creator) > 64 or creator != creator.strip() or not creator.isprintable():
        raise ValueError(f"{creator!r} is no private creator: an LO of 1 to 64")
    return group << 16 | FIRST_BLOCK << 8 | offset, creator


def _refuse_illegal(tag: int, text: str, *, verbatim: bool) -> None:
    """Tags that no Identifier may hold."""
    group = tag >> 16
    reason = ""
    if group in {0x0000, 0x0002}:
        what = "the command set" if group == 0 else "file meta information"
        reason = f"group {group:04x} is {what}, never part of an Identifier"
    elif group == dictionary.ITEM_GROUP:
        reason = "items and delimiters are written by batchfind itself"
    elif verbatim:
        return
    elif group in {0x0001, 0x0003, 0x0005, 0x0007, 0xFFFF}:
        reason = f"group {group:04x} is not allowed (PS3.5 7.8)"
    elif not tag & 0xFFFF:
        reason = "a group length is retired and never sent (PS3.5 7.2)"
    elif dictionary.is_private(tag) and tag & 0xFFFF < FIRST_BLOCK:
        reason = "elements 0001-000F of a private group are not allowed (PS3.5 7.8.1)"
    if reason:
        raise ValueError(f"{text!r} cannot be a key: {reason}")


def _unreadable(text: str, known: Dictionary) -> str:
    if not text:
        return "a key path must not be empty"
    words = [word for word in re.split(r"[.\[\]]", text) if word]
    hint = next(filter(None, map(known.suggest_keyword, words)), None)
    meant = f" (did you mean {hint!r}?)" if hint and hint not in words else ""
    return (
        f"{text!r} is no key path; write a keyword, gggg,eeee or"
        f" Sequence.Attribute{meant}"
    )


def _unknown_keyword(keyword: str, known: Dictionary) -> str:
    hint = known.suggest_keyword(keyword)
    meant = f" (did you mean {hint!r}?)" if hint else ""
    return f"unknown attribute {keyword!r}{meant}"
