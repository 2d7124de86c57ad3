"""Plans, facts and responses that the tests of the capture share."""

from __future__ import annotations

import hashlib
import random
from itertools import accumulate
from pathlib import Path

from batchfind.capture.reader import open_capture
from batchfind.capture.records import AttemptFacts, Ending, Outcome
from batchfind.dicom.identifier import Element
from batchfind.dimse.messages import Matches
from batchfind.job.model import Cancel, PerRequest, Priority
from batchfind.plan.model import Plan, Policy, Request

FACTS = AttemptFacts(
    transfer_syntax="1.2.840.10008.1.2",
    peer_implementation="1.2.3 FICTION_1",
    peer_max_pdu=16384,
    address="127.0.0.1:11112",
    association=1,
    started="2026-01-02T03:04:05.000006+00:00",
)


def request(identity: str) -> Request:
    return Request(
        id=identity,
        query="studies",
        peer="archive",
        sop_class="1.2.840.10008.5.1.4.1.2.2.1",
        level="STUDY",
        calling_ae="BATCHFIND",
        called_ae="ARCHIVE",
        transfer_syntaxes=("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"),
        priority=Priority.MEDIUM,
        identifier=(Element(0x00100010, "PN", "Muster^Ä*"),),
        charset=("ISO_IR 192",),
        cancel=Cancel(),
        key=hashlib.sha256(identity.encode()).hexdigest(),
    )


def plan(*identities: str) -> Plan:
    return Plan(
        version=1,
        job="nightly",
        job_path="/jobs/nightly.yaml",
        clock="2026-01-02T03:04:05+01:00",
        timezone="Europe/Berlin",
        digest="ab" * 32,
        peers={},
        queries={},
        requests=tuple(request(identity) for identity in identities),
        outputs=(),
        policy=Policy(
            directory="/runs",
            concurrency=4,
            stop_on_failure=False,
            per_request=PerRequest(),
            executor="local",
        ),
    )


def matches(*identifiers: bytes, status: int = 0xFF00) -> Matches:
    return Matches(
        message_id=7,
        payload=b"".join(identifiers),
        ends=list(accumulate(map(len, identifiers))),
        statuses=[status] * len(identifiers),
    )


def identifiers(seed: int, count: int = 20) -> list[bytes]:
    """The same responses for the same seed, in this process or another."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    return [
        b"\x08\x00\x52\x00STUDY " + chance.randbytes(chance.randrange(200))
        for _ in range(count)
    ]


def success(responses: int = 0) -> Ending:
    return Ending(
        outcome=Outcome.SUCCESS, status=0, responses=responses, kept=responses
    )


def stored_identifiers(path: Path, attempt: int) -> list[bytes]:
    found: list[bytes] = []
    with open_capture(path) as capture:
        for part in capture.matches(attempt):
            assert part.first == len(found)
            begins = [0, *part.ends[:-1]]
            found += [part.payload[a:b] for a, b in zip(begins, part.ends, strict=True)]
    return found
