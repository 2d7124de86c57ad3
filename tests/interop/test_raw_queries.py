"""A raw query sends what findscu sends, byte for byte."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import batchfind
from batchfind.dicom.encode import encode
from batchfind.dicom.findscu_keys import KeyRefused, apply_key
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.scalar import inflate
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from batchfind.sources.identifiers import read_identifier
from tests.interop.answers import FINDSCU
from tests.peers import pdu
from tests.peers.processes import require
from tests.peers.scripted import ScriptedPeer
from tests.peers.steps import final

pytestmark = pytest.mark.interop

StartPeer = Callable[..., ScriptedPeer]


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments of `-k`, and the keys of a job that say the same."""

    arguments: tuple[str, ...]
    keys: Mapping[str, Any]


STEP = "ScheduledProcedureStepSequence"
SIEMENS = "SIEMENS CT VA0  COAD"
CASES = {
    "keyword": Case(("PatientName=A^B=C",), {"PatientName": "A^B=C"}),
    "tag": Case(("10,30=19700101",), {"0010,0030": "19700101"}),
    "tag-in-parentheses": Case(("(0010,0020)=x",), {"(0010,0020)": "x"}),
    "no-value": Case(("PatientID", "0008,0050="), {"PatientID": "", "00080050": ""}),
    "leading-space": Case(("PatientName= x",), {"PatientName": " x"}),
    "trailing-backslash": Case(("PatientName=a\\",), {"PatientName": "a\\"}),
    "list": Case(("Modality=CT\\MR",), {"Modality": ["CT", "MR"]}),
    "nonsense": Case(("StudyDate=garbage",), {"StudyDate": "garbage"}),
    "dashed-date": Case(("StudyDate=2026-01-02",), {"StudyDate": "2026-01-02"}),
    "utf-8": Case(("PatientName=Müller*",), {"PatientName": "Müller*"}),
    "beyond-a-code": Case(("Modality=Ü",), {"Modality": "Ü"}),
    "utf-8-declared": Case(
        ("SpecificCharacterSet=ISO_IR 192", "PatientName=山田*"),
        {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "山田*"},
    ),
    "level": Case(
        ("QueryRetrieveLevel=STUDY", "StudyInstanceUID"),
        {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""},
    ),
    "no-items": Case((STEP,), {STEP: ""}),
    "empty-item": Case((f"{STEP}[0]",), {f"{STEP}[0]": ""}),
    "empty-mapping": Case((f"{STEP}[0]",), {STEP: {}}),
    "three-items": Case((f"{STEP}[2].Modality=CT",), {f"{STEP}[2].Modality": "CT"}),
    "two-items": Case(
        (f"{STEP}[0].Modality=CT", f"{STEP}[1].0040,0002=20260101"),
        {
            f"{STEP}[0]": {"Modality": "CT"},
            f"{STEP}[1].ScheduledProcedureStepStartDate": "20260101",
        },
    ),
    "nested": Case(
        (f"{STEP}[0].0040,0008[0].0008,0100=X",),
        {STEP: {"ScheduledProtocolCodeSequence": {"CodeValue": "X"}}},
    ),
    "tags-on-the-way": Case(
        ("0040,0100[0].0008,0060=CT",), {"0040,0100[0].0008,0060": "CT"}
    ),
    "whole-then-inner": Case(
        (STEP, f"{STEP}[0].Modality=CT"), {STEP: "", f"{STEP}[0].Modality": "CT"}
    ),
    "unsigned": Case(("Rows=5\\70000\\-1",), {"Rows": "5\\70000\\-1"}),
    "signed": Case(("0018,6020=-5",), {"ReferencePixelX0": "-5"}),
    "double": Case(("0018,9073=1.5e3",), {"AcquisitionDuration": "1.5e3"}),
    "float": Case(("0072,0076=.1",), {"SelectorFLValue": ".1"}),
    "wide": Case(("0072,0083=-1",), {"SelectorUVValue": "-1"}),
    "attribute-tag": Case(
        ("0028,0009=(0018,1063)\\(10,20)",),
        {"FrameIncrementPointer": "(0018,1063)\\(10,20)"},
    ),
    "unknown": Case(("0019,1010=01\\0a\\ff",), {"0019,1010": "01\\0a\\ff"}),
    "words": Case(("7fe0,0010=0102\\0304",), {"PixelData": "0102\\0304"}),
    "decimal-words": Case(("0066,0040=1\\256",), {"0066,0040": "1\\256"}),
    "real-words": Case(("0066,0016=1.5",), {"PointCoordinatesData": "1.5"}),
    "creator-first": Case(
        (f"0019,0010={SIEMENS}", "0019,1050=1"),
        {"0019,0010": SIEMENS, "0019,1050": "1"},
    ),
    "creator-after": Case(
        ("0019,1050=01", f"0019,0010={SIEMENS}"),
        {"0019,1050": "01", "0019,0010": SIEMENS},
    ),
    "private-with-creator": Case(
        (f"0019,0010={SIEMENS}", "0019,1050=1"), {f'0019,"{SIEMENS}",50': "1"}
    ),
    "reserved-element": Case(("0009,0001=12",), {"0009,0001": "12"}),
    "group-length": Case(
        ("0008,0000=0", "Modality=CT"), {"0008,0000": "0", "Modality": "CT"}
    ),
    "overlay": Case(("6002,0010=5",), {"6002,0010": "5"}),
}


