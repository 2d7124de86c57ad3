"""Writes jobs in an empty folder and reads them back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import pytest

from batchfind.errors import JobError
from batchfind.job.loader import load_job
from batchfind.job.model import Job

HEAD = """\
version: 1
name: test
timezone: UTC
peers:
  pacs: {host: pacs.example.org, port: 104}
"""
QUERY = """\
queries:
  q:
    model: study
    level: STUDY
"""


class Write(Protocol):
    """Writes a file beside the job."""

    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes into the current folder, so that messages name the file alone."""
    monkeypatch.chdir(tmp_path)

    def writer(text: str | bytes, name: str = "job.yaml") -> Path:
        raw = text if isinstance(text, bytes) else dedent(text).encode()
        Path(name).write_bytes(raw)
        return Path(name)

    return writer


@pytest.fixture
def load(write: Write) -> Callable[[str], Job]:
    """The job of a text."""
    return lambda text: load_job(write(text))


@pytest.fixture
def problems(write: Write) -> Callable[[str | bytes], list[str]]:
    """Every problem of a text, as shown to the user; [] when there is none."""

    def lines(text: str | bytes) -> list[str]:
        try:
            load_job(write(text))
        except JobError as error:
            return [str(problem) for problem in error.problems]
        return []

    return lines


def _block(field: str, body: str) -> str:
    text = dedent(body).strip("\n")
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    return f"{HEAD}{QUERY}    {field}:\n{indented}"


@pytest.fixture
def with_keys() -> Callable[[str], str]:
    """A job whose only query has these lines under `keys`, from line 11 column 7."""
    return lambda body: _block("keys", body)


@pytest.fixture
def with_query() -> Callable[[str], str]:
    """A job whose only query has these lines, from line 8 column 5."""

    def job(body: str) -> str:
        text = dedent(body).strip("\n")
        return f"{HEAD}queries:\n  q:\n" + "".join(
            f"    {line}\n" for line in text.splitlines()
        )

    return job


@pytest.fixture
def with_peer() -> Callable[[str], str]:
    """A job whose only peer has these lines, from line 6 column 5."""

    def job(body: str) -> str:
        text = dedent(body).strip("\n")
        lines = "".join(f"    {line}\n" for line in text.splitlines())
        head = HEAD[: HEAD.index("  pacs:")]
        keys = "    keys: {PatientID: x}\n"
        return f"{head}  pacs:\n{lines}{QUERY}{keys}"

    return job
