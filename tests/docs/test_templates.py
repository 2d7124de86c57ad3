"""What docs/job-file.md says of templates is what they do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import batchfind
from batchfind.errors import JobError
from batchfind.job.queries import RESERVED
from batchfind.plan.dates import FILTERS
from batchfind.plan.grammar import FUNCTIONS, TEXT_FILTERS
from tests.plan.planning import value_of

PAGE = (Path(__file__).parents[2] / "docs/job-file.md").read_text("utf-8")
SECTION = PAGE.partition("\n## Templates\n")[2].partition("\n## ")[0]
NOW = "2026-01-31T18:00"
JOB = """
version: 1
name: docs
timezone: Europe/Berlin
vars: {{site: north, empty: ""}}
peers:
  ris: {{host: ris.example.org, port: 104}}
queries:
  q:
    model: study
    level: STUDY
    matrix: {{modality: [CT]}}
    carry: all
    rows: {{from: [{{patient: "00123"}}]}}
    window: {{from: 2026-01-01, to: 2026-01-07}}
    keys:
      StudyInstanceUID: ""
      StudyDate: "{{{{ window }}}}"
      PatientID: "{{{{ patient }}}}"
      PatientComments: {key}
outputs:
  - {{format: csv, path: {path}}}
"""


def rows(mark: str) -> list[list[str]]:
    """The cells of a table, without code marks and without its head."""
    table = SECTION.partition(f"<!-- {mark} -->")[2].partition("<!-- end -->")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [
        [
            re.sub(r"^`(.*)`$", r"\1", cell.strip()).replace(r"\|", "|")
            for cell in re.split(r"(?<!\\)\|", line)[1:-1]
        ]
        for line in lines[2:]
    ]


def plan(folder: Path, key: str = "x", path: str = "x") -> batchfind.Plan:
    job = folder / "job.yaml"
    quoted = ['"{}"'.format(text.replace('"', r"\"")) for text in (key, f"{path}.csv")]
    job.write_text(JOB.format(key=quoted[0], path=quoted[1]), "utf-8")
    return batchfind.load_job(job).plan(now=NOW)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_ID", "7")
    monkeypatch.delenv("NOWHERE", raising=False)


@pytest.mark.parametrize(("template", "key", "path"), rows("rendered"))
def test_a_template_gives_what_is_shown(
    template: str, key: str, path: str, tmp_path: Path
) -> None:
    (request,) = plan(tmp_path, key=template).requests
    assert value_of(request, "PatientComments") == key
    if path == "error":
        with pytest.raises(JobError):
            plan(tmp_path, path=template)
    else:
        (output,) = plan(tmp_path, path=template).outputs
        assert Path(output.path).name == f"{path}.csv"


@pytest.mark.parametrize(("template", "message"), rows("refused"))
def test_an_error_says_what_is_shown(
    template: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(JobError, match=re.escape(message)):
        plan(tmp_path, key=template)


@pytest.mark.parametrize(
    "name", sorted({*FUNCTIONS, *TEXT_FILTERS, *FILTERS, *RESERVED})
)
def test_every_name_is_explained(name: str) -> None:
    assert re.search(rf"`{name}\b", SECTION), name


def test_tables_are_found() -> None:
    assert len(rows("rendered")) > 15
    assert len(rows("refused")) > 5
