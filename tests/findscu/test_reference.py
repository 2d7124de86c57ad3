"""docs/findscu.md has a row for every option, and what it shows is real.

After a change of the options, `python -m batchfind.findscu.reference docs/findscu.md`
writes its tables anew, and `REWRITE_DOCS=1 pytest tests/findscu` its job.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import batchfind
from batchfind.findscu.main import main
from batchfind.findscu.options import Table
from batchfind.findscu.reference import with_tables
from batchfind.job.schema import load_schema
from tests.interop.findscu_cases import CASES
from tests.peers.processes import require

FINDSCU = "/usr/bin/findscu"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/findscu.md"
FENCE = re.compile(
    r"(<!-- run -->\n```console\nbatchfind findscu (.*)\n```\n\n"
    r"<!-- prints -->\n```yaml\n)(.*?)(```\n)",
    re.DOTALL,
)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def rows(page: str) -> dict[str, list[str]]:
    """The cells of the table of options by long name."""
    found = {}
    for line in page.splitlines():
        if match := re.match(r"\| (?:`[^`]+` )?`(--[^`]+)` \|", line):
            found[match[1]] = [cell.strip() for cell in line.strip("|").split("|")]
    return found


@pytest.fixture(scope="module")
def installed() -> list[tuple[str, str]]:
    """Short and long names of the options of the installed findscu."""
    require(FINDSCU)
    done = subprocess.run(
        [FINDSCU, "--help"], capture_output=True, text=True, check=True
    )
    return re.findall(r"^ +([-+]\S+)? +(--\S+)", done.stdout, re.MULTILINE)


class TestTheTables:
    def test_are_those_of_the_options(self, page: str, table: Table) -> None:
        if "REWRITE_DOCS" in os.environ:
            PAGE.write_text(with_tables(page, table), "utf-8")
            page = PAGE.read_text("utf-8")
        assert with_tables(page, table) == page

    def test_have_a_row_for_each_option(
        self, rows: dict[str, list[str]], table: Table
    ) -> None:
        assert list(rows) == [option.long for option in table]
        assert all(len(cells) == 5 for cells in rows.values())

    @pytest.mark.interop
    def test_have_a_row_for_each_option_of_the_installed_findscu(
        self, rows: dict[str, list[str]], installed: list[tuple[str, str]]
    ) -> None:
        assert len(installed) > 60
        for short, long in installed:
            assert f"`{long}`" in rows[long][0]
            assert not short or f"`{short}`" in rows[long][0]

    def test_name_tests_that_there_are(self, rows: dict[str, list[str]]) -> None:
        for cells in rows.values():
            file, _, name = cells[-1].strip("`").partition("::")
            if name:
                text = (Path(__file__).parent / file).read_text("utf-8")
                assert re.search(rf"^class {name}\b", text, re.MULTILINE), cells

    def test_name_cases_of_the_matrix_that_use_the_option(
        self, rows: dict[str, list[str]], table: Table
    ) -> None:
        cases = {f"[{case.name}]": case for case in CASES}
        for long, cells in rows.items():
            proof = cells[-1].strip("`")
            if "::" not in proof:
                assert cases[proof].uses(*table.by_name[long].names), cells

    @pytest.mark.interop
    def test_name_the_matrix_for_what_the_installed_findscu_knows(
        self, rows: dict[str, list[str]], installed: list[tuple[str, str]]
    ) -> None:
        others = {long for _, long in installed if "::" in rows[long][-1]}
        assert others == {"--help", "--version", "--list-ciphers"}

    def test_name_fields_and_commands_that_there_are(self, table: Table) -> None:
        definitions = load_schema("job")["$defs"]
        known = {"peers": "peer", "queries": "query", "outputs": "output", "tls": "tls"}
        for option in table:
            if not option.job or option.job.startswith("`"):
                continue
            for place in option.job.split(", "):
                section, *fields = place.partition(":")[0].split(".")
                definition = definitions[known[section]]
                for name in (field for field in fields if field != "NAME"):
                    definition = definition["properties"][name]
                    target = definition.get("$ref", "").rpartition("/")[2]
                    definition = definitions.get(target, definition)


class TestTheExample:
    def test_prints_the_job_that_is_shown(
        self, page: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = FENCE.search(page)
        assert found is not None
        assert main(shlex.split(found[2])) == 0
        printed = capsys.readouterr().out
        if "REWRITE_DOCS" in os.environ:
            page = f"{page[: found.start(3)]}{printed}{page[found.end(3) :]}"
            PAGE.write_text(page, "utf-8")
            found = FENCE.search(page)
            assert found is not None
        assert found[3] == printed

    def test_is_a_job(self, page: str, tmp_path: Path) -> None:
        found = FENCE.search(page)
        assert found is not None
        (tmp_path / "job.yaml").write_text(found[3], "utf-8")
        assert len(batchfind.load_job(tmp_path / "job.yaml").plan().requests) == 1


SCREEN = re.compile(
    r"(<!-- findscu -->\n```console\nbatchfind findscu (.*)\n```\n\n"
    r"```text\n)(.*?)(```\n)",
    re.DOTALL,
)


class TestTheReadme:
    def test_shows_what_the_demo_answers(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = ROOT / "README.md"
        text = path.read_text("utf-8")
        found = SCREEN.search(text)
        assert found is not None
        with demo_pacs() as port:
            words = [
                str(port) if word == "11112" else word for word in shlex.split(found[2])
            ]
            assert main(words) == 0
        printed = capsys.readouterr().err
        if "REWRITE_DOCS" in os.environ:
            text = f"{text[: found.start(3)]}{printed}{text[found.end(3) :]}"
            path.write_text(text, "utf-8")
            found = SCREEN.search(text)
            assert found is not None
        assert found[3] == printed


@contextmanager
def demo_pacs() -> Iterator[int]:
    """The port of the demo PACS, in a process of its own."""
    command = [sys.executable, "-m", "batchfind", "demo", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["pacs"]["port"]
        finally:
            process.terminate()
