"""How the pieces of a window are cut further: `split` and the fields it needs."""

from __future__ import annotations

from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.job.keys import read_path, refusal
from batchfind.job.model import Split, Then, Unset
from batchfind.job.nodes import MappingNode
from batchfind.job.section import Section

ADAPTIVE: Final = "adaptive"
_OF_SPLIT: Final = ("floor", "unset", "then")
_LONGEST_FLOOR: Final = 86_400


def read_split(window: Section, known: Dictionary = STANDARD) -> Split | None:
    """How a window is split, or None where it is not; problems are reported."""
    if window.text("split") != ADAPTIVE:
        for name in _OF_SPLIT:
            if window.has(name):
                message = "belongs to 'split: adaptive'; write that too, or remove this"
                window.error(name, message)
        return None
    unset = window.text("unset")
    return Split(
        floor=_floor(window),
        unset=Unset(unset) if unset in {one.value for one in Unset} else Unset.PROBE,
        then=_then(window, known),
    )


def _floor(window: Section) -> int:
    floor = window.durations("floor").get("floor")
    if floor is None:
        return Split().floor
    if floor != int(floor) or not 1 <= floor <= _LONGEST_FLOOR:
        window.error("floor", "must be whole seconds, from 1s to 1d")
        return Split().floor
    return int(floor)


def _then(window: Section, known: Dictionary) -> tuple[Then, ...]:
    found: list[Then] = []
    for number, item in enumerate(window.items("then")):
        if not isinstance(item, MappingNode) or window.report.full:
            continue
        place = f"{window.place('then')}[{number}]"
        entry = Section(item, place, window.report)
        key = read_path(entry, "key", known)
        if key is None:
            continue
        if problem := refusal(key):
            entry.error("key", problem)
        elif key.vr == "SQ":
            entry.error("key", f"{key.dotted} is a sequence; name a key inside it")
        elif any(key == one.key for one in found):
            entry.error("key", f"{key.dotted} cuts twice; put its values together")
        else:
            flags = entry.flags("exhaustive")
            values = entry.scalars("values")
            found.append(Then(mark=entry.mark("key"), key=key, values=values, **flags))
    return tuple(found)
