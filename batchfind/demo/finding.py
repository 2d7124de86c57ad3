"""How the demo peers answer a C-FIND: rules of the model, matches, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from pydicom.dataset import Dataset

from batchfind.demo.archive import Archive
from batchfind.demo.entity import Entity, tag_named
from batchfind.demo.pacs_keys import UNIQUE_KEYS, supported_keys
from batchfind.demo.wire import data_set_of
from batchfind.dicom.dictionary import label
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.matching import Stored, match_identifier, match_value

PENDING: Final = 0xFF00
PENDING_UNSUPPORTED: Final = 0xFF01
MISMATCH: Final = 0xA900

Supported: TypeAlias = "Mapping[int, Supported]"

_LEVEL: Final = tag_named("QueryRetrieveLevel")
_RETRIEVE_AE: Final = tag_named("RetrieveAETitle")
_STUDY_TIME: Final = tag_named("StudyTime")
_STEPS: Final = tag_named("ScheduledProcedureStepSequence")
_START_DATE: Final = tag_named("ScheduledProcedureStepStartDate")
_START_TIME: Final = tag_named("ScheduledProcedureStepStartTime")
_NEVER_UNSUPPORTED: Final = frozenset(
    {tag_named("SpecificCharacterSet"), tag_named("TimezoneOffsetFromUTC")}
)


class Refused(Exception):
    """The request breaks a rule of its information model.

    Attributes:
        comment: for (0000,0902), at most 64 characters.
        offending: tags for (0000,0901).
    """

    def __init__(self, comment: str, *offending: int) -> None:
        self.comment = comment[:64]
        self.offending = offending
        super().__init__(comment)


@dataclass(frozen=True, slots=True)
class Findings:
    """The answer to one request.

    Attributes:
        status: of every match: FF01 when a key is not supported, else FF00.
        data_sets: one Identifier a match, made when asked for.
    """

    status: int
    data_sets: Iterator[Dataset]


class Finder(Protocol):
    """One information model of a demo peer."""

    def find(self, keys: Identifier) -> Findings:
        """Answers one request.

        Raises:
            Refused: when the request breaks a rule of the model.
        """
        ...


@dataclass(frozen=True, slots=True)
class QueryRetrieve:
    """A Query/Retrieve information model, without relational queries.

    Attributes:
        archive: what can match.
        levels: levels of the model, from the highest down.
        retrieve_ae: AE title every response names for retrieval.

    Source: PS3.4 Section C.4.1.3.1.
    """

    archive: Archive
    levels: Sequence[str]
    retrieve_ae: str

    def find(self, keys: Identifier) -> Findings:
        """Answers one request; see `Finder`."""
        level = self._level(keys)
        self._require_unique_keys_above(level, keys)
        supported: Supported = {tag: {} for tag in supported_keys(level)}
        kept, status = _kept(keys, supported)
        asked = tuple(key for key in kept if key.tag not in {_LEVEL, _RETRIEVE_AE})
        added = (
            Element(_LEVEL, "CS", level),
            Element(_RETRIEVE_AE, "AE", self.retrieve_ae),
        )
        entities = self.archive[level]
        return Findings(
            status,
            (
                data_set_of(asked, entity, added)
                for entity in entities
                if match_identifier(_timely(asked, entity), entity.attributes)
            ),
        )

    def _level(self, keys: Identifier) -> str:
        level = _text(keys, _LEVEL)
        if level not in self.levels:
            known = ", ".join(self.levels)
            raise Refused(f"Query/Retrieve Level must be one of {known}", _LEVEL)
        return level

    def _require_unique_keys_above(self, level: str, keys: Identifier) -> None:
        for upper in self.levels[: self.levels.index(level)]:
            unique = UNIQUE_KEYS[upper]
            text = _text(keys, unique)
            if not text or set(text) & set("*?\\"):
                raise Refused(f"{label(unique)} must be a single value", unique)


def _timely(asked: Identifier, entity: Entity) -> Identifier:
    """The keys, without a time range that is open below for a study without a time.

    An empty time comes before every other, as it does in many archives' databases.
    """
    if entity.text(_STUDY_TIME):
        return asked
    return tuple(
        key
        for key in asked
        if key.tag != _STUDY_TIME or not str(key.value).startswith("-")
    )


@dataclass(frozen=True, slots=True)
class Worklist:
    """The Modality Worklist information model.

    Attributes:
        steps: what can match, each with every attribute the peer supports.

    Source: PS3.4 Section K.6.1.2.
    """

    steps: Sequence[Entity]

    def find(self, keys: Identifier) -> Findings:
        """Answers one request; see `Finder`."""
        kept, status = _kept(keys, _supported(self.steps[0].attributes))
        if not any(key.tag not in _NEVER_UNSUPPORTED for key in kept):
            raise Refused("no key of this request is supported")
        others, period = _without_period(kept)
        return Findings(
            status,
            (
                data_set_of(kept, step)
                for step in self.steps
                if match_identifier(others, step.attributes)
                and match_value("DT", period, [_start(step)])
            ),
        )


def _without_period(keys: Identifier) -> tuple[Identifier, str]:
    """Takes a date range with a time range out of the keys, as one range of DT.

    Both together mean one continuous period, not these hours of each day.

    Source: PS3.4 Section K.6.1.2.2 and Table K.6-1.
    """
    item = next((key.value for key in keys if key.tag == _STEPS), ())
    if not isinstance(item, tuple) or not item:
        return keys, ""
    date, time = _text(item[0], _START_DATE), _text(item[0], _START_TIME)
    if "-" not in date or "-" not in time:
        return keys, ""
    ends = zip(date.split("-", 1), time.split("-", 1), strict=True)
    first, last = (day + hour if day else "" for day, hour in ends)
    rest = tuple(key for key in item[0] if key.tag not in {_START_DATE, _START_TIME})
    others = tuple(
        replace(key, value=(rest,)) if key.tag == _STEPS else key for key in keys
    )
    return others, f"{first}-{last}"


def _start(step: Entity) -> str:
    """Date and time of a step as one DT."""
    (item,) = (one for one in step.attributes[_STEPS] if isinstance(one, Mapping))
    return "".join(
        str(text) for tag in (_START_DATE, _START_TIME) for text in item[tag]
    )


def _text(keys: Identifier, tag: int) -> str:
    """The text asked of one attribute, empty when it is not among the keys."""
    values = [key.value for key in keys if key.tag == tag]
    return values[0].strip() if values and isinstance(values[0], str) else ""


def _supported(attributes: Mapping[int, Stored]) -> Supported:
    """The attributes an entity has, as a tree."""
    return {
        tag: _supported(values[0]) if values and isinstance(values[0], Mapping) else {}
        for tag, values in attributes.items()
    }


def _kept(keys: Identifier, supported: Supported) -> tuple[Identifier, int]:
    """The keys a peer supports, and the status that says whether these are all.

    Source: PS3.4 Section C.4.1.1.4.
    """
    kept: list[Element] = []
    status = PENDING
    for key in keys:
        if key.tag not in supported:
            if key.tag not in _NEVER_UNSUPPORTED:
                status = PENDING_UNSUPPORTED
            continue
        value = key.value
        if isinstance(value, tuple) and value:
            item, item_status = _kept(value[0], supported[key.tag])
            status = max(status, item_status)
            value = (item, *value[1:])
        kept.append(replace(key, value=value))
    return tuple(kept), status
