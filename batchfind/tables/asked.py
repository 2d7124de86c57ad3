"""The matching keys of a request, as its responses are held against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary, is_private_creator
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.judging import Judge, judge_of
from batchfind.dicom.matching import NEVER_MATCHED, WILDCARD_VRS
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, Step, step_of
from batchfind.dicom.temporal import value_of
from batchfind.plan.model import Request

#: Keys of a repository query that say how it is to be answered: mechanisms of
#: extended matching and their sequences, where to go on, and how many to send.
#: Source: PS3.4 Section C.6.4.
_CONTROLS: Final = frozenset(
    {
        *(0x0008040F, 0x00080410, 0x00080411, 0x00080412, 0x00080413),
        *(0x0008041C, 0x00080429),
    }
)
_STEERING: Final = NEVER_MATCHED | _CONTROLS


@dataclass(frozen=True, slots=True)
class AskedKey:
    """One matching key.

    Attributes:
        path: without item numbers.
        text: as in the request; empty for a key of bytes.
        judge: tells which values match; None when nobody can.
    """

    path: KeyPath
    text: str
    judge: Judge | None


def asked_keys(
    request: Request,
    model: InformationModel,
    negotiated: tuple[str, ...] = (),
    known: Dictionary = STANDARD,
) -> tuple[AskedKey, ...]:
    """The keys of a request that are not universal, in tag order.

    Args:
        request: as sent.
        model: its information model.
        negotiated: options of extended negotiation in force.
        known: VRs and names.

    Returns:
        Keys that only steer are not among them. A key that stands in several items of
        one sequence is there once and cannot be judged.

    Source: PS3.4 Section C.2.2.2.
    """
    found: dict[KeyPath, AskedKey] = {}
    for path, text in _matching(request.identifier, known, ()):
        judge = judge_of(path.vr, text, negotiated) if path not in found else None
        found[path] = AskedKey(path, text, judge)
    for path in _continued(found, model, negotiated):
        found[path] = replace(found[path], judge=None)
    return tuple(found.values())


def _matching(
    identifier: Identifier, known: Dictionary, above: tuple[Step, ...]
) -> Iterator[tuple[KeyPath, str]]:
    creators: dict[int, str] = {}
    for element in identifier:
        if not element.value or element.tag in _STEERING or not element.tag & 0xFFFF:
            continue
        if is_private_creator(element.tag) and isinstance(element.value, str):
            creators[element.tag] = element.value.strip(" ")
            continue
        step = _step(element, creators, known)
        if isinstance(element.value, tuple):
            for item in element.value:
                yield from _matching(item, known, (*above, step))
        elif isinstance(element.value, bytes):
            yield KeyPath((*above, step)), ""
        elif not _is_universal(element.vr, element.value):
            yield KeyPath((*above, step)), element.value


def _step(element: Element, creators: dict[int, str], known: Dictionary) -> Step:
    tag = element.tag
    creator = creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
    if creator is not None:
        # As columns name it: the block is given out anew in each Identifier.
        tag = tag & 0xFFFF00FF | 0x1000
    return step_of(tag, element.vr, creator, known)


def _is_universal(vr: str, text: str) -> bool:
    key = text.strip(" \0")
    return not key or (vr in WILDCARD_VRS and not key.strip("*"))


def _continued(
    keys: dict[KeyPath, AskedKey],
    model: InformationModel,
    negotiated: tuple[str, ...],
) -> Iterator[KeyPath]:
    """Time keys that bound a whole period together with a range of dates.

    The time alone then says nothing: of a period from Monday 20:00 to Wednesday
    06:00 all hours of Tuesday are part.

    Source: PS3.4 Sections C.2.2.2.5 and K.6.1.2.2.
    """
    if model.name != "worklist" and "date_time" not in negotiated:
        return
    dotted = {path.dotted: path for path in keys}
    for pair in model.window_pairs:
        date = dotted.get(pair.date)
        time = dotted.get(pair.time) if pair.time is not None else None
        if date is None or time is None:
            continue
        if value_of("DA", keys[date].text.strip()) is None:
            yield time
