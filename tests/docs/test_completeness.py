"""docs/completeness.md is run: its jobs meet the demo peers it says to start."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import batchfind
from batchfind.capture.records import Verdict
from batchfind.execution.results import RunResult

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/completeness.md").read_text("utf-8")
EXAMPLES = PAGE.partition("\n## Examples\n")[2]


@dataclass(frozen=True, slots=True)
class Example:
    """One job of the page.

    Attributes:
        demo: the words after `batchfind demo` that start its peers.
        rows: of the table of verdicts: query, verdict, cause, requests, rows.
    """

    name: str
    demo: tuple[str, ...]
    text: str
    exit_code: int
    rows: tuple[tuple[str, ...], ...]


def examples() -> Iterator[Example]:
    for section in EXAMPLES.split("<!-- demo -->\n")[1:]:
        command = section.splitlines()[1].split()
        assert command[:2] == ["batchfind", "demo"]
        for part in section.split("<!-- job: ")[1:]:
            name, code = re.findall(r"^([a-z]+)\.yaml, exit (\d+) -->", part)[0]
            (text,) = re.findall(r"^```yaml\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
            table = part.partition("<!-- verdicts -->\n")[2].partition("\n\n")[0]
            rows = tuple(cells(line) for line in table.splitlines()[2:])
            yield Example(name, tuple(command[2:]), text, int(code), rows)


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|")[1:-1])


@contextmanager
def served(words: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """The ports of demo peers started as the page says, but where there is room."""
    free = [("0" if word.isdigit() and len(word) == 5 else word) for word in words]
    with subprocess.Popen(
        [sys.executable, "-m", "batchfind", "demo", *free, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield {"11112": told["pacs"]["port"], "11113": told["worklist"]["port"]}
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """What every example ended as; each set of peers is started once."""
    found = {}
    for words in dict.fromkeys(one.demo for one in examples()):
        with served(words) as ports:
            for example in examples():
                if example.demo == words:
                    job = tmp_path_factory.mktemp(example.name) / "job.yaml"
                    text = re.sub(
                        r"\b1111[23]\b",
                        lambda found: str(ports[found[0]]),
                        example.text,
                    )
                    job.write_text(text, "utf-8")
                    found[example.name] = batchfind.run(batchfind.load_job(job))
    return found


@pytest.mark.parametrize("example", list(examples()), ids=lambda one: str(one.name))
class TestEveryExample:
    def test_has_the_exit_code_shown(
        self, example: Example, results: dict[str, RunResult]
    ) -> None:
        assert results[example.name].exit_code == example.exit_code

    def test_has_the_verdicts_shown(
        self, example: Example, results: dict[str, RunResult]
    ) -> None:
        result = results[example.name]
        for query, verdict, cause, requests, _ in example.rows:
            roots = [one for one in result.roots if one.query == query]
            assert len(roots) == int(requests)
            assert {str(one.verdict) for one in roots} == {verdict}
            causes = {one.cause.code for one in roots if one.cause is not None}
            assert causes == ({cause} if cause else set())

    def test_has_the_rows_shown(
        self, example: Example, results: dict[str, RunResult]
    ) -> None:
        run = batchfind.open_run(results[example.name].run_dir)
        for query, *_, rows in example.rows:
            assert len(run.to_pandas(query)) == int(rows)
        for output in results[example.name].outputs:
            (rows,) = (cell[-1] for cell in example.rows if cell[0] == output.query)
            assert output.rows == int(rows)

    def test_publishes_only_what_is_whole(
        self, example: Example, results: dict[str, RunResult]
    ) -> None:
        published = {one.published for one in results[example.name].outputs}
        assert published == {example.exit_code == 0}


class TestAssumptions:
    def test_are_recorded_with_the_verdict_that_rests_on_them(
        self, results: dict[str, RunResult]
    ) -> None:
        assuming = {
            name
            for name, result in results.items()
            if any(one.assumptions for one in result.roots)
        }
        assert assuming == {"morning"}


class TestThePage:
    def test_has_examples(self) -> None:
        assert len(list(examples())) >= 8

    def test_explains_every_verdict(self) -> None:
        for verdict in Verdict:
            assert f"| `{verdict}` |" in PAGE
