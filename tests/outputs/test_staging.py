from __future__ import annotations

import errno
import hashlib
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from batchfind.errors import StorageError
from batchfind.job.model import OutputFormat, Overwrite, Publish
from batchfind.outputs import staging
from batchfind.outputs.formats import schema_of
from batchfind.outputs.obstacles import check_writable, storage_error
from batchfind.outputs.staging import Staged, stage
from batchfind.plan.model import PlannedOutput
from batchfind.tables.schema import TableSchema
from tests.tables.material import query

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def plan_for(path: Path, form: OutputFormat = OutputFormat.CSV) -> PlannedOutput:
    return PlannedOutput(
        path=str(path),
        format=form,
        query="q",
        requests=("0",),
        typed=False,
        provenance=False,
        publish=Publish.COMPLETE,
        overwrite=Overwrite.REPLACE,
    )


def table_for(planned: PlannedOutput) -> TableSchema:
    return schema_of(planned, query(["PatientID", "PatientName"]))


def begun(path: Path, form: OutputFormat = OutputFormat.CSV) -> Staged:
    planned = plan_for(path, form)
    return stage(planned, table_for(planned), "run-1")


def rows(count: int = 1) -> pa.RecordBatch:
    schema = table_for(plan_for(Path("/x"))).arrow
    found = [{"PatientID": str(at), "PatientName": "A^B"} for at in range(count)]
    return pa.RecordBatch.from_pylist(found, schema)


def write_all(staged: Staged, count: int) -> None:
    for _ in range(0, count, 4000):
        staged.write(rows(4000))
    staged.publish()


