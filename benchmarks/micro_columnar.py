"""`python -m benchmarks.micro_columnar`: decoding alone, in µs of CPU a response.

The best of several rounds: the figure is what the code costs, not what else the
machine was doing. `columns` are the text of every column; `table` is all that a typed
Parquet table with provenance takes, decoding included.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from batchfind.capture.records import StoredMatches, Verdict
from batchfind.dicom import dictionary, scalar
from batchfind.dicom.columnar.sweep import sweep
from batchfind.dicom.dictionary import tag_of
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE, TITLES
from batchfind.plan.model import PlannedQuery
from batchfind.tables.columnar import ColumnarDecoder
from batchfind.tables.columns import LevelColumns, columns_of
from batchfind.tables.layout import layout_of
from batchfind.tables.level import Wanted
from batchfind.tables.memory import memory_of
from batchfind.tables.render import render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import Origin, Slab, join
from batchfind.tables.swept import shape_of
from benchmarks.replay.answers import KINDS, data_sets
from benchmarks.replay.encoding import Element

_STEPS = tag_of("ScheduledProcedureStepSequence")
_NO_COLUMNS = {tag_of("SpecificCharacterSet"), tag_of("QueryRetrieveLevel")}
_ALONE = 2_000
"""Responses that the scalar decoder is timed with."""


@dataclass(frozen=True, slots=True)
class Case:
    """Responses of one kind in one transfer syntax.

    Attributes:
        query: asks for every attribute of them.
        slabs: all of them.
        first: the first ones, for the scalar decoder.
    """

    query: PlannedQuery
    slabs: Sequence[Slab]
    first: Sequence[bytes]

    @property
    def count(self) -> int:
        """How many responses there are."""
        return sum(map(len, self.slabs))


def case_of(kind: str, count: int, transfer_syntax: str) -> Case:
    """A case of so many responses."""
    payloads = data_sets(kind, count, transfer_syntax)
    matches = StoredMatches(
        0,
        b"".join(payloads),
        array("q", accumulate(map(len, payloads))),
        array("H", [0xFF00] * count),
    )
    origin = Origin(
        request="0",
        query="q",
        peer="replay",
        verdict=Verdict.COMPLETE,
        transfer_syntax=transfer_syntax,
    )
    whole = random.Random(kind)  # noqa: S311 - reproducible, not secret
    kind_of_all = "study" if kind == "ragged" else kind
    columns = tuple(_columns(KINDS[kind_of_all](0, whole), None))
    query = PlannedQuery(
        name="q",
        sop_class="1.2.840.10008.5.1.4.1.2.2.1",
        model="study",
        level="STUDY",
        columns=columns,
        explode=parse_path(dictionary.tag_text(_STEPS or 0))
        if any(path.is_nested for path in columns)
        else None,
        carry=(),
    )
    return Case(query, list(join([(origin, matches)])), payloads[:_ALONE])


def _columns(elements: Sequence[Element], around: KeyPath | None) -> list[KeyPath]:
    """A column for each attribute."""
    columns = []
    for tag, vr, content in elements:
        dotted = f"{around}." if around else ""
        path = parse_path(dotted + dictionary.tag_text(tag))
        if vr == "SQ" and not isinstance(content, str):
            columns += _columns(content[0], path)
        elif tag not in _NO_COLUMNS:
            columns.append(path)
    return columns


def stages(case: Case) -> dict[str, Callable[[], object]]:
    """What is timed, by name; each does all the slabs."""
    layout = layout_of(case.query)
    shape = shape_of(layout.root)
    decoder = ColumnarDecoder(layout, Wanted())
    memories = [memory_of(slab) for slab in case.slabs]
    decoded = [decoder.decode(slab) for slab in case.slabs]
    schemas = [table_schema(case.query, typed=True, provenance=True)]

    def swept() -> object:
        return [
            sweep(one.payload, one.begin, one.end, one.transfer_syntax, shape)
            for one in memories
        ]

    def columns() -> object:
        levels = [
            columns_of(one.root, layout.chain, big_endian=False)[0] for one in decoded
        ]
        return [_texts(level) for level in levels]

    return {
        "sweep": swept,
        "decode": lambda: [decoder.decode(slab) for slab in case.slabs],
        "columns": columns,
        "table": lambda: list(render(case.query, case.slabs, schemas)),
    }


def _texts(level: LevelColumns) -> object:
    """The text of every column, as `replaced` makes it to count what it put in."""
    return level.replaced()


def best(timed: Callable[[], object], rounds: int) -> float:
    """Seconds of CPU time that the fastest round takes."""
    found = []
    for _ in range(rounds):
        before = time.thread_time()
        timed()
        found.append(time.thread_time() - before)
    return min(found)


def main() -> None:
    """Prints a line for each kind of responses and transfer syntax."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.micro_columnar", description=__doc__
    )
    parser.add_argument("--count", type=int, default=20_000, help="responses")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    for kind in KINDS:
        for syntax in (EXPLICIT_LE, IMPLICIT_LE):
            case = case_of(kind, given.count, syntax)
            figures = {
                name: best(timed, given.rounds) / case.count
                for name, timed in stages(case).items()
            }
            alone = best(lambda: [scalar.decode(one, syntax) for one in case.first], 3)  # noqa: B023 - called at once
            figures["scalar"] = alone / len(case.first)
            told = "  ".join(
                f"{name} {1e6 * each:6.2f}" for name, each in figures.items()
            )
            sys.stdout.write(f"{kind:9} {TITLES[syntax]:26} {told}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
