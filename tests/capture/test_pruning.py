"""Deleting runs: what is ours, old and free goes; all else stays, whatever happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batchfind.capture.job_folder import JobFolder
from batchfind.capture.lock import Lock
from batchfind.capture.pin import pin_run, unpin_run
from batchfind.capture.pruning import Removal, Survey, remove, sizes, survey
from batchfind.capture.run_directory import find_run, list_runs
from batchfind.errors import StorageError
from batchfind.job.model import Keep
from tests.capture.stored import MIDNIGHT, ROOT, held_elsewhere, name_of, names, store

ONE = Keep(runs=1)
NOW = MIDNIGHT + timedelta(days=100)
KILLED = Path(__file__).parent / "pruned_and_killed.py"

PRUNE_AS_NOBODY = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from batchfind.capture.pruning import remove, survey
from batchfind.errors import StorageError
from batchfind.job.model import Keep
if not os.geteuid():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
folder = Path(sys.argv[1])
try:
    seen = survey(folder, Keep(runs=1), datetime.now(UTC))
    done = remove(folder, seen.going)
except StorageError as error:
    print(error)
else:
    print(*seen.failed, *done.failed, *done.deleted, sep="\\n")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The runs of a job, begun on 5 days one after the other, and its lock."""
    folder = tmp_path / "runs" / "nightly"
    for day in range(5):
        store(folder, MIDNIGHT + timedelta(days=day), size=100 + day)
    (folder / "job.lock").touch(0o600)
    return folder


def runs(folder: Path) -> list[str]:
    return [name for name in names(folder) if name[0] == "2"]


def prune(folder: Path, keep: Keep = ONE) -> Removal:
    return remove(folder, survey(folder, keep, NOW).going)


