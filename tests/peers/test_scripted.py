"""The scripted peer does what its script says, seen by SCUs that are not ours."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from tests.peers import pdu
from tests.peers.plugin import StartPeer
from tests.peers.scripted import LOOPBACK, ScriptedPeer
from tests.peers.steps import (
    abort,
    accept,
    close,
    delay,
    drip,
    final,
    ignore_association,
    in_turn,
    matches,
    raw,
    reject,
    reset,
    silence,
    until_cancelled,
)

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"


def keys(patient_id: str = "P1") -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.PatientID = patient_id
    asked.StudyInstanceUID = ""
    return asked


def requestor() -> AE:
    entity = AE()
    entity.add_requested_context(STUDY_ROOT)
    entity.add_requested_context(VERIFICATION)
    entity.acse_timeout = entity.network_timeout = entity.dimse_timeout = 10
    return entity


@contextmanager
def associated(peer: ScriptedPeer) -> Iterator[Association]:
    association = requestor().associate(LOOPBACK, peer.port)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        if association.is_alive():
            association.join()


def ask(
    association: Association, patient_id: str = "P1"
) -> list[tuple[int | None, str | None]]:
    """Status and Study Instance UID of each response."""
    found = []
    for status, match in association.send_c_find(keys(patient_id), STUDY_ROOT):
        uid = str(match.StudyInstanceUID) if match else None
        found.append((status.get("Status"), uid))
    return found


class TestAnswers:
    def test_every_request_is_answered_by_the_steps(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(matches(3), final())
        with associated(peer) as association:
            first, second = ask(association), ask(association)
        assert first == second
        assert [status for status, _ in first] == [0xFF00] * 3 + [0]
        assert len({uid for _, uid in first}) == 4
        assert [request.number for request in peer.seen.requests] == [0, 1]
        assert peer.seen.releases == 1

    def test_a_match_repeats_the_keys(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(matches(1), final())
        with associated(peer) as association:
            answers = association.send_c_find(keys("ASKED"), STUDY_ROOT)
            found = [match.PatientID for _, match in answers if match]
        assert found == ["ASKED"]

    def test_ff01_and_fragments_arrive_whole(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(matches(2, status=0xFF01, fragment=6), final())
        with associated(peer) as association:
            found = ask(association)
        assert [status for status, _ in found] == [0xFF01, 0xFF01, 0]

    def test_a_final_status_has_comment_and_offending_element(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(
            matches(2), final(0xA700, "out of resources", offending=[0x00100020])
        )
        with associated(peer) as association:
            *_, (status, _) = association.send_c_find(keys(), STUDY_ROOT)
        assert status.Status == 0xA700
        assert status.ErrorComment == "out of resources"
        assert status.OffendingElement == 0x00100020

    def test_scripts_can_take_turns(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(script=in_turn([final(0xC001)], [final()]))
        with associated(peer) as association:
            found = [ask(association) for _ in range(3)]
        assert found == [[(0xC001, None)], [(0, None)], [(0, None)]]

    def test_c_echo_is_answered(self, scripted_peer: StartPeer) -> None:
        with associated(scripted_peer()) as association:
            assert association.send_c_echo().Status == 0

    def test_a_delay_passes(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(delay(0.01), final())
        with associated(peer) as association:
            assert ask(association) == [(0, None)]


class TestEarlyEnds:
    @pytest.mark.parametrize("ending", [abort(), abort(2, 6), close()])
    def test_the_connection_ends_after_n_responses(
        self, ending: object, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(matches(2), ending)
        with associated(peer) as association:
            found = ask(association)
        assert [status for status, _ in found] == [0xFF00, 0xFF00, None]
        assert peer.seen.open == 0

    def test_the_connection_can_be_reset(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(reset())
        with Dialogue(peer) as dialogue:
            dialogue.find(message_id=1)
            with pytest.raises(ConnectionResetError):
                dialogue.read()

    @pytest.mark.parametrize("steps", [[silence()], []])
    def test_a_silent_peer_never_answers(
        self, steps: list[object], scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(*steps)
        with Dialogue(peer) as dialogue:
            dialogue.find(message_id=1)
            assert dialogue.nothing_arrives()

    def test_a_response_may_name_another_message(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(matches(1, wrong_ids=True), final())
        with Dialogue(peer) as dialogue:
            dialogue.find(message_id=5)
            assert dialogue.statuses_until(0) == [(12, 0xFF00), (5, 0)]


class TestCancel:
    def test_a_cancel_is_seen_by_the_script(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(matches(1), until_cancelled(), final(0xFE00))
        with associated(peer) as association:
            answers = association.send_c_find(keys(), STUDY_ROOT, msg_id=9)
            next(answers)
            association.send_c_cancel(9, query_model=STUDY_ROOT)
            assert [status.Status for status, _ in answers] == [0xFE00]
        assert peer.seen.cancels == [9]

    def test_a_cancel_of_another_message_is_only_noted(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(until_cancelled(), final(0xFE00))
        with Dialogue(peer) as dialogue:
            dialogue.find(message_id=3)
            dialogue.cancel(message_id=2)
            dialogue.cancel(message_id=3)
            assert dialogue.statuses_until(0xFE00) == [(3, 0xFE00)]
        assert peer.seen.cancels == [2, 3]


class TestBeginnings:
    def test_a_rejection_has_the_codes_given(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[reject(2, 3, 2)])
        # pynetdicom forgets a rejection when it sees the connection close first.
        with Dialogue(peer, answered=False) as dialogue:
            assert dialogue.read() == (3, bytes([0, 2, 3, 2]))

    def test_no_context_may_be_accepted(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[accept(result=3)])
        with associated(peer) as association:
            assert not association.accepted_contexts

    def test_an_association_may_be_ignored(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[ignore_association()])
        with Dialogue(peer, answered=False) as dialogue:
            assert dialogue.nothing_arrives()
        assert len(peer.seen.associations) == 1
        assert peer.seen.simultaneous == 0

    def test_any_bytes_can_be_sent(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[drip(b"HT", 0.001), raw(b"TP"), close()])
        with socket.create_connection((LOOPBACK, peer.port), timeout=5) as connection:
            assert b"".join(iter(lambda: connection.recv(9), b"")) == b"HTTP"


class TestFraming:
    def test_many_messages_can_share_one_pdu(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(matches(10, per_pdu=10), final())
        with Dialogue(peer) as dialogue:
            dialogue.find(message_id=1)
            kind, body = dialogue.read()
            assert kind == pdu.P_DATA
            controls = [control for _, control, _ in pdu.pdvs(body)]
            assert controls == [3, 2] * 10

    def test_a_release_is_answered_at_once(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer()
        with Dialogue(peer) as dialogue:
            dialogue.send(pdu.pdu(pdu.RELEASE_RQ, bytes(4)))
            assert dialogue.read()[0] == pdu.RELEASE_RP
        assert peer.seen.open == 0


class TestSeen:
    def test_associations_at_once_are_counted(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(matches(1), final())
        together = threading.Barrier(3)

        def one_after_another() -> None:
            for _ in range(2):
                with associated(peer) as association:
                    ask(association)
                    together.wait(timeout=20)

        threads = [threading.Thread(target=one_after_another) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert peer.seen.simultaneous == 3
        assert len(peer.seen.associations) == 6
        assert peer.seen.open == 0

    def test_ae_titles_are_kept(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer()
        with associated(peer):
            pass
        (association,) = peer.seen.associations
        assert (association.called_ae, association.calling_ae) == (
            "ANY-SCP",
            "PYNETDICOM",
        )


class Dialogue:
    """A requestor of raw bytes, for what a good SCU would not do or show."""

    def __init__(self, peer: ScriptedPeer, *, answered: bool = True) -> None:
        self._connection = socket.create_connection((LOOPBACK, peer.port), timeout=5)
        self.send(_associate_rq())
        if answered:
            assert self.read()[0] == pdu.ASSOCIATE_AC

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def read(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def nothing_arrives(self) -> bool:
        self._connection.settimeout(0.05)
        try:
            return not self._connection.recv(1)
        except TimeoutError:
            return True

    def find(self, message_id: int) -> None:
        elements = {
            0x0002: pdu.text(STUDY_ROOT, b"\0"),
            0x0100: pdu.us(pdu.FIND_RQ),
            0x0110: pdu.us(message_id),
            0x0700: pdu.us(0),
            0x0800: pdu.us(1),
        }
        asked = pdu.data_set([pdu.DataElement(0x00080052, b"CS", b"STUDY ")])
        body = pdu.pdv(1, 3, pdu.command(elements)) + pdu.pdv(1, 2, asked)
        self.send(pdu.pdu(pdu.P_DATA, body))

    def cancel(self, message_id: int) -> None:
        elements = {
            0x0100: pdu.us(pdu.CANCEL_RQ),
            0x0120: pdu.us(message_id),
            0x0800: pdu.us(pdu.NO_DATA_SET),
        }
        self.send(pdu.pdu(pdu.P_DATA, pdu.pdv(1, 3, pdu.command(elements))))

    def statuses_until(self, last: int) -> list[tuple[int, int]]:
        """Message ID and status of each response up to a status."""
        found: list[tuple[int, int]] = []
        while not found or found[-1][1] != last:
            for _, control, data in pdu.pdvs(self.read()[1]):
                if control & 1:
                    told = pdu.parse_command(data)
                    numbers = (told[0x0120], told[0x0900])
                    message_id, status = (int.from_bytes(n, "little") for n in numbers)
                    found.append((message_id, status))
        return found

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += self._connection.recv(length - len(data))
        return data


def _associate_rq() -> bytes:
    def item(kind: int, body: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(body)) + body

    context = bytes((1, 0, 0, 0)) + item(0x30, STUDY_ROOT.encode())
    context += item(0x40, pdu.EXPLICIT_LE.encode())
    items = item(0x10, pdu.APPLICATION_CONTEXT.encode()) + item(0x20, context)
    items += item(0x50, item(0x51, struct.pack(">L", 16384)))
    titles = b"ANY-SCP".ljust(16) + b"DIALOGUE".ljust(16)
    fixed = struct.pack(">Hxx", 1) + titles + bytes(32)
    return pdu.pdu(pdu.ASSOCIATE_RQ, fixed + items)
