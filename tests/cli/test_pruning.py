"""`prune`, `pin`, `unpin`, and what a run says about earlier ones."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batchfind.capture.pin import Pin, pin_of
from batchfind.cli.closing import closing
from batchfind.cli.keeping import pin_line, tell_kept
from batchfind.execution.kept import Kept
from tests.capture.stored import ROOT, held_elsewhere, store
from tests.cli.conftest import MakeResult, Shell

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
JOB = """\
version: 1
name: nightly
peers: {p: {host: h, port: 104, called_ae: P}}
queries: {q: {model: study, peers: p, level: STUDY, keys: {PatientID: ""}}}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """./runs: five runs of `nightly`, one a day, and one of `weekly`."""
    for day in range(5):
        store(tmp_path / "runs" / "nightly", LONG_AGO + timedelta(days=day))
    store(tmp_path / "runs" / "weekly", LONG_AGO + timedelta(hours=1), size=2048)
    return tmp_path / "runs"


def nightly(base: Path) -> list[str]:
    return sorted(path.name for path in (base / "nightly").iterdir())


def at_a_terminal(base: Path, answer: bytes, *arguments: str) -> tuple[int, str]:
    """The exit code and the screen of a person who answers the question."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "batchfind", *arguments],
        cwd=base.parent,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    ) as program:
        os.close(theirs)
        screen = b""
        while b"[y/N]" not in screen:
            screen += os.read(ours, 4096)
        os.write(ours, answer)
        while True:
            try:
                screen += os.read(ours, 4096)
            except OSError:  # the other side is gone
                break
        code = program.wait()
    os.close(ours)
    return code, screen.decode()


class TestWithoutBounds:
    def test_shows_how_much_each_job_keeps_and_deletes_nothing(
        self, shell: Shell, base: Path
    ) -> None:
        shell("pin", "runs/nightly/" + nightly(base)[0])
        done = shell("prune")
        assert done.returncode == 0
        head, first, second, advice = done.stdout.splitlines()
        assert head.split() == ["job", "runs", "pinned", "size", "oldest"]
        assert first.split()[:3] == ["nightly", "5", "1"]
        assert first.endswith("2020-01-01")
        assert second.split() == ["weekly", "1", "0", "2.0", "KiB", "2020-01-01"]
        assert advice.startswith("nothing was deleted: give --runs or --days")
        assert len(nightly(base)) == 5

    def test_names_of_jobs_cannot_move_the_cursor(
        self, shell: Shell, base: Path
    ) -> None:
        (base / "weekly").rename(base / "w\x1b[2J")
        shown = shell("prune").stdout
        assert "\x1b" not in shown
        assert "w\\x1b[2J" in shown

    def test_tells_of_runs_half_deleted(self, shell: Shell, base: Path) -> None:
        old = base / "nightly" / nightly(base)[0]
        old.rename(old.with_name(f".pruned-{old.name}"))
        half = "nightly: 1 run half deleted, 100 B: any prune with a bound ends that"
        assert half in shell("prune").stdout.splitlines()
        assert len(nightly(base)) == 5

    def test_a_job_file_that_keeps_everything_deletes_nothing(
        self, shell: Shell, base: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "job.yaml").write_text(JOB)
        assert "nothing was deleted" in shell("prune", "job.yaml", "--yes").stdout
        assert len(nightly(base)) == 5

    def test_a_forgotten_bound_is_a_mistake_where_nobody_is_asked(
        self, shell: Shell, base: Path
    ) -> None:
        done = shell("prune", "--yes", "--quiet")
        assert done.returncode == 2
        assert "add --runs or --days" in done.stderr
        assert len(nightly(base)) == 5

    def test_a_job_that_never_ran_keeps_nothing(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        (tmp_path / "job.yaml").write_text(JOB)
        for bounds in ((), ("--runs", "1", "--yes")):
            done = shell("prune", "job.yaml", *bounds)
            assert done.returncode == 0
            assert done.stdout.splitlines()[0] == "there are no runs"


class TestBounds:
    def test_delete_what_every_one_of_them_lets_go(
        self, shell: Shell, base: Path
    ) -> None:
        newest = nightly(base)[-2:]
        done = shell("prune", "--runs", "2", "--days", "30", "--yes")
        assert done.returncode == 0
        first, second = done.stdout.splitlines()
        assert first == "nightly: 3 runs deleted, 300 B; 2 kept, 200 B"
        assert second == "weekly: 0 runs deleted; 1 kept, 2.0 KiB"
        assert nightly(base) == newest

    def test_are_those_of_the_job_file(
        self, shell: Shell, base: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "job.yaml").write_text(f"{JOB}run: {{keep: {{runs: 4}}}}\n")
        shell("prune", "job.yaml", "--yes")
        assert len(nightly(base)) == 4

    def test_on_the_command_line_replace_those_of_the_job(
        self, shell: Shell, base: Path, tmp_path: Path
    ) -> None:
        text = f"{JOB}run: {{keep: {{runs: 4, days: 99999}}}}\n"
        (tmp_path / "job.yaml").write_text(text)
        shell("prune", "job.yaml", "--runs", "2", "--yes")
        assert len(nightly(base)) == 2

    @pytest.mark.parametrize("bound", ["0", "-1", "1.5", "x", ""])
    def test_are_whole_numbers_above_zero(
        self, shell: Shell, base: Path, bound: str
    ) -> None:
        for option in ("--runs", "--days"):
            done = shell("prune", f"{option}={bound}", "--yes")
            assert done.returncode == 2
        assert len(nightly(base)) == 5

    def test_may_be_of_any_size(self, shell: Shell, base: Path) -> None:
        done = shell("prune", "--days", "9" * 30, "--yes")
        assert done.returncode == 0
        assert len(nightly(base)) == 5


class TestDryRun:
    def test_shows_what_would_go(self, shell: Shell, base: Path) -> None:
        old = nightly(base)[:4]
        done = shell("prune", "nightly", "--runs", "1", "--dry-run", "--yes")
        assert done.returncode == 0
        head, *listed = done.stdout.splitlines()
        assert head == "nightly: 4 runs would go, 400 B; 1 kept, 100 B"
        assert listed == [f"  {name}  100 B" for name in old]
        assert len(nightly(base)) == 5

    def test_lists_twenty_at_most(self, shell: Shell, base: Path) -> None:
        for day in range(30):
            store(base / "weekly", LONG_AGO + timedelta(days=day + 1))
        shown = shell("prune", "weekly", "--runs", "1", "--dry-run").stdout
        assert len(shown.splitlines()) == 22
        assert shown.endswith("  and 10 more\n")


class TestJson:
    def test_tells_what_went_and_what_stays(self, shell: Shell, base: Path) -> None:
        names = nightly(base)
        shell("pin", f"runs/nightly/{names[1]}")
        arguments = ("prune", "nightly", "--runs", "2", "--json")
        done = shell(*arguments, "--yes")
        told = json.loads(done.stdout)
        (job,) = told.pop("jobs")
        weight = job.pop("bytes")
        assert told == {
            "exit_code": 0,
            "retryable": False,
            "dry_run": False,
            "keep": {"runs": 2, "days": None},
        }
        assert job == {
            "job": "nightly",
            "folder": str(base / "nightly"),
            "runs": 3,
            "pinned": [names[1]],
            "deleted": [
                {"run_id": names[0], "bytes": 100},
                {"run_id": names[2], "bytes": 100},
            ],
            "locked": [],
            "failed": [],
        }
        assert weight > 300
        assert json.loads(shell(*arguments, "--dry-run").stdout)["dry_run"] is True

    def test_a_mistake_is_one_object(self, shell: Shell, base: Path) -> None:
        told = json.loads(shell("prune", "nothing", "--json").stdout)
        assert told["exit_code"] == 2
        assert told["error"].startswith(f"{base.parent}/nothing: no such file")


class TestAsking:
    def test_nobody_at_a_terminal_has_to_say_yes(
        self, shell: Shell, base: Path
    ) -> None:
        for more in ((), ("--json",)):
            done = shell("prune", "--runs", "1", *more)
            assert done.returncode == 2
            told = done.stderr + done.stdout
            assert "nobody can be asked here whether to delete 4 runs, 400 B" in told
            assert "add --yes" in told
        assert len(nightly(base)) == 5

    def test_nothing_is_asked_when_nothing_goes(self, shell: Shell, base: Path) -> None:
        done = shell("prune", "--runs", "5")
        assert done.returncode == 0
        assert "nightly: 0 runs deleted; 5 kept, 500 B" in done.stdout
        assert base.is_dir()

    def test_a_person_sees_what_would_go_and_agrees(self, base: Path) -> None:
        code, screen = at_a_terminal(base, b"y\n", "prune", "--runs", "1")
        assert code == 0
        assert "nightly: 4 runs would go, 400 B; 1 kept, 100 B" in screen
        assert "Delete 4 runs, 400 B? [y/N]" in screen
        assert "nightly: 4 runs deleted, 400 B; 1 kept, 100 B" in screen
        assert len(nightly(base)) == 1

    @pytest.mark.parametrize(
        ("answer", "code"), [(b"\n", 0), (b"n\n", 0), (b"\4", 130)]
    )
    def test_a_person_may_think_better_of_it(
        self, base: Path, answer: bytes, code: int
    ) -> None:
        found, screen = at_a_terminal(base, answer, "prune", "--runs", "1")
        assert found == code
        assert ("nothing was deleted" in screen) == (code == 0)
        assert len(nightly(base)) == 5


class TestExitCodes:
    def test_6_when_all_that_should_go_is_in_use(
        self, shell: Shell, base: Path
    ) -> None:
        old = nightly(base)[0]
        with held_elsewhere(base / "nightly" / old / "run.lock"):
            done = shell("prune", "--runs", "4", "--yes")
            assert done.returncode == 6
            assert f"  in use, so it stays: {old}" in done.stdout.splitlines()
            told = json.loads(shell("prune", "--runs", "4", "--json").stdout)
            assert (told["exit_code"], told["retryable"]) == (6, True)
            assert told["jobs"][0]["locked"] == [old]
            assert shell("prune", "--runs", "3", "--yes").returncode == 0
        assert old in nightly(base)

    def test_7_when_something_cannot_be_deleted(self, shell: Shell, base: Path) -> None:
        lock = base / "nightly" / nightly(base)[0] / "run.lock"
        lock.unlink()
        lock.mkdir()
        done = shell("prune", "--runs", "1", "--yes")
        assert done.returncode == 7
        assert "nightly: 3 runs deleted, 300 B; 2 kept" in done.stdout
        assert done.stderr.startswith("warning: ")
        assert "in the place of the lock file: remove it" in done.stderr
        quiet = shell("prune", "--runs", "1", "--yes", "--quiet")
        assert (quiet.returncode, quiet.stdout) == (7, "")
        assert "in the place of the lock file: remove it" in quiet.stderr

    def test_7_when_a_job_cannot_be_looked_into_and_others_go_on(
        self, shell: Shell, base: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.open

        def refuse(path: object, *rest: object, **options: object) -> int:
            if str(path).endswith("/weekly"):
                raise PermissionError(13, "Permission denied")
            return real(path, *rest, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", refuse)
        done = shell("prune", "--runs", "1", "--yes")
        assert done.returncode == 7
        assert f"{base}/weekly: runs cannot be pruned here: Permission" in done.stderr
        assert len(nightly(base)) == 1

    def test_quiet_says_nothing_when_all_went(self, shell: Shell, base: Path) -> None:
        done = shell("prune", "--runs", "1", "--yes", "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert len(nightly(base)) == 1


class TestPins:
    def test_keep_a_run_until_it_is_unpinned(self, shell: Shell, base: Path) -> None:
        old = base / "nightly" / nightly(base)[0]
        done = shell("pin", old.name, "--reason", "audit 17")
        assert (done.returncode, done.stdout) == (0, f"pinned: {old}\n")
        pin = pin_of(old)
        assert pin is not None
        assert pin.reason == "audit 17"
        shell("prune", "--runs", "1", "--yes")
        assert nightly(base)[0] == old.name
        assert shell("unpin", old.name).stdout == f"pinned no more: {old}\n"
        assert shell("unpin", old.name).stdout == f"was not pinned: {old}\n"
        shell("prune", "--runs", "1", "--yes")
        assert len(nightly(base)) == 1

    def test_again_give_it_another_reason(self, shell: Shell, base: Path) -> None:
        shell("pin", "latest", "--reason", "one")
        again = shell("pin", "latest", "--reason", "two").stdout
        assert again.startswith("pinned already, with this reason now: ")
        run = base / "nightly" / nightly(base)[-1]
        assert pin_of(run) is not None
        assert "two" in (run / "pin.json").read_text()

    def test_tell_json(self, shell: Shell, base: Path) -> None:
        run = base / "nightly" / nightly(base)[-1]
        told = json.loads(shell("pin", "latest", "--reason", "x", "--json").stdout)
        assert told.pop("pin") == pin_of(run).to_json()  # type: ignore[union-attr]
        assert told == {
            "exit_code": 0,
            "retryable": False,
            "run_dir": str(run),
            "run_id": run.name,
        }
        assert json.loads(shell("unpin", "latest", "--json").stdout)["pin"] is None

    def test_need_a_run_and_a_short_reason(self, shell: Shell, base: Path) -> None:
        assert shell("pin", "nothing").returncode == 2
        assert shell("unpin", "nothing").returncode == 2
        assert shell("pin", "latest", "--reason", "x" * 501).returncode == 2
        assert pin_of(base / "nightly" / nightly(base)[-1]) is None

    def test_are_shown_on_the_closing_screen(self, run_result: MakeResult) -> None:
        pin = Pin("audit\x1b[2J 17", "2026-01-31T18:00:00+00:00")
        line = (
            "pinned, so never pruned since 2026-01-31T18:00:00+00:00: audit\\x1b[2J 17"
        )
        assert line in closing(run_result(pin=pin)).splitlines()
        assert "pinned" not in closing(run_result())
        assert pin_line(Pin()) == "pinned, so never pruned"


class TestTheEndOfARun:
    def test_heeds_the_job(self, shell: Shell, base: Path, tmp_path: Path) -> None:
        job = JOB.replace("{host: h, port: 104, called_ae: P}", "{demo: pacs}")
        (tmp_path / "job.yaml").write_text(f"{job}run: {{keep: {{runs: 2}}}}\n")
        before = nightly(base)
        done = shell("run", "job.yaml")
        assert "deleted 4 older runs, 400 B, as run.keep says; kept: 2 runs of" in (
            done.stderr
        )
        left = [name for name in nightly(base) if name != "job.lock"]
        assert len(left) == 2
        assert left[0] == before[-1]

    def told(
        self, result: MakeResult, capsys: pytest.CaptureFixture[str], kept: Kept | None
    ) -> tuple[str, str]:
        shown = []
        for quiet in (False, True):
            tell_kept(result(kept=kept), quiet=quiet)
            out, err = capsys.readouterr()
            assert not out
            shown.append(err)
        return shown[0], shown[1]

    def test_says_nothing_of_earlier_runs_as_a_rule(
        self, run_result: MakeResult, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.told(run_result, capsys, None) == ("", "")

    def test_says_what_went_and_what_stays(
        self, run_result: MakeResult, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = Kept(runs=30, bytes=3 << 20, deleted=1, freed=1024)
        line = (
            "deleted 1 older run, 1.0 KiB, as run.keep says; kept: 30 runs of nightly, "
            "3.0 MiB\n"
        )
        assert self.told(run_result, capsys, kept) == (line, "")

    def test_says_how_much_is_kept_where_all_is_kept(
        self, run_result: MakeResult, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = (
            "kept: 25 runs of nightly, 2.0 GiB; run.keep in the job, or batchfind "
            "prune, deletes old ones\n"
        )
        kept = Kept(runs=25, bytes=2 << 30)
        assert self.told(run_result, capsys, kept) == (line, "")

    def test_warns_of_what_could_not_go_also_when_quiet(
        self, run_result: MakeResult, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = Kept(runs=25, bytes=0, failed=("/runs/x: it cannot be deleted",))
        line = "warning: /runs/x: it cannot be deleted\n"
        assert self.told(run_result, capsys, kept) == (line, line)
