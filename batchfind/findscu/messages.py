"""What findscu says while it asks, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack
from typing import Final

from batchfind.dicom.dcmtk_names import uid_name
from batchfind.dicom.dump import DumpStyle, element_lines
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import IMPLICIT_LE
from batchfind.dimse.messages import Final as FinalResponse
from batchfind.net.settings import Endpoint, Offer
from batchfind.ul.events import Accepted
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)

RULE: Final = "---------------------------"
LIMIT_REACHED: Final = (
    "Maximum number of responses already written to file ... not writing this and all"
    " following responses to file"
)
_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
_LONGEST_SENT: Final = 131072
_PDV_OVERHEAD: Final = 12
"""What findscu leaves of a PDU for its data: both headers, six bytes each."""

_WORDS: Final = {
    0x0000: ("Success", "Success: Matching is complete"),
    0x0122: ("Refused: SOPClassNotSupported", "Refused: SOP Class not supported"),
    0xA700: ("Refused: OutOfResources", "Refused: Out of resources"),
    0xA900: (
        "Error: DataSetDoesNotMatchSOPClass",
        "Error: Data Set does not match SOP Class",
    ),
    0xC000: ("Failed: UnableToProcess", "Failed: Unable to process"),
    0xFE00: (
        "Cancel: MatchingTerminatedDueToCancelRequest",
        "Cancel: Matching terminated due to Cancel Request",
    ),
    0xFF00: ("Pending", "Pending: Matches are continuing"),
    0xFF01: (
        "Pending: WarningUnsupportedOptionalKeys",
        "Pending: Matches are continuing - Warning: Unsupported optional keys",
    ),
}
"""How a status is called in messages of level info, and of level debug."""

_UNABLE: Final = range(0xC000, 0xD000)
_NO_MATCH: Final = range(0xA900, 0xAA00)
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})
_FAILURES: Final = frozenset([*range(0x0100, 0x0300), *range(0xA000, 0xB000)])


def status_words(status: int) -> str:
    """What a status is called at level info."""
    known = _WORDS.get(0xC000 if status in _UNABLE else status)
    return known[0] if known else f"Unknown Status: 0x{status:x}"


def _status_sentence(status: int) -> str:
    """What a status is called at level debug."""
    if status in _UNABLE:
        status_class = 0xC000
    else:
        status_class = 0xA900 if status in _NO_MATCH else status
    if status_class in _WORDS:
        return f"0x{status:04x}: {_WORDS[status_class][1]}"
    if status in _WARNINGS or status >> 12 == 0xB:
        return f"0x{status:04x}: Warning"
    if status in _FAILURES:
        return f"0x{status:04x}: Failure"
    return f"0x{status:04x}: Unknown Status Code (non-standard)"


def identifier_text(
    elements: Sequence[RawElement], transfer_syntax: str, style: DumpStyle
) -> str:
    """A data set as one message: an empty line, its lines, an empty line."""
    return "\n".join(["", *element_lines(elements, transfer_syntax, style), ""])


def file_text(identifier: str) -> str:
    """The same within the file that findscu makes of keys."""
    heading = (
        "\n# Dicom-File-Format\n\n# Dicom-Meta-Information-Header\n"
        "# Used TransferSyntax: Little Endian Explicit\n"
    )
    return heading + identifier


def accepted_text(accepted: Accepted) -> str:
    """How the beginning of an association is reported."""
    longest = min(accepted.max_pdu or _LONGEST_SENT, _LONGEST_SENT)
    return f"Association Accepted (Max Send PDV: {longest - _PDV_OVERHEAD})"


def proposal_text(endpoint: Endpoint, offer: Offer) -> str:
    """The A-ASSOCIATE-RQ as findscu shows it at level debug."""
    syntaxes = [f"      {_titled(uid)}" for uid in offer.transfer_syntaxes]
    context = [
        "  Context ID:        1 (Proposed)",
        f"    Abstract Syntax: {_titled(offer.abstract_syntaxes[0])}",
        "    Proposed SCP/SCU Role: Default",
        "    Proposed Transfer Syntax(es):",
        *syntaxes,
    ]
    return _association("RQ", endpoint, offer, ("", "", 0), context)


def negotiated_text(endpoint: Endpoint, offer: Offer, accepted: Accepted) -> str:
    """The A-ASSOCIATE-AC as findscu shows it at level debug."""
    (one,) = accepted.contexts
    theirs = (
        accepted.implementation_uid,
        accepted.implementation_version,
        accepted.max_pdu,
    )
    context = [
        f"  Context ID:        {one.id} (Accepted)",
        f"    Abstract Syntax: {_titled(one.abstract_syntax)}",
        "    Proposed SCP/SCU Role: Default",
        "    Accepted SCP/SCU Role: Default",
        f"    Accepted Transfer Syntax: {_titled(one.transfer_syntax)}",
    ]
    return _association("AC", endpoint, offer, theirs, context)


def request_text(message_id: int, sop_class: str) -> str:
    """A C-FIND-RQ as findscu shows it at level debug."""
    return _message(
        "OUTGOING",
        ("Message Type", "C-FIND RQ"),
        ("Presentation Context ID", "1"),
        ("Message ID", str(message_id)),
        ("Affected SOP Class UID", uid_name(sop_class) or sop_class),
        ("Data Set", "present"),
        ("Priority", "medium"),
    )


def response_text(
    message_id: int, sop_class: str, status: int, *, data_set: bool
) -> str:
    """A C-FIND-RSP as findscu shows it at level debug."""
    return _message(
        "INCOMING",
        ("Message Type", "C-FIND RSP"),
        ("Message ID Being Responded To", str(message_id)),
        ("Affected SOP Class UID", uid_name(sop_class) or sop_class),
        ("Data Set", "present" if data_set else "none"),
        ("DIMSE Status", _status_sentence(status)),
    )


def status_detail(final: FinalResponse) -> str:
    """What a peer adds to a status that is no success; empty when it adds nothing."""
    elements = []
    if final.offending:
        tags = (pack("<HH", tag >> 16, tag & 0xFFFF) for tag in final.offending)
        elements.append(RawElement(0x0000_0901, "AT", b"".join(tags)))
    if final.comment is not None:
        comment = final.comment.encode("utf-8", "surrogateescape")
        padded = comment + b" " * (len(comment) % 2)
        elements.append(RawElement(0x0000_0902, "LO", padded))
    if final.error_id is not None:
        elements.append(RawElement(0x0000_0903, "US", pack("<H", final.error_id)))
    if not elements:
        return ""
    return identifier_text(elements, IMPLICIT_LE, DumpStyle(verbatim=True))


def _association(
    kind: str,
    endpoint: Endpoint,
    offer: Offer,
    theirs: tuple[str, str, int],
    context: Sequence[str],
) -> str:
    uid, version, max_pdu = theirs
    called = endpoint.called_ae
    return "\n".join(
        [
            f"====================== BEGIN A-ASSOCIATE-{kind} =====================",
            f"Our Implementation Class UID:      {IMPLEMENTATION_CLASS_UID}",
            f"Our Implementation Version Name:   {IMPLEMENTATION_VERSION_NAME}",
            f"Their Implementation Class UID:    {uid}",
            f"Their Implementation Version Name: {version}",
            f"Application Context Name:    {_APPLICATION_CONTEXT}",
            f"Calling Application Name:    {endpoint.calling_ae}",
            f"Called Application Name:     {called}",
            f"Responding Application Name: {called}",
            f"Our Max PDU Receive Size:    {offer.max_pdu}",
            f"Their Max PDU Receive Size:  {max_pdu}",
            "Presentation Contexts:",
            *context,
            "Requested Extended Negotiation: none",
            "Accepted Extended Negotiation:  none",
            "Requested User Identity Negotiation: none",
            "User Identity Negotiation Response:  none",
            f"======================= END A-ASSOCIATE-{kind} ======================",
        ]
    )


def _message(direction: str, *fields: tuple[str, str]) -> str:
    return "\n".join(
        [
            f"===================== {direction} DIMSE MESSAGE ====================",
            *(f"{name:<30}: {value}" for name, value in fields),
            "======================= END DIMSE MESSAGE =======================",
        ]
    )


def _titled(uid: str) -> str:
    name = uid_name(uid)
    return f"={name}" if name else uid
