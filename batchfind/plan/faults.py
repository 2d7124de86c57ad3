"""What cannot be in a plan whose fields all have the right types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from batchfind.dicom.encode import canonical_bytes
from batchfind.job.conformance import conforms
from batchfind.job.schema import load_schema
from batchfind.job.validation import dotted
from batchfind.plan.digests import KeyFrames, plan_digest
from batchfind.plan.model import Plan, PlannedPeer, Request
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
    yield from _of_outputs(plan)
    if plan_digest(plan.requests) != plan.digest:
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
    previous: tuple[int, ...] = ()
    for index, request in enumerate(plan.requests):
        path = f"requests[{index}]"
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


def _key_of(request: Request, peer: PlannedPeer, frames: KeyFrames) -> str | None:
    try:
        canonical = canonical_bytes(request.identifier, request.charset)
        return frames.of(request, peer).key(canonical)
    except ValueError:
        return None  # an Identifier that cannot be encoded was never planned


def _of_outputs(plan: Plan) -> Iterator[tuple[str, str]]:
    ids = {request.id for request in plan.requests}
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
