"""Families on their way from the capture into outputs."""

from __future__ import annotations

import asyncio
import csv
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow.parquet as pq
import pytest

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import (
    AttemptFacts,
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    Verdict,
)
from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import parse_path
from batchfind.dimse.messages import Matches
from batchfind.execution.answers import Answers
from batchfind.execution.finishing import Finishing
from batchfind.execution.progress import Event, FinishingStarted
from batchfind.execution.selection import select
from batchfind.job.model import (
    OutputFormat,
    PeerLimits,
    ResponseCap,
    Unset,
    Verify,
)
from batchfind.job.output_model import (
    DicomOptions,
    OutputOptions,
    TableKind,
    XmlOptions,
)
from batchfind.plan.model import (
    Bind,
    Extent,
    Growing,
    Origin,
    Piecing,
    Plan,
    PlannedOutput,
    PlannedQuery,
    Request,
    SourceRow,
    Splitting,
)
from batchfind.tables.collect import collect
from batchfind.tables.slabs import join
from tests.execution.plans import output, peer, plan, request, studies
from tests.tables.material import identifier

FACTS = AttemptFacts(
    transfer_syntax="1.2.840.10008.1.2.1",
    peer_implementation="",
    peer_max_pdu=0,
    address="127.0.0.1:104",
    association=1,
    started="2026-01-31T03:15:00.000000+00:00",
)
Rows: TypeAlias = Sequence[bytes]
STUDY = parse_path("StudyInstanceUID")
KEYS = (
    Element(0x0008_0020, "DA", "20260131"),
    Element(0x0008_0030, "TM", ""),
    Element(0x0008_0052, "CS", "STUDY"),
    Element(0x0010_0020, "LO", ""),
    Element(0x0020_000D, "UI", ""),
)


def study(
    uid: int, time: str = "120000", patient: str = "P", date: str = "20260131"
) -> bytes:
    return identifier(
        StudyDate=date,
        StudyTime=time,
        PatientID=patient,
        StudyInstanceUID=f"1.2.{uid}",
    )


def split_query(**changes: Any) -> PlannedQuery:
    keys = ("StudyDate", "StudyTime", "PatientID", "StudyInstanceUID")
    facts: dict[str, Any] = {
        "columns": tuple(map(parse_path, keys)),
        "identity": (STUDY,),
        "merges": True,
        "splitting": Splitting(
            date=parse_path("StudyDate"),
            time=parse_path("StudyTime"),
            floor=1,
            unset=Unset.ASSUME_NONE,
        ),
    }
    return replace(studies(), **(facts | changes))


def asked(identity: str, low: str = "", high: str = "", **changes: Any) -> Request:
    """The whole day, or a piece of it."""
    parent = identity.rpartition(".")[0] if identity.count(".") > 1 else None
    time = f"{low}-{high}" if parent else ""
    facts: dict[str, Any] = {
        "origin": Origin.SPLIT if parent else Origin.PLAN,
        "parent": parent,
        "identifier": tuple(
            replace(key, value=time) if key.tag == 0x0008_0030 else key for key in KEYS
        ),
        "extent": Extent(
            first="20260131",
            last="20260131",
            low=low,
            high=high,
            by=Piecing.TIME if parent else None,
        ),
    }
    return request(identity, "pacs", **(facts | changes))


