"""A secret in a job ends with the process: no file of a run holds it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import batchfind
from batchfind import ExitCode
from batchfind.cli.main import execute
from batchfind.errors import JobError
from batchfind.execution.run import resume_run
from batchfind.plan.codec import loads

ROOT = Path(__file__).parents[2]
PLAIN = "hunter2-Geheim"
JOB = f"""\
version: 1
name: plain
peers:
  pacs:
    demo: pacs
    user_identity:
      type: username-password
      username: anna
      password: {PLAIN}
      insecure_ok: true
queries:
  patients:
    model: patient
    level: PATIENT
    keys: {{PatientID: "*"}}
outputs:
  - {{format: parquet, path: out/patients.parquet}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the demo peers' process
    path = tmp_path / "job.yaml"
    path.write_text(JOB, "utf-8")
    return path


def files_with_the_secret(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if PLAIN.encode() in path.read_bytes()]


class TestAPlainSecret:
    def test_needs_to_be_allowed(self, path: Path) -> None:
        with pytest.raises(JobError, match="allow it with --allow-plain-secrets"):
            batchfind.load_job(path)

    def test_is_in_no_file_of_a_run(self, path: Path) -> None:
        job = batchfind.load_job(path, allow_plain_secrets=True)
        result = batchfind.run(job)
        assert result.exit_code is ExitCode.OK
        assert files_with_the_secret(path.parent) == [path]
        copy = (result.run_dir / "job.yaml").read_text("utf-8")
        assert copy == JOB.replace(PLAIN, '"<redacted>"')

    def test_cannot_be_found_again(self, path: Path) -> None:
        """The plan that is kept knows that there was one, and nothing more."""
        job = batchfind.load_job(path, allow_plain_secrets=True)
        result = batchfind.run(job)
        stored = (result.run_dir / "plan.json").read_text("utf-8")
        with pytest.raises(JobError, match="no plan holds it"):
            batchfind.run(loads(stored))
        copy = result.run_dir / "job.yaml"
        with pytest.raises(JobError, match="was left out of this copy"):
            batchfind.load_job(copy, allow_plain_secrets=True)
        asyncio.run(resume_run(result.run_dir))  # nothing is left to ask

    @pytest.mark.parametrize("command", ["validate", "plan", "ping", "run"])
    def test_may_be_allowed_to_every_command_that_needs_it(
        self, path: Path, command: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert execute([command, str(path)]) == 2
        assert execute([command, str(path), "--allow-plain-secrets"]) == 0
        assert execute([command, str(path), "--allow-plain-secrets", "--json"]) == 0
        shown = capfd.readouterr()
        assert PLAIN not in shown.out + shown.err
        assert files_with_the_secret(path.parent) == [path]