@contextmanager
def full_disk(limit: int = 4096) -> Iterator[None]:
    """Writing beyond `limit` bytes of a file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestPublishing:
    def test_puts_the_whole_file_at_the_path(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        staged = begun(path)
        staged.write(rows(2))
        assert not path.exists()
        written = staged.publish()
        raw = path.read_bytes()
        assert raw == b"PatientID,PatientName\r\n0,A^B\r\n1,A^B\r\n"
        assert (written.path, written.rows, written.bytes) == (path, 2, len(raw))
        assert written.sha256 == hashlib.sha256(raw).hexdigest()
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("form", OutputFormat)
    def test_of_no_row_still_gives_a_file(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        written = begun(tmp_path / "a", form).publish()
        assert written.rows == 0
        assert (tmp_path / "a").stat().st_size == written.bytes > 0

    @pytest.mark.parametrize("form", OutputFormat)
    def test_twice_of_the_same_rows_gives_the_same_bytes(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        digests = set()
        for name in ("a", "b"):
            staged = begun(tmp_path / name, form)
            staged.write(rows(100))
            digests.add(staged.publish().sha256)
        assert len(digests) == 1

    def test_makes_missing_parents(self, tmp_path: Path) -> None:
        begun(tmp_path / "a/b/c.csv").publish()
        assert (tmp_path / "a/b/c.csv").is_file()

    def test_replaces_what_stands_there_in_one_step(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("old")
        with path.open() as reader:
            begun(path).publish()
            assert reader.read() == "old"
        assert path.read_bytes().startswith(b"PatientID")

    @pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
    def test_leaves_the_mode_to_the_umask(
        self, tmp_path: Path, mask: int, mode: int
    ) -> None:
        before = os.umask(mask)
        try:
            begun(tmp_path / "a.csv").publish()
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == mode

    def test_takes_over_what_a_killed_execution_left(self, tmp_path: Path) -> None:
        left = begun(tmp_path / "a.csv")
        begun(tmp_path / "a.csv").publish()
        assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
        left.discard()
        assert (tmp_path / "a.csv").exists()

    def test_takes_names_as_long_as_the_file_system_does(self, tmp_path: Path) -> None:
        begun(tmp_path / ("n" * 255)).publish()

    def test_knows_size_and_digest_before_it_is_decided(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        early = staged.close()
        assert not (tmp_path / "a.csv").exists()
        assert staged.publish() == early
        with pytest.raises(ValueError, match="is closed"):
            staged.write(rows())


class TestWithholding:
    def test_leaves_the_path_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("old")
        staged = begun(path)
        staged.write(rows())
        written = staged.withhold(tmp_path / "run/withheld")
        assert path.read_text() == "old"
        assert written.path == tmp_path / "run/withheld/a.csv"
        raw = written.path.read_bytes()
        assert (written.rows, written.bytes) == (1, len(raw))
        assert written.sha256 == hashlib.sha256(raw).hexdigest()

    def test_is_private(self, tmp_path: Path) -> None:
        written = begun(tmp_path / "a.csv").withhold(tmp_path / "withheld")
        assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(written.path.parent.stat().st_mode) == 0o700

    def test_keeps_outputs_of_one_name_apart(self, tmp_path: Path) -> None:
        found = [
            begun(tmp_path / folder / "a.csv").withhold(tmp_path / "withheld").path.name
            for folder in ("x", "y", "z")
        ]
        assert found == ["a.csv", "a-2.csv", "a-3.csv"]

    def test_takes_back_directories_it_made(self, tmp_path: Path) -> None:
        begun(tmp_path / "new/deep/a.csv").withhold(tmp_path / "withheld")
        assert not (tmp_path / "new").exists()

    def test_copies_to_another_file_system(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        staged = begun(tmp_path / "a.csv")
        monkeypatch.setattr(Path, "rename", refuse)
        written = staged.withhold(tmp_path / "withheld")
        assert written.path.read_bytes() == b"PatientID,PatientName\r\n"
        assert [each.name for each in tmp_path.iterdir()] == ["withheld"]

    def test_that_fails_says_where(self, tmp_path: Path) -> None:
        (tmp_path / "withheld").write_text("a file")
        staged = begun(tmp_path / "a.csv")
        with pytest.raises(
            StorageError, match="withheld: the output cannot be written"
        ):
            staged.withhold(tmp_path / "withheld")
        assert [each.name for each in tmp_path.iterdir()] == ["withheld"]


class TestDiscarding:
    @pytest.mark.parametrize("form", OutputFormat)
    def test_leaves_no_trace(self, tmp_path: Path, form: OutputFormat) -> None:
        staged = begun(tmp_path / "new/a", form)
        staged.write(rows())
        staged.discard()
        staged.discard()
        assert list(tmp_path.iterdir()) == []

    def test_after_publishing_changes_nothing(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "new/a.csv")
        staged.publish()
        staged.discard()
        assert (tmp_path / "new/a.csv").exists()

    def test_keeps_directories_that_others_use_by_now(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "new/a.csv")
        (tmp_path / "new/other").write_text("")
        staged.discard()
        assert [each.name for each in (tmp_path / "new").iterdir()] == ["other"]


class TestAFullDisk:
    @pytest.mark.parametrize("form", OutputFormat)
    def test_leaves_the_target_and_nothing_else(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        path = tmp_path / "a"
        path.write_text("old")
        staged = begun(path, form)
        with full_disk(), pytest.raises(StorageError) as failure:
            write_all(staged, 160_000)
        assert str(path) in str(failure.value)
        assert "raise the limit" in str(failure.value)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("form", OutputFormat)
    def test_from_the_start_is_one_error(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        with full_disk(0), pytest.raises(StorageError):
            begun(tmp_path / "new/a", form).publish()
        assert list(tmp_path.iterdir()) == []

    def test_is_told_with_its_remedy(self) -> None:
        error = storage_error(Path("/x/a.csv"), OSError(errno.ENOSPC, "No space left"))
        assert str(error) == (
            "/x/a.csv: the output cannot be written: No space left; free some space"
            " there, then run batchfind export: the capture holds every answer"
        )


class TestATargetThatCannotBeReplaced:
    def test_is_an_error_and_stays(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        (tmp_path / "a.csv").mkdir()
        with pytest.raises(StorageError, match="choose a path that is not a directory"):
            staged.publish()
        assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]

    def test_below_a_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageError, match="whose parents are directories"):
            begun(tmp_path / "file/a.csv")


class TestCheckBeforeTheRun:
    def test_finds_nothing_and_makes_nothing(self, tmp_path: Path) -> None:
        assert check_writable(tmp_path / "new/a.csv") == ""
        assert list(tmp_path.iterdir()) == []

    def test_names_a_directory_at_the_path(self, tmp_path: Path) -> None:
        sentence = check_writable(tmp_path)
        assert sentence.startswith(f"{tmp_path}: the output cannot be written: it is a")

    def test_names_a_file_on_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        sentence = check_writable(tmp_path / "file/x/a.csv")
        assert f"{tmp_path}/file is not a directory" in sentence

    def test_names_a_part_that_is_too_long(self, tmp_path: Path) -> None:
        assert "choose a shorter name" in check_writable(tmp_path / ("n" * 256))
        assert "choose a shorter name" in check_writable(tmp_path / ("n" * 256) / "a")

    def test_names_a_place_that_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if ROOT:  # root may write everywhere; the question to the system stays
            monkeypatch.setattr(os, "access", lambda *_: False)
        tmp_path.chmod(0o500)
        sentence = check_writable(tmp_path / "a.csv")
        tmp_path.chmod(0o700)
        assert f"{tmp_path} cannot be written to" in sentence

    def test_tells_what_the_system_says(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> bool:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "access", refuse)
        assert "Input/output error; choose another path" in check_writable(
            tmp_path / "a"
        )


class TestNames:
    def test_of_unfinished_files_are_hidden(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        (name,) = (each.name for each in tmp_path.iterdir())
        assert name.startswith(f"{staging.STAGING_PREFIX}run-1-")
        staged.discard()
