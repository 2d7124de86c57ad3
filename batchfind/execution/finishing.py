"""The finishing pass: every response once, for every output and every check.

It runs after the network, in a thread of its own, one query after another, and runs
whether or not there are outputs: defects and verdicts never depend on the formats.
Tables of requests come last, for they tell the final verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from batchfind.capture.records import RequestVerdict
from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.execution.answers import Answers
from batchfind.execution.behind import Behind
from batchfind.execution.findings import Findings
from batchfind.execution.progress import Event, FinishingStarted
from batchfind.execution.rendition import Prepared, Target
from batchfind.execution.verdicts import judge
from batchfind.job.output_model import TableKind
from batchfind.outputs.writing import Piece
from batchfind.plan.model import PlannedOutput, PlannedQuery, Request
from batchfind.tables.render import Rendered, render
from batchfind.tables.requests import requests_table
from batchfind.tables.slabs import Slab, join

Verdicts = Mapping[str, RequestVerdict]

#: Pieces of outputs that wait to be written. A row group of Parquet is 32 of them and
#: written at once; more would cost memory, fewer would have decoding wait for it.
_WAITING_PIECES = 16


@dataclass(slots=True)
class _Notes:
    """What is being found out about one request."""

    defects: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    warnings: set[str] = field(default_factory=set)
    returned: Counter[str] = field(default_factory=Counter)

    def findings(self) -> Findings:
        return Findings(
            defects=dict(self.defects),
            replaced=self.replaced,
            warnings=tuple(sorted(self.warnings)),
            returned=frozenset(self.returned),
        )


class _StoppedError(Exception):
    """Rendering was asked to end."""


class Finishing:
    """Renders a run's answers beside their targets; publishes nothing.

    Attributes:
        prepared: rendered outputs in plan order.
    """

    def __init__(
        self,
        answers: Answers,
        run_id: str,
        tell: Callable[[Event], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.prepared: tuple[Prepared, ...] = ()
        self._plan = answers.plan
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

    def _render(self, final: dict[str, RequestVerdict]) -> dict[str, RequestVerdict]:
        with ExitStack() as undo:
            targets: list[Target] = []
            for query in self._plan.queries.values():
                requests = [r for r in self._plan.requests if r.query == query.name]
                verdicts = self._render_query(query, requests, final, targets, undo)
                final |= verdicts
            targets += self._render_requests(final, undo)
            undo.pop_all()
        position = {output.path: at for at, output in enumerate(self._plan.outputs)}
        targets.sort(key=lambda target: position[target.planned.path])
        self.prepared = tuple(target.prepared() for target in targets)
        return final

    def discard(self) -> None:
        """Removes everything staged."""
        for each in self.prepared:
            if each.staged is not None:
                each.staged.discard()
        self.prepared = ()

    def _render_query(
        self,
        query: PlannedQuery,
        requests: Sequence[Request],
        verdicts: Verdicts,
        done: list[Target],
        undo: ExitStack,
    ) -> dict[str, RequestVerdict]:
        count = sum(verdicts[request.id].responses for request in requests)
        self._tell(FinishingStarted(query.name, count))
        planned = [
            output
            for output in self._plan.outputs
            if output.query == query.name
            and output.options.table is TableKind.RESPONSES
        ]
        targets, final = self._pass(query, requests, verdicts, planned, undo)
        if any(final[key].verdict is not verdicts[key].verdict for key in final):
            # Rows carry their request's verdict, and decoding has just changed one.
            # It changes nothing more: the second pass reads the same bytes.
            stale = [target for target in targets if target.shows_verdicts]
            for target in stale:
                target.discard()
            again = [target.planned for target in stale]
            if again:
                targets = [target for target in targets if target not in stale]
                targets += self._pass(query, requests, final, again, undo)[0]
        done += targets
        return final

    def _pass(
        self,
        query: PlannedQuery,
        requests: Sequence[Request],
        verdicts: Verdicts,
        outputs: Iterable[PlannedOutput],
        undo: ExitStack,
    ) -> tuple[list[Target], dict[str, RequestVerdict]]:
        targets = [self._target(planned, query, undo) for planned in outputs]
        notes = {request.id: _Notes() for request in requests}
        with Behind(_WAITING_PIECES) as behind:
            for group, served in _groups(requests, targets):
                self._feed(query, group, served, notes, verdicts, behind)
            for target in targets:
                behind.do(target.close)
            behind.wait()
        final = {
            request.id: self._final(request, verdicts[request.id], notes[request.id])
            for request in requests
        }
        self._returned |= {
            request.id: notes[request.id].returned
            for request in requests
            if request.batch
        }
        return targets, final

    def _target(
        self, planned: PlannedOutput, query: PlannedQuery, undo: ExitStack
    ) -> Target:
        target = Target(planned, query, self._run_id)
        undo.callback(target.discard)
        return target

    def _feed(
        self,
        query: PlannedQuery,
        requests: Sequence[Request],
        targets: Sequence[Target],
        notes: Mapping[str, _Notes],
        verdicts: Verdicts,
        behind: Behind,
    ) -> None:
        watch = _batch_key(query) if any(r.batch for r in requests) else ()
        tables = [target for target in targets if target.schema is not None]
        others = [target for target in targets if target.schema is None]
        schemas = [target.schema for target in tables if target.schema is not None]
        slabs = join(self._answers.sets(requests, verdicts))
        for rendered in render(query, slabs, schemas, watch):
            if self._stopped():
                raise _StoppedError
            _note(rendered, notes)
            for target, batch, invalid in zip(
                tables, rendered.batches, rendered.invalid, strict=True
            ):
                piece = Piece(rendered.slab, batch)
                behind.do(partial(target.write, piece, invalid))
            for target in others:
                behind.do(partial(target.write, Piece(rendered.slab, None)))

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

    def _final(
        self, request: Request, provisional: RequestVerdict, notes: _Notes
    ) -> RequestVerdict:
        attempts = self._answers.attempts(request)
        if not attempts:
            return provisional  # it was skipped, and the provisional one says why
        peer = self._plan.peers[request.peer]
        return judge(request, peer, attempts, notes.findings())


def _groups(
    requests: Sequence[Request], targets: Sequence[Target]
) -> Iterator[tuple[list[Request], list[Target]]]:
    """Neighbouring requests that feed the same outputs, with those outputs."""
    members = [frozenset(target.planned.requests) for target in targets]

    def fed(request: Request) -> tuple[bool, ...]:
        return tuple(request.id in ids for ids in members)

    for flags, group in groupby(requests, key=fed):
        served = [target for target, flag in zip(targets, flags, strict=True) if flag]
        yield list(group), served


def _batch_key(query: PlannedQuery) -> tuple[KeyPath, ...]:
    """The unique key whose values show which UIDs of a batch came back."""
    if query.level is None:
        return ()
    return (parse_path(model_of(query.model).unique_key(query.level)),)


def _note(rendered: Rendered, notes: Mapping[str, _Notes]) -> None:
    for defect in rendered.defects:
        notes[defect.request].defects[defect.kind] += 1
    for request, count in rendered.replaced.items():
        notes[request].replaced += count
    for request, texts in rendered.warnings.items():
        notes[request].warnings |= texts
    for values in rendered.seen.values():
        for request, found in values.items():
            notes[request].returned.update(found)
