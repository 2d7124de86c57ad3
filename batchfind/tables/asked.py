"""The matching keys of a request, as its responses are held against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

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
        name: the same as dotted text.
        text: as in the request; empty for a key of bytes.
        judge: tells which values match; None when nobody can.
    """

    path: KeyPath
    name: str
    text: str
    judge: Judge | None


@dataclass(frozen=True, slots=True)
class Question:
    """What the responses of a request are held against.

    Attributes:
        keys: its matching keys.
        judged: values are compared; else it is only noted which keys came back.
    """

    keys: tuple[AskedKey, ...]
    judged: bool = True


class Asked(Protocol):
    """The matching keys of some requests."""

    @property
    def paths(self) -> Sequence[KeyPath]:
        """Of all of them, without item numbers."""

    def of(self, request: str) -> Question:
        """What the responses of a request are held against, by its id."""


class KeyReader:
    """Takes the Identifiers of a model's requests apart into matching keys."""

    def __init__(self, model: InformationModel, known: Dictionary = STANDARD) -> None:
        """For one information model.

        Args:
            model: of the requests.
            known: VRs and names.
        """
        self._model = model
        self._known = known
        self._paths: dict[tuple[str, int, str, str], tuple[KeyPath, str]] = {}

    def keys(
        self, request: Request, negotiated: tuple[str, ...] = ()
    ) -> tuple[AskedKey, ...]:
        """The keys of a request that are not universal, in tag order.

        Args:
            request: as sent.
            negotiated: options of extended negotiation in force.

        Returns:
            Keys that only steer are not among them. A key that stands in several
            items of one sequence is there once and cannot be judged.

        Source: PS3.4 Section C.2.2.2.
        """
        found: dict[str, AskedKey] = {}
        for path, name, text in self._matching(request.identifier, (), ""):
            judge = judge_of(path.vr, text, negotiated) if name not in found else None
            found[name] = AskedKey(path, name, text, judge)
        for name in self._continued(found, negotiated):
            found[name] = replace(found[name], judge=None)
        return tuple(found.values())

    def _matching(
        self, identifier: Identifier, above: tuple[Step, ...], within: str
    ) -> Iterator[tuple[KeyPath, str, str]]:
        """Path, name and text of each key; `within` names the sequences above."""
        creators: dict[int, str] = {}
        for element in identifier:
            tag, value = element.tag, element.value
            if not value or tag in _STEERING or not tag & 0xFFFF:
                continue
            if is_private_creator(tag) and isinstance(value, str):
                creators[tag] = value.strip(" ")
                continue
            if isinstance(value, str) and _is_universal(element.vr, value):
                continue
            path, name = self._path(element, creators, above, within)
            if isinstance(value, tuple):
                for item in value:
                    yield from self._matching(item, path.steps, name)
            else:
                yield path, name, value if isinstance(value, str) else ""

    def _path(
        self,
        element: Element,
        creators: dict[int, str],
        above: tuple[Step, ...],
        within: str,
    ) -> tuple[KeyPath, str]:
        tag = element.tag
        creator = creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF) if creators else None
        if creator is not None:
            # As columns name it: the block is given out anew in each Identifier.
            tag = tag & 0xFFFF00FF | 0x1000
        place = within, tag, element.vr, creator or ""
        if place not in self._paths:
            step = step_of(tag, element.vr, creator, self._known)
            path = KeyPath((*above, step))
            self._paths[place] = path, path.dotted
        return self._paths[place]

    def _continued(
        self, keys: dict[str, AskedKey], negotiated: tuple[str, ...]
    ) -> Iterator[str]:
        """Time keys that bound a whole period together with a range of dates.

        The time alone then says nothing: of a period from Monday 20:00 to Wednesday
        06:00 all hours of Tuesday are part.

        Source: PS3.4 Sections C.2.2.2.5 and K.6.1.2.2.
        """
        if self._model.name != "worklist" and "date_time" not in negotiated:
            return
        for pair in self._model.window_pairs:
            date = keys.get(pair.date)
            if date is None or pair.time not in keys:
                continue
            if value_of("DA", date.text.strip()) is None:
                yield pair.time


def _is_universal(vr: str, text: str) -> bool:
    key = text.strip(" \0")
    return not key or (vr in WILDCARD_VRS and not key.strip("*"))
