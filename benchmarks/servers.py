"""SCPs on the loopback: the replay SCP, and real archives with a few studies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from benchmarks.measure import require

DCMQRSCP = "/usr/bin/dcmqrscp"
ORTHANC = "/usr/sbin/Orthanc"
_STORESCU = "/usr/bin/storescu"
_LOOPBACK = "127.0.0.1"
_PATIENCE = 30.0
#: Called AE title of both archives.
ARCHIVE = "ARCHIVE"


@contextmanager
def replay(*options: str) -> Iterator[list[int]]:
    """A replay SCP that is ready to answer, and its ports."""
    root = str(Path(__file__).resolve().parent.parent)
    with subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "benchmarks.replay", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as process:
        if process.stdout is None:  # pragma: no cover
            raise RuntimeError("the replay SCP has no pipes")
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def dcmqrscp(patients: Sequence[str]) -> Iterator[int]:
    """DCMTK's archive with one study of each patient, and its port.

    Raises:
        Missing: it is not on this machine.
    """
    require(DCMQRSCP, _STORESCU)
    with _folder() as folder:
        (folder / "store").mkdir()
        config, port = folder / "dcmqrscp.cfg", _free_port()
        config.write_text(_DCMQRSCP.format(title=ARCHIVE, store=folder / "store"))
        argv = (DCMQRSCP, "-c", str(config), str(port))
        with _serving(argv, folder, lambda: _listens(port)):
            _store(patients, folder, port)
            yield port


@contextmanager
def orthanc(patients: Sequence[str]) -> Iterator[int]:
    """Orthanc with one study of each patient, and its DICOM port.

    Raises:
        Missing: it is not on this machine.
    """
    require(ORTHANC, _STORESCU)
    with _folder() as folder:
        config, port, http = folder / "orthanc.json", _free_port(), _free_port()
        config.write_text(json.dumps(_orthanc(folder, port, http)))
        with _serving((ORTHANC, str(config)), folder, lambda: _answers(http)):
            _store(patients, folder, port)
            yield port


_DCMQRSCP = """
NetworkTCPPort = 0
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{title} {store} RW (500, 1024mb) ANY
AETable END
"""


def _orthanc(folder: Path, port: int, http: int) -> dict[str, object]:
    return {
        "Name": "BENCHMARK",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": http,
        "HttpBindAddresses": [_LOOPBACK],
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "DicomAet": ARCHIVE,
        "DicomPort": port,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowStore": True,
        "LimitFindResults": 0,
    }


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="batchfind-bench-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


@contextmanager
def _serving(
    argv: Sequence[str], folder: Path, ready: Callable[[], bool]
) -> Iterator[None]:
    """Runs a server, as it comes, for as long as the context lasts."""
    log = folder / "server.log"
    ours = {name: it for name, it in os.environ.items() if name != "TCP_NODELAY"}
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 (our own command lines)
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=ours,
            start_new_session=True,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _PATIENCE
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    said = log.read_text(errors="replace")[-500:]
                    raise RuntimeError(f"{argv[0]} does not answer: {said}")
                time.sleep(0.05)
            yield
        finally:
            # the group: dcmqrscp forks a child for every association
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    """One that nobody listened at a moment ago: these servers take no port 0."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection((_LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(http: int) -> bool:
    url = f"http://{_LOOPBACK}:{http}/system"
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _store(patients: Sequence[str], folder: Path, port: int) -> None:
    """Sends one image of each patient."""
    paths = []
    for number, patient in enumerate(patients):
        paths.append(folder / f"{number}.dcm")
        _image(patient, number).save_as(paths[-1], enforce_file_format=True)
    argv = [_STORESCU, "-aec", ARCHIVE, _LOOPBACK, str(port), *map(str, paths)]
    subprocess.run(  # noqa: S603 (DCMTK's own program)
        argv, check=True, capture_output=True, env={**os.environ, "TCP_NODELAY": "1"}
    )


def _image(patient: str, number: int) -> Dataset:
    """One black pixel of a fictional patient."""
    image = Dataset()
    image.SOPClassUID = SecondaryCaptureImageStorage
    root = f"1.2.826.0.1.3680043.10.999.{number + 1}"
    image.StudyInstanceUID, image.SeriesInstanceUID = root, f"{root}.1"
    image.SOPInstanceUID = f"{root}.1.1"
    image.PatientName, image.PatientID = f"Adler^{number}", patient
    image.PatientBirthDate, image.PatientSex = "19700101", "O"
    image.StudyDate, image.StudyTime = "20260101", "120000"
    image.AccessionNumber, image.StudyID = f"A{number}", str(number)
    image.ReferringPhysicianName = "Brandt^Bruno"
    image.StudyDescription, image.Modality = "Fictional", "OT"
    image.SeriesNumber = image.InstanceNumber = 1
    image.Rows = image.Columns = image.SamplesPerPixel = 1
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PhotometricInterpretation = "MONOCHROME2"
    image.PixelData = b"\0\0"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image
