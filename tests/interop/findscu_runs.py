"""A case of the matrix, run by both programs at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.interop.findscu_cases import Case, Differs
from tests.interop.findscu_peers import Peers, Seats
from tests.interop.side_by_side import Outcome, Place, findscu, ours
from tests.peers.processes import LOOPBACK


@dataclass(frozen=True, slots=True)
class Run:
    """A case, and what came of it.

    Attributes:
        job: folder for a job.
    """

    case: Case
    seats: Seats
    theirs: Outcome
    ours: Outcome
    job: Path

    def differs(self, how: Differs) -> bool:
        """Whether the two programs differ on purpose, in this way."""
        return how in self.case.differs


def run_both(case: Case, peers: Peers, material: Path, base: Path) -> Run:
    """Runs both, each in a folder and at a seat of its own."""
    seats = peers.seats(case.peer)
    places = []
    environment = {"DCMDICTPATH": dictionary_path()} if case.dictionary else {}
    for name, seat in zip(("theirs", "ours"), seats, strict=True):
        folder = new_folder(base / name, material)
        places.append(Place(folder, seat.relay, environment))
        if seat.relay is not None:
            seat.relay.taken()  # of a job that failed
            seat.relay.held = case.held
    lines = [command_line(case, seats, number) for number in range(2)]
    with findscu(lines[0], places[0]) as outcomes:
        mine = ours(lines[1], places[1])
    return Run(case, seats, outcomes[0], mine, new_folder(base / "job", material))


def dictionary_path() -> str:
    """DCMDICTPATH for the dictionary files that DCMTK brings."""
    (folder,) = Path("/usr/share").glob("libdcmtk*")
    return f"{folder}/dicom.dic:{folder}/private.dic"


def new_folder(folder: Path, material: Path) -> Path:
    """Makes a working directory with `in` and `out`."""
    (folder / "out").mkdir(parents=True)
    (folder / "in").symlink_to(material)
    return folder


def command_line(case: Case, seats: Seats, number: int) -> list[str]:
    """The words of a case behind those that name the peer."""
    seat = seats[number]
    called = [] if case.uses("-aec") else ["-aec", seat.called_ae]
    return [*called, LOOPBACK, str(seat.port), *case.words]
