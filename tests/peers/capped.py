"""An archive in memory that caps its answers and treats empty times in its own way.

    archive = CappedArchive(studies, cap=200, style=Style.SILENT, empty=Empty.NONE)
    with ScriptedPeer(script=archive.answer) as peer:
        ...

It matches StudyDate, StudyTime, ModalitiesInStudy and StudyInstanceUID at STUDY level,
as loosely as its knobs say. Studies are kept in the order given: what a cap cuts off
is the rest of that order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias

from tests.peers import pdu, steps
from tests.peers.scripted import Conversation, Request, Step

DATE, TIME = 0x00080020, 0x00080030
MODALITIES, UID = 0x00080061, 0x0020000D
LEVEL = 0x00080052
_PENDING = 0xFF00
_PER_WRITE = 1 << 16


class Style(Enum):
    """How an archive ends an answer at its cap."""

    SILENT = "silent"
    OUT_OF_RESOURCES = "a700"
    CANCELLED = "fe00"
    ABORT = "abort"


class Empty(Enum):
    """Which ranges of time find a study without a time."""

    EVERY = "every"
    LOWER_OPEN = "lower-open"
    NONE = "none"


class Order(Enum):
    """How times are compared: by what they mean, or as text."""

    NUMERIC = "numeric"
    LEXICOGRAPHIC = "lexicographic"


@dataclass(frozen=True, slots=True)
class Study:
    """A study as it is stored, its values in whatever form."""

    uid: str
    date: str
    time: str
    modality: str = "CT"
    patient: str = "Unit^Test"

    def value(self, tag: int) -> bytes:
        """The value of an attribute, padded; empty where the archive has none."""
        known = {
            DATE: self.date,
            TIME: self.time,
            MODALITIES: self.modality,
            UID: self.uid,
            0x00100010: self.patient,
            0x00100020: f"P{self.uid.rpartition('.')[2]}",
            LEVEL: "STUDY",
        }
        return pdu.text(known.get(tag, ""), b"\0" if tag == UID else b" ")


Test: TypeAlias = Callable[[Study], bool]


@dataclass(slots=True, kw_only=True)
class CappedArchive:
    """See the module's docstring.

    Attributes:
        ignores: tags of matching keys that it neither heeds nor returns.
        answers: how many requests it has answered.
        sent: responses sent in all.
    """

    studies: Sequence[Study]
    cap: int | None = None
    style: Style = Style.SILENT
    empty: Empty = Empty.EVERY
    order: Order = Order.NUMERIC
    ignores: frozenset[int] = frozenset()
    answers: int = 0
    sent: int = 0
    _encoded: dict[tuple[str, tuple[int, ...], str], bytes] = field(
        default_factory=dict
    )

    def answer(self, request: Request) -> Sequence[Step]:
        """The script for one C-FIND-RQ."""
        keys = {
            one.tag: one.value.decode("latin-1").strip(" \0")
            for one in request.elements
        }
        found = self.found(keys)
        capped = self.cap is not None and len(found) > self.cap
        shown = found[: self.cap] if capped else found
        self.answers += 1
        self.sent += len(shown)
        asked = tuple(tag for tag in keys if tag not in self.ignores)
        style = self.style if capped else Style.SILENT
        return [self._responses(shown, asked), _END[style]]

    def found(self, keys: dict[int, str]) -> list[Study]:
        """All studies that these keys match, were there no cap."""
        tests = self._tests(keys)
        return [one for one in self.studies if all(test(one) for test in tests)]

    def matches(self, study: Study, keys: dict[int, str]) -> bool:
        """Whether a study is in the answer to these keys."""
        return all(test(study) for test in self._tests(keys))

    def _tests(self, keys: dict[int, str]) -> list[Test]:
        make: dict[int, Callable[[str], Test]] = {
            DATE: lambda key: _held(attrgetter("date"), _in_range(key, str)),
            TIME: self._time_test,
            MODALITIES: lambda key: _held(attrgetter("modality"), key.__eq__),
            UID: lambda key: _held(attrgetter("uid"), key.split("\\").__contains__),
        }
        return [
            make[tag](key)
            for tag, key in keys.items()
            if key and tag in make and tag not in self.ignores
        ]

    def _time_test(self, key: str) -> Test:
        if key == '""':  # empty value matching
            return lambda study: not study.time
        numeric = self.order is Order.NUMERIC
        within = _in_range(key, _seconds if numeric else str)
        below = key.startswith("-")
        empty = self.empty is Empty.EVERY or (self.empty is Empty.LOWER_OPEN and below)
        return lambda study: within(study.time) if study.time else empty

    def _responses(self, studies: Sequence[Study], tags: tuple[int, ...]) -> Step:
        async def step(talk: Conversation) -> None:
            request = talk.request
            command = pdu.response_command(
                pdu.FIND_RQ,
                request.sop_class,
                request.message_id,
                _PENDING,
                data_set=True,
            )
            begin = pdu.pdv(request.context_id, 3, command)
            waiting = bytearray()
            for study in studies:
                identifier = self._identifier(study, request, tags)
                body = begin + pdu.pdv(request.context_id, 2, identifier)
                waiting += pdu.pdu(pdu.P_DATA, body)
                if len(waiting) > _PER_WRITE:
                    await talk.send(bytes(waiting))
                    waiting.clear()
            talk.sent += len(studies)
            await talk.send(bytes(waiting))

        return step

    def _identifier(
        self, study: Study, request: Request, tags: tuple[int, ...]
    ) -> bytes:
        key = study.uid, tags, request.transfer_syntax
        if key not in self._encoded:
            elements = [
                pdu.DataElement(one.tag, one.vr, study.value(one.tag))
                for one in request.elements
                if one.tag in tags
            ]
            self._encoded[key] = pdu.data_set(elements, request.transfer_syntax)
        return self._encoded[key]


_END = {
    Style.SILENT: steps.final(0),
    Style.OUT_OF_RESOURCES: steps.final(0xA700, "too many matches"),
    Style.CANCELLED: steps.final(0xFE00),
    Style.ABORT: steps.abort(2),
}


def _held(value: Callable[[Study], str], test: Callable[[str], bool]) -> Test:
    return lambda study: test(value(study))


def _in_range(key: str, comparable: Callable[[str], Any]) -> Callable[[str], bool]:
    """Whether a value is what a key names, or within its range; bounds count."""
    low, dash, high = key.partition("-")
    if not dash:
        only = comparable(key)
        return lambda value: bool(comparable(value) == only)
    first = comparable(low) if low else None
    last = comparable(high) if high else None

    def within(value: str) -> bool:
        held = comparable(value)
        return (first is None or first <= held) and (last is None or held <= last)

    return within


@cache
def _seconds(text: str) -> float:
    """A time as seconds of the day, whatever its form: HHMM, HH:MM:SS, HHMMSS.F."""
    digits, _, fraction = text.replace(":", "").partition(".")
    digits = digits.ljust(6, "0")
    whole = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return whole + float(f"0.{fraction or 0}")
