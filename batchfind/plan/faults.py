"""What cannot be in a plan whose fields all have the right types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from batchfind.dicom.encode import canonical_bytes
from batchfind.job.conformance import conforms
from batchfind.job.schema import load_schema
from batchfind.job.validation import dotted
from batchfind.plan.digests import KeyFrames, plan_digest
from batchfind.plan.model import Extent, Origin, Plan, PlannedPeer, Request
from batchfind.plan.taken_paths import folded

if TYPE_CHECKING:
    from jsonschema import ValidationError

_ID: Final = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8}))+")
_CHANGED: Final = "was changed after it was planned; plan the job again"
_BOUNDED: Final = ("peers", "policy", "inputs")
"""Parts that no key or digest covers."""


def faults(plan: Plan, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and sentence of everything wrong in a plan, one after the other.

    Args:
        plan: as read.
        data: the JSON it was read from.
    """
    yield from _out_of_bounds(data)
    yield from _of_parts(plan)
    yield from _of_requests(plan)
    yield from _of_families(plan)
    yield from _of_outputs(plan)
    if plan_digest(plan.requests, plan.queries.values()) != plan.digest:
        yield "digest", _CHANGED


def _out_of_bounds(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Values that the schema does not allow, where a type says too little."""
    parts = {name: data[name] for name in _BOUNDED}
    whole = load_schema("plan")
    known = {name: whole["properties"][name] for name in _BOUNDED}
    schema = {"properties": known, "$defs": whole["$defs"]}
    if conforms(parts, schema, schema):
        return
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import

    for error in Draft202012Validator(schema).iter_errors(parts):
        yield dotted(error.absolute_path), _sentence(error)


def _sentence(error: ValidationError) -> str:
    limit: Any = error.validator_value
    match error.validator:
        case "minimum":
            return f"must be {limit} or more, not {error.instance}"
        case "maximum":
            return f"must be {limit} or less, not {error.instance}"
        case "enum":
            return f"must be one of {', '.join(map(str, limit))}"
        case _:
            return "is not what the schema of plans says"


def _of_parts(plan: Plan) -> Iterator[tuple[str, str]]:
    for part, named in (("peers", plan.peers), ("queries", plan.queries)):
        for name, one in named.items():
            if one.name != name:
                yield f"{part}.{name}.name", "must be the name under which it stands"
    for name, peer in plan.peers.items():
        has_address = peer.host is not None and peer.port is not None
        if has_address == (peer.demo is not None):
            yield f"peers.{name}", "must have host and port, or demo"
    if not PurePath(plan.policy.directory).is_absolute():
        yield "policy.directory", "must be an absolute path"


def _of_requests(plan: Plan) -> Iterator[tuple[str, str]]:
    frames = KeyFrames()
    yield from _of_asked(plan, "requests", plan.requests, frames)
    for name, query in plan.queries.items():
        if query.growing is not None:
            path = f"queries.{name}.growing.patterns"
            yield from _of_asked(plan, path, query.growing.patterns, frames)


def _of_asked(
    plan: Plan, part: str, requests: Sequence[Request], frames: KeyFrames
) -> Iterator[tuple[str, str]]:
    """Faults of requests that stand in a row."""
    previous: tuple[int, ...] = ()
    for index, request in enumerate(requests):
        path = f"{part}[{index}]"
        if not _ID.fullmatch(request.id) or request.order <= previous:
            yield f"{path}.id", "ids must be numbers with dots, in ascending order"
            return
        previous = request.order
        if request.query not in plan.queries or request.peer not in plan.peers:
            yield path, "its query or peer is not part of the plan"
        elif request.repetition < 0 or request.not_before < 0:
            yield path, "its repetition and not_before must be 0 or more"
        elif _key_of(request, plan.peers[request.peer], frames) != request.key:
            yield path, _CHANGED
        elif request.origin is not Origin.PLAN or request.parent is not None:
            yield f"{path}.origin", "must be plan: others are born while a job runs"
        elif request.extent is not None:
            yield from _of_extent(f"{path}.extent", request.extent)


def _of_extent(path: str, extent: Extent) -> Iterator[tuple[str, str]]:
    """Days must be dates in order; which times are asked, the keys say."""
    try:
        days = [date.fromisoformat(day) for day in (extent.first, extent.last) if day]
    except ValueError:
        yield path, "first and last must be dates such as 20260131"
        return
    if days != sorted(days):
        yield path, "first must not be after last"


def _of_families(plan: Plan) -> Iterator[tuple[str, str]]:
    """Faults of what becomes requests while a job runs."""
    for name, query in plan.queries.items():
        path = f"queries.{name}"
        splitting, growing = query.splitting, query.growing
        if splitting is not None and splitting.floor < 1:
            yield f"{path}.splitting.floor", "must be 1 or more"
        if growing is None:
            continue
        if growing.query not in plan.queries or name in _above(plan, name):
            yield f"{path}.growing.query", "must be another query of the plan"
        if growing.limit < 1:
            yield f"{path}.growing.limit", "must be 1 or more"
        if any(request.query == name for request in plan.requests):
            yield f"{path}.growing", "its requests are patterns, none is planned"


def _above(plan: Plan, name: str) -> list[str]:
    """The queries that one is asked for the rows of, nearest first."""
    found: list[str] = []
    query = plan.queries.get(name)
    while query is not None and query.growing is not None:
        if query.growing.query in found:
            break
        found.append(query.growing.query)
        query = plan.queries.get(query.growing.query)
    return found


def _key_of(request: Request, peer: PlannedPeer, frames: KeyFrames) -> str | None:
    try:
        canonical = canonical_bytes(request.identifier, request.charset)
        return frames.of(request, peer).key(canonical)
    except ValueError:
        return None  # an Identifier that cannot be encoded was never planned


def _of_outputs(plan: Plan) -> Iterator[tuple[str, str]]:
    ids = {request.id for request in plan.requests}
    for query in plan.queries.values():
        if query.growing is not None:
            ids.update(pattern.id for pattern in query.growing.patterns)
    paths: dict[str, int] = {}
    for index, output in enumerate(plan.outputs):
        path = f"outputs[{index}]"
        if output.query not in plan.queries or not ids.issuperset(output.requests):
            yield path, "its query or one of its requests is not part of the plan"
        if not PurePath(output.path).is_absolute():
            yield f"{path}.path", "must be an absolute path"
        first = paths.setdefault(folded(output.path), index)
        if first != index:
            yield f"{path}.path", f"is the path of outputs[{first}], too"
