"""Plans for tests of execution, made without a job file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import parse_path
from batchfind.digest import sha256_of
from batchfind.job.model import (
    Cancel,
    CharsetPolicy,
    OutputFormat,
    PeerLimits,
    PeerTimeouts,
    PerRequest,
    Priority,
    Publish,
    RetryPolicy,
)
from batchfind.job.output_model import Overwrite
from batchfind.plan.digests import plan_digest, request_key
from batchfind.plan.model import (
    Plan,
    PlannedOutput,
    PlannedPeer,
    PlannedQuery,
    Policy,
    Request,
)

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
#: No good answer is ever so late, however busy the machine.
PATIENT = PeerTimeouts(
    connect=60.0, acse=60.0, response=60.0, cancel=60.0, release=60.0, idle=60.0
)
#: For peers that stay silent; what they do say before comes well within.
IMPATIENT = PeerTimeouts(
    connect=60.0, acse=1.5, response=1.5, cancel=1.5, release=1.5, idle=60.0
)


def peer(name: str, port: int, **changes: Any) -> PlannedPeer:
    facts: dict[str, Any] = {
        "name": name,
        "host": "127.0.0.1",
        "port": port,
        "demo": None,
        "deflate_level": 6,
        "max_pdu": 16384,
        "timeouts": PATIENT,
        "limits": PeerLimits(),
        "charset": CharsetPolicy(),
        "end": "release",
        "on_cancel": "cancel",
    }
    return PlannedPeer(**(facts | changes))


def request(identity: str, at: str, **changes: Any) -> Request:
    """A STUDY request whose PatientID is its own id, so that answers betray it."""
    facts: dict[str, Any] = {
        "id": identity,
        "query": "studies",
        "peer": at,
        "sop_class": STUDY_ROOT,
        "level": "STUDY",
        "calling_ae": "BATCHFIND",
        "called_ae": "PEER",
        "transfer_syntaxes": ("1.2.840.10008.1.2.1",),
        "priority": Priority.MEDIUM,
        "identifier": (
            Element(0x0008_0052, "CS", "STUDY"),
            Element(0x0010_0010, "PN", ""),
            Element(0x0010_0020, "LO", f"R{identity}"),
            Element(0x0020_000D, "UI", ""),
        ),
        "charset": (),
        "cancel": Cancel(),
        "key": sha256_of(identity),
    }
    return Request(**(facts | changes))


def studies() -> PlannedQuery:
    keys = ("PatientName", "PatientID", "StudyInstanceUID")
    return PlannedQuery(
        name="studies",
        sop_class=STUDY_ROOT,
        model="study",
        level="STUDY",
        columns=tuple(parse_path(key) for key in keys),
        explode=None,
        carry=(),
    )


def output(path: Path, requests: Sequence[Request], **changes: Any) -> PlannedOutput:
    facts: dict[str, Any] = {
        "path": str(path),
        "format": OutputFormat.CSV,
        "query": "studies",
        "requests": tuple(each.id for each in requests),
        "typed": False,
        "provenance": False,
        "publish": Publish.COMPLETE,
        "overwrite": Overwrite.REPLACE,
    }
    return PlannedOutput(**(facts | changes))


def plan(
    folder: Path,
    peers: Sequence[PlannedPeer],
    requests: Sequence[Request],
    outputs: Sequence[PlannedOutput] = (),
    policy: Mapping[str, Any] | None = None,
) -> Plan:
    facts: dict[str, Any] = {
        "directory": str(folder / "runs"),
        "concurrency": 32,
        "stop_on_failure": False,
        "per_request": PerRequest(),
        "executor": "local",
        "retry": RetryPolicy(attempts=1, backoff=0.0),
    }
    return Plan(
        version=1,
        job="test",
        job_path=str(folder / "job.yaml"),
        clock="2026-01-31T04:15:00+01:00",
        timezone="Europe/Berlin",
        digest=sha256_of([[each.id, each.key] for each in requests]),
        peers={each.name: each for each in peers},
        queries={"studies": studies()},
        requests=tuple(requests),
        outputs=tuple(outputs),
        policy=Policy(**(facts | dict(policy or {}))),
    )


def with_real_keys(given: Plan) -> Plan:
    """The keys and the digest that a plan file is checked against."""

    def keyed(requests: Sequence[Request]) -> tuple[Request, ...]:
        return tuple(
            replace(each, key=request_key(each, given.peers[each.peer]))
            for each in requests
        )

    queries = {
        name: query
        if query.growing is None
        else replace(
            query,
            growing=replace(query.growing, patterns=keyed(query.growing.patterns)),
        )
        for name, query in given.queries.items()
    }
    requests = keyed(given.requests)
    digest = plan_digest(requests, queries.values())
    return replace(given, requests=requests, queries=queries, digest=digest)
