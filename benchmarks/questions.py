"""What is asked of which SCP, and by whom: the contenders of every case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta

from benchmarks import servers
from benchmarks.aims import OURS
from benchmarks.contenders import (
    NAGLE,
    NODELAY,
    STUDY,
    WORKLIST,
    Question,
    batchfind,
    batchfind_help,
    findscu,
    findscu_files,
    loop_lag,
    patients,
    pynetdicom,
)
from benchmarks.measure import Prepare
from benchmarks.servers import replay

Contenders = Mapping[str, Prepare]
Rivals = Callable[[Question], Contenders]
#: Takes the divisor of all sizes; starts the SCPs, and ends them.
Serve = Callable[[int], AbstractContextManager[Contenders]]
_Archive = Callable[[list[str]], AbstractContextManager[int]]

SMALL, LARGE = "batchfind, 100 000", "batchfind, 1 000 000"
HELP, VALIDATE = "batchfind --help", "batchfind validate"
_PARQUET = {"format": "parquet", "path": "out.parquet"}


def stream(kind: str, count: int, rivals: Rivals, *options: str) -> Serve:
    """One query with so many responses, on one association."""

    @contextmanager
    def serve(part: int) -> Iterator[Contenders]:
        with _answering(kind, _part(count, part), *options) as question:
            yield rivals(question)

    return serve


def _part(size: int, divisor: int) -> int:
    return max(size // divisor, 1)


@contextmanager
def _answering(kind: str, count: int, *options: str) -> Iterator[Question]:
    """A replay SCP with one answer of so many responses, and what is asked."""
    model = "worklist" if kind == "worklist" else "study"
    uid = WORKLIST if kind == "worklist" else STUDY
    given = ("--kind", kind, "--responses", str(count), "--sop-class", uid)
    with replay(*given, *options) as ports:
        yield Question(model, ports)


def parquet(question: Question) -> Contenders:
    """Beside findscu that prints nothing."""
    return {
        OURS: batchfind(question, _PARQUET),
        "findscu -sr": findscu(question, "-sr"),
    }


def csv(question: Question) -> Contenders:
    """Beside findscu that prints nothing."""
    ours = batchfind(question, {"format": "csv", "path": "out.csv"})
    return {OURS: ours, "findscu -sr": findscu(question, "-sr")}


def xml(question: Question) -> Contenders:
    """Beside findscu that writes the same."""
    ours = batchfind(question, {"format": "xml", "path": "out.xml"})
    return {OURS: ours, "findscu -Xs": findscu(question, "-Xs", "out.xml")}


def dicom(question: Question) -> Contenders:
    """Beside findscu that writes the same."""
    ours = batchfind(question, {"format": "dicom", "path": "out/"})
    return {OURS: ours, "findscu -X": findscu(question, "-X")}


@contextmanager
def everybody(part: int) -> Iterator[Contenders]:
    """A million responses; pynetdicom gets a fiftieth, its time is scaled up."""
    with (
        _answering("study", _part(1_000_000, part)) as many,
        _answering("study", _part(20_000, part)) as few,
    ):
        yield {
            **parquet(many),
            "findscu -Xs": findscu(many, "-Xs", "out.xml"),
            "pynetdicom": pynetdicom(few, factor=50),
        }


@contextmanager
def many_queries(part: int) -> Iterator[Contenders]:
    """Ten thousand of them; findscu's default setting gets two hundred."""
    with replay("--responses", "1") as ports:
        asked = patients(_part(10_000, part))
        question = Question("study", ports, asked=asked, associations=4)
        yield {
            OURS: batchfind(question, _PARQUET),
            "findscu": findscu_files(question, NAGLE, part=200 // min(part, 20)),
            "findscu, NODELAY": findscu_files(question, NODELAY, part=10_000),
        }


def small_queries(archive: _Archive) -> Serve:
    """A thousand, with one match each, on one association at a real archive."""

    @contextmanager
    def serve(part: int) -> Iterator[Contenders]:
        ids = [f"P{number:07d}" for number in range(8)]
        count = _part(1000 // len(ids), part)
        asked = {"StudyDate": _periods(count), "PatientID": ids}
        with archive(ids) as port:
            question = Question("study", [port], servers.ARCHIVE, asked)
            yield {
                OURS: batchfind(question, _PARQUET),
                "findscu": findscu_files(question, NAGLE, part=200),
                "findscu, NODELAY": findscu_files(question, NODELAY, part=200),
            }

    return serve


def _periods(count: int) -> list[str]:
    """So many different ranges of Study Date that hold all the studies."""
    days = (date(2026, 2, 1) + timedelta(number) for number in range(count))
    return [f"19000101-{day:%Y%m%d}" for day in days]


@contextmanager
def many_peers(part: int) -> Iterator[Contenders]:
    """Five hundred SCPs that take 50 ms for each of 20 answers."""
    peers = str(_part(500, part))
    with replay("--responses", "1", "--peers", peers, "--latency", "50") as ports:
        question = Question("study", ports, asked=patients(20))
        yield {OURS: batchfind(question, _PARQUET)}


@contextmanager
def growing_answers(part: int) -> Iterator[Contenders]:
    """A hundred thousand responses, and ten times as many."""
    with (
        _answering("study", _part(100_000, part)) as small,
        _answering("study", _part(1_000_000, part)) as large,
    ):
        yield {SMALL: batchfind(small, _PARQUET), LARGE: batchfind(large, _PARQUET)}


@contextmanager
def starting(part: int) -> Iterator[Contenders]:
    """Commands that ask no SCP."""
    del part
    question = Question("study", [104])
    yield {
        HELP: batchfind_help,
        VALIDATE: batchfind(question, _PARQUET, command="validate"),
    }


@contextmanager
def busy_loop(part: int) -> Iterator[Contenders]:
    """One process that runs a job, and wakes every millisecond beside it."""
    with _answering("study", _part(1_000_000, part)) as question:
        yield {OURS: loop_lag(question, _PARQUET)}
