"""Records as JSON documents and back.

The text is plain ASCII: comments and names that peers send may hold what UTF-8
cannot (lone surrogates) or what `sqlite3` would cut (NUL).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from batchfind.capture.records import (
    AttemptFacts,
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    Verdict,
)
from batchfind.errors import Retry, StorageError
from batchfind.plan.json_text import COMPACT, JsonText


def to_document(record: Any) -> str:
    """JSON text of a record made of dataclasses, enums, mappings and scalars.

    Raises:
        TypeError: a value has no JSON form.
        ValueError: a float is not finite.
    """
    return _TEXT.of(record)


def read_object(text: str) -> dict[str, Any]:
    """The object a JSON document holds.

    Raises:
        StorageError: it is not a JSON object.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise StorageError(f"a stored document is damaged ({error})") from error
    if not isinstance(value, dict):
        raise StorageError("a stored document is not an object")
    return value


def read_facts(text: str) -> AttemptFacts:
    """The facts of an attempt. Raises StorageError for a damaged document."""
    members = read_object(text)
    try:
        options = tuple(members.pop("negotiated", ()))
        return AttemptFacts(**members, negotiated=options)
    except TypeError as error:
        raise StorageError(f"stored facts are damaged ({error})") from error


def read_ending(text: str) -> Ending:
    """The ending of an attempt. Raises StorageError for a damaged document."""
    members = read_object(text)
    try:
        members["outcome"] = Outcome(members["outcome"])
        members["retry"] = Retry(members.get("retry", Retry.NEVER))
        return Ending(**_with_cause(members))
    except (TypeError, ValueError, KeyError) as error:
        raise StorageError(f"a stored ending is damaged ({error})") from error


def read_verdict(text: str) -> RequestVerdict:
    """The verdict of a request. Raises StorageError for a damaged document."""
    members = read_object(text)
    try:
        members["verdict"] = Verdict(members["verdict"])
        return RequestVerdict(**_with_cause(members))
    except (TypeError, ValueError, KeyError) as error:
        raise StorageError(f"a stored verdict is damaged ({error})") from error


def _with_cause(members: dict[str, Any]) -> dict[str, Any]:
    cause = members["cause"]
    lists = members.keys() & {"warnings", "pieces", "assumptions"}
    return members | {
        "cause": None if cause is None else Cause(**cause),
        **{name: tuple(members[name]) for name in lists},
    }


_FORMS: Final[dict[type, Callable[[Any], Any]]] = {bytes: bytes.hex}
_TEXT: Final = JsonText(COMPACT, _FORMS)
