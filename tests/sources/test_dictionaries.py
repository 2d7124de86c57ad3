"""Dictionary files in DCMTK's format."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchfind.dicom.dictionary import merged
from batchfind.errors import JobError
from batchfind.sources.dictionaries import read_dictionary
from tests.peers.processes import require

DCMTK = Path("/usr/share/libdcmtk17")


def read(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "site.dic").write_text(text, "utf-8")
    return [one.line for one in read_dictionary(tmp_path / "site.dic").entries]


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(JobError) as caught:
        read(tmp_path, text)
    return [str(one).removeprefix(str(tmp_path)) for one in caught.value.problems]


class TestAFile:
    def test_has_an_entry_a_line(self, tmp_path: Path) -> None:
        text = "# of a site\n\n(0055,1001)\tDS\tTubeAge\t1\tsite\n  # more\n"
        assert read(tmp_path, text) == ["(0055,1001)\tDS\tTubeAge\t1"]

    def test_may_have_spaces_for_tabs(self, tmp_path: Path) -> None:
        assert read(tmp_path, "(0055,1001)  DS TubeAge 1") == [
            "(0055,1001)\tDS\tTubeAge\t1"
        ]

    def test_tells_its_digest(self, tmp_path: Path) -> None:
        read(tmp_path, "(0055,1001)\tDS\tTubeAge\t1\n")
        found = read_dictionary(tmp_path / "site.dic")
        assert (found.path, len(found.sha256)) == (str(tmp_path / "site.dic"), 64)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("(0055,1001)\tDS\tTubeAge", "needs a tag, VR, name and multiplicity"),
            ("0055,1001\tDS\tTubeAge\t1", "'0055,1001' is no tag"),
            ("(0055,1001)\tXX\tTubeAge\t1", "'XX' is no value representation"),
        ],
    )
    def test_is_refused_at_its_line(
        self, tmp_path: Path, line: str, message: str
    ) -> None:
        (problem,) = problems(tmp_path, f"# one\n{line}\n")
        assert problem.startswith(f"/site.dic:2: {message}")

    def test_shows_its_first_problems(self, tmp_path: Path) -> None:
        assert len(problems(tmp_path, "nonsense\n" * 100)) == 5

    def test_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(JobError, match="there is no such file"):
            read_dictionary(tmp_path / "missing.dic")


class TestDcmtksOwn:
    @pytest.mark.parametrize(
        ("name", "least"),
        [("dicom", 4900), ("private", 2800), ("acrnema", 100), ("diconde", 100)],
    )
    def test_are_read_whole(self, name: str, least: int) -> None:
        require(str(DCMTK))
        assert len(read_dictionary(DCMTK / f"{name}.dic").entries) >= least

    def test_the_standard_one_says_little_new(self) -> None:
        require(str(DCMTK))
        assert len(merged(read_dictionary(DCMTK / "dicom.dic").entries).entries) < 10

    def test_the_private_one_gives_names(self) -> None:
        require(str(DCMTK))
        known = merged(read_dictionary(DCMTK / "private.dic").entries)
        creator = "SIEMENS CT VA0  COAD"
        assert known.name_of(0x00191050, creator) == "DetectorAlignment"
        assert known.private_vr(creator, 0x00191050) == "DS"
