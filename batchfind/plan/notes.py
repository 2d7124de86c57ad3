"""What a user should know about the date and time keys of a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from batchfind.dicom.identifier import Identifier
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.plan.keys import is_universal
from batchfind.plan.model import Request


def notes_of(
    model: InformationModel,
    matching: Mapping[str, tuple[str, ...]],
    requests: Sequence[Request],
) -> Iterator[str]:
    """What answers to dates cannot hold, and how dates and times go together.

    Args:
        model: decides which keys belong together.
        matching: keys by dotted path, with the values of all requests; the empty text
            among them for requests that ask for everything.
        requests: of the query.

    Source: PS3.4 Sections C.2.2.2.5 and K.6.1.2.2.
    """
    for pair in model.window_pairs:
        if not all(matching.get(pair.date, ("",))):
            continue  # some request has no date that could leave an entry out
        date = parse_path(pair.date)
        yield f"an entry without {date.leaf.name} is never returned"
        if pair.time is None:
            continue
        time = parse_path(pair.time)
        both = [one for one in requests if _asks_both(one.identifier, date, time)]
        if both:
            names = f"{date.leaf.name} and {time.leaf.name}"
            yield f"{names} {_read_together(model, both)}"


def _asks_both(identifier: Identifier, date: KeyPath, time: KeyPath) -> bool:
    """Whether several days and a time of day are asked for in one request."""
    return "-" in text_at(identifier, date) and not is_universal(
        text_at(identifier, time)
    )


def _read_together(model: InformationModel, requests: Sequence[Request]) -> str:
    if model.name == "worklist":
        return "are one continuous period (PS3.4 K.6)"
    if all("date_time" in one.negotiation for one in requests):
        return "are one continuous period where the peer agrees to that"
    return "apply one by one: the times of each day in the range"


def text_at(identifier: Identifier, path: KeyPath) -> str:
    """The text of a key, bytes as hexadecimal digits; empty when it is not there."""
    for step in path.sequences:
        items = next((one.value for one in identifier if one.tag == step.tag), ())
        if not isinstance(items, tuple) or len(items) <= step.item:
            return ""
        identifier = items[step.item]
    for element in identifier:
        if element.tag == path.tag and not isinstance(element.value, tuple):
            value = element.value
            return value if isinstance(value, str) else value.hex()
    return ""
