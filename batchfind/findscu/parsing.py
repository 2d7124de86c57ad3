"""From the words of a findscu command line to what it asks for."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from batchfind.errors import UsageError
from batchfind.findscu.call import Call, Level, LogCall
from batchfind.findscu.fields import Given, network_fields, output_fields, tls_of
from batchfind.findscu.options import Argument, Kind, Option, Table
from batchfind.findscu.tokenizer import CommandLine, Use, tokenize

_LARGEST_PORT = 65535
_NUMBER = re.compile(r"\s*([+-]?[0-9]+)")
_ANY_BASE = re.compile(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[0-9]+))")
"""Of C's `strtol`: hexadecimal after 0x, octal after 0."""
_CLOSED_PROFILES = ("--profile-bcp195-ex", "--profile-8996-mod")

_VERBOSITY = {
    "--quiet": Level.FATAL,
    "--verbose": Level.INFO,
    "--debug": Level.DEBUG,
}


class Ending(Enum):
    """What a command line may print instead of asking, by long option."""

    HELP = "--help"
    VERSION = "--version"
    PROFILES = "--list-profiles"
    CIPHERS = "--list-ciphers"


def parse(arguments: Sequence[str], table: Table) -> Call | Ending:
    """What a command line asks for.

    Args:
        arguments: the command line without the program's name.
        table: the options there are.

    Raises:
        UsageError: one sentence, as findscu says it behind `error: `.
    """
    line = tokenize(arguments, table)
    return ending_of(line) or call_of(line, table)


def ending_of(line: CommandLine) -> Ending | None:
    """What is printed instead of asking; a line without words prints the help."""
    if not line.words:
        return Ending.HELP
    return next((each for each in Ending if line.last(each.value)), None)


def address_of(line: CommandLine) -> tuple[str, int]:
    """Peer and port, the first two parameters."""
    for missing in ("peer", "port")[len(line.parameters) :]:
        raise UsageError(f"Missing parameter {missing}")
    peer, written = line.parameters[:2]
    found = _NUMBER.match(written)
    if found is None:
        raise UsageError(f"Invalid parameter value {written}")
    port = int(found[1])
    if not 1 <= port <= _LARGEST_PORT:
        kind = "underflow" if port == 0 else "overflow"
        raise UsageError(f"Invalid parameter value {written} ({kind})")
    return peer, port


def call_of(line: CommandLine, table: Table) -> Call:
    """Everything a command line asks for, its defaults filled in.

    Raises:
        UsageError: as `parse`.
    """
    peer, port = address_of(line)
    log = _log(line)
    uses = sorted(line.effective(table), key=_judged_last)
    given = {use.option.long: _checked(use, line) for use in uses}
    _conflicts(given)
    call = Call(
        peer=peer,
        port=port,
        files=tuple(map(Path, line.parameters[2:])),
        keys=line.every("--key"),
        log=log,
        tls=tls_of(given, line),
        arguments="--arguments" in given,
        **network_fields(given),
        **output_fields(given),
    )
    _has_something_to_ask(call, line.parameters[2:])
    return call


def _judged_last(use: Use) -> bool:
    """What belongs to TLS comes after everything else, as in findscu."""
    return "--enable-tls" in use.option.needs


def _log(line: CommandLine) -> LogCall:
    word = "--verbose, --debug or --quiet"
    simple = line.winner("verbosity")
    level, config = line.last("--log-level"), line.last("--log-config")
    for use in (level, config):
        if use and simple:
            raise UsageError(f"{use.option.long} not allowed with {word}")
    if level and config:
        raise UsageError("--log-config not allowed with --log-level")
    if config:
        path = Path(config.values[0])
        if not path.is_file():
            raise UsageError("Specified --log-config file does not exist")
        return LogCall(config=path)
    if level:
        return LogCall(level=_level(level.values[0]))
    return LogCall(level=_VERBOSITY[simple.option.long] if simple else None)


def _level(word: str) -> Level:
    try:
        return Level(word.lower())
    except ValueError:
        raise UsageError("Invalid log level for --log-level option") from None


def _checked(use: Use, line: CommandLine) -> tuple[Any, ...]:
    """The values of an option that counts; its numbers and its company are right."""
    option = use.option
    _needs(option, line)
    return tuple(
        _number(option, argument, value)
        if argument.kind in {Kind.NUMBER, Kind.COUNT}
        else value
        for argument, value in zip(option.takes, use.values, strict=True)
    )


def _needs(option: Option, line: CommandLine) -> None:
    if option.needs and not _given(line, option.needs):
        raise UsageError(f"{option.long} only allowed with {_either(option.needs)}")
    if option.also and not line.last(option.also):
        raise UsageError(f"{option.long} only allowed with {option.also}")


def _given(line: CommandLine, names: Sequence[str]) -> bool:
    """Whether one of some options counts: it is its group's rightmost."""
    use = line.last(*names)
    return use is not None and use is line.winner(use.option.group)


def _either(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _number(option: Option, argument: Argument, text: str) -> int:
    """A number as DCMTK reads one: what follows its digits does not count."""
    told = f"Invalid value for option {option.long}"
    signed = argument.kind is Kind.NUMBER
    found = (_ANY_BASE if signed else _NUMBER).match(text)
    if found is None:
        raise UsageError(f"{told} ({text})" if text else told)
    number = _any_base(found[1]) if signed else int(found[1])
    if argument.kind is Kind.COUNT and number < 0:
        raise UsageError(f"{told} ({text})")
    if argument.low is not None and number < argument.low:
        raise UsageError(f"{told} (underflow: {text})")
    if argument.high is not None and number > argument.high:
        raise UsageError(f"{told} (overflow: {text})")
    return number


def _any_base(text: str) -> int:
    """A number in the base that its beginning tells."""
    digits = text.lstrip("+-")
    octal = digits[:1] == "0" and digits.isdigit()
    number = int(digits, 8 if octal else 0)
    return -number if text[0] == "-" else number


def _conflicts(given: Given) -> None:
    if "--no-sni" in given and "--request-sni" in given:
        raise UsageError("--no-sni not allowed with --request-sni")
    for profile in _CLOSED_PROFILES:
        if "--cipher" in given and profile in given:
            raise UsageError(f"--cipher not allowed with {profile}")


def _has_something_to_ask(call: Call, files: Sequence[str]) -> None:
    for name in files:
        if not name or not os.access(name, os.R_OK):
            raise UsageError(f"cannot access file: {name}")
    if not (call.files or call.keys):
        raise UsageError(
            "either query file or override keys (or both) must be specified"
        )
