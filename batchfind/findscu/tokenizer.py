"""The words of a findscu command line, told apart as DCMTK does.

Names are exact. An option takes its next words whatever they look like; every other
word is a parameter, wherever it stands. Of options that exclude each other the
rightmost counts. A word `@FILE` stands for the words in that file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchfind.errors import UsageError
from batchfind.findscu.options import Option, Table

_SPACES = " \t\n\r"
_QUOTES = "\"'"


@dataclass(frozen=True, slots=True)
class Use:
    """An option as it was given."""

    option: Option
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The words of a command line, told apart.

    Attributes:
        uses: options in the order given.
        parameters: all other words.
        words: everything, argument files expanded and names spelt out.
    """

    uses: tuple[Use, ...]
    parameters: tuple[str, ...]
    words: tuple[str, ...]

    def last(self, *names: str) -> Use | None:
        """The rightmost use of any of the options with these long names."""
        return next(
            (use for use in reversed(self.uses) if use.option.long in names), None
        )

    def winner(self, group: str) -> Use | None:
        """The use that counts of a group of options that exclude each other."""
        found = (use for use in reversed(self.uses) if use.option.group == group)
        return next(found, None)

    def every(self, name: str) -> tuple[str, ...]:
        """The first value of each use of an option, in the order given."""
        return tuple(use.values[0] for use in self.uses if use.option.long == name)

    def effective(self, table: Table) -> Iterator[Use]:
        """The uses that count, one for each option or group, in the table's order."""
        for option in table:
            use = self.last(option.long)
            if use and (not option.group or use is self.winner(option.group)):
                yield use


def tokenize(arguments: Sequence[str], table: Table) -> CommandLine:
    """Tell options and parameters apart.

    Args:
        arguments: the command line without the program's name.
        table: the options there are.

    Raises:
        UsageError: an unknown option, a missing value, or an argument file that
            cannot be opened.
    """
    words = tuple(_expanded(arguments))
    uses: list[Use] = []
    parameters: list[str] = []
    spelt: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if not _is_option(word):
            parameters.append(word)
            spelt.append(word)
            continue
        use = _use(word, words[at:], table.by_name)
        at += len(use.values)
        uses.append(use)
        spelt += (use.option.long, *use.values)
    return CommandLine(tuple(uses), tuple(parameters), tuple(spelt))


def _is_option(word: str) -> bool:
    """A sign alone is a parameter, and so is a number such as a port."""
    return len(word) > 1 and word[0] in "+-" and not word[1].isdigit()


def _use(word: str, rest: Sequence[str], known: Mapping[str, Option]) -> Use:
    option = known.get(word)
    if option is None:
        raise UsageError(f"Unknown option {word}")
    count = len(option.takes)
    if len(rest) < count:
        raise UsageError(f"Missing value for option {option.long}")
    return Use(option, tuple(rest[:count]))


def _expanded(arguments: Sequence[str]) -> Iterator[str]:
    for word in arguments:
        if word.startswith("@") and len(word) > 1:
            yield from split_words(_text_of(word[1:]))
        else:
            yield word


def _text_of(name: str) -> str:
    """A file's text; bytes that are no text stay as they are on a command line."""
    try:
        return os.fsdecode(Path(name).read_bytes())
    except OSError as error:
        raise UsageError(f"Cannot open command file '{name}'") from error


def split_words(text: str) -> Iterator[str]:
    """The words of an argument file.

    White space stands between them, except between quotes. A closing quote ends its
    word, an opening one may stand within it, and a word without characters is none.
    There are no comments, no escapes and no files within files.
    """
    word, quote = "", ""
    for one in text:
        ends = one == quote if quote else one in _SPACES
        if ends:
            if word:
                yield word
            word, quote = "", ""
        elif not quote and one in _QUOTES:
            quote = one
        else:
            word += one
    if word:
        yield word
