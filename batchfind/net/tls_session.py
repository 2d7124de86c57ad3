"""One TLS connection without a socket: bytes of the network in, plain bytes out."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any

from batchfind.net.der import DerError
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_suites import iana_name
from batchfind.net.tls_witness import Witness
from batchfind.net.x509 import Certificate

#: Longest plain text of one record, in bytes. Source: RFC 8446 Section 5.1.
_RECORD = 1 << 14
#: First bytes of what a TLS server may answer: an alert or a handshake record.
_TLS_RECORDS = frozenset({0x15, 0x16})


class TlsSession:
    """The client's end of one TLS connection.

    Attributes:
        established: our side of the handshake is done.
        closed: the peer said that it sends no more.
        error: what ended the session early.
        heard: application data arrived.
        foreign: the first byte received, if it begins no TLS record.
        answered: anything at all was received.
        witness: what the peer sent in the handshake.
        settings: under which the session was begun.
    """

    def __init__(
        self,
        connection: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        witness: Witness,
        settings: TlsSettings,
    ) -> None:
        self.witness = witness
        self.settings = settings
        self.established = False
        self.closed = False
        self.heard = False
        self.error: ssl.SSLError | None = None
        self.foreign: int | None = None
        self.answered = False
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The certificates that the peer sent, its own first, as far as is known."""
        if self.witness.chain or not self.established:
            return self.witness.chain
        with suppress(DerError):
            return (Certificate.parse(self.certificate()),)
        return ()

    @property
    def version(self) -> str:
        """Of the protocol: `TLSv1.3`; empty before it is agreed."""
        return self._connection.version() or ""

    @property
    def facts(self) -> str:
        """Version and IANA name of the cipher suite, or empty."""
        cipher = self._connection.cipher()
        return f"{self.version} {iana_name(cipher[0])}" if cipher else ""

    def certificate(self) -> bytes:
        """The peer's certificate in DER; empty when it showed none."""
        return self._connection.getpeercert(binary_form=True) or b""

    def alternative_names(self) -> tuple[tuple[str, str], ...]:
        """Kind and value of the names that the verified certificate is issued for."""
        found: Any = (self._connection.getpeercert() or {}).get("subjectAltName", ())
        return tuple((str(kind), str(value)) for kind, value in found)

    def start(self) -> bytes:
        """Begins the handshake; returns what has to be sent."""
        self._shake()
        return self.output()

    def receive(self, data: bytes) -> bytes:
        """Takes bytes of the network; returns the plain bytes in them.

        Afterwards `output` may have something to send, and `closed` and `error`
        tell whether anything more will come.
        """
        if self.error is not None or not data:
            return b""
        if not self.answered:
            self.answered = True
            self.foreign = None if data[0] in _TLS_RECORDS else data[0]
        self._incoming.write(data)
        if not self.established:
            self._shake()
        return self._read() if self.established else b""

    def seal(self, data: bytes) -> bytes:
        """What has to be sent so that the peer receives these plain bytes."""
        if self.error is not None or not self.established:
            return b""
        try:
            self._connection.write(data)
        except ssl.SSLError as error:
            self.error = error
        return self.output()

    def output(self) -> bytes:
        """What the session itself wants to send: its handshake, alerts, key updates."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """The closing alert, if there is anything to close."""
        if self.established and self.error is None:
            with suppress(ssl.SSLError):  # the peer's own alert is not waited for
                self._connection.unwrap()
        return self.output()

    def _shake(self) -> None:
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self.error = error
            return
        self.established = True

    def _read(self) -> bytes:
        parts = []
        try:
            while part := self._connection.read(_RECORD):
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        except ssl.SSLError as error:
            self.error = error
        self.heard = self.heard or bool(parts)
        return b"".join(parts)