DAY = (
    asked("0.0"),
    asked("0.0.0", "", "120000"),
    asked("0.0.1", "120000", ""),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a capture.

    Attributes:
        rows: as each output's report counts them.
        told: responses that were told of for each query.
    """

    verdicts: dict[str, RequestVerdict]
    rows: tuple[int, ...]
    told: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Captured:
    """A run whose network part is over."""

    plan: Plan
    path: Path

    def finish(self, provisional: bool = True) -> Finished:
        """Renders everything and leaves the files beside their targets."""
        told: dict[str, int] = {}

        def tell(event: Event) -> None:
            if isinstance(event, FinishingStarted):
                told[event.query] = event.responses

        with open_capture(self.path) as capture:
            answers = Answers(self.plan, capture)
            finishing = Finishing(answers, "run", tell)
            verdicts = finishing.render(
                answers.judged() if provisional else answers.verdicts()
            )
        counts = []
        for each in finishing.prepared:
            assert each.staged is not None, each.error
            counts.append(each.staged.withhold(self.path.parent / "found").rows)
        return Finished(verdicts, tuple(counts), told)

    @property
    def found(self) -> Path:
        return self.path.parent / "found"


def capture(
    folder: Path,
    query: PlannedQuery,
    answers: Mapping[Request, Rows] | Sequence[tuple[Request, Rows]],
    outputs: Sequence[PlannedOutput] = (),
    *,
    others: Sequence[PlannedQuery] = (),
    cut_off: Mapping[str, Cause] | None = None,
) -> Captured:
    """A capture with an answer to each request; `cut_off` says which were."""
    pairs = list(answers.items() if isinstance(answers, Mapping) else answers)
    planned = [one for one, _ in pairs if one.origin is Origin.PLAN]
    born = [one for one, _ in pairs if one.origin is not Origin.PLAN]
    limits = PeerLimits(response_cap=ResponseCap(declared={"STUDY": 4}, auto=False))
    given = plan(folder, [peer("pacs", 104, limits=limits)], planned, outputs)
    queries = {one.name: one for one in (query, *others)}
    given = replace(given, queries=queries)
    path = folder / "run" / "run.db"
    path.parent.mkdir(parents=True)

    async def write() -> None:
        journal = await Journal.create(path, {}, given)
        for one in born:
            await journal.grow([one])
        for one, rows in pairs:
            attempt = journal.begin(one.id, FACTS)
            ends = [sum(map(len, rows[: at + 1])) for at in range(len(rows))]
            if rows:
                statuses = [0xFF00] * len(rows)
                await journal.put(attempt, Matches(1, b"".join(rows), ends, statuses))
            cause = (cut_off or {}).get(one.id)
            journal.end(
                attempt,
                Ending(
                    outcome=Outcome.CAPPED if cause else Outcome.SUCCESS,
                    status=0xA700 if cause else 0,
                    cause=cause,
                    responses=len(rows),
                    kept=len(rows),
                    bytes=sum(map(len, rows)),
                ),
            )
        await journal.close()

    asyncio.run(write())
    return Captured(given, path)


def day_capped_at_four(
    folder: Path, outputs: Sequence[PlannedOutput] = (), **changes: Any
) -> Captured:
    """Five studies behind a cap of four; study 3 lies on the bound."""
    answers = [
        (DAY[0], [study(1), study(2), study(3), study(4)]),
        (DAY[1], [study(1), study(2), study(3)]),
        (DAY[2], [study(3), study(4), study(5)]),
    ]
    return capture(folder, split_query(**changes), answers, outputs)


def uids(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["StudyInstanceUID"] for row in csv.DictReader(file)]


class TestAFamily:
    def test_is_complete_with_every_row_once(self, tmp_path: Path) -> None:
        outputs = [output(tmp_path / "s.csv", DAY[:1])]
        captured = day_capped_at_four(tmp_path, outputs)
        found = captured.finish()
        assert uids(captured.found / "s.csv") == [f"1.2.{n}" for n in range(1, 6)]
        root = found.verdicts["0.0"]
        assert root.verdict is Verdict.COMPLETE
        assert (root.responses, root.merged) == (5, 5)
        assert found.told == {"studies": 5}
        assert root.pieces == ("0.0.0", "0.0.1")

    @pytest.mark.parametrize(
        ("form", "name", "options"),
        [
            (OutputFormat.CSV, "s.csv", OutputOptions()),
            (OutputFormat.PARQUET, "s.parquet", OutputOptions()),
            (OutputFormat.JSONL, "s.jsonl", OutputOptions()),
            (OutputFormat.XML, "s.xml", OutputOptions()),
            (OutputFormat.XML, "xml", OutputOptions(xml=XmlOptions(layout="files"))),
            (OutputFormat.DICOM, "dicom", OutputOptions()),
            (
                OutputFormat.DICOM,
                "s.zip",
                OutputOptions(dicom=DicomOptions(layout="zip")),
            ),
        ],
    )
    def test_leaves_merged_rows_out_of_every_format(
        self, tmp_path: Path, form: OutputFormat, name: str, options: OutputOptions
    ) -> None:
        wanted = output(tmp_path / name, DAY[:1], format=form, options=options)
        captured = day_capped_at_four(tmp_path, [wanted])
        found = captured.finish()
        assert found.rows == (5,)
        assert _count(captured.found / name) == 5

    def test_of_one_piece_after_another_shows_which_brought_the_row(
        self, tmp_path: Path
    ) -> None:
        wanted = output(
            tmp_path / "s.parquet",
            DAY[:1],
            format=OutputFormat.PARQUET,
            typed=True,
            provenance=True,
        )
        captured = day_capped_at_four(tmp_path, [wanted])
        captured.finish()
        rows = pq.read_table(captured.found / "s.parquet").to_pylist()
        assert [(row["bf_request"], row["bf_response"]) for row in rows] == [
            *[("0.0", at) for at in range(4)],
            ("0.0.1", 2),
        ]
        assert {row["bf_verdict"] for row in rows} == {"complete"}

    def test_has_its_roots_verdict_in_every_row(self, tmp_path: Path) -> None:
        wanted = output(
            tmp_path / "s.parquet",
            DAY[:1],
            format=OutputFormat.PARQUET,
            typed=True,
            provenance=True,
        )
        answers = [
            (DAY[0], [study(1), study(2), study(3), study(9)]),
            (DAY[1], [study(1), study(2), study(3)]),
            (DAY[2], [study(3)]),
        ]
        captured = capture(tmp_path, split_query(), answers, [wanted])
        found = captured.finish()
        root = found.verdicts["0.0"]
        assert root.verdict is Verdict.SUSPECT
        assert root.cause is not None
        assert root.cause.code == "split-lossy"
        rows = pq.read_table(captured.found / "s.parquet").to_pylist()
        assert {row["bf_verdict"] for row in rows} == {"suspect"}
        assert len(rows) == 4

    def test_is_one_line_in_a_table_of_requests(self, tmp_path: Path) -> None:
        wanted = output(
            tmp_path / "r.csv", DAY[:1], options=OutputOptions(table=TableKind.REQUESTS)
        )
        captured = day_capped_at_four(tmp_path, [wanted])
        captured.finish()
        with (captured.found / "r.csv").open(newline="", encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert (row["bf_request"], row["bf_responses"]) == ("0.0", "5")
        assert row["bf_verdict"] == "complete"

    def test_counts_conflicts_and_shows_the_later_row(self, tmp_path: Path) -> None:
        answers = [
            (DAY[0], [study(1), study(2), study(3), study(4, patient="OLD")]),
            (DAY[1], [study(1), study(2), study(3)]),
            (DAY[2], [study(3), study(4, patient="NEW")]),
        ]
        wanted = output(tmp_path / "s.csv", DAY[:1])
        captured = capture(tmp_path, split_query(), answers, [wanted])
        found = captured.finish()
        text = (captured.found / "s.csv").read_text(encoding="utf-8")
        assert ("NEW" in text, "OLD" in text) == (True, False)
        assert found.verdicts["0.0"].conflicts == 1

    def test_counts_a_limit_of_rows_once(self, tmp_path: Path) -> None:
        wanted = [
            output(tmp_path / "s.csv", DAY[:1], options=OutputOptions(limit=5)),
            output(
                tmp_path / "s.jsonl",
                DAY[:1],
                format=OutputFormat.JSONL,
                options=OutputOptions(limit=2),
            ),
        ]
        captured = day_capped_at_four(tmp_path, wanted)
        assert captured.finish().rows == (5, 2)

    def test_has_its_defects_counted_though_they_merge(self, tmp_path: Path) -> None:
        broken = study(1)[:-1]
        answers = [
            (DAY[0], [broken, study(2), study(3), study(4)]),
            (DAY[1], [broken, study(2), study(3)]),
            (DAY[2], [study(3), study(4)]),
        ]
        found = capture(tmp_path, split_query(), answers).finish()
        assert found.verdicts["0.0.0"].defects == {"malformed": 1}
        assert found.verdicts["0.0"].verdict is Verdict.SUSPECT

    def test_holds_what_came_before_its_first_request_was_cut_off(
        self, tmp_path: Path
    ) -> None:
        answers = [
            (DAY[0], [study(1), study(3)]),
            (DAY[1], [study(1), study(2), study(3)]),
            (DAY[2], [study(3)]),
        ]
        wanted = output(tmp_path / "s.csv", DAY[:1])
        cause = Cause(code="status-a700", message="out of resources")
        captured = capture(
            tmp_path, split_query(), answers, [wanted], cut_off={"0.0": cause}
        )
        found = captured.finish()
        assert sorted(uids(captured.found / "s.csv")) == ["1.2.1", "1.2.2", "1.2.3"]
        assert found.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert found.verdicts["0.0"].merged == 3

    def test_counts_the_uids_of_a_list_over_all_its_pieces(
        self, tmp_path: Path
    ) -> None:
        batch = tuple(f"1.2.{number}" for number in range(1, 5))
        lines = tuple(
            SourceRow("uids.csv", at, {"uid": uid}) for at, uid in enumerate(batch, 2)
        )
        day = [replace(one, batch=batch, source_rows=lines) for one in DAY]
        answers = [
            (day[0], [study(1), study(2), study(3), study(4)]),
            (day[1], [study(1), study(2), study(3)]),
            (day[2], [study(3), study(4)]),
        ]
        wanted = output(
            tmp_path / "r.csv", day[:1], options=OutputOptions(table=TableKind.REQUESTS)
        )
        captured = capture(tmp_path, split_query(), answers, [wanted])
        found = captured.finish()
        with (captured.found / "r.csv").open(newline="", encoding="utf-8") as file:
            assert [row["bf_responses"] for row in csv.DictReader(file)] == ["1"] * 4
        assert found.verdicts["0.0"].verdict is Verdict.COMPLETE

    def test_judged_twice_is_judged_the_same(self, tmp_path: Path) -> None:
        outputs = [output(tmp_path / "s.csv", DAY[:1])]
        captured = day_capped_at_four(tmp_path, outputs)
        first = captured.finish()
        bytes_of = (captured.found / "s.csv").read_bytes()
        again = captured.finish(provisional=False)
        assert again == first
        assert (captured.found / "s.csv").read_bytes() == bytes_of

    def test_is_the_same_as_a_table_in_memory(self, tmp_path: Path) -> None:
        captured = day_capped_at_four(tmp_path)
        with open_capture(captured.path) as opened:
            answers = Answers(captured.plan, opened)
            verdicts = answers.judged()
            query = captured.plan.queries["studies"]
            selection = select(
                query, answers, lambda some: join(answers.sets(some, verdicts))
            )
            slabs = join(answers.sets(selection.requests, verdicts))
            table = collect(query, slabs, keep=selection.kept.of)
        assert table.column("StudyInstanceUID").to_pylist() == [
            f"1.2.{n}" for n in range(1, 6)
        ]


def _count(path: Path) -> int:
    """Rows or documents of an output."""
    if path.is_dir():
        return len(list(path.iterdir()))
    match path.suffix:
        case ".csv":
            return len(uids(path))
        case ".parquet":
            return int(pq.read_table(path).num_rows)
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                return len(archive.namelist())
        case ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            return len([json.loads(line) for line in lines])
        case _:
            return path.read_text(encoding="utf-8").count("<data-set")


class TestAlternatives:
    def test_give_each_row_once_and_keep_verdicts_of_their_own(
        self, tmp_path: Path
    ) -> None:
        requests = [
            asked("0.0", family="0.0", extent=None),
            asked("0.1", family="0.0", extent=None),
        ]
        query = split_query(splitting=None)
        wanted = output(tmp_path / "s.csv", requests)
        pairs = [
            (requests[0], [study(1), study(2)]),
            (requests[1], [study(2), study(3)]),
        ]
        captured = capture(tmp_path, query, pairs, [wanted])
        found = captured.finish()
        assert uids(captured.found / "s.csv") == ["1.2.1", "1.2.2", "1.2.3"]
        assert {one.verdict for one in found.verdicts.values()} == {Verdict.COMPLETE}
        assert [one.merged for one in found.verdicts.values()] == [0, 1]

    def test_of_queries_that_do_not_merge_stay_apart(self, tmp_path: Path) -> None:
        requests = [asked("0.0", extent=None), asked("0.1", extent=None)]
        query = split_query(splitting=None, merges=False)
        wanted = output(tmp_path / "s.csv", requests)
        pairs = [(one, [study(1)]) for one in requests]
        captured = capture(tmp_path, query, pairs, [wanted])
        captured.finish()
        assert uids(captured.found / "s.csv") == ["1.2.1", "1.2.1"]


class TestResponsesThatDoNotMatch:
    def test_are_left_out_before_rows_are_merged(self, tmp_path: Path) -> None:
        # A piece returns study 2 with other bytes, that are of another day.
        astray = study(2, patient="ASTRAY", date="20260130")
        answers = [
            (DAY[0], [study(1), study(2), study(3), study(4)]),
            (DAY[1], [study(1), study(2), study(3)]),
            (DAY[2], [study(3), study(4), astray]),
        ]
        wanted = output(tmp_path / "s.csv", DAY[:1])
        query = split_query(verify_matches=Verify.DROP)
        captured = capture(tmp_path, query, answers, [wanted])
        found = captured.finish()
        text = (captured.found / "s.csv").read_text(encoding="utf-8")
        assert "ASTRAY" not in text
        assert uids(captured.found / "s.csv") == [f"1.2.{n}" for n in range(1, 5)]
        assert found.verdicts["0.0.1"].dropped == 1
        assert found.verdicts["0.0"].conflicts == 0


class TestForEach:
    def test_gives_one_table_of_all_children_with_what_they_carry(
        self, tmp_path: Path
    ) -> None:
        parents = studies()
        pattern = request("1.0", "pacs", query="series")
        series = replace(
            studies(),
            name="series",
            carry=("patient",),
            growing=Growing(
                query="studies",
                binds=(Bind(STUDY, STUDY),),
                columns={"patient": parse_path("PatientID")},
                limit=10,
                patterns=(pattern,),
            ),
        )
        root = request("0.0", "pacs")
        children = [
            request(
                f"1.0.0.0.{number}",
                "pacs",
                query="series",
                origin=Origin.FOR_EACH,
                parent="0.0",
                bindings={"patient": f"P{number}"},
            )
            for number in range(2)
        ]
        outputs = [
            output(tmp_path / "s.csv", [pattern], query="series"),
            output(
                tmp_path / "r.csv",
                [pattern],
                query="series",
                options=OutputOptions(table=TableKind.REQUESTS),
            ),
        ]
        pairs = [(root, [study(1), study(2)])]
        pairs += [(child, [study(10 + at)]) for at, child in enumerate(children)]
        captured = capture(tmp_path, parents, pairs, outputs, others=[series])
        found = captured.finish()
        assert found.rows == (2, 2)
        with (captured.found / "s.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [(row["patient"], row["StudyInstanceUID"]) for row in rows] == [
            ("P0", "1.2.10"),
            ("P1", "1.2.11"),
        ]


class TestNoAnswer:
    def test_of_a_planned_request_keeps_why_it_was_skipped(
        self, tmp_path: Path
    ) -> None:
        captured = capture(tmp_path, studies(), [(request("0.0", "pacs"), [study(1)])])
        left = request("0.1", "pacs")
        given = replace(captured.plan, requests=(*captured.plan.requests, left))
        cause = Cause(code="circuit", message="the circuit is open")
        why = RequestVerdict(request="0.1", verdict=Verdict.SKIPPED, cause=cause)
        with open_capture(captured.path) as opened:
            answers = Answers(given, opened)
            provisional = answers.judged(skipped={"0.1": why})
            finishing = Finishing(answers, "run", lambda _: None)
            assert finishing.render(provisional)["0.1"] == why
