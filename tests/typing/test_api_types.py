"""Only type-checked: how users call the public names.

The one test makes sure that pytest reads the file, so that it cannot rot unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_type

import pandas as pd

import batchfind
from batchfind import ExitCode, Job, Plan, Run, RunResult
from batchfind.execution.progress import Event, RequestEnded
from batchfind.job.model import Query


def loading(path: Path) -> None:
    job = batchfind.load_job(path)
    assert_type(job, Job)
    assert_type(batchfind.load_job("job.yaml"), Job)
    assert_type(job.queries, Mapping[str, Query])
    assert_type(job.name, str)


def planning(job: Job) -> None:
    assert_type(job.plan(), Plan)
    assert_type(job.plan(now="2026-01-31", vars={"site": "north"}), Plan)


def running(job: Job, plan: Plan) -> None:
    assert_type(batchfind.run(job), RunResult)
    assert_type(batchfind.run("job.yaml", select=["studies"], out="exports"), RunResult)
    assert_type(batchfind.run(plan, run_dir=Path("runs/one")), RunResult)


def watch(event: Event) -> None:
    if isinstance(event, RequestEnded):
        assert_type(event.verdict.responses, int)


async def awaiting(job: Job) -> None:
    assert_type(await batchfind.arun(job, observers=[watch]), RunResult)


def reading(result: RunResult) -> None:
    run = batchfind.open_run(result.run_dir)
    assert_type(run, Run)
    assert_type(run.to_pandas("studies"), pd.DataFrame)
    assert_type(run.exit_code, ExitCode)
    assert_type(run.requests[0].verdict, batchfind.Verdict)


def failing() -> None:
    try:
        batchfind.load_job("job.yaml")
    except batchfind.JobError as error:
        assert_type(error.problems[0].mark.line, int)


def test_this_file_is_read() -> None:
    assert callable(loading)
