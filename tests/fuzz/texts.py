"""What a user writes, or is handed: jobs, plans, keys, templates, tables, keys."""

# ruff: noqa: PT017 - an error is one of two good endings, and has to be as documented

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import batchfind
from batchfind.dicom.encode import encode
from batchfind.dicom.findscu_keys import KeyRefused, apply_key
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.paths import parse_path
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from batchfind.errors import BatchfindError, JobError
from batchfind.job.report import Report
from batchfind.job.yaml_nodes import parse
from batchfind.plan.codec import dumps, loads
from batchfind.plan.sandbox import MAX_RENDERED, Sandbox
from batchfind.sources.identifiers import read_identifier
from batchfind.sources.rows import read_csv

ROOT: Final = Path(__file__).parents[2]
_NOON: Final = "2026-01-31T12:00"
_JOB: Final = b"""\
version: 1
name: small
timezone: Europe/Berlin
vars: {site: A}
peers:
  ris: &ris {host: ris.example.org, port: 104, called_ae: RIS}
  pacs: {<<: *ris, timeouts: {response: 90s}, limits: {associations: 2}}
queries:
  worklist:
    model: worklist
    peers: [ris]
    matrix: {modality: [CT, MR]}
    keys:
      PatientName: "{{ vars.site | upper }}*"
      ScheduledProcedureStepSequence:
        Modality: "{{ modality }}"
        ScheduledProcedureStepStartDate: "{{ today - days(1) }}"
    expect: {complete: true, not_null: [Modality]}
  studies:
    model: study
    level: STUDY
    peers: [pacs]
    window: {key: StudyDate, from: 2026-01-01, to: 2026-01-31, step: 7d}
    keys: {StudyInstanceUID: "", PatientID: "", '0019,"ACME",10': ""}
    cancel: {after_responses: 5}
outputs:
  - {format: csv, path: "out/{{ query }}-{{ today }}.csv", dialect: excel}
"""


def yaml(data: bytes) -> None:
    """YAML alone: a tree, or problems."""
    report = Report()
    root = parse(data.decode("utf-8", "replace"), "job.yaml", report)
    assert root is not None or report.failed


def job(data: bytes) -> None:
    """A job file, loaded and planned: requests, or problems that stand in a line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.yaml")
        path.write_bytes(data)
        try:
            plan = batchfind.load_job(path).plan(now=_NOON)
        except JobError as error:
            assert error.problems
            for problem in error.problems:
                assert problem.message
                assert "Traceback" not in str(problem)
            return
    assert loads(dumps(plan)) == plan


def plan_json(data: bytes) -> None:
    """A stored plan; what is accepted is written as it was read."""
    try:
        plan = loads(data.decode("utf-8", "replace"))
    except JobError as error:
        assert len(error.problems) == 1
        return
    assert loads(dumps(plan)) == plan


def key_path(data: bytes) -> None:
    """A path that can be read back from its own text, or one sentence."""
    try:
        path = parse_path(data.decode("utf-8", "replace"))
    except ValueError as error:
        assert type(error) is ValueError
        assert str(error)
        return
    assert parse_path(path.dotted) == path


def findscu_key(data: bytes) -> None:
    """Options -k, one a line, as the command line gives them."""
    identifier: Identifier = ()
    for line in data.split(b"\n"):
        try:
            identifier = apply_key(identifier, line.decode("utf-8", "surrogateescape"))
        except KeyRefused as refused:
            assert refused.code
            assert refused.message
    with suppress(ValueError):
        encode(identifier, EXPLICIT_LE, ())


def template(data: bytes) -> None:
    """A template gives short text, or a sentence that says why not."""
    try:
        # The plan renders nothing before it has looked for the variables it reads.
        program = Sandbox(defaultdict(lambda: "set")).compile(
            data.decode("utf-8", "replace")
        )
        values: dict[str, object] = dict.fromkeys(program.facts.names, "x")
        values["vars"] = dict.fromkeys(program.facts.variables, "y")
        text = program.render(values)
    except ValueError as error:
        assert str(error)
        return
    assert len(text) <= MAX_RENDERED


def rows(data: bytes) -> None:
    """A CSV file of somebody else."""
    _read(data, "rows.csv", read_csv)


def identifier_file(data: bytes) -> None:
    """An Identifier in any of the formats that a job may name."""
    _read(data, "base", read_identifier)
    _read(data, "base", lambda path: read_identifier(path, as_written=True))


def _read(data: bytes, name: str, read: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        try:
            read(path)
        except BatchfindError as error:
            assert isinstance(error, JobError)
            assert name in str(error)


def job_seeds() -> tuple[bytes, ...]:
    """Jobs of the repository that need no other file, and one with most fields."""
    return (_JOB, (ROOT / "jobs/demo.yaml").read_bytes())


def plan_seeds() -> tuple[bytes, ...]:
    """The plan of the small job, as a run directory keeps it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.yaml")
        path.write_bytes(_JOB)
        text = dumps(batchfind.load_job(path).plan(now=_NOON))
    return (text.replace(folder, "/srv/jobs").encode(),)


