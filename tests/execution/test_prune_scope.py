"""What the argument of `batchfind prune` means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchfind.errors import JobError, StorageError, UsageError
from batchfind.execution.prune_scope import PruneScope, prune_scope
from batchfind.job.model import Keep
from tests.capture.stored import store

JOB = """\
version: 1
name: nightly
peers: {p: {host: h, port: 104, called_ae: P}}
queries: {q: {model: study, peers: p, level: STUDY, keys: {PatientID: ""}}}
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """./runs with two jobs, a folder without runs, a file and a link."""
    monkeypatch.chdir(tmp_path)
    base = tmp_path / "runs"
    for job in ("nightly", "weekly"):
        store(base / job)
    (base / "notes").mkdir()
    (base / ".hidden").mkdir()
    (base / "file").touch()
    store(tmp_path / "elsewhere" / "linked")
    (base / "linked").symlink_to(tmp_path / "elsewhere" / "linked")
    return base


def folders(*found: Path) -> PruneScope:
    return PruneScope(found)


class TestWithoutArgument:
    def test_all_jobs_below_runs_are_meant_but_no_links(self, base: Path) -> None:
        assert prune_scope(None, {}) == folders(base / "nightly", base / "weekly")

    def test_the_environment_names_another_folder(self, base: Path) -> None:
        elsewhere = {"BATCHFIND_RUNS": str(base.parent / "elsewhere")}
        assert prune_scope(None, elsewhere) == folders(base.parent / "elsewhere/linked")

    def test_a_folder_without_runs_is_a_mistake(self, base: Path) -> None:
        for name in ("notes", "file", "missing"):
            with pytest.raises(UsageError, match="there are no runs here"):
                prune_scope(None, {"BATCHFIND_RUNS": str(base / name)})


class TestAName:
    def test_is_that_of_a_job_below_runs(self, base: Path) -> None:
        assert prune_scope("weekly", {}) == folders(base / "weekly")

    def test_a_job_is_known_by_its_lock_when_all_runs_are_gone(
        self, base: Path
    ) -> None:
        (base / "notes" / "job.lock").touch()
        assert prune_scope("notes", {}) == folders(base / "notes")

    def test_a_job_is_known_by_what_a_killed_prune_left(self, base: Path) -> None:
        (run,) = (base / "weekly").iterdir()
        run.rename(run.with_name(f".pruned-{run.name}"))
        assert prune_scope("weekly", {}) == folders(base / "weekly")

    def test_a_folder_here_is_second_to_a_job(self, base: Path) -> None:
        store(base.parent / "weekly" / "inside")
        assert prune_scope("weekly", {}) == folders(base / "weekly")
        store(base.parent / "monthly")
        assert prune_scope("monthly", {}) == folders(base.parent / "monthly")

    @pytest.mark.parametrize("name", ["monthly", "", "nightly/2026", "."])
    def test_that_means_nothing_is_a_mistake(self, base: Path, name: str) -> None:
        (base.parent / "runs").rename(base.parent / "others")
        match = (
            "there are no runs here" if name in {"", "."} else "no such file or folder"
        )
        with pytest.raises(UsageError, match=match):
            prune_scope(name, {})

    def test_that_is_a_run_of_no_job_is_told(self, base: Path) -> None:
        with pytest.raises(
            UsageError, match=f"job of that name below {base}.*no single run"
        ):
            prune_scope("latest", {})

    def test_a_link_is_not_followed(self, base: Path) -> None:
        assert (base / "linked").is_symlink()
        with pytest.raises(UsageError, match="symbolic link, which prune never"):
            prune_scope("linked", {})


class TestAFolder:
    def test_of_runs_of_many_jobs(self, base: Path) -> None:
        found = folders(base / "nightly", base / "weekly")
        assert prune_scope(str(base), {}) == found
        assert prune_scope("./runs", {}) == found

    def test_of_the_runs_of_one_job(self, base: Path) -> None:
        assert prune_scope("runs/nightly", {}) == folders(base / "nightly")
        (base / "nightly" / "job.lock").touch()
        assert prune_scope("runs/nightly", {}) == folders(base / "nightly")

    def test_a_link_to_the_folder_of_runs_may_be_named(self, base: Path) -> None:
        (base.parent / "link").symlink_to(base)
        found = prune_scope("link", {})
        assert found == folders(
            *(base.parent / "link" / x for x in ("nightly", "weekly"))
        )

    def test_one_run_is_no_folder_of_runs(self, base: Path) -> None:
        (run,) = (base / "nightly").iterdir()
        for path in (run, run / "run.db"):
            with pytest.raises(UsageError, match="this is one run"):
                prune_scope(str(path), {})


class TestAJobFile:
    def test_means_its_runs_and_its_bounds(self, base: Path) -> None:
        job = base.parent / "job.yaml"
        job.write_text(f"{JOB}run: {{keep: {{runs: 30, days: 90}}}}\n")
        found = prune_scope("job.yaml", {})
        assert found == PruneScope((base / "nightly",), Keep(runs=30, days=90))

    def test_finds_them_where_its_runs_are_kept(self, base: Path) -> None:
        job = base.parent / "job.yaml"
        job.write_text(JOB)
        elsewhere = base.parent / "elsewhere"
        store(elsewhere / "nightly")
        environment = {"BATCHFIND_RUNS": str(elsewhere)}
        assert prune_scope("job.yaml", environment) == folders(elsewhere / "nightly")
        job.write_text(f"{JOB}run: {{dir: runs}}\n")
        assert prune_scope("job.yaml", environment) == folders(base / "nightly")

    def test_that_never_ran_has_none(self, base: Path) -> None:
        job = base.parent / "job.yaml"
        job.write_text(JOB.replace("nightly", "monthly"))
        assert prune_scope("job.yaml", {}) == PruneScope(())

    def test_that_is_invalid_is_told(self, base: Path) -> None:
        (base.parent / "job.yaml").write_text("version: 1\n")
        with pytest.raises(JobError):
            prune_scope("job.yaml", {})


class TestWhatCannotBeRead:
    @pytest.fixture
    def unreadable(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder of one job."""

        def refuse(path: Path) -> object:
            if path == base / "weekly":
                raise PermissionError(13, "Permission denied")
            return real(path)

        real = os.scandir
        monkeypatch.setattr(os, "scandir", refuse)
        return base / "weekly"

    def test_may_hold_runs(self, base: Path, unreadable: Path) -> None:
        assert prune_scope(None, {}) == folders(base / "nightly", unreadable)

    def test_is_told_when_it_is_named(self, unreadable: Path) -> None:
        with pytest.raises(StorageError, match="cannot be read \\(Permission denied"):
            prune_scope(str(unreadable), {})
