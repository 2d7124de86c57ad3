"""Verdicts are a pure function of attempts and findings."""

from __future__ import annotations

from typing import Any

import pytest

from batchfind.capture.records import (
    AttemptFacts,
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    StoredAttempt,
    Verdict,
)
from batchfind.execution.exit_codes import exit_code_of, retryable
from batchfind.execution.findings import Findings
from batchfind.execution.results import ExitCode
from batchfind.execution.verdicts import contributing, judge, skipped
from batchfind.job.model import PeerLimits, ResponseCap
from tests.execution.plans import peer, request

FACTS = AttemptFacts(
    transfer_syntax="1.2.840.10008.1.2.1",
    peer_implementation="",
    peer_max_pdu=0,
    address="127.0.0.1:104",
    association=1,
    started="2026-01-31T03:15:00.000000+00:00",
)
CAUSE = Cause(code="peer-abort", message="pacs: aborted")


def attempt(outcome: Outcome, responses: int = 0, ordinal: int = 1) -> StoredAttempt:
    cause = None if outcome in (Outcome.SUCCESS, Outcome.LIMITED) else CAUSE
    return StoredAttempt(
        number=ordinal,
        request="0.0",
        ordinal=ordinal,
        facts=FACTS,
        ending=Ending(
            outcome=outcome, responses=responses, kept=responses, cause=cause
        ),
        chain="",
    )


def verdict_of(
    *attempts: StoredAttempt,
    cap: int | None = None,
    findings: Findings | None = None,
    **changes: Any,
) -> RequestVerdict:
    declared = {} if cap is None else {"": cap}
    limits = PeerLimits(response_cap=ResponseCap(declared=declared))
    asked = request("0.0", "pacs", **changes)
    return judge(asked, peer("pacs", 104, limits=limits), attempts, findings)


class TestVerdict:
    @pytest.mark.parametrize(
        ("outcome", "responses", "verdict"),
        [
            (Outcome.SUCCESS, 0, Verdict.COMPLETE),
            (Outcome.SUCCESS, 7, Verdict.COMPLETE),
            (Outcome.LIMITED, 7, Verdict.LIMITED),
            (Outcome.CAPPED, 7, Verdict.PARTIAL),
            (Outcome.CAPPED, 0, Verdict.FAILED),
            (Outcome.PARTIAL, 7, Verdict.PARTIAL),
            (Outcome.PARTIAL, 0, Verdict.FAILED),
            (Outcome.FAILED, 7, Verdict.PARTIAL),
            (Outcome.FAILED, 0, Verdict.FAILED),
        ],
    )
    def test_follows_the_outcome(
        self, outcome: Outcome, responses: int, verdict: Verdict
    ) -> None:
        assert verdict_of(attempt(outcome, responses)).verdict is verdict

    def test_a_success_with_the_declared_cap_is_suspect(self) -> None:
        judged = verdict_of(attempt(Outcome.SUCCESS, 200), cap=200)
        assert judged.verdict is Verdict.SUSPECT
        assert judged.cause is not None
        assert "response_cap" in judged.cause.message

    def test_an_empty_success_is_no_cap(self) -> None:
        assert verdict_of(attempt(Outcome.SUCCESS, 0)).verdict is Verdict.COMPLETE

    def test_more_than_the_declared_cap_warns_that_it_is_wrong(self) -> None:
        judged = verdict_of(attempt(Outcome.SUCCESS, 201), cap=200)
        assert judged.verdict is Verdict.COMPLETE
        assert any("response_cap" in warning for warning in judged.warnings)

    @pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.LIMITED])
    def test_a_response_that_cannot_be_decoded_makes_it_suspect(
        self, outcome: Outcome
    ) -> None:
        findings = Findings(defects={"malformed": 2, "depth": 1})
        judged = verdict_of(attempt(outcome, 9), findings=findings)
        assert judged.verdict is Verdict.SUSPECT
        assert judged.cause is not None
        assert judged.cause.code == "malformed"
        assert "3 responses" in judged.cause.message

    def test_a_list_of_uids_that_came_back_short_is_suspect(self) -> None:
        findings = Findings(returned=frozenset({"1.2"}))
        batch = ("1.2", "1.3")
        judged = verdict_of(attempt(Outcome.SUCCESS, 1), findings=findings, batch=batch)
        assert judged.verdict is Verdict.SUSPECT
        assert judged.cause is not None
        assert judged.cause.code == "batch-unproven"

    def test_a_single_uid_is_no_list(self) -> None:
        judged = verdict_of(attempt(Outcome.SUCCESS, 0), batch=("1.2",))
        assert judged.verdict is Verdict.COMPLETE

    def test_an_unproven_assumption_is_suspect(self) -> None:
        judged = verdict_of(
            attempt(Outcome.SUCCESS, 1), assumption="unset-time-unproven"
        )
        assert judged.verdict is Verdict.SUSPECT

    def test_a_request_never_asked_is_skipped(self) -> None:
        judged = verdict_of()
        assert judged.verdict is Verdict.SKIPPED
        assert judged.cause is not None
        assert judged.cause.code == "not-asked"

    def test_an_attempt_that_died_with_us_is_failed(self) -> None:
        dead = StoredAttempt(
            number=1, request="0.0", ordinal=1, facts=FACTS, ending=None, chain=""
        )
        judged = verdict_of(dead)
        assert judged.verdict is Verdict.FAILED
        assert judged.attempts == 1


