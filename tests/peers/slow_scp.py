"""A slow SCP in a process of its own: `python -m tests.peers.slow_scp LOG SECONDS`.

It prints its port and serves until its stdin ends. An answer depends on nothing but
the request: 1 to 3 studies, by the number at the end of the PatientID. Each PatientID
is a line of LOG before it is answered, SECONDS later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tests.peers import pdu, steps
from tests.peers.scripted import Request, ScriptedPeer, Step

PATIENT_ID = 0x0010_0020
DATES = ("20260102", "20260203", "20260304", "20260405")
_ROOT = "1.2.826.0.1.3680043.10.1505.9"


def responses_to(patient: str) -> int:
    """How many studies a patient has."""
    return 1 + int(patient[1:]) % 3


def patient_of(request: Request) -> str:
    """The PatientID asked for."""
    (found,) = (one.value for one in request.elements if one.tag == PATIENT_ID)
    return found.decode().strip()


def study(request: Request, index: int) -> bytes:
    """A study of the patient asked for."""
    number = int(patient_of(request)[1:])
    values = {
        b"DA": DATES[(number + index) % len(DATES)].encode(),
        b"UI": pdu.text(f"{_ROOT}.{number + 1}.{index + 1}", b"\0"),
        b"PN": pdu.text(f"Fictional^Nr{number}"),
        b"LO": pdu.text(f"study {index} of {number}"),
    }
    elements = [
        one
        if one.value or one.vr not in values
        else pdu.DataElement(one.tag, one.vr, values[one.vr])
        for one in request.elements
    ]
    return pdu.data_set(elements, request.transfer_syntax)


def main() -> None:
    """Serves until nobody is there any more."""
    path, seconds = sys.argv[1], float(sys.argv[2])
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def script(request: Request) -> Sequence[Step]:
        patient = patient_of(request)
        os.write(log, f"{patient}\n".encode())
        count = responses_to(patient)
        found = steps.matches(count, build=study)
        return [steps.delay(seconds), found, steps.final()]

    with ScriptedPeer(script=script) as peer:
        os.write(1, f"{peer.port}\n".encode())
        while os.read(0, 4096):
            pass


if __name__ == "__main__":
    main()
