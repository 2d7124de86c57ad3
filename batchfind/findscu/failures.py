"""What findscu says when an association or a query fails, with its numbers.

The numbers are `module:code`, which scripts look for. A failure that findscu does not
know has the number of the nearest one and our own sentence behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from batchfind.errors import (
    AssociateTimeout,
    ConnectTimeout,
    DnsNotFound,
    DnsTemporary,
    NoContext,
    NotDicom,
    PeerAborted,
    PeerClosed,
    PeerError,
    PeerReleased,
    PeerReset,
    Refused,
    RejectedPermanent,
    RejectedTransient,
    ResponseTimeout,
    TlsHandshake,
    TlsVerify,
    Unreachable,
)

_GONE: Final = "0006:0317 Peer aborted Association (or never connected)"
_SILENT: Final = "0006:0207 DIMSE No data available (timeout in non-blocking mode)"

_SOURCES: Final = {
    1: "Service User",
    2: "Service Provider (ACSE Related)",
    3: "Service Provider (Presentation Related)",
}
_REASONS: Final = {
    (1, 1): "No Reason",
    (1, 2): "App Context Name Not Supported",
    (1, 3): "Calling AE Title Not Recognized",
    (1, 7): "Called AE Title Not Recognized",
    (2, 1): "No Reason",
    (2, 2): "Protocol Version Not Supported",
    (3, 1): "Temporary Congestion",
    (3, 2): "Local Limit Exceeded",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a query failed, and how findscu leaves the association then.

    Attributes:
        condition: number and sentence.
        repeated: it is told a second time, as the program's failure.
        complaint: an error of its own, or empty.
        farewell: told at level info.
    """

    condition: str
    repeated: bool = True
    complaint: str = ""
    farewell: str = "Aborting Association"


def association_failure(error: PeerError, host: str) -> str:
    """What is said of an association that did not come about.

    Args:
        error: why.
        host: of the peer, as given.
    """
    match error:
        case RejectedPermanent():
            return _rejection(error)
        case NoContext():
            return "No Acceptable Presentation Contexts"
        case _:
            return f"Association Request Failed: {_condition(error, host)}"


def query_failure(error: PeerError, *, patient: bool) -> Ending:
    """What is said of a query that failed.

    Args:
        error: why.
        patient: without `-td`: then findscu takes silence for the end of the
            connection.
    """
    match error:
        case PeerAborted() | PeerClosed() | PeerReset():
            return _gone()
        case ResponseTimeout():
            return _gone() if patient else Ending(_SILENT)
        case PeerReleased():
            return Ending(
                "0006:0319 DUL Peer Requested Release",
                repeated=False,
                complaint="Protocol Error: Peer requested release (Aborting)",
            )
        case _:
            return Ending(f"0006:020d DIMSE Failed to receive message: {error}")


def _gone() -> Ending:
    return Ending(_GONE, repeated=False, farewell="Peer Aborted Association")


def _rejection(error: RejectedPermanent) -> str:
    transient = isinstance(error, RejectedTransient)
    result = f"Rejected {'Transient' if transient else 'Permanent'}"
    source = _SOURCES.get(error.source, f"unknown ({error.source})")
    reason = _REASONS.get((error.source, error.reason), f"unknown ({error.reason})")
    return (
        f"Association Rejected:\nResult: {result}, Source: {source}\nReason: {reason}"
    )


def _condition(error: PeerError, host: str) -> str:
    if isinstance(error, (DnsNotFound, DnsTemporary)):
        return f"0006:0320 Attempt to connect to unknown host: {host}"
    for kinds, condition in _CONDITIONS:
        if isinstance(error, kinds):
            return condition
    for several, number in _NUMBERS:
        if isinstance(error, several):
            return f"{number} {error}"
    return f"0006:031c {error}"


_CONDITIONS: Final = (
    (Refused, "0006:031c TCP Initialization Error: Connection refused"),
    (AssociateTimeout, "0006:031a DUL network read timeout"),
    ((PeerAborted, PeerClosed, PeerReset, PeerReleased), _GONE),
)
"""Failures that findscu has words for."""

_NUMBERS: Final = (
    (NotDicom, "0006:0321 Unrecognized PDU type:"),
    (TlsVerify, "000b:0886 TLS error:"),
    (TlsHandshake, "000b:0926 TLS error:"),
    ((ConnectTimeout, Unreachable), "0006:031c TCP Initialization Error:"),
)
"""Failures that findscu has a number for, and we better words."""
