"""Secrets that a person has to give, asked for at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

from batchfind.cli.text import clean


def asker() -> Callable[[str], str] | None:
    """Asks one question and reads the answer unseen; None without a terminal."""
    if not sys.stdin.isatty():
        return None

    def ask(question: str) -> str:
        import getpass  # noqa: PLC0415 - only when something is asked

        return getpass.getpass(f"{clean(question)}: ")

    return ask
