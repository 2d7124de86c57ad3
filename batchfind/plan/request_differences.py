"""What tells two requests apart, in words that hold no value of any key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from batchfind.dicom.dictionary import Dictionary, tag_text
from batchfind.dicom.identifier import Identifier
from batchfind.plan.model import Plan, PlannedPeer, Request

_LISTED: Final = 5
_FIELDS: Final = {
    "sop_class": "information model",
    "charset": "character set",
    "transfer_syntaxes": "transfer syntaxes",
    "priority": "priority",
    "negotiation": "negotiation",
    "cancel": "cancel",
    "repetition": "repetition",
    "new_vr_as_ob": "new_vr",
    "extent": "part of the window",
}
"""Fields of a request that decide what is asked, by what people call them."""


def facets(stored: Plan, old: Request, given: Plan, new: Request) -> Iterator[str]:
    """What tells two requests apart that have not the same key.

    Args:
        stored: plan of the first request.
        old: the first.
        given: plan of the second, at a peer of the same name.
        new: the second.

    Yields:
        Phrases such as `key StudyDate`, or `called AE title A -> B`.
    """
    yield from _keys(old.identifier, new.identifier, given.dictionary)
    for name, whose in (("calling_ae", "calling"), ("called_ae", "called")):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{whose} AE title {before} -> {after}"
    for name, word in _FIELDS.items():
        if getattr(old, name) != getattr(new, name):
            yield word
    yield from _of_peers(stored.peers[old.peer], given.peers[new.peer])


def _of_peers(old: PlannedPeer, new: PlannedPeer) -> Iterator[str]:
    """What of a peer counts as a question; see `digests`."""
    profiles = [peer.tls.profile if peer.tls else None for peer in (old, new)]
    if profiles[0] != profiles[1]:
        yield f"TLS {moved(*profiles)} (on, off or another profile: a new run)"
    users = [
        peer.identity and (peer.identity.type, peer.identity.username)
        for peer in (old, new)
    ]
    if users[0] != users[1]:
        yield "user identity"


def _keys(old: Identifier, new: Identifier, known: Dictionary) -> Iterator[str]:
    before, after = dict(_leaves(old, known)), dict(_leaves(new, known))
    changed = [path for path in before if after.get(path, before[path]) != before[path]]
    if changed:
        yield f"{'key' if len(changed) == 1 else 'keys'} {listed(changed)}"
    added = [path for path in after if path not in before]
    if added:
        yield f"with {listed(added)}"
    missing = [path for path in before if path not in after]
    if missing:
        yield f"without {listed(missing)}"


def _leaves(
    identifier: Identifier, known: Dictionary, above: str = ""
) -> Iterator[tuple[str, object]]:
    """Every key as in a job file, with what is asked for it."""
    for element in identifier:
        name = known.keyword_of(element.tag) or tag_text(element.tag)
        items = element.value
        if not isinstance(items, tuple) or not any(items):
            yield above + name, (element.vr, items)
            continue
        for number, item in enumerate(items):
            place = f"{above}{name}" + (f"[{number}]" if number else "")
            yield from _leaves(item, known, f"{place}.")


def moved(old: str | None, new: str | None) -> str:
    """From what to what."""
    return f"{old or 'none'} -> {new or 'none'}"


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:_LISTED])
    more = len(names) - _LISTED
    return f"{shown} and {more} more" if more > 0 else shown
