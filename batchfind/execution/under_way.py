"""A run under way: it asks, finishes, publishes, and says how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import AttemptFacts, RequestVerdict, Verdict
from batchfind.capture.run_directory import (
    RunDirectory,
)
from batchfind.errors import InputError, StateError, StorageError
from batchfind.execution.answers import Answers
from batchfind.execution.asking import Asking
from batchfind.execution.audience import Audience
from batchfind.execution.credentials import Credentials
from batchfind.execution.exit_codes import exit_code_of, retryable
from batchfind.execution.expectations import Expectation
from batchfind.execution.finishing import Finishing
from batchfind.execution.forest import Forest
from batchfind.execution.growing import Grower
from batchfind.execution.history import (
    Growth,
    forget_failure,
    remember_failure,
)
from batchfind.execution.machine_faults import machine_faults
from batchfind.execution.mishaps import Mishaps
from batchfind.execution.progress import (
    Event,
    OutputReady,
    RunEnded,
    RunStarted,
    Stopping,
)
from batchfind.execution.publisher import Publisher
from batchfind.execution.publishing import (
    WITHHELD,
    forget_withheld,
    publish_outputs,
    unwritten,
)
from batchfind.execution.reporting import report_requests, warnings_of
from batchfind.execution.results import OutputReport, RunResult
from batchfind.plan.model import Plan, Request

#: Seconds for a commit when somebody wants the run to end at once.
_LAST_COMMIT = 2.0


class RunUnderWay:
    """A run under way, its directory locked and its journal open."""

    def __init__(
        self,
        plan: Plan,
        directory: RunDirectory,
        journal: Journal,
        publisher: Publisher,
        audience: Audience,
        interrupt: asyncio.Event | None,
        grower: Grower | None,
    ) -> None:
        self._plan = plan
        self._directory = directory
        self._journal = journal
        self._publisher = publisher
        self._audience = audience
        self._tell = audience.tell
        self._interrupt = interrupt or asyncio.Event()
        self._grower = grower
        self._interrupted = False
        self._mishaps = Mishaps(directory.path)
        self._answers: Answers | None = None
        self._agreed: Mapping[str, AttemptFacts] = {}
        self._problems: tuple[str, ...] = ()
        self._doing = "asking"
        self._outputs: list[OutputReport] = []
        self._expectations: tuple[Expectation, ...] = ()
        self._started = time.monotonic()

    async def execute(
        self,
        requests: Sequence[Request],
        credentials: Credentials,
        born: tuple[Request, ...] = (),
    ) -> RunResult:
        """Asks requests and what they give rise to, finishes, publishes, reports.

        Args:
            requests: to ask.
            credentials: of their peers.
            born: requests that an earlier execution made.
        """
        ids = tuple(request.id for request in requests)
        self._tell(RunStarted(self._plan, str(self._directory.path), ids, born))
        forget_failure(self._directory.path)
        verdicts: Mapping[str, RequestVerdict] = {}
        error = ""
        try:
            with self._mishaps.watching(asyncio.get_running_loop()):
                verdicts = await self._ask(requests, credentials)
            await self._journal.barrier()
            self._doing = "finishing"
            with machine_faults("finishing the run"):
                verdicts = await self._finish(verdicts)
            await self._journal.verdicts(verdicts.values())
        except StorageError as failure:
            error = str(failure)
            verdicts = verdicts or self._readable()
        except (InputError, StateError):
            await self._keep_what_came()
            raise
        except Exception as mistake:  # noqa: BLE001 - whatever it is, it is ours
            error = self._mishaps.early_end(mistake, self._doing)
            verdicts = verdicts or self._readable()
        except BaseException:  # a second Ctrl-C
            await self._keep_what_came()
            raise
        result = await self._end(verdicts, error)
        self._tell(RunEnded(result))
        return result

    async def _end(
        self, verdicts: Mapping[str, RequestVerdict], error: str
    ) -> RunResult:
        """The result, noted in the capture, else in a file beside it."""
        result = self._result(verdicts, error)
        try:
            await self._close(result)
        except StorageError as failure:
            result = self._result(verdicts, error or str(failure))
            remember_failure(self._directory.path, result.error)
        return result

    async def _ask(
        self, requests: Sequence[Request], credentials: Credentials
    ) -> dict[str, RequestVerdict]:
        """Every request of the run with its provisional verdict."""
        asking = Asking(
            self._plan,
            credentials,
            self._journal,
            self._audience,
            self._interrupt,
            self._mishaps,
            self._grower,
        )
        told = await asking.ask(requests)
        self._problems = asking.problems
        for query in self._grower.grown() if self._grower else ():
            self._journal.event("grown", {"query": query})
        await self._journal.barrier()
        # Why a request was skipped is known to the scheduler alone.
        skipped = {
            key: one for key, one in told.items() if one.verdict is Verdict.SKIPPED
        }
        with machine_faults("judging the answers"):
            return await asyncio.to_thread(self._judged, skipped)

    async def _keep_what_came(self) -> None:
        """Commits what was received so far, unless the disk takes too long."""
        with suppress(Exception):
            async with asyncio.timeout(_LAST_COMMIT):
                await self._journal.close()

    def _readable(self) -> Mapping[str, RequestVerdict]:
        """Verdicts from what the capture kept before the end, if it can be read."""
        try:
            return self._judged({})
        except Exception:  # noqa: BLE001 - why the run ended is known already
            return {}

    def _judged(
        self, skipped: Mapping[str, RequestVerdict]
    ) -> dict[str, RequestVerdict]:
        with open_capture(self._directory.capture) as capture:
            self._answers = Answers(self._plan, capture)
            self._agreed = self._answers.agreed()
            return self._answers.verdicts(skipped)

    async def _finish(
        self, provisional: Mapping[str, RequestVerdict]
    ) -> Mapping[str, RequestVerdict]:
        """Renders every query once the network is done, then publishes."""
        if self._interrupt.is_set():
            self._interrupted = True
            return provisional
        loop, plan = asyncio.get_running_loop(), self._plan

        def tell(event: Event) -> None:
            if isinstance(event, OutputReady):
                self._outputs.append(event.output)
            loop.call_soon_threadsafe(self._tell, event)

        def finish() -> Mapping[str, RequestVerdict]:
            with open_capture(self._directory.capture) as capture:
                known = self._answers
                answers = known.through(capture) if known else Answers(plan, capture)
                finishing = Finishing(
                    answers, self._directory.run_id, tell, self._stopped
                )
                verdicts = finishing.render(provisional)
                self._expectations = finishing.expectations
            # From here on a signal comes too late: what is published stays so, and
            # the exit code says what the answers are worth.
            if not self._interrupted:
                self._publish(answers, finishing, verdicts, tell)
            return verdicts

        watcher = asyncio.create_task(self._announce_stop())
        try:
            return await asyncio.to_thread(finish)
        finally:
            watcher.cancel()

    def _stopped(self) -> bool:
        """Whether rendering should end; called by the renderer between pieces."""
        self._interrupted = self._interrupted or self._interrupt.is_set()
        return self._interrupted

    async def _announce_stop(self) -> None:
        await self._interrupt.wait()
        self._tell(Stopping("interrupted: what came is kept"))

    def _publish(
        self,
        answers: Answers,
        finishing: Finishing,
        verdicts: Mapping[str, RequestVerdict],
        tell: Callable[[Event], None],
    ) -> None:
        withheld = self._directory.path / WITHHELD
        try:
            forget_withheld(withheld)
            publish_outputs(
                answers.forest,
                self._publisher,
                finishing.prepared,
                verdicts,
                withheld,
                tell,
                growth=answers.growth,
                expectations=finishing.expectations,
            )
        finally:
            finishing.discard()

    def _result(
        self,
        verdicts: Mapping[str, RequestVerdict],
        error: str,
    ) -> RunResult:
        outputs = tuple(self._outputs)
        if error and not self._interrupted:
            outputs += unwritten(self._plan, outputs)
        known = self._answers
        forest = known.forest if known else Forest(self._plan)
        growth = known.growth if known else Growth()
        ungrown = growth.ungrown(self._plan)
        code = exit_code_of(
            [verdicts[root.id] for root in forest.roots if root.id in verdicts],
            interrupted=self._interrupted,
            internal=self._mishaps.any,
            storage_failed=bool(error) or any(output.failed for output in outputs),
            expectations=self._expectations,
            keyless=sum(growth.unusable.values()),
            ungrown=ungrown,
        )
        return RunResult(
            run_dir=self._directory.path,
            run_id=self._directory.run_id,
            job=self._plan.job,
            plan_digest=self._plan.digest,
            exit_code=code,
            retryable=retryable(code, outputs),
            requests=report_requests(forest, verdicts, self._agreed),
            outputs=outputs,
            seconds=time.monotonic() - self._started,
            error=error,
            warnings=(
                *warnings_of(self._plan),
                *self._problems,
                *self._mishaps.problems,
            ),
            expectations=self._expectations,
            ungrown=ungrown,
        )

    async def _close(self, result: RunResult) -> None:
        """Leaves run.db as one file that says how the run ended."""
        try:
            for output in result.outputs:
                self._journal.event("output", output.to_json())
            for expectation in result.expectations:
                self._journal.event("expectation", expectation.to_json())
            ended = {"exit_code": int(result.exit_code), "error": result.error}
            self._journal.event("run-ended", ended)
        finally:
            await self._journal.close()
