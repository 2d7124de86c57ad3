"""The PDUs a requestor receives, as plain values, and the short ones it sends."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack


@dataclass(frozen=True, slots=True)
class ContextResult:
    """One presentation context item of an A-ASSOCIATE-AC, as received.

    Attributes:
        id: 0 to 255; nothing says that it was proposed.
        result: 0 acceptance; others as received.
        transfer_syntaxes: UIDs of its sub-items; counts only with result 0.

    Source: PS3.8 Section 9.3.3.2.
    """

    id: int
    result: int
    transfer_syntaxes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateAC:
    """A-ASSOCIATE-AC.

    Attributes:
        contexts: presentation context items in the order received.
        max_length: longest P-DATA-TF the peer receives, in bytes, 0 for unlimited;
            None if it does not say.
        implementation_uid: empty if it does not say.
        implementation_version: empty if it does not say.
        extended: SOP Class UID and service class application information (56H), in
            the order received, each UID once.
        operations: how many operations we may invoke at once (53H), 0 for without
            limit; None if it does not say.
        identity_response: server response to the user identity (59H), often empty;
            None if it does not say.
        warnings: what was tolerated, one sentence each.

    Source: PS3.8 Section 9.3.3, PS3.7 Annex D.3.3.
    """

    contexts: tuple[ContextResult, ...]
    max_length: int | None = None
    implementation_uid: str = ""
    implementation_version: str = ""
    extended: tuple[tuple[str, bytes], ...] = ()
    operations: int | None = None
    identity_response: bytes | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssociateRJ:
    """A-ASSOCIATE-RJ; three numbers, 0 to 255.

    Source: PS3.8 Section 9.3.4.
    """

    result: int
    source: int
    reason: int

    def encode(self) -> bytes:
        """The PDU: 10 bytes."""
        return pack(">BxLxBBB", 3, 4, self.result, self.source, self.reason)


@dataclass(frozen=True, slots=True)
class ReleaseRQ:
    """A-RELEASE-RQ.

    Source: PS3.8 Section 9.3.6.
    """

    def encode(self) -> bytes:
        """The PDU: 10 bytes."""
        return pack(">BxL4x", 5, 4)


@dataclass(frozen=True, slots=True)
class ReleaseRP:
    """A-RELEASE-RP.

    Source: PS3.8 Section 9.3.7.
    """

    def encode(self) -> bytes:
        """The PDU: 10 bytes."""
        return pack(">BxL4x", 6, 4)


@dataclass(frozen=True, slots=True)
class AbortPDU:
    """A-ABORT.

    Attributes:
        source: 0 service user, 2 service provider; others as received.
        reason: 0 to 255, counts only for the service provider.

    Source: PS3.8 Section 9.3.8.
    """

    source: int = 0
    reason: int = 0

    def encode(self) -> bytes:
        """The PDU: 10 bytes."""
        return pack(">BxLxxBB", 7, 4, self.source, self.reason)
