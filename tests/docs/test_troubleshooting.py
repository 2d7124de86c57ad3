"""docs/troubleshooting.md explains every cause there is, and none that is not.

After a change of errors.py, `REWRITE_DOCS=1 pytest tests/docs` writes its table anew.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchfind import errors
from batchfind.dimse.messages import Final
from batchfind.errors import PeerError, RejectedPermanent
from batchfind.execution.doubts import ASSUMPTIONS
from batchfind.execution.outcomes import Stop, Tally, ended_by_final
from batchfind.net.settings import Endpoint

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/troubleshooting.md"
FIELD = re.compile(r"\b(?:(?:timeouts|limits|run)\.[a-z_]+|call(?:ed|ing)_ae)\b")
BEGIN, END = "<!-- causes of errors.py -->\n", "<!-- end -->"


def peer_errors() -> Iterator[type[PeerError]]:
    for each in vars(errors).values():
        known = isinstance(each, type) and issubclass(each, PeerError)
        if known and each.cause != "internal":
            yield each


def table() -> str:
    rows = ["| cause | meaning | what to do |", "|---|---|---|"]
    for each in peer_errors():
        meaning = (each.__doc__ or "").partition("\n")[0]
        rows.append(row(each.cause, meaning, each.hint))
        if issubclass(each, RejectedPermanent):
            for hint in dict.fromkeys(each.hints.values()):
                codes = [
                    f"1/{s}/{r}" for (s, r), of in each.hints.items() if of == hint
                ]
                exact = f"{meaning.rstrip('.')}: {', '.join(codes)}."
                rows.append(row(each.cause, exact, hint))
    return "\n".join(rows) + "\n"


def row(cause: str, meaning: str, hint: str) -> str:
    remedy = f"{hint[:1].upper()}{hint[1:]}."
    if hint.startswith("batchfind "):
        remedy = re.sub(r"^(batchfind \w+)", r"`\1`", f"{hint}.")
    return FIELD.sub(r"`\g<0>`", f"| `{cause}` | {meaning} | {remedy} |")


@pytest.fixture(scope="module")
def text() -> str:
    found = PAGE.read_text("utf-8")
    if "REWRITE_DOCS" in os.environ:
        head, _, rest = found.partition(BEGIN)
        found = f"{head}{BEGIN}{table()}{END}{rest.partition(END)[2]}"
        PAGE.write_text(found, "utf-8")
    return found


@pytest.fixture(scope="module")
def explained(text: str) -> set[str]:
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE))


def named_in_execution() -> Iterator[str]:
    """Causes that are written out where verdicts and reports are made."""
    for path in (ROOT / "batchfind/execution").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from literal_codes(node.func.id, node)


def literal_codes(name: str, call: ast.Call) -> Iterator[str]:
    """The code in `Cause(code="...")`, `Doubt` alike, and `skipped(request, "...")`."""
    codes: list[ast.expr] = []
    if name in ("Cause", "Doubt"):
        codes = [one.value for one in call.keywords if one.arg == "code"]
    elif name == "skipped":
        codes = call.args[1:2]
    for code in codes:
        if isinstance(code, ast.Constant):
            yield str(code.value)


def of_statuses() -> set[str]:
    """The causes of all final statuses there can be."""
    endpoint = Endpoint("127.0.0.1", 104, "CALLED", "CALLING")
    endings = (
        ended_by_final(Final(1, status), None, Tally(), "ris", endpoint)
        for status in range(0x10000)
        if status not in (0xFF00, 0xFF01)  # these are no final ones
    )
    return {ending.cause.code for ending in endings if ending.cause is not None}


class TestTheTableOfErrors:
    def test_is_what_the_code_says(self, text: str) -> None:
        assert f"{BEGIN}{table()}{END}" in text

    def test_says_what_to_do_about_each(self) -> None:
        for each in peer_errors():
            assert each.hint, each


class TestEveryCause:
    def test_is_explained(self, explained: set[str]) -> None:
        exact = {each.cause for each in peer_errors()}
        exact |= {*named_in_execution(), *ASSUMPTIONS}
        exact |= {stop.value for stop in Stop if stop is not Stop.POLICY}
        assert exact <= explained
        statuses = of_statuses()
        patterns = {cause for cause in explained if cause.startswith("status-")}
        found = {cause: matching(cause, statuses) for cause in patterns}
        assert set().union(*found.values()) == statuses
        assert all(found.values())
        assert explained == exact | patterns


def matching(cause: str, statuses: set[str]) -> set[str]:
    """Statuses that a documented cause stands for, each x being any digit."""
    if cause in statuses:
        return {cause}
    word = re.compile(re.sub("x", "[0-9a-f]", cause))
    return {status for status in statuses if word.fullmatch(status)}
