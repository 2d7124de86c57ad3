"""What the replay SCP answers: kinds of responses, drawn once and encoded once."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

from benchmarks.replay.encoding import Element, final, identifier, pending

#: So many different responses are encoded; a longer answer repeats them.
DISTINCT = 20_000
#: The answer is sent in blocks of about so many bytes.
_BLOCK = 256 << 10

_FAMILY = ("Adler", "Brandt", "Castell", "Dorn", "Ebner", "Falk", "Gruber", "Hirsch")
_GIVEN = ("Alma", "Bruno", "Clara", "David", "Edda", "Finn", "Greta", "Hugo")
_MODALITIES = ("CT", "MR", "US", "CR", "XA", "MG")
_STATIONS = ("CT01", "MR01", "MR02", "US03")


def study(index: int, dice: random.Random) -> list[Element]:
    """A study of 16 attributes."""
    day = f"20{index % 26:02d}{index % 12 + 1:02d}{index % 28 + 1:02d}"
    return [
        (0x00080005, "CS", "ISO_IR 100"),
        (0x00080020, "DA", day),
        (0x00080030, "TM", f"{index % 24:02d}{index % 60:02d}{index % 59:02d}"),
        (0x00080050, "SH", f"A{index:09d}"),
        (0x00080052, "CS", "STUDY"),
        (0x00080061, "CS", dice.choice(_MODALITIES)),
        (0x00080090, "PN", f"{dice.choice(_FAMILY)}^{dice.choice(_GIVEN)}"),
        (0x00081030, "LO", f"Examination {dice.randrange(400)}"),
        (0x00100010, "PN", f"{dice.choice(_FAMILY)}^{dice.choice(_GIVEN)}"),
        (0x00100020, "LO", f"P{index * 7 % 10_000_000:07d}"),
        (0x00100030, "DA", f"19{index % 90 + 10}0{index % 9 + 1}1{index % 9}"),
        (0x00100040, "CS", "F" if index % 2 else "M"),
        (0x0020000D, "UI", f"1.2.826.0.1.3680043.10.999.{index}.{index * 31 % 9973}"),
        (0x00200010, "SH", f"S{index}"),
        (0x00201206, "IS", str(index % 12 + 1)),
        (0x00201208, "IS", str(index % 900 + 1)),
    ]


def worklist(index: int, dice: random.Random) -> list[Element]:
    """A worklist entry of 24 columns, eight of them in its scheduled step."""
    step: list[Element] = [
        (0x00080060, "CS", dice.choice(_MODALITIES)),
        (0x00400001, "AE", dice.choice(_STATIONS)),
        (0x00400002, "DA", f"202611{index % 28 + 1:02d}"),
        (0x00400003, "TM", f"{index % 24:02d}{index % 60:02d}00"),
        (0x00400006, "PN", f"{dice.choice(_FAMILY)}^{dice.choice(_GIVEN)}"),
        (0x00400007, "LO", f"Step {dice.randrange(300)}"),
        (0x00400009, "SH", f"SPS{index}"),
        (0x00400010, "SH", dice.choice(_STATIONS)),
    ]
    return [
        (0x00080005, "CS", "ISO_IR 100"),
        (0x00080050, "SH", f"A{index:09d}"),
        (0x00080080, "LO", "Demo Hospital"),
        (0x00080090, "PN", f"{dice.choice(_FAMILY)}^{dice.choice(_GIVEN)}"),
        (0x00100010, "PN", f"{dice.choice(_FAMILY)}^{dice.choice(_GIVEN)}"),
        (0x00100020, "LO", f"P{index * 7 % 10_000_000:07d}"),
        (0x00100021, "LO", "DEMO"),
        (0x00100030, "DA", f"19{index % 90 + 10}0{index % 9 + 1}1{index % 9}"),
        (0x00100040, "CS", "F" if index % 2 else "M"),
        (0x00101030, "DS", f"{40 + index % 80}.5"),
        (0x00102000, "LO", "" if index % 3 else "Allergy"),
        (0x0020000D, "UI", f"1.2.826.0.1.3680043.10.998.{index}.{index * 31 % 9973}"),
        (0x00321032, "PN", f"{dice.choice(_FAMILY)}^{dice.choice(_GIVEN)}"),
        (0x00321060, "LO", f"Procedure {dice.randrange(200)}"),
        (0x00380010, "LO", f"V{index}"),
        (0x00400100, "SQ", [step]),
        (0x00401001, "SH", f"RP{index}"),
    ]


def ragged(index: int, dice: random.Random) -> list[Element]:
    """A study whose ten optional attributes are each absent with p = 0.5."""
    always = {0x00080005, 0x00080052, 0x00100010, 0x00100020, 0x0020000D}
    kept = [one for one in study(index, dice) if one[0] in always]
    optional = [one for one in study(index, dice) if one[0] not in always]
    kept += [one for one in optional if dice.random() < 0.5]
    return sorted(kept, key=lambda one: one[0])


KINDS: dict[str, Callable[[int, random.Random], list[Element]]] = {
    "study": study,
    "worklist": worklist,
    "ragged": ragged,
}


@cache
def data_sets(kind: str, count: int, transfer_syntax: str) -> Sequence[bytes]:
    """Encoded Identifiers of a kind; the same in every process."""
    dice = random.Random(kind)  # noqa: S311 (reproducible, not secret)
    draw = KINDS[kind]
    return [identifier(draw(index, dice), transfer_syntax) for index in range(count)]


@cache
def blocks(
    kind: str, count: int, transfer_syntax: str, context: int, sop_class: str
) -> Sequence[bytes]:
    """The whole answer to message ID 1 as blocks, ready for the socket.

    The blocks of one turn through the distinct responses are kept once.
    """
    found = data_sets(kind, min(count, DISTINCT), transfer_syntax)
    messages = [pending(context, sop_class, 1, one) for one in found]
    turns, rest = divmod(count, len(messages)) if messages else (0, 0)
    whole = _joined(messages)
    return [*(whole * turns), *_joined(messages[:rest]), final(context, sop_class, 1)]


def _joined(messages: Sequence[bytes]) -> list[bytes]:
    joined: list[bytes] = []
    part: list[bytes] = []
    size = 0
    for message in messages:
        part.append(message)
        size += len(message)
        if size >= _BLOCK:
            joined.append(b"".join(part))
            part, size = [], 0
    return [*joined, b"".join(part)] if part else joined
