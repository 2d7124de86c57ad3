"""Outputs that are folders: what they own, and what they leave alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from batchfind.digest import sha256_of
from batchfind.errors import StorageError
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import DicomOptions, Overwrite, XmlOptions
from batchfind.outputs.obstacles import check_writable
from batchfind.outputs.sidecars import read_sidecar
from batchfind.outputs.staging import Written
from tests.outputs import places
from tests.outputs.places import begun, files, planned, publication, responses_piece


def publish(
    path: Path,
    count: int,
    run: str = "run-1",
    overwrite: Overwrite = Overwrite.REPLACE,
) -> Written:
    output = planned(path, OutputFormat.DICOM, overwrite=overwrite)
    staged = begun(output, run)
    if count:
        staged.write(responses_piece(count))
    return staged.publish(publication(run))


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208 - names are what is compared


class TestPublishing:
    @pytest.mark.parametrize("form", [OutputFormat.DICOM, OutputFormat.XML])
    def test_puts_one_file_a_response(self, tmp_path: Path, form: OutputFormat) -> None:
        output = planned(tmp_path / "a", form, xml=XmlOptions(layout="files"))
        staged = begun(output)
        staged.write(responses_piece(3))
        assert not (tmp_path / "a").exists()
        written = staged.publish(publication())
        assert (written.rows, written.files) == (3, 3)
        assert len(names(tmp_path / "a")) == 3
        assert names(tmp_path) == ["a", "a.batchfind.json"]

    def test_lists_what_it_owns(self, tmp_path: Path) -> None:
        written = publish(tmp_path / "a", 2)
        sidecar = read_sidecar(tmp_path / "a")
        assert sidecar is not None
        assert sidecar.files is not None
        assert [file.path for file in sidecar.files] == names(tmp_path / "a")
        assert sum(file.bytes for file in sidecar.files) == written.bytes
        assert [file.rows for file in sidecar.files] == [1, 1]
        assert sidecar.sha256 == written.sha256

    def test_of_fewer_answers_leaves_no_stale_file(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 5)
        publish(tmp_path / "a", 2, "run-2")
        assert len(names(tmp_path / "a")) == 2
        assert names(tmp_path) == ["a", "a.batchfind.json"]

    def test_of_no_answer_gives_an_empty_folder(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 5)
        publish(tmp_path / "a", 0, "run-2")
        assert names(tmp_path / "a") == []
        sidecar = read_sidecar(tmp_path / "a")
        assert sidecar is not None
        assert sidecar.files == ()

    def test_twice_gives_the_same_bytes(self, tmp_path: Path) -> None:
        first = publish(tmp_path / "a", 5)
        again = publish(tmp_path / "a", 5, "run-2")
        assert (first.sha256, first.bytes) == (again.sha256, again.bytes)

    def test_of_more_files_than_are_described_at_once(self, tmp_path: Path) -> None:
        written = publish(tmp_path / "a", 2001)
        text = (tmp_path / "a.batchfind.json").read_text()
        data = json.loads(text)
        assert text == json.dumps(data, ensure_ascii=False, indent=1) + "\n"
        pairs = [[file["path"], file["sha256"]] for file in data["files"]]
        assert len(pairs) == 2001
        assert written.sha256 == data["sha256"] == sha256_of(pairs)

    def test_of_more_files_than_are_synced_one_by_one(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 100)
        assert len(names(tmp_path / "a")) == 100


class TestFilesOfOthers:
    def test_are_never_touched(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 5)
        (tmp_path / "a" / "notes.txt").write_text("mine")
        (tmp_path / "a" / "sub").mkdir()
        publish(tmp_path / "a", 0, "run-2")
        assert names(tmp_path / "a") == ["notes.txt", "sub"]
        assert (tmp_path / "a" / "notes.txt").read_text() == "mine"

    @pytest.mark.parametrize("earlier", [0, 2])
    def test_of_a_name_we_need_stop_everything(
        self, tmp_path: Path, earlier: int
    ) -> None:
        publish(tmp_path / "a", 5)
        wanted = names(tmp_path / "a")
        publish(tmp_path / "a", earlier, "run-2")
        (tmp_path / "a" / wanted[-1]).write_text("mine")
        before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
        with pytest.raises(StorageError, match="not one of batchfind's"):
            publish(tmp_path / "a", 5, "run-3")
        assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before

    def test_that_appear_at_the_last_moment_stop_everything(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(tmp_path / "a", 2)
        old = read_sidecar(tmp_path / "a")
        real, place = os.link, tmp_path / "a"

        def late(source: Path, target: Path) -> None:
            if len(names(place)) == 3:
                Path(target).write_text("mine")
            real(source, target)

        monkeypatch.setattr(os, "link", late)
        with pytest.raises(StorageError, match="move it away"):
            publish(place, 5, "run-2")
        assert len(names(place)) == 3  # two of the first run, and the late one
        assert read_sidecar(place) == old
        assert names(tmp_path) == ["a", "a.batchfind.json"]

    def test_as_folders_are_not_followed_out(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        output = planned(
            tmp_path / "a",
            OutputFormat.CSV,
            partition_by=places.BY_MODALITY,
        )
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "Modality=CT").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StorageError, match="needs a folder here"):
            places.published(output, places.rows(1))
        assert names(tmp_path / "elsewhere") == []

    def test_that_a_user_removed_are_not_missed(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 3)
        for path in (tmp_path / "a").iterdir():
            path.unlink()
        (tmp_path / "a").rmdir()
        publish(tmp_path / "a", 2, "run-2")
        assert len(names(tmp_path / "a")) == 2


class TestAppending:
    def test_adds_files_named_by_the_run(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 2, "run-1", Overwrite.APPEND)
        publish(tmp_path / "a", 3, "run-2", Overwrite.APPEND)
        found = names(tmp_path / "a")
        assert len(found) == 5
        assert sum("run-1" in name for name in found) == 2
        sidecar = read_sidecar(tmp_path / "a")
        assert sidecar is not None
        assert sidecar.rows == 5

    def test_by_the_same_run_replaces_its_own(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 2, "run-1", Overwrite.APPEND)
        publish(tmp_path / "a", 3, "run-2", Overwrite.APPEND)
        publish(tmp_path / "a", 1, "run-2", Overwrite.APPEND)
        found = names(tmp_path / "a")
        assert len(found) == 3


class TestWithholding:
    def test_leaves_the_folder_as_it_was(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 2)
        before = files(tmp_path)
        staged = begun(planned(tmp_path / "a", OutputFormat.DICOM), "run-2")
        staged.write(responses_piece(4))
        written = staged.withhold(tmp_path / "run" / "withheld")
        assert written.path == tmp_path / "run" / "withheld" / "a"
        assert len(names(written.path)) == 4
        assert [name for name in files(tmp_path) if "withheld" not in name] == before

    def test_is_private_down_to_its_files(self, tmp_path: Path) -> None:
        naming = DicomOptions(name="{peer}/{response}")
        output = planned(tmp_path / "a", OutputFormat.DICOM, mode=0o666, dicom=naming)
        staged = begun(output, "run-1")
        staged.write(responses_piece(2))
        written = staged.withhold(tmp_path / "withheld")
        below = list(written.path.rglob("*"))
        assert len(below) == 3
        for path in (written.path, *below):
            mode = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == mode


class TestTheFolderItself:
    def test_is_not_put_over_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("mine")
        assert "not a directory" in check_writable(tmp_path / "a", is_directory=True)
        with pytest.raises(StorageError):
            publish(tmp_path / "a", 1)
        assert files(tmp_path) == ["a"]

    def test_may_stand_already(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        assert check_writable(tmp_path / "a", is_directory=True) == ""
        publish(tmp_path / "a", 1)
        assert len(names(tmp_path / "a")) == 1

    def test_is_no_mount_point(self) -> None:
        assert "mount point" in check_writable(Path("/proc"), is_directory=True)

    def test_has_a_sidecar_without_times_of_files(self, tmp_path: Path) -> None:
        publish(tmp_path / "a", 1)
        data = json.loads((tmp_path / "a.batchfind.json").read_text())
        assert set(data["files"][0]) == {"path", "rows", "bytes", "sha256", "run"}
