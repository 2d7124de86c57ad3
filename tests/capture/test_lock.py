"""Lock files, and what may stand in their place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchfind.capture.lock import Lock, holder_of
from batchfind.errors import StorageError


class TestAFile:
    @pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
    def test_what_is_no_file_is_neither_waited_for_nor_followed(
        self, tmp_path: Path, kind: str
    ) -> None:
        path = tmp_path / "run.lock"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(tmp_path / "elsewhere")
        else:
            path.mkdir()
        with pytest.raises(StorageError, match=r"in the place of the lock file"):
            Lock.acquire(path, "run a")
        assert holder_of(path) is None
        assert not (tmp_path / "elsewhere").exists()
