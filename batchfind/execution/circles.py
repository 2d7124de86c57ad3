"""Which requests ask alike, so that a cap of one is likely a cap of the other.

Peers cap by what they are asked for and by who asks: by patient another count than by
day, for one AE title another than for the next. Days and times are never part of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from batchfind.dicom.identifier import Identifier
from batchfind.execution.ledger import PIECES, WHOLE_PLACE, Circle
from batchfind.plan.model import Origin, Request, Splitting

_TEMPORAL = frozenset(("DA", "TM", "DT"))


def circles_of(request: Request, splitting: Splitting | None) -> tuple[Circle, ...]:
    """Names of the circles that a request belongs to, the narrowest first.

    They are: the same AE titles and values in all matching keys but those that its
    window is cut by; of these the pieces; the same AE titles and matching keys,
    whatever their values; and everything at that place of the peer.

    Args:
        request: of a place.
        splitting: how requests of its query are cut, or None.
    """
    then = splitting.then if splitting is not None else ()
    cut_by = frozenset(entry.key.leaf.tag for entry in then)
    values = tuple(_values(request.identifier, cut_by, ()))
    titles = request.calling_ae, request.called_ae
    keys = tuple(place for place, _ in values)
    alike = (*titles, values), (*titles, keys), WHOLE_PLACE
    if request.origin is not Origin.SPLIT:
        return alike
    return (*alike[:1], (PIECES, *titles, values), *alike[1:])


def _values(
    identifier: Identifier, cut_by: frozenset[int], above: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], str | bytes]]:
    """Where its matching keys stand, and their values, without days and times."""
    for element in identifier:
        if not element.value or element.vr in _TEMPORAL or element.tag in cut_by:
            continue
        place = (*above, element.tag)
        if isinstance(element.value, tuple):
            for item in element.value:
                yield from _values(item, cut_by, place)
        else:
            yield place, element.value
