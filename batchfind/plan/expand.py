"""From a job and what its files hold to every request, at one reading of the clock.

Requests stand in the order of queries; within a query peers change slowest, then
files, matrix axes as written, rows, window pieces, values of `any_of` and repetitions.
What is asked for each row of another query is a pattern, not yet a request. Nothing
here reads a file, a clock or the network, so equal arguments give equal plans.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from batchfind.errors import JobError, Mark, Problem
from batchfind.job.inputs import Inputs
from batchfind.job.model import Job, Query
from batchfind.job.suggest import did_you_mean
from batchfind.plan.cases import Size, multiply_query, size_of
from batchfind.plan.columns import planned_query
from batchfind.plan.digests import plan_digest
from batchfind.plan.expected_columns import with_expectations
from batchfind.plan.idle import warn_of_idle_queries
from batchfind.plan.model import (
    InputFile,
    Plan,
    PlannedPeer,
    PlannedQuery,
    Policy,
    Request,
)
from batchfind.plan.outputs import Paths, plan_outputs
from batchfind.plan.pacing import warn_of_slow_rates
from batchfind.plan.prepare import prepare
from batchfind.plan.problems import Problems
from batchfind.plan.requests import Asked, ask
from batchfind.plan.run_folder import runs_folder
from batchfind.plan.scopes import Surroundings
from batchfind.plan.taken_paths import TakenPaths, folded
from batchfind.plan.templates import Templates

PLAN_VERSION: Final = 1
FIRST_YEAR, LAST_YEAR = 2, 9998  # a zone or tomorrow may lead to the next year


def expand(  # noqa: PLR0913 - a plan depends on each of these and on nothing else
    job: Job,
    inputs: Inputs,
    *,
    clock: datetime,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    select: tuple[str, ...] = (),
    out: Path | None = None,
    runs: Path | None = None,
) -> Plan:
    """The plan of a job.

    Args:
        job: as loaded.
        inputs: what its files hold.
        clock: the plan's now, with a time zone.
        variables: values of `vars` from outside; text, never templates.
        environment: what `env()` in templates reads, and where `BATCHFIND_RUNS`
            names the folder of run directories.
        select: names of the queries to plan; empty plans all.
        out: base of relative output paths, instead of the job's folder.
        runs: folder of run directories, instead of what the job says.

    Returns:
        Every request in plan order, and every file their answers become. Rows
        skipped as the job allows stand in `skipped`.

    Raises:
        JobError: with every problem of every selected query.
        ValueError: when `clock` has no time zone.
    """
    _check_clock(job, clock)
    problems = Problems(job.warnings)
    surroundings = Surroundings(
        job=job,
        templates=Templates(problems, environment or {}),
        clock=clock,
        variables=variables or {},
    )
    asked = _ask_all(surroundings, inputs, select, problems)
    files = _input_files(job, asked, inputs)
    policy = _policy(job, runs, environment or {})
    taken = _taken_paths(job, files, policy)
    paths = Paths(surroundings, problems, out, taken)
    queries = _planned_queries(job, asked, problems)
    outputs = plan_outputs(job.outputs, asked, queries, paths)
    warn_of_idle_queries(asked.values(), problems)
    if not select:
        _refuse_unused(surroundings, problems)
    requests = _planned_requests(asked, queries)
    peers = _planned_peers(asked.values())
    warn_of_slow_rates(job, peers, requests, problems)
    warnings = problems.finish()
    return Plan(
        version=PLAN_VERSION,
        job=job.name,
        job_path=str(job.path),
        clock=_in_zone(clock, job.timezone).isoformat(),
        timezone=job.timezone,
        digest=plan_digest(requests, queries.values()),
        peers=peers,
        queries=queries,
        requests=requests,
        outputs=outputs,
        policy=policy,
        inputs=files,
        dictionary=job.dictionary,
        warnings=warnings,
        skipped=tuple(problem for one in asked.values() for problem in one.skipped),
    )


def _planned_queries(
    job: Job, asked: Mapping[str, Asked], problems: Problems
) -> dict[str, PlannedQuery]:
    return {
        name: with_expectations(
            planned_query(one, job.dictionary), one.prepared.query, problems
        )
        for name, one in asked.items()
    }


def _planned_requests(
    asked: Mapping[str, Asked], queries: Mapping[str, PlannedQuery]
) -> tuple[Request, ...]:
    """All but the patterns of what is asked for each row of another query."""
    return tuple(
        request
        for name, one in asked.items()
        if queries[name].growing is None
        for request in one.requests
    )


def _taken_paths(job: Job, files: Iterable[InputFile], policy: Policy) -> TakenPaths:
    """What outputs must not write to: everything read, and the run directories."""
    read = {str(job.path), *(str(path) for path, _ in job.includes)}
    read.update(file.path for file in files)
    return TakenPaths(frozenset(map(folded, read)), policy.directory)


def _check_clock(job: Job, clock: datetime) -> None:
    if clock.utcoffset() is None:
        raise ValueError("the clock of a plan needs a time zone")
    if not FIRST_YEAR <= clock.year <= LAST_YEAR:
        message = f"the year must be {FIRST_YEAR} to {LAST_YEAR}"
        raise JobError([Problem(Mark(str(job.path)), "--now", message)])


def _ask_all(
    surroundings: Surroundings,
    inputs: Inputs,
    select: tuple[str, ...],
    problems: Problems,
) -> dict[str, Asked]:
    """The selected queries with their requests."""
    job = surroundings.job
    _refuse_unknown(job, select, problems)
    multiplied = []
    for index, query in enumerate(job.queries.values()):
        if not select or query.name in select:
            _refuse_orphan(query, select, problems)
            prepared = prepare(query, index, inputs, surroundings, problems)
            multiplied.append(multiply_query(prepared, surroundings, problems))
    most = job.run.max_requests
    sizes = [(one.prepared.query, size_of(one, problems)) for one in multiplied]
    # Patterns of for_each are no requests, but each is asked for every row.
    planned = [one for one in sizes if one[0].for_each is None]
    patterns = [[one] for one in sizes if one[0].for_each is not None]
    for those in (planned, *patterns):
        if sum(size.requests for _, size in those) > most:
            _refuse_size(job, those, problems)
            problems.finish()  # raises: requests that nobody can want are not made
    return {one.prepared.query.name: ask(one, most, problems) for one in multiplied}


def _refuse_orphan(query: Query, select: tuple[str, ...], problems: Problems) -> None:
    """Notes a selected query that is asked for the rows of one that is not."""
    each = query.for_each
    if each is not None and select and each.query not in select:
        message = (
            f"it is asked for each row of query {each.query}, which is not selected;"
            " select that, too"
        )
        problems.error(each.mark, f"queries.{query.name}.for_each.query", message)


def _refuse_unknown(job: Job, select: tuple[str, ...], problems: Problems) -> None:
    for name in select:
        if name not in job.queries:
            hint = did_you_mean(name, job.queries) or (
                f"; there are {', '.join(job.queries)}"
            )
            message = f"there is no query {name!r}{hint}"
            problems.error(Mark(str(job.path)), "--select", message)


def _refuse_size(job: Job, sizes: list[tuple[Query, Size]], problems: Problems) -> None:
    total = sum(size.requests for _, size in sizes)
    query, largest = max(sizes, key=lambda one: one[1].requests)
    factors = " x ".join(largest.factors)
    message = (
        f"the plan has {total} requests, and run.max_requests allows"
        f" {job.run.max_requests}; most come from query {query.name}"
        f" ({largest.requests}: {factors}); narrow it, or raise run.max_requests"
    )
    problems.error(query.mark, f"queries.{query.name}", message)


def _refuse_unused(surroundings: Surroundings, problems: Problems) -> None:
    """Notes variables given from outside that nothing declares or reads."""
    job = surroundings.job
    known = {*job.vars, *surroundings.templates.variables}
    known = known.union(*(peer.vars for peer in job.peers.values()))
    for name in surroundings.variables:
        if name not in known:
            message = f"no template reads vars.{name}{did_you_mean(name, known)}"
            problems.error(Mark(str(job.path)), f"--var {name}", message)


def _planned_peers(asked: Iterable[Asked]) -> dict[str, PlannedPeer]:
    return {
        peer.name: PlannedPeer(
            name=peer.name,
            host=peer.host,
            port=peer.port,
            demo=peer.demo,
            deflate_level=peer.deflate_level,
            max_pdu=peer.max_pdu,
            timeouts=peer.timeouts,
            limits=peer.limits,
            charset=peer.charset,
            end=peer.end,
            on_cancel=peer.on_cancel,
            ip_version=peer.ip_version,
            bind=peer.bind,
            tls=peer.tls,
            identity=peer.identity,
            operations=peer.negotiation.async_operations,
            timezone=peer.timezone,
        )
        for one in asked
        for peer in one.prepared.peers
    }


def _input_files(
    job: Job, asked: Mapping[str, Asked], inputs: Inputs
) -> tuple[InputFile, ...]:
    """Dictionaries, tables and base Identifiers of the selected queries, each once."""
    digests = {file.path: file.sha256 for file in job.dictionaries}
    for name, one in asked.items():
        if name in inputs.tables:
            table = inputs.tables[name]
            digests[table.path] = table.sha256
        for base in one.prepared.bases:
            if base is not None:
                digests[base.path] = base.sha256
    return tuple(InputFile(path, sha256) for path, sha256 in digests.items())


def _policy(job: Job, runs: Path | None, environment: Mapping[str, str]) -> Policy:
    """How to run, and where."""
    return Policy(
        directory=str(runs_folder(job, environment, runs)),
        concurrency=job.run.concurrency,
        stop_on_failure=job.run.stop_on_failure,
        overlap=job.run.overlap,
        per_request=job.run.per_request,
        executor=job.run.executor,
        max_requests=job.run.max_requests,
        retry=job.run.retry,
        deadline=job.run.deadline,
        outside_hours=job.run.outside_hours,
        keep=job.run.keep,
    )


def _in_zone(clock: datetime, zone: str | None) -> datetime:
    return clock.astimezone(ZoneInfo(zone)) if zone else clock
