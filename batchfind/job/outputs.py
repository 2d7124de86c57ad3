"""Outputs of a job: which table becomes which file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from batchfind.job.embedded import templates_in
from batchfind.job.model import Output, OutputFormat, Publish
from batchfind.job.nodes import MappingNode, ScalarNode
from batchfind.job.output_fields import check_fields, is_directory
from batchfind.job.output_model import OutputOptions, Overwrite, TableKind
from batchfind.job.output_options import enum_of, marks_of, read_options
from batchfind.job.section import Section
from batchfind.job.shell import shell_fault
from batchfind.job.suggest import did_you_mean

_QUERY_NAME: Final = re.compile(r"\bquery\b")


def read_outputs(root: Section, queries: Iterable[str]) -> tuple[Output, ...]:
    """The outputs of a job in file order; problems are reported.

    Args:
        root: the job.
        queries: names of its queries.

    Returns:
        Every output that is a mapping with a known format and a path.
    """
    names = tuple(queries)
    found = []
    for number, item in enumerate(root.items("outputs")):
        if isinstance(item, MappingNode):
            place = f"outputs[{number}]"
            output = _read_output(Section(item, place, root.report), names)
            if output is not None:
                found.append(output)
    return tuple(found)


def _read_output(section: Section, names: tuple[str, ...]) -> Output | None:
    form, path = section.text("format"), section.scalar("path")
    named = _check_queries(section, names)
    if path is None or form not in {one.value for one in OutputFormat}:
        return None
    one_of_many = len(named) != 1 and len(names) > 1
    if one_of_many and not _names_query(path.text):
        message = (
            "an output holds one query; name it under 'queries', or write "
            "{{ query }} in the path"
        )
        section.error("path", message)
    check_fields(section, form)
    if fault := shell_fault(path.text):
        section.error("path", fault)
    if path.text.endswith(("/", "\\")) and not is_directory(section, form):
        section.error("path", f"{form} is one file here: the path must not be a folder")
    is_parquet = form == OutputFormat.PARQUET.value
    types = section.text("types")
    options = read_options(section, OutputFormat(form))
    return Output(
        mark=section.node.mark,
        format=OutputFormat(form),
        path=path,
        base=Path(path.mark.file).absolute().parent,
        queries=named,
        typed=is_parquet if types is None else types == "typed",
        provenance=_has_provenance(section, options, otherwise=is_parquet),
        publish=_publish(section, options),
        overwrite=enum_of(section, "overwrite", Overwrite.REPLACE),
        options=options,
        marks=marks_of(section),
    )


def _names_query(path: str) -> bool:
    return any(
        path.startswith("{{", begin) and _QUERY_NAME.search(path[begin:end])
        for begin, end in templates_in(path)
    )


def _has_provenance(
    section: Section, options: OutputOptions, *, otherwise: bool
) -> bool:
    if options.table is TableKind.REQUESTS or options.columns:
        return False  # the table's own columns, or exactly those picked
    if options.provenance_columns is not None:
        return True
    return section.flags("provenance").get("provenance", otherwise)


def _publish(section: Section, options: OutputOptions) -> Publish:
    """What is asked; a table of requests is about those that failed, too."""
    always = options.table is TableKind.REQUESTS
    return enum_of(section, "publish", Publish.ALWAYS if always else Publish.COMPLETE)


def _check_queries(section: Section, names: tuple[str, ...]) -> tuple[str, ...]:
    place = section.place("queries")
    named = []
    for item in section.items("queries"):
        if not isinstance(item, ScalarNode):
            continue
        if item.text not in names:
            message = f"there is no query '{item.text[:64]}'"
            meant = did_you_mean(item.text, names)
            section.report.error(item.mark, place, f"{message}{meant}")
        named.append(item.text)
    return tuple(named)
