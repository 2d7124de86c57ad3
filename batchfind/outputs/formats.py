"""What batchfind can write, one record a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, Final, Protocol

import pyarrow as pa

from batchfind.job.model import OutputFormat
from batchfind.outputs.csv import CsvWriter
from batchfind.outputs.parquet import ParquetWriter
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema, table_schema


class TableWriter(Protocol):
    """Writes one table; the file itself belongs to the caller."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Rows of the schema the writer was made with."""
        ...

    def close(self) -> None:
        """What must follow the last row; the file stays open."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a format can hold, and how it is written.

    Attributes:
        title: for people.
        suffix: usual end of a file name.
        nested: a list of structs has a place in it; else DICOM JSON text stands
            there.
        typed: columns have types unless the job says otherwise.
        provenance: the columns beginning with `bf_` are there unless the job says
            otherwise.
        writer: makes a writer on an open binary file.
    """

    title: str
    suffix: str
    nested: bool
    typed: bool
    provenance: bool
    writer: Callable[[BinaryIO, pa.Schema], TableWriter]


FORMATS: Final[Mapping[OutputFormat, Format]] = MappingProxyType(
    {
        OutputFormat.CSV: Format(
            title="CSV",
            suffix=".csv",
            nested=False,
            typed=False,
            provenance=False,
            writer=CsvWriter,
        ),
        OutputFormat.PARQUET: Format(
            title="Parquet",
            suffix=".parquet",
            nested=True,
            typed=True,
            provenance=True,
            writer=ParquetWriter,
        ),
    }
)


def schema_of(output: PlannedOutput, query: PlannedQuery) -> TableSchema:
    """The schema of an output's table.

    Args:
        output: as planned.
        query: the query it holds.
    """
    return table_schema(
        query,
        typed=output.typed,
        provenance=output.provenance,
        nested=FORMATS[output.format].nested,
    )