def findscu(
    peer: ScriptedPeer,
    keys: Sequence[str],
    *files: Path,
    options: Sequence[str] = (),
) -> list[str]:
    """What findscu says on stderr, line by line."""
    require(FINDSCU)
    options = [*options, *(part for key in keys for part in ("-k", key))]
    command = [FINDSCU, "-S", *options, "127.0.0.1", str(peer.port), *map(str, files)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=30)
    return done.stderr.decode().splitlines()


def sent_by_findscu(
    peer: ScriptedPeer, keys: Sequence[str], *files: Path
) -> list[bytes]:
    """The Identifiers of one call of findscu."""
    before = len(peer.seen.requests)
    findscu(peer, keys, *files)
    return [one.identifier for one in peer.seen.requests[before:]]


def sent_by_job(
    peer: ScriptedPeer,
    folder: Path,
    queries: Mapping[str, Mapping[str, Any]],
    fields: Mapping[str, Any] | None = None,
) -> list[bytes]:
    """The Identifiers of a job's queries, one after another."""
    before = len(peer.seen.requests)
    job = {
        "version": 1,
        "name": "raw",
        "peers": {
            "pacs": {
                "host": "127.0.0.1",
                "port": peer.port,
                "transfer_syntaxes": "local",
                "limits": {"associations": 1},
                **(fields or {}),
            }
        },
        "queries": {
            name: {"model": "study", "raw": True, **query}
            for name, query in queries.items()
        },
    }
    path = folder / "job.yaml"
    path.write_text(json.dumps(job), "utf-8")
    # The peer finds nothing, so it may not have understood keys beyond ASCII.
    causes = {one.cause.code for one in batchfind.run(path).requests if one.cause}
    assert causes <= {"charset-unproven"}
    return [one.identifier for one in peer.seen.requests[before:]]


