"""What an output's options mean in the table of one query.

A job names columns as people do: by name, by key path, by VR. The plan settles each
on the name of a column, once, so that nothing that writes a table has to guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from batchfind.dicom import dictionary, vrs
from batchfind.job.column_words import COLUMN_TYPES, EVERY_VR
from batchfind.job.model import Output
from batchfind.job.output_model import ColumnChoice, OutputOptions, Partition, TableKind
from batchfind.job.output_options import type_fault
from batchfind.job.suggest import did_you_mean
from batchfind.plan.model import PlannedQuery
from batchfind.plan.problems import Problems
from batchfind.plan.table_columns import (
    ColumnKind,
    TableColumn,
    find_column,
    request_columns,
    table_columns,
)

_FOLDERS: Final = frozenset(
    ("bf_query", "bf_peer", "bf_request", "bf_run_id", "bf_status", "bf_verdict")
)
"""Columns beginning with `bf_` that a table can be partitioned by."""


def settle_options(
    number: int, output: Output, query: PlannedQuery, problems: Problems
) -> OutputOptions:
    """The options of an output with every column by its name in a query's table.

    Args:
        number: position of the output in the job, from 0.
        output: as loaded.
        query: the query it holds.
        problems: notes what names no column.

    Returns:
        Options in which `columns` and `column_types` name columns as `table_columns`
        (or `request_columns`) does, and `partition_by` as the output's table does.
    """
    options = output.options
    requests = options.table is TableKind.REQUESTS
    known = request_columns(query) if requests else table_columns(query)
    settling = _Settling(number, output, query, known, problems)
    columns = settling.columns()
    return replace(
        options,
        columns=columns,
        column_types=settling.types(),
        partition_by=settling.partitions(columns),
    )


def unused_types(
    number: int, output: Output, queries: Iterable[PlannedQuery], problems: Problems
) -> None:
    """Notes every name under `types` that no query of an output has a column for."""
    known = [column for query in queries for column in table_columns(query)]
    if not known:
        return
    for name in output.options.column_types:
        if name not in EVERY_VR and find_column(known, name) is None:
            mark = output.marks.get(f"types.{name}", output.mark)
            problems.error(
                mark, f"outputs[{number}].types.{name}", no_column(name, known)
            )


@dataclass(frozen=True, slots=True)
class _Settling:
    """One output and one query whose table it holds."""

    number: int
    output: Output
    query: PlannedQuery
    known: tuple[TableColumn, ...]
    problems: Problems

    def columns(self) -> tuple[ColumnChoice, ...]:
        """The columns picked, each by its own name and the name it gets."""
        settled = []
        for at, choice in enumerate(self.output.options.columns):
            place = f"columns[{at}]"
            column = find_column(self.known, choice.source)
            if column is None:
                self._error(place, self._missing(choice.source))
            else:
                settled.append(ColumnChoice(column.name, choice.name or column.name))
        names = Counter(str(one.name).casefold() for one in settled)
        for at, one in enumerate(settled):
            if names[str(one.name).casefold()] > 1:
                message = f"two columns are named {one.name}; rename one with 'as'"
                self._error(f"columns[{at}]", message)
        return tuple(settled)

    def types(self) -> dict[str, str]:
        """Type by column; one that names a column counts more than one by VR."""
        by_vr: dict[str, str] = {}
        by_name: dict[str, str] = {}
        for name, kind in self.output.options.column_types.items():
            if name in EVERY_VR:
                by_vr |= {
                    column.name: kind
                    for column in self.known
                    if column.kind is ColumnKind.ATTRIBUTE and column.vr == name
                }
                continue
            column = find_column(self.known, name)
            if column is not None and self._can_be(column, kind, f"types.{name}"):
                by_name[column.name] = kind
        return by_vr | by_name

    def _can_be(self, column: TableColumn, kind: str, place: str) -> bool:
        if column.kind is not ColumnKind.ATTRIBUTE:
            self._error(place, f"{column.name} is no attribute, so its type is fixed")
            return False
        if column.vr not in COLUMN_TYPES[kind]:
            self._error(place, f"{column.name}: {type_fault(column.vr, kind)}")
            return False
        return True

    def partitions(self, columns: tuple[ColumnChoice, ...]) -> tuple[Partition, ...]:
        """The partitions, by the names their columns have in the table."""
        renamed = {str(one.name): one.source for one in columns}
        settled = []
        for at, partition in enumerate(self.output.options.partition_by):
            source = renamed.get(partition.source, partition.source)
            column = find_column(self.known, source)
            if column is None:
                self._error(f"partition_by[{at}]", self._missing(partition.source))
                continue
            names = [str(one.name) for one in columns if one.source == column.name]
            fault = self._partition_fault(column, partition, picked=bool(names))
            if fault:
                self._error(f"partition_by[{at}]", fault)
            settled.append(Partition((names or [column.name])[0], partition.by))
        left = {str(one.name) for one in columns}
        taken = {each.source for each in settled if each.by is None}
        if left and left <= taken:
            message = "takes every column of the table; pick one more under 'columns'"
            self._error("partition_by", message)
        return tuple(settled)

    def _partition_fault(
        self, column: TableColumn, partition: Partition, *, picked: bool
    ) -> str:
        name = column.name
        if partition.by is not None and column.vr != "DA":
            return f"only a date can be partitioned by {partition.by}; {name} is none"
        if not _makes_folders(column):
            return f"{name} makes no folders; partition by an attribute of one value"
        own = column.kind is ColumnKind.PROVENANCE
        if self.output.options.columns and not picked and not own:
            return f"'columns' does not pick {name}; add it there"
        shown = self.output.options.components or picked
        if column.kind is ColumnKind.COMPONENT and not shown:
            return f"{name} needs 'names: components'"
        return ""

    def _missing(self, text: str) -> str:
        return no_column(text, self.known, self.query.name)

    def _error(self, place: str, message: str) -> None:
        mark = self.output.marks.get(place, self.output.mark)
        self.problems.error(mark, f"outputs[{self.number}].{place}", message)


def _makes_folders(column: TableColumn) -> bool:
    """Whether it has one short value a row."""
    if column.kind is ColumnKind.PROVENANCE:
        return column.name in _FOLDERS
    if column.path is None:
        return True
    return column.path.leaf.is_single and column.vr not in {
        "SQ",
        *vrs.WORD_SIZES,
        *vrs.SINGLE_VALUED_VRS,
    }


def no_column(text: str, known: Iterable[TableColumn], query: str | None = None) -> str:
    """Says that a text names no column, and what may have been meant.

    Args:
        text: as written.
        known: columns there are.
        query: whose table it is, or None for several.
    """
    columns = tuple(known)
    table = "" if query is None else f" of query {query}"
    for column in columns:
        # A key within a sequence that is one column, because it is not exploded.
        if column.vr == "SQ" and column.path is not None:
            inner = (f"{column.path.dotted}.", f"{column.name}_")
            if text.startswith(inner):
                return (
                    f"{text[:64]!r} is inside {column.name}, which is one column"
                    f"{table}; name that, or explode it"
                )
    names = [column.name for column in columns]
    hint = did_you_mean(text, names)
    leaf = text.rpartition(".")[2]
    if not hint and dictionary.tag_of(leaf) is not None:
        hint = "; ask for it under keys or return"
    elif not hint and (meant := dictionary.STANDARD.suggest_keyword(leaf)):
        hint = f" (did you mean '{meant}'?); ask for that under keys or return"
    listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"there is no column {text[:64]!r}{table}{hint or f'; there are {listed}'}"