class TestContributingAttempt:
    def test_is_the_last_success(self) -> None:
        tries = [
            attempt(Outcome.SUCCESS, 5, 1),
            attempt(Outcome.SUCCESS, 4, 2),
            attempt(Outcome.PARTIAL, 9, 3),
        ]
        chosen = contributing(tries)
        assert chosen is not None
        assert chosen.ordinal == 2

    def test_is_else_the_one_with_most_responses(self) -> None:
        tries = [
            attempt(Outcome.PARTIAL, 5, 1),
            attempt(Outcome.PARTIAL, 9, 2),
            attempt(Outcome.FAILED, 0, 3),
        ]
        chosen = contributing(tries)
        assert chosen is not None
        assert chosen.ordinal == 2


def one(verdict: Verdict, phase: str = "query") -> RequestVerdict:
    cause = (
        None
        if verdict is Verdict.COMPLETE
        else Cause(code="x", message="x", phase=phase)
    )
    attempts = 0 if verdict is Verdict.SKIPPED else 1
    return RequestVerdict(
        request="0.0", verdict=verdict, cause=cause, attempts=attempts
    )


class TestExitCode:
    """130, 8, 6, 2, 7, 5, 1, 4, 3, 0: the first that applies."""

    @pytest.mark.parametrize(
        ("verdicts", "code"),
        [
            ([], 0),
            ([one(Verdict.COMPLETE), one(Verdict.LIMITED)], 0),
            ([one(Verdict.COMPLETE), one(Verdict.SUSPECT)], 3),
            ([one(Verdict.SUSPECT), one(Verdict.PARTIAL)], 1),
            ([one(Verdict.COMPLETE), one(Verdict.FAILED, "connect")], 1),
            ([one(Verdict.FAILED, "connect"), one(Verdict.FAILED, "association")], 5),
            ([one(Verdict.FAILED, "connect"), one(Verdict.SKIPPED)], 5),
            ([one(Verdict.FAILED)], 1),
            ([one(Verdict.SKIPPED)], 1),
        ],
    )
    def test_of_verdicts(self, verdicts: list[RequestVerdict], code: int) -> None:
        assert exit_code_of(verdicts) == code

    def test_an_unwritable_output_outranks_peers(self) -> None:
        failed = [one(Verdict.FAILED, "connect")]
        assert exit_code_of(failed, storage_failed=True) is ExitCode.STORAGE

    def test_an_interruption_outranks_all(self) -> None:
        code = exit_code_of([], storage_failed=True, interrupted=True)
        assert code is ExitCode.INTERRUPTED

    def test_only_causes_that_can_pass_are_retryable(self) -> None:
        assert [int(code) for code in ExitCode if retryable(code)] == [1, 5, 7]

    def test_a_skip_names_its_reason(self) -> None:
        judged = skipped(request("0.0", "pacs"), "circuit", "pacs: left alone", "mend")
        assert judged.verdict is Verdict.SKIPPED
        assert judged.attempts == 0
