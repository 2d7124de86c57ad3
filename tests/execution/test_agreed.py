"""What a run tells of its associations, its seeds and its responses."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from batchfind.capture.reader import open_capture
from batchfind.errors import JobError
from batchfind.execution.credentials import Credentials
from batchfind.execution.export import export_run
from batchfind.execution.progress import Event, Observer, Received
from batchfind.execution.results import RunResult
from batchfind.execution.run import RunOptions, remaining, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.job.transport_model import (
    Asked,
    IdentityType,
    Secret,
    SecretKind,
    Tls,
    UserIdentity,
)
from batchfind.plan.model import Plan
from tests.execution.plans import STUDY_ROOT, peer, plan, request, with_real_keys
from tests.peers import pdu, steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer

GOOD = [steps.matches(3), steps.final()]
PROMPTED = UserIdentity(
    type=IdentityType.USERNAME_PASSWORD,
    username="anna",
    password=Secret(SecretKind.PROMPT),
)


class Watcher:
    """Sees every response."""

    def __init__(self) -> None:
        self.received: list[Received] = []

    def __call__(self, event: Event) -> None:
        del event

    async def responses(self, received: Received) -> None:
        self.received.append(received)


def run(
    given: Plan,
    credentials: Credentials | None = None,
    observers: Sequence[Observer] = (),
) -> RunResult:
    options = RunOptions(job_text="version: 1\n", credentials=credentials)
    return asyncio.run(run_plan(given, options, observers), debug=True)


class TestAssociation:
    def test_stands_in_the_json_of_run_status_and_export(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        user = pdu.extended(STUDY_ROOT, b"\0\0\1") + pdu.window(2)
        scripted = scripted_peer(*GOOD, on_connect=[steps.accept(user=user)])
        asked = request("0.0", "pacs", negotiation={"fuzzy": Asked.PREFER})
        pacs = peer("pacs", scripted.port, operations=2)
        result = run(with_real_keys(plan(tmp_path, [pacs], [asked])))
        results = (result, run_status(result.run_dir), export_run(result.run_dir))
        for each in results:
            (told,) = each.to_json()["requests"]
            assert told["association"] == {
                "number": 1,
                "address": f"127.0.0.1:{scripted.port}",
                "implementation": f"SCRIPTED {pdu.IMPLEMENTATION_CLASS}",
                "transfer_syntax": pdu.EXPLICIT_LE,
                "tls": "",
                "negotiated": ["fuzzy"],
                "operations": 2,
            }

    def test_that_never_came_about_is_null(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(on_connect=[steps.reject()])
        pacs = peer("pacs", scripted.port)
        result = run(with_real_keys(plan(tmp_path, [pacs], [request("0.0", "pacs")])))
        (told,) = result.to_json()["requests"]
        assert told["association"] is None


class TestResponses:
    def test_are_shown_as_the_capture_has_them(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(4), steps.final())
        pacs = peer("pacs", scripted.port)
        requests = [request(f"0.{at}", "pacs") for at in range(3)]
        watcher = Watcher()
        given = with_real_keys(plan(tmp_path, [pacs], requests))
        result = run(given, observers=[watcher])
        with open_capture(result.run_dir / "run.db") as capture:
            for each in requests:
                (attempt,) = capture.attempts(each.id)
                stored = b"".join(
                    matches.payload for matches in capture.matches(attempt.number)
                )
                seen = [one for one in watcher.received if one.request.id == each.id]
                assert b"".join(one.matches.payload for one in seen) == stored
                assert seen[0].first == 1
                assert sum(len(one.matches) for one in seen) == 4
                assert seen[0].facts == attempt.facts


class TestCredentials:
    def test_that_are_missing_leave_no_run_behind(self, tmp_path: Path) -> None:
        pacs = peer("pacs", 1, identity=PROMPTED)
        given = with_real_keys(plan(tmp_path, [pacs], [request("0.0", "pacs")]))
        with pytest.raises(JobError, match="there is no terminal"):
            run(given)
        assert not (tmp_path / "runs").exists()

    def test_of_a_resumed_run_are_those_of_what_remains(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        good = scripted_peer(*GOOD)
        script = steps.in_turn([steps.final(0xC001)], GOOD)
        bad = scripted_peer(script=script)
        peers = [
            peer("good", good.port, identity=PROMPTED),
            peer("bad", bad.port),
        ]
        requests = [request("0.0", "good"), request("0.1", "bad")]
        given = with_real_keys(plan(tmp_path, peers, requests))
        result = run(given, Credentials.load(given, lambda _: "open"))
        assert [each.verdict.value for each in result.requests] == [
            "complete",
            "failed",
        ]
        stored, left = remaining(result.run_dir)
        assert [each.id for each in left] == ["0.1"]
        assert stored.digest == given.digest
        # The peer whose user would have to be asked for is not asked again.
        assert asyncio.run(resume_run(result.run_dir)).exit_code == 0


class TestSeed:
    @pytest.fixture
    def port(self, scripted_peer: StartPeer, pki: Pki) -> int:
        return scripted_peer(*GOOD, tls=server_context(pki.peer)).port

    def plan_with(self, folder: Path, port: int, seed: Path) -> Plan:
        tls = Tls(name="hospital", verify=False, seed_write_back=seed)
        pacs = peer("pacs", port, tls=tls)
        return with_real_keys(plan(folder, [pacs], [request("0.0", "pacs")]))

    def test_is_written_at_the_end(self, tmp_path: Path, port: int) -> None:
        seed = tmp_path / "seed"
        result = run(self.plan_with(tmp_path, port, seed))
        assert result.exit_code == 0
        assert len(seed.read_bytes()) == 1024
        assert stat.S_IMODE(seed.stat().st_mode) == 0o600

    def test_that_cannot_be_written_is_a_warning(
        self, tmp_path: Path, port: int
    ) -> None:
        seed = tmp_path / "gone" / "seed"
        result = run(self.plan_with(tmp_path, port, seed))
        assert result.exit_code == 0
        assert any("seed cannot be written" in each for each in result.warnings)
