"""The outcome table: every final status and every ending of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.capture.records import Outcome
from batchfind.dimse.messages import Final
from batchfind.errors import PeerAborted, Retry
from batchfind.execution.outcomes import (
    Stop,
    Tally,
    ended_by_error,
    ended_by_final,
    ended_by_us,
    retry_after_status,
)
from batchfind.net.settings import Endpoint

PEER = Endpoint("10.0.0.1", 104, "ARCHIVE", "BATCHFIND")
SOME = Tally(responses=500, kept=500, bytes=9000, seconds=1.5)


class TestFinalStatus:
    @pytest.mark.parametrize(
        ("status", "outcome", "code"),
        [
            (0x0000, Outcome.SUCCESS, None),
            (0xFE00, Outcome.CAPPED, "status-fe00"),
            (0xA700, Outcome.CAPPED, "status-a700"),
            (0xA7FF, Outcome.CAPPED, "status-a7ff"),
            (0x0213, Outcome.CAPPED, "status-0213"),
            (0xA710, Outcome.FAILED, "status-failure"),
            (0xB001, Outcome.PARTIAL, "status-unexpected"),
            (0x0001, Outcome.PARTIAL, "status-unexpected"),
            (0xDEAD, Outcome.PARTIAL, "status-unexpected"),
            (0xA900, Outcome.FAILED, "status-failure"),
            (0x0122, Outcome.FAILED, "status-failure"),
            (0x0124, Outcome.FAILED, "status-failure"),
            (0x0211, Outcome.FAILED, "status-failure"),
            (0x0110, Outcome.FAILED, "status-0110"),
            (0xC001, Outcome.FAILED, "status-c001"),
        ],
    )
    def test_gives_outcome_and_cause(
        self, status: int, outcome: Outcome, code: str | None
    ) -> None:
        ending = ended_by_final(Final(1, status), None, SOME, "pacs", PEER)
        assert ending.outcome is outcome
        assert (ending.cause.code if ending.cause else None) == code
        assert ending.status == status
        assert ending.responses == 500

    @given(st.integers(0, 0xFFFF))
    def test_every_status_has_an_outcome_and_only_0000_is_success(
        self, status: int
    ) -> None:
        ending = ended_by_final(Final(1, status), None, Tally(), "pacs", PEER)
        assert (ending.outcome is Outcome.SUCCESS) == (status == 0)
        assert (ending.cause is None) == (status == 0)

    def test_the_cause_names_peer_status_count_and_comment(self) -> None:
        comment = "out of\x1b[31m memory\r\nnow" + "!" * 300
        final = Final(1, 0xA700, comment, (0x0008_0020,))
        cause = ended_by_final(final, None, SOME, "pacs", PEER).cause
        assert cause is not None
        assert "pacs (BATCHFIND -> ARCHIVE at 10.0.0.1:104)" in cause.message
        assert "A700" in cause.message
        assert "after 500 responses" in cause.message
        assert "(0008,0020)" in cause.message
        assert "\x1b" not in cause.message
        assert "\n" not in cause.message
        assert len(cause.message) < 500


class TestOurOwnEnding:
    def test_the_querys_own_cancel_is_limited_whatever_the_peer_says(self) -> None:
        for status in (0xFE00, 0x0000, 0xC001):
            final = Final(1, status)
            ending = ended_by_final(final, Stop.POLICY, SOME, "pacs", PEER)
            assert ending.outcome is Outcome.LIMITED
            assert ending.cause is None

    def test_an_abort_of_ours_after_the_cancel_is_limited_too(self) -> None:
        ending = ended_by_us(Stop.POLICY, SOME, "pacs", PEER, None)
        assert ending.outcome is Outcome.LIMITED
        assert ending.status is None

    @pytest.mark.parametrize("stop", [Stop.LIMIT, Stop.INTERRUPTED, Stop.STOPPED])
    def test_any_other_is_partial_with_its_cause(self, stop: Stop) -> None:
        ending = ended_by_final(Final(1, 0xFE00), stop, SOME, "pacs", PEER)
        assert ending.outcome is Outcome.PARTIAL
        assert ending.cause is not None
        assert ending.cause.code == stop.value

    def test_without_a_response_it_is_failed(self) -> None:
        ending = ended_by_us(Stop.INTERRUPTED, Tally(), "pacs", PEER, None)
        assert ending.outcome is Outcome.FAILED


class TestLostAssociation:
    def test_keeps_its_own_cause_and_says_after_how_many_responses(self) -> None:
        error = PeerAborted("the association was aborted")
        ending = ended_by_error(error, SOME, "pacs", PEER)
        assert ending.outcome is Outcome.PARTIAL
        assert ending.cause is not None
        assert ending.cause.code == "peer-abort"
        assert ending.cause.message.endswith("after 500 responses")


class TestRetry:
    @pytest.mark.parametrize(
        ("status", "responses", "retry"),
        [
            (0xC001, 10, Retry.ONCE),
            (0x0110, 0, Retry.ONCE),
            (0xA700, 0, Retry.ONCE),
            (0xA700, 1, Retry.NEVER),
            (0xFE00, 0, Retry.ONCE),
            (0xA900, 0, Retry.NEVER),
            (0x0122, 0, Retry.NEVER),
        ],
    )
    def test_can_help_only_sometimes(
        self, status: int, responses: int, retry: Retry
    ) -> None:
        assert retry_after_status(status, responses) is retry
