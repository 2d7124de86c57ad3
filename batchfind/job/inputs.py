"""Reads every file a job names, before anything is planned or asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchfind.job.model import Job
from batchfind.sources.model import BaseIdentifier, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything read from files.

    Attributes:
        tables: query name to the table its `rows.from` names.
        files: absolute path to the base Identifier it holds.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    files: Mapping[Path, BaseIdentifier] = field(default_factory=dict)


def read_inputs(job: Job) -> Inputs:
    """Everything the job's queries name in `rows` and `files`.

    Raises:
        JobError: with every file that is missing, unreadable or malformed.
    """
    raise NotImplementedError(job.name)
