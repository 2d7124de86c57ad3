"""The table of options in docs/findscu.md, made from the table of options.

`python -m batchfind.findscu.reference docs/findscu.md` writes it anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from batchfind.findscu.options import Option, Table, read_table

OLDEST: Final = "3.6.4"
PROOF: Final = "test_options.py::TestEachOption"
"""Shows for every option that it asks for what findscu's asks for."""

_MARKED: Final = re.compile(r"(<!-- options: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(document: str, table: Table) -> str:
    """A document with everything between `<!-- options: x -->` and `<!-- end -->`.

    Args:
        document: Markdown; `x` is `all`, `departures` or `saved`.
        table: the options.
    """
    makers: dict[str, Callable[[Table], Iterator[str]]] = {
        "all": _all,
        "departures": _departures,
        "saved": _saved,
    }
    return _MARKED.sub(
        lambda found: "\n".join([found[1], *makers[found[2]](table), "", found[3]]),
        document,
    )


def _all(table: Table) -> Iterator[str]:
    yield "| option | job file | `batchfind findscu` | since | shown by |"
    yield "|---|---|---|---|---|"
    for option in table:
        cells = (_names(option), _field(option), _support(option), _since(option))
        yield f"| {' | '.join(cells)} | {_proof(option)} |"


def _departures(table: Table) -> Iterator[str]:
    for option in table:
        if option.departs:
            yield f"- {_names(option)}: {option.departs}."


def _saved(table: Table) -> Iterator[str]:
    for option in table:
        if option.saved:
            only = ", where there are several requests" if option.several else ""
            yield f"- {_names(option)} {option.saved}{only}."


def _names(option: Option) -> str:
    return " ".join(f"`{name}`" for name in option.names)


def _field(option: Option) -> str:
    """The field, or the command that does the same."""
    if not option.job:
        return "none"
    return option.job if option.job.startswith("`") else f"`{option.job}`"


def _support(option: Option) -> str:
    if option.since == "batchfind":
        return "only here"
    return "yes, [differs](#departures)" if option.departs else "yes"


def _since(option: Option) -> str:
    return "" if option.since in {OLDEST, "batchfind"} else option.since


def _proof(option: Option) -> str:
    return f"`{option.proof or PROOF}`"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tables(page.read_text("utf-8"), read_table()), "utf-8")
