"""The finishing pass: every response once, for every output and every check.

It runs after the network, in a thread of its own, one query after another, and runs
whether or not there are outputs: defects and verdicts never depend on the formats.
Tables of requests come last, for they tell the final verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby

from batchfind.capture.records import RequestVerdict
from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.execution.answers import Answers
from batchfind.execution.behind import Behind
from batchfind.execution.completeness import shortage_of
from batchfind.execution.expectations import Expectation
from batchfind.execution.expecting import check
from batchfind.execution.findings import Findings
from batchfind.execution.machine_faults import machine_faults
from batchfind.execution.notes import Notes
from batchfind.execution.progress import Event, FinishingStarted
from batchfind.execution.rendition import Prepared, Target
from batchfind.execution.selection import Selection, select
from batchfind.job.output_model import TableKind
from batchfind.outputs.writing import Piece
from batchfind.plan.model import PlannedOutput, PlannedQuery, Request
from batchfind.tables.render import Rendered, render
from batchfind.tables.requests import requests_table
from batchfind.tables.row_checks import RowChecks, RowFacts
from batchfind.tables.schema import TableSchema
from batchfind.tables.slabs import Slab, join

Verdicts = Mapping[str, RequestVerdict]

#: Pieces of outputs that wait to be written. A row group of Parquet is 32 of them and
#: written at once; more would cost memory, fewer would have decoding wait for it.
_WAITING_PIECES = 16


#: Bytes of an Identifier that no peer sends who means well.
_LONG_RESPONSE = 64 << 10


class _StoppedError(Exception):
    """Rendering was asked to end."""


class Finishing:
    """Renders a run's answers beside their targets; publishes nothing.

    Attributes:
        prepared: rendered outputs in plan order.
        expectations: of the job's queries, met or not; none before they are judged.
    """

    def __init__(
        self,
        answers: Answers,
        run_id: str,
        tell: Callable[[Event], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.prepared: tuple[Prepared, ...] = ()
        self.expectations: tuple[Expectation, ...] = ()
        self._facts: dict[str, RowFacts] = {}
        self._plan = answers.plan
        self._forest = answers.forest
        self._answers = answers
        self._run_id = run_id
        self._tell = tell
        self._returned: dict[str, Mapping[str, int]] = {}
        self._stopped = stopped

    def render(self, provisional: Verdicts) -> dict[str, RequestVerdict]:
        """Every query's outputs, staged, and the final verdicts in plan order.

        An output that cannot be written says so in `prepared`.

        When it is stopped, nothing is staged and the verdicts stay provisional.

        Args:
            provisional: verdicts from the attempts alone.

        Raises:
            StorageError: the capture is damaged; nothing staged remains.
        """
        try:
            return self._render(dict(provisional))
        except _StoppedError:
            return dict(provisional)

    def _render(self, provisional: Verdicts) -> dict[str, RequestVerdict]:
        findings: dict[str, Findings] = {}
        with ExitStack() as undo:
            rendered = [
                self._render_query(query, provisional, findings, undo)
                for query in self._plan.queries.values()
            ]
            final = self._answers.judged(findings, provisional)
            self.expectations = tuple(self._checked(final))
            targets = [
                target
                for selection, done in rendered
                for target in self._with_final(
                    selection, done, provisional, final, undo
                )
            ]
            targets += self._render_requests(final, undo)
            undo.pop_all()
        position = {output.path: at for at, output in enumerate(self._plan.outputs)}
        targets.sort(key=lambda target: position[target.planned.path])
        self.prepared = tuple(target.prepared() for target in targets)
        return final

    def _checked(self, verdicts: Verdicts) -> Iterator[Expectation]:
        growth = self._answers.growth
        for query in self._plan.queries.values():
            if query.expect is not None:
                shortage = shortage_of(query.name, self._forest, verdicts, growth)
                yield from check(query, self._facts[query.name], shortage)

    def discard(self) -> None:
        """Removes everything staged that is not published, and folders made for it."""
        for each in self.prepared:
            each.discard()
        self.prepared = ()

    def _render_query(
        self,
        query: PlannedQuery,
        verdicts: Verdicts,
        findings: dict[str, Findings],
        undo: ExitStack,
    ) -> tuple[Selection, list[Target]]:
        """Reads all its responses; adds what they tell to the findings."""
        selection = select(query, self._answers, partial(self._slabs, verdicts))
        known = [verdicts[root.id] for root in selection.roots]
        came = sum(one.responses + one.merged for one in known)
        count = came - sum(tally.merged for tally in selection.tallies.values())
        self._tell(FinishingStarted(query.name, count))
        planned = [
            output
            for output in self._plan.outputs
            if output.query == query.name
            and output.options.table is TableKind.RESPONSES
        ]
        notes = Notes(selection.requests)
        with RowChecks(query) as checks:

            def note(rendered: Rendered) -> None:
                notes.take(rendered)
                checks.take(rendered.batches)

            targets = self._pass(
                selection, verdicts, planned, undo, note, checks.schemas
            )
            self._facts[query.name] = checks.facts()
        findings |= selection.findings(notes)
        self._returned |= {
            root.id: notes.returned(self._forest.members(root))
            for root in selection.roots
            if root.batch
        }
        return selection, targets

    def _with_final(
        self,
        selection: Selection,
        targets: Sequence[Target],
        provisional: Verdicts,
        final: Verdicts,
        undo: ExitStack,
    ) -> list[Target]:
        """The targets, those rendered again whose rows show another verdict.

        The rows are the same otherwise: the second pass reads the same bytes.
        """

        def is_stale(target: Target) -> bool:
            return target.shows_verdicts and any(
                final[root.id].verdict is not provisional[root.id].verdict
                for root in self._forest.behind(target.planned)
            )

        stale = [target for target in targets if is_stale(target)]
        if not stale:
            return list(targets)
        for target in stale:
            target.discard()
        again = [target.planned for target in stale]
        fresh = [target for target in targets if target not in stale]
        return fresh + self._pass(selection, final, again, undo, lambda _: None)

    def _pass(
        self,
        selection: Selection,
        verdicts: Verdicts,
        outputs: Iterable[PlannedOutput],
        undo: ExitStack,
        note: Callable[[Rendered], None],
        checks: Sequence[TableSchema] = (),
    ) -> list[Target]:
        targets = [self._target(planned, selection.query, undo) for planned in outputs]
        doing = f"rendering query {selection.query.name}"
        with machine_faults(doing), Behind(_WAITING_PIECES) as behind:
            for group, served in self._groups(selection.requests, targets):
                slabs = self._slabs(verdicts, group)
                for rendered in self._read(selection, group, served, slabs, checks):
                    note(rendered)
                    _write(rendered, served, behind)
                    del rendered  # not held beside the next one
            for target in targets:
                behind.do(target.close)
            behind.wait()
        return targets

    def _groups(
        self, requests: Sequence[Request], targets: Sequence[Target]
    ) -> Iterator[tuple[list[Request], list[Target]]]:
        """Neighbouring requests that feed the same outputs, with those outputs."""
        behind = [
            frozenset(root.id for root in self._forest.behind(target.planned))
            for target in targets
        ]

        def fed(request: Request) -> tuple[bool, ...]:
            root = self._forest.root_of(request).id
            return tuple(root in ids for ids in behind)

        for flags, group in groupby(requests, key=fed):
            served = [one for one, flag in zip(targets, flags, strict=True) if flag]
            yield list(group), served

    def _read(
        self,
        selection: Selection,
        requests: Sequence[Request],
        targets: Sequence[Target],
        slabs: Iterable[Slab],
        checks: Sequence[TableSchema],
    ) -> Iterator[Rendered]:
        """Tables of the targets, then those that only checks read."""
        watch = _batch_key(selection.query) if any(r.batch for r in requests) else ()
        shown = [target.schema for target in targets if target.schema is not None]
        schemas = [*shown, *checks]
        return render(
            selection.query,
            slabs,
            schemas,
            watch,
            selection.kept.of,
            selection.questions,
        )

    def _slabs(self, verdicts: Verdicts, requests: Sequence[Request]) -> Iterator[Slab]:
        """The responses that count of some requests, until rendering is to end."""
        for slab in join(self._answers.sets(requests, verdicts)):
            if self._stopped():
                raise _StoppedError
            yield slab

    def _target(
        self, planned: PlannedOutput, query: PlannedQuery, undo: ExitStack
    ) -> Target:
        target = Target(planned, query, self._run_id)
        undo.callback(target.discard)
        return target

    def _render_requests(self, verdicts: Verdicts, undo: ExitStack) -> list[Target]:
        """The tables of requests."""
        targets = []
        for planned in self._plan.outputs:
            if planned.options.table is TableKind.REQUESTS:
                query = self._plan.queries[planned.query]
                target = self._target(planned, query, undo)
                table = requests_table(
                    query,
                    planned,
                    self._answers.forest.behind(planned),
                    verdicts,
                    self._returned,
                )
                for batch in table.to_batches():
                    target.write(Piece(Slab(()), batch))
                target.close()
                targets.append(target)
        return targets


def _batch_key(query: PlannedQuery) -> tuple[KeyPath, ...]:
    """The unique key whose values show which UIDs of a batch came back."""
    if query.level is None:
        return ()
    return (parse_path(model_of(query.model).unique_key(query.level)),)


def _write(rendered: Rendered, targets: Sequence[Target], behind: Behind) -> None:
    """Gives responses that enter outputs to each of them, in the form it needs."""
    if not rendered.slab.parts:
        return
    tables = [target for target in targets if target.schema is not None]
    others = [target for target in targets if target.schema is None]
    for target, batch, invalid in zip(
        tables, rendered.batches, rendered.invalid, strict=False
    ):
        piece = Piece(rendered.slab, batch)
        weight = batch.nbytes + rendered.slab.size
        behind.do(partial(target.write, piece, invalid), weight)
    for target in others:
        piece = Piece(rendered.slab, None)
        behind.do(partial(target.write, piece), rendered.slab.size)
    if rendered.slab.size > len(rendered.slab) * _LONG_RESPONSE:
        behind.wait()  # the text of a few such responses is enough at a time
