"""docs/outputs.md is run: its job, its fragments, its excerpts and its recipes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import batchfind
from batchfind.job.column_words import COLUMN_TYPES, NAME_COMPONENTS, ON_REQUEST
from batchfind.job.column_words import PROVENANCE as USUAL
from batchfind.job.model import OutputFormat
from batchfind.outputs.formats import FORMATS
from batchfind.tables.typed import BY_VR

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "outputs.md").read_text("utf-8")
IDS = ["021234567", *["98890234"] * 4]


def marked(mark: str) -> list[tuple[str, str]]:
    """What stands behind a comment, and the block below it."""
    pattern = rf"<!-- {mark}(?:: ([^\n]*?))? -->\n```\w+\n(.*?)^```"
    return re.findall(pattern, PAGE, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return PAGE.partition(f"\n### {title}\n")[2].partition("\n### ")[0]


def recipes(title: str, language: str) -> list[str]:
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, section(title), re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the page's job ran, with the fragments among its outputs."""

    path: Path
    result: Any


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("outputs")
    ((name, text),) = marked("run")
    fragments = [
        "  - " + block.rstrip().replace("\n", "\n    ") + "\n"
        for _, block in marked("output")
    ]
    (path / name).write_text(text + "".join(fragments), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        result = batchfind.run(batchfind.load_job(path / name))
    return Folder(path, result)


@pytest.fixture
def inside(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(folder.path)
    return folder


class TestTheJob:
    def test_writes_everything_the_page_shows(self, folder: Folder) -> None:
        assert folder.result.exit_code == 0
        assert all(one.published for one in folder.result.outputs)
        assert len(folder.result.outputs) == 9 + len(marked("output"))
        shown = {one.format for one in folder.result.outputs}
        assert shown == {one.value for one in OutputFormat}

    def test_leaves_a_sidecar_beside_each(self, folder: Folder) -> None:
        for one in folder.result.outputs:
            assert Path(f"{one.path}.batchfind.json").is_file()


@pytest.mark.parametrize(("path", "block"), marked("file"))
def test_an_excerpt_stands_in_its_file(inside: Folder, path: str, block: str) -> None:
    text = (inside.path / path).read_text("utf-8").replace("\r\n", "\n")
    rest = text
    for line in block.splitlines():
        # Seconds differ from run to run.
        found, _, _ = line.partition("…")
        assert found in rest, line
        rest = rest.partition(found)[2]


def run(code: str) -> dict[str, Any]:
    """The names that a recipe of the page leaves."""
    names: dict[str, Any] = {}
    exec(compile(code, "outputs.md", "exec"), names)  # noqa: S102 - our own page
    return names


def ids_of(query: str) -> list[str]:
    with duckdb.connect() as connection:
        found = connection.sql(query).to_arrow_table()
    return sorted(found["PatientID"].to_pylist())


@pytest.mark.usefixtures("inside")
class TestRecipes:
    @pytest.mark.parametrize("code", recipes("pandas", "python"))
    def test_of_pandas_keep_ids(self, code: str) -> None:
        frame = run(code)["frame"]
        assert isinstance(frame, pd.DataFrame)
        assert sorted(frame["PatientID"]) == IDS

    @pytest.mark.parametrize("code", recipes("polars", "python"))
    def test_of_polars_keep_ids(self, code: str) -> None:
        frame = run(code)["frame"]
        assert isinstance(frame, pl.DataFrame)
        assert sorted(frame["PatientID"]) == IDS

    @pytest.mark.parametrize("query", recipes("DuckDB", "sql"))
    def test_of_duckdb_keep_ids(self, query: str) -> None:
        assert ids_of(query) == IDS

    def test_of_duckdb_tell_absent_from_empty(self) -> None:
        (query, *_) = recipes("DuckDB", "sql")
        with duckdb.connect() as connection:
            found = connection.sql(query).to_arrow_table()
        assert "" in found["StudyDescription"].to_pylist()

    @pytest.mark.parametrize("code", recipes("Documents in Python", "python"))
    def test_of_documents_keep_ids(self, code: str) -> None:
        names = run(code)
        ids = names.get("ids") or [one.PatientID for one in names["studies"]]
        assert sorted(ids) == IDS

    def test_exist_for_every_reader(self) -> None:
        assert len(recipes("pandas", "python")) == len(recipes("polars", "python")) == 3
        assert len(recipes("DuckDB", "sql")) == 4
        assert len(recipes("Documents in Python", "python")) == 3
        assert "USING csv" in section("Spark SQL")
        assert "Do not detect data types" in section("Excel")

    def test_keep_ids_of_requests(self) -> None:
        frame = pd.read_csv("exports/not-found.csv", dtype=str, keep_default_na=False)
        assert list(frame["patient"]) == ["00123"]


class TestFragments:
    def test_are_written_as_they_say(self, inside: Folder) -> None:
        exports = inside.path / "exports"
        raw = (exports / "import.csv").read_bytes()
        assert raw.startswith(b"021234567;Sssssss^Jsssss;")
        assert (
            (exports / "excel.csv").read_bytes().startswith(b"\xef\xbb\xbfPatientID;")
        )
        file = pq.ParquetFile(exports / "small.parquet")
        assert file.metadata.row_group(0).column(0).compression == "SNAPPY"
        kinds = {f.name: str(f.type) for f in pq.read_schema(exports / "typed.parquet")}
        assert kinds["StudyTime"] == "time64[us]"
        assert kinds["StudyDate"] == "string"
        assert kinds["NumberOfStudyRelatedInstances"] == "double"
        assert (exports / "partitioned/bf_peer=pacs/StudyDate_month=2005-11").is_dir()
        header = (exports / "names.csv").read_text("utf-8").splitlines()[0]
        assert "PatientName,PatientName_family,PatientName_given" in header


class TestThePage:
    """What it lists is what there is."""

    def test_lists_every_type(self) -> None:
        table = PAGE.partition("\n## Types\n")[2].partition("\n## ")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(
            COLUMN_TYPES
        )

    @pytest.mark.parametrize("vr", BY_VR)
    def test_lists_the_type_of_a_vr(self, vr: str) -> None:
        table = PAGE.partition("\n## Parquet\n")[2].partition("\n## ")[0]
        (line,) = re.findall(rf"^\|.*\b{vr}\b.*$", table, re.MULTILINE)
        cells = [cell.strip().split(", ") for cell in line.split("|")[1:-1]]
        kinds = {
            each: kind
            for vrs, types in (cells[:2], cells[2:])
            for each, kind in zip(vrs, types * len(vrs), strict=False)
        }
        assert pa.type_for_alias(kinds[vr]) == BY_VR[vr].arrow

    def test_lists_every_column_of_provenance(self) -> None:
        table = PAGE.partition("\n## Provenance\n")[2].partition("\n## ")[0]
        assert set(re.findall(r"`(bf_\w+)`", table)) == {*USUAL, *ON_REQUEST}

    def test_lists_every_component_of_a_name(self) -> None:
        table = PAGE.partition("\n## Names\n")[2].partition("\n## ")[0]
        for component in NAME_COMPONENTS:
            assert f"_{component}`" in table

    def test_has_a_section_a_format(self) -> None:
        for form in FORMATS.values():
            title = form.title.removesuffix(" files")
            assert f"\n## {title}\n" in PAGE
