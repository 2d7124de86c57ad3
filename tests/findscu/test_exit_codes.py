"""How `batchfind findscu` ends, and what it says then."""

from __future__ import annotations

import os
import signal
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest

from batchfind.errors import (
    BadAccept,
    DnsNotFound,
    NotDicom,
    PeerError,
    Unreachable,
)
from batchfind.findscu.failures import association_failure
from batchfind.findscu.main import main
from tests.findscu.programs import answering, element, message_ids, ours, people
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.processes import LOOPBACK, free_port
from tests.peers.scripted import Conversation, Step

NAME = ("-k", "PatientName")
GONE = "0006:0317 Peer aborted Association (or never connected)"


class TestExitCode:
    @pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC001, 0x0122, 0xB001, 0xFE00])
    def test_is_1_for_a_status_that_is_no_success(
        self, status: int, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(people(2), steps.final(status))
        outcome = ours(peer.port, *NAME)
        assert outcome.code == 1
        (reason,) = outcome.told("E")
        assert f"The answer is not complete: final status {status:04X} (" in reason
        assert peer.seen.releases == 1

    def test_is_1_when_any_query_failed(self, scripted_peer: StartPeer) -> None:
        script = steps.in_turn([steps.final(0xA700)], [people(1), steps.final()])
        peer = scripted_peer(script=script)
        assert ours(peer.port, *NAME, "--repeat", "2").code == 1
        assert message_ids(peer) == [1, 2]

    def test_is_1_for_a_response_nobody_can_read(
        self, scripted_peer: StartPeer
    ) -> None:
        broken = element(0x00100010, "PN", b"AB" * 9)[:-2]
        peer = scripted_peer(
            steps.matches(1, build=lambda *_: broken), people(1), steps.final()
        )
        outcome = ours(peer.port, *NAME)
        assert outcome.code == 1
        assert outcome.told("E")[0].startswith("Find Response 1 is malformed")
        assert "Find Response: 2 (Pending)" in outcome.told("I")

    @pytest.mark.parametrize(
        ("ending", "condition"),
        [
            (steps.abort(), GONE),
            (steps.close(), GONE),
            (steps.reset(), GONE),
            (steps.raw(pdu.pdu(5, bytes(4))), "0006:0319 DUL Peer Requested Release"),
        ],
    )
    def test_is_1_when_the_association_ends_too_early(
        self, ending: Step, condition: str, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(people(1), ending)
        outcome = ours(peer.port, *NAME, "--repeat", "2")
        assert outcome.code == 1
        assert outcome.told("E")[0] == "Find Failed, query keys:"
        assert condition in outcome.told("E")
        assert message_ids(peer) == [1]

    def test_is_1_for_a_broken_protocol(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(
            steps.matches(1, build=lambda *_: b"", wrong_ids=True), steps.final()
        )
        outcome = ours(peer.port, *NAME)
        assert outcome.code == 1
        assert outcome.told("E")[-1].startswith("Find SCU Failed: 0006:020d ")

    @pytest.mark.parametrize(
        ("options", "code"), [("", 1), ("-v", 1), ("-d", 1), ("-v -X", 0), ("-q", 0)]
    )
    def test_is_1_when_responses_cannot_be_shown(
        self,
        options: str,
        code: int,
        tmp_path: Path,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        peer = answering(scripted_peer, 3)
        words = [LOOPBACK, str(peer.port), *NAME, *options.split()]
        full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115
        with redirect_stderr(full):
            assert main(words) == code
        with suppress(OSError):
            full.close()

    @pytest.mark.parametrize("words", ["--help", "+cc", "pacs 1 -k a --save-job -"])
    def test_is_1_when_stdout_is_full(
        self, words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115
        with redirect_stdout(full):
            assert main(words.replace(" a ", " PatientID ").split()) == 1
        with suppress(OSError):
            full.close()
        told = capsys.readouterr().err
        assert "stdout cannot be written: No space left on device" in told

    def test_is_2_without_an_association(self, scripted_peer: StartPeer) -> None:
        outcome = ours(free_port(), *NAME)
        assert outcome.code == 2
        (complaint,) = outcome.told("E")
        assert complaint.startswith("Association Request Failed: 0006:031c TCP Init")
        assert complaint.endswith("Connection refused")
        peer = scripted_peer(on_connect=[steps.accept(result=3)])
        outcome = ours(peer.port, *NAME)
        assert outcome.code == 2
        assert outcome.told("E") == ["No Acceptable Presentation Contexts"]

    @pytest.mark.parametrize("option", ["-aet", "-aec"])
    def test_is_2_for_an_empty_title(
        self, option: str, scripted_peer: StartPeer
    ) -> None:
        peer = answering(scripted_peer)
        outcome = ours(peer.port, *NAME, option, "")
        assert outcome.code == 2
        assert "0006:030c Illegal service parameter" in outcome.told("E")[1]
        assert peer.seen.connections == 0

    @pytest.mark.parametrize("ending", [steps.abort(), steps.close()])
    def test_is_2_when_the_release_fails(
        self, ending: Step, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(people(1), steps.final(), on_release=[ending])
        outcome = ours(peer.port, *NAME)
        assert outcome.code == 2
        assert outcome.told("E")[0].startswith("Association Release Failed: ")

    def test_is_130_after_ctrl_c(self, scripted_peer: StartPeer) -> None:
        async def interrupt(_: Conversation) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        peer = scripted_peer(people(1), interrupt, steps.silence())
        assert ours(peer.port, *NAME).code == 130


class TestOtherFailures:
    """What cannot be had from a peer on loopback."""

    @pytest.mark.parametrize(
        ("error", "condition"),
        [
            (DnsNotFound("gone"), "0006:0320 Attempt to connect to unknown host: pacs"),
            (Unreachable("no route"), "0006:031c TCP Initialization Error: no route"),
            (NotDicom("HTTP"), "0006:0321 Unrecognized PDU type: HTTP"),
            (BadAccept("no context"), "0006:031c no context"),
        ],
    )
    def test_have_findscus_numbers(self, error: PeerError, condition: str) -> None:
        text = association_failure(error, "pacs")
        assert text == f"Association Request Failed: {condition}"


class TestRejections:
    @pytest.mark.parametrize(
        ("code", "result", "source", "reason"),
        [
            ((1, 1, 7), "Permanent", "User", "Called AE Title Not Recognized"),
            (
                (2, 3, 2),
                "Transient",
                "Provider (Presentation Related)",
                "Local Limit Exceeded",
            ),
            ((1, 2, 9), "Permanent", "Provider (ACSE Related)", "unknown (9)"),
        ],
    )
    def test_say_who_and_why(
        self,
        code: tuple[int, int, int],
        result: str,
        source: str,
        reason: str,
        scripted_peer: StartPeer,
    ) -> None:
        peer = scripted_peer(on_connect=[steps.reject(*code)])
        outcome = ours(peer.port, *NAME)
        assert outcome.code == 2
        assert outcome.told("E") == [
            "Association Rejected:",
            f"Result: Rejected {result}, Source: Service {source}",
            f"Reason: {reason}",
        ]


class TestTimeouts:
    def test_without_td_silence_is_the_end_of_the_connection(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(people(1), steps.silence())
        outcome = ours(peer.port, *NAME, "-ts", "1")
        assert outcome.code == 1
        assert outcome.told("E")[-1] == GONE

    def test_with_td_it_is_a_timeout(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(people(1), steps.silence())
        outcome = ours(peer.port, *NAME, "-td", "1", "-ts", "30")
        assert outcome.code == 1
        assert outcome.told("E")[-1].startswith("Find SCU Failed: 0006:0207 ")

    def test_ta_is_for_the_association(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.ignore_association()])
        outcome = ours(peer.port, *NAME, "-ta", "1")
        assert outcome.code == 2
        assert outcome.told("E") == [
            "Association Request Failed: 0006:031a DUL network read timeout"
        ]
