"""Where text leaves the process: results on stdout, everything else on stderr."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from typing import Any, TextIO

from batchfind.cli.text import folded
from batchfind.errors import StorageError


class StdoutError(StorageError):
    """Nothing more can be told on stdout, not even this."""


def result(text: str) -> None:
    """Write result text to stdout.

    A reader that has gone away is no error: the command's exit code stands.

    Raises:
        StdoutError: stdout cannot take it, for instance because a disk is full.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        gone = _is_hung_up(sys.stdout, error)
        silence(sys.stdout)
        if gone:
            return
        raise StdoutError(
            f"stdout cannot be written: {error.strerror}; send it where there is room "
            "(batchfind status tells how a run ended)"
        ) from error


def result_json(value: Any) -> None:
    """Write one JSON value as exactly one line of ASCII to stdout."""
    result(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


def prose(text: str) -> None:
    """Write sentences to stdout; a terminal gets them broken between words.

    Raises:
        StdoutError: as `result`.
    """
    result(_fitted(text, sys.stdout))


def note(text: str) -> None:
    """Write a line for the person at the terminal to stderr, if anyone listens."""
    try:
        sys.stderr.write(f"{_fitted(text, sys.stderr)}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def _fitted(text: str, stream: TextIO) -> str:
    """Text for a terminal's width; files and pipes get it as it is."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return text
    return folded(text, columns) if columns else text


def _is_hung_up(stream: TextIO, error: OSError) -> bool:
    """Whether a stream leads to a terminal that was closed."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return error.errno == errno.EIO and stat.S_ISCHR(mode)


def silence(stream: TextIO) -> None:
    """Send what a stream still holds nowhere, so that exit does not complain."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def prepare() -> None:
    """Make the standard streams fit for any text, also where they are closed.

    A closed stream would hand its descriptor to the next file that is opened, and
    whatever is printed would end up there. What an encoding lacks becomes an escape.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
