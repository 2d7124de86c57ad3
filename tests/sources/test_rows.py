"""CSV files as tables of stripped text."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.errors import JobError
from batchfind.sources.cells import cell_text
from batchfind.sources.model import Table
from batchfind.sources.rows import LARGEST, MOST_PROBLEMS, read_csv


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def read(file: Path, raw: bytes | str, **options: str) -> Table:
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return read_csv(file, **options)


def cells(table: Table) -> list[tuple[int, list[str]]]:
    return [(row.line, list(row.cells.values())) for row in table.rows]


class TestATable:
    def test_keeps_text_and_lines(self, file: Path) -> None:
        table = read(file, "id,name\n007, A^B \n,NO\n")
        assert table.header == ("id", "name")
        assert cells(table) == [(2, ["007", "A^B"]), (3, ["", "NO"])]
        assert table.path == str(file)
        assert table.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_finds_its_delimiter(self, file: Path, delimiter: str) -> None:
        text = "id,x;y\n".replace(";", "_").replace(",", delimiter)
        table = read(file, f"{text}1{delimiter}2\n")
        assert table.header == ("id", "x_y")

    def test_prefers_the_delimiter_that_fits_every_row(self, file: Path) -> None:
        table = read(file, "name;note\nA, B;x, y, z\nC;d, e\n")
        assert table.header == ("name", "note")

    def test_takes_the_delimiter_it_is_given(self, file: Path) -> None:
        assert read(file, "a,b:c\n1,2:3\n", delimiter=":").header == ("a,b", "c")

    def test_may_have_one_column(self, file: Path) -> None:
        assert cells(read(file, 'id\n1\n\n""\n 2\n')) == [
            (2, ["1"]),
            (4, [""]),
            (5, ["2"]),
        ]

    def test_keeps_empty_rows_of_several_columns(self, file: Path) -> None:
        assert cells(read(file, "a,b\n,\n")) == [(2, ["", ""])]

    def test_counts_lines_within_quotes(self, file: Path) -> None:
        table = read(file, 'id,text\r\n1,"a\r\nb"\r\n\r\n2,c\r\n')
        assert cells(table) == [(2, ["1", "a\r\nb"]), (5, ["2", "c"])]

    @pytest.mark.parametrize(
        ("raw", "encoding"),
        [
            ("\ufeffid\nMü\n".encode(), "utf-8"),
            ("id\nMü\n".encode("cp1252"), "cp1252"),
            ("id\nMü\n".encode("utf-16"), "utf-16"),
        ],
    )
    def test_reads_encodings(self, file: Path, raw: bytes, encoding: str) -> None:
        table = read(file, raw, encoding=encoding)
        assert table.header == ("id",)
        assert cells(table) == [(2, ["Mü"])]

    def test_may_have_no_rows(self, file: Path) -> None:
        assert read(file, "id,name\n").rows == ()


class TestProblems:
    @pytest.mark.parametrize(
        ("raw", "problem"),
        [
            (b"", ": the file is empty"),
            (b"\n\n", ": has no header line"),
            (b"PK\x03\x04rest", ": is an Excel workbook; save it as CSV UTF-8"),
            (b"\xd0\xcf\x11\xe0\xa1", ": is an Excel workbook; save it as CSV UTF-8"),
            (b"a,b,a\n", ":1: the header 'a' stands twice; rename one of them"),
            (b"\na,,b\n", ":2: column 2 has no header"),
            (b"a,b\n1,2\n1\n", ":3: has 1 cells, but the header has 2"),
            (b"a,b\n1,2,3\n", ":2: has 3 cells, but the header has 2"),
            (
                b"a,b\n1,M\xfc\n",
                ":2: is not utf-8; name its encoding under rows.encoding",
            ),
            (
                b"a\n\0\n",
                ":2: holds a NUL character, so it is no CSV in this encoding",
            ),
            (
                b'a,b\n1,"2\n3,4\n',
                ":2: is not CSV: unexpected end of data; check its quotes",
            ),
            (
                b'a,b\n1,"2"x\n',
                ":2: is not CSV: ',' expected after '\"'; check its quotes",
            ),
        ],
    )
    def test_name_file_and_line(self, file: Path, raw: bytes, problem: str) -> None:
        with pytest.raises(JobError) as caught:
            read(file, raw)
        assert str(caught.value) == f"{file}{problem}"

    def test_of_a_cell_without_end(self, file: Path) -> None:
        with pytest.raises(JobError, match=r":2: is not CSV: field larger than"):
            read(file, "a,b\n1," + "x" * 140_000)

    def test_of_rows_are_told_together(self, file: Path) -> None:
        with pytest.raises(JobError) as caught:
            read(file, "a,b\n" + "1\n" * 50)
        assert len(caught.value.problems) == MOST_PROBLEMS

    def test_of_a_missing_file_name_a_close_one(self, file: Path) -> None:
        file.write_text("id\n")
        with pytest.raises(JobError, match=r"no such file \(did you mean 'rows.csv'"):
            read_csv(file.with_name("row.csv"))

    def test_of_a_missing_folder_do_not_guess(self, file: Path) -> None:
        with pytest.raises(JobError, match=r"there is no such file$"):
            read_csv(file.parent / "x" / "rows.csv")

    def test_of_a_folder_say_so(self, tmp_path: Path) -> None:
        with pytest.raises(JobError, match="cannot be read: is a directory"):
            read_csv(tmp_path)

    def test_of_a_name_no_file_can_have(self) -> None:
        with pytest.raises(JobError, match="its name cannot be used"):
            read_csv(Path("a\0b"))

    def test_of_a_large_file_say_so(self, file: Path) -> None:
        with file.open("wb") as large:
            large.truncate(LARGEST + 1)
        with pytest.raises(JobError, match="is larger than 64 MiB; split it"):
            read_csv(file)


TEXT = st.text(
    st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=5
).filter(cell_text)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(TEXT, min_size=2, max_size=4, unique=True),
    st.data(),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_csv_writes_is_read_back(
    header: list[str], data: st.DataObject, delimiter: str
) -> None:
    row = st.lists(TEXT, min_size=len(header), max_size=len(header))
    rows = data.draw(st.lists(row, max_size=4))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        file.write_text(out.getvalue(), "utf-8", newline="")
        table = read_csv(file, delimiter=delimiter)
    assert list(table.header) == header
    assert [list(one.cells.values()) for one in table.rows] == rows


@settings(deadline=None, max_examples=200)
@given(st.binary(min_size=1, max_size=80))
def test_any_bytes_are_a_table_or_a_problem(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        file.write_bytes(raw)
        try:
            table = read_csv(file)
        except JobError:
            return
    assert len(set(table.header)) == len(table.header)
