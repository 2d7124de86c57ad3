"""DCMTK's and Orthanc's SCPs, filled with the data of the interop tests."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batchfind.demo.archive import shipped_files
from tests.peers.processes import (
    AT_ONCE,
    LOOPBACK,
    free_port,
    listening,
    require,
    serving,
)

DUMP2DCM = "/usr/bin/dump2dcm"
STORESCU = "/usr/bin/storescu"
WLMSCPFS = "/usr/bin/wlmscpfs"
DCMQRSCP = "/usr/bin/dcmqrscp"
ORTHANC = "/usr/sbin/Orthanc"
ORTHANC_WORKLISTS = "/usr/share/orthanc/plugins/libModalityWorklists.so"
EXAMPLES = "/usr/share/doc/dcmtk/examples/wlistdb/OFFIS"


@dataclass(frozen=True, slots=True)
class RealPeer:
    """A running SCP.

    Attributes:
        name: of the program.
        port: on 127.0.0.1.
        called_ae: AE title it answers to.
    """

    name: str
    port: int
    called_ae: str


@contextmanager
def wlmscpfs(
    folder: Path, *options: str, dumps: Path = Path(EXAMPLES)
) -> Iterator[RealPeer]:
    """DCMTK's worklist SCP.

    Args:
        folder: for its files.
        options: of the program.
        dumps: the worklist; by default the examples of DCMTK's documentation.
    """
    require(WLMSCPFS, DUMP2DCM, str(dumps))
    _worklist_files(folder / "OFFIS", dumps)
    port = free_port()
    command: list[str | Path] = [WLMSCPFS, *options, "-dfp", folder, str(port)]
    with serving(command, folder / "wlmscpfs.log", lambda: listening(port)):
        yield RealPeer("wlmscpfs", port, "OFFIS")


@contextmanager
def dcmqrscp(folder: Path, stored: Sequence[Path] = ()) -> Iterator[RealPeer]:
    """DCMTK's image archive.

    Args:
        folder: for its files.
        stored: files it holds; by default pydicom's test files.
    """
    require(DCMQRSCP, STORESCU)
    store = folder / "store"
    store.mkdir()
    config = folder / "dcmqrscp.cfg"
    config.write_text(_DCMQRSCP_CONFIG.format(store=store))
    port = free_port()
    command: list[str | Path] = [DCMQRSCP, "-c", config, str(port)]
    with serving(command, folder / "dcmqrscp.log", lambda: listening(port)):
        _store_files(port, "DCMQR", stored or _test_files())
        yield RealPeer("dcmqrscp", port, "DCMQR")


@contextmanager
def orthanc(
    folder: Path,
    options: Mapping[str, object] | None = None,
    stored: Sequence[Path] = (),
) -> Iterator[RealPeer]:
    """Orthanc with its worklist plugin, holding the same files and worklist.

    Args:
        folder: for its files.
        options: of its configuration; with any of them it holds no other files than
            those that are given.
        stored: files it holds.
    """
    require(ORTHANC, ORTHANC_WORKLISTS, STORESCU, DUMP2DCM, EXAMPLES)
    _worklist_files(folder / "worklists", Path(EXAMPLES))
    http, port = free_port(), free_port()
    config = folder / "orthanc.json"
    settings = {**_orthanc_config(folder, http, port), **(options or {})}
    config.write_text(json.dumps(settings))
    with serving(
        [ORTHANC, config], folder / "orthanc.log", lambda: _rest_answers(http)
    ):
        files = stored or (() if options else _test_files())
        if files:
            _store_files(port, "ORTHANC", files)
        yield RealPeer("orthanc", port, "ORTHANC")


_DCMQRSCP_CONFIG = """
NetworkTCPPort = 0
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
DCMQR {store} RW (500, 1024mb) ANY
AETable END
"""


def _orthanc_config(folder: Path, http: int, port: int) -> dict[str, object]:
    return {
        "Name": "BATCHFIND",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http,
        "HttpBindAddresses": [LOOPBACK],
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "DicomAet": "ORTHANC",
        "DicomPort": port,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowFindWorklist": True,
        "DicomAlwaysAllowStore": True,
        "DicomThreadsCount": 8,
        "LimitFindResults": 0,
        "LimitFindInstances": 0,
        "Plugins": [ORTHANC_WORKLISTS],
        "Worklists": {"Enable": True, "Database": str(folder / "worklists")},
    }


def _worklist_files(folder: Path, dumps: Path) -> None:
    folder.mkdir()
    (folder / "lockfile").touch()
    for dump in sorted(dumps.glob("*.dump")):
        target = folder / f"{dump.stem}.wl"
        subprocess.run([DUMP2DCM, "-q", dump, target], check=True)


def _store_files(port: int, called_ae: str, files: Sequence[Path]) -> None:
    """Sends files; those that are no objects at all are passed over."""
    command = [STORESCU, "-q", "-nh", "-aec", called_ae, LOOPBACK, str(port)]
    subprocess.run([*command, *files], check=False, env=AT_ONCE, capture_output=True)


def _test_files() -> list[Path]:
    """pydicom's, of which some are no objects at all."""
    return [path for path in shipped_files() if path.suffix in {".dcm", ""}]


def _rest_answers(http: int) -> bool:
    url = f"http://{LOOPBACK}:{http}/system"
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
