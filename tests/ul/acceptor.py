"""An acceptor's bytes, built field by field after PS3.8 Section 9.3.

Written apart from the package's own encoders and decoders, so that they cannot
share a mistake.
"""

from __future__ import annotations

from struct import pack

from batchfind.ul.association import Association
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.events import Accepted, Associate, Event, Release
from batchfind.ul.proposal import Proposal
from batchfind.ul.states import State

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"

PROPOSED = (
    ProposedContext(1, STUDY_ROOT, (EXPLICIT, IMPLICIT)),
    ProposedContext(3, VERIFICATION, (IMPLICIT,)),
)

#: A whole A-ASSOCIATE-AC, spelled out once. Lengths in decimal at the right.
GOLDEN_AC = bytes.fromhex(
    "02 00 000000B0"  # PDU type, reserved, PDU length                       176
    "0001 0000"  # protocol version bit 0, reserved
    "53435020202020202020202020202020"  # called AE title  'SCP'              16
    "53435520202020202020202020202020"  # calling AE title 'SCU'              16
    "0000000000000000000000000000000000000000000000000000000000000000"  # res. 32
    "10 00 0015 312E322E3834302E31303030382E332E312E312E31"  # application     21
    "21 00 001B 01 00 00 00"  # presentation context 1, result 0 acceptance    27
    "40 00 0013 312E322E3834302E31303030382E312E322E31"  # Explicit LE         19
    "21 00 0004 03 00 03 00"  # presentation context 3, result 3 not supported 4
    "50 00 0028"  # user information                                           40
    "51 00 0004 00008000"  # maximum length                                32 768
    "52 00 0008 312E322E332E3435"  # implementation class UID '1.2.3.45'        8
    "55 00 0010 474F4C44454E5F5343505F5F5F303031"  # 'GOLDEN_SCP___001'         16
)
RELEASE_RQ = bytes.fromhex("05 00 00000004 00000000")
RELEASE_RP = bytes.fromhex("06 00 00000004 00000000")
ABORT_BY_USER = bytes.fromhex("07 00 00000004 0000 00 00")
REJECT_CALLED_AE = bytes.fromhex("03 00 00000004 00 01 01 07")
#: A command PDU and a data PDU of one PDV each, on context 1.
MATCH = bytes.fromhex(
    "04 00 0000000A 00000006 01 03 4343434304 00 00000008 00000004 01 02 4444"
)


def pdu(pdu_type: int, body: bytes) -> bytes:
    return pack(">BxL", pdu_type, len(body)) + body


def item(kind: int, value: bytes) -> bytes:
    return pack(">BxH", kind, len(value)) + value


def context(context_id: int, result: int, *syntaxes: str | bytes) -> bytes:
    subitems = b"".join(
        item(0x40, uid if isinstance(uid, bytes) else uid.encode()) for uid in syntaxes
    )
    return item(0x21, pack(">BxBx", context_id, result) + subitems)


APPLICATION = item(0x10, b"1.2.840.10008.3.1.1.1")


def user(max_length: int | None = 16_384, *more: bytes) -> bytes:
    length = () if max_length is None else (item(0x51, pack(">L", max_length)),)
    return item(0x50, b"".join((*length, *more)))


def associate_ac(*items: bytes, version: int = 1) -> bytes:
    fixed = pack(">Hxx16s16s32x", version, b"SCP".ljust(16), b"SCU".ljust(16))
    return pdu(2, fixed + b"".join(items))


def pdv(context_id: int, control: int, fragment: bytes) -> bytes:
    return pack(">LBB", len(fragment) + 2, context_id, control) + fragment


def pdata(*pdvs: bytes) -> bytes:
    return pdu(4, b"".join(pdvs))


def requested(max_pdu: int = 16_384) -> Association:
    """An engine that waits for the answer to its request (Sta5)."""
    proposal = Proposal(contexts=PROPOSED, max_pdu=max_pdu)
    association = Association(calling_ae="SCU", called_ae="SCP", proposal=proposal)
    association.send(Associate())
    return association


def established(max_pdu: int = 16_384) -> Association:
    """An engine that may transfer data on context 1 (Sta6)."""
    association = requested(max_pdu)
    association.receive(GOLDEN_AC)
    assert isinstance(association.next_event(), Accepted)
    return association


def releasing() -> Association:
    """An engine that waits for the answer to its release (Sta7)."""
    association = established()
    association.send(Release())
    assert association.state is State.AWAITING_RELEASE_RP
    return association


def drain(association: Association) -> list[Event]:
    """Every event there is now."""
    events = []
    while (event := association.next_event()) is not None:
        events.append(event)
    return events


def after(association: Association, data: bytes) -> list[Event]:
    """Every event that these bytes bring."""
    association.receive(data)
    return drain(association)
