"""The table of what is measured, and the aims it is measured against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from benchmarks.contenders import (
    NAGLE,
    NODELAY,
    Question,
    batchfind,
    findscu,
    findscu_files,
    pynetdicom,
)
from benchmarks.measure import Prepare, replay

STUDY = "1.2.840.10008.5.1.4.1.2.2.1"
WORKLIST = "1.2.840.10008.5.1.4.31"
OURS = "batchfind"

Contenders = Mapping[str, Prepare]


@dataclass(frozen=True, slots=True)
class Aim:
    """Our time is at most `ratio` times that of `against`."""

    against: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    Attributes:
        title: what is asked, for the report.
        serve: starts the SCP and gives the contenders against it.
        aims: what we want to reach.
        rounds: by default.
        note: what a reader has to know.
    """

    title: str
    serve: Callable[[], AbstractContextManager[Contenders]]
    aims: tuple[Aim, ...]
    rounds: int = 3
    note: str = ""


def _stream(
    kind: str, count: int, rivals: Callable[[Question], Contenders], *options: str
) -> Callable[[], AbstractContextManager[Contenders]]:
    """One query with so many responses, on one association."""

    @contextmanager
    def serve() -> Iterator[Contenders]:
        model = "worklist" if kind == "worklist" else "study"
        uid = WORKLIST if kind == "worklist" else STUDY
        given = ("--kind", kind, "--responses", str(count), "--sop-class", uid)
        with replay(*given, *options) as ports:
            yield rivals(Question(model, ports))

    return serve


def _parquet(question: Question) -> Prepare:
    return batchfind(question, {"format": "parquet", "path": "out.parquet"})


def _against_quiet(question: Question) -> Contenders:
    return {OURS: _parquet(question), "findscu -sr": findscu(question, "-sr")}


def _against_all(question: Question) -> Contenders:
    return {**_against_quiet(question), "findscu -Xs": findscu(question, "-Xs", "o")}


def _csv(question: Question) -> Contenders:
    ours = batchfind(question, {"format": "csv", "path": "out.csv"})
    return {OURS: ours, "findscu -sr": findscu(question, "-sr")}


def _xml(question: Question) -> Contenders:
    ours = batchfind(question, {"format": "xml", "path": "out.xml"})
    return {OURS: ours, "findscu -Xs": findscu(question, "-Xs", "out.xml")}


def _dicom(question: Question) -> Contenders:
    ours = batchfind(question, {"format": "dicom", "path": "out/"})
    return {OURS: ours, "findscu -X": findscu(question, "-X")}


@contextmanager
def _slow_rival() -> Iterator[Contenders]:
    """Asks pynetdicom for a fiftieth of the answer; its time is scaled up."""
    with (
        replay("--responses", "1000000", "--sop-class", STUDY) as many,
        replay("--responses", "20000", "--sop-class", STUDY) as few,
    ):
        yield {
            OURS: _parquet(Question("study", many)),
            "pynetdicom": pynetdicom(Question("study", few), factor=50),
        }


@contextmanager
def _many_queries() -> Iterator[Contenders]:
    with replay("--responses", "1") as ports:
        question = Question("study", ports, queries=10_000, associations=4)
        yield {
            OURS: _parquet(question),
            "findscu": findscu_files(question, NAGLE, part=200),
            "findscu, NODELAY": findscu_files(question, NODELAY, part=10_000),
        }


@contextmanager
def _many_peers() -> Iterator[Contenders]:
    with replay("--responses", "1", "--peers", "500", "--latency", "50") as ports:
        question = Question("study", ports, queries=20, associations=1)
        yield {OURS: _parquet(question)}


CASES: Mapping[str, Case] = {
    "stream-1m": Case(
        "1 000 000 study responses of 16 attributes to Parquet",
        _stream("study", 1_000_000, _against_all),
        (Aim("findscu -sr", 0.35), Aim("findscu -Xs", 0.08)),
    ),
    "stream-1m-pynetdicom": Case(
        "the same, beside pynetdicom",
        _slow_rival,
        (Aim("pynetdicom", 0.01),),
        note="pynetdicom answers 20 000; its time is multiplied by 50.",
    ),
    "stream-200k": Case(
        "200 000 study responses to Parquet",
        _stream("study", 200_000, _against_quiet),
        (Aim("findscu -sr", 0.5),),
        rounds=5,
    ),
    "worklist": Case(
        "300 000 nested worklist responses, 24 columns, to Parquet",
        _stream("worklist", 300_000, _against_quiet),
        (Aim("findscu -sr", 0.5),),
    ),
    "worklist-implicit": Case(
        "the same in Implicit VR Little Endian",
        _stream("worklist", 300_000, _against_quiet, "--syntax", "implicit"),
        (Aim("findscu -sr", 0.5),),
    ),
    "ragged": Case(
        "300 000 studies with ten attributes absent at random, to Parquet",
        _stream("ragged", 300_000, _against_quiet),
        (Aim("findscu -sr", 0.6),),
    ),
    "csv": Case(
        "200 000 study responses to CSV",
        _stream("study", 200_000, _csv),
        (Aim("findscu -sr", 0.5),),
    ),
    "xml": Case(
        "200 000 study responses to one XML file",
        _stream("study", 200_000, _xml),
        (Aim("findscu -Xs", 0.4),),
    ),
    "dicom": Case(
        "200 000 study responses to DICOM files",
        _stream("study", 200_000, _dicom),
        (Aim("findscu -X", 1.0),),
    ),
    "queries": Case(
        "10 000 one-match queries, one peer, 4 associations",
        _many_queries,
        (Aim("findscu", 0.01), Aim("findscu, NODELAY", 1.0)),
        note="findscu with its default setting answers 200; its time is scaled up.",
    ),
    "peers": Case(
        "500 peers, 20 queries each, 50 ms an answer, one association a peer",
        _many_peers,
        (),
        note="The latency bound is 1.0 s; the aim is 1.5 s.",
    ),
}
"""Every case by the name the command line takes."""
