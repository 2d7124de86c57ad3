"""A peer that asks another one, and passes on no more of its answers than a cap."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.dsutils import decode, encode

from tests.peers import pdu, steps
from tests.peers.processes import LOOPBACK
from tests.peers.real import RealPeer
from tests.peers.scripted import Request, Step

_PENDING = (0xFF00, 0xFF01)


class CappingRelay:
    """A script: `ScriptedPeer(script=CappingRelay(peer, 5).answer)`.

    Attributes:
        answers: how many requests it has answered.
    """

    def __init__(self, peer: RealPeer, cap: int, status: int = 0) -> None:
        """Takes what it needs.

        Args:
            peer: that knows the answers.
            cap: responses it passes on.
            status: how an answer with more ends.
        """
        self._peer = peer
        self._cap = cap
        self._status = status
        self.answers = 0

    def answer(self, request: Request) -> Sequence[Step]:
        """The script for one C-FIND-RQ."""
        found = self._ask(request)
        self.answers += 1
        shown = found[: self._cap]
        status = self._status if len(shown) < len(found) else 0
        return [
            steps.matches(len(shown), build=lambda _, number: shown[number]),
            steps.final(status),
        ]

    def _ask(self, request: Request) -> list[bytes]:
        """The Identifiers of all responses."""
        implicit = request.transfer_syntax == pdu.IMPLICIT_LE
        keys = decode(BytesIO(request.identifier), implicit, True)
        ae = AE("RELAY")
        ae.add_requested_context(request.sop_class, request.transfer_syntax)
        association = ae.associate(
            LOOPBACK, self._peer.port, ae_title=self._peer.called_ae
        )
        assert association.is_established
        found = [
            _encoded(identifier, implicit)
            for status, identifier in association.send_c_find(keys, request.sop_class)
            if status.Status in _PENDING and identifier is not None
        ]
        association.release()
        association.join()
        return found


def _encoded(identifier: Dataset, implicit: bool) -> bytes:
    data = encode(identifier, implicit, True)
    assert data is not None
    return data
