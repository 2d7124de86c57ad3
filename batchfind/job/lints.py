"""What an information model says about a query's keys, whatever their values.

Values are looked at when the plan has rendered them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath
from batchfind.errors import Mark
from batchfind.job.model import KeyEntry, Window
from batchfind.job.section import Section

PLACES: Final = "PS3.4 K.6.1.2"
"""The clause that says which keys stand within the scheduled step."""

_MATCHING: Final = ("window", "any_of", "for_each")
"""Fields that give keys a value."""


def check_model(
    query: Section,
    model: InformationModel,
    keys: tuple[KeyEntry, ...],
) -> None:
    """Reports a query without the matching key that its model needs.

    Source: PS3.4 Section CC.2.8.1.2.
    """
    matching = any(scalar.text for entry in keys for scalar in entry.values)
    matching = matching or any(query.has(name) for name in _MATCHING)
    if model.needs_matching_key and not matching:
        _say_no_matching_key(query, model)


def _say_no_matching_key(query: Section, model: InformationModel) -> None:
    if query.has("files"):
        return
    message = (
        f"a query of {model.name} without a matching key answers nothing (PS3.4 "
        "CC.2.8.1.2); give one key a value"
    )
    _say(query, query.mark("keys"), query.place("keys"), message)


def check_places(
    query: Section,
    model: InformationModel,
    keys: Iterable[KeyEntry],
    returns: Iterable[KeyEntry],
    window: Window | None,
    others: Iterable[tuple[KeyPath, Mark, str]] = (),
) -> None:
    """Reports keys that a peer will not look for where they stand.

    Args:
        query: receives problems.
        model: knows where keys belong.
        keys: of the query.
        returns: of the query, likewise.
        window: its keys are looked at, too.
        others: further keys with their marks and places below the query.

    Source: PS3.4 Section K.6.1.2.
    """
    asked = [
        (entry.path, entry.mark, f"{part}.{entry.path.dotted}")
        for part, entries in (("keys", keys), ("return", returns))
        for entry in entries
    ]
    if window is not None:
        for path, field in ((window.key, "key"), (window.time_key, "time_key")):
            mark = query.section("window").mark(field)
            asked += [(path, mark, f"window.{field}")] if path is not None else []
    for path, mark, part in (*asked, *others):
        right = model.place_of(path)
        if right is not None:
            where = query.place(part)
            message = f"{misplaced(path, right)} ({PLACES})"
            _say(query, mark, where, message)


def misplaced(path: KeyPath, right: str) -> str:
    """The sentence for a key that stands in the wrong place."""
    return (
        f"peers do not look for {path.leaf.name} here, so it neither selects nor"
        f" comes back (did you mean '{right}'?)"
    )


def is_lenient(query: Section) -> bool:
    """Whether what the standard forbids is sent as written; raw keys always are."""
    return query.text("lint") == "lenient" or query.flags("raw").get("raw", False)


def _say(query: Section, mark: Mark, place: str, message: str) -> None:
    if is_lenient(query):
        query.report.warning(mark, place, message)
    else:
        query.report.error(mark, place, f"{message}, or write 'lint: lenient'")
