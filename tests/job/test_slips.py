"""Small slips that would otherwise be found late, or never."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchfind.errors import JobError
from batchfind.job.inputs import read_inputs
from batchfind.job.model import Job

Problems: TypeAlias = Callable[[str], list[str]]
Load: TypeAlias = Callable[[str], Job]
Block: TypeAlias = Callable[[str], str]

ROWS = "model: study\nlevel: STUDY\nkeys: {PatientID: '{{ id }}'}\nrows: {%s}\n"


class Write(Protocol):
    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


class TestYaml:
    def test_two_merges_are_one_list(self, problems: Problems) -> None:
        text = """\
            version: 1
            name: test
            peers:
              a: &a {host: h, port: 1}
              b: &b {host: h, port: 2}
              c:
                <<: *a
                <<: *b
            queries: {q: {model: study, peers: a, keys: {PatientID: x}}}
            """
        assert problems(text) == [
            "job.yaml:8:5: << stands here and at job.yaml:7:5; give one << a list"
        ]

    def test_the_end_of_a_template_needs_its_begin(
        self, problems: Problems, with_keys: Block
    ) -> None:
        (problem,) = problems(with_keys("PatientID: vars.x }}"))
        assert problem.startswith("job.yaml:11:18: }} ends a template that nothing")
        assert problems(with_keys('PatientID: "x }}"')) == []

    @pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
    def test_an_empty_include_says_what_it_may_hold(
        self, problems: Problems, write: Write, with_keys: Block, text: str
    ) -> None:
        write(text, "site.yaml")
        job = with_keys("PatientID: x") + "include: site.yaml\n"
        (problem,) = problems(job)
        assert problem.endswith(
            "site.yaml: the file is empty; it holds tls, peers, vars or peer_defaults"
        )


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "why"),
        [
            ("http://pacs", "a host is no URL"),
            ("pacs one", "no spaces"),
            ("pacs\\n", "no control characters"),
            ("{{ vars.h }}", "a host is no template"),
            ("pacs:104", "write it under 'port'"),
            ("[::1]", "an IPv6 address stands without brackets"),
        ],
    )
    def test_that_cannot_be_are_refused(
        self, problems: Problems, with_peer: Block, host: str, why: str
    ) -> None:
        (problem,) = problems(with_peer(f'host: "{host}"\nport: 1'))
        assert problem.startswith("job.yaml:6:11: peers.pacs.host: ")
        assert why in problem

    @pytest.mark.parametrize("host", ["::1", "192.0.2.7", "pacs-1.example.org", "a_b"])
    def test_names_and_addresses_are_fine(
        self, problems: Problems, with_peer: Block, host: str
    ) -> None:
        assert problems(with_peer(f'host: "{host}"\nport: 1')) == []


class TestTimeZones:
    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Etc/GMT+5"])
    def test_with_a_region_and_utc_are_fine(
        self, problems: Problems, with_peer: Block, zone: str
    ) -> None:
        assert problems(with_peer(f"host: h\nport: 1\ntimezone: {zone}")) == []

    @pytest.mark.parametrize("zone", ["EST", "right/Europe/Berlin", "localtime"])
    def test_without_a_region_are_refused(
        self, problems: Problems, with_peer: Block, zone: str
    ) -> None:
        (problem,) = problems(with_peer(f"host: h\nport: 1\ntimezone: {zone}"))
        assert problem.startswith(f"job.yaml:8:15: peers.pacs.timezone: '{zone}' is n")


class TestCharacterSets:
    def test_of_iso_2022_are_one_value(self, load: Load, with_peer: Block) -> None:
        body = "host: h\nport: 1\ncharset: {request: ['', ISO 2022 IR 87]}"
        job = load(with_peer(body))
        assert job.peers["pacs"].charset.request == (r"\ISO 2022 IR 87",)

    def test_an_empty_term_begins_one_value_only(
        self, problems: Problems, with_peer: Block
    ) -> None:
        body = "host: h\nport: 1\ncharset: {request: ['', ISO_IR 100]}"
        (problem,) = problems(with_peer(body))
        assert "stands before ISO 2022 terms only" in problem


class TestRunFolders:
    @pytest.mark.parametrize("folder", ["job.yaml", "job.yaml/runs/x"])
    def test_are_no_files(
        self, problems: Problems, with_keys: Block, folder: str
    ) -> None:
        job = with_keys("PatientID: x") + f"run: {{dir: {folder}}}\n"
        (problem,) = problems(job)
        assert problem.startswith("job.yaml:12:12: run.dir: ")
        assert problem.endswith("job.yaml is a file; name a folder")

    @pytest.mark.parametrize("folder", [".", "new/folder", "/"])
    def test_need_not_exist(
        self, problems: Problems, with_keys: Block, folder: str
    ) -> None:
        job = with_keys("PatientID: x") + f"run: {{dir: {folder}}}\n"
        assert problems(job) == []


class TestRowsFiles:
    @pytest.mark.parametrize("char", ['"', "'", r"\n", r"\0", r"\e"])
    def test_are_not_delimited_by(
        self, problems: Problems, with_query: Block, char: str
    ) -> None:
        quoted = f"'{char}'" if char == '"' else f'"{char}"'
        job = with_query(ROWS % f"from: r.csv, delimiter: {quoted}")
        (problem,) = problems(job)
        assert "rows.delimiter: must be one printable character or a tab" in problem

    @pytest.mark.parametrize("char", [r"\t", ";", "§", " "])
    def test_may_be_delimited_by(
        self, problems: Problems, with_query: Block, char: str
    ) -> None:
        assert problems(with_query(ROWS % f'from: r.csv, delimiter: "{char}"')) == []

    @pytest.mark.parametrize(
        "name", ["idna", "punycode", "rot13", "hex", "undefined", "unicode_escape", "ü"]
    )
    def test_are_in_an_encoding_of_text(
        self, problems: Problems, with_query: Block, name: str
    ) -> None:
        (problem,) = problems(with_query(ROWS % f"from: r.csv, encoding: {name}"))
        assert f"rows.encoding: '{name}' is no encoding" in problem

    @pytest.mark.parametrize("name", ["cp1252", "UTF8", "utf-16", "shift_jis"])
    def test_may_be_in_any_of_them(
        self, problems: Problems, with_query: Block, name: str
    ) -> None:
        assert problems(with_query(ROWS % f"from: r.csv, encoding: {name}")) == []

    @pytest.mark.parametrize("field", ["delimiter: ','", "encoding: utf-8"])
    def test_of_parquet_have_no_fields_of_csv(
        self, load: Load, with_query: Block, tmp_path: Path, field: str
    ) -> None:
        pq.write_table(pa.table({"id": ["1"]}), tmp_path / "r.parquet")
        job = load(with_query(ROWS % f"from: r.parquet, {field}"))
        with pytest.raises(JobError) as caught:
            read_inputs(job)
        name = field.partition(":")[0]
        assert str(caught.value) == (
            f"job.yaml:11:11: queries.q.rows.{name}: r.parquet is a Parquet file, "
            "which has none; remove this field"
        )

    @pytest.mark.parametrize(
        "field", ["rows: {from: r.parquet, columns: {id: x}}", "carry: [x]"]
    )
    def test_of_parquet_may_lack_cells_until_they_are_named(
        self, load: Load, with_query: Block, tmp_path: Path, field: str
    ) -> None:
        pq.write_table(pa.table({"id": ["1"], "x": [[1]]}), tmp_path / "r.parquet")
        body = (ROWS % "from: r.parquet").strip()
        assert read_inputs(load(with_query(body))).tables["q"].header == ("id", "x")
        if field.startswith("rows"):
            body = body.replace("rows: {from: r.parquet}", field)
        else:
            body = f"{body}\n{field}"
        with pytest.raises(JobError, match=r"the column 'x' is list<"):
            read_inputs(load(with_query(body)))
