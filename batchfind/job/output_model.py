"""What of an output does not depend on its path: formats' options, tables, columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class TableKind(Enum):
    """What a row of a table stands for."""

    RESPONSES = "responses"
    REQUESTS = "requests"


class Where(Enum):
    """Which requests a requests table holds."""

    ALL = "all"
    FAILED = "failed"
    NOT_FOUND = "not-found"


class Overwrite(Enum):
    """What happens to what stands at an output's path."""

    REPLACE = "replace"
    FAIL = "fail"
    PARTITIONS = "partitions"
    APPEND = "append"


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column picked by `columns`.

    Attributes:
        source: column name or dotted key path.
        name: new name, or None to keep it.
    """

    source: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """A level of folders below a directory output.

    Attributes:
        source: column name or dotted key path.
        by: `year`, `month` or `day` of a date column, or None for its value.
    """

    source: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOptions:
    """How CSV is written.

    Attributes:
        dialect: `rfc4180`, or `excel` with a byte order mark and guarded formulas.
        null_token: text of an absent attribute, or None for nothing.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    dialect: str = "rfc4180"
    null_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlOptions:
    """How XML is written: dialect dcmtk | native, layout single | files.

    Attributes:
        binary: `hidden` as findscu has it, or `base64`.
    """

    dialect: str = "dcmtk"
    layout: str = "single"
    binary: str = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomOptions:
    """How DICOM files are written: layout files | zip.

    Attributes:
        name: template of a file's name, relative to the output.
    """

    layout: str = "files"
    name: str = "{request}-{response:06}.dcm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetOptions:
    """How Parquet is written: rows in a row group, compression codec."""

    row_group_size: int = 32_768
    compression: str = "zstd"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What of an output does not depend on its path.

    Attributes:
        limit: rows of one request at most, or None.
        components: PN columns are followed by one for each name component.
        columns: picks, orders and renames; empty keeps what the keys give.
        column_types: type by column name, dotted path or VR, over `typed`.
        provenance_columns: names of the `bf_` columns wanted, or None for the
            usual ones when `provenance` is on.
        mode: permission bits of published files, or None for those of the file
            replaced, else the umask's.
        group: name of the owning group of published files, or None.
    """

    table: TableKind = TableKind.RESPONSES
    where: Where = Where.ALL
    limit: int | None = None
    components: bool = False
    columns: tuple[ColumnChoice, ...] = ()
    column_types: Mapping[str, str] = field(default_factory=dict)
    provenance_columns: tuple[str, ...] | None = None
    partition_by: tuple[Partition, ...] = ()
    mode: int | None = None
    group: str | None = None
    csv: CsvOptions = field(default_factory=CsvOptions)
    xml: XmlOptions = field(default_factory=XmlOptions)
    dicom: DicomOptions = field(default_factory=DicomOptions)
    parquet: ParquetOptions = field(default_factory=ParquetOptions)