def path_seeds() -> tuple[bytes, ...]:
    """One of every form."""
    return (
        b"PatientID",
        b"(0010,0020)",
        b"00100020",
        b"ScheduledProcedureStepSequence[0].Modality",
        b'0040,0100[12].0019,"SIEMENS CT VA0 COAD",10',
        b"0019,1010",
    )


def key_seeds() -> tuple[bytes, ...]:
    """Several options after one another."""
    return (
        b"PatientName=MEYER*\n0010,0020=1\nStudyDate=20260101-20260131",
        b"ScheduledProcedureStepSequence[0].Modality=CT\n(0040,0100)[1].0008,0060=MR",
        b"0029,0010=ACME\n0029,1010=x\nPatientWeight=1.5\n0028,0010=7\\8",
        b"ReferencedStudySequence\nReferencedStudySequence[3]\nPixelData=00\\ff",
    )


def template_seeds() -> tuple[bytes, ...]:
    """What a job may write."""
    return (
        b"{{ modality | upper }}-{{ vars.site }}",
        b"{{ today - days(1) }}{% if site == 'A' %}x{% else %}y{% endif %}",
        b"{{ env('HOME') ~ name | default('-') }}",
        b"{{ (tomorrow + weeks(2)) | iso }}",
    )


def row_seeds() -> tuple[bytes, ...]:
    """Tables as programs export them."""
    return (
        b'name;id\r\n"Doe; Jane";7\r\n\r\nMeyer;"8"\r\n',
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b'a\tb\n"x\ny"\t2\n',
    )


def identifier_seeds() -> tuple[bytes, ...]:
    """The same attributes in every format."""
    raw = b"\x10\0\x10\0PN\x08\0Doe^Jane\x10\0\x20\0LO\x02\x007 "
    meta = b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"
    length = b"\x02\0\0\0UL\x04\0" + len(meta).to_bytes(4, "little")
    preamble = bytes(128) + b"DICM"
    return (raw, preamble + length + meta + raw, *_WRITTEN)


_WRITTEN: Final = tuple(
    text.encode()
    for text in (
        """\
{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
 "00081110": {"vr": "SQ", "Value": [{}]}}
""",
        """\
<?xml version="1.0"?>
<NativeDicomModel><DicomAttribute tag="00100020" vr="LO" keyword="PatientID">
<Value number="1">7</Value></DicomAttribute></NativeDicomModel>
""",
        """\
<data-set xfer="1.2.840.10008.1.2.1" name="x">
<element tag="0010,0020" vr="LO" vm="1" len="2" name="PatientID">7</element>
</data-set>
""",
        """\
# Dicom-Data-Set
(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName
(0008,1110) SQ (Sequence with undefined length #=1)
(fffe,e000) na (Item)
(0008,1150) UI =StudyRootQuery
(fffe,e00d) na
(fffe,e0dd) na
""",
    )
)
