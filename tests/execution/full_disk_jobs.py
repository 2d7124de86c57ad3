"""Jobs whose capture and outputs go where a test wants them, and peers with answers."""

from __future__ import annotations

from dataclasses import replace
from hashlib import shake_128
from pathlib import Path

from tests.peers import pdu, steps
from tests.peers.scripted import Request, Step

FORMS = {
    "csv": "{format: csv, path: csv/q.csv}",
    "parquet": "{format: parquet, path: parquet/q.parquet}",
    "jsonl": "{format: jsonl, path: jsonl/q.jsonl}",
    "dicom": "{format: dicom, path: dicom/q/}",
    "zip": "{format: dicom, layout: zip, path: zip/q.zip}",
    "xml": "{format: xml, path: xml/q.xml}",
    "xmls": "{format: xml, layout: files, path: xmls/q/}",
    "requests": "{format: csv, table: requests, path: requests/q.csv}",
    "parts": "{format: parquet, path: parts/q/, partition_by: [PatientID]}",
}
"""Every form of output, each in a folder of its own: a disk in these tests."""

_JOB = """\
version: 1
name: full
run: {{dir: {runs}, retry: {{attempts: 1}}}}
peers:
  p:
    host: 127.0.0.1
    port: {port}
    timeouts: {{cancel: 2s}}
    limits: {{associations: 2, response_cap: none}}
queries:
  q:
    model: study
    level: STUDY
    rows: {{from: [{rows}]}}
    keys: {{PatientID: "{{{{ id }}}}", StudyInstanceUID: "", StudyDescription: ""}}
    {more}
outputs:
{outputs}
"""
_DESCRIPTION = 0x00081030
_STUDY = 0x0020000D
_DESCRIPTION_BYTES = 1000


def write_job(
    folder: Path,
    port: int,
    *outputs: str,
    runs: str = "runs",
    requests: int = 2,
    more: str = "",
) -> None:
    """Writes job.yaml.

    Args:
        folder: where.
        port: of the peer.
        outputs: flow mappings of YAML, as in `FORMS`.
        runs: its run.dir.
        requests: how many.
        more: a further line of the query.
    """
    rows = ", ".join(f"{{id: A{number}}}" for number in range(requests))
    listed = "\n".join(f"  - {output}" for output in outputs)
    text = _JOB.format(runs=runs, port=port, rows=rows, more=more, outputs=listed)
    (folder / "job.yaml").write_text(text)


def incompressible(request: Request, index: int) -> bytes:
    """A match of 1 KB that no codec makes smaller, the same whenever it is asked."""
    name = request.identifier + index.to_bytes(4)
    values = {
        _DESCRIPTION: shake_128(name).hexdigest(_DESCRIPTION_BYTES // 2).encode(),
        _STUDY: pdu.text(f"1.2.826.0.1.3680043.10.1505.8.{index}", b"\0"),
    }
    elements = [
        replace(one, value=values.get(one.tag, one.value)) for one in request.elements
    ]
    return pdu.data_set(elements, request.transfer_syntax)


def good(count: int = 40) -> list[Step]:
    """A whole answer."""
    return [steps.matches(count, build=incompressible), steps.final()]
