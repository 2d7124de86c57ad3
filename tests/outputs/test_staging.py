from __future__ import annotations

import errno
import grp
import hashlib
import json
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from batchfind.errors import StorageError
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import Overwrite
from batchfind.outputs.obstacles import check_writable, storage_error
from batchfind.outputs.permissions import group_fault
from batchfind.outputs.sidecars import read_sidecar
from batchfind.outputs.staging import Staged, Written
from batchfind.outputs.staging_area import STAGING_PREFIX
from tests.outputs import places
from tests.outputs.places import (
    files,
    planned,
    publication,
    responses_piece,
    table_piece,
)

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
HEADER = b"PatientID,StudyDate,Modality\r\n"
TABLES = [OutputFormat.CSV, OutputFormat.PARQUET]


def begun(path: Path, form: OutputFormat = OutputFormat.CSV) -> Staged:
    return places.begun(planned(path, form))


def publish(path: Path, form: OutputFormat = OutputFormat.CSV) -> Written:
    return begun(path, form).publish(publication())


def write(staged: Staged, count: int = 1) -> None:
    output = planned(staged.path, staged._planned.format)
    if output.format in TABLES:
        staged.write(table_piece(output, places.rows(count)))
    else:
        staged.write(responses_piece(count))


def write_all(staged: Staged, count: int) -> None:
    output = planned(staged.path, staged._planned.format)
    piece = table_piece(output, places.rows(4000))
    for _ in range(0, count, 4000):
        staged.write(piece)
    staged.publish(publication())


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
        write(staged, 2)
        assert not path.exists()
        written = staged.publish(publication())
        raw = path.read_bytes()
        assert raw == HEADER + b"00000,20260131,CT\r\n00001,20260131,CT\r\n"
        assert (written.path, written.rows, written.bytes) == (path, 2, len(raw))
        assert written.sha256 == hashlib.sha256(raw).hexdigest()
        assert files(tmp_path) == ["a.csv", "a.csv.batchfind.json"]

    @pytest.mark.parametrize("form", OutputFormat)
    def test_of_no_row_still_gives_the_output(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        written = publish(tmp_path / "a", form)
        assert written.rows == 0
        if form is OutputFormat.DICOM:
            assert list((tmp_path / "a").iterdir()) == []
        else:
            assert (tmp_path / "a").stat().st_size == written.bytes

    @pytest.mark.parametrize("form", OutputFormat)
    def test_twice_of_the_same_rows_gives_the_same_bytes(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        digests = set()
        for name in ("a", "b"):
            staged = begun(tmp_path / name, form)
            write(staged, 100)
            digests.add(staged.publish(publication()).sha256)
        assert len(digests) == 1

    def test_makes_missing_parents(self, tmp_path: Path) -> None:
        begun(tmp_path / "a/b/c.csv").publish(publication())
        assert (tmp_path / "a/b/c.csv").is_file()

    def test_replaces_what_stands_there_in_one_step(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("old")
        with path.open() as reader:
            begun(path).publish(publication())
            assert reader.read() == "old"
        assert path.read_bytes().startswith(b"PatientID")

    @pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
    def test_leaves_the_mode_to_the_umask(
        self, tmp_path: Path, mask: int, mode: int
    ) -> None:
        before = os.umask(mask)
        try:
            begun(tmp_path / "a.csv").publish(publication())
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == mode

    def test_keeps_who_may_read_the_file_it_replaces(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("yesterday")
        (tmp_path / "a.csv").chmod(0o600)
        begun(tmp_path / "a.csv").publish(publication())
        assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o600

    def test_clears_away_what_a_killed_execution_left(self, tmp_path: Path) -> None:
        left = begun(tmp_path / "a.csv")
        left._area.release()  # as the kernel does when a process dies
        publish(tmp_path / "a.csv")
        assert files(tmp_path) == ["a.csv", "a.csv.batchfind.json"]
        left.discard()
        assert (tmp_path / "a.csv").exists()

    def test_leaves_what_another_run_is_writing_alone(self, tmp_path: Path) -> None:
        other = places.begun(planned(tmp_path / "a.csv"), "run-2")
        publish(tmp_path / "a.csv")
        write(other, 3)
        assert other.publish(publication("run-2")).rows == 3

    def test_of_one_run_by_two_processes_at_once_is_refused(
        self, tmp_path: Path
    ) -> None:
        first = begun(tmp_path / "a.csv")
        with pytest.raises(StorageError, match="another process is writing"):
            begun(tmp_path / "a.csv")
        first.publish(publication())

    def test_takes_names_as_long_as_their_sidecars_can_be(self, tmp_path: Path) -> None:
        publish(tmp_path / ("n" * 240))
        assert check_writable(tmp_path / ("n" * 240)) == ""
        assert "choose a shorter name" in check_writable(tmp_path / ("n" * 241))

    def test_knows_size_and_digest_before_it_is_decided(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        early = staged.close()
        assert not (tmp_path / "a.csv").exists()
        assert staged.publish(publication()) == early
        with pytest.raises(ValueError, match="is closed"):
            write(staged)


class TestWithholding:
    def test_leaves_the_path_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("old")
        staged = begun(path)
        write(staged)
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
        assert written.path.read_bytes() == HEADER
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
        write(staged)
        staged.discard()
        staged.discard()
        assert list(tmp_path.iterdir()) == []

    def test_after_publishing_changes_nothing(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "new/a.csv")
        staged.publish(publication())
        staged.discard()
        assert (tmp_path / "new/a.csv").exists()

    def test_keeps_directories_that_others_use_by_now(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "new/a.csv")
        (tmp_path / "new/other").write_text("")
        staged.discard()
        assert [each.name for each in (tmp_path / "new").iterdir()] == ["other"]


class TestAFullDisk:
    @pytest.mark.parametrize("form", TABLES)
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

    @pytest.mark.parametrize("form", TABLES)
    def test_from_the_start_is_one_error(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        with full_disk(0), pytest.raises(StorageError):
            begun(tmp_path / "new/a", form).publish(publication())
        assert list(tmp_path.iterdir()) == []

    def test_is_told_with_its_remedy(self) -> None:
        error = storage_error(Path("/x/a.csv"), OSError(errno.ENOSPC, "No space left"))
        assert str(error) == (
            "/x/a.csv: the output cannot be written: No space left; free some space"
            " there, then run batchfind export --to-paths: the capture holds every"
            " answer"
        )


class TestATargetThatCannotBeReplaced:
    def test_is_an_error_and_stays(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        (tmp_path / "a.csv").mkdir()
        with pytest.raises(StorageError, match="choose a path that is not a directory"):
            staged.publish(publication())
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
    def test_of_unfinished_outputs_are_hidden(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        (name,) = (each.name for each in tmp_path.iterdir())
        assert name.startswith(f"{STAGING_PREFIX}run-1-")
        staged.discard()


class TestSidecar:
    def test_says_what_stands_beside_it(self, tmp_path: Path) -> None:
        staged = begun(tmp_path / "a.csv")
        write(staged, 2)
        facts: dict[str, Any] = {
            "verdict": "suspect",
            "verdicts": {"complete": 4, "suspect": 1},
        }
        written = staged.publish(publication(**facts))
        sidecar = read_sidecar(tmp_path / "a.csv")
        assert sidecar is not None
        assert (sidecar.run_id, sidecar.job) == ("run-1", "nightly")
        assert (sidecar.rows, sidecar.bytes) == (2, written.bytes)
        assert sidecar.sha256 == written.sha256
        assert (sidecar.verdict, sidecar.verdicts) == (
            facts["verdict"],
            facts["verdicts"],
        )
        assert sidecar.columns == (
            ("PatientID", "string"),
            ("StudyDate", "string"),
            ("Modality", "string"),
        )
        assert sidecar.files is None

    def test_that_is_none_of_ours_stops_everything(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("old")
        (tmp_path / "a.csv.batchfind.json").write_text('{"mine": true}')
        with pytest.raises(StorageError, match="no sidecar of batchfind"):
            publish(path)
        assert path.read_text() == "old"
        assert files(tmp_path) == ["a.csv", "a.csv.batchfind.json"]

    @pytest.mark.parametrize("path", ["../x", "/etc/x", "a//b", "a/../../b", ""])
    def test_that_lists_a_path_outside_is_refused(
        self, tmp_path: Path, path: str
    ) -> None:
        publish(tmp_path / "a", OutputFormat.DICOM)
        place = tmp_path / "a.batchfind.json"
        data = json.loads(place.read_text())
        data["files"] = [
            {"path": path, "rows": 1, "bytes": 1, "sha256": "", "run": "run-0"}
        ]
        place.write_text(json.dumps(data))
        with pytest.raises(StorageError, match="no sidecar of batchfind"):
            publish(tmp_path / "a", OutputFormat.DICOM)


class TestPermissions:
    def test_mode_counts_whatever_the_umask(self, tmp_path: Path) -> None:
        output = planned(tmp_path / "a.csv", mode=0o640)
        places.published(output)
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_a_directory_can_be_entered_by_those_who_read(self, tmp_path: Path) -> None:
        output = planned(tmp_path / "a", OutputFormat.DICOM, mode=0o640)
        staged = places.begun(output)
        staged.write(responses_piece(1))
        staged.publish(publication())
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750
        (file,) = (tmp_path / "a").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o640

    def test_group_is_given(self, tmp_path: Path) -> None:
        name = grp.getgrgid(os.getegid()).gr_name
        places.published(planned(tmp_path / "a.csv", group=name))
        assert (tmp_path / "a.csv").stat().st_gid == os.getegid()

    def test_of_a_group_without_this_user_cannot_be_given(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others = [g for g in grp.getgrall() if g.gr_gid != os.getegid()]
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(os, "getgroups", list)
        output = planned(Path("/x"), group=others[0].gr_name)
        assert "no member" in group_fault(output.options)
        assert group_fault(planned(Path("/x")).options) == ""

    def test_of_an_unknown_group_cannot_be_given(self, tmp_path: Path) -> None:
        output = planned(tmp_path / "a.csv", group="no-such-group")
        assert "no-such-group" in group_fault(output.options)
        with pytest.raises(StorageError, match="name another group"):
            places.begun(output)
        assert list(tmp_path.iterdir()) == []


class TestOverwriteFail:
    def test_puts_a_file_where_nothing_stands(self, tmp_path: Path) -> None:
        output = planned(tmp_path / "a.csv", overwrite=Overwrite.FAIL)
        places.published(output, places.rows(2))
        assert (tmp_path / "a.csv").read_bytes().count(b"CT") == 2

    @pytest.mark.parametrize("form", [OutputFormat.CSV, OutputFormat.DICOM])
    def test_leaves_alone_what_stands_there(
        self, tmp_path: Path, form: OutputFormat
    ) -> None:
        output = planned(tmp_path / "a", form, overwrite=Overwrite.FAIL)
        staged = places.begun(output)
        foreign = tmp_path / "a"
        if form is OutputFormat.DICOM:
            foreign.mkdir()
            foreign /= "mine"
        foreign.write_text("mine")
        with pytest.raises(StorageError, match="overwrite: fail"):
            staged.publish(publication())
        assert [each for each in tmp_path.rglob("*") if each.is_file()] == [foreign]

    def test_lets_a_run_publish_its_own_answers_again(self, tmp_path: Path) -> None:
        output = planned(tmp_path / "a.csv", overwrite=Overwrite.FAIL)
        places.published(output)
        places.published(output, places.rows(1))
        assert (tmp_path / "a.csv").read_bytes().count(b"CT") == 1


class TestANewerRun:
    LATER = "2026-02-01T00:00:00.000000+00:00"

    def test_is_not_replaced_by_an_older_one(self, tmp_path: Path) -> None:
        output = planned(tmp_path / "a.csv")
        places.published(output, places.rows(1), "run-2", started=self.LATER)
        with pytest.raises(StorageError, match=r"newer run run-2.*--force"):
            places.published(output, guarded=True)
        assert (tmp_path / "a.csv").read_bytes().count(b"CT") == 1

    def test_is_replaced_by_force_or_by_a_run_that_starts_anew(
        self, tmp_path: Path
    ) -> None:
        output = planned(tmp_path / "a.csv")
        places.published(output, places.rows(1), "run-2", started=self.LATER)
        places.published(output, guarded=False)
        assert (tmp_path / "a.csv").read_bytes() == HEADER
