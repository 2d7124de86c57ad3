"""One command line run by findscu and by `batchfind findscu`, each through a relay."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from batchfind.cli.main import execute
from tests.interop.answers import FINDSCU
from tests.interop.streams import Streams
from tests.peers.exchange import Exchange
from tests.peers.processes import AT_ONCE
from tests.peers.recorder import Recorder

_INSIDES = re.compile(
    r"T: |D: (?:\$dcmtk|$|Our Implementation|DcmDataDictionary|DcmDataset|DcmFileFormat"
    r"|DcmMetaInfo|setting network|DULFSM|Constructing|Parsing|PDU Type"
    r"|(?:  [0-9a-f]{2})+$)"
    r"|E: OpenSSL error|W: (?:Certificate hash key|Ciphersuite .* uses (?:NO )?RSA)"
    r"|W: unable to load CRL"
)
"""What findscu alone tells, of its own insides."""

_TLS_DETAILS = re.compile(
    r"^D: =+ BEGIN TLS (?:.*\n)*?D: =+ END TLS .*\n", re.MULTILINE
)

_HEADING = re.compile(r"\A(?:\$dcmtk.*|batchfind findscu .*)(?:\n.*)*?(?=\nerror: )")
"""Before what is wrong with a command line."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one program did with a command line.

    Attributes:
        code: its exit code.
        stdout, stderr: what it printed.
        files: what it wrote, by the name relative to its folder.
        exchanges: its connections to the peer.
    """

    code: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]
    exchanges: list[Exchange]

    def said(self, port: int) -> list[str]:
        """The lines on stderr that both programs have to say alike.

        Args:
            port: at which it met the peer; it is the only word that may differ.
        """
        text = self.stderr.decode("utf-8", "surrogateescape")
        text = text.replace(f"'{FINDSCU}'", "'batchfind findscu'")
        text = _TLS_DETAILS.sub("", text)
        text = _HEADING.sub("", re.sub(rf"\b{port}\b", "PORT", text))
        return [line for line in text.splitlines() if not _INSIDES.match(line)]

    @property
    def matches(self) -> list[bytes]:
        """Identifiers of all pending responses that reached it."""
        return [match for each in self.exchanges for match in each.matches]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program works.

    Attributes:
        folder: its working directory.
        relay: before the peer; None where the peer is not to be recorded.
        environment: variables that are added.
    """

    folder: Path
    relay: Recorder | None
    environment: Mapping[str, str] = field(default_factory=dict)

    def outcome(self, code: int, stdout: bytes, stderr: bytes) -> Outcome:
        exchanges = [] if self.relay is None else self.relay.taken()
        return Outcome(code, stdout, stderr, written(self.folder), exchanges)


def written(folder: Path) -> dict[str, bytes]:
    """The files below a folder, but for what links to elsewhere."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@contextlib.contextmanager
def findscu(words: Sequence[str], place: Place) -> Iterator[list[Outcome]]:
    """Runs DCMTK's findscu while the context lasts, and gives its outcome after."""
    outcomes: list[Outcome] = []
    with subprocess.Popen(
        [FINDSCU, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=place.folder,
        env={**AT_ONCE, **place.environment},
    ) as process:
        try:
            yield outcomes
            stdout, stderr = process.communicate(timeout=30)
        finally:
            process.kill()
    outcomes.append(place.outcome(process.returncode, stdout, stderr))


def ours(words: Sequence[str], place: Place) -> Outcome:
    """Runs `batchfind` within this process, as its own process would."""
    with pytest.MonkeyPatch.context() as patch, Streams() as streams:
        patch.chdir(place.folder)
        for name, value in place.environment.items():
            patch.setenv(name, value)
        code = execute(["findscu", *words])
    return place.outcome(code, streams.stdout, streams.stderr)
