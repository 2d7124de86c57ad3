from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from batchfind.findscu.options import Table, read_table

FILES = {
    "empty.dcm": "",
    "empty.txt": "",
    "good.cfg": "log4cplus.rootLogger = INFO, console\n",
    "good.txt": 'localhost 1 -k "PatientName=A B"\n',
    "nested.txt": "localhost 1 -k a@b -v @good.txt",
    "words.txt": 'localhost 1 -k PatientName="A B"C',
}


@pytest.fixture(scope="session")
def table() -> Table:
    return read_table()


@pytest.fixture(scope="module", autouse=True)
def reads_it_once(table: Table) -> Iterator[None]:
    """Spares every command line within this process what a process does once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batchfind.findscu.main.read_table", lambda: table)
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the files that command lines name."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
