"""Frozen dataclasses as JSON and back, by the types of their fields.

The types are the format: a field that is missing, unknown or of another type is
refused, so that a reader never guesses. Types with a form of their own bring it
along as a `Form`.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

Reader: TypeAlias = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How one type is written, and read at a place named in problems."""

    write: Callable[[Any], Any]
    read: Reader


class Malformed(ValueError):
    """A value does not have the type its place asks for; says where."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")


class Structure:
    """Writes and reads values of dataclasses."""

    def __init__(self, forms: Mapping[type, Form]) -> None:
        """With types that have a form of their own."""
        self._forms = forms
        self._readers: dict[Any, Reader] = {}

    def write(self, value: Any) -> Any:
        """A value as dicts, lists, strings, numbers, booleans and None."""
        form = self._forms.get(type(value))
        if form is not None:
            return form.write(value)
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Mapping):
            return {key: self.write(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return [self.write(item) for item in value]
        if dataclasses.is_dataclass(value):
            names = (field.name for field in dataclasses.fields(value))
            return {name: self.write(getattr(value, name)) for name in names}
        return value

    def read(self, kind: Any, data: Any, path: str) -> Any:
        """The value of a type that `write` made `data` of.

        Args:
            kind: a dataclass or another type of a dataclass's field.
            data: parsed JSON.
            path: place of `data`, for problems.

        Raises:
            Malformed: when `data` is anything else.
        """
        return self._reader(kind)(data, path)

    def _reader(self, kind: Any) -> Reader:
        if kind not in self._readers:
            self._readers[kind] = self._new_reader(kind)
        return self._readers[kind]

    def _new_reader(self, kind: Any) -> Reader:
        if kind in self._forms:
            return self._forms[kind].read
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is tuple:
            return self._list_reader(arguments[0])
        if origin is Mapping:
            return self._mapping_reader(arguments[1])
        if origin in (types.UnionType, typing.Union):
            return self._union_reader(arguments)
        if issubclass(kind, Enum):
            return _enum_reader(kind)
        return self._dataclass_reader(kind)

    def _list_reader(self, kind: Any) -> Reader:
        inner = self._reader(kind)

        def read(data: Any, path: str) -> tuple[Any, ...]:
            items = _typed(list, data, path)
            return tuple(inner(item, f"{path}[{i}]") for i, item in enumerate(items))

        return read

    def _mapping_reader(self, kind: Any) -> Reader:
        inner = self._reader(kind)

        def read(data: Any, path: str) -> dict[str, Any]:
            items = _typed(dict, data, path)
            return {name: inner(item, f"{path}.{name}") for name, item in items.items()}

        return read

    def _union_reader(self, kinds: tuple[Any, ...]) -> Reader:
        inner = [kind for kind in kinds if kind is not type(None)]
        if len(inner) == 1:
            one = self._reader(inner[0])
        else:
            one = _choosing_reader({kind: self._reader(kind) for kind in inner})
        return one if len(inner) == len(kinds) else _optional_reader(one)

    def _dataclass_reader(self, kind: Any) -> Reader:
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        readers = {name: self._reader(hints[name]) for name in names}

        def read(data: Any, path: str) -> Any:
            given = _typed(dict, data, path)
            if given.keys() != readers.keys():
                raise Malformed(path, _difference(given.keys(), readers.keys()))
            values = {
                name: reader(given[name], f"{path}.{name}" if path else name)
                for name, reader in readers.items()
            }
            return kind(**values)

        return read


def _difference(given: typing.AbstractSet[str], known: typing.AbstractSet[str]) -> str:
    if missing := sorted(known - given):
        return f"the field {missing[0]} is missing"
    return f"there is no field {min(given - known)!r}"


_NAMES = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def _typed(kind: type, data: Any, path: str) -> Any:
    # Not isinstance: true is no number here.
    if type(data) is not kind:
        raise Malformed(path, f"must be {_NAMES[kind]}")
    return data


def _read_float(data: Any, path: str) -> float:
    if type(data) not in (int, float) or not math.isfinite(data):
        raise Malformed(path, "must be a number")
    return float(data)


def _read_path(data: Any, path: str) -> Path:
    found = Path(_typed(str, data, path))
    if not found.is_absolute():
        raise Malformed(path, "must be an absolute path")
    return found


_SIMPLE: Mapping[Any, Reader] = {
    str: lambda data, path: _typed(str, data, path),
    int: lambda data, path: _typed(int, data, path),
    bool: lambda data, path: _typed(bool, data, path),
    float: _read_float,
    Path: _read_path,
}


def _optional_reader(inner: Reader) -> Reader:
    return lambda data, path: None if data is None else inner(data, path)


def _choosing_reader(readers: Mapping[type, Reader]) -> Reader:
    """Reads one of several simple types, each of which JSON tells apart."""

    def read(data: Any, path: str) -> Any:
        reader = readers.get(type(data))
        if reader is None:
            choices = " or ".join(_NAMES[kind] for kind in readers)
            raise Malformed(path, f"must be {choices}")
        return reader(data, path)

    return read


def _enum_reader(kind: type[Enum]) -> Reader:
    members = {member.value: member for member in kind}

    def read(data: Any, path: str) -> Enum:
        if not isinstance(data, str) or data not in members:
            raise Malformed(path, f"must be one of {', '.join(map(str, members))}")
        return members[data]

    return read