def as_nobody(folder: Path) -> list[str]:
    """What a prune without root's powers has to say."""
    done = subprocess.run(
        [sys.executable, "-c", PRUNE_AS_NOBODY, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return done.stdout.splitlines()


class TestSurvey:
    def test_tells_what_there_is_and_what_goes(self, folder: Path) -> None:
        seen = survey(folder, Keep(runs=3), NOW)
        assert seen == Survey(
            folder=folder, runs=tuple(runs(folder)), going=tuple(runs(folder)[:2])
        )
        assert seen.staying == tuple(runs(folder)[2:])

    def test_changes_nothing(self, folder: Path) -> None:
        before = sorted(folder.rglob("*"))
        survey(folder, ONE, NOW)
        assert sorted(folder.rglob("*")) == before

    def test_sizes_are_those_of_all_files_below(self, folder: Path) -> None:
        weights = sizes(folder, runs(folder))
        assert list(weights.values()) == [100, 101, 102, 103, 104]

    def test_a_link_weighs_what_it_is_itself(
        self, folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "large").write_bytes(bytes(100_000))
        run = folder / runs(folder)[0]
        (run / "link").symlink_to(tmp_path / "large")
        assert 100 < sizes(folder, [run.name])[run.name] < 1000

    def test_of_what_is_no_folder_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for name in ("file", "missing"):
            with pytest.raises(StorageError, match="cannot be pruned here"):
                survey(tmp_path / name, ONE, NOW)


class TestWhatGoes:
    def test_is_deleted_with_all_it_holds(self, folder: Path) -> None:
        old, newest = runs(folder)[:4], runs(folder)[4]
        done = prune(folder)
        assert done.deleted == dict(zip(old, (100, 101, 102, 103), strict=True))
        assert (done.locked, done.pinned, done.failed) == ([], [], [])
        assert names(folder) == [newest, "job.lock"]

    def test_ends_early_when_somebody_wants_it_to(self, folder: Path) -> None:
        answers = iter((False, False, True))
        done = remove(folder, runs(folder)[:4], stopped=lambda: next(answers))
        assert len(done.deleted) == 2
        assert len(runs(folder)) == 3

    def test_is_not_found_as_a_run_while_it_goes(self, folder: Path) -> None:
        old = folder / runs(folder)[0]
        old.rename(folder / f".pruned-{old.name}")
        assert len(list_runs(folder.parent)) == 4
        latest = find_run("latest", {"BATCHFIND_RUNS": str(folder.parent)})
        assert latest.name == runs(folder)[-1]


class TestWhatStays:
    def test_runs_that_went_meanwhile_are_no_trouble(self, folder: Path) -> None:
        going = survey(folder, ONE, NOW).going
        shutil.rmtree(folder / going[0])
        done = remove(folder, going)
        assert list(done.deleted) == list(going[1:])
        assert done.failed == []

    def test_a_pinned_run(self, folder: Path) -> None:
        pinned = folder / runs(folder)[1]
        pin_run(pinned, "", NOW)
        assert survey(folder, ONE, NOW).pinned == (pinned.name,)
        prune(folder)
        assert len(runs(folder)) == 2
        assert pinned.name in runs(folder)
        unpin_run(pinned)
        prune(folder)
        assert len(runs(folder)) == 1

    def test_a_run_that_is_pinned_after_the_survey(self, folder: Path) -> None:
        going = survey(folder, ONE, NOW).going
        pin_run(folder / going[2], "", NOW)
        done = remove(folder, going)
        assert done.pinned == [going[2]]
        assert len(done.deleted) == 3
        assert (folder / going[2] / "run.db").is_file()

    def test_a_run_in_use_by_another_process(self, folder: Path) -> None:
        going = survey(folder, ONE, NOW).going
        with held_elsewhere(folder / going[0] / "run.lock"):
            seen = survey(folder, ONE, NOW)
            assert seen.locked == going[:1]
            assert seen.going == going[1:]
            done = remove(folder, going)
            assert done.locked == [going[0]]
            assert len(done.deleted) == 3
            assert (folder / going[0] / "withheld" / "a.csv").is_file()
        prune(folder)
        assert len(runs(folder)) == 1

    def test_a_run_in_use_by_this_process(self, folder: Path) -> None:
        lock = Lock.acquire(folder / runs(folder)[0] / "run.lock", "run")
        prune(folder)
        lock.release()
        assert len(runs(folder)) == 2

    @pytest.mark.parametrize(
        "name",
        [
            "audit-17",
            "20260101T000000.000000Z-1a2b3c4d.old",
            "20260101T000000.000000Z",
            ".20260101T000000.000000Z-1a2b3c4d",
            ".pruned-mine",
        ],
    )
    def test_a_folder_whose_name_is_not_ours(self, folder: Path, name: str) -> None:
        (folder / runs(folder)[0]).rename(folder / name)
        prune(folder)
        assert (folder / name / "run.db").is_file()
        assert len(runs(folder)) == (2 if name[0] == "2" else 1)

    def test_a_folder_of_our_name_without_a_capture(self, folder: Path) -> None:
        old = folder / runs(folder)[0]
        (old / "run.db").unlink()
        (folder / runs(folder)[1] / "run.db").unlink()
        (folder / runs(folder)[1] / "run.db").mkdir()
        done = prune(folder)
        assert len(done.deleted) == 2
        assert remove(folder, [old.name]) == Removal()
        assert (old / "plan.json").is_file()

    def test_a_file_of_our_name(self, folder: Path) -> None:
        name = name_of(MIDNIGHT - timedelta(days=1))
        (folder / name).write_text("mine")
        prune(folder)
        assert (folder / name).read_text() == "mine"


class TestLinks:
    """Nothing that a link leads to is ever deleted."""

    @pytest.fixture
    def other(self, tmp_path: Path) -> Path:
        return store(tmp_path / "other", MIDNIGHT - timedelta(days=50))

    def test_a_run_that_is_a_link_is_none_of_ours(
        self, folder: Path, other: Path
    ) -> None:
        (folder / other.name).symlink_to(other)
        assert other.name not in survey(folder, ONE, NOW).runs
        prune(folder)
        assert (other / "run.db").is_file()
        assert (folder / other.name).is_symlink()

    def test_one_that_becomes_a_link_after_the_survey_stays(
        self, folder: Path, other: Path
    ) -> None:
        going = survey(folder, ONE, NOW).going
        shutil.rmtree(folder / going[0])
        (folder / going[0]).symlink_to(other)
        assert remove(folder, going[:1]) == Removal()
        assert (folder / going[0]).is_symlink()
        assert (other / "withheld" / "a.csv").is_file()
        assert (other / "run.db").is_file()
        assert (other / "run.lock").read_bytes() == b""

    def test_a_capture_that_is_a_link_makes_no_run(
        self, folder: Path, other: Path
    ) -> None:
        capture = folder / runs(folder)[0] / "run.db"
        capture.unlink()
        capture.symlink_to(other / "run.db")
        prune(folder)
        assert capture.is_symlink()

    def test_links_in_a_run_go_and_what_they_point_to_stays(
        self, folder: Path, other: Path
    ) -> None:
        run = folder / runs(folder)[0]
        (run / "exports").symlink_to(other)
        (run / "file").symlink_to(other / "run.db")
        prune(folder)
        assert not run.exists()
        assert (other / "run.db").is_file()

    def test_the_folder_of_a_job_is_no_link(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(folder)
        with pytest.raises(StorageError, match="symbolic link: name the folder"):
            survey(tmp_path / "link", ONE, NOW)
        with pytest.raises(StorageError, match="symbolic link"):
            remove(tmp_path / "link", runs(folder)[:1])
        assert len(runs(folder)) == 5

    def test_a_folder_that_is_replaced_while_it_is_open_leads_nowhere(
        self, folder: Path, other: Path
    ) -> None:
        with JobFolder.open(folder) as opened:
            folder.rename(folder.parent / "moved")
            folder.symlink_to(other.parent)
            assert other.name not in opened.names()

    def test_a_leftover_that_is_a_link_stays(self, folder: Path, other: Path) -> None:
        hidden = folder / f".pruned-{other.name}"
        hidden.symlink_to(other)
        assert survey(folder, ONE, NOW).leftovers == ()
        prune(folder)
        assert (other / "run.db").is_file()


class TestKilledInTheMiddle:
    def test_the_next_prune_ends_what_was_begun(self, folder: Path) -> None:
        """Killed at each rename, unlink and rmdir of a prune, one after the other."""
        whole = {"run.db", "plan.json", "job.yaml", "withheld", "run.lock"}
        for last in range(1, 1000):
            work = folder.with_name(f"killed-{last}")
            shutil.copytree(folder, work)
            done = subprocess.run(
                [sys.executable, str(KILLED), str(work), str(last)],
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
            assert not done.stderr
            # Every run that can still be seen is whole.
            for name in runs(work):
                assert set(names(work / name)) == whole
            prune(work)
            assert names(work) == [runs(folder)[-1], "job.lock"]
            if done.stdout == "done\n":
                break
        assert last == 4 * len([*whole, "a.csv", "rename", "rmdir"]) + 1

    def test_a_leftover_is_told_and_deleted(self, folder: Path) -> None:
        old = runs(folder)[0]
        hidden = f".pruned-{old}"
        (folder / old).rename(folder / hidden)
        (folder / hidden / "run.db").unlink()
        seen = survey(folder, Keep(runs=9), NOW)
        assert seen.leftovers == (hidden,)
        assert old not in seen.runs
        assert sizes(folder, [hidden]) == {hidden: 40}
        assert prune(folder, Keep(runs=9)).deleted == {old: 40}
        assert len(names(folder)) == 5

    def test_a_leftover_that_another_process_deletes_is_left_to_it(
        self, folder: Path
    ) -> None:
        old = folder / runs(folder)[0]
        hidden = old.rename(folder / f".pruned-{old.name}")
        with held_elsewhere(hidden / "run.lock"):
            assert prune(folder, Keep(runs=9)) == Removal()
            assert hidden.is_dir()

    def test_a_run_pinned_in_the_last_moment_comes_back(self, folder: Path) -> None:
        old = folder / runs(folder)[0]
        pin_run(old, "", NOW)
        old.rename(folder / f".pruned-{old.name}")
        done = prune(folder, Keep(runs=9))
        assert done.pinned == [old.name]
        assert (old / "run.db").is_file()


class TestTwoAtOnce:
    def test_delete_everything_once(self, folder: Path) -> None:
        for day in range(60):
            store(folder, MIDNIGHT - timedelta(days=day + 1))
        code = (
            "import sys\nfrom pathlib import Path\n"
            "from datetime import UTC, datetime\n"
            "from batchfind.capture.pruning import remove, survey\n"
            "from batchfind.job.model import Keep\n"
            "folder = Path(sys.argv[1])\n"
            "sys.stdin.readline()\n"
            "going = survey(folder, Keep(runs=1), datetime.now(UTC)).going\n"
            "print(*remove(folder, going).failed)\n"
        )
        both = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
            for _ in range(2)
        ]
        for one in both:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        for one in both:
            told, _ = one.communicate()
            assert not told.strip()
        prune(folder)
        assert names(folder) == [name_of(MIDNIGHT + timedelta(days=4)), "job.lock"]

    @pytest.mark.parametrize("locks_first", [True, False])
    def test_a_run_that_goes_before_it_is_renamed_is_no_trouble(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, locks_first: bool
    ) -> None:
        def acquire(path: Path, what: str) -> Lock:
            """The lock of a run that another process deletes just then."""
            lock = real(path, what) if locks_first else None
            shutil.rmtree(path.parent)
            return lock or real(path, what)

        real = Lock.acquire
        monkeypatch.setattr(Lock, "acquire", acquire)
        assert remove(folder, runs(folder)[:2]) == Removal()
        assert len(runs(folder)) == 3

    def test_files_that_go_while_they_are_deleted_are_no_trouble(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def rmtree(name: str, dir_fd: int) -> None:
            """Finds at first that a file is gone."""
            tries.append(name)
            if len(tries) < 3:
                raise FileNotFoundError(2, "No such file or directory")
            real(name, dir_fd=dir_fd)

        tries: list[str] = []
        real = shutil.rmtree
        monkeypatch.setattr(shutil, "rmtree", rmtree)
        assert len(prune(folder, Keep(runs=4)).deleted) == 1
        assert len(tries) == 3
        assert len(runs(folder)) == 4


class TestWithoutPermission:
    """As a user who may look, but not delete."""

    @pytest.fixture
    def public(self, folder: Path) -> Iterator[Path]:
        above = [one for one in (folder, *folder.parents) if "pytest" in str(one)]
        modes = {one: one.stat().st_mode for one in above}
        for one in above:
            one.chmod(0o755)
        for one in folder.rglob("*"):
            one.chmod(0o755 if one.is_dir() else 0o644)
        yield folder
        for one, mode in modes.items():
            one.chmod(mode)

    def test_a_run_that_cannot_be_deleted_is_told_and_stays_whole(
        self, public: Path
    ) -> None:
        public.chmod(0o555)
        before = sorted(public.rglob("*"))
        told = as_nobody(public)
        assert len(told) == 4
        for line, name in zip(told, runs(public), strict=False):
            assert line.startswith(f"{public / name}: ")
            assert "check owner" in line
        assert sorted(public.rglob("*")) == before

    def test_a_run_that_cannot_be_looked_into_is_told(self, public: Path) -> None:
        public.chmod(0o777)
        private = public / runs(public)[2]
        private.chmod(0o000)
        told = as_nobody(public)
        assert f"{private}: it cannot be read (Permission denied)" in told[0]
        private.chmod(0o700)
        assert (private / "run.db").is_file()

    def test_a_folder_that_cannot_be_read_is_an_error(self, public: Path) -> None:
        public.chmod(0o000)
        (told,) = as_nobody(public)
        assert "runs cannot be pruned here: Permission denied" in told

    def test_a_part_that_cannot_be_deleted_is_named(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        going = survey(folder, ONE, datetime.now(UTC)).going
        with monkeypatch.context() as patch:
            patch.setattr(os, "rmdir", refuse)
            done = remove(folder, going[:1])
        assert done.deleted == {}
        assert f".pruned-{going[0]}: it cannot be deleted" in done.failed[0]
        assert "delete it by hand" in done.failed[0]
        assert prune(folder).deleted.keys() == set(going)
