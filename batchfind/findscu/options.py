"""The table of findscu's options, read from options.toml beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any


class Kind(Enum):
    """What an argument of an option is."""

    TEXT = "text"
    FILE = "file"
    DIRECTORY = "directory"
    LEVEL = "level"
    NUMBER = "number"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of an option.

    Attributes:
        name: as in the help, such as `[s]econds`.
        kind: a NUMBER may be negative, a COUNT may not.
        low, high: of a number; None sets no bound.
        form: what the help says of it.
    """

    name: str
    kind: Kind
    low: int | None = None
    high: int | None = None
    form: str

    @property
    def is_path(self) -> bool:
        """Whether it names a file or a folder."""
        return self.kind in {Kind.FILE, Kind.DIRECTORY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option; options.toml says what each field means."""

    short: str = ""
    long: str
    takes: tuple[Argument, ...] = ()
    group: str = ""
    needs: tuple[str, ...] = ()
    also: str = ""
    many: bool = False
    ends: bool = False
    since: str = "3.6.4"
    help: str
    job: str = ""
    saved: str = ""
    several: bool = False
    departs: str = ""
    proof: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Its names, the short one first."""
        return tuple(name for name in (self.short, self.long) if name)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the help with its options.

    Attributes:
        level: 1 or 2.
    """

    title: str
    level: int
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All options.

    Attributes:
        by_name: options by short and by long name.
    """

    sections: tuple[Section, ...]
    by_name: Mapping[str, Option]

    def __iter__(self) -> Iterator[Option]:
        """The options in the order of the help."""
        for section in self.sections:
            yield from section.options


def read_table() -> Table:
    """The table, read anew; callers keep it."""
    text = files("batchfind.findscu").joinpath("options.toml").read_text("utf-8")
    sections = tuple(map(_section, tomllib.loads(text)["section"]))
    options = [option for section in sections for option in section.options]
    return Table(sections, {name: each for each in options for name in each.names})


def _section(section: Mapping[str, Any]) -> Section:
    options = tuple(map(_option, section.get("option", ())))
    return Section(section["title"], section.get("level", 1), options)


def _option(option: Mapping[str, Any]) -> Option:
    lists = {
        "takes": tuple(map(_argument, option.get("takes", ()))),
        "needs": tuple(option.get("needs", ())),
    }
    return Option(**{**option, **lists})


def _argument(argument: Mapping[str, Any]) -> Argument:
    kind = Kind(argument["kind"])
    form = argument.get("form", _FORMS[kind])
    return Argument(**{**argument, "kind": kind, "form": form})


_FORMS: Mapping[Kind, str] = {
    Kind.TEXT: "string",
    Kind.FILE: "string",
    Kind.DIRECTORY: "string",
    Kind.LEVEL: "string constant",
    Kind.NUMBER: "integer",
    Kind.COUNT: "integer",
}
