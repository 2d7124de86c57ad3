"""`batchfind findscu`: the command line of DCMTK's findscu, as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from batchfind.errors import InputError, StorageError
from batchfind.findscu.call import Call, Extract, Level
from batchfind.findscu.help import IDENTITY, TITLE, help_text, version_text
from batchfind.findscu.logs import Log, StderrSink, open_log, print_result
from batchfind.findscu.options import Table, read_table
from batchfind.findscu.parsing import Ending, address_of, call_of, ending_of
from batchfind.findscu.tokenizer import CommandLine, tokenize

WRONG = 1
"""Exit code for a command line that cannot be obeyed."""

NOTHING_ASKED = 2
"""Exit code where no association came about."""


def main(argv: Sequence[str]) -> int:
    """Do what a findscu command line asks for.

    Args:
        argv: the command line without the program's name.

    Returns:
        findscu's exit code: 0, 1 for what cannot be obeyed and, unlike findscu, for an
        answer that is not whole, 2 without an association; 130 after Ctrl-C.
    """
    table = read_table()
    try:
        line = tokenize(argv, table)
        ending = ending_of(line)
        if ending is not None:
            return _end(ending, table)
        address_of(line)
        _show_arguments(line)
        call = call_of(line, table)
        log = open_log(call)
    except InputError as error:
        print(f"{IDENTITY}\n\n{TITLE}\nerror: {error}", file=sys.stderr)  # noqa: T201
        return WRONG
    if call.save_job is not None:
        return _save(line, call, table, log)
    problem = _unwritable(line, call, log)
    return _ask(call, log) if problem is None else problem


def _end(ending: Ending, table: Table) -> int:
    """Print what was asked for instead of asking a peer."""
    match ending:
        case Ending.HELP:
            text = help_text(table)
        case Ending.VERSION:
            text = version_text()
        case Ending.PROFILES:
            from batchfind.findscu.tls_lists import profiles_text  # noqa: PLC0415

            text = profiles_text()
        case Ending.CIPHERS:
            from batchfind.findscu.tls_lists import ciphers_text  # noqa: PLC0415

            text = ciphers_text()
    try:
        print_result(text)
    except StorageError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return WRONG
    return 0


def _show_arguments(line: CommandLine) -> None:
    """What `--arguments` prints, whatever the log's level is."""
    if line.last("--arguments") is None:
        return
    secret = line.last("--use-passwd")
    hidden = secret.values[0] if secret else None
    words = "".join(f" '{'***' if w == hidden else w}'" for w in line.words)
    told = f"calling 'batchfind findscu' with {len(line.words)} arguments:{words} \n"
    StderrSink(Level.INFO).write(Level.INFO, told)


def _unwritable(line: CommandLine, call: Call, log: Log) -> int | None:
    """The exit code when there is no place for the files that were asked for."""
    if call.extract is Extract.NOTHING:
        return None
    folder, file = line.last("--output-directory"), line.winner("extract")
    if (folder and not folder.values[0]) or not call.directory.is_dir():
        log.fatal("specified output directory does not exist")
        return WRONG
    if not os.access(call.directory, os.W_OK):
        log.fatal("specified output directory is not writeable")
        return WRONG
    if file and file.values == ("",):
        log.error("Cannot create response file with empty filename")
        return NOTHING_ASKED
    return None


def _save(line: CommandLine, call: Call, table: Table, log: Log) -> int:
    from batchfind.findscu.save_job import save_job  # noqa: PLC0415 - reads schemas

    try:
        return save_job(line, call, table, log)
    except (InputError, StorageError) as error:
        log.fatal(str(error))
        return WRONG


def _ask(call: Call, log: Log) -> int:
    from batchfind.findscu.session import ask  # noqa: PLC0415 - opens sockets

    try:
        return ask(call, log)
    except InputError as error:
        log.fatal(str(error))
        return WRONG
