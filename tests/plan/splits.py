"""Requests that can be cut, and everything they are cut into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from batchfind.dicom.assemble import assemble
from batchfind.dicom.paths import parse_path
from batchfind.job.model import (
    Cancel,
    CharsetPolicy,
    PeerLimits,
    PeerTimeouts,
    Priority,
    Unset,
)
from batchfind.plan.digests import request_key
from batchfind.plan.model import (
    Extent,
    PlannedPeer,
    PlannedQuery,
    PlannedThen,
    Request,
    Splitting,
)
from batchfind.plan.splitting import pieces_of

PEER = PlannedPeer(
    name="pacs",
    host="pacs.example.org",
    port=104,
    demo=None,
    deflate_level=6,
    max_pdu=16384,
    timeouts=PeerTimeouts(),
    limits=PeerLimits(),
    charset=CharsetPolicy(),
    end="release",
    on_cancel="cancel",
)


def request_of(
    keys: Mapping[str, str],
    extent: Extent | None = None,
    *,
    peer: PlannedPeer = PEER,
    **fields: Any,
) -> Request:
    """A planned study request with these keys."""
    made = Request(
        **{
            "id": "0.0",
            "query": "studies",
            "peer": peer.name,
            "sop_class": "1.2.840.10008.5.1.4.1.2.2.1",
            "level": "STUDY",
            "calling_ae": "BATCHFIND",
            "called_ae": "ARCHIVE",
            "transfer_syntaxes": ("1.2.840.10008.1.2.1",),
            "priority": Priority.MEDIUM,
            "identifier": assemble(
                [(parse_path(path), text) for path, text in keys.items()]
            ),
            "charset": (),
            "cancel": Cancel(),
            "extent": extent,
            "key": "",
            **fields,
        }
    )
    return replace(made, key=request_key(made, peer))


def query_of(
    date: str = "StudyDate",
    time: str | None = "StudyTime",
    *,
    floor: int = 900,
    then: Mapping[str, tuple[str, ...]] | None = None,
) -> PlannedQuery:
    """A query that splits."""
    further = (then or {}).items()
    return PlannedQuery(
        name="studies",
        sop_class="1.2.840.10008.5.1.4.1.2.2.1",
        model="study",
        level="STUDY",
        columns=(parse_path(date),),
        explode=None,
        carry=(),
        splitting=Splitting(
            date=parse_path(date),
            time=None if time is None else parse_path(time),
            floor=floor,
            unset=Unset.PROBE,
            then=tuple(
                PlannedThen(parse_path(key), values, exhaustive=False)
                for key, values in further
            ),
        ),
    )


def studies(first: str, last: str, time: str = "", **keys: str) -> Request:
    """A request for the studies of some days; an empty end is open."""
    days = first if first == last else f"{first}-{last}"
    written = {"StudyDate": days, "StudyTime": time, "StudyInstanceUID": "", **keys}
    return request_of(written, Extent(first=first, last=last))


def ends_of(request: Request, query: PlannedQuery) -> Iterator[Request]:
    """The pieces that are left when a peer caps everything that can be cut."""
    pieces = pieces_of(request, query, PEER)
    if not pieces:
        yield request
    for piece in pieces:
        yield from ends_of(piece, query)


def tree_of(request: Request, query: PlannedQuery) -> Iterator[Request]:
    """A request and everything it is cut into, in the order of the tree."""
    yield request
    for piece in pieces_of(request, query, PEER):
        yield from tree_of(piece, query)
