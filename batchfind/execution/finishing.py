"""The finishing pass: every response once, for every output and every check.

It runs after the network, in a thread of its own, one query after another, and runs
whether or not there are outputs: defects and verdicts never depend on the formats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby

from batchfind.capture.reader import Capture
from batchfind.capture.records import RequestVerdict
from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.execution.answers import Answers
from batchfind.execution.progress import Event, FinishingStarted
from batchfind.execution.verdicts import Findings, judge
from batchfind.outputs.formats import schema_of
from batchfind.outputs.staging import Staged, stage
from batchfind.plan.model import Plan, PlannedOutput, PlannedQuery, Request
from batchfind.tables.render import Rendered, render
from batchfind.tables.schema import TableSchema
from batchfind.tables.slabs import join

Verdicts = Mapping[str, RequestVerdict]


@dataclass(slots=True)
class _Notes:
    """What is being found out about one request."""

    defects: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    warnings: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)

    def findings(self) -> Findings:
        return Findings(
            defects=dict(self.defects),
            replaced=self.replaced,
            warnings=tuple(sorted(self.warnings)),
            returned=frozenset(self.returned),
        )


@dataclass(frozen=True, slots=True)
class _Target:
    """An output being written."""

    planned: PlannedOutput
    schema: TableSchema
    staged: Staged


class _StoppedError(Exception):
    """Rendering was asked to end."""


class Finishing:
    """Renders a run's answers beside their targets; publishes nothing.

    Attributes:
        staged: rendered outputs by their plan, in plan order.
    """

    def __init__(
        self,
        plan: Plan,
        capture: Capture,
        run_id: str,
        tell: Callable[[Event], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.staged: list[tuple[PlannedOutput, Staged]] = []
        self._plan = plan
        self._answers = Answers(plan, capture)
        self._run_id = run_id
        self._tell = tell
        self._stopped = stopped

    def render(self, provisional: Verdicts) -> dict[str, RequestVerdict]:
        """Every query's tables, staged, and the final verdicts in plan order.

        When it is stopped, nothing is staged and the verdicts stay provisional.

        Args:
            provisional: verdicts from the attempts alone.

        Raises:
            StorageError: the capture is damaged, or an output cannot be written;
                nothing staged remains.
        """
        final = dict(provisional)
        try:
            for query in self._plan.queries.values():
                requests = [r for r in self._plan.requests if r.query == query.name]
                final |= self._render_query(query, requests, final)
        except _StoppedError:
            self.discard()
            return dict(provisional)
        except BaseException:
            self.discard()
            raise
        return final

    def discard(self) -> None:
        """Removes everything staged."""
        for _, staged in self.staged:
            staged.discard()
        self.staged.clear()

    def _render_query(
        self, query: PlannedQuery, requests: Sequence[Request], verdicts: Verdicts
    ) -> dict[str, RequestVerdict]:
        count = sum(verdicts[request.id].responses for request in requests)
        self._tell(FinishingStarted(query.name, count))
        staged, final = self._pass(query, requests, verdicts)
        if any(final[key].verdict is not verdicts[key].verdict for key in final):
            # Rows carry their request's verdict, and decoding has just changed one.
            # It changes nothing more: the second pass reads the same bytes.
            for _, each in staged:
                each.discard()
            staged, final = self._pass(query, requests, final)
        self.staged += staged
        return final

    def _pass(
        self, query: PlannedQuery, requests: Sequence[Request], verdicts: Verdicts
    ) -> tuple[list[tuple[PlannedOutput, Staged]], dict[str, RequestVerdict]]:
        with ExitStack() as undo:
            targets = [
                self._target(query, planned, undo)
                for planned in self._plan.outputs
                if planned.query == query.name
            ]
            notes = {request.id: _Notes() for request in requests}
            for group, served in _groups(requests, targets):
                self._feed(query, group, served, notes, verdicts)
            for target in targets:
                target.staged.close()
            undo.pop_all()
        final = {
            request.id: self._final(request, verdicts[request.id], notes[request.id])
            for request in requests
        }
        return [(target.planned, target.staged) for target in targets], final

    def _target(
        self, query: PlannedQuery, planned: PlannedOutput, undo: ExitStack
    ) -> _Target:
        schema = schema_of(planned, query)
        staged = stage(planned, schema, self._run_id)
        undo.callback(staged.discard)
        return _Target(planned, schema, staged)

    def _feed(
        self,
        query: PlannedQuery,
        requests: Sequence[Request],
        targets: Sequence[_Target],
        notes: Mapping[str, _Notes],
        verdicts: Verdicts,
    ) -> None:
        watch = _batch_key(query) if any(r.batch for r in requests) else ()
        slabs = join(self._answers.sets(requests, verdicts))
        schemas = [target.schema for target in targets]
        for rendered in render(query, slabs, schemas, watch):
            if self._stopped():
                raise _StoppedError
            _note(rendered, notes)
            for target, batch in zip(targets, rendered.batches, strict=True):
                target.staged.write(batch)

    def _final(
        self, request: Request, provisional: RequestVerdict, notes: _Notes
    ) -> RequestVerdict:
        attempts = self._answers.attempts(request)
        if not attempts:
            return provisional  # it was skipped, and the provisional one says why
        peer = self._plan.peers[request.peer]
        return judge(request, peer, attempts, notes.findings())


def _groups(
    requests: Sequence[Request], targets: Sequence[_Target]
) -> Iterator[tuple[list[Request], list[_Target]]]:
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
            notes[request].returned |= found
