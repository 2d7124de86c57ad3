"""Asking again by cause: pure decisions, without a clock and without chance."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind import errors
from batchfind.capture.records import Ending, Outcome
from batchfind.dimse.messages import Final
from batchfind.errors import PeerError, Retry
from batchfind.execution.allowance import Allowance
from batchfind.execution.circuit import Circuit
from batchfind.execution.outcomes import Tally, ended_by_error, ended_by_final
from batchfind.execution.retrying import Reserve, Retrying
from batchfind.job.model import RetryPolicy
from batchfind.net.settings import Endpoint

PEER = Endpoint("10.0.0.1", 104, "ARCHIVE", "BATCHFIND")
BACKOFF = Ending(outcome=Outcome.FAILED, retry=Retry.BACKOFF)
ONCE = Ending(outcome=Outcome.FAILED, retry=Retry.ONCE)
NEVER = Ending(outcome=Outcome.FAILED)


def longest(**policy: float) -> Retrying:
    """Chance always takes the longest pause."""
    return Retrying(RetryPolicy(**policy), lambda: 1.0)  # type: ignore[arg-type]


def broken(responses: int) -> Ending:
    return Ending(outcome=Outcome.PARTIAL, responses=responses, retry=Retry.BACKOFF)


def failed(error: PeerError, responses: int = 0) -> Ending:
    return ended_by_error(error, Tally(responses=responses), "pacs", PEER)


def status(code: int, responses: int = 0) -> Ending:
    final = Final(message_id=1, status=code)
    return ended_by_final(final, None, Tally(responses=responses), "pacs", PEER)


class TestCauses:
    """Which endings are followed by another try; the first pause is 2 s at most."""

    @pytest.mark.parametrize(
        "error",
        [
            *(errors.Refused, errors.Unreachable, errors.ConnectTimeout),
            *(errors.DnsTemporary, errors.TlsCutOff, errors.AssociateTimeout),
            *(errors.RejectedTransient, errors.DescriptorsExhausted),
            *(errors.PeerAborted, errors.PeerClosed),
            *(errors.PeerReset, errors.PeerReleased),
        ],
    )
    def test_that_may_pass(self, error: type[PeerError]) -> None:
        ending = failed(error("told"))
        assert longest().pause([ending]) == 2.0
        assert longest().pause([ending, ending]) == 4.0
        assert longest().pause([ending, ending, ending]) is None

    @pytest.mark.parametrize(
        "ending",
        [
            failed(errors.ResponseTimeout("told")),
            failed(errors.ResponseTimeout("told"), 30),
            *(status(0xC001), status(0xCFFF), status(0x0110), status(0xC001, 7)),
            *(status(0xA700), status(0xA7FF), status(0xFE00), status(0x0213)),
        ],
    )
    def test_that_may_pass_once(self, ending: Ending) -> None:
        assert longest().pause([ending]) == 2.0
        assert longest().pause([ending, ending]) is None

    @pytest.mark.parametrize(
        "ending",
        [
            failed(errors.DnsNotFound("told")),
            failed(errors.TlsVerify("told")),
            failed(errors.TlsHandshake("told")),
            failed(errors.NotDicom("told")),
            failed(errors.BadAccept("told")),
            failed(errors.NoContext("told")),
            failed(errors.NotNegotiated("told")),
            failed(errors.IdentityUnconfirmed("told")),
            failed(errors.RejectedPermanent("told")),
            failed(errors.PduError("told")),
            failed(errors.DimseError("told")),
            failed(errors.LimitReached("told")),
            *(status(0x0000), status(0xA710), status(0xA900), status(0x0122)),
            *(status(0x0124), status(0xB001), status(0x0001), status(0xDEAD)),
            *(status(0xA700, 1), status(0xFE00, 1), status(0x0213, 1)),
        ],
    )
    def test_that_never_pass(self, ending: Ending) -> None:
        assert longest().pause([ending]) is None

    def test_that_may_pass_once_count_among_all_tries(self) -> None:
        assert longest(attempts=9).pause([ONCE, BACKOFF]) == 4.0
        assert longest(attempts=9).pause([BACKOFF, ONCE]) == 4.0
        assert longest(attempts=9).pause([ONCE, BACKOFF, ONCE]) is None

    def test_of_an_earlier_try_do_not_count(self) -> None:
        assert longest().pause([BACKOFF, NEVER]) is None


class TestPauses:
    def test_double_up_to_the_longest(self) -> None:
        asked = longest(attempts=99, backoff=1.0, max_backoff=10.0)
        pauses = [asked.pause([BACKOFF] * tries) for tries in range(1, 7)]
        assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]

    def test_stay_finite_after_any_number_of_tries(self) -> None:
        asked = longest(attempts=10**9)
        assert asked.pause([BACKOFF] * 5000) == 60.0

    @given(st.integers(0, 2**32), st.integers(1, 2))
    def test_are_anywhere_below(self, seed: int, tries: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test, not a secret
        pause = Retrying(RetryPolicy(), chance.random).pause([BACKOFF] * tries)
        assert pause is not None
        assert 0.0 <= pause < 2.0 * tries

    def test_are_the_same_for_the_same_seed(self) -> None:
        def drawn() -> list[float | None]:
            chance = random.Random(7)  # noqa: S311 - a test, not a secret
            asked = Retrying(RetryPolicy(), chance.random)
            return [asked.pause([BACKOFF]) for _ in range(5)]

        assert drawn() == drawn()
        assert len(set(drawn())) == 5

    def test_are_none_with_a_single_attempt(self) -> None:
        assert longest(attempts=1).pause([BACKOFF]) is None


class TestAnswersThatBreakOff:
    def test_at_the_same_count_twice_are_not_tried_again(self) -> None:
        assert longest(attempts=9).pause([broken(500), broken(500)]) is None

    def test_at_other_counts_are(self) -> None:
        assert longest(attempts=9).pause([broken(500), broken(20)]) == 4.0
        assert longest(attempts=9).pause([broken(500), BACKOFF]) == 4.0

    def test_are_seen_twice_where_they_would_be_cut(self) -> None:
        asked = longest(attempts=1)
        assert asked.pause([broken(7)], splits=True, unsure=True) == 2.0
        two = [broken(7), broken(9)]
        assert asked.pause(two, splits=True, unsure=True) is None

    def test_are_cut_instead_once_they_are_sure(self) -> None:
        assert longest().pause([broken(50)], splits=True) is None
        assert longest().pause([status(0xA700)], splits=True) is None

    def test_share_their_tries_with_all_other_causes(self) -> None:
        tries = [BACKOFF, BACKOFF, broken(7)]
        assert longest().pause(tries, splits=True, unsure=True) is None

    def test_without_responses_are_tried_again_as_any(self) -> None:
        assert longest().pause([BACKOFF], splits=True) == 2.0


class TestReserve:
    def test_ends_and_is_filled_by_answers(self) -> None:
        reserve = Reserve()
        assert sum(reserve.take() for _ in range(200)) == 100
        for _ in range(6):
            reserve.refill()
        assert reserve.take()
        assert not reserve.take()

    def test_is_never_more_than_full(self) -> None:
        reserve = Reserve()
        reserve.refill()
        assert sum(reserve.take() for _ in range(200)) == 100


class TestCircuit:
    @staticmethod
    def fail(circuit: Circuit, times: int, *, hopeless: bool = False) -> None:
        for _ in range(times):
            circuit.failed(10.0, probe=False, hopeless=hopeless)

    def test_waits_after_five_failures_in_a_row(self) -> None:
        circuit = Circuit(2)
        self.fail(circuit, 4)
        circuit.reached()
        self.fail(circuit, 4)
        assert not circuit.waits
        self.fail(circuit, 1)
        assert circuit.waits
        assert circuit.opened == 10.0

    def test_closes_when_a_probe_gets_through(self) -> None:
        circuit = Circuit(2)
        self.fail(circuit, 5)
        circuit.probe()
        assert circuit.probing
        circuit.reached()
        assert not circuit.waits

    def test_is_given_up_after_the_second_probe(self) -> None:
        circuit = Circuit(2)
        self.fail(circuit, 5)
        circuit.probe()
        circuit.failed(40.0, probe=True, hopeless=False)
        assert circuit.waits
        assert not circuit.given_up
        circuit.probe()
        circuit.failed(70.0, probe=True, hopeless=False)
        assert circuit.given_up
        assert not circuit.waits

    def test_is_given_up_at_once_without_hope_or_probes(self) -> None:
        hopeless, without = Circuit(2), Circuit(0)
        self.fail(hopeless, 5, hopeless=True)
        self.fail(without, 5)
        assert hopeless.given_up
        assert without.given_up

    @pytest.mark.parametrize("error", [errors.NoContext, errors.IdentityUnconfirmed])
    def test_closes_when_an_association_was_accepted(
        self, error: type[PeerError]
    ) -> None:
        """The SCP is there: it will not do what one request needs."""
        circuit = Circuit(1)
        for _ in range(9):
            circuit.ended(failed(error("told")), 10.0, probe=False, asker="a")
        assert not circuit.waits
        self.fail(circuit, 5)
        circuit.probe()
        circuit.ended(failed(error("told")), 40.0, probe=True, asker="a")
        assert not circuit.waits
        assert not circuit.given_up

    def test_does_not_blame_the_peer_for_a_lack_of_descriptors(self) -> None:
        circuit, lack = Circuit(1), failed(errors.DescriptorsExhausted("told"))
        for _ in range(9):
            circuit.ended(lack, 10.0, probe=False, asker="a")
        assert not circuit.waits
        self.fail(circuit, 5)
        circuit.probe()
        circuit.ended(lack, 40.0, probe=True, asker="a")
        assert circuit.waits
        assert not circuit.probing
        assert circuit.opened == 40.0

    def test_opens_when_none_was(self) -> None:
        circuit, refused = Circuit(1), failed(errors.Refused("told"))
        for _ in range(5):
            circuit.ended(refused, 10.0, probe=False, asker="a")
        assert circuit.waits
        assert not circuit.refusals("a")

    def test_takes_a_rejection_for_one_of_who_asks(self) -> None:
        circuit, rejected = Circuit(1), failed(errors.RejectedPermanent("told"))
        for times in range(6):
            assert circuit.refusals("a") == (5 if times == 5 else 0)
            circuit.ended(rejected, 10.0, probe=False, asker="a")
        assert not circuit.refusals("b")
        assert not circuit.waits
        assert not circuit.given_up
        circuit.reached()
        assert not circuit.refusals("a")

    def test_late_failures_of_others_are_no_failure_of_the_probe(self) -> None:
        circuit = Circuit(1)
        self.fail(circuit, 5)
        circuit.probe()
        self.fail(circuit, 3)
        assert circuit.probing

    def test_a_probe_that_gets_through_gives_all_chances_back(self) -> None:
        circuit = Circuit(1)
        for _ in range(3):
            self.fail(circuit, 5)
            circuit.probe()
            circuit.reached()
        assert not circuit.given_up


class TestAllowance:
    def test_is_what_stands_for_thirty_seconds(self) -> None:
        allowance = Allowance()
        assert allowance.at(0.0, 8) == 8
        allowance.lower(100.0, began=99.0, standing=2)
        assert allowance.at(129.9, 8) == 2
        assert allowance.at(130.0, 8) == 8

    def test_is_never_none_and_never_more_than_the_job_says(self) -> None:
        allowance = Allowance()
        allowance.lower(0.0, began=-1.0, standing=0)
        assert allowance.at(1.0, 8) == 1
        allowance.lower(60.0, began=59.0, standing=9)
        assert allowance.at(61.0, 4) == 4

    def test_one_burst_is_one_rejection(self) -> None:
        allowance = Allowance()
        allowance.lower(10.0, began=9.0, standing=0)
        allowance.lower(10.1, began=9.0, standing=2)
        allowance.lower(10.2, began=9.0, standing=1)
        assert allowance.at(39.9, 8) == 2
        assert allowance.at(40.0, 8) == 8

    def test_lasts_twice_as_long_when_it_repeats_up_to_five_minutes(self) -> None:
        allowance, now, spans = Allowance(), 0.0, []
        for _ in range(6):
            allowance.lower(now, began=now - 0.1, standing=1)
            spans.append(next(s for s in range(999) if allowance.at(now + s, 8) == 8))
            now += spans[-1] + 1
        assert spans == [30, 60, 120, 240, 300, 300]

    def test_is_forgotten_after_a_quiet_time(self) -> None:
        allowance = Allowance()
        allowance.lower(0.0, began=-1.0, standing=1)
        allowance.lower(31.0, began=30.5, standing=1)
        allowance.lower(900.0, began=899.0, standing=1)
        assert allowance.at(929.0, 8) == 1
        assert allowance.at(931.0, 8) == 8
