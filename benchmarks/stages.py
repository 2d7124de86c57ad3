"""`python -m benchmarks.stages`: what one `batchfind run` spends its time on.

A replay SCP answers, and a whole process is taken apart: phases by wall and CPU time,
and what its threads do by CPU time. Tracing adds a few µs a call, not one a response.
"""

from __future__ import annotations

import argparse
import importlib
import json
import runpy
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.contenders import STUDY, WORKLIST, Question, batchfind, patients
from benchmarks.measure import Command, compile_package, timed
from benchmarks.servers import replay
from benchmarks.tracing import Tracer

#: A call of the function begins the phase.
_PHASES = (
    ("batchfind.execution.run", "run_plan", "run directory"),
    ("batchfind.capture.journal:Journal", "create", "journal"),
    ("batchfind.execution.asking:Asking", "ask", "ask"),
    ("batchfind.execution.under_way:RunUnderWay", "_judged", "judge"),
    ("batchfind.execution.under_way:RunUnderWay", "_finish", "finish"),
    ("batchfind.execution.under_way", "publish_outputs", "publish"),
    ("batchfind.capture.journal:Journal", "verdicts", "store verdicts"),
    ("batchfind.execution.under_way:RunUnderWay", "_close", "close"),
    ("batchfind.cli.running", "report", "report"),
)
#: What is timed within threads.
_STEPS = (
    ("batchfind.net.channel:Channel", "data_received", "net: keep bytes read"),
    ("batchfind.net.channel:Channel", "take", "net: join bytes read"),
    ("batchfind.ul.association:Association", "receive", "ul: buffer"),
    ("batchfind.ul.association:Association", "next_event", "ul: events"),
    ("batchfind.ul.association", "frame", "ul: frame PDUs"),
    ("batchfind.dimse.operations:Operations", "receive", "dimse: pack Identifiers"),
    ("batchfind.dimse.operations:Operations", "find", "dimse: encode C-FIND-RQ"),
    ("batchfind.net.find", "_joined", "net: join a set"),
    ("batchfind.execution.attempt", "encode", "dicom: encode Identifier"),
    ("batchfind.execution.concluding", "judge", "execution: judge"),
    ("batchfind.capture.journal:Journal", "begin", "journal: begin"),
    ("batchfind.capture.journal:Journal", "end", "journal: end"),
    ("batchfind.capture.journal:Journal", "_learn", "journal: committed"),
    ("batchfind.capture.creation", "create_database", "store: plan"),
    ("batchfind.capture.store", "pack", "store: compress"),
    ("batchfind.capture.store", "next_link", "store: hash"),
    ("batchfind.capture.store:Store", "_begin", "store: begin"),
    ("batchfind.capture.store:Store", "_put", "store: insert"),
    ("batchfind.capture.store:Store", "_end", "store: end"),
    ("batchfind.capture.store:Store", "_judge", "store: verdicts"),
    ("batchfind.capture.store:Store", "commit", "store: commit"),
    ("batchfind.capture.store:Store", "finish", "store: close"),
    ("batchfind.execution.answers:Answers", "attempts", "read: attempts"),
    ("batchfind.execution.answers:Answers", "sets", "read: sets"),
    ("batchfind.capture.reader:Capture", "matches", "read: follow chain"),
    ("batchfind.capture.rows:Rows", "select", "read: SQLite"),
    ("batchfind.capture.reader", "next_link", "read: hash"),
    ("batchfind.capture.reader", "unpack", "read: decompress"),
    ("batchfind.execution.finishing", "join", "slabs"),
    ("batchfind.tables.columnar", "sweep", "sweep"),
    ("batchfind.tables.render:Decoder", "decode", "decode"),
    ("batchfind.execution.finishing", "render", "columns"),
    ("batchfind.execution.answers", "judge_run", "execution: judge run"),
    ("batchfind.execution.rendition:Target", "write", "output: write"),
    ("batchfind.execution.rendition:Target", "close", "output: close"),
)


def main() -> None:
    """Serves, runs the traced process, and prints two tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages")
    parser.add_argument("--responses", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("study", "worklist", "ragged"))
    parser.add_argument("--queries", type=int, default=1)
    parser.add_argument("--associations", type=int, default=1)
    parser.add_argument("--peers", type=int, default=1)
    parser.add_argument("--latency", type=int, default=0, help="ms before an answer")
    parser.add_argument("--format", default="parquet")
    parser.add_argument("--profile", type=Path, help="write cProfile's data here")
    given = parser.parse_args()
    compile_package()
    kind = given.kind or "study"
    options = ["--kind", kind, "--responses", str(given.responses)]
    options += ["--peers", str(given.peers), "--latency", str(given.latency)]
    if given.queries == 1:
        options += ["--sop-class", WORKLIST if kind == "worklist" else STUDY]
    with replay(*options) as ports, tempfile.TemporaryDirectory() as folder:
        model = "worklist" if kind == "worklist" else "study"
        asked = patients(given.queries) if given.queries > 1 else {}
        question = Question(model, ports, asked=asked, associations=given.associations)
        output = {"format": given.format, "path": "out"}
        sys.stdout.write(_measured(question, output, Path(folder), given.profile))


def _measured(
    question: Question, output: dict[str, str], folder: Path, profile: Path | None
) -> str:
    """Runs the traced process and words what it wrote."""
    command = batchfind(question, output)(folder)
    python, _, _, *arguments = command.argv
    found = folder / "stages.json"
    ways = ["-m", "benchmarks.stages", "--traced", str(found), *arguments]
    if profile is not None:
        ways = ["-m", "cProfile", "-o", str(profile.absolute()), *ways]
    sample = timed(Command((python, *ways), command.environment), folder)
    report = json.loads(found.read_text())
    lines = [f"whole process: {sample.wall:.2f} s, {sample.cpu:.2f} s CPU"]
    lines[0] += f", peak {sample.peak:.0f} MB"
    lines += ["", f"{'phase':24} {'wall s':>8} {'CPU s':>8}"]
    lines += [f"{p['name']:24} {p['wall']:8.3f} {p['cpu']:8.3f}" for p in report[0]]
    lines += ["", f"{'thread':20} {'step':28} {'calls':>8} {'CPU s':>8}"]
    lines += [
        f"{s['thread']:20} {s['name']:28} {s['calls']:8} {s['cpu']:8.3f}"
        for s in sorted(report[1], key=lambda one: one["thread"])
    ]
    return "\n".join(lines) + "\n"


def _traced(found: Path, arguments: list[str]) -> None:
    """Within the process measured: `batchfind ARGUMENTS`, traced."""
    tracer = Tracer()
    tracer.phase("imports")
    for where, attribute, name in _PHASES:
        tracer.begins(_owner(where), attribute, name)
    for where, attribute, name in _STEPS:
        tracer.times(_owner(where), attribute, name)
    importlib.import_module("batchfind.execution.run")
    tracer.phase("load and plan")
    sys.argv = ["batchfind", *arguments]
    try:
        runpy.run_module("batchfind", run_name="__main__")
    finally:
        tracer.phase("end")
        parts = ([asdict(p) for p in tracer.phases], [asdict(s) for s in tracer.steps])
        found.write_text(json.dumps(parts))


def _owner(where: str) -> Any:
    module, _, name = where.partition(":")
    owner = importlib.import_module(module)
    return getattr(owner, name) if name else owner


if __name__ == "__main__":
    if sys.argv[1:2] == ["--traced"]:
        _traced(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
