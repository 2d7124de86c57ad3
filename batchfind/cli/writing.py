"""`init` and `schema`: what helps to write a job."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from batchfind.cli import console
from batchfind.cli.options import JOB, examples, reporting
from batchfind.cli.text import clean
from batchfind.errors import StorageError, UsageError


@click.command(
    epilog=examples(
        "batchfind init",
        "batchfind init nightly.yaml && batchfind run nightly.yaml",
    )
)
@click.argument("file", metavar="[FILE]", default="job.yaml", type=JOB)
@reporting()
def init(file: Path, *, as_json: bool) -> int:
    """Write a commented starter job, which runs as it is. Never overwrites."""
    starter = files("batchfind.cli").joinpath("starter.yaml").read_text("utf-8")
    text = starter.replace("name: starter", f"name: {_job_name(file)}", 1)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{file} exists and init never overwrites: name another file"
        ) from error
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    if as_json:
        console.result_json({"exit_code": 0, "retryable": False, "file": str(file)})
    else:
        shown = clean(str(file), limit=4096)
        console.prose(f"wrote {shown}; try it: batchfind run {shown}")
    return 0


@click.command(
    epilog=examples(
        "batchfind schema > job.schema.json",
        "batchfind schema plan",
    )
)
@click.argument("which", metavar="[job|plan]", default="job")
@reporting(json=False)
def schema(which: str) -> int:
    """Print the JSON schema of the job file, or of plans."""
    from batchfind.job.schema import schema_text  # noqa: PLC0415 - lazy

    if which not in {"job", "plan"}:
        raise UsageError(f"no schema {which!r}: there are job and plan")
    console.result(schema_text(which).rstrip())
    return 0


def _job_name(file: Path) -> str:
    """The file's name as far as it can be a job's name."""
    name = re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-.")
    return name[:64] or "starter"
