"""What batchfind can write, one record a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import pyarrow as pa

from batchfind.job.model import OutputFormat
from batchfind.job.output_model import TableKind
from batchfind.outputs.destination import Destination
from batchfind.outputs.writing import MakeWriter, Piece, Writer
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.requests import requests_schema
from batchfind.tables.schema import TableSchema, table_schema

__all__ = ["FORMATS", "Format", "Piece", "Writer", "has_table", "schema_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a format can hold, and how it is written.

    Attributes:
        title: for people.
        suffix: usual end of a file name.
        tabular: its writer needs rows; else it reads the responses themselves.
        nested: a list of structs has a place in it; else DICOM JSON text stands
            there.
        typed: columns have types unless the job says otherwise.
        provenance: the columns beginning with `bf_` are there unless the job says
            otherwise.
        writer: makes a writer.
    """

    title: str
    suffix: str
    tabular: bool
    nested: bool
    typed: bool
    provenance: bool
    writer: MakeWriter


class _TableWriter(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class _Rows:
    """A writer of tables as one of pieces."""

    def __init__(self, writer: _TableWriter) -> None:
        self._writer = writer

    def write(self, piece: Piece) -> int:
        if piece.batch is None:
            return 0
        self._writer.write(piece.batch)
        rows: int = piece.batch.num_rows
        return rows

    def close(self) -> None:
        self._writer.close()


def _csv(
    destination: Destination,
    output: PlannedOutput,
    query: PlannedQuery,
    schema: TableSchema | None,
) -> Writer:
    from batchfind.outputs.csv import CsvWriter  # noqa: PLC0415 - as it is used

    arrow = _needed(schema, output, query).arrow
    return _Rows(CsvWriter(destination.file(), arrow, output.options.csv))


def _parquet(
    destination: Destination,
    output: PlannedOutput,
    query: PlannedQuery,
    schema: TableSchema | None,
) -> Writer:
    from batchfind.outputs.parquet import ParquetWriter  # noqa: PLC0415 - as above

    arrow = _needed(schema, output, query).arrow
    return _Rows(ParquetWriter(destination.file(), arrow, output.options.parquet))


def _jsonl(
    destination: Destination,
    output: PlannedOutput,
    query: PlannedQuery,
    schema: TableSchema | None,
) -> Writer:
    from batchfind.outputs.jsonl import JsonLinesWriter  # noqa: PLC0415 - as above

    return JsonLinesWriter(destination, output, query, schema)


def _dicom(
    destination: Destination,
    output: PlannedOutput,
    query: PlannedQuery,
    schema: TableSchema | None,
) -> Writer:
    from batchfind.outputs.dicom_files import dicom_writer  # noqa: PLC0415 - as above

    return dicom_writer(destination, output, query, schema)


def _xml(
    destination: Destination,
    output: PlannedOutput,
    query: PlannedQuery,
    schema: TableSchema | None,
) -> Writer:
    from batchfind.outputs.xml import XmlWriter  # noqa: PLC0415 - as above

    return XmlWriter(destination, output, query, schema)


def _needed(
    schema: TableSchema | None, output: PlannedOutput, query: PlannedQuery
) -> TableSchema:
    if schema is None:
        raise ValueError(f"{output.path}: {query.name} needs a table")
    return schema


FORMATS: Final[Mapping[OutputFormat, Format]] = MappingProxyType(
    {
        OutputFormat.CSV: Format(
            title="CSV",
            suffix=".csv",
            tabular=True,
            nested=False,
            typed=False,
            provenance=False,
            writer=_csv,
        ),
        OutputFormat.PARQUET: Format(
            title="Parquet",
            suffix=".parquet",
            tabular=True,
            nested=True,
            typed=True,
            provenance=True,
            writer=_parquet,
        ),
        OutputFormat.JSONL: Format(
            title="JSON Lines",
            suffix=".jsonl",
            tabular=False,
            nested=False,
            typed=False,
            provenance=False,
            writer=_jsonl,
        ),
        OutputFormat.DICOM: Format(
            title="DICOM files",
            suffix=".dcm",
            tabular=False,
            nested=False,
            typed=False,
            provenance=False,
            writer=_dicom,
        ),
        OutputFormat.XML: Format(
            title="XML",
            suffix=".xml",
            tabular=False,
            nested=False,
            typed=False,
            provenance=False,
            writer=_xml,
        ),
    }
)


def has_table(output: PlannedOutput) -> bool:
    """Whether an output is made of rows, not of responses as they came."""
    of_requests = output.options.table is TableKind.REQUESTS
    return of_requests or FORMATS[output.format].tabular


def schema_of(output: PlannedOutput, query: PlannedQuery) -> TableSchema:
    """The schema of an output's table.

    Args:
        output: as planned; `has_table` is true of it.
        query: the query it holds.
    """
    if output.options.table is TableKind.REQUESTS:
        return requests_schema(query, output.options)
    return table_schema(
        query,
        typed=output.typed,
        provenance=output.provenance,
        nested=FORMATS[output.format].nested,
        options=output.options,
    )
