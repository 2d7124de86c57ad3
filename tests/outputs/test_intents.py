"""What the next command makes of an intent, and the steps it is made of."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from batchfind.outputs import disk
from batchfind.outputs.disk import claim, move, put_new
from batchfind.outputs.intents import Intent, settle
from batchfind.outputs.staging_area import INTENT, StagingArea
from tests.outputs.places import files


def staged(target: Path, *names: str) -> StagingArea:
    """A staging area that nobody uses any more."""
    area = StagingArea(target, "run-1")
    area.make_parents()
    area.open()
    for name in names:
        path = area.files / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("new")
    (area.place / "sidecar.json").write_text("{}")
    area.release()
    return area


def intent(area: StagingArea, **facts: Any) -> Intent:
    return Intent(target=area.target, staging=area.place, directory=True, **facts)


class TestSettling:
    def test_finishes_what_can_be_finished(self, tmp_path: Path) -> None:
        target = tmp_path / "a"
        target.mkdir()
        for name in ("old", "stale"):
            (target / name).write_text("old")
        area = staged(target, "old", "sub/fresh")
        intent(
            area,
            add=("sub/fresh",),
            replace=("old",),
            remove=("stale",),
            folders=("sub",),
        ).write()
        settle(target)
        assert files(tmp_path) == ["a.batchfind.json", "a/old", "a/sub/fresh"]
        assert (target / "old").read_text() == "new"
        assert not area.place.exists()

    def test_takes_back_what_meets_a_file_of_somebody_else(
        self, tmp_path: Path
    ) -> None:
        target = tmp_path / "a"
        area = staged(target, "one", "sub/two")
        given = intent(area, add=("one", "sub/two"), folders=("", "sub"))
        given.write()
        (target / "sub").mkdir(parents=True)
        (target / "sub" / "two").write_text("mine")
        settle(target)
        assert files(tmp_path) == ["a/sub/two"]
        assert (target / "sub" / "two").read_text() == "mine"

    def test_takes_up_a_directory_that_somebody_made_meanwhile(
        self, tmp_path: Path
    ) -> None:
        target = tmp_path / "a"
        area = staged(target, "one")
        intent(area, add=("one",), folders=("",)).write()
        target.mkdir()
        (target / "mine").write_text("mine")
        settle(target)
        assert files(tmp_path) == ["a.batchfind.json", "a/mine", "a/one"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            '{"batchfind": 2}',
            '{"batchfind": 1, "target": "other"}',
            '{"batchfind": 1, "target": "a", "directory": true, "add": ["../x"]}',
        ],
    )
    def test_clears_away_what_nobody_can_read(self, tmp_path: Path, text: str) -> None:
        area = staged(tmp_path / "a", "one")
        (area.place / INTENT).write_text(text)
        settle(tmp_path / "a")
        assert files(tmp_path) == []

    def test_never_leaves_the_directory(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("mine")
        area = staged(tmp_path / "a", "one")
        given = intent(area, add=("one",), folders=("",))
        given.write()
        document = json.loads((area.place / INTENT).read_text())
        document["remove"] = ["../precious"]
        (area.place / INTENT).write_text(json.dumps(document))
        settle(tmp_path / "a")
        assert files(tmp_path) == ["precious"]

    def test_leaves_other_outputs_and_living_processes_alone(
        self, tmp_path: Path
    ) -> None:
        other = staged(tmp_path / "b", "one")
        living = StagingArea(tmp_path / "a", "run-2")
        living.open()
        settle(tmp_path / "a")
        assert other.place.exists()
        assert living.place.exists()
        living.discard()

    def test_of_a_path_without_a_parent_does_nothing(self, tmp_path: Path) -> None:
        settle(tmp_path / "no" / "a")
        assert list(tmp_path.iterdir()) == []

    def test_keeps_the_intent_when_files_cannot_be_replaced(
        self, tmp_path: Path
    ) -> None:
        target = tmp_path / "a"
        (target / "old").mkdir(parents=True)
        area = staged(target, "old")
        intent(area, replace=("old",)).write()
        with pytest.raises(IsADirectoryError):
            settle(target)
        (target / "old").rmdir()
        settle(target)
        assert files(tmp_path) == ["a.batchfind.json", "a/old"]


class TestNewNames:
    def test_are_finished_after_a_crash_in_the_middle(self, tmp_path: Path) -> None:
        source, target = tmp_path / "s", tmp_path / "t"
        source.write_text("new")
        target.hardlink_to(source)  # the first half of putting it there
        put_new(source, target)
        assert files(tmp_path) == ["t"]

    @pytest.mark.parametrize("stands", [False, True])
    def test_do_without_links_where_there_are_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stands: bool
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        source, target = tmp_path / "s", tmp_path / "t"
        source.write_text("new")
        monkeypatch.setattr(os, "link", refuse)
        if stands:
            target.write_text("mine")
            with pytest.raises(FileExistsError):
                put_new(source, target)
            assert target.read_text() == "mine"
        else:
            put_new(source, target)
            assert target.read_text() == "new"

    def test_pass_on_other_errors(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            put_new(tmp_path / "s", tmp_path / "t")


class TestMoving:
    def test_to_another_file_system_copies_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        (tmp_path / "s").mkdir()
        (tmp_path / "s" / "f").write_text("x")
        monkeypatch.setattr(Path, "rename", refuse)
        move(tmp_path / "s", tmp_path / "t")
        assert files(tmp_path) == ["t/f"]

    def test_passes_on_other_errors(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            move(tmp_path / "s", tmp_path / "t")


class TestAFileSystemThatCannotLock:
    def test_does_not_stop_publishing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)
        with disk.alone_in(tmp_path):
            handle = claim(tmp_path)
        assert handle is not None
        os.close(handle)
