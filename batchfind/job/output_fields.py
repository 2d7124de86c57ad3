"""Which fields of an output fit which format, and which fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from batchfind.job.model import OutputFormat
from batchfind.job.section import Section
from batchfind.job.suggest import did_you_mean

_CSV, _PARQUET, _JSONL, _DICOM, _XML = (one.value for one in OutputFormat)

_FORMATS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "table": (_CSV, _PARQUET, _JSONL),
        "where": (_CSV, _PARQUET, _JSONL),
        "columns": (_CSV, _PARQUET, _JSONL),
        "names": (_CSV, _PARQUET),
        "types": (_CSV, _PARQUET),
        "provenance": (_CSV, _PARQUET),
        "partition_by": (_CSV, _PARQUET),
        "delimiter": (_CSV,),
        "encoding": (_CSV,),
        "header": (_CSV,),
        "null_token": (_CSV,),
        "dialect": (_CSV, _XML),
        "layout": (_DICOM, _XML),
        "binary": (_XML,),
        "name": (_DICOM,),
        "row_group_size": (_PARQUET,),
        "compression": (_PARQUET,),
    }
)
"""Formats of the fields that do not fit all of them."""

_VALUES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("dialect", _CSV): ("rfc4180", "excel"),
        ("dialect", _XML): ("dcmtk", "native"),
        ("layout", _XML): ("single", "files"),
        ("layout", _DICOM): ("files", "zip"),
    }
)
"""What a field may say in a format, where formats differ."""

_OF_RESPONSES: Final = ("limit", "names", "types", "provenance", "partition_by")


def check_fields(section: Section, form: str) -> None:
    """Reports fields that mean nothing in this output, and why.

    Args:
        section: the output.
        form: its format.
    """
    for key, _ in section.entries():
        owners = _FORMATS.get(key.text, ())
        if owners and form not in owners:
            message = f"'{key.text}' belongs to {_listed(owners)}, not to {form}"
            section.report.error(key.mark, section.place(key.text), message)
    for name in ("dialect", "layout"):
        _check_value(section, name, form)
    if section.text("table") == "requests":
        _check_requests(section)
    else:
        _check_responses(section, form)
    _check_overwrite(section, form)


def _check_value(section: Section, name: str, form: str) -> None:
    value, choices = section.text(name), _VALUES.get((name, form), ())
    if value is None or not choices or value in choices:
        return
    known = {one for allowed in _VALUES.values() for one in allowed}
    if value in known:  # anything else the schema has refused
        meant = did_you_mean(value, choices)
        message = f"must be {' or '.join(choices)} for {form}, not '{value}'{meant}"
        section.error(name, message)


def _check_requests(section: Section) -> None:
    for name in _OF_RESPONSES:
        if section.has(name):
            message = f"'{name}' is about responses; this table holds requests"
            section.error(name, message)


def _check_responses(section: Section, form: str) -> None:
    if section.has("where") and form in _FORMATS["where"]:
        section.error("where", "chooses requests; it needs 'table: requests'")
    if form == _JSONL and section.has("columns"):
        message = "jsonl has columns only with 'table: requests'; else it holds data"
        section.error("columns", f"{message} sets")
    if section.has("columns") and section.has("provenance"):
        message = "'columns' is the whole table; name the bf_ columns there"
        section.error("provenance", message)


def _check_overwrite(section: Section, form: str) -> None:
    value = section.text("overwrite")
    if value == "partitions" and not section.has("partition_by"):
        section.error("overwrite", "partitions needs 'partition_by'")
    if value == "append" and not is_directory(section, form):
        message = (
            "append adds files to a folder; write one with 'partition_by', or with "
            "'layout: files'"
        )
        section.error("overwrite", message)


def is_directory(section: Section, form: str) -> bool:
    """Whether the output is a folder of files."""
    layout = section.text("layout")
    return (
        (section.has("partition_by") and form in _FORMATS["partition_by"])
        or (form == _XML and layout == "files")
        or (form == _DICOM and layout in {None, "files"})
    )


def _listed(names: tuple[str, ...]) -> str:
    *first, last = sorted(names)
    return f"{', '.join(first)} and {last}" if first else last
