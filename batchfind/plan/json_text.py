"""Values of dataclasses as JSON text, without the dicts and lists in between.

A plan may hold a hundred thousand requests, each with a score of fields, most of
them the same objects.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from json.encoder import encode_basestring, encode_basestring_ascii
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, TypeAlias

_Writer: TypeAlias = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Style:
    """How JSON looks.

    Attributes:
        comma, colon: with the blank that may follow.
        text: writes a text with its quotation marks.
    """

    comma: str
    colon: str
    text: Callable[[str], str]


READABLE: Final = Style(", ", ": ", encode_basestring)
"""As `json.dumps` writes it with `ensure_ascii=False`."""

COMPACT: Final = Style(",", ":", encode_basestring_ascii)
"""No blanks, and nothing beyond ASCII."""


class JsonText:
    """Writes dataclasses, enums, paths, mappings, sequences and scalars."""

    def __init__(
        self,
        style: Style = READABLE,
        forms: Mapping[type, Callable[[Any], Any]] | None = None,
        shared: Collection[type] = (),
        alike: Collection[type] = (),
    ) -> None:
        """With what makes it fit one kind of document.

        Args:
            style: how it looks.
            forms: make plain JSON values of what has a form of its own.
            shared: types whose objects stand in many places: each object is written
                once, so it must live as long as this does.
            alike: dataclasses whose records follow each other with mostly the same
                objects, which nothing changes meanwhile; none is within another.
        """
        self._style = style
        self._forms = dict(forms or {})
        self._shared = frozenset(shared)
        self._alike = frozenset(alike)
        self._known: dict[int, str] = {}
        self._writers: dict[type, _Writer] = {
            type(None): lambda _: "null",
            bool: lambda value: "true" if value else "false",
            int: str,
            str: style.text,
        }

    def of(self, value: Any) -> str:
        """A value as JSON, on one line.

        Raises:
            TypeError: it has no JSON form.
            ValueError: a number is not finite.
        """
        kind = type(value)
        writer = self._writers.get(kind)
        if writer is None:
            writer = self._new_writer(kind)
            if kind in self._shared:
                writer = self._once(writer)
            self._writers[kind] = writer
        return writer(value)

    def _new_writer(self, kind: type) -> _Writer:
        text = self._style.text
        for known, form in self._forms.items():
            if issubclass(kind, known):
                return lambda value: self.of(form(value))
        if issubclass(kind, Enum):
            return lambda value: self.of(value.value)
        if issubclass(kind, str):
            return text
        if issubclass(kind, Path):
            return lambda value: text(str(value))
        if issubclass(kind, Mapping):
            return self._mapping
        if issubclass(kind, tuple | list):
            return self._list
        return self._fields(kind) if dataclasses.is_dataclass(kind) else _plain

    def _list(self, items: Collection[Any]) -> str:
        return f"[{self._style.comma.join(map(self.of, items))}]"

    def _mapping(self, items: Mapping[str, Any]) -> str:
        text, colon = self._style.text, self._style.colon
        members = (
            f"{text(name)}{colon}{self.of(item)}" for name, item in items.items()
        )
        return f"{{{self._style.comma.join(members)}}}"

    def _fields(self, kind: Any) -> _Writer:
        names = [field.name for field in dataclasses.fields(kind)]
        style, of = self._style, self.of
        members = style.comma.join(f'"{name}"{style.colon}%s' for name in names)
        whole = f"{{{members}}}"
        if kind in self._alike:
            return self._as_before(names, whole)
        if len(names) < 2:  # else attrgetter gives no tuple
            return lambda value: whole % tuple([of(getattr(value, n)) for n in names])
        values, writer = attrgetter(*names), self._writers.get
        return lambda value: (
            whole
            % tuple(
                # Not all by `of`, which is a call more.
                [(writer(type(item)) or of)(item) for item in values(value)]
            )
        )

    def _as_before(self, names: Sequence[str], whole: str) -> _Writer:
        """Writes anew only what is another object than in the record before."""
        of = self.of
        before: list[Any] = [None] * len(names)
        texts = ["null"] * len(names)

        def write(value: Any) -> str:
            for index, name in enumerate(names):
                item = getattr(value, name)
                if item is not before[index]:
                    texts[index] = of(item)
                    before[index] = item
            return whole % tuple(texts)

        return write

    def _once(self, writer: _Writer) -> _Writer:
        def write(value: Any) -> str:
            known = self._known.get(id(value))
            if known is None:
                known = self._known[id(value)] = writer(value)
            return known

        return write


_plain: Final = json.JSONEncoder(allow_nan=False).encode
