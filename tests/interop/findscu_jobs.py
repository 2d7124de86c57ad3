"""The job that `--save-job` makes of a case: it asks and brings the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchfind.cli.main import execute
from tests.interop.answers import of_file, received
from tests.interop.findscu_cases import Saved
from tests.interop.findscu_material import PASSWORD
from tests.interop.findscu_runs import Run, command_line, dictionary_path
from tests.interop.streams import Streams
from tests.interop.test_same_documents import document


def check_job(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves the command line as a job, validates it and runs it.

    A command line that got no answer is not asked again: a job tries more often.
    """
    monkeypatch.chdir(run.job)
    monkeypatch.setenv("FINDSCU_KEY_PASSWORD", PASSWORD)
    if run.case.dictionary:
        monkeypatch.setenv("DCMDICTPATH", dictionary_path())
    words = [*command_line(run.case, run.seats, 1), "--save-job", "job.yaml"]
    saved = run.case.saved
    with Streams():
        assert execute(["findscu", *words]) == (1 if saved is Saved.REFUSED else 0)
    assert Path("job.yaml").exists() == (saved not in {Saved.REFUSED, Saved.ENDING})
    if saved in {Saved.REFUSED, Saved.ENDING}:
        return
    with Streams():
        assert execute(["validate", "job.yaml"]) == 0
    if run.ours.code == 0:
        _check_answer(run, *_answer_of_job(run))


def _answer_of_job(run: Run) -> tuple[int, list[bytes]]:
    """How many responses the run says it keeps, and all that it captured."""
    relay = run.seats[1].relay
    if relay is not None:
        # A job counts the responses of each request, so cancels the first or none.
        relay.held = run.case.held if run.case.held == 1 else 0
    with Streams() as streams:
        code = execute(["run", "job.yaml", "--json", "--run-dir", "run"])
    requests = json.loads(streams.stdout)["requests"]
    # To a job, a key beyond ASCII that finds nothing may not have been understood.
    causes = {one["cause"]["code"] for one in requests if one["cause"]}
    assert code == (3 if causes == {"charset-unproven"} else 0), streams.stderr
    kept = [one["responses"] for one in requests]
    captured = received(Path("run/run.db")).values()
    return sum(kept), [data for answer in captured for data, _ in answer]


def _check_answer(run: Run, kept: int, captured: list[bytes]) -> None:
    expected = run.ours.matches
    if run.seats[1].relay is None:
        expected = _data_sets_of(run)
    if run.case.held == 1:
        number = int(run.case.words[run.case.words.index("--cancel") + 1])
        assert kept == number
        assert captured[:number] == expected[:number]
    else:
        assert kept == len(captured)
        assert captured == expected
    if run.case.saved is Saved.SAME:
        _check_wire(run)
        for name, content in run.ours.files.items():
            if name.endswith(".xml") and Path(name).exists():
                assert document(Path(name).read_bytes()) == document(content)


def _data_sets_of(run: Run) -> list[bytes]:
    """The data sets that `-X` has written, for want of a relay."""
    path = run.job / "response"
    found = []
    for name, content in run.ours.files.items():
        path.write_bytes(content)
        found.append(of_file(path)[0])
        assert name.endswith(".dcm")
    return found


def _check_wire(run: Run) -> None:
    """That the peer was asked the same by the job, if somebody listened."""
    relay = run.seats[1].relay
    if relay is None:
        return
    heard = [(one.association, one.requests, one.endings) for one in relay.taken()]
    assert heard == [
        (one.association, one.requests, one.endings) for one in run.ours.exchanges
    ]
