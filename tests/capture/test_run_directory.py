from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from batchfind.capture.lock import Lock
from batchfind.capture.new_run import NewRun, create_run_directory
from batchfind.capture.run_directory import (
    find_run,
    list_runs,
    reopen_run_directory,
)
from batchfind.errors import InputError, StateError, StorageError, UsageError

ROOT = Path(__file__).parents[2]
STARTED = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def new(tmp_path: Path) -> NewRun:
    return NewRun(
        base=tmp_path / "runs",
        job="nightly",
        plan_digest="1a2b3c4d" + "0" * 56,
        started=STARTED,
        job_yaml="name: nightly # ä\n",
        plan_json=b'{"version": 1}',
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def made(new: NewRun, days: int = 0, job: str = "nightly") -> Path:
    """A run that ended."""
    started = STARTED + timedelta(days=days)
    with create_run_directory(replace(new, started=started, job=job)) as run:
        run.capture.touch()
        return run.path


class TestCreating:
    def test_name_is_utc_time_and_plan_digest(self, new: NewRun) -> None:
        berlin = STARTED.astimezone(timezone(timedelta(hours=1)))
        with create_run_directory(replace(new, started=berlin)) as run:
            assert run.run_id == "20260102T030405.000006Z-1a2b3c4d"
            assert run.path == new.base / "nightly" / run.run_id
            assert run.capture == run.path / "run.db"
            assert run.path.is_absolute()

    def test_only_the_owner_can_read_it(self, new: NewRun) -> None:
        with create_run_directory(new) as run:
            assert mode(run.path) == 0o700
            assert mode(run.path.parent) == 0o700
            for file in run.path.iterdir():
                assert mode(file) == 0o600
            text = (run.path / "job.yaml").read_text(encoding="utf-8")
            assert text == new.job_yaml
            assert (run.path / "plan.json").read_bytes() == new.plan_json

    def test_two_runs_of_one_moment_get_two_directories(self, new: NewRun) -> None:
        first = made(new)
        second = made(new)
        assert first != second
        assert second.name == "20260102T030405.000007Z-1a2b3c4d"

    def test_a_moment_can_be_used_up(self, new: NewRun) -> None:
        for _ in range(100):
            made(new)
        with pytest.raises(StateError, match="try again"):
            create_run_directory(new)

    def test_an_exact_directory_is_made_once(self, new: NewRun, tmp_path: Path) -> None:
        exact = replace(new, exactly=tmp_path / "deep" / "down" / "here")
        with create_run_directory(exact) as run:
            assert run.path == exact.exactly
            run.capture.touch()
        with pytest.raises(StateError, match="a run exists already"):
            create_run_directory(exact)

    @pytest.mark.parametrize(
        "left",
        [
            [],
            ["run.lock"],
            ["run.lock", "job.yaml"],
            ["run.lock", "job.yaml", "plan.json"],
            ["run.lock", "job.yaml", "plan.json", "run.db.new", "run.db.new-journal"],
        ],
    )
    def test_an_exact_directory_may_be_empty_or_unfinished(
        self, left: list[str], new: NewRun, tmp_path: Path
    ) -> None:
        place = tmp_path / "here"
        place.mkdir(mode=0o755)
        for name in left:
            (place / name).write_text("half a")
        with create_run_directory(replace(new, exactly=place)) as run:
            assert run.path == place
            assert mode(place) == 0o700
            assert (place / "plan.json").read_bytes() == new.plan_json
            assert (place / "job.yaml").read_text(encoding="utf-8") == new.job_yaml
            names = {entry.name for entry in place.iterdir()}
            assert names == {"run.lock", "job.yaml", "plan.json"}

    def test_an_exact_directory_of_others_is_left_alone(
        self, new: NewRun, tmp_path: Path
    ) -> None:
        (tmp_path / "plan.json").write_text("mine")
        (tmp_path / "notes.txt").write_text("mine, too")
        exact = replace(new, exactly=tmp_path, base=tmp_path.parent / "runs-elsewhere")
        with pytest.raises(StateError, match=r"no run's, such as notes\.txt: name a"):
            create_run_directory(exact)
        assert (tmp_path / "plan.json").read_text() == "mine"
        assert not (tmp_path / "run.lock").exists()

    @pytest.mark.parametrize("below", ["inside", "deep/inside"])
    def test_an_exact_directory_is_not_inside_another_run(
        self, new: NewRun, below: str
    ) -> None:
        run = made(new)
        before = sorted(run.iterdir())
        with pytest.raises(StateError, match=f"this is inside run {run}, and would"):
            create_run_directory(replace(new, exactly=run / below))
        assert sorted(run.iterdir()) == before

    def test_an_exact_directory_is_no_link_to_nothing(
        self, new: NewRun, tmp_path: Path
    ) -> None:
        link = tmp_path / "link"
        link.symlink_to(tmp_path / "gone")
        with pytest.raises(StateError, match="which is not there: remove the link"):
            create_run_directory(replace(new, exactly=link))

    def test_an_exact_directory_is_no_file(self, new: NewRun, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StateError, match="this is no directory"):
            create_run_directory(replace(new, exactly=tmp_path / "file"))

    def test_an_unfinished_directory_that_is_held_is_left_alone(
        self, new: NewRun, tmp_path: Path
    ) -> None:
        place = tmp_path / "here"
        with create_run_directory(replace(new, exactly=place, job="first")):
            with pytest.raises(StateError, match="run here is in use") as refusal:
                create_run_directory(replace(new, exactly=place, job="second"))
            assert refusal.value.locked
            assert (place / "plan.json").read_bytes() == new.plan_json
        made(new, job="second")  # its lock was given back

    @pytest.mark.parametrize("job", ["", "..", ".x", "a/b", "a\\b", "a\nb", "x" * 200])
    def test_a_job_name_never_leaves_the_base(self, new: NewRun, job: str) -> None:
        with pytest.raises(InputError, match="cannot name a directory"):
            create_run_directory(replace(new, job=job))

    def test_a_file_in_the_way_is_a_mistake_of_the_job(self, new: NewRun) -> None:
        new.base.write_text("")
        with pytest.raises(InputError, match="in the way"):
            create_run_directory(new)

    def test_a_base_that_cannot_be_written_is_found_at_once(self, new: NewRun) -> None:
        with pytest.raises(StorageError, match=r"name another run\.dir"):
            create_run_directory(replace(new, base=Path("/proc/no/runs")))

    def test_what_cannot_be_written_whole_is_not_left_behind(self, new: NewRun) -> None:
        code = (
            "import resource, signal, sys, datetime\n"
            "from pathlib import Path\n"
            "from batchfind.capture.new_run import NewRun, create_run_directory\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "new = NewRun(base=Path(sys.argv[1]), job='j', plan_digest='ab' * 32,\n"
            "    started=datetime.datetime.now(datetime.UTC), job_yaml='',\n"
            "    plan_json=bytes(5000))\n"
            "try:\n    create_run_directory(new)\n"
            "except Exception as error:\n    print(type(error).__name__, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(new.base)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert done.stdout.startswith("StorageError")
        assert not done.stderr
        assert [entry.name for entry in (new.base / "j").iterdir()] == ["job.lock"]


class TestLocks:
    def test_a_second_run_of_the_job_is_refused(self, new: NewRun) -> None:
        with create_run_directory(new):
            with pytest.raises(StateError, match="job nightly is in use") as refusal:
                create_run_directory(new)
            assert refusal.value.locked
            assert f"process {os.getpid()} on " in str(refusal.value)
            assert " since 20" in str(refusal.value)
        made(new)

    def test_a_job_that_allows_it_runs_beside_itself(self, new: NewRun) -> None:
        beside = replace(new, alone=False)
        with create_run_directory(new), create_run_directory(beside) as second:
            second.capture.touch()
            with pytest.raises(StateError, match=r"run .* is in use"):
                reopen_run_directory(second.path, alone=False)
        with (
            create_run_directory(replace(new, started=STARTED + timedelta(days=1))),
            reopen_run_directory(second.path, alone=False) as again,
        ):
            assert again.path == second.path

    def test_a_run_elsewhere_takes_the_lock_of_its_job(
        self, new: NewRun, tmp_path: Path
    ) -> None:
        with create_run_directory(replace(new, exactly=tmp_path / "exact")) as run:
            run.capture.touch()
        folder = new.base / "nightly"
        with (
            reopen_run_directory(run.path, folder),
            pytest.raises(StateError, match="job nightly is in use"),
        ):
            create_run_directory(new)
        with create_run_directory(new):
            with pytest.raises(StateError, match="job nightly is in use"):
                reopen_run_directory(run.path, folder)
            with reopen_run_directory(run.path, tmp_path / "moved away"):
                pass

    def test_other_jobs_run_beside_it(self, new: NewRun) -> None:
        with create_run_directory(new):
            made(new, job="weekly")

    def test_resuming_takes_the_same_locks(self, new: NewRun) -> None:
        path = made(new)
        with reopen_run_directory(path) as run:
            assert run.path == path
            with pytest.raises(StateError, match="job nightly"):
                create_run_directory(new)
            with pytest.raises(StateError, match="in use"):
                reopen_run_directory(path)
        with reopen_run_directory(path):
            pass

    def test_a_run_without_job_lock_is_locked_by_its_own(
        self, new: NewRun, tmp_path: Path
    ) -> None:
        with create_run_directory(replace(new, exactly=tmp_path / "exact")) as run:
            run.capture.touch()
            with pytest.raises(StateError, match="run exact is in use"):
                reopen_run_directory(run.path)
            # The job's lock was not kept by the refusal.
        with reopen_run_directory(tmp_path / "exact"):
            made(new)

    def test_half_taken_locks_are_given_back(self, new: NewRun) -> None:
        path = made(new)
        own = Lock.acquire(path / "run.lock", "run")
        with pytest.raises(StateError):
            reopen_run_directory(path)
        own.release()
        own.release()
        with reopen_run_directory(path):
            pass

    def test_what_is_no_run_is_not_reopened(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"holds no run\.db"):
            reopen_run_directory(tmp_path)

    def test_the_kernel_releases_the_lock_of_a_killed_process(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "job.lock"
        code = (
            "import sys, time\nfrom pathlib import Path\n"
            "from batchfind.capture.lock import Lock\n"
            "lock = Lock.acquire(Path(sys.argv[1]), 'job')\n"
            "print('held', flush=True)\ntime.sleep(60)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(StateError, match=f"process {holder.pid} on "):
                Lock.acquire(path, "job nightly")
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        Lock.acquire(path, "job nightly").release()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "\xff" * 4000])
    def test_a_lock_file_that_says_nothing_still_locks(
        self, tmp_path: Path, text: str
    ) -> None:
        path = tmp_path / "job.lock"
        lock = Lock.acquire(path, "job")
        path.write_text(text, encoding="latin-1")
        with pytest.raises(StateError, match="in use by another process"):
            Lock.acquire(path, "job")
        lock.release()


class TestFinding:
    def test_runs_are_listed_oldest_first_over_all_jobs(self, new: NewRun) -> None:
        late = made(new, days=2)
        early = made(new, days=0)
        between = made(new, days=1, job="weekly")
        (new.base / "weekly" / "not-a-run").mkdir()
        (new.base / "stray.txt").write_text("")
        assert list_runs(new.base) == (early, between, late)

    def test_a_missing_base_has_no_runs(self, tmp_path: Path) -> None:
        assert list_runs(tmp_path / "none") == ()

    def test_latest_is_the_youngest(self, new: NewRun) -> None:
        made(new)
        late = made(new, days=1)
        environment = {"BATCHFIND_RUNS": str(new.base)}
        assert find_run("latest", environment) == late

    def test_without_variable_runs_are_below_the_working_directory(
        self, new: NewRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = made(new)
        monkeypatch.chdir(new.base.parent)
        assert find_run("latest", {}) == path
        assert find_run(path.name, {"BATCHFIND_RUNS": ""}) == path

    def test_an_id_or_its_beginning(self, new: NewRun) -> None:
        first, second = made(new), made(new, days=3)
        environment = {"BATCHFIND_RUNS": str(new.base)}
        assert find_run(first.name, environment) == first
        assert find_run("20260105", environment) == second

    def test_several_runs_that_begin_so_are_listed(self, new: NewRun) -> None:
        first, second = made(new), made(new, days=3)
        with pytest.raises(UsageError, match="2 runs are called '2026'") as refusal:
            find_run("2026", {"BATCHFIND_RUNS": str(new.base)})
        assert first.name in str(refusal.value)
        assert second.name in str(refusal.value)

    def test_a_path_to_the_directory_or_its_capture(
        self, new: NewRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = made(new)
        assert find_run(str(path), {}) == path
        assert find_run(str(path / "run.db"), {}) == path
        monkeypatch.chdir(path)
        assert find_run(".", {}) == path
        monkeypatch.chdir(path.parent)
        assert find_run(path.name, {}) == path

    def test_an_unknown_run_lists_the_newest(self, new: NewRun) -> None:
        paths = [made(new, days=day) for day in range(10)]
        with pytest.raises(UsageError, match="there is no run 'nosuch'") as refusal:
            find_run("nosuch", {"BATCHFIND_RUNS": str(new.base)})
        text = str(refusal.value)
        assert paths[-1].name in text
        assert paths[0].name not in text
        assert "and 2 older" in text

    @pytest.mark.parametrize("argument", ["latest", "nosuch", ""])
    def test_where_there_are_no_runs_it_says_where_it_looked(
        self, tmp_path: Path, argument: str
    ) -> None:
        with pytest.raises(UsageError, match="BATCHFIND_RUNS"):
            find_run(argument, {"BATCHFIND_RUNS": str(tmp_path / "none")})

    def test_where_there_are_no_runs_it_names_those_of_jobs_beside(
        self, new: NewRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        older = made(replace(new, base=tmp_path / "old/runs"))
        newer = made(replace(new, base=tmp_path / "jobs/runs"), days=1)
        (tmp_path / "empty/runs").mkdir(parents=True)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError) as refusal:
            find_run("latest", {})
        first, *rest = str(refusal.value).splitlines()
        assert first.startswith(f"there are no runs below {tmp_path / 'runs'}; name ")
        assert rest == [
            f"  {tmp_path / 'jobs/runs'}, the newest {newer}",
            f"  {tmp_path / 'old/runs'}, the newest {older}",
        ]

    def test_a_path_is_told_without_detours(
        self, new: NewRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = made(new)
        monkeypatch.chdir(path)
        assert find_run(f"../../nightly/{path.name}", {}) == path

    def test_a_directory_without_capture_is_no_run(self, new: NewRun) -> None:
        path = made(new)
        with pytest.raises(UsageError, match="this is no run") as refusal:
            find_run(str(path.parent.parent), {})
        assert path.name in str(refusal.value)
        with pytest.raises(UsageError, match="this is no run"):
            find_run("/no/such/place", {})
