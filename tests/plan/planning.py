"""Plans made of a job's text, with tables and Identifiers given as values."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.errors import JobError, Problem, Severity
from batchfind.job.inputs import Inputs
from batchfind.job.loader import load_job
from batchfind.plan.expand import expand
from batchfind.plan.model import Plan, Request
from batchfind.sources.model import BaseIdentifier, Row, Table

NOON = datetime(2026, 3, 31, 10, 0, tzinfo=UTC)

HEAD = """\
version: 1
name: test
timezone: Europe/Berlin
peers:
  pacs: {host: pacs.example.org, port: 104, called_ae: ARCHIVE}
"""


@dataclass(frozen=True)
class Planner:
    """Plans a job whose head may be left out."""

    folder: Path

    def plan(
        self,
        text: str,
        *,
        tables: Mapping[str, str] | None = None,
        files: Mapping[str, Identifier] | None = None,
        clock: datetime = NOON,
        head: str = HEAD,
        **options: Any,
    ) -> Plan:
        path = self.folder / "job.yaml"
        path.write_text(head + textwrap.dedent(text), encoding="utf-8")
        bases = {
            self.folder / name: self.base(name, identifier)
            for name, identifier in (files or {}).items()
        }
        inputs = Inputs(
            tables={
                name: self.table(f"{name}.csv", lines)
                for name, lines in (tables or {}).items()
            },
            files=bases,
            raw_files=bases,
        )
        return expand(load_job(path), inputs, clock=clock, **options)

    def problems(self, text: str, **options: Any) -> list[Problem]:
        """The errors of a job that cannot be planned."""
        with pytest.raises(JobError) as caught:
            self.plan(text, **options)
        found = caught.value.problems
        return [one for one in found if one.severity is Severity.ERROR]

    def problem(self, text: str, **options: Any) -> Problem:
        """The only error of a job that cannot be planned."""
        (problem,) = self.problems(text, **options)
        return problem

    def table(self, name: str, lines: str) -> Table:
        header, *rows = [line.split(",") for line in lines.splitlines()]
        return Table(
            str(self.folder / name),
            tuple(header),
            tuple(
                Row(number, dict(zip(header, cells, strict=True)))
                for number, cells in enumerate(rows, start=2)
            ),
            hashlib.sha256(lines.encode()).hexdigest(),
        )

    def base(self, name: str, identifier: Identifier) -> BaseIdentifier:
        return BaseIdentifier(str(self.folder / name), identifier, (), "0" * 64)


def value_of(request: Request, dotted: str) -> Any:
    """The value at a key path of a request's Identifier; None when absent."""
    return value_at(request.identifier, parse_path(dotted))


def value_at(identifier: Identifier, path: KeyPath) -> Any:
    for step in path.sequences:
        (element,) = (one for one in identifier if one.tag == step.tag)
        assert isinstance(element.value, tuple)
        identifier = element.value[step.item]
    found = [one.value for one in identifier if one.tag == path.tag]
    return found[0] if found else None


def values_of(requests: Sequence[Request], dotted: str) -> list[Any]:
    return [value_of(request, dotted) for request in requests]


def element(keyword: str, value: Any) -> Element:
    path = parse_path(keyword)
    return Element(path.tag, path.vr, value)
