"""`batchfind findscu` towards scripted peers: its requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from batchfind.findscu.call import Call, Extract
from batchfind.findscu.logs import open_log
from batchfind.findscu.session import run
from tests.findscu.programs import (
    IMPLICIT_LE,
    accept,
    answering,
    element,
    message_ids,
    ours,
    people,
)
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.processes import LOOPBACK
from tests.peers.scripted import Conversation, Request, Step

NAME = ("-k", "PatientName")


class TestRequests:
    def test_have_one_context_the_medium_priority_and_findscus_titles(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = answering(scripted_peer)
        assert ours(peer.port, *NAME).code == 0
        (association,) = peer.seen.associations
        (proposal,) = association.proposals
        assert (association.calling_ae, association.called_ae) == ("FINDSCU", "ANY-SCP")
        assert proposal.context_id == 1
        assert proposal.abstract_syntax == "1.2.840.10008.5.1.4.31"
        assert peer.seen.requests[0].priority == 0

    def test_repeat_on_one_association(self, scripted_peer: StartPeer) -> None:
        peer = answering(scripted_peer)
        assert ours(peer.port, *NAME, "--repeat", "3").code == 0
        assert message_ids(peer) == [1, 2, 3]
        assert len(peer.seen.associations) == 1
        assert peer.seen.releases == 1

    def test_are_made_of_every_file_with_all_keys(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        files = [tmp_path / "one", tmp_path / "two"]
        level = element(0x00080052, "CS", b"STUDY ")
        for file, number in zip(files, b"12", strict=True):
            patient = element(0x00100020, "LO", bytes([number, 32]))
            file.write_bytes(level + patient)
        peer = answering(scripted_peer)
        assert (
            ours(peer.port, "-k", "PatientName=A*", *files, "--repeat", "2").code == 0
        )
        sent = [request.identifier for request in peer.seen.requests]
        name = element(0x00100010, "PN", b"A*")
        one, two = (element(0x00100020, "LO", number) for number in (b"1 ", b"2 "))
        assert sent == [level + name + one] * 2 + [level + name + two] * 2

    def test_keep_the_bytes_of_a_file(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        file = tmp_path / "query"
        data = element(0x00080005, "CS", b"ISO_IR 100")
        data += element(0x00100010, "PN", b"M\xfcller* ")
        file.write_bytes(data)
        peer = answering(scripted_peer)
        assert ours(peer.port, file).code == 0
        assert peer.seen.requests[0].identifier == data

    def test_write_new_vrs_as_ob_if_asked(self, scripted_peer: StartPeer) -> None:
        peer = answering(scripted_peer)
        assert ours(peer.port, "-k", r"0009,1001=01\0a", "-u").code == 0
        assert peer.seen.requests[0].identifier[4:6] == b"OB"

    def test_cut_long_titles(self, scripted_peer: StartPeer) -> None:
        peer = answering(scripted_peer)
        assert ours(peer.port, *NAME, "-aet", "ABCDEFGHIJKLMNOPQRST").code == 0
        assert peer.seen.associations[0].calling_ae == "ABCDEFGHIJKLMNOP"


class TestAQueryThatCannotBe:
    """findscu looks at it when its turn comes; its exit code is 0 then."""

    @pytest.mark.parametrize(
        ("key", "condition"),
        [
            ("garbage", "0001:0019"),
            ("0028,0010=x", "0001:0006"),
            ("0002,0010=1.2", "0001:0019"),
            ("0000,0900=1", "0001:0019"),
        ],
    )
    def test_names_the_key(
        self, key: str, condition: str, scripted_peer: StartPeer
    ) -> None:
        peer = answering(scripted_peer)
        outcome = ours(peer.port, "-k", key)
        complaint, failure = outcome.told("E")
        assert outcome.code == 1
        assert complaint == f"Bad override key/path: {key}"
        assert failure.startswith(f"Find SCU Failed: {condition} ")
        assert peer.seen.requests == []
        assert peer.seen.releases == 0

    @pytest.mark.parametrize(
        ("content", "condition"),
        [
            (b"", "0001:0005 End of stream"),
            (b"no data set at all", "0001:000a I/O suspension or premature end of"),
            (bytes(128) + b"DICM", "0001:000a I/O suspension or premature end of"),
        ],
    )
    def test_names_the_file(
        self,
        content: bytes,
        condition: str,
        scripted_peer: StartPeer,
        tmp_path: Path,
    ) -> None:
        good, bad = tmp_path / "good", tmp_path / "bad"
        good.write_bytes(element(0x00080052, "CS", b"STUDY "))
        bad.write_bytes(content)
        peer = answering(scripted_peer)
        outcome = ours(peer.port, good, bad, good)
        complaint, failure = outcome.told("E")
        assert outcome.code == 1
        assert complaint.startswith(f"Bad DICOM file: {bad}: ")
        assert failure.startswith(f"Find SCU Failed: {condition}")
        assert message_ids(peer) == [1]

    def test_may_be_a_file_that_has_gone(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = answering(scripted_peer)
        call = Call(peer=LOOPBACK, port=peer.port, files=(tmp_path / "gone",))
        assert asyncio.run(run(call, open_log(call))) == 1

    def test_may_hold_a_value_that_cannot_be_encoded(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        file = tmp_path / "implicit"
        long = pdu.DataElement(0x00100020, b"", b"x" * 70_000)
        file.write_bytes(pdu.data_set([long], IMPLICIT_LE))
        peer = answering(scripted_peer)
        outcome = ours(peer.port, "-v", file)
        assert outcome.code == 1
        assert "70000 bytes do not fit" in outcome.told("W")[0]
        assert peer.seen.requests == []

    @pytest.mark.parametrize("key", ["", "7fe1,1001"])
    def test_may_be_empty_or_not(self, key: str, scripted_peer: StartPeer) -> None:
        peer = answering(scripted_peer)
        outcome = ours(peer.port, "-k", key)
        assert outcome.code == (0 if key else 1)
        if not key:
            assert "0006:020e DIMSE Failed to send message" in outcome.told("E")
            assert outcome.told("W")[0].endswith("sendMessage: dataset is empty")


class TestCancel:
    def test_counts_all_responses_of_the_association(
        self, scripted_peer: StartPeer
    ) -> None:
        """Final ones too: the fifth is the first match of the second request."""

        def script(request: Request) -> list[Step]:
            if request.message_id == 2:
                return [people(1), steps.until_cancelled(), steps.final(0xFE00)]
            return [people(3), steps.final()]

        peer = scripted_peer(script=script)
        outcome = ours(peer.port, *NAME, "--repeat", "3", "--cancel", "5", "-v")
        assert outcome.code == 0
        assert peer.seen.cancels == [2]
        assert message_ids(peer) == [1, 2, 3]
        assert "Sending Cancel Request (MsgID 2, PresID 1)" in outcome.told("I")

    def test_takes_what_still_comes(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(
            people(2), steps.until_cancelled(), people(2), steps.final(0xFE00)
        )
        outcome = ours(peer.port, *NAME, "--cancel", "2")
        assert outcome.code == 0
        assert "Find Response: 4 (Pending)" in outcome.told("I")

    def test_never_happens_at_0(self, scripted_peer: StartPeer) -> None:
        peer = answering(scripted_peer, 3)
        assert ours(peer.port, *NAME, "--cancel", "0").code == 0
        assert peer.seen.cancels == []


class TestTheEnd:
    def test_may_be_an_abort_after_all_answers(self, scripted_peer: StartPeer) -> None:
        peer = answering(scripted_peer)
        assert ours(peer.port, *NAME, "--abort", "--repeat", "2").code == 0
        assert message_ids(peer) == [1, 2]
        assert peer.seen.releases == 0

    def test_by_cancellation_keeps_what_was_written(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        """What Ctrl-C does to the task."""
        sent = asyncio.Event()
        document = tmp_path / "all.xml"

        async def tell(_: Conversation) -> None:
            loop.call_soon_threadsafe(sent.set)

        async def interrupted() -> None:
            call = Call(
                peer=LOOPBACK,
                port=peer.port,
                keys=("PatientName",),
                directory=tmp_path,
                extract=Extract.SINGLE_XML,
                single=Path("all.xml"),
            )
            task = asyncio.create_task(run(call, open_log(call)))
            await sent.wait()
            while "<data-set" not in document.read_text():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

        peer = scripted_peer(people(2), tell, steps.silence())
        loop = asyncio.new_event_loop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(interrupted())
        assert document.read_text().endswith("</responses>\n")


class TestTransferSyntaxes:
    @pytest.mark.parametrize(
        ("option", "syntax", "order"),
        [
            ("-xb", "1.2.840.10008.1.2.2", "big"),
            ("-xe", "1.2.840.10008.1.2.2", "big"),
            ("-xi", "1.2.840.10008.1.2", "little"),
        ],
    )
    def test_rule_how_a_query_is_encoded(
        self, option: str, syntax: str, order: str, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(steps.final(), on_connect=[accept(syntax)])
        assert ours(peer.port, "-k", "0028,0010=1", option).code == 0
        sent = peer.seen.requests[0].identifier
        assert sent.endswith((1).to_bytes(2, "big" if order == "big" else "little"))
