"""The peers of the matrix, each twice: once for findscu and once for batchfind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.interop.findscu_material import write_names
from tests.peers.pki import Pki
from tests.peers.processes import LOOPBACK, free_port, listening, require, serving
from tests.peers.real import RealPeer, wlmscpfs
from tests.peers.recorder import Recorder
from tests.peers.secured import STUNNEL, orthanc_over_tls

GetPeer = Callable[[str], RealPeer]

_PREFERRING = {"big": "+xb", "deflated": "+xd"}
_VERSIONS = {"tls-1.2": "TLSv1.2", "tls-1.3": "TLSv1.3"}

#: stunnel as the most obliging of servers: every version, every suite.
_OBLIGING = {
    "sslVersionMin": "TLSv1",
    "ciphers": "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
    "securityLevel": "0",
}


@dataclass(frozen=True, slots=True)
class Seat:
    """Where one program meets a peer.

    Attributes:
        called_ae: of the peer.
        port: on 127.0.0.1.
        relay: what passes it; None where nobody listens in.
    """

    called_ae: str
    port: int
    relay: Recorder | None = None


Seats = tuple[Seat, Seat]
"""That of findscu, and ours."""


class Peers:
    """Starts peers when they are first asked for, and keeps them."""

    def __init__(
        self, running: ExitStack, folder: Path, pki: Pki, get_peer: GetPeer
    ) -> None:
        """Takes what it needs.

        Args:
            running: ends everything that was started.
            folder: for files of servers.
            pki: certificates.
            get_peer: starts wlmscpfs, dcmqrscp or orthanc.
        """
        self._running = running
        self._folder = folder
        self._pki = pki
        self._get_peer = get_peer
        self._seats: dict[str, Seats] = {}

    def seats(self, name: str) -> Seats:
        """Seats at a peer.

        Args:
            name: `wlmscpfs`, `dcmqrscp`, `orthanc`; `big`, `deflated`, `characters`
                for a wlmscpfs that prefers a transfer syntax, or holds names in
                many character sets; `tls`, `tls-strict`, `tls-1.2`, `tls-1.3` for
                stunnel before wlmscpfs; `tls-orthanc`; `nobody`.
        """
        if name not in self._seats:
            self._seats[name] = self._start(name)
        return self._seats[name]

    def _start(self, name: str) -> Seats:
        if name == "nobody":
            return (Seat("NOBODY", free_port()), Seat("NOBODY", free_port()))
        if name == "tls-orthanc":
            return self._orthanc()
        if name.startswith("tls"):
            return self._stunnel(name)
        if name == "characters":
            dumps = self._folder / "dumps"
            dumps.mkdir()
            write_names(dumps)
            return self._worklist(name, "-csk", dumps=dumps)
        if name in _PREFERRING:
            return self._worklist(name, _PREFERRING[name])
        return self._plain(self._get_peer(name))

    def _worklist(self, name: str, *options: str, **more: Path) -> Seats:
        folder = self._folder / name
        folder.mkdir()
        peer = wlmscpfs(folder, *options, **more)
        return self._plain(self._running.enter_context(peer))

    def _plain(self, peer: RealPeer) -> Seats:
        first, second = (
            self._running.enter_context(Recorder(peer.port)) for _ in range(2)
        )
        return (
            Seat(peer.called_ae, first.port, first),
            Seat(peer.called_ae, second.port, second),
        )

    def _orthanc(self) -> Seats:
        folder = self._folder / "orthanc-tls"
        folder.mkdir()
        peer = self._running.enter_context(
            orthanc_over_tls(
                folder, self._pki.peer, self._pki.authority, demanding=True
            )
        )
        return (Seat(peer.called_ae, peer.port), Seat(peer.called_ae, peer.port))

    def _stunnel(self, name: str) -> Seats:
        """Behind it stand relays of its own, where nothing is secret any more."""
        require(STUNNEL)
        certificate, key = self._pki.peer.files(self._folder, "peer")
        behind = self._plain(self._get_peer("wlmscpfs"))
        ports = (free_port(), free_port())
        lines = ["foreground = yes", "pid =", "debug = 5"]
        for number, (port, seat) in enumerate(zip(ports, behind, strict=True)):
            service = {
                "accept": f"{LOOPBACK}:{port}",
                "connect": f"{LOOPBACK}:{seat.port}",
                "cert": str(certificate),
                "key": str(key),
                "TIMEOUTclose": "0",
                **self._conduct(name),
            }
            lines += [f"[dicom{number}]"]
            lines += [f"{field} = {value}" for field, value in service.items()]
        config = self._folder / f"{name}.conf"
        config.write_text("\n".join((*lines, "")))
        log = self._folder / f"{name}.log"
        self._running.enter_context(
            serving([STUNNEL, config], log, lambda: all(map(listening, ports)))
        )
        for seat in behind:
            assert seat.relay is not None
            seat.relay.taken()  # that the server listens was asked through it
        first, second = (
            Seat(seat.called_ae, port, seat.relay)
            for seat, port in zip(behind, ports, strict=True)
        )
        return first, second

    def _conduct(self, name: str) -> Mapping[str, str]:
        """How stunnel treats clients."""
        if name in _VERSIONS:
            return {"sslVersion": _VERSIONS[name]}
        if name != "tls-strict":
            return _OBLIGING
        authority = self._folder / "ca.pem"
        authority.write_bytes(self._pki.authority.pem)
        return {**_OBLIGING, "CAfile": str(authority), "verifyChain": "yes"}
