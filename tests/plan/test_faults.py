"""A plan whose types are right may still be one that was never made."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from batchfind.errors import JobError
from batchfind.plan.codec import from_json, to_json
from tests.plan.planning import Planner

JOB = """
queries:
  q:
    model: study
    level: STUDY
    keys: {StudyInstanceUID: ""}
    repeat: {times: 2}
outputs:
  - {format: csv, path: a.csv}
  - {format: parquet, path: b.parquet}
"""
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def data(planner: Planner) -> dict[str, Any]:
    return to_json(planner.plan(JOB))


def test_as_it_was_written_nothing_is_wrong(data: dict[str, Any]) -> None:
    assert from_json(data).requests


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda data: data["peers"]["pacs"].update(port=70000),
            "peers.pacs.port: must be 65535 or less, not 70000",
        ),
        (
            lambda data: data["peers"]["pacs"].update(port=0),
            "peers.pacs.port: must be 1 or more, not 0",
        ),
        (
            lambda data: data["peers"]["pacs"]["limits"].update(associations=0),
            "peers.pacs.limits.associations: must be 1 or more, not 0",
        ),
        (
            lambda data: data["peers"]["pacs"].update(max_pdu=10),
            "peers.pacs.max_pdu: must be 4096 or more, not 10",
        ),
        (
            lambda data: data["peers"]["pacs"]["timeouts"].update(response=-1),
            "peers.pacs.timeouts.response: must be 0 or more, not -1",
        ),
        (
            lambda data: data["peers"]["pacs"].update(end="x"),
            "peers.pacs.end: must be one of release, abort",
        ),
        (
            lambda data: data["peers"]["pacs"].update(port=None),
            "peers.pacs: must have host and port, or demo",
        ),
        (
            lambda data: data["peers"]["pacs"].update(demo="pacs"),
            "peers.pacs: must have host and port, or demo",
        ),
        (
            lambda data: data["peers"]["pacs"].update(name="x"),
            "peers.pacs.name: must be the name under which it stands",
        ),
        (
            lambda data: data["queries"]["q"].update(name="x"),
            "queries.q.name: must be the name under which it stands",
        ),
        (
            lambda data: data["policy"].update(concurrency=0),
            "policy.concurrency: must be 1 or more, not 0",
        ),
        (
            lambda data: data["policy"].update(directory="runs"),
            "policy.directory: must be an absolute path",
        ),
        (
            lambda data: data.update(inputs=[{"path": "/a", "sha256": "x"}]),
            "inputs[0].sha256: is not what the schema of plans says",
        ),
        (
            lambda data: data["requests"][1].update(not_before=-1.0),
            "requests[1]: its repetition and not_before must be 0 or more",
        ),
        (
            lambda data: data["outputs"][1].update(path=data["outputs"][0]["path"]),
            "outputs[1].path: is the path of outputs[0], too",
        ),
        (
            lambda data: data["outputs"][1].update(
                path=data["outputs"][0]["path"].replace("a.csv", "x/../A.csv")
            ),
            "outputs[1].path: is the path of outputs[0], too",
        ),
    ],
)
def test_what_no_job_gives_is_one_sentence(
    data: dict[str, Any], change: Change, fault: str
) -> None:
    changed = copy.deepcopy(data)
    change(changed)
    with pytest.raises(JobError) as caught:
        from_json(changed)
    assert str(caught.value) == f"plan.json: {fault}"
