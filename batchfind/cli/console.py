"""Where text leaves the process: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from batchfind.errors import StorageError


def result(text: str) -> None:
    """Write result text to stdout.

    A reader that has gone away is no error: the command's exit code stands.

    Raises:
        StorageError: stdout cannot take it, for instance because a disk is full.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        raise StorageError(f"stdout cannot be written: {error.strerror}") from error


def result_json(value: Any) -> None:
    """Write one JSON value as exactly one line of ASCII to stdout."""
    result(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


def note(text: str) -> None:
    """Write a line for the person at the terminal to stderr, if anyone listens."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


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
    """Let stdout show any text: what its encoding lacks becomes an escape."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
