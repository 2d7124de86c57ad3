"""Which files a plan will write, all known before the first association."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from batchfind.job.model import Output, Peer
from batchfind.job.output_model import Overwrite
from batchfind.plan.cases import Case
from batchfind.plan.coverage import unlisted_values
from batchfind.plan.dates import Style
from batchfind.plan.filenames import path_fault, safe_value
from batchfind.plan.model import PlannedOutput, PlannedQuery, is_directory
from batchfind.plan.output_columns import settle_options, unused_types
from batchfind.plan.partitions import partial_partitions
from batchfind.plan.problems import Problems
from batchfind.plan.requests import Asked
from batchfind.plan.scopes import Surroundings
from batchfind.plan.taken_paths import TakenPaths
from batchfind.plan.templates import Scope
from batchfind.plan.windows import WindowValue


@dataclass(slots=True)
class Paths:
    """The paths given out so far.

    Attributes:
        folder: base of relative paths, instead of the file that holds the output.
    """

    surroundings: Surroundings
    problems: Problems
    folder: Path | None
    taken: TakenPaths

    def plan(
        self, number: int, output: Output, asked: Asked, query: PlannedQuery
    ) -> list[PlannedOutput]:
        """The files of one output, the job's `number`th from 0, for one query."""
        options = settle_options(number, output, query, self.problems)
        behind: dict[str, list[str]] = {}
        for path, ids in self._rendered(number, output, asked):
            behind.setdefault(path, []).extend(ids)
        planned = [
            PlannedOutput(
                path=path,
                format=output.format,
                query=query.name,
                requests=tuple(ids),
                typed=output.typed,
                provenance=output.provenance,
                publish=output.publish,
                overwrite=output.overwrite,
                options=options,
            )
            for path, ids in behind.items()
        ]
        for one in planned:
            self._take(number, one, output)
            faults = [*partial_partitions(one, query, asked)]
            if query.growing is not None and one.overwrite is Overwrite.PARTITIONS:
                message = (
                    f"which partitions the rows of {query.growing.query} ask for is"
                    " known only while the job runs; choose another 'overwrite'"
                )
                faults.append(message)
            if unlisted := unlisted_values(one, query, asked.requests):
                faults.append(unlisted)
            for message in faults:
                mark = output.marks.get("overwrite", output.mark)
                self.problems.error(mark, f"outputs[{number}].overwrite", message)
        return planned

    def _rendered(
        self, number: int, output: Output, asked: Asked
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every path with requests behind it; one of no request at all, too."""
        prepared = asked.prepared
        unknown = prepared.family.absent
        scopes = {
            peer.name: self._scope(prepared.query.name, peer).without(unknown)
            for peer in prepared.peers
        }
        names = self.surroundings.templates.facts(output.path).names
        by_case = sorted(names & {*prepared.query.matrix, "window"})
        known: dict[tuple[object, ...], str | None] = {}
        if not by_case:
            # An empty answer is an answer: its file is written even if the rows
            # of the query gave no request.
            for peer in prepared.peers:
                path = self._path(number, output, scopes[peer.name])
                known[peer.name,] = path
                if path is not None:
                    yield path, ()
        for case, requests in asked.cases:
            if not requests:
                continue
            values = _case_values(case, by_case)
            key = (case.peer.name, *(values.get(name) for name in by_case))
            if key not in known:
                scope = scopes[case.peer.name].with_values(values)
                known[key] = self._path(number, output, scope)
            path = known[key]
            if path is not None:
                yield path, tuple(request.id for request in requests)

    def _scope(self, query: str, peer: Peer) -> Scope:
        scope = self.surroundings.path_scope(query, peer)
        safe = {"query": safe_value(query), "peer": safe_value(peer.name)}
        return scope.with_values(safe)

    def _path(self, number: int, output: Output, scope: Scope) -> str | None:
        """The absolute path of an output in a scope, or None with a problem noted."""
        where = f"outputs[{number}].path"
        templates = self.surroundings.templates
        if "window" in templates.facts(output.path).bare:
            message = "a path needs one day: write {{ window.start }}"
            self.problems.error(output.path.mark, where, message)
            return None
        text = templates.render(output.path, where, scope)
        if text is None:
            return None
        # A folder may be written as one; what stands at the path has no slash.
        folder = is_directory(output.format, output.options)
        plain = text.rstrip("/\\") or text
        fault = path_fault(plain if folder else text, template=output.path.text)
        if fault:
            self.problems.error(output.path.mark, where, f"{text!r}: {fault}")
            return None
        return os.path.normpath((self.folder or output.base).absolute() / plain)

    def _take(self, number: int, planned: PlannedOutput, output: Output) -> None:
        where = f"outputs[{number}]"
        owner = f"{where} of query {planned.query}"
        for message in self.taken.take(
            planned.path, owner, is_directory=planned.is_directory
        ):
            self.problems.error(output.path.mark, f"{where}.path", message)


def _case_values(case: Case, names: Collection[str]) -> Mapping[str, object]:
    """Of matrix names, safe inside a path, and the window, those that are asked for."""
    values: dict[str, object] = {
        axis: safe_value(case.combination[axis])
        for axis in names
        if axis in case.combination
    }
    if case.piece is not None and "window" in names:
        values["window"] = WindowValue(case.piece, Style.PATH)
    return values


def plan_outputs(
    outputs: Iterable[Output],
    asked: Mapping[str, Asked],
    queries: Mapping[str, PlannedQuery],
    paths: Paths,
) -> tuple[PlannedOutput, ...]:
    """Every file the plan will write, in the order of the job's outputs.

    A query that is not in `asked`, since it was not selected, is left out with one
    warning.
    """
    planned = []
    known = paths.surroundings.job.queries
    for number, output in enumerate(outputs):
        wanted = output.queries or tuple(known)
        for query in wanted:
            if query in asked:
                planned += paths.plan(number, output, asked[query], queries[query])
            else:
                message = f"query {query} is not selected; its files stay as they are"
                where = f"queries.{query}"
                paths.problems.warn(known[query].mark, where, message)
        if all(query in asked for query in wanted):
            held = [queries[query] for query in wanted]
            unused_types(number, output, held, paths.problems)
    return tuple(planned)
