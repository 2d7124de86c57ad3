"""README and docs: their jobs validate, their links lead somewhere, they are true."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import batchfind
from batchfind.capture.records import Verdict
from batchfind.cli.main import execute
from batchfind.execution.results import ExitCode

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
class TestEveryPage:
    def test_shows_jobs_that_are_valid(self, page: Path, tmp_path: Path) -> None:
        for at, block in enumerate(blocks(page, "yaml")):
            job = tmp_path / f"{at}.yaml"
            job.write_text(block, "utf-8")
            for name in re.findall(r"\btls/[\w./-]+", block):
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).touch()  # keys are not read before a run
            assert batchfind.load_job(job).plan(now="2026-01-31T18:00").requests

    def test_shows_python_that_compiles(self, page: Path) -> None:
        for block in blocks(page, "python"):
            compile(block, str(page), "exec")

    def test_shows_json_that_parses(self, page: Path) -> None:
        for block in blocks(page, "json"):
            assert json.loads(block)

    def test_links_to_what_exists(self, page: Path) -> None:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
            if not target.startswith("http"):
                place, _, anchor = target.partition("#")
                other = page.parent / place if place else page
                assert other.exists(), target
                assert not anchor or anchor in anchors(other), target


def anchors(page: Path) -> set[str]:
    """What a link can lead to within a page: its headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "README.md").read_text("utf-8")


class TestTheReadme:
    @pytest.mark.parametrize("mark", ["demo", "test"])
    def test_has_each_command_for_a_fresh_machine_on_one_line(
        self, mark: str, text: str
    ) -> None:
        found = re.findall(rf"<!-- ci: {mark} -->\n```console\n(.*)\n```\n", text)
        assert len(found) == 1
        assert found[0].startswith("python3 -m venv .venv && .venv/bin/pip install")

    def test_has_exactly_two_of_them(self, text: str) -> None:
        assert text.count("<!-- ci: ") == 2

    def test_lists_every_exit_code(self, text: str) -> None:
        codes = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
        assert {int(code) for code in codes} == set(ExitCode)

    def test_names_every_verdict(self, text: str) -> None:
        for verdict in Verdict:
            assert f"**{verdict}**" in text


class TestTheClosingScreen:
    """The screen in the README is that of `jobs/demo.yaml`, apart from numbers."""

    MARK = "<!-- closing -->\n```text\n"

    def test_is_real(
        self,
        text: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("COLUMNS", "300")  # /home/me is shorter than tmp_path
        shutil.copytree(ROOT / "jobs", tmp_path / "jobs")
        assert execute(["run", str(tmp_path / "jobs/demo.yaml")]) == 0
        screen = capsys.readouterr().out.replace(str(tmp_path), "/home/me")
        head, _, rest = text.partition(self.MARK)
        shown, end, tail = rest.partition("```\n")
        if "REWRITE_DOCS" in os.environ:
            shown = screen
            page = f"{head}{self.MARK}{shown}{end}{tail}"
            (ROOT / "README.md").write_text(page, "utf-8")
        assert without_numbers(shown) == without_numbers(screen)


def without_numbers(screen: str) -> list[str]:
    """The words of each line; numbers and the space they take depend on the day."""
    return [
        re.sub(r"[\d.,]+ ?(?:B|KiB|MiB|rows?)?", "N", " ".join(line.split()))
        for line in re.sub("─+", "─", screen).splitlines()
    ]


class TestThePageOnPython:
    """Its examples run one after another, with the job it shows."""

    def test_is_true(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        page = ROOT / "docs/python.md"
        (job,) = blocks(page, "yaml")
        (tmp_path / "studies.yaml").write_text(job, "utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the demo peers' process
        names: dict[str, Any] = {}
        for block in blocks(page, "python"):
            exec(compile(block, str(page), "exec"), names)  # noqa: S102 - our own page
        result = asyncio.run(names["nightly"]())
        assert result.exit_code is ExitCode.OK
        told = capsys.readouterr().out
        assert str(tmp_path / "elsewhere/lake/patients.parquet") in told
        assert "patients @ pacs: complete, 17 responses" in told
        assert "bf_verdict" in told

    def test_names_all_that_is_public(self) -> None:
        text = (ROOT / "docs/python.md").read_text("utf-8")
        for name in set(batchfind.__all__) - {"Job", "Plan", "Run", "__version__"}:
            assert re.search(rf"\b{name}\b", text), name


class TestTheDesign:
    def test_explains_every_verdict(self) -> None:
        text = (ROOT / "docs/design.md").read_text("utf-8")
        for verdict in Verdict:
            assert f"| `{verdict}` |" in text

    def test_names_every_room(self) -> None:
        text = (ROOT / "docs/design.md").read_text("utf-8")
        rooms = text.partition("## Rooms")[2].partition("## Verdicts")[0]
        for path in (ROOT / "batchfind").iterdir():
            name = path.stem
            if not name.startswith(("_", ".")) and path.suffix != ".typed":
                assert re.search(rf"\b{name}\b", rooms), name


class TestTheChangelog:
    def test_knows_this_version(self) -> None:
        text = (ROOT / "docs/changelog.md").read_text("utf-8")
        assert f"## [{batchfind.__version__}]" in text
