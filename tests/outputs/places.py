"""Outputs in the making, for tests of what happens to them on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from batchfind.job.model import OutputFormat, Publish
from batchfind.job.output_model import OutputOptions, Overwrite, Partition
from batchfind.outputs.formats import has_table, schema_of
from batchfind.outputs.publication import Publication
from batchfind.outputs.staging import Staged, Written, stage
from batchfind.outputs.writing import Piece
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.slabs import Slab
from tests.tables.material import identifier, query, slabs

STARTED = "2026-01-31T04:15:00.000000+00:00"
BY_MODALITY = (Partition("Modality"),)


def study_query() -> PlannedQuery:
    return query(["PatientID", "StudyDate", "Modality"])


def planned(
    path: Path | str, form: OutputFormat = OutputFormat.CSV, **facts: Any
) -> Any:
    """An output; what is no field of it is one of its options."""
    known: dict[str, Any] = {
        "path": str(path),
        "format": form,
        "query": "q",
        "requests": ("0",),
        "typed": False,
        "provenance": False,
        "publish": Publish.COMPLETE,
        "overwrite": Overwrite.REPLACE,
    }
    of_output = {name: facts.pop(name) for name in tuple(facts) if name in known}
    return PlannedOutput(**(known | of_output), options=OutputOptions(**facts))


def publication(run: str = "run-1", **facts: Any) -> Publication:
    known: dict[str, Any] = {
        "run_id": run,
        "started": STARTED,
        "job": "nightly",
        "plan_digest": "d" * 64,
        "verdict": "complete",
        "verdicts": {"complete": 1},
    }
    return Publication(**(known | facts))


def begun(output: PlannedOutput, run: str = "run-1") -> Staged:
    schema = schema_of(output, study_query()) if has_table(output) else None
    return stage(output, study_query(), schema, run)


def table_piece(output: PlannedOutput, rows: Sequence[dict[str, Any]]) -> Piece:
    schema = schema_of(output, study_query()).arrow
    return Piece(Slab(()), pa.RecordBatch.from_pylist(list(rows), schema))


def rows(count: int = 1, **values: Any) -> list[dict[str, Any]]:
    facts = {"StudyDate": "20260131", "Modality": "CT"} | values
    return [{"PatientID": f"{at:05}", **facts} for at in range(count)]


def responses_piece(count: int, **facts: Any) -> Piece:
    payloads = [identifier(PatientID=f"{at:05}") for at in range(count)]
    (slab,) = slabs(*payloads, **facts)
    return Piece(slab, None)


def published(
    output: PlannedOutput,
    table: Sequence[dict[str, Any]] = (),
    run: str = "run-1",
    covers: Callable[[Sequence[str | None]], bool] | None = None,
    **facts: Any,
) -> Written:
    """Stages a table and publishes it."""
    staged = begun(output, run)
    if table:
        staged.write(table_piece(output, table))
    if covers is None:
        return staged.publish(publication(run, **facts))
    return staged.publish(publication(run, **facts), covers)


def files(folder: Path) -> list[str]:
    """Every file below a folder by its relative path, hidden ones as well."""
    return sorted(
        str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()
    )


def with_options(output: PlannedOutput, **options: Any) -> PlannedOutput:
    return replace(output, options=replace(output.options, **options))
