"""The two demo SCPs on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from socketserver import BaseServer
from typing import Any, Final, TypeAlias

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from batchfind.demo.announcement import PACS_AE, WORKLIST_AE, Announcement, Served
from batchfind.demo.archive import load, shipped_files
from batchfind.demo.capping import Cap, CapStyle
from batchfind.demo.finding import MISMATCH, Finder, QueryRetrieve, Refused, Worklist
from batchfind.demo.invented import instances
from batchfind.demo.pacs_keys import LEVELS
from batchfind.demo.schedule import schedule
from batchfind.demo.wire import identifier_of
from batchfind.dicom.transfer_syntaxes import TITLES

LOOPBACK: Final = "127.0.0.1"

VERIFICATION: Final = "1.2.840.10008.1.1"
PATIENT_ROOT: Final = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT: Final = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_STUDY_ONLY: Final = "1.2.840.10008.5.1.4.1.2.3.1"
MODALITY_WORKLIST: Final = "1.2.840.10008.5.1.4.31"

_CANCELLED: Final = 0xFE00
_OUT_OF_RESOURCES: Final = 0xA700
_ASSOCIATIONS: Final = 256
_POLL_SECONDS: Final = 0.1  # how long closing may have to wait

_Answer: TypeAlias = "tuple[int | Dataset, Dataset | None]"


def serve(
    pacs_port: int,
    worklist_port: int,
    now: datetime,
    announce: Callable[[dict[str, Any]], None],
    stop: threading.Event,
    *,
    studies: int = 0,
    cap: Cap | None = None,
) -> None:
    """Serves both demo peers until told to stop; any called AE title is accepted.

    Args:
        pacs_port: TCP port on loopback, 0 to 65535; 0 lets the system choose.
        worklist_port: likewise.
        now: the clock the worklist is built around; only its day counts.
        announce: called once, when both listen, with the mapping that
            `Announcement` describes.
        stop: ends the service; associations still open are aborted.
        studies: so many invented ones are in the PACS beside the files'.
        cap: of the responses of both peers; None for no limit.

    Raises:
        OSError: when a port cannot be had.
    """
    archive = load(shipped_files(), instances(studies))
    pacs: dict[str, Finder] = {
        PATIENT_ROOT: QueryRetrieve(archive, LEVELS, PACS_AE),
        STUDY_ROOT: QueryRetrieve(archive, LEVELS[1:], PACS_AE),
        PATIENT_STUDY_ONLY: QueryRetrieve(archive, LEVELS[:2], PACS_AE),
    }
    worklist: dict[str, Finder] = {MODALITY_WORKLIST: Worklist(schedule(now.date()))}
    with ExitStack() as open_servers:
        announcement = Announcement(
            Served(open_servers.enter_context(scp(pacs_port, pacs, cap)), PACS_AE),
            Served(
                open_servers.enter_context(scp(worklist_port, worklist, cap)),
                WORKLIST_AE,
            ),
        )
        announce(asdict(announcement))
        stop.wait()


@contextmanager
def scp(
    port: int, finders: Mapping[str, Finder], cap: Cap | None = None
) -> Iterator[int]:
    """One SCP that answers C-ECHO and C-FIND for as long as the context lasts.

    Args:
        port: TCP port on loopback, 0 to 65535; 0 lets the system choose.
        finders: SOP Class UID to the information model that answers it.
        cap: of its responses, or None.

    Yields:
        The port it listens on.

    Raises:
        OSError: when the port cannot be had.
    """
    entity = AE()
    entity.maximum_associations = _ASSOCIATIONS
    for sop_class in (VERIFICATION, *finders):
        entity.add_supported_context(sop_class, list(TITLES))
    server = entity.make_server(
        (LOOPBACK, port),
        evt_handlers=[
            (evt.EVT_CONN_OPEN, _send_at_once),
            (evt.EVT_C_FIND, _answer, [finders, cap]),
        ],
        server_class=_Server,
    )
    accepting = threading.Thread(
        target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True
    )
    accepting.start()
    try:
        yield int(server.server_address[1])
    finally:
        for association in server.active_associations:
            association.abort()
        BaseServer.shutdown(server)
        accepting.join()
        server.server_close()


class _Server(ThreadedAssociationServer):
    """A server whose queue of connections does not overflow under a whole batch."""

    request_queue_size = 128


def _send_at_once(event: evt.Event) -> None:
    """Switches Nagle's algorithm off: it would delay every small answer by 40 ms."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _answer(
    event: evt.Event, finders: Mapping[str, Finder], cap: Cap | None
) -> Iterator[_Answer]:
    """The responses to one C-FIND-RQ; pynetdicom adds the final success itself."""
    try:
        keys = identifier_of(event.identifier)
        findings = finders[str(event.request.AffectedSOPClassUID)].find(keys)
    except Refused as refusal:
        yield _failure(refusal), None
        return
    for number, data_set in enumerate(findings.data_sets):
        if event.is_cancelled:
            yield _CANCELLED, None
            return
        if cap is not None and number == cap.count:
            yield from _capped(event, cap.style)
            return
        yield findings.status, data_set


def _capped(event: evt.Event, style: CapStyle) -> Iterator[_Answer]:
    """The end of an answer that would go on; silently means success."""
    match style:
        case CapStyle.A700:
            status = Dataset()
            status.Status = _OUT_OF_RESOURCES
            status.ErrorComment = "too many matches"
            yield status, None
        case CapStyle.FE00:
            yield _CANCELLED, None
        case CapStyle.ABORT:
            event.assoc.abort()
        case CapStyle.SILENT:
            pass


def _failure(refusal: Refused) -> Dataset:
    """Status, ErrorComment and OffendingElement of a refused request.

    Source: PS3.7 Table 9.3-2 and Annex C.
    """
    status = Dataset()
    status.Status = MISMATCH
    status.ErrorComment = refusal.comment
    if refusal.offending:
        status.OffendingElement = list(refusal.offending)
    return status
