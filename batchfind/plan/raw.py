"""The Identifier of a raw query: what is written, as findscu would send it.

Nothing is added and no value is checked. Sequences have the items that are written.
Text is encoded as (0008,0005) says where the keys or the file hold one, else as the
peer's `charset.request`; where nothing says anything, its bytes are those of UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from batchfind.dicom.charset import encode_text
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.findscu_keys import KeyRefused, Place, put_key
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.vrs import STRING_VRS, TEXT_VRS
from batchfind.job.model import CharsetPolicy
from batchfind.plan.characters import choose_charset, declared_charset, texts_of
from batchfind.plan.keys import Leaf
from batchfind.plan.problems import Problems


def raw_identifier(
    leaves: Iterable[Leaf], base: Identifier, known: Dictionary, problems: Problems
) -> Identifier | None:
    """The Identifier that a file and the keys give together.

    Args:
        leaves: rendered keys in the order written.
        base: of the file, as written; or empty.
        known: VRs.
        problems: notes keys that cannot be part of it.

    Returns:
        None when there was a problem.
    """
    identifier: Identifier | None = base
    for leaf in leaves:
        try:
            changed = put_key(identifier or (), _places(leaf), leaf.text, known)
        except KeyRefused as error:
            message = f"this cannot be sent: {leaf.path}: {_why(leaf, error)}"
            problems.error(leaf.mark, leaf.where, message)
            identifier, changed = None, ()
        identifier = changed if identifier is not None else None
    return identifier


def in_raw_charset(
    identifier: Identifier, policy: CharsetPolicy
) -> tuple[Identifier, tuple[str, ...]]:
    """The Identifier with its text as it is to be sent, and the terms for that.

    Args:
        identifier: as written.
        policy: of the peer.

    Returns:
        Terms are () where text is bytes already.

    Raises:
        ValueError: when the character set named lacks a character.
    """
    declared = declared_charset(identifier)
    if declared or policy.request:
        charset = choose_charset(texts_of(identifier), declared, policy)
        return _as_bytes(identifier, STRING_VRS - TEXT_VRS, charset), charset
    return _as_bytes(identifier, STRING_VRS, ("ISO_IR 192",)), ()


def _as_bytes(
    identifier: Identifier, vrs: frozenset[str], charset: tuple[str, ...]
) -> Identifier:
    """With text beyond ASCII of some VRs as bytes."""
    return tuple(_bytes_of(element, vrs, charset) for element in identifier)


def _bytes_of(
    element: Element, vrs: frozenset[str], charset: tuple[str, ...]
) -> Element:
    value = element.value
    if isinstance(value, tuple):
        items = tuple(_as_bytes(item, vrs, charset) for item in value)
        return replace(element, value=items)
    if isinstance(value, str) and element.vr in vrs and not value.isascii():
        return replace(element, value=encode_text(value, charset))
    return element


def _places(leaf: Leaf) -> tuple[Place, ...]:
    *above, last = leaf.path.steps
    entered = last.item if leaf.entered else None
    return (
        *(Place(step.tag, step.item, step.creator) for step in above),
        Place(last.tag, entered, last.creator),
    )


def _why(leaf: Leaf, error: KeyRefused) -> str:
    if error.code == "0001:0006":
        return f"the value is no {leaf.path.vr}"
    if error.message.startswith("Invalid Path"):
        return "an item of what is no sequence"
    return error.message[:1].lower() + error.message[1:]
