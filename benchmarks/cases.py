"""The table of what is measured, and the aims it is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import questions
from benchmarks.aims import OURS, Aim, Bound, Growth, Ratio
from benchmarks.measure import Figure
from benchmarks.questions import HELP, LARGE, SMALL, VALIDATE, Serve, stream
from benchmarks.servers import dcmqrscp, orthanc

_PART = "findscu answers 200 of the queries; its time is multiplied by 5."
_SMALL_AIMS = (Ratio("findscu", 0.05), Ratio("findscu, NODELAY", 0.1))
_LAGS = (Figure.LAG_NETWORK, Figure.LAG_RENDERER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One comparison.

    Attributes:
        title: what is asked, for the report.
        serve: starts the SCP and gives the contenders against it.
        aims: what we want to reach.
        figures: the columns of its table.
        rounds: by default.
        note: what a reader has to know.
    """

    title: str
    serve: Serve
    aims: tuple[Aim, ...]
    figures: tuple[Figure, ...] = (Figure.WALL, Figure.CPU, Figure.PEAK)
    rounds: int = 3
    note: str = ""


CASES: Mapping[str, Case] = {
    "stream-1m": Case(
        title="1 000 000 study responses of 16 attributes to Parquet",
        serve=questions.everybody,
        aims=(
            Ratio("findscu -sr", 0.35),
            Ratio("findscu -Xs", 0.08),
            Ratio("pynetdicom", 0.01),
        ),
        note="pynetdicom gets 20 000 responses; but for its start, its time is "
        "multiplied by 50.",
    ),
    "stream-200k": Case(
        title="200 000 study responses to Parquet",
        serve=stream("study", 200_000, questions.parquet),
        aims=(Ratio("findscu -sr", 0.5),),
        rounds=5,
    ),
    "worklist": Case(
        title="300 000 nested worklist responses, 24 columns, to Parquet",
        serve=stream("worklist", 300_000, questions.parquet),
        aims=(Ratio("findscu -sr", 0.5),),
    ),
    "worklist-implicit": Case(
        title="the same in Implicit VR Little Endian",
        serve=stream("worklist", 300_000, questions.parquet, "--syntax", "implicit"),
        aims=(Ratio("findscu -sr", 0.5),),
    ),
    "ragged": Case(
        title="300 000 studies with ten attributes absent at random, to Parquet",
        serve=stream("ragged", 300_000, questions.parquet),
        aims=(Ratio("findscu -sr", 0.6),),
    ),
    "csv": Case(
        title="200 000 study responses to CSV",
        serve=stream("study", 200_000, questions.csv),
        aims=(Ratio("findscu -sr", 0.5),),
    ),
    "xml": Case(
        title="200 000 study responses to one XML file",
        serve=stream("study", 200_000, questions.xml),
        aims=(Ratio("findscu -Xs", 0.4),),
    ),
    "dicom": Case(
        title="200 000 study responses to DICOM files",
        serve=stream("study", 200_000, questions.dicom),
        aims=(Ratio("findscu -X", 1.0),),
    ),
    "queries": Case(
        title="10 000 one-match queries, one peer, 4 associations",
        serve=questions.many_queries,
        aims=(Ratio("findscu", 0.01), Ratio("findscu, NODELAY", 1.0)),
        note="findscu has one association. With its default setting it answers 200 of "
        "the queries; its time is multiplied by 50.",
    ),
    "dcmqrscp": Case(
        title="1 000 one-match queries at dcmqrscp, one association",
        serve=questions.small_queries(dcmqrscp),
        aims=_SMALL_AIMS,
        note=_PART,
    ),
    "orthanc": Case(
        title="1 000 one-match queries at Orthanc, one association",
        serve=questions.small_queries(orthanc),
        aims=_SMALL_AIMS,
        note=_PART,
    ),
    "peers": Case(
        title="500 peers, 20 queries each, 50 ms an answer, one association a peer",
        serve=questions.many_peers,
        figures=(Figure.WALL, Figure.CPU, Figure.PEAK, Figure.THREADS),
        aims=(Bound(OURS, Figure.WALL, 1.5), Bound(OURS, Figure.THREADS, 50)),
        note="20 answers of 50 ms take 1.0 s: the latency bound. A thread a peer would "
        "make 500.",
    ),
    "memory": Case(
        title="Peak memory of 100 000 and 1 000 000 study responses to Parquet",
        serve=questions.growing_answers,
        aims=(Growth(SMALL, LARGE, Figure.PEAK, 50),),
    ),
    "start": Case(
        title="Start",
        serve=questions.starting,
        aims=(Bound(HELP, Figure.WALL, 0.15), Bound(VALIDATE, Figure.CPU, 0.6)),
        rounds=11,
    ),
    "lag": Case(
        title="How late the event loop is: 1 000 000 study responses to Parquet",
        serve=questions.busy_loop,
        figures=(Figure.WALL, Figure.CPU, *_LAGS),
        aims=tuple(Bound(OURS, lag, 5) for lag in _LAGS),
        note="A task beside the run asks to be woken every millisecond.",
    ),
}
"""Every case by the name the command line takes."""
