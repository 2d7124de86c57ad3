"""The texts `batchfind findscu` prints about itself, made from the table of options."""

from __future__ import annotations

from collections.abc import Iterator

from batchfind import __version__
from batchfind.findscu.options import Option, Section, Table

NEWEST = "3.7.0"
"""Release of DCMTK whose findscu is the model."""

TITLE = "findscu: DICOM query (C-FIND) SCU"
IDENTITY = (
    f"batchfind findscu {__version__}, as findscu of DCMTK {NEWEST} on the command line"
)
_PARAMETERS = (
    ("peer", "host name or IP address of the DICOM peer"),
    ("port", "TCP port of the peer, 1 to 65535"),
    ("dcmfile-in", "DICOM query files, one request each"),
    ("@file", "stands for the words in a text file"),
)
_TEXT_COLUMN = 32


def help_text(table: Table) -> str:
    """Everything there is to say, in the layout of findscu's own help."""
    lines = [
        IDENTITY,
        "",
        TITLE,
        "usage: batchfind findscu [options] peer port [dcmfile-in...]",
        "",
        "parameters:",
        *(f"  {name:<{_TEXT_COLUMN - 2}}{text}" for name, text in _PARAMETERS),
        "",
    ]
    for section in table.sections:
        lines += _section(section)
    return "\n".join([*lines, "", *_CLOSING])


_CLOSING = (
    "exit codes: 0 the whole answer came; 1 it did not, or the command line is wrong;",
    "2 no association; 130 interrupted. findscu itself exits with 0 once it has an",
    "association. --save-job makes a job of a command line.",
)


def version_text() -> str:
    """What `--version` prints."""
    return f"{IDENTITY}\n\n{TITLE}"


def _section(section: Section) -> Iterator[str]:
    yield f"{'  ' * (section.level - 1)}{section.title}:"
    for option in section.options:
        yield from _option(option, "  " * section.level)


def _option(option: Option, indent: str) -> Iterator[str]:
    """Names, then the arguments, then what it is for, each on lines of its own."""
    names = f"{indent}{option.short:<{8 - len(indent)}}  {option.long}"
    texts = option.help.strip().split("\n")
    if option.takes:
        taken = ", ".join(argument.name for argument in option.takes)
        texts.insert(0, f"{taken}: {option.takes[-1].form}")
    for at, text in enumerate(texts):
        yield f"{names if at == 0 else '':<{_TEXT_COLUMN}}{text}".rstrip()
