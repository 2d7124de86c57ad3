"""What of an output does not depend on its path: columns and ways of writing."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from batchfind.errors import Mark
from batchfind.job.column_words import COLUMN_TYPES, EVERY_VR, ON_REQUEST, PROVENANCE
from batchfind.job.model import OutputFormat
from batchfind.job.nodes import MappingNode, Node, ScalarNode
from batchfind.job.output_model import (
    ColumnChoice,
    CsvOptions,
    DicomOptions,
    OutputOptions,
    ParquetOptions,
    Partition,
    TableKind,
    Where,
    XmlOptions,
)
from batchfind.job.response_names import check_name_template
from batchfind.job.section import Section
from batchfind.job.suggest import did_you_mean

Choice = TypeVar("Choice", bound=Enum)

_BF: Final = (*PROVENANCE, *ON_REQUEST)


def read_options(section: Section, form: OutputFormat) -> OutputOptions:
    """Every option of an output; problems are reported.

    Args:
        section: the output.
        form: its format; options of other formats keep their defaults.
    """
    fields: dict[str, Any] = section.integers("limit")
    if form in _BY_FORMAT:
        fields[form.value] = _BY_FORMAT[form](section)
    return OutputOptions(
        table=enum_of(section, "table", TableKind.RESPONSES),
        where=enum_of(section, "where", Where.ALL),
        components=section.text("names") == "components",
        columns=tuple(_columns(section)),
        column_types=_column_types(section),
        provenance_columns=_provenance(section),
        partition_by=tuple(_partitions(section)),
        mode=_octal(section.text("mode")),
        group=section.text("group"),
        **fields,
    )


def enum_of(section: Section, name: str, default: Choice) -> Choice:
    """The member that a field names; the default where it names none."""
    members = {str(member.value): member for member in type(default)}
    return members.get(section.text(name) or "", default)


def marks_of(section: Section) -> dict[str, Mark]:
    """Where the parts of an output stand that only the plan can judge."""
    marks = {}
    for name in ("columns", "partition_by"):
        for number, item in enumerate(section.items(name)):
            marks[f"{name}[{number}]"] = item.mark
    for key, _ in section.section("types").entries():
        marks[f"types.{key.text}"] = key.mark
    marks["overwrite"] = section.mark("overwrite")
    return marks


def _columns(section: Section) -> Iterator[ColumnChoice]:
    for number, item in enumerate(section.items("columns")):
        place = f"columns[{number}]"
        choice = _pair(section, place, item, "from", "as")
        if choice is None:
            continue
        source, name = choice
        if name is not None and name != source and name.startswith("bf_"):
            message = f"'{name[:64]}' looks like a column of batchfind; rename it"
            section.report.error(item.mark, section.place(place), message)
        yield ColumnChoice(source, name)


def _partitions(section: Section) -> Iterator[Partition]:
    seen = set()
    for number, item in enumerate(section.items("partition_by")):
        choice = _pair(section, f"partition_by[{number}]", item, "key", "by")
        if choice is None:
            continue
        if choice in seen:
            place = section.place(f"partition_by[{number}]")
            section.report.error(item.mark, place, "must not name anything twice")
        seen.add(choice)
        yield Partition(*choice)


def _pair(
    section: Section, place: str, item: Node, first: str, second: str
) -> tuple[str, str | None] | None:
    """A scalar, or a mapping of two fields of which the second may be missing."""
    if isinstance(item, ScalarNode):
        return item.text, None
    if not isinstance(item, MappingNode):
        return None
    inner = Section(item, section.place(place), section.report)
    name = inner.text(first)
    return None if name is None else (name, inner.text(second))


def _column_types(section: Section) -> dict[str, str]:
    """Types by column, key path or VR; a type that a VR cannot have is reported."""
    inner = section.section("types")
    found = {}
    for key, value in inner.entries():
        name = inner.text(key.text)
        if name is None or name not in COLUMN_TYPES:
            continue
        found[key.text] = name
        if key.text in EVERY_VR and key.text not in COLUMN_TYPES[name]:
            message = type_fault(key.text, name)
            section.report.error(value.mark, inner.place(key.text), message)
    return found


def type_fault(vr: str, name: str) -> str:
    """Why a column of a VR cannot have a type, and which it can have."""
    fitting = [one for one, vrs in COLUMN_TYPES.items() if vr in vrs]
    return f"{vr} values cannot be {name}; {vr} takes {', '.join(fitting)}"


def _provenance(section: Section) -> tuple[str, ...] | None:
    if section.flags("provenance") or not section.has("provenance"):
        return None
    for item in section.items("provenance"):
        if isinstance(item, ScalarNode) and item.text not in _BF:
            meant = did_you_mean(item.text, _BF) or f"; there are {', '.join(_BF)}"
            message = f"there is no column '{item.text[:64]}'{meant}"
            section.report.error(item.mark, section.place("provenance"), message)
    return tuple(name for name in section.texts("provenance") if name in _BF)


def _csv(section: Section) -> CsvOptions:
    fields: dict[str, Any] = _texts(
        section, "delimiter", "encoding", "dialect", "null_token"
    )
    fields |= section.flags("header")
    delimiter = fields.get("delimiter", ",")
    if delimiter.isalnum() or delimiter in '"\r\n\0':
        message = "must be one character that is no letter, digit, quote or line end"
        section.error("delimiter", message)
    encoding = fields.get("encoding", "utf-8")
    if not _encodes(encoding, delimiter):
        message = f"'{encoding[:40]}' is no encoding of text that has a place for"
        section.error("encoding", f"{message} '{delimiter}'")
    token = fields.get("null_token", "")
    if delimiter in token:
        message = f"must not hold the delimiter '{delimiter}'"
        section.error("null_token", message)
    return CsvOptions(**fields)


def _encodes(encoding: str, text: str) -> bool:
    """Whether it is an encoding of text, in which a delimiter can be written."""
    try:
        codecs.getincrementalencoder(encoding)
        text.encode(encoding)
    except (LookupError, ValueError):
        return False
    return True


def _dicom(section: Section) -> DicomOptions:
    fields = _texts(section, "layout", "name")
    if "name" in fields and (fault := check_name_template(fields["name"])):
        section.error("name", fault)
    return DicomOptions(**fields)


def _parquet(section: Section) -> ParquetOptions:
    fields: dict[str, Any] = section.integers("row_group_size")
    fields |= _texts(section, "compression")
    return ParquetOptions(**fields)


def _octal(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 8)
    except ValueError:
        return None  # the schema has said so


def _texts(section: Section, *names: str) -> dict[str, str]:
    """Those of some fields that are written, as texts."""
    found = ((name, section.text(name)) for name in names)
    return {name: text for name, text in found if text is not None}


_BY_FORMAT: Final[Mapping[OutputFormat, Callable[[Section], Any]]] = {
    OutputFormat.CSV: _csv,
    OutputFormat.DICOM: _dicom,
    OutputFormat.PARQUET: _parquet,
    OutputFormat.XML: lambda section: XmlOptions(
        **_texts(section, "dialect", "layout", "binary")
    ),
}
"""What reads the options of a format, under the name that it has in the model."""
