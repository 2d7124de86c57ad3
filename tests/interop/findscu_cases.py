"""The command lines of the matrix, and where the two programs differ on purpose."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Differs(Enum):
    """Why an outcome is not the same; each is asserted where it is named."""

    EXIT_CODE = "ours ends with 1, as the answer failed, is partial or not written"
    REFUSED = "keys in groups 0000 and 0002 are refused"
    WORDS = "our own sentence, where findscu's is about its parser or about OpenSSL"
    EARLY = "what cannot work is refused before connecting, with exit code 1"
    TRUST = "we connect, where this release of findscu cannot make use of a file"
    LOG_FILE = "of a logger.cfg only levels count"
    CHARACTERS = "findscu drops responses, or writes XML that is wrong or none"
    RELEASE = "without a context we release the association, findscu only closes"
    NAMES = "names of private attributes are those of DCMDICTPATH alone"
    LENGTHS = "we show the length of a file's sequence with the keys that are in it"


class Saved(Enum):
    """What becomes of `--save-job`."""

    SAME = "the job validates, runs, and asks and brings the same"
    REFUSED = "no valid job asks this"
    ENDING = "prints something and ends; there is nothing to save"
    CANCELLED = "--save-job names --cancel: the job keeps no response after C-CANCEL"
    LIMITED = "--save-job names -Xlo: a job counts the rows of each request"
    KEY_CHARSET = "--save-job names --key: text goes out in the declared character set"


@dataclass(frozen=True, slots=True)
class Case:
    """One command line.

    Attributes:
        name: of the case, unique.
        peer: name of the seats.
        words: the command line without peer, port and `-aec`.
        differs: in what.
        saved: what becomes of `--save-job`.
        held: final response kept back until C-CANCEL; 0 for none.
        dictionary: DCMDICTPATH names DCMTK's dictionary.
    """

    name: str
    peer: str
    words: tuple[str, ...]
    differs: frozenset[Differs] = frozenset()
    saved: Saved = Saved.SAME
    held: int = 0
    dictionary: bool = False

    def uses(self, *names: str) -> bool:
        """Whether one of these options is on the command line."""
        return not {*names}.isdisjoint(self.words)


def _cases() -> Iterator[Case]:
    peers: list[str] = []
    for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            peers = line.strip("[]").split()
        elif line and not line.startswith("#"):
            yield from (_case(peer, line) for peer in peers)


_LINE = re.compile(r"([a-z0-9-]+): (.*?)(?: +!! (.*))?")


def _case(peer: str, line: str) -> Case:
    match = _LINE.fullmatch(line)
    assert match is not None, line
    name, words, told = match.groups(default="")
    notes = told.split()
    values = dict(note.split("=") for note in notes if "=" in note)
    return Case(
        name if peer == "wlmscpfs" else f"{peer}-{name}",
        peer,
        tuple(word.replace("%FC", "\udcfc") for word in shlex.split(words)),
        frozenset(Differs[note] for note in notes if note.isupper()),
        Saved[values.get("job", "SAME")],
        held=int(values.get("held", 0)),
        dictionary="dictionary" in notes,
    )


CASES = tuple(_cases())
