"""Real SCPs behind TLS: stunnel before DCMTK's, and Orthanc with DICOM TLS."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.pki import Authority, Identity
from tests.peers.processes import LOOPBACK, free_port, listening, require, serving
from tests.peers.real import RealPeer, orthanc

STUNNEL = "/usr/bin/stunnel4"


class Tap:
    """Passes connections on to a server, and counts what the clients say.

    Attributes:
        port: on 127.0.0.1.
        heard: bytes that clients sent, all connections together.
    """

    def __init__(self, port: int) -> None:
        """Begins with `with`.

        Args:
            port: of the server on 127.0.0.1.
        """
        self.heard = 0
        self._server = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._over = False

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        socket.create_connection((LOOPBACK, self.port), timeout=5).close()
        for thread in list(self._threads):
            thread.join(20)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._over:
                client.close()
                return
            thread = threading.Thread(target=self._talk, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, client: socket.socket) -> None:
        with client, socket.create_connection((LOOPBACK, self._server)) as server:
            back = threading.Thread(target=_pass_on, args=(server, client))
            back.start()
            for data in _received(client):
                self.heard += len(data)
                server.sendall(data)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_WR)
            back.join(20)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for data in _received(source):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _received(source: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            yield data


@contextmanager
def stunnel(
    folder: Path,
    peer: RealPeer,
    identity: Identity,
    *,
    trusted: Authority | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[tuple[RealPeer, Tap]]:
    """A peer behind stunnel, and the tap between the two.

    Args:
        folder: for its files.
        peer: that speaks no TLS itself.
        identity: that stunnel shows.
        trusted: issuer of the certificate it demands; None: it demands none.
        options: of its configuration, such as sslVersionMax and ciphers.
    """
    require(STUNNEL)
    certificate, key = identity.files(folder, "stunnel")
    port = free_port()
    with Tap(peer.port) as tap:
        service = {
            "accept": f"{LOOPBACK}:{port}",
            "connect": f"{LOOPBACK}:{tap.port}",
            "cert": str(certificate),
            "key": str(key),
            "TIMEOUTclose": "0",
            **(options or {}),
        }
        if trusted is not None:
            authority = folder / "trusted.pem"
            authority.write_bytes(trusted.pem)
            service |= {"CAfile": str(authority), "verifyChain": "yes"}
        config = folder / "stunnel.conf"
        lines = [f"{name} = {value}" for name, value in service.items()]
        head = ["foreground = yes", "pid =", "debug = 5", "[dicom]"]
        config.write_text("\n".join((*head, *lines, "")))
        log = folder / "stunnel.log"
        with serving([STUNNEL, config], log, lambda: listening(port)):
            yield replace(peer, name="stunnel", port=port), tap


@contextmanager
def orthanc_over_tls(
    folder: Path, identity: Identity, trusted: Authority, *, demanding: bool
) -> Iterator[RealPeer]:
    """Orthanc with its worklist, speaking DICOM over TLS.

    Args:
        folder: for its files.
        identity: that it shows.
        trusted: issuer of the certificates it accepts.
        demanding: it demands a certificate.
    """
    certificate, key = identity.files(folder, "orthanc")
    authority = folder / "trusted.pem"
    authority.write_bytes(trusted.pem)
    options: dict[str, object] = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificate),
        "DicomTlsPrivateKey": str(key),
        "DicomTlsTrustedCertificates": str(authority),
        "DicomTlsRemoteCertificateRequired": demanding,
    }
    with orthanc(folder, options) as peer:
        yield peer
