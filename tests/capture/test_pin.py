"""A pin is a file in the run directory; that it is there is what counts."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batchfind.capture.pin import Pin, pin_of, pin_run, unpin_run
from batchfind.errors import StorageError, UsageError
from tests.capture.stored import store

NOW = datetime(2026, 1, 31, 18, 0, 0, 5, tzinfo=UTC)
PINNED = Pin("audit 17", "2026-01-31T18:00:00+00:00")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return store(tmp_path / "nightly")


class TestPinning:
    def test_says_since_when_and_why(self, run: Path) -> None:
        assert pin_of(run) is None
        assert pin_run(run, "audit 17", NOW) is None
        assert pin_of(run) == PINNED
        assert PINNED.to_json() == {
            "since": "2026-01-31T18:00:00+00:00",
            "reason": "audit 17",
        }

    def test_is_for_the_owner_only(self, run: Path) -> None:
        pin_run(run, "", NOW)
        assert stat.S_IMODE((run / "pin.json").stat().st_mode) == 0o600

    def test_again_replaces_the_reason(self, run: Path) -> None:
        pin_run(run, "a very long reason that leaves nothing behind", NOW)
        assert pin_run(run, "audit 17", NOW) is not None
        assert pin_of(run) == PINNED

    def test_takes_any_text_of_500_characters(self, run: Path) -> None:
        pin_run(run, "\udcff\n\x1b" + "\u00e4" * 497, NOW)
        assert pin_of(run) == Pin("\udcff\n\x1b" + "\u00e4" * 497, PINNED.since)
        with pytest.raises(UsageError, match="501 characters"):
            pin_run(run, "x" * 501, NOW)

    def test_a_run_that_is_gone_cannot_be_pinned(self, run: Path) -> None:
        with pytest.raises(StorageError, match="still there"):
            pin_run(run.parent / "gone", "", NOW)

    def test_follows_no_link(self, run: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").write_text("mine")
        (run / "pin.json").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StorageError, match="cannot be pinned"):
            pin_run(run, "", NOW)
        assert (tmp_path / "elsewhere").read_text() == "mine"
        assert pin_of(run) == Pin()

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"reason": 1}', "[" * 5000])
    def test_one_that_cannot_be_read_pins_all_the_same(
        self, run: Path, text: str
    ) -> None:
        (run / "pin.json").write_text(text)
        assert pin_of(run) == Pin()


class TestUnpinning:
    def test_takes_the_pin_away(self, run: Path) -> None:
        pin_run(run, "audit 17", NOW)
        assert unpin_run(run) == PINNED
        assert pin_of(run) is None
        assert unpin_run(run) is None

    def test_what_cannot_be_removed_stays_pinned(self, run: Path) -> None:
        (run / "pin.json").mkdir()
        with pytest.raises(StorageError, match="cannot be unpinned"):
            unpin_run(run)
        assert pin_of(run) == Pin()