class TestKeys:
    def test_are_those_of_findscu(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(final())
        theirs = {
            name: sent_by_findscu(peer, case.arguments) for name, case in CASES.items()
        }
        ours = sent_by_job(
            peer, tmp_path, {name: {"keys": case.keys} for name, case in CASES.items()}
        )
        assert theirs == {name: [one] for name, one in zip(CASES, ours, strict=True)}

    def test_of_the_command_are_those_of_findscu(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(final())
        for case in CASES.values():
            identifier: Identifier = ()
            for argument in case.arguments:
                identifier = apply_key(identifier, argument)
            sent = sent_by_findscu(peer, case.arguments)
            assert sent == [encode(identifier, EXPLICIT_LE, ())]

    @pytest.mark.parametrize(
        "argument",
        [
            *(" PatientName=x", "PatientName =x", "00100020=1", "Foo=x", "=x"),
            *(f"{STEP}=x", f"{STEP}[0]=x", f"{STEP}.Modality=x", "Pat*=x"),
            *(f"{STEP}[*].Modality=x", "PatientName[0]=x", "(0010,0020=1"),
            *("(0010,0020)x=1", "0010 ,0020=1", "(x,y)=1", "(0040,0100).x=1"),
            *("0040,0100[-1].Modality=CT", "0040,0100[].Modality=CT", "[0]"),
            *("0040,0100[0", "0040,0100[0]Modality=CT", "fffe,e000=1"),
            *("0028,0009=00181063", "0028,0010=x", "0028,0010=5\\", "0018,9073=abc"),
            *("0019,1010=xyz", "0019,1010=01\\\\02", "7fe0,0010=zz", "0072,0082=x"),
        ],
    )
    def test_are_refused_in_findscus_words(
        self, scripted_peer: StartPeer, argument: str
    ) -> None:
        peer = scripted_peer(final())
        said = findscu(peer, [argument])[-1]
        with pytest.raises(KeyRefused) as caught:
            apply_key((), argument)
        assert said == f"E: Find SCU Failed: {caught.value.code} {caught.value.message}"


NEW = {
    "0009,1010": "01\\02\\03",
    "0008,0120": "http://x/",
    "0008,0119": "abc",
    "0066,0016": "1",
    "7fe0,0009": "1",
    "0066,0040": "1",
    "0072,0081": "1",
    "0072,0082": "-1",
    "0072,0083": "1",
    "0040,a160": "text",
    "0042,0011": "01",
    "0010,0010": "A",
}


@pytest.fixture
def first_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers accept the transfer syntax that is proposed first."""
    monkeypatch.setattr(
        pdu, "chosen_syntax", lambda proposal: proposal.transfer_syntaxes[0]
    )


@pytest.mark.usefixtures("first_choice")
@pytest.mark.parametrize("syntaxes", ["local", "big", "implicit", "deflated"])
def test_new_vrs_become_ob_as_findscu_makes_them(
    scripted_peer: StartPeer, tmp_path: Path, syntaxes: str
) -> None:
    peer = scripted_peer(final())
    option = {"local": "-x=", "big": "-xb", "implicit": "-xi", "deflated": "-xd"}
    keys = [f"{path}={value}" for path, value in NEW.items()]
    findscu(peer, keys, options=["-u", option[syntaxes]])
    fields = {"transfer_syntaxes": syntaxes, "new_vr": "ob"}
    sent_by_job(peer, tmp_path, {"q": {"keys": NEW}}, fields)
    theirs, ours = peer.seen.requests
    assert ours.transfer_syntax == theirs.transfer_syntax
    assert ours.identifier == theirs.identifier


@pytest.mark.usefixtures("first_choice")
@pytest.mark.parametrize("level", range(10))
def test_deflated_identifiers_hold_the_same(
    scripted_peer: StartPeer, tmp_path: Path, level: int
) -> None:
    peer = scripted_peer(final())
    keys = {"PatientName": "A*" * 30, "PatientID": "x", "StudyInstanceUID": ""}
    arguments = [f"{path}={value}" for path, value in keys.items()]
    findscu(peer, arguments, options=["-xd", "+cl", str(level)])
    fields = {"transfer_syntaxes": "deflated", "deflate_level": level}
    sent_by_job(peer, tmp_path, {"q": {"keys": keys}}, fields)
    theirs, ours = (one.identifier for one in peer.seen.requests)
    assert len(ours) % 2 == 0
    assert inflate(ours, 1 << 20) == inflate(theirs, 1 << 20)


DUMP = """\
(0008,0000) UL 10
(0008,0005) CS [ISO_IR 100]
(0008,0018) UI [1.2.3]
(0008,0060) CS [CT]
(0010,0010) PN [M\xfcller^J\xf6rg ]
(0010,0020) LO
(0010,0030) DA 19500101-
(0018,9087) FD 1.5
(0019,0010) LO [ACME]
(0019,1001) UN 01\\02
(0028,0009) AT (0018,1063)
(0028,0010) US 12\\13
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS MR
(0040,0002) DA
(fffe,e00d) -
(fffe,e0dd) -
(0040,0275) SQ
(fffe,e0dd) -
"""


class TestFiles:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        dump, file = tmp_path / "query.dump", tmp_path / "query.dcm"
        dump.write_bytes(DUMP.encode("latin-1"))
        _dcmtk("dump2dcm", "+te", dump, file)
        return file

    @pytest.mark.parametrize(
        ("syntax", "options"),
        [
            *((syntax, ()) for syntax in ("+te", "+ti", "+tb", "+td")),
            # Nothing tells a deflated data set without file meta information.
            *((syntax, ("-F",)) for syntax in ("+te", "+ti", "+tb")),
        ],
    )
    def test_are_sent_as_findscu_sends_them(
        self,
        scripted_peer: StartPeer,
        tmp_path: Path,
        file: Path,
        syntax: str,
        options: tuple[str, ...],
    ) -> None:
        peer = scripted_peer(final())
        made = tmp_path / "made.dcm"
        _dcmtk("dcmconv", syntax, *options, file, made)
        theirs = sent_by_findscu(peer, [], made)
        assert sent_by_job(peer, tmp_path, {"q": {"files": str(made)}}) == theirs
        identifier = read_identifier(made, as_written=True).identifier
        assert encode(identifier, EXPLICIT_LE, ()) == theirs[0]

    def test_are_overridden_by_every_key(
        self, scripted_peer: StartPeer, tmp_path: Path, file: Path
    ) -> None:
        peer = scripted_peer(final())
        other = tmp_path / "other.dcm"
        _dcmtk("dcmconv", "+ti", file, other)
        arguments = ["Modality=MR", f"{STEP}[0].0040,0001=AE", "0019,1001=ff"]
        arguments += ["0040,0275[0].0040,0007=x", "0032,1060"]
        theirs = sent_by_findscu(peer, arguments, file, other)
        keys = {
            "Modality": "MR",
            STEP: {"ScheduledStationAETitle": "AE"},
            "0019,1001": "ff",
            "RequestAttributesSequence": {"ScheduledProcedureStepDescription": "x"},
            "RequestedProcedureDescription": "",
        }
        query = {"files": [str(file), str(other)], "keys": keys}
        assert sent_by_job(peer, tmp_path, {"q": query}) == theirs


def _dcmtk(tool: str, *arguments: str | Path) -> None:
    require(f"/usr/bin/{tool}")
    command = [f"/usr/bin/{tool}", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
