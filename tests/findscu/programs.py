"""findscu and `batchfind findscu`, run with the same command line."""

from __future__ import annotations

import io
import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from batchfind.findscu.main import main
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.processes import LOOPBACK, require
from tests.peers.scripted import Conversation, Request, ScriptedPeer, Step

FINDSCU = "/usr/bin/findscu"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended, and its lines on stderr."""

    code: int
    lines: list[str]

    def told(self, level: str) -> list[str]:
        """What it said at one level: `E`, `W`, `I` or `D`."""
        return [line[3:] for line in self.lines if line.startswith(f"{level}: ")]


def ours(port: int, *arguments: str | Path) -> Outcome:
    """`batchfind findscu` in this process, as with stderr redirected to a file."""
    written = io.BytesIO()
    with redirect_stderr(io.TextIOWrapper(written, "utf-8")) as stderr:
        code = main([LOOPBACK, str(port), *map(str, arguments)])
        stderr.flush()
    return Outcome(code, _lines(written.getvalue()))


def theirs(port: int, *arguments: str | Path) -> Outcome:
    """The installed findscu."""
    require(FINDSCU)
    ended = subprocess.run(
        [FINDSCU, LOOPBACK, str(port), *arguments],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    return Outcome(ended.returncode, _lines(ended.stderr))


def _lines(stderr: bytes) -> list[str]:
    """Without what findscu alone tells of its own insides at level debug."""
    text = stderr.decode("utf-8", "surrogateescape")
    return [line for line in text.split("\n")[:-1] if not _INSIDES.match(line)]


_INSIDES = re.compile(
    r"D: (?:\$dcmtk|$|Our Implementation|DcmDataDictionary|DcmDataset|DcmFileFormat"
    r"|setting network|DULFSM|Constructing|Parsing|PDU Type|(?:  [0-9a-f]{2})+$)"
)


def accept(transfer_syntax: str = EXPLICIT_LE) -> Step:
    """Accepts the one context in a transfer syntax of our choice."""

    async def step(talk: Conversation) -> None:
        request = await talk.read_association()
        assert request is not None
        talk.established()
        (proposal,) = request.proposals
        only = pdu.Proposal(1, proposal.abstract_syntax, (transfer_syntax,))
        chosen = pdu.AssociateRequest(
            request.called_ae, request.calling_ae, (only,), request.raw
        )
        await talk.send(pdu.associate_ac(chosen))

    return step


def element(tag: int, vr: str, value: bytes) -> bytes:
    """An element with a short VR in Explicit VR Little Endian."""
    return pdu.data_set([pdu.DataElement(tag, vr.encode(), value)])


def people(count: int, *, status: int = steps.PENDING) -> Step:
    """Matches with a name each."""
    return steps.matches(count, status=status, build=_person)


def _person(_: Request, index: int) -> bytes:
    return element(0x00100010, "PN", b"Scripted^%02d " % index)


def these(payloads: Sequence[bytes]) -> Step:
    """Matches with these Identifiers."""
    return steps.matches(len(payloads), build=lambda _, index: payloads[index])


def answering(start: StartPeer, count: int = 1) -> ScriptedPeer:
    """A peer that answers every request in full."""
    return start(people(count), steps.final())


def message_ids(peer: ScriptedPeer) -> list[int]:
    """Of all requests that a peer has seen."""
    return [request.message_id for request in peer.seen.requests]
