"""What PyYAML's complaints mean in a job, and how to write it instead."""

from __future__ import annotations

import re
from typing import Final, Protocol

import yaml

from batchfind.job.yaml_spans import block_hint, unclosed_quote

_QUOTED: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'|(?:^|(?<=\s))#.*")
_TOKEN_END: Final = re.compile(r"[\s,\]}]")
_FOUND: Final = re.compile(r"found character '(.+)' that cannot start any token")

_UNCLOSED: Final = "this quote is never closed"
_HINTS: Final = {
    "mapping values are not allowed here": (
        "a ': ' cannot stand here; put a value that contains ': ' in quotes, or check "
        "the indentation"
    ),
    "sequence entries are not allowed here": (
        "a '-' cannot begin a list here; put a lone - in quotes, or begin the list on "
        "its own line"
    ),
    "mapping keys are not allowed here": (
        "a lone ? means something else in YAML; put it in quotes"
    ),
    "could not find expected ':'": (
        "this line has no 'key: value'; check the colon and the blank after it"
    ),
    "found unexpected end of stream": _UNCLOSED,
    "found unexpected document separator": _UNCLOSED,
}
_BRACKETS: Final = (
    "between brackets YAML expects ',' or the closing bracket here; put text that "
    "contains any of { } [ ] , in quotes"
)
_AT_CONTEXT: Final = {
    "could not find expected ':'",
    "found unexpected end of stream",
    "found unexpected document separator",
}


class Position(Protocol):
    """A mark of PyYAML: offset in the text, line and column, all from 0."""

    index: int
    line: int
    column: int


def place(mark: Position | None) -> tuple[int, int]:
    """Line and column from 1 of a PyYAML mark; both 0 for none."""
    return (0, 0) if mark is None else (mark.line + 1, mark.column + 1)


def between(start: Position | None, end: Position | None, text: str) -> str:
    """The source text from one mark to another, or to the end of the file."""
    if start is None:
        return ""
    return text[start.index : end.index if end else None]


def syntax_problem(error: Exception, text: str) -> tuple[int, int, str]:
    """Line, column and one sentence for what made PyYAML stop.

    Args:
        error: what its parser raised.
        text: the text it read.

    Returns:
        Line and column from 1, both 0 when unknown; what is wrong and what to write.
    """
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line = before.count("\n") + 1
        column = error.position - (before.rfind("\n") + 1) + 1
        code = f"U+{ord(text[error.position]):04X}"
        return line, column, f"the control character {code} cannot stand in YAML"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 0, 0, "this is not YAML: an escape or a number in it is out of range"
    return _explained(error, error.problem_mark, text)


def _explained(
    error: yaml.MarkedYAMLError, mark: Position, text: str
) -> tuple[int, int, str]:
    problem, context = error.problem or "", error.context or ""
    start = error.context_mark or mark
    known = (
        _of_a_token(problem, context, start, mark, text)
        or _of_a_quote(text, mark)
        or _unquoted_template(text, start.line, mark.line)
    )
    if known is not None:
        return known
    if problem in _HINTS:
        return *place(start if problem in _AT_CONTEXT else mark), _HINTS[problem]
    if "flow" in context:
        if "<stream end>" in problem or "<document" in problem:
            return *place(start), "this bracket is never closed"
        return *place(mark), _BRACKETS
    if "<block end>" in problem:
        return *place(mark), _misplaced(mark, text)
    return *place(mark), f"this is not YAML: {problem}"


def _of_a_token(
    problem: str, context: str, start: Position, mark: Position, text: str
) -> tuple[int, int, str] | None:
    """What is wrong with a value that begins with a character YAML uses itself."""
    found = _FOUND.fullmatch(problem)
    if found and found[1] in {">", "|"}:
        return *place(mark), block_hint(_token_at(text, mark.index))
    if found:
        return *place(mark), _forbidden_start(found[1])
    if context.endswith("scanning a block scalar"):
        return *place(start), block_hint(text[start.index :].partition("\n")[0])
    if context.endswith(("scanning an alias", "scanning an anchor")):
        return *place(start), _alias_hint(_token_at(text, start.index))
    return None


def _of_a_quote(text: str, mark: Position) -> tuple[int, int, str] | None:
    at = unclosed_quote(text, mark.index)
    return None if at is None else (*at, _UNCLOSED)


def _misplaced(mark: Position, text: str) -> str:
    """Why a token stands where the block should have ended."""
    before = text[: mark.index].rpartition("\n")[2]
    if before.strip():
        return "nothing can follow the value on its line; put the whole value in quotes"
    return "this line's indentation fits none above; align it with its neighbours"


def _forbidden_start(shown: str) -> str:
    if shown == "\\t":
        return "YAML allows no tab here; write spaces instead"
    return f"a value cannot begin with {shown}; put it in quotes"


def _token_at(text: str, index: int) -> str:
    """What stands there, up to a blank or the end of its brackets."""
    return _TOKEN_END.split(text[index:], 1)[0]


def _alias_hint(token: str) -> str:
    kind = "an alias" if token.startswith("*") else "an anchor"
    return f'an unquoted {token[:1]} begins {kind} in YAML; write "{token}" in quotes'


def _unquoted_template(text: str, first: int, last: int) -> tuple[int, int, str] | None:
    """Where {{ stands outside quotes on the lines PyYAML stumbled over."""
    lines = text.splitlines()
    for number in range(first, min(last + 1, len(lines))):
        bare = _QUOTED.sub(lambda found: " " * len(found[0]), lines[number])
        column = bare.find("{{")
        if column >= 0:
            message = "an unquoted { begins a YAML mapping; put the whole value with "
            return number + 1, column + 1, message + "its {{ }} in quotes"
    return None
